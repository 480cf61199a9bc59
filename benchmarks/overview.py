"""The picture of README.md: one training step, this project and what people would use instead."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from matplotlib import pyplot as plt

from benchmarks.goals import compared, fastest
from benchmarks.report import significant
from benchmarks.results import Race
from benchmarks.sizes import SIZES

__all__ = ["draw_overview"]

#: Each size in words.
_WORDS = dict(zip(SIZES, ("controller", "toy", "small", "middle", "large"), strict=True))
#: Who is beside the kernel, and the words and the colour of each (Okabe and Ito's).
_PEERS = {
    "hand-written": ("NumPy by hand", "#E69F00"),
    "torch-nn": ("torch.nn.GRU", "#D55E00"),
    "jax-scan": ("JAX, jit(scan)", "#CC79A7"),
    "floor": ("products alone", "#999999"),
}
_OWN = ("gru_codegen", "#0072B2")
_STYLE = {"font.size": 8, "axes.titlesize": 8.5, "axes.spines.top": False}


def draw_overview(races: Sequence[Race]) -> Any:
    """Bars as long as a call takes on one thread, a panel for each size; the shorter the better.

    The kernel is the one of the layout that is fastest at the size. Each other bar is as much
    longer as the median of the ratios of times from the same round says.
    """
    shown = [race for race in races if fastest(race, "fast", 1) is not None]
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(
            1, len(shown), figsize=(9, 2.4), layout="constrained", sharey=True, squeeze=False
        )
        for axes, race in zip(panels[0], shown, strict=True):
            _draw(axes, race)
        panels[0][0].set_yticks(range(len(_PEERS) + 1), [name for name, _ in _looks()])
        panels[0][0].get_yticklabels()[0].set_weight("bold")
        panels[0][0].invert_yaxis()
        figure.suptitle(
            "Loss and all six gradients of a GRU: time of one call, ms. Lower is better.",
            fontsize=9,
        )
    return figure


def _looks() -> list[tuple[str, str]]:
    return [_OWN, *_PEERS.values()]


def _draw(axes: Any, race: Race) -> None:
    own = fastest(race, "fast", 1)
    assert own is not None
    ours = 1e3 * median(own.seconds)
    times = [ours]
    for name in _PEERS:
        peer = race.entry(name, 1)
        times.append(ours * compared(race, peer, own)[0].median if peer else 0.0)
    for row, (time, (_, colour)) in enumerate(zip(times, _looks(), strict=True)):
        axes.barh(row, time, 0.7, color=colour)
        text = f" {significant(time) if time else 'not measured'}"
        axes.text(time, row, text, va="center")
    axes.set_xlim(0, 1.35 * max(times))
    axes.set_xticks([])
    axes.spines[["bottom", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    T, B, D, H = race.size
    words = (_WORDS.get(race.size, ""), f"T = {T}, B = {B}", f"D = {D}, H = {H}")
    axes.set_title("\n".join(words), loc="left")
