"""Independent truths: the kernels against numbers made without gru_codegen.

Each truth has the equations of the cells written a second time, in another system: mpmath at 60
digits, torch autograd, scalar SymPy. They share no line with the compiler, only the equations. Each
is put to four kinds of kernel, which take turns: both styles, of fixed length and of any.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, NamedTuple

import gru_codegen as gc


class Kind(NamedTuple):
    """A style, and whether the kernel is for one number of time steps or for any."""

    style: str
    fixed: bool

    def __str__(self) -> str:
        return f"{self.style}-{'fixed' if self.fixed else 'any'}"

    def load(self, cell: str, steps: int, loss: str = "l2", readout: str = "none") -> ModuleType:
        """The kernel of a cell that runs T = `steps` time steps."""
        return _load(cell, loss, readout, self.style, steps if self.fixed else None)


KINDS = [Kind(style, fixed) for style in ("fast", "textbook") for fixed in (True, False)]


@functools.cache
def _load(cell: str, loss: str, readout: str, style: Any, unroll: int | None) -> ModuleType:
    given = {"loss": gc.losses[loss], "readout": readout, "style": style, "unroll": unroll}
    return gc.load(gc.cells[cell], **given)


def state_of(kernel: ModuleType, states: Any) -> Any:
    """States as the kernel takes and gives them: one is an array, several are a NamedTuple."""
    return kernel.State(*states) if len(kernel.STATES) > 1 else states[0]


def states_of(kernel: ModuleType, state: Any) -> tuple[Any, ...]:
    """The states that a kernel gives, as a tuple of arrays."""
    return tuple(state) if len(kernel.STATES) > 1 else (state,)
