"""`credit` of the reference GRU against one gradient of its kernel in the fastest layout.

    OMP_NUM_THREADS=1 python -m benchmarks.credit

prints how many gradients it takes, in float64 and float32: the median of the ratios of 15 rounds
and their quartiles. Both have a Workspace; a round is one sample of each in turn, in CPU time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

import numpy as np

import gru_codegen as gc
from benchmarks.sizes import LAYOUTS, Size
from gru_codegen.passes import Layout

SIZE = Size(50, 32, 2, 38)
ROUNDS = 15


def calls(dtype: Any) -> dict[str, tuple[Callable[[], object], int]]:
    """Name each thing that is timed, with the number of calls of one sample."""
    T, B, D, H = SIZE
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((T, B, size)).astype(dtype) for size in (D, H))

    def of(layout: Layout, function: str, **choices: Any) -> Callable[[], object]:
        kernel = gc.load(gc.GRU, layout=layout, **choices)
        params = kernel.init_params(D, H, rng=0, dtype=dtype)
        there = kernel.Workspace(B, D, H, dtype=dtype)
        return lambda: getattr(kernel, function)(params, x, y, workspace=there)

    timed: dict[str, tuple[Callable[[], object], int]] = {
        layout: (of(layout, "loss_and_gradients"), 10) for layout in LAYOUTS
    }
    return {**timed, "credit": (of("rows", "credit", extras=["credit"]), 1)}


def ratios(dtype: Any) -> tuple[str, list[float]]:
    """The fastest layout, and `credit` in gradients of it, round by round."""
    timed = calls(dtype)
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(ROUNDS + 1):
        for name, (call, count) in timed.items():
            start = time.process_time()
            for _ in range(count):
                call()
            taken[name].append((time.process_time() - start) / count)
    fastest = min(LAYOUTS, key=lambda layout: median(taken[layout]))
    both = zip(taken["credit"][1:], taken[fastest][1:], strict=True)  # the first made the arrays
    return fastest, [ours / one for ours, one in both]


def main() -> None:
    """Print a line for each dtype."""
    print(f"(T, B, D, H) = {tuple(SIZE)}")
    for dtype in (np.float64, np.float32):
        fastest, found = ratios(dtype)
        low, middle, high = quantiles(found, n=4)
        spread = f"{middle:.1f} gradients ({low:.1f} to {high:.1f})"
        print(f"{np.dtype(dtype)}: credit takes as long as {spread}, each in {fastest}")


if __name__ == "__main__":
    main()
