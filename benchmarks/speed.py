"""Time generated kernels against hand-written NumPy: loss and six gradients of the reference GRU.

    python -m benchmarks.speed [--dtype float64] [--rounds 50] [--json FILE]

Everything runs in one process on one BLAS thread. A round times every contender once, so a machine
that changes its clock slows all of them alike, and the ratios are taken within a round. Times are
CPU times: what other programs do in between does not count.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from functools import partial
from time import process_time
from timeit import Timer
from typing import Any, NamedTuple, TextIO

# BLAS libraries read these once, when NumPy is imported.
os.environ.update(
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    VECLIB_MAXIMUM_THREADS="1",
)

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

import gru_codegen as gc
from benchmarks import hand_written

Array = NDArray[Any]

SECONDS_PER_TIMING = 0.01


class Size(NamedTuple):
    steps: int
    batch_size: int
    input_size: int
    hidden_size: int

    def __str__(self) -> str:
        return f"(T, B, D, H) = {tuple(self)}"


class Problem(NamedTuple):
    """The arguments of one call, in order."""

    params: hand_written.Params
    x: Array
    y: Array
    s0: Array


class Contender(NamedTuple):
    """What is timed: `prepare` does all that is not, and returns the call."""

    name: str
    prepare: Callable[[Problem], Callable[[], Any]]
    goal: float | None = None  # at most this times the peer's time


def peer(problem: Problem) -> Callable[[], Any]:
    return partial(hand_written.loss_and_gradients, *problem)


def kernel(
    style: Any, *, unroll: bool, workspace: bool = True
) -> Callable[[Problem], Callable[[], Any]]:
    def prepare(problem: Problem) -> Callable[[], Any]:
        steps, batch_size, input_size = problem.x.shape
        module = gc.load(gc.GRU, unroll=steps if unroll else None, style=style)
        call = partial(module.loss_and_gradients, *problem)
        if not workspace:
            return call
        sizes = batch_size, input_size, problem.y.shape[2]
        return partial(call, workspace=module.Workspace(*sizes, dtype=problem.x.dtype))

    return prepare


SIZES = [
    Size(32, 8, 16, 32),
]

# The first is the peer that the ratios refer to. A kernel is unrolled to the size's T and keeps a
# Workspace, unless its name says otherwise.
CONTENDERS = [
    Contender("hand-written", peer),
    Contender("fast", kernel("fast", unroll=True), goal=0.6),
    Contender("fast, any T", kernel("fast", unroll=False), goal=0.6),
    Contender("fast, no Workspace", kernel("fast", unroll=True, workspace=False)),
    Contender("textbook", kernel("textbook", unroll=True)),
    Contender("textbook, any T", kernel("textbook", unroll=False)),
]

# Against the hand-written version in float64, relative to each array's largest entry.
TOLERANCES = {"float32": 1e-5, "float64": 1e-12}


def make_problem(size: Size) -> Problem:
    """Return a problem at random, in float64, with weights that saturate no gate."""
    T, B, D, H = size
    rng = np.random.default_rng(0)
    rows = [H if name.startswith("Wrec") else D for name in hand_written.Params._fields]
    weights = (rng.normal(scale=n**-0.5, size=(n, H)) for n in rows)
    return Problem(
        hand_written.Params(*weights),
        x=rng.normal(size=(T, B, D)),
        y=rng.uniform(-0.8, 0.8, size=(T, B, H)),
        s0=rng.uniform(-0.8, 0.8, size=(B, H)),
    )


def cast(problem: Problem, dtype: str) -> Problem:
    params = hand_written.Params(*(W.astype(dtype) for W in problem.params))
    return Problem(params, *(array.astype(dtype) for array in problem[1:]))


def disagreement(result: Any, truth: Any) -> float:
    """Return the largest error of loss, gradients and state, relative to each largest entry."""

    def arrays(result: Any) -> list[Any]:
        loss, gradients, state = result
        return [loss, state, *(getattr(gradients, W) for W in hand_written.Params._fields)]

    return max(
        float(np.max(np.abs(found - true)) / np.max(np.abs(true)))
        for found, true in zip(arrays(result), arrays(truth), strict=True)
    )


def time_interleaved(calls: list[Callable[[], Any]], rounds: int) -> list[list[float]]:
    """Return for each call its seconds per call, one entry per round."""
    timers = [Timer(call, timer=process_time) for call in calls]
    repeats = [max(1, round(SECONDS_PER_TIMING / min(t.repeat(3, 1)))) for t in timers]
    seconds: list[list[float]] = [[] for _ in calls]
    order = list(range(len(calls)))
    for _ in track(range(rounds), "Timing", transient=True, disable=not sys.stdout.isatty()):
        for i in order:
            seconds[i].append(timers[i].timeit(repeats[i]) / repeats[i])
        order.append(order.pop(0))  # nobody always runs in the cache that the same other one left
    return seconds


def compare(size: Size, dtype: str, rounds: int) -> dict[str, list[float]]:
    """Check that all contenders agree, then return the seconds of each, by name and round."""
    exact = make_problem(size)
    truth = peer(exact)()
    calls = [contender.prepare(cast(exact, dtype)) for contender in CONTENDERS]
    for contender, call in zip(CONTENDERS, calls, strict=True):
        error = disagreement(call(), truth)
        if not error <= TOLERANCES[dtype]:
            sys.exit(f"{contender.name} is wrong at {size}: relative error {error:.1e}")
    names = [contender.name for contender in CONTENDERS]
    return dict(zip(names, time_interleaved(calls, rounds), strict=True))


def spread(values: list[float], decimals: int) -> tuple[str, str]:
    """Return the median, and the range from the least to the greatest."""
    median, least, greatest = (
        f"{value:.{decimals}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return median, f"{least}-{greatest}"


def table(size: Size, dtype: str, seconds: dict[str, list[float]]) -> Table:
    """Return the table of one size: times in ms, and ratios to the peer's time."""
    rounds = len(seconds[CONTENDERS[0].name])
    table = Table(
        title=f"{size}, {dtype}, one thread, CPU time, {rounds} rounds", title_justify="left"
    )
    table.add_column("")
    for heading in ("ms", "min-max", "ratio", "min-max", "goal"):
        table.add_column(heading, justify="right")
    for contender in CONTENDERS:
        own, peers = seconds[contender.name], seconds[CONTENDERS[0].name]
        ratios = [mine / theirs for mine, theirs in zip(own, peers, strict=True)]
        table.add_row(
            contender.name,
            *spread([1e3 * second for second in own], 3),
            *spread(ratios, 2),
            verdict(statistics.median(ratios), contender.goal),
        )
    return table


def verdict(ratio: float, goal: float | None) -> str:
    if goal is None:
        return ""
    return f"[green]{goal} met[/]" if ratio <= goal else f"[red]{goal} missed[/]"


@click.command()
@click.option("--dtype", type=click.Choice(list(TOLERANCES)), default="float32", show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "json_file", type=click.File("w", lazy=False), help="Write every timing.")
def main(dtype: str, rounds: int, json_file: TextIO | None) -> None:
    """Time generated kernels against hand-written NumPy."""
    results = []
    for size in SIZES:
        seconds = compare(size, dtype, rounds)
        Console().print(table(size, dtype, seconds))
        results.append({**size._asdict(), "dtype": dtype, "seconds": seconds})
    if json_file is not None:
        machine = {
            "machine": platform.machine(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        }
        json.dump({**machine, "results": results}, json_file, indent=1)


if __name__ == "__main__":
    main()
