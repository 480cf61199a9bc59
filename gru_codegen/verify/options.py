"""Optional arguments of a kernel: those that it takes, and data for them."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .configuration import Arguments, Array, Problem, mapped, states
from .entry_points import main, takes


class Options(NamedTuple):
    """The optional abilities of a kernel."""

    loss_weights: bool
    lengths: bool
    vjp: bool
    mask: bool


def options(kernel: ModuleType) -> Options:
    """Return the abilities of ``kernel``, by its names and by `loss_and_gradients`' signature."""
    return Options(
        takes(kernel, main(kernel), "loss_weights"),
        takes(kernel, main(kernel), "lengths"),
        hasattr(kernel, "vjp"),
        takes(kernel, main(kernel), "mask"),
    )


def weights(steps: int, batch: int) -> Array:
    """Return a weight for every sample of every step, (T, B): all differ, and some are 0."""
    drawn = 0.5 + np.random.default_rng([steps, batch]).uniform(size=(steps, batch))
    drawn[np.add.outer(np.arange(steps), np.arange(batch)) % 5 == 1] = 0
    return drawn


def lengths(steps: int, batch: int, first: int = 0) -> Array:
    """Return lengths (B,) from 0 to T, each as often as any, in no simple order."""
    drawn = (first + np.arange(batch)) % (steps + 1)
    return np.random.default_rng([steps, batch]).permutation(drawn)


def ended(steps: int, lengths: Array) -> Array:
    """Return where the samples have ended, (T, B)."""
    return np.asarray(np.arange(steps)[:, None] >= lengths)


def mask(steps: int, batch: int) -> Array:
    """Return which steps of each sample are real, (T, B): gaps, left padding, none, or all."""
    real = np.random.default_rng([steps, batch, 2]).uniform(size=(steps, batch)) < 0.6
    real[:, 0::4] = False  # a whole sample
    real[:, 1::4] = np.arange(steps)[:, None] >= (steps + 1) // 2
    real[:, 2::4] = True
    return real


class Adjoints(NamedTuple):
    """The arguments of a pullback: d_outputs like the outputs, and d_state like a state."""

    d_outputs: Any
    d_state: Any


def adjoints(problem: Problem) -> Adjoints:
    """Return random adjoints of outputs and last state."""
    rng = problem.drawn(4)
    drawn = [rng.standard_normal(shape) for shape in problem.state_shapes]
    d_state = drawn[0] if len(drawn) == 1 else problem.kernel.State(*drawn)
    return Adjoints(problem.drawn_like_outputs(rng), d_state)


def spoilt(array: Any, unread: Array, value: float = np.nan) -> Any:
    """Return ``array`` with ``value`` where ``unread`` (T, B) says that nothing may be read.

    For labels it is a class that there is not. Of several outputs each is changed.
    """
    if isinstance(array, tuple):
        return mapped(lambda each: spoilt(each, unread, value), array)
    if array.dtype.kind in "iu":
        return np.where(unread, -1, array)
    return np.where(unread[:, :, None], value, array)


def sample(value: Any, b: int) -> Any:
    """Return the part of an array, or of a tuple of them, of one sample, still as a batch."""
    if isinstance(value, tuple):
        return type(value)(*(part[b : b + 1] for part in value))
    return value[b : b + 1]


def rows(value: Any, chosen: Array) -> tuple[Array, ...]:
    """Return the rows of a state that ``chosen`` (B,) says, array by array."""
    return tuple(part[chosen] for part in states(value))


def padded(
    given: Arguments, padding: Array, unread: Array | None = None, value: float = np.nan
) -> Arguments:
    """Return arguments with ``value`` in the inputs of steps that are ``padding``, (T, B).

    Targets have it where they are ``unread``, or where the inputs have it if that is None.
    """
    inputs = (spoilt(array, padding, value) for array in given.inputs)
    y = spoilt(given.y, padding if unread is None else unread, value)
    return given.with_inputs(inputs)._replace(y=y)
