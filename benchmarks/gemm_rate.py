"""The fastest matrix product of this machine, for the time of all products at that rate.

    python -m benchmarks.gemm_rate

prints it in operations per second, float32, on as many threads as the environment says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from timeit import Timer

from benchmarks.timing import limited_to

__all__ = ["SHAPES", "gemm_rate", "measured"]

#: Rows, inner size and columns: few rows by square weights, and large matrices.
SHAPES = (
    (8, 128, 128),
    (32, 128, 128),
    (8, 256, 256),
    (12, 256, 256),
    (512, 512, 512),
    (512, 4096, 1536),
    (2048, 2048, 2048),
)

#: Each shape is timed so often, for so many seconds.
_REPEATS, _SECONDS = 15, 0.02


def gemm_rate() -> float:
    """The largest number of operations per second of any shape, in a process of one thread."""
    command = [sys.executable, "-m", "benchmarks.gemm_rate"]
    environment = os.environ | limited_to(1)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def measured(rows: int, inner: int, columns: int) -> float:
    """Operations per second of one product of float32 matrices that are warm."""
    import numpy as np

    rng = np.random.default_rng(0)
    left = rng.standard_normal((rows, inner)).astype(np.float32)
    right = rng.standard_normal((inner, columns)).astype(np.float32)
    out = np.empty((rows, columns), np.float32)
    timer = Timer(lambda: left.dot(right, out))
    once = min(timer.repeat(3, 1))
    calls = max(1, round(_SECONDS / once))
    seconds = min(timer.repeat(_REPEATS if calls > 1 else 3, calls)) / calls
    return 2 * rows * inner * columns / seconds


if __name__ == "__main__":
    print(max(measured(*shape) for shape in SHAPES))
