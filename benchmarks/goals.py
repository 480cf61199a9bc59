"""What the generated kernels have to reach, as data: at most so much of a peer's time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.results import Race, Results
from benchmarks.sizes import LARGEST, SIZES, Size
from benchmarks.spread import Spread, ratio

__all__ = ["GOALS", "IMPORT_SECONDS", "Goal", "Verdict", "verdicts"]


class Goal(NamedTuple):
    """`contender` takes at most `at_most` times the time of `peer`, on the threads given."""

    cell: str
    size: Size
    contender: str
    peer: str
    at_most: float
    threads: int = 1
    peer_threads: int = 1
    dtype: str = "float32"


# The unrolled `fast` kernel of the reference GRU against each peer, from the smallest size up.
_REFERENCE = {
    "torch-nn": (0.08, 0.12, 0.47, 0.76, 0.78),
    "jax-scan": (3.0, 0.65, 0.83, 0.72, 0.66),
    "hand-written": (0.20, 0.28, 0.78, 0.92, 0.90),
    "floor": (2.0, 1.8, 1.32, 1.18, 1.08),
}

# The same against the layers of torch.nn with biases, at the third and the fourth size.
_FAMILY = {"gru-reset-after": 0.8, "rnn": 0.8, "lstm": 0.85}

GOALS = (
    *(
        Goal("gru", size, "fast", peer, at_most)
        for peer, column in _REFERENCE.items()
        for size, at_most in zip(SIZES, column, strict=True)
    ),
    *(
        Goal(cell, size, "fast", "torch-nn", at_most)
        for cell, at_most in _FAMILY.items()
        for size in SIZES[2:4]
    ),
    # A time loop costs little more than the steps written out, ...
    *(Goal("gru", size, "fast-any", "fast", 1.15) for size in SIZES[2:]),
    # ... and a second thread costs nothing.
    *(Goal("gru", size, "fast", "fast", 1.0, threads=2) for size in LARGEST),
)

#: What importing a kernel of 32 steps may take beyond NumPy's own import.
IMPORT_SECONDS = 0.040


class Verdict(NamedTuple):
    """A goal, who is held to it, and the ratio of times, which is the measure, and of CPU times."""

    goal: Goal
    contender: str
    peer: str
    ratio: Spread
    cpu: Spread

    @property
    def met(self) -> bool:
        return self.ratio.median <= self.goal.at_most


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every goal that these results can tell of.

    A contender with a layout in its name, fast@LAYOUT, is held to the goals of `fast`; where
    the peer is a generated kernel too, that is the one of the same layout.
    """
    for goal in GOALS:
        for race in results.races:
            if (race.cell, race.size, race.dtype) == (goal.cell, goal.size, goal.dtype):
                yield from _in_race(goal, race)


def _in_race(goal: Goal, race: Race) -> Iterator[Verdict]:
    for entry in race.entries:
        base, at, layout = entry.contender.partition("@")
        if (base, entry.threads) != (goal.contender, goal.threads):
            continue
        peer = goal.peer + at + layout if goal.peer.startswith("fast") else goal.peer
        other = race.entry(peer, goal.peer_threads)
        if other is not None:
            wall, cpu = ratio(entry.seconds, other.seconds), ratio(entry.cpu, other.cpu)
            yield Verdict(goal, entry.contender, peer, wall, cpu)
