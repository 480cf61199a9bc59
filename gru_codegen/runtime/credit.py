"""The gradient as a sum over the errors of all steps: the terms, and how large they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gru_codegen.runtime.kernel import Array, Credit, Params, Workspace


def _rooms(w: Workspace, name: str, count: int, shape: tuple[int, ...]) -> Array:
    """So many arrays of one shape, which a Workspace keeps as one: that is faster to come by."""
    first, *others = shape
    return w.room(name, (count * first, *others)).reshape(count, *shape)


def _measured(
    terms: Iterable[tuple[int, str, Array]],
    gradients: Params,
    V: Array | None,
    w: Workspace,
    full: bool,
) -> Credit:
    """Measure the E[k->t] of a step t and a weight, k = t .. T - 1, as they come."""
    if gradients[0].dtype.kind == "c":
        raise TypeError(f"params: credit is for real weights, got {gradients[0].dtype}")
    blank = np.where(np.tri(w.steps, dtype=bool), 0, np.nan)
    norms, shares = (Params(*(blank.copy() for _ in gradients)) for _ in range(2))
    shapes = [(w.steps, *dW.shape) for dW in gradients]
    bands = [w.room(f"sums of credit, {n}", shape) for n, shape in enumerate(shapes)]
    for band in bands:
        band[...] = 0
    entries = [np.zeros((w.steps, *band.shape), band.dtype) for band in bands] if full else []
    directions = [_direction(dW) for dW in gradients]
    for t, name, E in terms:
        rows, reached, i = _as_rows(E), slice(t, t + len(E)), Params._fields.index(name)
        norms[i][reached, t], shares[i][reached, t] = _norms(rows), rows.dot(directions[i])
        bands[i][: len(E)] += E
        if full:
            entries[i][reached, t] = E
    if V is not None:
        unread = (V == 0).all(axis=(1, 2))  # the error of no sample
        for table in (*norms, *shares):
            table[unread] = np.nan
    truncation = Params(*map(_rests, bands, gradients))
    return Credit(norms, shares, truncation, gradients, Params(*entries) if full else None)


def _as_rows(matrices: Array) -> Array:
    """Each matrix as a row, of numbers that BLAS multiplies."""
    size = matrices[:1].size if len(matrices) else 0
    rows = matrices.reshape(len(matrices), size)
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def _norms(rows: Array) -> Array:
    """The norm of each row, in float64 where its square is too small or too large for its dtype."""
    with np.errstate(over="ignore"):
        squares = np.matmul(rows[:, None], rows[:, :, None]).ravel()
    limits = np.finfo(rows.dtype)
    least, most = limits.smallest_normal / limits.eps * rows.shape[1], limits.max
    if least < squares.min(initial=most) and squares.max(initial=0) < most:
        norms: Array = np.sqrt(squares)
        return norms
    rows = rows.astype(np.float64)
    largest = np.abs(rows).max(axis=1, initial=0)
    scale = np.where(largest == 0, 1, largest)
    rows /= scale[:, None]
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    norms *= scale
    return norms


def _direction(whole: Array) -> Array:
    """The row that makes E its share of `whole`: <E, whole> / <whole, whole>; 0 if that is 0."""
    [row] = rows = _as_rows(whole[None])
    [norm] = _norms(rows)
    return row / norm / norm if norm else np.zeros_like(row)


def _rests(bands: Array, whole: Array) -> Array:
    """The norms of what n = 0 .. T steps of back-propagation leave out, relative to `whole`.

    Nothing of nothing is 0, and what cancels to nothing has no relation to it, which is NaN. The
    bands become the sums of themselves and all behind them.
    """
    for n in reversed(range(len(bands) - 1)):
        bands[n] += bands[n + 1]
    [norm] = _norms(_as_rows(whole[None]))
    rests = np.append(_norms(_as_rows(bands)), 0)
    return rests / norm if norm else np.where(rests == 0, 0, np.nan)
