"""Checks of the optional arguments and of the pullback, against the plain calls and each other.

Loss weights: the loss is linear in them, and its gradients are those of the weighted loss. Lengths:
a padded batch gives what its samples give one by one. The pullback: a complex step through
`forward`. Whatever must not be read is NaN: targets of weight 0, and all padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .claim import Claim, over
from .complex_step import STEP
from .configuration import Array, Problem, cast, states
from .difference import FLOOR, Difference, difference, worst

#: Two orders of the same float64 operations on data of order one.
TOLERANCE = 1e-12


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about loss_weights, lengths and vjp."""
    rows = {
        ("loss_weights", "complex step, NaN at 0"): _weights,
        ("lengths", "padded = one by one"): _lengths,
        ("vjp", "complex step through forward"): _pullback,
    }
    return [
        Claim(subject, method, None, TOLERANCE, over(problems, measure))
        for (subject, method), measure in rows.items()
    ]


def _weights(problem: Problem) -> Difference:
    kernel, (params, x, y, s0) = problem.kernel, problem.arguments
    weights = problem.drawn(2).uniform(0.5, 1.5, x.shape[:2])
    weights[0, 1] = 0
    result = kernel.loss_and_gradients(
        params, x, _spoilt(y, weights == 0), s0, loss_weights=weights
    )

    v = problem.direction()
    shifted = type(v)(*(w + 1j * STEP * part for w, part in zip(params, v, strict=True)))
    slope = kernel.loss(
        shifted, x.astype(complex), _complex(y), cast(s0, np.complex128), loss_weights=weights
    )
    alone = [_only(problem, t, b) for t, b in np.ndindex(*weights.shape)]
    total = sum(w * part for w, part in zip(weights.flat, alone, strict=True))
    constant = kernel.loss(params, x, y, s0, loss_weights=np.full(len(x), 2.0))
    return worst(
        [
            difference(f"at {problem}, weighted loss", result.loss, total),
            difference(f"at {problem}, loss of weights 2", constant, 2 * problem.result.loss),
            _slope(problem, "weighted loss", result.gradients, v, slope.imag / STEP),
        ]
    )


def _only(problem: Problem, t: int, b: int) -> Any:
    """The loss of one sample at one step."""
    params, x, y, s0 = problem.arguments
    weights = np.zeros(x.shape[:2])
    weights[t, b] = 1
    return problem.kernel.loss(params, x, y, s0, loss_weights=weights)


def _lengths(problem: Problem) -> Difference:
    kernel, (params, x, y, s0) = problem.kernel, problem.arguments
    steps, batch = x.shape[:2]
    lengths = np.array([(steps - b) % (steps + 1) for b in range(batch)])
    past = np.arange(steps)[:, None] >= lengths
    d_outputs, d_state = _adjoints(problem)
    spoilt = np.where(past[:, :, None], np.nan, x)
    result = kernel.loss_and_gradients(params, spoilt, _spoilt(y, past), s0, lengths=lengths)
    outputs, _, pullback = kernel.vjp(params, spoilt, s0, lengths=lengths)
    pulled = pullback(np.where(past[:, :, None], np.nan, d_outputs), d_state)
    found = []
    if kernel.UNROLL is None:
        singles = [_single(problem, b, int(n), d_outputs, d_state) for b, n in enumerate(lengths)]
    else:
        singles = []
        found.append(_cannot_tell(problem, lengths, result, outputs))
    total: Any = 0
    sums: Any = 0
    pulls: Any = 0
    for b, (one, (out, _, back)) in enumerate(singles):
        n = lengths[b]
        total = total + _share(problem, one.loss, n)
        sums = sums + np.concatenate([np.ravel(_share(problem, g, n)) for g in one.gradients])
        pulls = pulls + np.concatenate([np.ravel(g) for g in back[0]])
        name = f"at {problem}, sample {b} of length {n}"
        rest = np.zeros((steps - n, outputs.shape[2]))
        found += [
            difference(f"{name}, outputs", outputs[:, b], np.concatenate([out[:, 0], rest])),
            difference(f"{name}, state", _row(result.state, b), _row(one.state, 0)),
            difference(f"{name}, d_s0", _row(pulled[2], b), _row(back[2], 0)),
            difference(
                f"{name}, d_x", pulled[1][:, b], np.concatenate([back[1][:, 0], 0 * x[n:, b]])
            ),
        ]
    if singles:
        joined = np.concatenate([np.ravel(g) for g in result.gradients])
        found += [
            difference(f"at {problem}, loss", result.loss, total),
            difference(f"at {problem}, gradients", joined, sums),
            difference(
                f"at {problem}, d_params", np.concatenate([np.ravel(g) for g in pulled[0]]), pulls
            ),
        ]
    return worst(found)


def _single(
    problem: Problem, b: int, steps: int, d_outputs: Array, d_state: Any
) -> tuple[Any, tuple[Array, Any, Any]]:
    """The results for one sample alone, without its padding."""
    kernel, (params, x, y, s0) = problem.kernel, problem.arguments
    own = slice(b, b + 1)
    first = type(s0)(*(part[own] for part in s0)) if isinstance(s0, tuple) else s0[own]
    last = (
        type(d_state)(*(part[own] for part in d_state))
        if isinstance(d_state, tuple)
        else d_state[own]
    )
    one = kernel.loss_and_gradients(params, x[:steps, own], y[:steps, own], first)
    outputs, state, pullback = kernel.vjp(params, x[:steps, own], first)
    return one, (outputs, state, pullback(d_outputs[:steps, own], last))


def _share(problem: Problem, value: Any, steps: int) -> Any:
    """What a sample alone contributes: a mean over its numbers becomes one over the batch's."""
    if problem.kernel.LOSS != "l2-mean":
        return value
    T, B, *_ = problem.sizes
    return value * steps / (T * B) if steps else 0 * value


def _cannot_tell(problem: Problem, lengths: Array, result: Any, outputs: Array) -> Difference:
    """A kernel of a fixed T cannot run a shorter sample: its loss is one of weights 0 and 1."""
    kernel, (params, x, y, s0) = problem.kernel, problem.arguments
    within = np.arange(len(x))[:, None] < lengths
    weighted = kernel.loss_and_gradients(
        params, np.where(within[:, :, None], x, 0), y, s0, loss_weights=within.astype(float)
    )
    expected = kernel.forward(params, x, s0)[0] * within[:, :, None]
    full = int(np.argmax(lengths))
    return worst(
        [
            difference(f"at {problem}, loss with lengths", result.loss, weighted.loss),
            difference(f"at {problem}, gradients", result.gradients, weighted.gradients),
            difference(f"at {problem}, outputs", outputs, expected),
            difference(
                f"at {problem}, state", _row(result.state, full), _row(weighted.state, full)
            ),
        ]
    )


def _pullback(problem: Problem) -> Difference:
    kernel, (params, x, _, s0) = problem.kernel, problem.arguments
    d_outputs, d_state = _adjoints(problem)
    _, _, pullback = kernel.vjp(params, x, s0)
    gradients, d_x, d_s0 = pullback(d_outputs, d_state)
    rng = problem.drawn(3)
    parts = [*params, x, *states(s0)]
    v = [rng.standard_normal(part.shape) / np.sqrt(part.size) for part in parts]
    moved = [part + 1j * STEP * along for part, along in zip(parts, v, strict=True)]
    n = len(params)
    first = type(s0)(*moved[n + 1 :]) if isinstance(s0, tuple) else moved[-1]
    outputs, state = kernel.forward(type(params)(*moved[:n]), moved[n], first)
    value = (outputs * d_outputs).sum()
    value += sum((a * d).sum() for a, d in zip(states(state), states(d_state), strict=True))
    found = (*gradients, d_x, *states(d_s0))
    return _slope(problem, "pullback", found, v, value.imag / STEP)


def _slope(problem: Problem, name: str, gradients: Any, v: Any, expected: float) -> Difference:
    """Compare <gradients, v> with the derivative along v."""
    actual = sum(float((g * part).sum()) for g, part in zip(gradients, v, strict=True))
    norm = float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))
    error = abs(actual - expected) / max(FLOOR, norm, abs(expected))
    return Difference(
        error, f"at {problem}, {name}: the derivative is {actual:.9g}, expected {expected:.9g}"
    )


def _adjoints(problem: Problem) -> tuple[Array, Any]:
    """Random adjoints of outputs and state."""
    rng, (T, B, _, _) = problem.drawn(4), problem.sizes
    s0 = problem.arguments.s0
    drawn = [rng.standard_normal(part.shape) for part in states(s0)]
    d_state = type(s0)(*drawn) if isinstance(s0, tuple) else drawn[0]
    return rng.standard_normal((T, B, problem.output_size)), d_state


def _row(value: Any, b: int) -> Any:
    return tuple(part[b] for part in states(value))


def _spoilt(y: Array, unread: Array) -> Array:
    """Targets with NaN, or for labels a class that there is not, where they must not be read."""
    if y.dtype.kind in "iu":
        return np.where(unread, -1, y)
    return np.where(unread[:, :, None], np.nan, y)


def _complex(y: Array) -> Array:
    return y if y.dtype.kind in "iu" else y.astype(complex)
