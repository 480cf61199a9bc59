"""The process of one contender: it prepares, checks and times it when asked to.

    python -m benchmarks.worker CONTENDER THREADS

One JSON object a line: requests on standard input, an answer to each on standard output. The first
answer comes unasked.

    {"versions": {...}}  or {"skip": why}        the library is there, or is not
    {"ask": "prepare", "problem": file, "cell": name, "dtype": name, "seconds": of a sample}
        {"calls": of a sample, "call_seconds": s, "error": e}  or {"skip": why}
    {"ask": "sample"}
        {"seconds": per call, "cpu": seconds per call}

The environment, which says how many threads BLAS and OpenMP may use, is the parent's to set: NumPy
reads it when it is imported.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from timeit import Timer
from typing import Any, TextIO

from benchmarks.contenders import Contender, contender

__all__ = ["main", "serve"]


def serve(name: str, threads: int, requests: TextIO, answers: TextIO) -> None:
    """Answer every request until there are no more."""

    def answer(**content: Any) -> None:
        print(json.dumps(content), file=answers, flush=True)

    one = contender(name)
    if find_spec(one.package) is None:
        answer(skip=f"{one.package} is not installed")
        return
    with processors(threads):
        prepare = one.prepare
    versions = {package: version(package) for package in ("numpy", one.package)}
    answer(versions={"python": platform.python_version(), **versions})

    timer, calls = Timer(), 0
    for line in requests:
        request = json.loads(line)
        if request["ask"] == "prepare":
            try:
                call, once, error = checked(one, prepare, request)
            except Exception as failure:
                answer(skip=f"{type(failure).__name__}: {failure}")
                continue
            timer = Timer(call)
            call_seconds = duration(timer, once, request["seconds"])
            calls = max(1, round(request["seconds"] / call_seconds))
            answer(calls=calls, call_seconds=call_seconds, error=error)
        else:
            if calls > 1:
                timer.timeit(1)  # the caches are still another process's
            began = process_time()
            seconds = timer.timeit(calls)
            answer(seconds=seconds / calls, cpu=(process_time() - began) / calls)


def checked(
    one: Contender, prepare: Callable[..., Any], request: dict[str, Any]
) -> tuple[Callable[[], Any], float, float]:
    """The call; how long it takes the second time, all warm, and the error of its result."""
    from benchmarks.problem import disagreement, load  # NumPy, once the library has had its turn

    problem = load(Path(request["problem"]), request["dtype"])
    call, read = prepare(problem, request["cell"], **one.options)
    call()
    began = perf_counter()
    result = call()
    seconds = perf_counter() - began
    return call, seconds, disagreement(read(result), problem.truth, one.omits)


def duration(timer: Timer, once: float, seconds: float) -> float:
    """The time of a call that took `once`; the least of as many as are half a sample together.

    One that is longer than that by itself is not called again.
    """
    shortest = spent = once
    while spent < seconds / 2:
        once = timer.timeit(1)
        shortest, spent = min(shortest, once), spent + once
    return shortest


@contextmanager
def processors(count: int) -> Iterator[None]:
    """Let this process see only so many processors.

    That is how XLA decides how many threads its pool gets. Afterwards every thread may run anywhere
    again, so that nobody is tied to a processor that others use.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_of_them)[:count])
    yield
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), all_of_them)


def main() -> None:
    name, threads = sys.argv[1:]
    # What a library prints must not end up between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(name, int(threads), sys.stdin, answers)


if __name__ == "__main__":
    main()
