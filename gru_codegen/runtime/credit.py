"""The gradient as a sum over the errors of all steps: the terms, and how large they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gru_codegen.runtime.kernel import Array, Credit, Params


def _joined(own: Array, later: Array) -> Array:
    """The matrix of a step's own error, then those of later ones, each spread to its full size."""
    shape = np.broadcast_shapes(own.shape, later.shape[1:])
    own, later = np.broadcast_to(own, shape), np.broadcast_to(later, (len(later), *shape))
    return np.concatenate([own[None], later])


def _arrived(later: Array) -> Array:
    """The matrices of later errors, behind a zero for a step's own, which has no part in them."""
    return np.concatenate([np.zeros((1, *later.shape[1:]), later.dtype), later])


def _alone(own: Array, errors: int) -> Array:
    """The matrix of a step's own error, the first of so many, and zeros for the others."""
    return np.concatenate([own[None], np.zeros((errors - 1, *own.shape), own.dtype)])


def _measured(
    terms: Iterable[tuple[int, str, Array]],
    gradients: Params,
    V: Array | None,
    steps: int,
    full: bool,
) -> Credit:
    """Measure the E[k->t] of a step t and a weight, k = t .. T - 1, as they come."""
    if gradients[0].dtype.kind == "c":
        raise TypeError(f"params: credit is for real weights, got {gradients[0].dtype}")
    blank = np.where(np.tri(steps, dtype=bool), 0, np.nan)
    norms, shares = (Params(*(blank.copy() for _ in gradients)) for _ in range(2))
    bands = Params(*(np.zeros((steps, *dW.shape), dW.dtype) for dW in gradients))
    entries = [np.zeros((steps, *band.shape), band.dtype) for band in bands] if full else []
    directions = Params(*map(_direction, gradients))
    for t, name, E in terms:
        rows, reached, i = _as_rows(E), slice(t, t + len(E)), Params._fields.index(name)
        norms[i][reached, t], shares[i][reached, t] = _norms(rows), rows @ directions[i]
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
    """Each matrix as a row, in float64: 1e-24 squared is 0 in float32."""
    return matrices.reshape(len(matrices), -1).astype(np.float64, copy=False)


def _norms(rows: Array) -> Array:
    """The norm of each row, of the smallest too: 1e-200 squared is 0 in float64."""
    scale = np.ones(len(rows))
    squares = np.einsum("ij,ij->i", rows, rows)
    if squares.size and squares.min() < 1e-280:
        largest = np.abs(rows).max(axis=1, initial=0)
        scale = np.where(largest == 0, 1, largest)
        rows = rows / scale[:, None]
        squares = np.einsum("ij,ij->i", rows, rows)
    norms: Array = scale * np.sqrt(squares)
    return norms


def _direction(whole: Array) -> Array:
    """The row that makes E its share of `whole`: <E, whole> / <whole, whole>; NaN if that is 0."""
    [row] = _as_rows(whole[None])
    [norm] = _norms(row[None])
    return row / norm / norm if norm else np.full_like(row, np.nan)


def _rests(bands: Array, whole: Array) -> Array:
    """The norms of what n = 0 .. T steps of back-propagation leave out, relative to `whole`."""
    rests = np.zeros((len(bands) + 1, whole.size), bands.dtype)
    for n in reversed(range(len(bands))):
        np.add(rests[n + 1], bands[n].ravel(), rests[n])
    [norm] = _norms(_as_rows(whole[None]))
    return _norms(_as_rows(rests)) / norm if norm else np.full(len(rests), np.nan)
