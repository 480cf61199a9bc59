"""Pictures of a run: time and ratio to the floor over size, and the cost of generation over T.

python -m benchmarks.plots
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

try:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
except ModuleNotFoundError:
    sys.exit("matplotlib is not installed; in the project folder, run: pip install -e '.[bench]'")

from benchmarks.contenders import CONTENDERS, contender
from benchmarks.results import RESULTS, Generation, Race, Results, read, read_generation
from benchmarks.spread import ratio, spread

__all__ = ["draw_generation", "draw_speed", "speed_groups"]

# Okabe and Ito's colours, which those who see no red or no green can tell apart. Without any
# colour it is marker and line that tell: generated kernels are solid and filled, the others
# broken and hollow.
_COLOURS = {
    "fast": "#0072B2",
    "fast-any": "#56B4E9",
    "textbook": "#009E73",
    "textbook-any": "#66C2A5",
    "hand-written": "#E69F00",
    "torch-nn": "#D55E00",
    "torch-loop": "#A0522D",
    "jax-scan": "#CC79A7",
    "autograd": "#7F7F7F",
    "floor": "#000000",
}
_MARKERS = dict(zip(CONTENDERS, "osD^vPX*hd", strict=True))
_QUARTILES = {"capsize": 2.5, "elinewidth": 0.8}


def look(name: str, place: int) -> dict[str, Any]:
    """How a contender is drawn; `place` tells layouts of one kernel apart."""
    base, at, _ = name.partition("@")
    generated = CONTENDERS[base].home == "kernels:prepare"
    colour = _COLOURS[base]
    return {
        "color": colour,
        "marker": "osD^vPX*hd"[place % 10] if at else _MARKERS[base],
        "linestyle": ":" if base == "floor" else "-" if generated and not at else "--",
        "markerfacecolor": colour if generated else "white",
        "linewidth": 2.0 if base == "fast" else 1.2,
        "markersize": 6,
    }


def speed_groups(results: Results) -> Iterator[tuple[str, int, list[Race]]]:
    """The races of the reference GRU by dtype and number of threads, from the smallest size up."""
    races = [race for race in results.races if race.cell == "gru" and race.entries]
    for dtype in dict.fromkeys(race.dtype for race in races):
        chosen = sorted(
            (race for race in races if race.dtype == dtype), key=lambda race: race.size.gemm_flops
        )
        for threads in sorted({e.threads for race in chosen for e in race.entries}):
            yield dtype, threads, chosen


def draw_speed(dtype: str, threads: int, races: Sequence[Race]) -> Any:
    """Time over the work of the matrix products, and beside it the ratio to the floor by size."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.6), layout="constrained")
    names = list(dict.fromkeys(e.contender for race in races for e in race.entries))
    for place, name in enumerate(names):
        style = look(name, place) | _QUARTILES
        own = [(at, race, race.entry(name, threads)) for at, race in enumerate(races)]
        there = [(at, race, entry) for at, race, entry in own if entry is not None]
        if not there:
            continue
        flops = [race.size.gemm_flops for _, race, _ in there]
        times = [spread([1e3 * second for second in entry.seconds]) for _, _, entry in there]
        left.errorbar(flops, *_bars(times), label=contender(name).title, **style)
        floors = [(at, entry, race.entry("floor", threads)) for at, race, entry in there]
        ratios = [
            (at, ratio(entry.seconds, floor.seconds))
            for at, entry, floor in floors
            if floor is not None
        ]
        if ratios:
            right.errorbar([at for at, _ in ratios], *_bars([r for _, r in ratios]), **style)
    left.set(
        xscale="log",
        yscale="log",
        xlabel="floating-point operations of the matrix products",
        ylabel="time of one call, ms",
    )
    for race in races:
        left.axvline(race.size.gemm_flops, color="0.9", linewidth=0.8, zorder=0)
    right.set(yscale="log", ylabel="time relative to the GEMM floor")
    labels = ["T={} B={}\nD={} H={}".format(*race.size) for race in races]
    right.set_xticks(range(len(races)), labels)
    right.tick_params(axis="x", labelsize=8)
    for axes in (left, right):
        axes.grid(axis="y", which="major", color="0.85")
        axes.grid(axis="y", which="minor", color="0.93", linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    right.yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
    left.yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
    figure.legend(loc="outside lower center", ncols=5, frameon=False)
    on = "one thread" if threads == 1 else f"{threads} threads"
    figure.suptitle(f"Loss and six gradients of the reference GRU, {dtype}, {on}")
    return figure


def _bars(values: Sequence[Any]) -> tuple[list[float], list[list[float]]]:
    """Medians, and how far the quartiles lie below and above."""
    medians = [value.median for value in values]
    below = [value.median - value.low for value in values]
    above = [value.high - value.median for value in values]
    return medians, [below, above]


def draw_generation(costs: Sequence[Generation]) -> Any:
    """CPU seconds and bytes of source, over the steps that are written out."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    labels = {"cpu": "CPU time, s", "bytes": "source, kB"}
    scale = {"cpu": 1.0, "bytes": 1e-3}
    for axes, (quantity, label) in zip(panels, labels.items(), strict=True):
        for style in dict.fromkeys(cost.style for cost in costs):
            drawn = look(style, 0)
            own = [c for c in costs if c.style == style and c.unroll is not None]
            steps = [cost.unroll for cost in own]
            values = [getattr(cost, quantity) * scale[quantity] for cost in own]
            axes.plot(steps, values, label=f"{style}, unrolled", **drawn)
            for loop in (c for c in costs if c.style == style and c.unroll is None):
                height = getattr(loop, quantity) * scale[quantity]
                axes.axhline(
                    height,
                    color=drawn["color"],
                    linestyle="--" if style == "fast" else ":",
                    label=f"{style}, any T",
                )
        axes.set(xlabel="T, time steps", ylabel=label)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%d"))
        axes.set_xticks(sorted({c.unroll for c in costs if c.unroll is not None}))
        axes.grid(axis="y", color="0.88")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(bottom=0)  # most of it does not depend on T
    panels[1].set_yscale("log")
    panels[1].yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
    panels[1].legend(frameon=False)
    figure.suptitle("Cost of generating the reference GRU, a fresh process each")
    return figure


@click.command()
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=RESULTS,
    show_default="benchmarks/results",
    help="Where race.json and generation.json are, and the pictures go.",
)
def main(folder: Path) -> None:
    """Draw what there are results of."""
    figures = {}
    if (folder / "race.json").exists():
        for dtype, threads, races in speed_groups(read(folder / "race.json")):
            figures[f"speed_{dtype}_{threads}_thread{'s' * (threads > 1)}"] = draw_speed(
                dtype, threads, races
            )
    if (folder / "generation.json").exists():
        figures["generation"] = draw_generation(read_generation(folder / "generation.json"))
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=120)
        click.echo(f"wrote {folder / name}.png")


if __name__ == "__main__":
    main()
