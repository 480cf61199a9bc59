"""The order of operations: out of the loop, rotated in it, in blocks, written out."""
