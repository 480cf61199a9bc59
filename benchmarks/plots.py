"""Pictures: an overview, time and ratio to the floor over size, where it goes, generation over T.

python -m benchmarks.plots
"""

from __future__ import annotations

import math
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

from benchmarks.contenders import contender
from benchmarks.overview import draw_overview
from benchmarks.report import rounds_of, significant
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
from benchmarks.sizes import SIZES, Size
from benchmarks.spread import ratio, spread

__all__ = ["DRAWN", "PICTURES", "draw_generation", "draw_profiles", "draw_speed", "speed_groups"]

#: Where the pictures go, beside the page that shows them.
PICTURES = Path(__file__).parents[1] / "docs" / "performance"

# Okabe and Ito's colours, which those who see no red or no green can tell apart. Without any
# colour it is marker and line that tell: generated kernels are solid and filled, the others
# broken and hollow. Those that loop over time lie on those that are written out, and are not drawn.
_LOOKS = {
    "fast@rows": ("#0072B2", "o"),
    "fast@blocked": ("#7B5EA7", "s"),
    "fast@columns": ("#56B4E9", "^"),
    "fast@folded": ("#003F63", "D"),
    "textbook": ("#009E73", "p"),
    "hand-written": ("#E69F00", "v"),
    "torch-nn": ("#D55E00", "X"),
    "torch-loop": ("#A0522D", "P"),
    "jax-scan": ("#CC79A7", "*"),
    "autograd": ("#7F7F7F", "d"),
    "floor": ("#000000", "|"),
}
_QUARTILES = {"capsize": 2.5, "elinewidth": 0.9}

#: Who is in the pictures of speed, from the first row down.
DRAWN = tuple(_LOOKS)

#: How far the ratio to the floor is drawn where the products count; what is above is written.
_NEAR = (0.6, 2.2)

_KIND_COLOURS = {
    "products": "#444444",
    "transcendental": "#D55E00",
    "elementwise": "#56B4E9",
    "copies": "#E69F00",
    "other": "#BBBBBB",
}
_KIND_HATCHES = dict(zip(_KIND_COLOURS, ("", "xxx", "///", "...", ""), strict=True))

_STYLE = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "figure.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
}


def look(name: str) -> dict[str, Any]:
    """The look of a contender."""
    generated = contender(name).home == "kernels:prepare"
    colour, marker = _LOOKS[name]
    return {
        "color": colour,
        "marker": marker,
        "linestyle": ":" if name == "floor" else "-" if generated else "--",
        "markerfacecolor": colour if generated else "white",
        "linewidth": 1.6 if name.startswith("fast") else 1.1,
        "markersize": 7 if marker == "*" else 5.5,
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
    """Time over size above; below, for each size, everyone's ratio to the floor, a row each."""
    with plt.rc_context(_STYLE):
        figure = plt.figure(figsize=(9, 7.6), layout="constrained")
        panels = figure.subplot_mosaic(
            [["time"] * len(races), list(range(len(races)))], height_ratios=(1.15, 1)
        )
        _draw_times(panels["time"], threads, races)
        for row, race in enumerate(races):
            _draw_ratios(panels[row], threads, race)
            panels[row].set_yticks(range(len(DRAWN)), [])
        panels[0].set_yticks(range(len(DRAWN)), [_label(name, threads, races) for name in DRAWN])
        for label, name in zip(panels[0].get_yticklabels(), DRAWN, strict=True):
            label.set_color(look(name)["color"])
        figure.supxlabel(
            "time relative to the GEMM floor, the matrix products alone (= 1). Points are medians, "
            "bars quartiles, (in brackets) of how many rounds",
            fontsize=8,
        )
        on = "one thread" if threads == 1 else f"{threads} threads"
        figure.suptitle(f"Loss and six gradients of the reference GRU: {dtype}, {on}")
    return figure


def _label(name: str, threads: int, races: Sequence[Race]) -> str:
    """A contender, and in how many rounds it and the floor took part, of all sizes."""
    pairs = [(race.entry(name, threads), race.entry("floor", threads)) for race in races]
    counts = [
        min(len(own.seconds), len(floor.seconds))
        for own, floor in pairs
        if own is not None and floor is not None
    ]
    return contender(name).title + (f" ({rounds_of(counts)})" if counts else "")


def _draw_times(axes: Any, threads: int, races: Sequence[Race]) -> None:
    """Everyone's time on two logarithmic axes, named where the lines are farthest apart."""
    flops = [race.size.gemm_flops() for race in races]
    starts = {}
    for name in DRAWN:
        entries = [race.entry(name, threads) for race in races]
        there = [(at, entry) for at, entry in zip(flops, entries, strict=True) if entry is not None]
        if not there:
            continue
        times = [spread([1e3 * second for second in entry.seconds]) for _, entry in there]
        axes.errorbar([at for at, _ in there], *_bars(times), **look(name), **_QUARTILES)
        if there[0][0] == flops[0]:
            starts[name] = times[0].median
    axes.set(xscale="log", yscale="log", ylabel="time of one call, ms")
    heights = spaced([math.log10(time) for time in starts.values()], _LABEL_DECADES)
    for (name, time), height in zip(starts.items(), heights, strict=True):
        axes.annotate(
            contender(name).title,
            (flops[0], time),
            xytext=(flops[0] / 3, 10**height),
            color=look(name)["color"],
            ha="right",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            arrowprops={"arrowstyle": "-", "color": look(name)["color"], "linewidth": 0.6},
        )
    axes.set_xlim(left=flops[0] / 150)
    if heights:
        axes.set_ylim(bottom=min(axes.get_ylim()[0], 10 ** (min(heights) - _LABEL_DECADES)))
    axes.set_xticks(flops, [_below(race.size) for race in races])
    axes.set_xticks([], minor=True)
    axes.grid(color="0.9")
    axes.yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
    axes.set_title("Time over size (T,B,D,H and operations of the products)", loc="left")


def _below(size: Size) -> str:
    """A size and its operations in three short lines, since the largest two are close."""
    digits, power = f"{size.gemm_flops():.0e}".split("e")
    return f"{size.T},{size.B},\n{size.D},{size.H}\n${digits}\\times 10^{{{int(power)}}}$"


#: The distance of two labels in `_draw_times`, in powers of ten of the time.
_LABEL_DECADES = 0.24


def spaced(heights: Sequence[float], least: float) -> list[float]:
    """The heights, moved so that no two are nearer than `least`, in the same order and centred."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    groups: list[list[int]] = []
    for one in order:
        groups.append([one])
        while len(groups) > 1 and _first(groups[-1], heights, least) < (
            _first(groups[-2], heights, least) + least * len(groups[-2])
        ):
            last = groups.pop()
            groups[-1] += last
    placed = [0.0] * len(heights)
    for group in groups:
        for at, one in enumerate(group):
            placed[one] = _first(group, heights, least) + least * at
    return placed


def _first(group: Sequence[int], heights: Sequence[float], least: float) -> float:
    """The position of the lowest of a group, for the group to be around its mean."""
    return sum(heights[one] for one in group) / len(group) - least * (len(group) - 1) / 2


def _draw_ratios(axes: Any, threads: int, race: Race) -> None:
    """One row for each contender; where the products count, the axis ends at _NEAR."""
    floor = race.entry("floor", threads)
    near = race.size in NEAR_SIZES
    for row, name in enumerate(DRAWN):
        entry = race.entry(name, threads)
        if entry is None or floor is None:
            axes.text(0.5, row, "not measured", transform=axes.get_yaxis_transform(), **_NOTE)
            continue
        found = ratio(entry.seconds, floor.seconds)
        if near and found.median > _NEAR[1]:
            text = f"{significant(found.median)} \u2192"
            place = axes.get_yaxis_transform()
            axes.text(0.99, row, text, transform=place, ha="right", va="center", fontsize=7)
            continue
        medians, (below, above) = _bars([found])
        axes.errorbar(medians, [row], xerr=[below, above], **look(name), **_QUARTILES)
    axes.axvline(1, color="0.3", linestyle=":", linewidth=1, zorder=0)
    axes.set_xscale("log")
    axes.set_xlim(*(_NEAR if near else (0.4, 200)))
    axes.set_xticks(
        *((ticks := [0.6, 0.8, 1, 1.5, 2] if near else [1, 10, 100]), [f"{t:g}" for t in ticks])
    )
    axes.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axes.set_ylim(len(DRAWN) - 0.5, -0.5)
    axes.grid(color="0.9")
    axes.tick_params(axis="y", length=0)
    axes.set_title(str(race.size))


_NOTE = {"ha": "center", "va": "center", "color": "0.45", "fontsize": 6.5, "style": "italic"}

#: Where the products count, and everyone is near the floor.
NEAR_SIZES = SIZES[2:]


def _bars(values: Sequence[Any]) -> tuple[list[float], list[list[float]]]:
    """Medians, and how far the quartiles lie below and above."""
    medians = [value.median for value in values]
    below = [value.median - value.low for value in values]
    above = [value.high - value.median for value in values]
    return medians, [below, above]


def draw_generation(costs: Sequence[Generation]) -> Any:
    """CPU seconds and bytes of source over the steps written out, and of the loop for any T."""
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        titles = {"cpu": "CPU time, s", "bytes": "source, kB (logarithmic)"}
        scale = {"cpu": 1.0, "bytes": 1e-3}
        steps = sorted({cost.unroll for cost in costs if cost.unroll is not None})
        for axes, (quantity, title) in zip(panels, titles.items(), strict=True):
            for style, beside in {"fast": 0.88, "textbook": 1.14}.items():
                drawn = look("fast@rows" if style == "fast" else style)
                own = [c for c in costs if c.style == style]
                # Loops have a place of their own, where the two stand side by side.
                places = [_ANY_T * beside if c.unroll is None else c.unroll for c in own]
                heights = [getattr(c, quantity) * scale[quantity] for c in own]
                loops = sum(c.unroll is None for c in own)
                axes.plot(places[:loops], heights[:loops], **drawn)
                axes.plot(places[loops:], heights[loops:], label=style, **drawn)
            axes.axvline(_ANY_T**0.5, color="0.7", linestyle=":", linewidth=1)
            axes.set_title(title, loc="left")
            axes.set_xlabel("time steps written out")
            axes.set_xscale("log", base=2)
            axes.set_xticks([_ANY_T, *steps], ["any T\n(loop)", *map(str, steps)])
            axes.set_xticks([], minor=True)
            axes.grid(axis="y", color="0.9")
            axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.16, 1))
        panels[0].set_ylim(bottom=0)  # most of it does not depend on T
        panels[1].set_yscale("log")
        panels[1].yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
        figure.suptitle("Cost of generating the reference GRU, a fresh process each")
    return figure


#: Where kernels for any T stand on an axis of steps.
_ANY_T = 0.2


def draw_profiles(profiles: Sequence[Profile]) -> Any:
    """Bars as high as the ratio to the floor, divided by kind; an axis for the sizes near it."""
    sizes = list(dict.fromkeys(profile.size for profile in profiles))
    far = [size for size in sizes if size not in NEAR_SIZES]
    parts = [part for part in (far, [size for size in sizes if size in NEAR_SIZES]) if part]
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(
            1,
            len(parts),
            figsize=(9, 4.4),
            layout="constrained",
            squeeze=False,
            width_ratios=[len(part) for part in parts],
        )
        for axes, part in zip(panels[0], parts, strict=True):
            _draw_shares(axes, [one for one in profiles if one.size in part])
        panels[0][0].set_ylabel("time relative to the GEMM floor")
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        figure.suptitle(
            "Where the time goes: fast kernels for any T, by T,B,D,H; float32, one thread"
        )
    return figure


def _draw_shares(axes: Any, profiles: Sequence[Profile]) -> None:
    """One bar for each size and layout, with its height on top and its layout below."""
    sizes = list(dict.fromkeys(profile.size for profile in profiles))
    layouts = list(dict.fromkeys(profile.layout for profile in profiles))
    wide = len(layouts) + 0.8  # between two sizes a gap of nearly a bar
    where = [sizes.index(p.size) * wide + layouts.index(p.layout) for p in profiles]
    bottom = [0.0] * len(profiles)
    for kind, colour in _KIND_COLOURS.items():
        heights = [profile.kinds[kind] / profile.floor for profile in profiles]
        axes.bar(
            where,
            heights,
            0.88,
            bottom,
            label=kind,
            color=colour,
            hatch=_KIND_HATCHES[kind],
            edgecolor="white",
            linewidth=0.3,
        )
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    for middle, top in zip(where, bottom, strict=True):
        axes.annotate(
            f"{top:.2f}",
            (middle, top),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.axhline(1, color="0.3", linestyle=":", linewidth=1, zorder=0, label="floor")
    axes.set_xticks(where, [profile.layout for profile in profiles], rotation=90)
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 1.1 * max(bottom))
    for at, size in enumerate(sizes):
        middle = at * wide + (len(layouts) - 1) / 2
        axes.text(middle, 1.0, str(size), transform=axes.get_xaxis_transform(), ha="center")


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
    """Draw all results that there are."""
    figures = {}
    if (folder / "race.json").exists():
        for dtype, threads, races in speed_groups(read(folder / "race.json")):
            name = f"speed_{dtype}_{threads}_thread{'s' * (threads > 1)}"
            figures[name] = draw_speed(dtype, threads, races)
            if (dtype, threads) == ("float32", 1):
                figures["overview"] = draw_overview(races)
    if (folder / "profile.json").exists():
        figures["profile"] = draw_profiles(read_profiles(folder / "profile.json"))
    if (folder / "generation.json").exists():
        figures["generation"] = draw_generation(read_generation(folder / "generation.json"))
    into.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(into / f"{name}.png", dpi=160)
        click.echo(f"wrote {into / name}.png")


if __name__ == "__main__":
    main()
