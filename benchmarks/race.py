"""Time the contenders against each other and write every number to a JSON file.

python -m benchmarks.race [--size 32,8,16,32] [--contender fast] [--dtype float32] ...
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import click

from benchmarks.contenders import CONTENDERS, Contender, contender, entrants
from benchmarks.destination import destination
from benchmarks.gemm_rate import gemm_rate
from benchmarks.goals import concerns_goal
from benchmarks.import_time import import_seconds
from benchmarks.machine import machine
from benchmarks.problem import make_problem, save
from benchmarks.report import import_table, race_table, terminal, verdict_table
from benchmarks.results import Entry, Race, Results, write
from benchmarks.sizes import DTYPES, FAMILY, SIZES, THREADS, Size
from benchmarks.timing import Worker, WorkerError, take_turns
from gru_codegen.passes import DEFAULT_LAYOUT

#: A sample lasts about so long, in seconds, or one call if that is longer.
SAMPLE_SECONDS = 0.03

#: Rounds with everybody. In those after them only those take part that goals are about.
EVERYBODY = 3

#: Rounds that choose the fastest layout; those after them tell how fast it is.
CHOOSING = 5

#: Rounds that there are in any case where there are goals, and may be while there is time left.
LEAST, MOST = 11, 30

IMPORTS = 15


class Plan(NamedTuple):
    """A race that is to be run."""

    cell: str
    size: Size
    dtype: str


def plans(sizes: Sequence[Size], dtypes: Sequence[str], cells: Sequence[str]) -> list[Plan]:
    """The reference GRU at every size in every dtype, and the cells of torch.nn."""
    reference = [Plan("gru", size, dtype) for dtype in dtypes for size in sizes]
    family = [
        Plan(cell, size, dtype)
        for dtype in dtypes[:1]
        for cell, its_sizes in FAMILY.items()
        for size in its_sizes
        if size in sizes
    ]
    return [plan for plan in reference + family if plan.cell in cells]


class Stable:
    """The workers of all contenders, started when first needed, and the files of the problems."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        self.folder, self._exits = folder, exits
        self._workers: dict[tuple[str, int], Worker] = {}

    def worker(self, name: str, threads: int) -> Worker:
        key = name, threads
        if key not in self._workers:
            self._workers[key] = self._exits.enter_context(Worker(name, threads))
        return self._workers[key]

    def drop(self, worker: Worker) -> None:
        """Forget a worker that has ended; the next race starts another."""
        self._workers.pop((worker.contender, worker.threads), None)

    def problem(self, cell: str, size: Size, *, biases: bool) -> Path:
        path = self.folder / f"{cell}_{size}_{biases}.pickle"
        if not path.exists():
            save(make_problem(cell, size, biases=biases), path)
        return path

    def versions(self) -> dict[str, str]:
        by_package: dict[str, str] = {}
        for worker in self._workers.values():
            by_package |= worker.versions
        return dict(sorted(by_package.items()))


def run(
    plan: Plan,
    contenders: Sequence[Contender],
    threads: Sequence[int],
    stable: Stable,
    rounds: int | None,
    seconds: float,
) -> Race:
    """One race: everyone prepared and checked, then rounds in turn.

    rounds: so many, with everybody. If None, `EVERYBODY`, and then more with those that goals are
    about: `LEAST` in all, up to `MOST` while these have taken less than `seconds`.
    """
    race = Race(plan.cell, plan.size, plan.dtype, [])
    entries: dict[Worker, Entry] = {}
    for one in contenders:
        for count in threads:
            if one.name in race.skipped:
                continue
            if not one.everywhere and (plan.dtype, count) != ("float32", 1):
                continue
            try:
                worker = stable.worker(one.name, count)
                entry = worker.skip or enter(plan, one, worker, stable)
            except WorkerError as error:
                entry = str(error)
            if isinstance(entry, str):
                race.skipped[one.name] = entry
            else:
                entries[worker] = entry

    def with_everybody(done: int, spent: float) -> bool:
        return done < (rounds or EVERYBODY)

    def with_goals(done: int, spent: float) -> bool:
        done += EVERYBODY
        return done < LEAST or (done < MOST and spent < seconds)

    about = [w for w in entries if concerns_goal(*plan, w.contender, w.threads)]
    turns = [take_turns(list(entries), with_everybody)]
    if rounds is None:
        turns.append(take_turns(about, with_goals))
    for samples in chain.from_iterable(turns):
        for worker, sample in samples:
            entries[worker].seconds.append(sample.seconds)
            entries[worker].cpu.append(sample.cpu)
    race.entries.extend(entries.values())
    most = max((len(entry.seconds) for entry in race.entries), default=0)
    return replace(race, choosing=min(CHOOSING, most // 2))


def enter(plan: Plan, one: Contender, worker: Worker, stable: Stable) -> Entry | str:
    """The worker made ready for a race, or why it cannot run.

    Who is wrong does not run: there is no use in how fast that is.
    """
    cell = one.stands_in.get(plan.cell, plan.cell)
    problem = stable.problem(cell, plan.size, biases=cell == plan.cell)
    ready = worker.ask(
        "prepare",
        problem=str(problem),
        cell=cell,
        dtype=plan.dtype,
        seconds=SAMPLE_SECONDS,
    )
    if "skip" in ready:
        return str(ready["skip"])
    if not ready["error"] <= DTYPES[plan.dtype]:
        return f"wrong: relative error {ready['error']:.1e}"
    return Entry(one.name, worker.threads, ready["calls"], ready["error"])


def failures(results: Results) -> list[str]:
    """The contenders that were there and could not run, or were wrong."""
    return [
        f"{name} failed at {race}: {why}"
        for race in results.races
        for name, why in race.skipped.items()
        if not why.endswith("is not installed")
    ]


def to_sizes(context: Any, option: Any, values: tuple[str, ...]) -> tuple[Size, ...]:
    """Sizes as they are written on the command line: 32,8,16,32."""
    try:
        sizes = tuple(Size(*map(int, value.split(","))) for value in values)
    except (TypeError, ValueError):
        sizes = (Size(0, 0, 0, 0),)
    if any(min(size) < 1 for size in sizes):
        raise click.BadParameter("expected four positive numbers T,B,D,H, as in 32,8,16,32")
    return sizes


def known(context: Any, option: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, if there are contenders of all of them."""
    for name in names:
        try:
            contender(name)
        except KeyError:
            raise click.BadParameter(
                f"there is no {name!r}; there are {', '.join(CONTENDERS)}, "
                "and the generated ones with a layout, as in fast@LAYOUT"
            ) from None
    return names


@click.command()
@click.option("--size", "sizes", multiple=True, callback=to_sizes, metavar="T,B,D,H")
@click.option("--contender", "names", multiple=True, callback=known, metavar="NAME")
@click.option("--cell", "cells", type=click.Choice(["gru", *FAMILY]), multiple=True)
@click.option("--dtype", "dtypes", type=click.Choice(list(DTYPES)), multiple=True)
@click.option("--threads", type=click.IntRange(min=1), multiple=True)
@click.option("--rounds", type=click.IntRange(min=1), help="So many, with everybody.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=6,
    show_default=True,
    help="While rounds of those with goals have taken less, more of them than the least.",
)
@click.option("--imports/--no-imports", default=True, help="Time the import of a kernel too.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    show_default="benchmarks/results/race.json, of a part build/race.json",
)
def main(
    sizes: tuple[Size, ...],
    names: tuple[str, ...],
    cells: tuple[str, ...],
    dtypes: tuple[str, ...],
    threads: tuple[int, ...],
    rounds: int | None,
    seconds: float,
    imports: bool,
    output: Path | None,
) -> None:
    """Time the contenders against each other: all of everything that is not chosen."""
    console = terminal()
    output = output or destination("race.json", "seconds")
    results = Results(machine(), {}, [], default_layout=DEFAULT_LAYOUT, gemm_rate=gemm_rate())
    with tempfile.TemporaryDirectory() as folder, ExitStack() as exits:
        stable = Stable(Path(folder), exits)
        for plan in plans(sizes or SIZES, dtypes or tuple(DTYPES), cells or ("gru", *FAMILY)):
            # Of the cells of torch.nn it is asked what one thread does.
            counts = (threads or THREADS) if plan.cell == "gru" else (threads or THREADS)[:1]
            race = run(plan, entrants(plan.cell, names), counts, stable, rounds, seconds)
            if race.entries or race.skipped:
                results.races.append(race)
                console.print(race_table(race))
                results.versions.update(stable.versions())
                write(results, output)  # a run that is cut short leaves what it has
    if imports:
        results.imports.update(import_seconds(IMPORTS))
        console.print(import_table(results))
    console.print(verdict_table(results))
    write(results, output)
    console.print(f"wrote {output}")
    if failed := failures(results):
        raise click.ClickException("\n".join(failed))


if __name__ == "__main__":
    main()
