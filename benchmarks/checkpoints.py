"""`checkpointed` of the reference GRU against `loss_and_gradients` of the same kernel.

    OMP_NUM_THREADS=1 python -m benchmarks.checkpoints

prints for each number of steps and each window the part of the memory that it takes beside its
arguments, and the median of the ratios of CPU time over rounds in which both have their turn.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

import gru_codegen as gc
from benchmarks.sizes import Size

SIZES = (Size(2_000, 8, 16, 32), Size(10_000, 8, 16, 32), Size(2_000, 32, 64, 128))
WINDOWS = (30, 100, 300)
ROUNDS = 3


def memory(call: Callable[[], object]) -> int:
    """The most bytes that NumPy has at a time."""
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def seconds(call: Callable[[], object]) -> float:
    """The CPU time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Print a line for each size and window."""
    kernel: Any = gc.load(gc.GRU, layout="rows")
    for size in SIZES:
        T, B, D, H = size
        rng = np.random.default_rng(0)
        x, y = (rng.standard_normal((T, B, n), dtype=np.float32) for n in (D, H))
        params = kernel.init_params(D, H, rng=0, dtype=np.float32)
        workspace = kernel.Workspace.of(params, B)

        whole = partial(kernel.loss_and_gradients, params, x, y, workspace=workspace)
        most = memory(partial(kernel.loss_and_gradients, params, x, y))
        whole()  # the workspace grows
        for window in WINDOWS:
            cut = partial(gc.checkpointed, kernel, params, x, y, window=window)
            part = most / memory(cut)
            ratios = [seconds(cut) / seconds(whole) for _ in range(ROUNDS)]
            print(
                f"(T, B, D, H) = {tuple(size)}, window {window}: 1/{part:.0f} of the memory, "
                f"{median(ratios):.2f} of the time",
                flush=True,
            )


if __name__ == "__main__":
    main()
