"""What a program says of itself: which equations each statement is for."""
