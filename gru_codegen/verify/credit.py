"""Checks of `credit`: each error at each step, and what is said of how large it is.

Sums over both would prove nothing: a split that is off by one step has the same. The error of one
step alone is what loss weights leave of it, and the steps from one on alone are a run from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .claim import Claim, over, tolerance
from .complex_step import TOLERANCE
from .configuration import Arguments, Array, Problem
from .difference import Difference, difference, verdict, worst
from .options import ended, lengths, padded, spoilt, weights


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about the terms of gradients, and about their norms, shares and rests."""
    allowed = tolerance(problems, TOLERANCE)
    return [
        Claim("credit", "errors one by one", None, allowed, over(problems, _errors)),
        Claim("credit", "runs from each step on", None, allowed, over(problems, _runs)),
        Claim("credit", "norms, shares, truncation", None, allowed, over(problems, _measures)),
    ]


class _Masked(NamedTuple):
    """A call of `credit` with options.

    V: the loss weights (T, B) that count, 0 past the lengths. left: those lengths (B,). found: the
    result, of arguments that are NaN where they may not be read.
    """

    V: Array
    left: Array
    found: Any


def _masked(problem: Problem) -> _Masked:
    """Call it; of the error of one step no sample has any part."""
    T, B = problem.sizes[:2]
    V, left = weights(T, B), lengths(T, B, max(T + 1 - B, 0))  # some sample has all steps
    V[T // 2 : T // 2 + (T > 2)] = 0
    over, read = ended(T, left), problem.arguments
    read = padded(read, over, over | (V == 0))
    found = problem.kernel.credit(*read.trained, loss_weights=V, lengths=left, full=True)
    return _Masked(np.where(over, 0, V), left, found)


def _errors(problem: Problem) -> Difference:
    """The sums over steps of the terms of each error against its gradient alone."""
    T, B = problem.sizes[:2]
    full = problem.kernel.credit(*problem.arguments.trained, full=True).full
    V, left = np.ones((T, B)), np.full(B, T)
    return worst(_of_run(problem, full, 0, problem.arguments.s0, V, left))


def _runs(problem: Problem) -> Difference:
    """The sums over steps from one on against a run that begins there."""
    kernel, read = problem.kernel, problem.arguments
    V, until, found = _masked(problem)
    differences: list[Difference] = []
    state = read.s0
    for start in range(len(V)):
        left = np.clip(until - start, 0, None)
        differences += _of_run(problem, found.full, start, state, V, left)
        now = _from(read, start)._replace(s0=state)
        _, state = kernel.forward(*now.run, lengths=np.clip(left, 0, 1))
    return worst(differences)


def _of_run(
    problem: Problem, full: Any, start: int, s0: Any, V: Array, left: Array
) -> Iterator[Difference]:
    """Compare the error of each step k by way of step `start` and later with a run from there on.

    Its steps come first, and samples have so many of them left: the rest is padding.
    """
    kernel, read = problem.kernel, problem.arguments
    now = _from(read, start)._replace(s0=s0)
    for k in range(start, len(V)):
        alone = np.where(np.arange(len(V))[:, None] == k, V, 0)
        y = np.roll(spoilt(read.y, alone == 0), -start, axis=0)
        given = {"loss_weights": np.roll(alone, -start, axis=0), "lengths": left}
        gradients = kernel.loss_and_gradients(*now._replace(y=y).trained, **given).gradients
        # A mean over what counts of this step alone becomes one over all that counts.
        share = problem.loss.divisor(alone) / problem.loss.divisor(V)
        gradients = type(gradients)(*(share * gradient for gradient in gradients))
        name = f"at {problem}, error of step {k + 1} from step {start + 1} on"
        terms = type(gradients)(*(E[k, start:].sum(axis=0) for E in full))
        yield difference(name, terms, gradients)


def _from(read: Arguments, start: int) -> Arguments:
    """The arguments with the inputs of step `start` first."""
    return read.with_inputs(np.roll(each, -start, axis=0) for each in read.inputs)


def _measures(problem: Problem) -> Difference:
    return worst(_of_measures(problem))


def _of_measures(problem: Problem) -> Iterator[Difference]:
    """Compare norms, shares and truncation with their definitions, from the terms themselves."""
    V, left, found = _masked(problem)
    read, T = problem.arguments.trained, len(V)
    whole = problem.kernel.loss_and_gradients(*read, loss_weights=V, lengths=left).gradients
    blank = np.triu(np.ones((T, T), bool), 1) | (V == 0).all(axis=1)[:, None]
    yield difference(f"at {problem}, gradients of credit", found.gradients, whole)
    for name in whole._fields:
        measured = (getattr(found.norms, name), getattr(found.shares, name))
        fits = all((np.isnan(each) == blank).all() for each in measured)
        yield verdict(fits, f"at {problem}, {name} is not NaN just where there is no error")
        E, dW = getattr(found.full, name), getattr(whole, name)
        for title, actual, expected in zip(
            ("norms", "shares"), measured, _defined(E, dW), strict=True
        ):
            yield difference(f"at {problem}, {title} of {name}", actual[~blank], expected[~blank])
        actual = getattr(found.truncation, name)
        yield difference(f"at {problem}, truncation of {name}", actual, _left_out(E, dW))


def _defined(E: Array, dW: Array) -> tuple[Array, Array]:
    """The norms and the shares of all terms `E` of a gradient `dW`, by definition; 0 of none."""
    axes, square = tuple(range(2, E.ndim)), (dW**2).sum()
    return np.sqrt((E**2).sum(axis=axes)), (E * dW).sum(axis=axes) / (square or 1)


def _left_out(E: Array, dW: Array) -> Array:
    """The relative norms of what n = 0 .. T steps of back-propagation leave out; 0 of nothing."""
    travelled = np.subtract.outer(np.arange(len(E)), np.arange(len(E)))
    rests = [E[travelled >= n].sum(axis=0) for n in range(len(E) + 1)]
    left, square = [(rest**2).sum() for rest in rests], (dW**2).sum()
    return np.sqrt([each / (square or np.nan) if each else 0 for each in left])
