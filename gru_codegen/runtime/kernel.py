"""Stand-ins for the names that every kernel declares, typed as kernels declare them.

In a kernel the functions of this package read the kernel's own. Here they read those of a small
cell, two states and a bias among its weights, and so they can be typed, linted and tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNROLL: int | None = None
STATES: tuple[str, ...] = ("S", "C")
SHAPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "x": ("T", "B", "D"),
        "x.x": ("T", "B", "D"),
        "x.u": ("T", "B", "D"),
        "y": ("T", "B", "H"),
        "outputs": ("T", "B", "H"),
        "outputs.S": ("T", "B", "H"),
        "outputs.P": ("T", "B", "O"),
        "s0.S": ("B", "H"),
        "s0.C": ("B", "H"),
        "params.W": ("D", "H"),
        "params.Wrec": ("H", "H"),
        "params.b": ("H",),
        "constants.A": ("H", "H"),
        "constants.k": ("K",),
    }
)


class Params(NamedTuple):
    """The weights, or their gradients."""

    W: Array  # (D, H)
    Wrec: Array  # (H, H)
    b: Array  # (H,)


class Constants(NamedTuple):
    """Matrices that are given beside the weights and have no gradient."""

    A: Array  # (H, H)
    k: Array  # (K,)


class Inputs(NamedTuple):
    """The inputs of all time steps, or their gradients."""

    x: Array  # (T, B, D)
    u: Array  # (T, B, D)


class Outputs(NamedTuple):
    """The outputs of all time steps, or their adjoints."""

    S: Array  # (T, B, H)
    P: Array  # (T, B, O)


class State(NamedTuple):
    """The states."""

    S: Array  # (B, H)
    C: Array  # (B, H)


class Credit(NamedTuple):
    """The parts of the errors of all steps in the gradients."""

    norms: Params
    shares: Params
    truncation: Params
    gradients: Params
    full: Params | None


class Workspace:
    """The arrays of one call; methods that are the same in every kernel are copied from here."""

    def __init__(self, batch_size: int, input_size: int, hidden_size: int) -> None:
        self.batch_size = batch_size
        self.sizes = (batch_size, input_size, hidden_size)
        self.dtype: np.dtype[Any] = np.dtype(np.float64)
        self.calls: list[object] = []
        self.latest: object = None
        self.ended: Array | None = None
        self.copies: dict[str, Array] = {}
        self.capacity, self.steps = 0, -1
        self._allocate()
        self._show(0)

    def _allocate(self) -> None:
        self._S = np.empty((self.capacity, self.batch_size, self.sizes[2]), self.dtype)

    def _show(self, steps: int) -> None:
        self.steps = steps
        self.S = self._S[:steps]

    def admit(self, call: object) -> None:
        """Refuse `call`, which is among those under way, unless it came first."""
        if self.calls[0] is not call:
            raise RuntimeError(
                "workspace: this Workspace is in use by another call; give each thread one of "
                "its own"
            )

    def begin(self, steps: int) -> None:
        """Show the first `steps` steps of every array, larger ones if need be."""
        call = object()
        try:
            self.calls.append(call)
            self.admit(call)
            self._begin(steps)
        finally:
            self.calls.remove(call)

    def _begin(self, steps: int) -> None:
        if steps > self.capacity:
            self.capacity = steps
            self._allocate()
            self._show(steps)
        elif steps != self.steps:
            self._show(steps)

    def room(self, name: str, shape: tuple[int, ...]) -> Array:
        """An array for an argument that has to be changed first; the same one for the next call."""
        kept = self.copies.get(name)
        if kept is None or len(kept) < shape[0]:
            kept = self.copies[name] = np.empty(shape, self.dtype)
        return kept[: shape[0]]
