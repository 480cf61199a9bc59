"""Checks of lengths: of a padded batch, with samples of every length from 0 to T.

A kernel for any number of steps is compared with itself on each sample alone. One for a fixed
number cannot run a shorter sample; but what it does before a sample ends does not depend on what
comes after, and what it does after can be had by carrying on from the state that it returned. All
padding is NaN: it may not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import ModuleType
from typing import Any

import numpy as np

from .claim import Claim, tolerance
from .complex_step import STEP, TOLERANCE
from .configuration import Arguments, Array, Problem, cast, mapped, parts, states
from .difference import Difference, difference, worst
from .direction import along, direction, slope
from .entry_points import differentiated
from .options import (
    Adjoints,
    adjoints,
    ended,
    lengths,
    options,
    padded,
    rows,
    sample,
    spoilt,
    weights,
)
from .pullback import through_forward

#: The most samples in one batch: longer kernels get several.
BATCH = 64
#: The fewest. Where an equation compares, a few numbers may all be of one branch.
FEWEST = 10


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about outputs, state, loss and gradients of padded samples."""
    kernel = problems[0].kernel
    measures: dict[tuple[str, float | None], Callable[[Batch], Difference]] = {
        ("outputs, then carried on", None): _outputs,
        ("weighted sum of outputs", None): _loss,
        ("random direction", STEP): _gradients,
        ("padding is not read", None): _padding,
        ("no steps from zeros", None): _from_zeros,
    }
    if options(kernel).vjp:
        measures["complex step through forward", STEP] = _pullback
    if kernel.UNROLL is None:
        measures["padded = one by one", None] = _one_by_one
    all_batches = [batch for problem in problems for batch in batches(problem)]

    def over_batches(measure: Callable[[Batch], Difference]) -> Callable[[], Difference]:
        return lambda: worst(map(measure, all_batches))

    allowed = tolerance((batch.problem for batch in all_batches), TOLERANCE)
    return [
        Claim("lengths", method, step, allowed, over_batches(measure))
        for (method, step), measure in measures.items()
    ]


@dataclass(frozen=True)
class Batch:
    """A problem whose samples have ``lengths`` (B,)."""

    problem: Problem
    lengths: Array

    def __str__(self) -> str:
        return str(self.problem)

    @property
    def ended(self) -> Array:
        """The samples that have ended at each step, (T, B)."""
        return ended(self.problem.sizes.T, self.lengths)

    def arguments(self, padding: float = np.nan) -> Arguments:
        """The data, with ``padding`` where the samples have ended."""
        given = self.problem.arguments
        return padded(given, self.ended, value=padding)

    def adjoints(self, padding: float = np.nan) -> Adjoints:
        """The adjoints of outputs and state, with ``padding`` where the samples have ended."""
        d_outputs, d_state = adjoints(self.problem)
        return Adjoints(spoilt(d_outputs, self.ended, padding), d_state)


def batches(problem: Problem) -> Iterator[Batch]:
    """Yield batches in which every length occurs, and more than once if there are few."""
    T, _, D, H = problem.sizes
    B = min(max(T + 1, FEWEST), BATCH)
    while B in (1, T, D, H):
        B += 1
    wide = problem.other(sizes=problem.sizes._replace(B=B))
    for first in range(0, T + 1, B):
        yield Batch(wide, lengths(T, B, first))


def _outputs(batch: Batch) -> Difference:
    kernel, padded, s0 = batch.problem.kernel, batch.arguments(), batch.problem.arguments.s0
    outputs, state = kernel.forward(*padded.run, lengths=batch.lengths)
    trained = kernel.loss_and_gradients(*padded.trained, lengths=batch.lengths).state

    full, T = batch.problem.arguments, batch.problem.sizes.T
    whole, last = kernel.forward(*full.run)
    # Each sample's rest moved to the front: the state has to be where that begins.
    steps = np.arange(T)[:, None] + batch.lengths
    rest, remaining = np.minimum(steps, T - 1), (steps < T)[:, :, None]
    samples = np.arange(len(batch.lengths))
    moved = full.with_inputs(np.where(remaining, each[rest, samples], 0) for each in full.inputs)
    carried, _ = kernel.forward(*moved._replace(s0=state).run)
    none, all_ = batch.lengths == 0, batch.lengths == T
    return worst(
        [
            difference(
                f"at {batch}, outputs",
                outputs,
                mapped(lambda each: np.where(batch.ended[:, :, None], 0, each), whole),
            ),
            difference(f"at {batch}, state after no step", rows(state, none), rows(s0, none)),
            difference(f"at {batch}, state after all steps", rows(state, all_), rows(last, all_)),
            difference(
                f"at {batch}, outputs of what is carried on",
                mapped(lambda each: np.where(remaining, each, 0), carried),
                mapped(lambda each: np.where(remaining, each[rest, samples], 0), whole),
            ),
            difference(f"at {batch}, state with gradients", trained, state),
        ]
    )


def _loss(batch: Batch) -> Difference:
    kernel, padded = batch.problem.kernel, batch.arguments()
    outputs, _ = kernel.forward(*batch.problem.arguments.run)
    value = batch.problem.loss.value
    within = (~batch.ended).astype(float)
    differences = []
    for name, keywords, V in _weighted(batch):
        expected = value(outputs, batch.problem.arguments.y, V * within)
        keywords["lengths"] = batch.lengths
        result = kernel.loss_and_gradients(*padded.trained, **keywords)
        where = f"at {batch}{name}"
        differences += [
            difference(f"{where}, loss", kernel.loss(*padded.trained, **keywords), expected),
            difference(f"{where}, loss of the result", result.loss, expected),
        ]
    return worst(differences)


def _gradients(batch: Batch) -> Difference:
    problem = batch.problem
    kernel, padded = problem.kernel, batch.arguments()
    v = direction(problem)
    differences = []
    for name, keywords, _ in _weighted(batch):
        keywords["lengths"] = batch.lengths
        gradients = kernel.loss_and_gradients(*padded.trained, **keywords).gradients
        # The slope must not depend on the padding, or else NaN would be compared with NaN.
        moved = cast(batch.arguments(padding=0), np.complex128)
        moved = moved._replace(params=along(padded.params, v))
        stepped = complex(kernel.loss(*moved.trained, **keywords))
        differences.append(slope(f"at {batch}{name}", gradients, v, stepped.imag / STEP))
    return worst(differences)


def _weighted(batch: Batch) -> Iterator[tuple[str, dict[str, Array], Array]]:
    """Yield loss weights as keywords and as an array: none and, if the kernel takes any, some."""
    T, B, *_ = batch.problem.sizes
    yield "", {}, np.ones((T, B))
    if options(batch.problem.kernel).loss_weights:
        V = weights(T, B)
        yield " with loss_weights", {"loss_weights": V}, V


def _padding(batch: Batch) -> Difference:
    return difference(f"at {batch}, results", _results(batch, np.nan), _results(batch, 1e3))


def _from_zeros(batch: Batch) -> Difference:
    """Compare with the samples that have a step alone: the others have no share in any gradient.

    Nothing is computed from the zeros that they keep, of which a quotient would be infinite.
    """
    kernel, given = batch.problem.kernel, batch.arguments()._replace(s0=None)
    some = batch.lengths > 0
    found = kernel.loss_and_gradients(*given.trained, lengths=batch.lengths)
    cut = given.cut(slice(None), some)
    right = kernel.loss_and_gradients(*cut.trained, lengths=batch.lengths[some])
    pairs = (found.loss, right.loss), (found.gradients, right.gradients)
    return worst(
        difference(f"at {batch}, {name}", *pair, defined=False)
        for name, pair in zip(("loss", "gradients"), pairs, strict=True)
    )


def _results(batch: Batch, padding: float) -> tuple[Any, ...]:
    """All results that the padding, or that of the adjoints, could have a share in."""
    kernel, padded = batch.problem.kernel, batch.arguments(padding)
    keywords = {"lengths": batch.lengths}
    results: tuple[Any, ...] = (
        kernel.loss_and_gradients(*padded.trained, **keywords),
        kernel.forward(*padded.run, **keywords),
    )
    if options(kernel).vjp:
        *made, pullback = kernel.vjp(*padded.run, **keywords)
        results = (*results, *made, pullback(*batch.adjoints(padding)))
    return results


def _pullback(batch: Batch) -> Difference:
    problem = batch.problem
    kernel, padded = problem.kernel, batch.arguments()
    expected = kernel.forward(*padded.run, lengths=batch.lengths)
    outputs, state, pullback = kernel.vjp(*padded.run, lengths=batch.lengths)
    gradients, d_x, d_s0 = pullback(*batch.adjoints())
    of_padding = [array[batch.ended] for array in parts(d_x)]
    v, along_v = through_forward(
        problem, batch.arguments(padding=0), batch.adjoints(padding=0), lengths=batch.lengths
    )
    return worst(
        [
            difference(f"at {batch}, (outputs, state)", (outputs, state), expected),
            slope(f"at {batch}, pullback", (*gradients, *parts(d_x), *states(d_s0)), v, along_v),
            *(
                difference(f"at {batch}, d_{name} of padding", each, 0 * each)
                for name, each in zip(differentiated(kernel), of_padding, strict=True)
            ),
        ]
    )


def _one_by_one(batch: Batch) -> Difference:
    """Compare with each sample run alone, without its padding."""
    kernel, padded = batch.problem.kernel, batch.arguments()
    params, s0 = padded.params, padded.s0
    d_outputs, d_state = batch.adjoints()
    keywords = {"lengths": batch.lengths}
    result = kernel.loss_and_gradients(*padded.trained, **keywords)
    outputs, _ = kernel.forward(*padded.run, **keywords)
    pulled = _pulled(kernel, padded.run, (d_outputs, d_state), **keywords)
    loss: Any = 0
    gradients, d_params = ([np.zeros(weight.shape) for weight in params] for _ in range(2))
    differences = []
    for b, n in enumerate(map(int, batch.lengths)):
        cut_out, name = np.s_[:n, b : b + 1], f"at {batch}, sample {b} of length {n}"
        cut = padded.cut(*cut_out)._replace(s0=sample(s0, b))
        alone = kernel.loss_and_gradients(*cut.trained)
        short, _ = kernel.forward(*cut.run)
        differences += [
            difference(f"{name}, outputs", mapped(itemgetter(cut_out), outputs), short),
            difference(f"{name}, state", sample(result.state, b), alone.state),
        ]
        # A mean over the numbers of this sample becomes one over those of the batch.
        share = n / batch.lengths.sum() if batch.problem.loss.mean else 1
        if n:
            loss += share * alone.loss
            _add(gradients, share, alone.gradients)
        if pulled:
            own_adjoints = mapped(itemgetter(cut_out), d_outputs), sample(d_state, b)
            back = _pulled(kernel, cut.run, own_adjoints)
            _add(d_params, 1, back[0])
            d_inputs = tuple(array[cut_out] for array in parts(pulled[1]))
            differences += [
                difference(f"{name}, gradients of inputs", d_inputs, parts(back[1])),
                difference(f"{name}, d_s0", sample(pulled[-1], b), back[-1]),
            ]
    sums = type(params)(*gradients), type(params)(*d_params)
    return worst(
        [
            *differences,
            difference(f"at {batch}, loss", result.loss, loss),
            difference(f"at {batch}, gradients", result.gradients, sums[0]),
            *([difference(f"at {batch}, d_params", pulled[0], sums[1])] if pulled else ()),
        ]
    )


def _pulled(kernel: ModuleType, data: Any, given: Any, **keywords: Any) -> Any:
    """Return d_params, d_x and d_s0, or nothing if the kernel has no pullback."""
    if not options(kernel).vjp:
        return ()
    _, _, pullback = kernel.vjp(*data, **keywords)
    return pullback(*given)


def _add(sums: list[Array], share: float, parts: Iterable[Array]) -> None:
    for total, part in zip(sums, parts, strict=True):
        total += share * part
