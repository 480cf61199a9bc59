"""Optimisation of backward loops, which are linear in the adjoints that they compute."""
