"""Time a kernel inside torch beside torch.nn.GRU, which computes the same: docs/interop.md has it.

    OMP_NUM_THREADS=1 python -m benchmarks.inside_torch

A step is forward pass, a loss that torch computes, and the gradients of all weights, in float32 on
one thread. The two take turns, and CPU time is counted, so that a busy machine harms both alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import gru_codegen as gc
from benchmarks.sizes import SIZES, Size
from gru_codegen.interop import as_torch_module, from_torch
from gru_codegen.passes import LAYOUTS, Layout

CELL = "gru-reset-after"
#: The CPU time of a turn, in seconds, from which the clock is no matter.
TURN = 0.03


def step(module: Any, x: Any) -> None:
    """One step of training, but for the optimiser."""
    module.zero_grad()
    outputs, _ = module(x)
    outputs.square().sum().backward()


def timed(work: Callable[[], None], calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - start) / calls


def race(size: Size, layout: Layout, rounds: int) -> tuple[Any, Any]:
    """The milliseconds of torch's layer and of the kernel, in every round."""
    torch.manual_seed(0)
    theirs = torch.nn.GRU(size.D, size.H)
    kernel = gc.load(CELL, layout=layout)
    ours = as_torch_module(kernel, kernel.Params(**from_torch(CELL, theirs.state_dict())))
    x = torch.randn(size.T, size.B, size.D)
    with torch.no_grad():
        torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-4, atol=1e-5)
    works = [lambda: step(theirs, x), lambda: step(ours, x)]
    for work in works:
        timed(work, 3)
    calls = max(1, int(TURN / timed(works[0], 3)))
    turns = [[1e3 * timed(work, calls) for work in works] for _ in range(rounds)]
    theirs_took, ours_took = np.transpose(turns)
    return theirs_took, ours_took


def said(numbers: Any, digits: int = 3) -> str:
    """The median, and the quartiles around it."""
    low, middle, high = (f"{n:.{digits}g}" for n in np.percentile(numbers, [25, 50, 75]))
    return f"{middle} ({low} to {high})"


def main() -> None:
    """Print a row of a table for every size and layout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--layout", action="append", choices=LAYOUTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| T, B, D, H | layout | torch.nn.GRU, ms | kernel inside torch, ms | ratio |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        for layout in options.layout or ("rows", "columns"):
            theirs, ours = race(size, layout, options.rounds)
            cells = (f"{size}".replace(",", ", "), layout, said(theirs), said(ours))
            print(f"| {' | '.join(cells)} | {said(ours / theirs, 2)} |", flush=True)


if __name__ == "__main__":
    main()
