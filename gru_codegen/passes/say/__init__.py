"""Attribution: the equations that each statement serves."""
