"""The fastest layout here: kernels in each of them, timed on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from time import perf_counter
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from gru_codegen.compare import definition_of
from gru_codegen.modules import load_source
from gru_codegen.passes import LAYOUTS, Layout
from gru_codegen.pipeline import source
from gru_codegen.request import Request
from gru_codegen.verify.configuration import Problem, Sizes, cast
from gru_codegen.verify.targets import Loss

__all__ = ["Timing", "fastest", "timings"]

#: How many times each kernel is timed, in turn with the others, and how long at least.
_ROUNDS, _SECONDS = 9, 0.02


class Timing(NamedTuple):
    """A layout, and the least time of a call of its kernel in seconds."""

    layout: Layout
    seconds: float


def fastest(found: list[Timing]) -> Timing:
    """That of the layout with the least time."""
    return min(found, key=lambda timing: timing.seconds)


def timings(
    request: Request,
    sizes: Sizes,
    *,
    dtype: type[np.generic] = np.float32,
    progress: Callable[[int, int], object] | None = None,
) -> list[Timing]:
    """The time of `loss_and_gradients` in each layout, at T time steps, batch B, sizes D and H.

    Every kernel keeps a Workspace. They are timed in turn, and the least time counts, since what
    else the machine does can only slow a call. Sizes that only this cell has are small. Calls
    `progress(done, total)`.
    """
    requests = [replace(request, layout=layout) for layout in LAYOUTS]
    loss = definition_of(request.loss)
    calls = [_call(load_source(source(each), each.name), loss, sizes, dtype) for each in requests]
    repeats = [max(1, round(_SECONDS / min(_time(call, 1) for _ in range(3)))) for call in calls]
    rounds: list[list[float]] = [[] for _ in calls]
    for done in range(_ROUNDS):
        for place in _turned(len(calls), done):  # none is always the first
            rounds[place].append(_time(calls[place], repeats[place]))
        if progress is not None:
            progress(done + 1, _ROUNDS)
    return [Timing(layout, min(own)) for layout, own in zip(LAYOUTS, rounds, strict=True)]


def _call(
    kernel: ModuleType, loss: Loss, sizes: Sizes, dtype: type[np.generic]
) -> Callable[[], Any]:
    problem = Problem(kernel, sizes, seed=0, definition=loss)
    arguments = cast(problem.arguments, dtype)
    params = arguments.params
    scale = np.sqrt(dtype(sizes.H))  # of order one before the gates, as `init_params` draws them
    arguments = arguments._replace(params=type(params)(*(weight / scale for weight in params)))
    workspace = problem.workspace(dtype)
    return partial(kernel.loss_and_gradients, *arguments.trained, workspace=workspace)


def _time(call: Callable[[], Any], repeats: int) -> float:
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats


def _turned(count: int, first: int) -> Iterator[int]:
    return ((first + place) % count for place in range(count))
