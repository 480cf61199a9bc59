"""The results of a run, every single number of it, and their JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.sizes import Size

__all__ = [
    "RESULTS",
    "Entry",
    "Generation",
    "Profile",
    "Race",
    "Results",
    "read",
    "read_generation",
    "read_profiles",
    "write",
]

#: Where the commands of this folder write, and where they read, unless told otherwise.
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Entry:
    """One contender on so many threads.

    seconds, cpu: per call, wall clock and CPU of the whole process, one of each a round, from the
        first round on; some do not take part in the last rounds.
    calls: how many calls a sample is made of.
    error: the largest, relative to the largest entry of each array.
    """

    contender: str
    threads: int
    calls: int
    error: float
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Race:
    """Contenders that were timed in turn, at one size in one dtype; and why others were not.

    choosing: in so many rounds, the first ones, it is found who is the fastest layout; the others
        tell how fast that one is. 0 where all rounds do both.
    """

    cell: str
    size: Size
    dtype: str
    entries: list[Entry]
    skipped: dict[str, str] = field(default_factory=dict)
    choosing: int = 0

    def entry(self, contender: str, threads: int) -> Entry | None:
        return next(
            (e for e in self.entries if (e.contender, e.threads) == (contender, threads)), None
        )

    def __str__(self) -> str:
        return f"{self.cell}, (T, B, D, H) = ({self.size}), {self.dtype}"


@dataclass(frozen=True)
class Results:
    """A run.

    machine: the processor, how many cores, vector instructions, and the BLAS of NumPy;
    versions: of Python and of every library; default_layout: of the kernels called just `fast`.
    imports: seconds beyond NumPy's import, one of each a process, by how the kernel was found.
    gemm_rate: operations per second of the fastest product of this machine, float32, one thread.
    """

    machine: dict[str, Any]
    versions: dict[str, str]
    races: list[Race]
    imports: dict[str, list[float]] = field(default_factory=dict)
    default_layout: str = ""
    gemm_rate: float = 0.0


@dataclass(frozen=True)
class Generation:
    """The cost of generating one kernel: CPU seconds in a fresh process, and bytes of source."""

    style: str
    unroll: int | None
    cpu: float
    bytes: int


@dataclass(frozen=True)
class Profile:
    """The time of one kernel: seconds of its statements by kind, and of the floor."""

    layout: str
    size: Size
    floor: float
    kinds: dict[str, float]

    @property
    def call(self) -> float:
        """Seconds of one call."""
        return sum(self.kinds.values())


def write(content: Results | list[Generation] | list[Profile], path: Path) -> None:
    """Write as JSON; the folder is made if need be."""
    data = [asdict(c) for c in content] if isinstance(content, list) else asdict(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n")


def read(path: Path) -> Results:
    """The run that `write` has written to `path`."""
    data = json.loads(path.read_text())
    for race in data["races"]:
        race["size"] = Size(*race["size"])
        race["entries"] = [Entry(**entry) for entry in race["entries"]]
    return Results(**{**data, "races": [Race(**race) for race in data["races"]]})


def read_profiles(path: Path) -> list[Profile]:
    return [Profile(**{**one, "size": Size(*one["size"])}) for one in json.loads(path.read_text())]


def read_generation(path: Path) -> list[Generation]:
    return [Generation(**one) for one in json.loads(path.read_text())]
