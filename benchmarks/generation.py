"""The cost of generating a kernel, over the number of time steps it is unrolled for.

python -m benchmarks.generation [--steps 64] [--style fast]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table

from benchmarks.destination import destination
from benchmarks.report import terminal
from benchmarks.results import Generation, write
from benchmarks.timing import PROJECT

#: None is any number of steps, a time loop.
STEPS = (None, 1, 4, 16, 64, 256, 1024, 4096)
STYLES = ("fast", "textbook")

# CPU time from the start of the process on: Python and SymPy have to be loaded too.
_GENERATE = """
import json, sys, time
import gru_codegen as gc
style, unroll = json.loads(sys.argv[1])
source = gc.generate(gc.GRU, unroll=unroll, style=style)
print(json.dumps([time.process_time(), len(source.encode())]))
"""


def measure(style: str, unroll: int | None) -> Generation:
    """Generate the reference GRU in a fresh process, which remembers nothing."""
    command = [sys.executable, "-c", _GENERATE, json.dumps([style, unroll])]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    cpu, size = json.loads(done.stdout)
    return Generation(style, unroll, cpu, size)


def measure_all(styles: Sequence[str], steps: Sequence[int | None]) -> Iterator[Generation]:
    for unroll in steps:
        for style in styles:
            yield measure(style, unroll)


def table(costs: Sequence[Generation]) -> Table:
    table = Table(title="generation of the reference GRU", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("style", "steps", "CPU s", "kB of source"):
        table.add_column(heading, justify="right")
    for cost in costs:
        steps = "any" if cost.unroll is None else str(cost.unroll)
        table.add_row(cost.style, steps, f"{cost.cpu:.2f}", f"{cost.bytes / 1e3:.1f}")
    return table


@click.command()
@click.option("--style", "styles", type=click.Choice(STYLES), multiple=True, default=STYLES)
@click.option("--steps", type=click.IntRange(min=1), multiple=True, help="Any and 1 to 4096.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    show_default="benchmarks/results/generation.json, of a part build/generation.json",
)
def main(styles: tuple[str, ...], steps: tuple[int, ...], output: Path | None) -> None:
    """Measure the cost of generation and write it to a JSON file."""
    wanted = steps or STEPS
    runs = track(
        measure_all(styles, wanted),
        "Generating",
        total=len(styles) * len(wanted),
        transient=True,
        disable=not sys.stdout.isatty(),
    )
    costs, console = list(runs), terminal()
    console.print(table(costs))
    output = output or destination("generation.json")
    write(costs, output)
    console.print(f"wrote {output}")


if __name__ == "__main__":
    main()
