"""Pictures: time and ratio to the floor over size, where it goes, the cost of generation over T.

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

from benchmarks.contenders import EVERYONE, contender
from benchmarks.results import (
    RESULTS,
    Generation,
    Profile,
    Race,
    Results,
    read,
    read_generation,
    read_profiles,
)
from benchmarks.spread import ratio, spread

__all__ = ["PICTURES", "draw_generation", "draw_profiles", "draw_speed", "speed_groups"]

#: Where the pictures go, beside the page that shows them.
PICTURES = Path(__file__).parents[1] / "docs" / "performance"

# Okabe and Ito's colours, which those who see no red or no green can tell apart. Without any
# colour it is marker and line that tell: generated kernels are solid and filled, the others
# broken and hollow.
_COLOURS = {
    "fast@rows": "#0072B2",
    "fast@blocked": "#3D9BD1",
    "fast@columns": "#56B4E9",
    "fast@folded": "#003F63",
    "fast-any@rows": "#0072B2",
    "fast-any@blocked": "#3D9BD1",
    "fast-any@columns": "#56B4E9",
    "fast-any@folded": "#003F63",
    "textbook": "#009E73",
    "textbook-any": "#66C2A5",
    "hand-written": "#E69F00",
    "torch-nn": "#D55E00",
    "torch-loop": "#A0522D",
    "jax-scan": "#CC79A7",
    "autograd": "#7F7F7F",
    "floor": "#000000",
}
_MARKERS = dict(zip(EVERYONE, "ohsD<p>8^vPX*Hd|", strict=True))
_QUARTILES = {"capsize": 2.5, "elinewidth": 0.8}

#: Those that loop over time lie on top of those that are written out; the tables have them.
_NOT_DRAWN = {"fast-any", "textbook-any"}

_KIND_COLOURS = {
    "products": "#000000",
    "transcendental": "#D55E00",
    "elementwise": "#56B4E9",
    "copies": "#E69F00",
    "other": "#BBBBBB",
}
_KIND_HATCHES = dict(zip(_KIND_COLOURS, ("", "xx", "//", "..", ""), strict=True))


def look(name: str) -> dict[str, Any]:
    """How a contender is drawn."""
    generated = contender(name).home == "kernels:prepare"
    colour = _COLOURS.get(name, "#0072B2")
    return {
        "color": colour,
        "marker": _MARKERS.get(name, "o"),
        "linestyle": ":" if name == "floor" else "-" if generated else "--",
        "markerfacecolor": colour if generated else "white",
        "linewidth": 2.0 if name.startswith("fast") else 1.2,
        "markersize": 6,
    }


def speed_groups(results: Results) -> Iterator[tuple[str, int, list[Race]]]:
    """The races of the reference GRU by dtype and number of threads, from the smallest size up."""
    races = [race for race in results.races if race.cell == "gru" and race.entries]
    for dtype in dict.fromkeys(race.dtype for race in races):
        chosen = sorted(
            (race for race in races if race.dtype == dtype), key=lambda race: race.size.gemm_flops()
        )
        for threads in sorted({e.threads for race in chosen for e in race.entries}):
            yield dtype, threads, chosen


def draw_speed(dtype: str, threads: int, races: Sequence[Race]) -> Any:
    """Time over the work of the matrix products, and beside it the ratio to the floor by size."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.6), layout="constrained")
    names = list(dict.fromkeys(e.contender for race in races for e in race.entries))
    for name in names:
        if name.partition("@")[0] in _NOT_DRAWN:
            continue
        style = look(name) | _QUARTILES
        own = [(at, race, race.entry(name, threads)) for at, race in enumerate(races)]
        there = [(at, race, entry) for at, race, entry in own if entry is not None]
        if not there:
            continue
        flops = [race.size.gemm_flops() for _, race, _ in there]
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
        left.axvline(race.size.gemm_flops(), color="0.9", linewidth=0.8, zorder=0)
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
            drawn = look(f"{style}@rows" if style == "fast" else style)
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


def draw_profiles(profiles: Sequence[Profile]) -> Any:
    """Bars as high as the ratio to the floor, one for each size and layout, divided by kind."""
    figure, axes = plt.subplots(figsize=(10, 4.6), layout="constrained")
    sizes = list(dict.fromkeys(profile.size for profile in profiles))
    layouts = list(dict.fromkeys(profile.layout for profile in profiles))
    pitch = 0.81 / len(layouts)  # a fifth of the axis is left between sizes
    middles = {
        (size, layout): at + pitch * (place - (len(layouts) - 1) / 2)
        for at, size in enumerate(sizes)
        for place, layout in enumerate(layouts)
    }
    where = [middles[profile.size, profile.layout] for profile in profiles]
    bottom = [0.0] * len(profiles)
    for kind, colour in _KIND_COLOURS.items():
        heights = [profile.kinds[kind] / profile.floor for profile in profiles]
        axes.bar(
            where,
            heights,
            0.9 * pitch,
            bottom,
            label=kind,
            color=colour,
            hatch=_KIND_HATCHES[kind],
            edgecolor="white",
            linewidth=0.3,
        )
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    for profile, middle, top in zip(profiles, where, bottom, strict=True):
        axes.text(
            middle, top + 0.03, profile.layout, rotation=90, ha="center", va="bottom", fontsize=8
        )
    axes.axhline(1, color="0.4", linestyle=":", zorder=0)
    axes.set_xticks(
        range(len(sizes)), ["T={} B={}\nD={} H={}".format(*size) for size in sizes], fontsize=8
    )
    axes.set(ylabel="time relative to the GEMM floor", ylim=(0, 1.25 * max(bottom)))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.suptitle("Where the time of the kernels for any T goes, float32, one thread")
    return figure


@click.command()
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=RESULTS,
    show_default="benchmarks/results",
    help="Where race.json, profile.json and generation.json are.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=PICTURES,
    show_default="docs/performance",
    help="Where the pictures go.",
)
def main(folder: Path, into: Path) -> None:
    """Draw what there are results of."""
    figures = {}
    if (folder / "race.json").exists():
        for dtype, threads, races in speed_groups(read(folder / "race.json")):
            figures[f"speed_{dtype}_{threads}_thread{'s' * (threads > 1)}"] = draw_speed(
                dtype, threads, races
            )
    if (folder / "profile.json").exists():
        figures["profile"] = draw_profiles(read_profiles(folder / "profile.json"))
    if (folder / "generation.json").exists():
        figures["generation"] = draw_generation(read_generation(folder / "generation.json"))
    into.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(into / f"{name}.png", dpi=80)
        click.echo(f"wrote {into / name}.png")


if __name__ == "__main__":
    main()
