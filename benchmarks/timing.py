"""Workers, each a contender in a process of its own, and rounds in which they take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import perf_counter, sleep
from types import TracebackType
from typing import Any, NamedTuple, Protocol, TypeVar

__all__ = ["Sample", "Worker", "WorkerError", "limited_to", "orders", "take_turns"]

PROJECT = Path(__file__).parents[1]

#: For so long the threads of BLAS go on spinning when they have nothing more to do.
PAUSE = 0.03


class WorkerError(Exception):
    """A worker ended instead of answering."""


class Sample(NamedTuple):
    """Seconds per call, wall clock and CPU of the whole process."""

    seconds: float
    cpu: float


def limited_to(threads: int) -> dict[str, str]:
    """The environment that tells the libraries of linear algebra how many threads they may use."""
    names = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"
    return dict.fromkeys(names, str(threads))


class Worker:
    """The process of one contender, from `with` to the end of it.

    module, arguments: what the process runs, and what that is told besides contender and threads.
    skip: why there will be no answers, or "" if there will be. versions: of its imports.
    """

    def __init__(
        self,
        contender: str,
        threads: int,
        *,
        module: str = "benchmarks.worker",
        arguments: Sequence[str] = (),
    ) -> None:
        self.contender, self.threads = contender, threads
        environment = os.environ | {"PYTHONPATH": str(PROJECT)} | limited_to(threads)
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, contender, str(threads), *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            hello = self._answer()
        except WorkerError:
            self.close()
            raise
        self.skip: str = hello.get("skip", "")
        self.versions: dict[str, str] = hello.get("versions", {})

    def ask(self, what: str, **request: Any) -> dict[str, Any]:
        """The answer of the worker; WorkerError if it has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: no answer will come either
            self._process.stdin.write(json.dumps({"ask": what, **request}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def sample(self) -> Sample:
        return Sample(**self.ask("sample"))

    def close(self) -> None:
        """End the process: it stops when there are no more requests."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(
                f"the worker of {self.contender} on {self.threads} thread(s) ended: "
                f"exit status {self._process.wait()}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


class Sampled(Protocol):
    """A contender that can take a turn."""

    threads: int

    def sample(self) -> Sample: ...


One = TypeVar("One", bound=Sampled)


def take_turns(
    workers: Sequence[One], more: Callable[[int, float], bool]
) -> Iterator[list[tuple[One, Sample]]]:
    """Yield the samples of one round after another, one of every worker.

    `more(rounds, seconds)` is asked before each round, with what has been done. The order is
    another one in every round: caches, clock and threads that spin are left to whoever is next.
    """
    began = perf_counter()
    for rounds, order in enumerate(orders(len(workers))):
        if not more(rounds, perf_counter() - began):
            return
        samples = []
        for worker in (workers[one] for one in order):
            samples.append((worker, worker.sample()))
            if worker.threads > 1:
                sleep(PAUSE)
        yield samples


def orders(size: int) -> Iterator[list[int]]:
    """Yield the numbers below `size` in one order after another, without end if there are any.

    A Williams design (E. J. Williams, "Experimental designs balanced for the estimation of residual
    effects of treatments", 1949). In the first `size` orders everyone has every place once and
    follows everyone else once; if `size` is odd, that takes twice as many: as many again, reversed.
    """
    zigzag = [-(place // 2) if place % 2 == 0 else place // 2 + 1 for place in range(size)]
    for shift in count() if size else ():
        order = [(number + shift) % size for number in zigzag]
        yield order[::-1] if size % 2 and shift // size % 2 else order
