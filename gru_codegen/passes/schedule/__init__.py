"""Scheduling: loop fission, loop-invariant code motion, rotation, tiling, unrolling."""
