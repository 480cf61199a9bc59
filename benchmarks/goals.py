"""The goals of the generated kernels, as data: at most so much of a peer's time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.results import Entry, Race, Results
from benchmarks.sizes import LARGEST, SIZES, Size
from benchmarks.spread import Spread, ratio, spread

__all__ = [
    "GOALS",
    "IMPORT_SECONDS",
    "Goal",
    "Verdict",
    "compared",
    "concerns_goal",
    "fastest",
    "judging",
    "verdicts",
]


class Goal(NamedTuple):
    """`contender` takes at most `at_most` times the time of `peer`, on the threads given.

    `fast` and `fast-any` are tuned for the size: they stand for the layout that is the fastest
    there. `fast@default` is the layout that is taken for all sizes unless told otherwise.
    """

    cell: str
    size: Size
    contender: str
    peer: str
    at_most: float
    threads: int = 1
    peer_threads: int = 1
    dtype: str = "float32"


# The unrolled kernel of the reference GRU against each peer, from the smallest size up.
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
    # The layout that is the default does well where it is not the best, ...
    *(Goal("gru", size, "fast@default", "fast", 1.3) for size in SIZES[2:]),
    # ... a time loop costs little more than the steps written out, ...
    *(Goal("gru", size, "fast-any", "fast", 1.15) for size in SIZES[2:]),
    # ... and a second thread costs nothing.
    *(Goal("gru", size, "fast", "fast", 1.0, threads=2) for size in LARGEST),
)

#: What importing a kernel of 32 steps may take beyond NumPy's own import.
IMPORT_SECONDS = 0.040


class Verdict(NamedTuple):
    """A goal, who is held to it, and the ratio of times, which is the measure, and of CPU times.

    products: what the matrix products alone would take of the peer's time, were each as fast as the
    fastest product of the machine; None where that was not measured. rounds: of how many rounds
    the ratios are.
    """

    goal: Goal
    contender: str
    peer: str
    ratio: Spread
    cpu: Spread
    products: float | None = None
    rounds: int = 0

    @property
    def met(self) -> bool:
        return self.ratio.median <= self.goal.at_most

    @property
    def words(self) -> str:
        """ "met" or "missed", whether "narrowly", and whether CPU times say otherwise.

        Narrowly: the goal is within the quartiles, so that another run may say otherwise. Of
        several threads CPU times say nothing: those that wait for others are busy too.
        """
        narrowly = self.ratio.low < self.goal.at_most < self.ratio.high
        by_wall = ("narrowly " if narrowly else "") + _VERDICT[self.met]
        by_cpu = self.cpu.median <= self.goal.at_most
        if by_cpu == self.met or max(self.goal.threads, self.goal.peer_threads) > 1:
            return by_wall
        return f"{by_wall}, by CPU time {_VERDICT[by_cpu]}"


_VERDICT = {True: "met", False: "missed"}


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every goal that these results can tell of."""
    for goal in GOALS:
        for race in results.races:
            if (race.cell, race.size, race.dtype) != (goal.cell, goal.size, goal.dtype):
                continue
            own = _named(race, goal.contender, goal.threads, results.default_layout)
            peer = _named(race, goal.peer, goal.peer_threads, results.default_layout)
            if own is not None and peer is not None:
                wall, cpu = compared(race, own, peer)
                products = _products(goal, peer, results.gemm_rate)
                rounds = len(judging(race, own, peer))
                yield Verdict(goal, own.contender, peer.contender, wall, cpu, products, rounds)


def concerns_goal(cell: str, size: Size, dtype: str, contender: str, threads: int) -> bool:
    """True if a goal is about this contender, as the one held to it or as the peer.

    One that is about a kernel is about all its layouts.
    """
    kernel = contender.partition("@")[0]
    return any(
        (name.partition("@")[0], count) == (kernel, threads)
        for goal in GOALS
        if (goal.cell, goal.size, goal.dtype) == (cell, size, dtype)
        for name, count in ((goal.contender, goal.threads), (goal.peer, goal.peer_threads))
    )


def compared(race: Race, own: Entry, peer: Entry) -> tuple[Spread, Spread]:
    """The ratios of times and of CPU times, in rounds that have not chosen the fastest layout.

    The one that is chosen is partly the one that was lucky, and its luck must not count. Where the
    two met in no other rounds, it is those that have chosen.
    """
    rounds = slice(judging(race, own, peer).start, None)
    wall = ratio(own.seconds[rounds], peer.seconds[rounds])
    return wall, ratio(own.cpu[rounds], peer.cpu[rounds])


def judging(race: Race, own: Entry, peer: Entry) -> range:
    """The rounds in which `compared` compares the two."""
    met = min(len(own.seconds), len(peer.seconds))
    return range(race.choosing if race.choosing < met else 0, met)


def _products(goal: Goal, peer: Entry, rate: float) -> float | None:
    """The products of a goal at the given rate, which is of one thread in float32."""
    if not rate or max(goal.threads, goal.peer_threads) > 1 or goal.dtype != "float32":
        return None
    return goal.size.gemm_flops(goal.cell) / rate / spread(peer.seconds).median


def fastest(race: Race, kernel: str, threads: int) -> Entry | None:
    """The layout of a generated kernel that takes the least time; None if it did not run.

    The rounds that choose say which it is, by their least time, as `--tune` does it: what else the
    machine does can only slow a call. How fast it is, `compared` asks the others. Of one thread it
    is the CPU time that counts, which other programs disturb less.
    """
    layouts = [
        entry
        for entry in race.entries
        if entry.contender.partition("@")[0] == kernel and entry.threads == threads
    ]

    def time(entry: Entry) -> list[float]:
        samples = entry.cpu if threads == 1 else entry.seconds
        return samples[: race.choosing or None]

    return min(layouts, key=lambda one: min(time(one)), default=None)


def _named(race: Race, name: str, threads: int, default_layout: str) -> Entry | None:
    """The contender behind a name in a goal."""
    kernel, at, _ = name.partition("@")
    if at:
        found = race.entry(f"{kernel}@{default_layout}", threads)
        return found or race.entry(kernel, threads)  # the same by another name
    return fastest(race, kernel, threads)
