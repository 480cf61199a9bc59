"""Simplification: fewer operations, as classical scalar optimisation of matrices."""
