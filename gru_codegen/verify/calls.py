"""All the functions of a kernel, called with the same arguments."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from .configuration import Arguments


class Results(NamedTuple):
    """What each function returned; ``again`` is the second return of `loss_and_gradients`."""

    loss_and_gradients: Any
    forward: Any
    loss: Any
    again: Any


def call(kernel: ModuleType, arguments: Arguments, workspace: Any = None) -> Results:
    """Call them in turn, `loss_and_gradients` both before and after the others."""
    params, x, y, s0 = arguments
    return Results(
        kernel.loss_and_gradients(params, x, y, s0, workspace=workspace),
        kernel.forward(params, x, s0, workspace=workspace),
        kernel.loss(params, x, y, s0, workspace=workspace),
        kernel.loss_and_gradients(params, x, y, s0, workspace=workspace),
    )
