"""Fewer operations: each value is computed once, and only where something reads it."""
