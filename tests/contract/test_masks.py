"""Masks: a step that is none carries the state, puts out 0, reads nothing, and has no gradient."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import gru_codegen as gc

Array = NDArray[Any]
T, B, D, H = 6, 5, 2, 3
FORMS: dict[str, dict[str, Any]] = {
    "textbook": {"style": "textbook"},
    "columns": {"extras": ["credit"]},
    "rows": {"layout": "rows"},
    "blocked": {"layout": "blocked", "unroll": T},
    "folded": {"layout": "folded", "unroll": T},
}
#: Left padding, a gap, all steps, none, and padding on the right.
MASK = np.array(
    [[0, 0, 1, 1, 1, 1], [1, 0, 0, 1, 0, 1], [1] * T, [0] * T, [1, 1, 0, 0, 0, 0]], bool
).T
LENGTHS = np.array([T, 5, 4, T, 1])


@pytest.fixture(scope="module", params=FORMS)
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return gc.load(gc.cells["lstm"], **FORMS[request.param])


@pytest.fixture(scope="module")
def any_length() -> ModuleType:
    return gc.load(gc.cells["lstm"], style="textbook")


def arguments(kernel: ModuleType, padding: Array) -> tuple[Any, Array, Array, Any]:
    """params, x, y and s0: NaN where there is padding."""
    rng = np.random.default_rng(0)
    hidden = padding[:, :, None]
    x = np.where(hidden, np.nan, rng.standard_normal((T, B, D)))
    y = np.where(hidden, np.nan, rng.standard_normal((T, B, H)))
    params = kernel.init_params(D, H, rng=1)
    return params, x, y, kernel.State(*rng.standard_normal((2, B, H)))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["alone", "with lengths"])
def test_each_sample_is_what_it_is_without_its_masked_steps(
    kernel: ModuleType, any_length: ModuleType, lengths: Array | None
) -> None:
    padding = ~MASK
    if lengths is not None:
        padding = padding | (np.arange(T)[:, None] >= lengths)
    params, x, y, s0 = arguments(kernel, padding)
    given = {"mask": MASK, "lengths": lengths}
    outputs, state = kernel.forward(params, x, s0, **given)
    found = kernel.all_gradients(params, x, y, s0, **given)
    assert found.loss == kernel.loss(params, x, y, s0, **given)
    total, gradients = 0.0, [np.zeros(weight.shape) for weight in params]
    for b in range(B):
        real = ~padding[:, b]
        own = slice(b, b + 1)
        first = any_length.State(*(each[own] for each in s0))
        alone = any_length.all_gradients(params, x[real, own], y[real, own], first)
        np.testing.assert_allclose(outputs[real, b], alone.outputs[:, 0], rtol=1e-12)
        np.testing.assert_allclose(found.x[real, b], alone.x[:, 0], rtol=1e-11, atol=1e-14)
        for whole, one in ((state, alone.state), (found.state, alone.state), (found.s0, alone.s0)):
            for each, right in zip(whole, one, strict=True):
                np.testing.assert_allclose(each[own], right, rtol=1e-11, atol=1e-14)
        total += alone.loss
        for gradient, part in zip(gradients, alone.params, strict=True):
            gradient += part
    assert (outputs[padding] == 0).all()
    assert (found.x[padding] == 0).all()
    assert found.loss == pytest.approx(total, rel=1e-13)
    for gradient, right in zip(found.params, gradients, strict=True):
        np.testing.assert_allclose(gradient, right, rtol=1e-11, atol=1e-14)


def test_lengths_are_a_mask(kernel: ModuleType) -> None:
    ended = np.arange(T)[:, None] >= LENGTHS
    trained = arguments(kernel, ended)
    by_mask = kernel.loss_and_gradients(*trained, mask=~ended)
    by_lengths = kernel.loss_and_gradients(*trained, lengths=LENGTHS)
    assert by_mask.loss == by_lengths.loss
    for one, other in zip(by_mask.gradients, by_lengths.gradients, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_workspace_forgets_the_mask(kernel: ModuleType) -> None:
    trained = arguments(kernel, np.zeros((T, B), bool))
    workspace = kernel.Workspace(B, D, H)
    masked = kernel.loss(*trained, mask=MASK, workspace=workspace)
    whole = kernel.loss(*trained, workspace=workspace)
    assert masked != whole
    assert whole == kernel.loss(*trained)
    assert kernel.loss(*trained, mask=np.ones((T, B), bool)) == pytest.approx(whole, rel=1e-14)


@pytest.mark.parametrize(
    ("mask", "kind", "said"),
    [
        (MASK.T, ValueError, r"mask: expected shape \(T, B\) = \(6, 5\), got \(5, 6\)"),
        (MASK[:, :1], ValueError, r"mask: expected shape \(T, B\) = \(6, 5\), got \(6, 1\)"),
        (MASK[:-1], ValueError, r"mask: expected shape \(T, B\) = \(6, 5\), got \(5, 5\)"),
        (MASK.astype(int), TypeError, "mask: expected booleans, True where a step is real, got "),
        (MASK * 1.0, TypeError, "mask: expected booleans, True where a step is real, got float64"),
    ],
)
def test_a_mask_is_booleans(
    kernel: ModuleType, mask: Array, kind: type[Exception], said: str
) -> None:
    params, x, y, s0 = arguments(kernel, np.zeros((T, B), bool))
    for function in (kernel.forward, kernel.vjp):
        with pytest.raises(kind, match=said):
            function(params, x, s0, mask=mask)
    for function in (kernel.loss, kernel.loss_and_gradients, kernel.all_gradients):
        with pytest.raises(kind, match=said):
            function(params, x, y, s0, mask=mask)


def test_lists_are_taken_and_nothing_is_changed(kernel: ModuleType) -> None:
    trained = arguments(kernel, ~MASK)
    mask = MASK.copy()
    mask.setflags(write=False)
    assert kernel.loss(*trained, mask=mask) == kernel.loss(*trained, mask=MASK.tolist())


def test_credit_takes_a_mask() -> None:
    kernel = gc.load(gc.cells["lstm"], **FORMS["columns"])
    trained = arguments(kernel, ~MASK)
    found = kernel.credit(*trained, mask=MASK, full=True)
    right = kernel.loss_and_gradients(*trained, mask=MASK)
    for every, gradient, own in zip(found.full, found.gradients, right.gradients, strict=True):
        np.testing.assert_allclose(every.sum(axis=(0, 1)), own, rtol=1e-11, atol=1e-14)
        np.testing.assert_array_equal(gradient, own)


def test_windows_take_a_mask() -> None:
    for loss in ("l2", "l2-mean"):
        kernel = gc.load(gc.GRU, loss=gc.losses[loss])
        rng = np.random.default_rng(0)
        params, x = kernel.init_params(D, H, rng=0), rng.standard_normal((T, B, D))
        y = rng.standard_normal((T, B, H))
        x[~MASK] = y[~MASK] = np.nan
        right = kernel.loss_and_gradients(params, x, y, mask=MASK, lengths=LENGTHS)
        found = gc.checkpointed(kernel, params, x, y, mask=MASK, lengths=LENGTHS, window=2)
        assert found.loss == pytest.approx(right.loss, rel=1e-13)
        for one, other in zip(found.gradients, right.gradients, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)
