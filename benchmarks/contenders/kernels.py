"""The generated kernels, each with a Workspace that it keeps from call to call."""

from __future__ import annotations

from functools import cache, partial
from types import ModuleType
from typing import Any

import gru_codegen as gc
from benchmarks.contenders import Prepared
from benchmarks.problem import Problem


def prepare(
    problem: Problem, cell: str, *, style: Any, unroll: bool, layout: str | None = None
) -> Prepared:
    """A kernel for exactly the steps of the problem or for any, in a layout or in the default."""
    return with_workspace(_loaded(cell, len(problem.x) if unroll else None, style, layout), problem)


@cache  # another size or dtype may ask for the same one
def _loaded(cell: str, unroll: int | None, style: Any, layout: Any) -> ModuleType:
    options = {} if layout is None else {"layout": layout}
    return gc.load(gc.cells[cell], unroll=unroll, style=style, **options)


def with_workspace(kernel: ModuleType, problem: Problem) -> Prepared:
    """The call of a kernel with a Workspace that it keeps, and the reader of its results."""
    (_, B, D), H = problem.x.shape, problem.y.shape[2]
    params = kernel.Params(**problem.params)
    several = len(kernel.STATES) > 1
    before = kernel.State(**problem.states) if several else problem.states["S"]
    workspace = kernel.Workspace(B, D, H, dtype=problem.x.dtype)

    def read(result: Any) -> dict[str, Any]:
        after = result.state._asdict() if several else {"S": result.state}
        return {"loss": result.loss, **after, **result.gradients._asdict()}

    arguments = params, problem.x, problem.y, before
    return partial(kernel.loss_and_gradients, *arguments, workspace=workspace), read
