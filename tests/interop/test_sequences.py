"""Padded batches in both directions, as torch runs them packed; data/make_torch_packed.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_codegen.interop import InteropError, from_torch, reverse, to_torch
from tests.interop.cases import Arrays, kernel, last, read, relative_error

CASES = read("torch_packed.npz")
CELL = {"rnn": "rnn", "gru": "gru-reset-after", "lstm": "lstm"}


def direction(case: Arrays, suffix: str) -> Arrays:
    """The arrays of one direction, under the names of a layer of its own."""
    end = f"_l0{suffix}"
    return {n.removesuffix(suffix): a for n, a in case.items() if n.endswith(end) and n[0] in "wb"}


@pytest.mark.parametrize("kind", CASES)
def test_a_packed_bidirectional_layer(kind: str) -> None:
    case, module = CASES[kind], kernel(CELL[kind])
    x, lengths, adjoints = case["x"], case["lengths"], np.split(case["weights"], 2, axis=2)
    outputs, d_x = [], np.zeros_like(x)

    def turned(a: Any, suffix: str) -> Any:
        return reverse(a, lengths) if suffix else a

    for number, suffix in enumerate(("", "_reverse")):
        params = module.Params(**from_torch(CELL[kind], direction(case, suffix)))
        S, state, pullback = module.vjp(params, turned(x, suffix), lengths=lengths)
        outputs.append(turned(S, suffix))
        for value, name in zip(last(state), ("hn", "cn"), strict=True):
            if name in case:
                assert relative_error(value, case[name][number]) <= 1e-12
        d_params, own, _ = pullback(turned(adjoints[number], suffix))
        d_x += turned(own, suffix)
        name = f"weight_hh_l0{suffix}"
        d_weight = to_torch(CELL[kind], d_params)["weight_hh_l0"]
        assert relative_error(d_weight, case[f"d{name}"]) <= 1e-12
    assert relative_error(np.concatenate(outputs, axis=2), case["outputs"]) <= 1e-12
    assert relative_error(d_x, case["dx"]) <= 1e-12


def test_reversing_everything_is_wrong() -> None:
    """What docs and example said once: the padding is read first."""
    case, module = CASES["gru"], kernel(CELL["gru"])
    params = module.Params(**from_torch(CELL["gru"], direction(case, "_reverse")))
    outputs, _ = module.forward(params, case["x"][::-1], lengths=case["lengths"])
    expected = case["outputs"][:, :, outputs.shape[2] :]
    assert relative_error(outputs[::-1], expected) > 0.3


def test_each_sample_is_reversed_within_its_length() -> None:
    x = np.arange(12).reshape(4, 3)
    assert reverse(x, [4, 2, 0]).tolist() == [[9, 4, 2], [6, 1, 5], [3, 7, 8], [0, 10, 11]]
    assert reverse(x).tolist() == x[::-1].tolist()


@pytest.mark.parametrize(
    "shape", [(4, 3), (4, 3, 2), (4, 3, 2, 5), (0, 3, 2), (4, 0, 2), (4, 3, 0)]
)
def test_reversed_twice_is_as_before(shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    lengths = np.array([4, 2, 0])[: shape[1]] * (shape[0] > 0)
    once = reverse(x, lengths)
    assert once.dtype == np.float32
    assert not np.shares_memory(once, x)
    assert np.array_equal(reverse(once, lengths), x)


@pytest.mark.parametrize(
    ("x", "lengths", "message"),
    [
        (np.zeros(4), [4], "x: expected shape (T, B, ...), got (4,)"),
        (np.zeros((4, 3)), [4, 2], "lengths: expected shape (B,) = (3,), got (2,)"),
        (np.zeros((4, 2)), [4.0, 2.0], "lengths: expected integers, got float64"),
        (np.zeros((4, 2)), [5, 2], "lengths: expected 0 to T = 4, got 2 to 5"),
        (np.zeros((4, 2)), [3, -1], "lengths: expected 0 to T = 4, got -1 to 3"),
    ],
)
def test_what_does_not_fit_is_refused(x: Any, lengths: Any, message: str) -> None:
    with pytest.raises(InteropError) as refused:
        reverse(x, lengths)
    assert str(refused.value) == message
