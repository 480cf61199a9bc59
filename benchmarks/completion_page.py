"""The table and the picture of docs/real_work.md.

python -m benchmarks.completion_page

They are made of `results/completion.json`, which `python -m benchmarks.completion` writes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from statistics import median
from textwrap import fill

import click

try:
    from matplotlib.figure import Figure
except ModuleNotFoundError:
    sys.exit("matplotlib is not installed; in the project folder, run: pip install -e '.[bench]'")

from benchmarks.completion import LOOK, Learned, Training, read
from benchmarks.markdown import put_between_marks, table
from benchmarks.report import significant
from benchmarks.results import RESULTS

__all__ = ["draw", "text"]

DOCS = Path(__file__).parents[1] / "docs"
PICTURE = DOCS / "performance" / "completion.png"

#: The words and the colour of each, those of the picture in README.md.
LOOKS = {"kernel": ("gru_codegen", "#0072B2"), "torch": ("torch.nn.LSTM", "#D55E00")}
GREY = "#444444"


def text(run: Training) -> str:
    """The measurements: on which machine they were made, and the table."""
    machine, versions = run.machine, run.versions
    updates = run.updates_a_turn * len(run.learned["kernel"].cpu)
    rows: list[tuple[str, Callable[[Learned], str]]] = [
        ("bits per held-out character", lambda one: f"{one.bits[-1]:.3f}"),
        ("next character right", lambda one: f"{one.right:.1%}"),
        ("CPU time of an update, ms", lambda one: significant(1e3 * each_update(run, one))),
        ("CPU time to the first character, s", lambda one: significant(one.first)),
        ("CPU time of a further character, ms", lambda one: significant(1e3 * one.each)),
        ("peak memory of training, MB", lambda one: whole(one.training)),
        ("peak memory of completing, MB", lambda one: whole(one.completing)),
        ("installed, MB", lambda one: whole(one.installed / 1e6)),
    ]
    found = [[name, *(show(run.learned[who]) for who in LOOKS)] for name, show in rows]
    said = (
        f"These are from {updates:,} updates on one thread of a machine with the processor "
        f"{machine['processor']}. It has NumPy {versions['numpy']}, with {machine['blas']}, and "
        f"torch {versions['torch']}. The likeliest next character is the same for both after "
        f"{run.agree:.1%} of the characters. A code that knows no more than how frequent each "
        f"character is takes {run.by_frequency:.2f} bits."
    )
    return f"{fill(said, 100)}\n\n{table(['', *(name for name, _ in LOOKS.values())], found)}\n"


def each_update(run: Training, learned: Learned) -> float:
    """CPU seconds of an update, the median of the turns."""
    return median(learned.cpu) / run.updates_a_turn


def whole(megabytes: float | None) -> str:
    return "not measured" if megabytes is None else f"{megabytes:,.0f}"


def draw(run: Training, path: Path) -> None:
    """Write a picture: bits per held-out character against CPU time; the lower the better."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, (words, colour) in LOOKS.items():
        learned = run.learned[name]
        seconds = [0.0, *accumulate(learned.cpu)][::LOOK]
        axes.plot(seconds, learned.bits, color=colour, label=words)
        axes.plot(seconds[-1], learned.bits[-1], "o", color=colour)
    axes.axhline(run.by_frequency, color=GREY, linestyle=":", linewidth=1)
    axes.annotate(
        "by frequency alone",
        (1, run.by_frequency),
        xycoords=("axes fraction", "data"),
        xytext=(0, -14),
        textcoords="offset points",
        ha="right",
        color=GREY,
    )
    axes.set_title("Bits per held-out character; lower is better", loc="left", fontsize=11)
    axes.set_xlabel("CPU seconds of training, on one thread")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False, labelcolor="linecolor", loc="lower left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9")
    axes.tick_params(color=GREY, labelcolor=GREY)
    figure.savefig(path, dpi=150)


@click.command()
@click.option(
    "--run",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=RESULTS / "completion.json",
)
def main(file: Path) -> None:
    """Draw the picture, and put the table into the page."""
    run, page = read(file), DOCS / "real_work.md"
    draw(run, PICTURE)
    page.write_text(put_between_marks({"completion": text(run)}, page.read_text()))
    click.echo(f"wrote {PICTURE} and {page}")


if __name__ == "__main__":
    main()
