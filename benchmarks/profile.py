"""The time of a kernel by kind: products, transcendental functions, arithmetic, copies.

python -m benchmarks.profile [--size 32,8,16,32]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

try:
    from threadpoolctl import threadpool_limits
except ModuleNotFoundError:
    sys.exit("threadpoolctl is not installed; run: pip install -e '.[bench]'")

import gru_codegen as gc
from benchmarks.contenders import gemm_floor, kernels
from benchmarks.destination import destination
from benchmarks.problem import cast, disagreement, make_problem
from benchmarks.race import to_sizes
from benchmarks.report import significant, terminal
from benchmarks.results import Profile, write
from benchmarks.sizes import DTYPES, LAYOUTS, SIZES, Size
from benchmarks.stopwatch import KINDS, Reading, Stopwatch

__all__ = ["HEADINGS", "profiles", "rows", "table"]

#: All are called so often at least, and until so many seconds have passed.
LEAST, SECONDS = 7, 2.0

Call = Callable[[], Any]

#: The floor, which is no kernel but is timed as one.
_FLOOR = "floor"


def profiles(size: Size) -> list[Profile]:
    """The kernels for any T in every layout, float32, called in turn; and the floor.

    Of every statement the least time of all calls counts: its time where nobody disturbs it.
    """
    problem = cast(make_problem("gru", size), "float32")
    watches: dict[str, Stopwatch] = {
        layout: Stopwatch(gc.generate(gc.GRU, unroll=None, layout=layout)) for layout in LAYOUTS
    }
    calls: dict[str, Call] = {}
    for layout, watch in watches.items():
        calls[layout], read = kernels.with_workspace(watch.module, problem)
        if not disagreement(read(calls[layout]()), problem.truth) <= DTYPES["float32"]:
            raise AssertionError(f"the kernel with a stopwatch, {layout}, is wrong")
    watches[_FLOOR] = Stopwatch(Path(gemm_floor.__file__).read_text(), {"multiply"})
    calls[_FLOOR], _ = watches[_FLOOR].module.prepare(problem, "gru")

    found: dict[str, list[Reading]] = {}
    began, done = perf_counter(), 0
    while done < LEAST or perf_counter() - began < SECONDS:
        for name, watch in watches.items():
            calls[name]()  # the caches are still another's
            readings = watch.time(calls[name])
            found[name] = [*map(_less, found.get(name, readings), readings)]
        done += 1

    floor = sum(seconds for _, seconds in found[_FLOOR])
    return [Profile(layout, size, floor, _summed(found[layout])) for layout in LAYOUTS]


def _less(before: Reading, now: Reading) -> Reading:
    assert before[0] == now[0], "a kernel does the same in every call"
    return min(before, now)


def _summed(readings: Sequence[Reading]) -> dict[str, float]:
    total = dict.fromkeys(KINDS, 0.0)
    for kind, seconds in readings:
        total[kind] += seconds
    return total


def rows(found: Sequence[Profile]) -> Iterator[list[str]]:
    """One for each profile: size, layout, time, multiple of the floor, and the shares."""
    for one in found:
        yield [
            str(one.size),
            one.layout,
            significant(1e3 * one.call),
            significant(one.call / one.floor),
            significant(one.kinds["products"] / one.floor),
            *(f"{100 * one.kinds[kind] / one.call:.0f} %" for kind in KINDS),
        ]


#: What the columns are.
HEADINGS = ("T,B,D,H", "layout", "ms", "/ floor", "products / floor", *KINDS)


def table(found: Sequence[Profile]) -> Table:
    """The shares, for the terminal."""
    table = Table(title="where the time goes", title_justify="left", box=SIMPLE_HEAD)
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in HEADINGS[:2] else "right")
    for row in rows(found):
        table.add_row(*row)
    return table


@click.command()
@click.option("--size", "sizes", multiple=True, callback=to_sizes, metavar="T,B,D,H")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    show_default="benchmarks/results/profile.json, of a part build/profile.json",
)
def main(sizes: tuple[Size, ...], output: Path | None) -> None:
    """Take the time of every kind of statement, in every layout."""
    console = terminal()
    with threadpool_limits(limits=1):
        found = [one for size in sizes or SIZES for one in profiles(size)]
    console.print(table(found))
    output = output or destination("profile.json")
    write(found, output)
    console.print(f"wrote {output}")


if __name__ == "__main__":
    main()
