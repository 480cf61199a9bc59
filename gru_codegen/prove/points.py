"""The sizes and the random arguments of one run, of a declaration and not of the module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gru_codegen.cell import Cell
from gru_codegen.constants import stored_shape
from gru_codegen.losses import Loss
from gru_codegen.prove.field import Field
from gru_codegen.verify.options import ended

__all__ = ["LENGTHS", "MASKS", "PADDING", "Given", "Point", "made"]

Array = Any

#: The optional arguments that a call is given: some of "s0", "d_state", `LENGTHS`, `MASKS`,
#: "loss_weights", which are (T, B), and "loss_weights by step", (T,). For "errors" see
#: `Point.errors`; with "no inputs" a pullback is not asked for their gradients.
Given = frozenset[str]
#: Lengths of two samples, of all steps and some, or of some and none: a step that is padding for
#: all with the one is not with the other.
LENGTHS: Given = frozenset({"lengths", "short lengths"})
#: After how many steps a mask changes: two steps that are alike by one are not by another.
MASKS = {"mask": 1, "mask by twos": 2}
#: What says which steps are padding.
PADDING: Given = frozenset({*LENGTHS, *MASKS})

#: The letters of sizes: that of samples, then that of which the smallest number saves most time.
_COSTLY = "BHD"


@dataclass(frozen=True)
class Point:
    """Random arguments in `field` for T time steps of `cell` and `loss`.

    Weights by name, a row (1, n) as a vector (n,), (1, 1) as a number; everything else with an axis
    of samples.
    """

    field: Field
    cell: Cell
    loss: Loss
    T: int
    apart: int

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The number for every size by its letter; none is `apart`, and no two are the same.

        Only that of samples may be 2: of H = 2 nobody could tell 2 H from 2 + H.
        """
        letters = {str(n) for s in self._symbols for n in s.shape if n.is_Symbol}
        free = (n for n in range(2, 99) if n != self.apart)
        return {letter: next(free) for letter in sorted(letters, key=_by_cost)}

    @property
    def _symbols(self) -> tuple[Any, ...]:
        cell = self.cell
        return (*cell.inputs, *cell.fixed, *cell.states, *cell.outputs)

    def _drawn(self, name: str, symbol: Any, steps: int | None = None) -> Array:
        shape = tuple(self.sizes.get(str(n), 1) for n in symbol.shape)
        own = shape if steps is None else (steps, *shape)
        return self.field.drawn(f"{name} at T = {self.T}", own)

    @cached_property
    def weights(self) -> dict[str, Array]:
        """Weights and constants by name.

        Those that are made of sizes may be any elements here, but the same whatever T is.
        """
        drawn = {symbol.name: self._drawn(symbol.name, symbol) for symbol in self.cell.arguments}
        drawn = {name: _stored(each) for name, each in drawn.items()}
        for symbol, pattern in self.cell.constants.items():
            if pattern is not None:
                shape = tuple(self.sizes.get(n, 1) for n in stored_shape(symbol))
                drawn[symbol.name] = made(self.field, pattern.name, shape, *pattern.numbers)
        return drawn

    @cached_property
    def inputs(self) -> tuple[Array, ...]:
        """For each input (T, B, n)."""
        return tuple(self._drawn(symbol.name, symbol, self.T) for symbol in self.cell.inputs)

    @cached_property
    def states(self) -> dict[str, Array]:
        """The initial value of each state by name."""
        return {state.name: self._drawn(f"{state}_0", state) for state in self.cell.states}

    @property
    def outputs(self) -> int:
        """The number of numbers of a sample and a step in the first output."""
        return self.sizes.get(str(self.cell.outputs[0].shape[1]), 1)

    @cached_property
    def targets(self) -> Array:
        """(T, B, O), or labels (T, B), which are integers of NumPy."""
        columns = self.outputs
        shape = (self.T, self.sizes["B"], columns)
        if self.loss.targets == "labels":
            steps, samples = np.indices(shape[:2])
            first = self.field.random("label", self.T) % columns
            return (first + steps + 2 * samples + steps * samples) % columns
        if self.loss.targets in ("fractions", "positive"):  # from 0 to 1 all are positive
            return self.field.fractions(f"targets at T = {self.T}", shape)
        return self.field.drawn(f"targets at T = {self.T}", shape)

    @cached_property
    def numbers(self) -> Array:
        """The targets as the equations have them, labels as rows with one 1."""
        if self.loss.targets != "labels":
            return self.targets
        return self.field.elements(np.eye(self.outputs, dtype=int)[self.targets])

    @cached_property
    def d_outputs(self) -> tuple[Array, ...]:
        """Adjoints of the outputs, which a pullback is given."""
        outputs = self.cell.outputs
        return tuple(self._drawn(f"d_outputs of {each}", each, self.T) for each in outputs)

    @cached_property
    def d_states(self) -> Mapping[str, Array]:
        """Adjoints of the last states, by name."""
        return {state.name: self._drawn(f"d_{state}", state) for state in self.cell.states}

    def lengths(self, given: Given) -> Array | None:
        """(B,) of a call that is `given` lengths: one is T and the others half, or half and 0."""
        if not given & LENGTHS:
            return None
        middle, samples = (self.T + 1) // 2, self.sizes["B"]
        first = [middle, 0] if "short lengths" in given else [self.T]
        return np.array([*first, *[middle] * samples][:samples])

    def mask(self, given: Given) -> Array | None:
        """(T, B) of a call that is `given` a mask: at every step some are real, some padding."""
        if not (chosen := given & MASKS.keys()):
            return None
        [name] = chosen
        steps, samples = np.indices((self.T, self.sizes["B"]))
        return (steps // MASKS[name] + samples) % 2 == 0

    def padding(self, given: Given) -> Array:
        """(T, B), the steps that are no real ones of a sample: masked, or past its length."""
        padding = np.zeros((self.T, self.sizes["B"]), bool)
        if (lengths := self.lengths(given)) is not None:
            padding |= ended(self.T, lengths)
        if (mask := self.mask(given)) is not None:
            padding |= ~mask
        return padding

    @cached_property
    def loss_weights(self) -> Array:
        """(T, B), some of them 0."""
        steps, samples = np.indices((self.T, self.sizes["B"]))
        return self._weights("loss weights", (steps + samples) % 4 == 2)

    @cached_property
    def step_weights(self) -> Array:
        """(T,), some of them 0 if there are enough."""
        return self._weights("loss weights by step", np.arange(self.T) % 4 == 1)

    @cached_property
    def errors(self) -> Array:
        """(T,), by which the errors of all steps are multiplied, so that one sum tells of each."""
        return self._weights("errors", np.zeros(self.T, bool))

    def _weights(self, name: str, zero: Array) -> Array:
        drawn = self.field.drawn(f"{name} at T = {self.T}", zero.shape)
        drawn[zero] = self.field.element(0)
        return drawn


def _stored(weight: Array) -> Array:
    """A weight as kernels take it."""
    if weight.shape == (1, 1):
        return weight.reshape(())
    return weight[0] if weight.shape[0] == 1 else weight


def made(field: Field, pattern: str, shape: tuple[int, ...], *numbers: int) -> Array:
    """Elements in the place of a constant that is made of sizes."""
    return np.asarray(field.drawn(f"{pattern} {numbers} of {shape}", shape), object)


def _by_cost(letter: str) -> tuple[int, str]:
    return _COSTLY.index(letter) if letter in _COSTLY else len(_COSTLY), letter
