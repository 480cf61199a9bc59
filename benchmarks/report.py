"""Tables of a run, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import contender
from benchmarks.goals import IMPORT_SECONDS, Verdict, compared, fastest, verdicts
from benchmarks.import_time import STEPS
from benchmarks.results import RESULTS, Entry, Race, Results, read
from benchmarks.spread import Spread, ratio, spread

__all__ = [
    "NARROWLY",
    "PRODUCTS",
    "import_table",
    "on_threads",
    "products_text",
    "race_table",
    "range_of",
    "rounds_of",
    "significant",
    "terminal",
    "verdict_table",
]


#: What words in the tables of goals mean.
NARROWLY = "the goal is within the quartiles, and another run may say otherwise"
PRODUCTS = (
    "the share of the peer's time that the matrix products alone would take, one of each kind a "
    "step, were each as fast as this machine's fastest: a lower bound, not an estimate"
)


def terminal() -> Console:
    """The console for tables: as wide as they need, since a number cut short is none."""
    return Console(width=max(Console().width, 132))


def significant(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{decimals}f}"


def range_of(values: Spread) -> str:
    """The quartiles."""
    return f"{significant(values.low)}-{significant(values.high)}"


def race_table(race: Race) -> Table:
    """Everybody's time, the share of it that the fastest layout takes, how often the floor's."""
    rounds = rounds_of(len(entry.seconds) for entry in race.entries)
    table = Table(
        title=f"{race}, medians and quartiles of {rounds} rounds",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("", no_wrap=True)
    for heading in ("threads", "ms", "", "fast / it", "", "it / floor", "", "CPU/wall", "error"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in sorted(race.entries, key=lambda entry: entry.threads):
        row = [contender(entry.contender).title, str(entry.threads)]
        time = spread([1e3 * second for second in entry.seconds])
        row += [significant(time.median), range_of(time)]
        own, floor = fastest(race, "fast", entry.threads), race.entry("floor", entry.threads)
        row += _ratio(race, own, entry) + _ratio(race, entry, floor)
        busy = ratio(entry.cpu, entry.seconds).median
        table.add_row(*row, f"{busy:.2f}", f"{entry.error:.0e}")
    if race.skipped:
        table.caption = "\n".join(f"skipped: {name}, {why}" for name, why in race.skipped.items())
        table.caption_justify = "left"
    return table


def rounds_of(counts: Iterable[int]) -> str:
    """Numbers of rounds in short: the one, both, or the least and the most."""
    found = sorted(set(counts)) or [0]
    return " or ".join(map(str, found)) if len(found) <= 2 else f"{found[0]}-{found[-1]}"


def _ratio(race: Race, own: Entry | None, peer: Entry | None) -> list[str]:
    if own is None or peer is None or own is peer:
        return ["", ""]
    measured, _ = compared(race, own, peer)
    return [significant(measured.median), range_of(measured)]


def verdict_table(results: Results) -> Table:
    """Every goal that the results can tell of, with the measured times.

    The ratio of CPU times stands beside it: on a busy machine it is the steadier one.
    """
    table = Table(title="goals", title_justify="left", box=SIMPLE_HEAD)
    table.caption = f"narrowly: {NARROWLY}\nproducts: {PRODUCTS}"
    table.caption_justify = "left"
    for heading in ("cell", "T,B,D,H", "time of", "relative to"):
        table.add_column(heading)
    for heading in ("goal", "measured", "quartiles", "CPU", "products", ""):
        table.add_column(heading, justify="right")
    for verdict in verdicts(results):
        goal = verdict.goal
        table.add_row(
            goal.cell,
            str(goal.size),
            verdict.contender + on_threads(goal.threads),
            verdict.peer + on_threads(goal.peer_threads),
            f"{goal.at_most:g}",
            significant(verdict.ratio.median),
            range_of(verdict.ratio),
            significant(verdict.cpu.median),
            products_text(verdict),
            f"[{'green' if verdict.met else 'bold red'}]{verdict.words}[/]",
        )
    return table


def products_text(verdict: Verdict) -> str:
    """The time of the products alone; "-" if unknown, or less than a tenth of the goal."""
    least = verdict.products
    return "-" if least is None or least < 0.1 * verdict.goal.at_most else significant(least)


def on_threads(threads: int) -> str:
    return "" if threads == 1 else f", {threads} threads"


def import_table(results: Results) -> Table:
    """The import of a kernel, against its goal."""
    table = Table(
        title=f"import of fast t{STEPS} beyond NumPy's, ms; goal {1e3 * IMPORT_SECONDS:g}",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for heading in ("", "least", "median", "quartiles", ""):
        table.add_column(heading, justify="right")
    for how, seconds in results.imports.items():
        time = spread([1e3 * second for second in seconds])
        met = time.median <= 1e3 * IMPORT_SECONDS
        least = significant(1e3 * min(seconds))
        word = "[green]met[/]" if met else "[bold red]missed[/]"
        table.add_row(how, least, significant(time.median), range_of(time), word)
    return table


@click.command()
@click.argument(
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=RESULTS / "race.json",
)
def main(file: Path) -> None:
    """Print the tables of a run once more."""
    results, console = read(file), terminal()
    for race in results.races:
        console.print(race_table(race))
    console.print(import_table(results), verdict_table(results))


if __name__ == "__main__":
    main()
