"""What the functions return, at the edges too."""

from __future__ import annotations

import re
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from tests.contract.kernels import SIZES, Call, Form, arrays, assert_equal, load, mapped

B, D, H = SIZES


def test_shapes(call: Call) -> None:
    T = len(call.x)
    result, (outputs, state), _ = call.all()
    assert outputs.shape == (T, B, H)
    for each_state in (state, result.state):
        assert type(each_state) is type(call.s0)
        for _, array in arrays(each_state):
            assert array.shape == (B, H)
    assert type(result) is call.kernel.Result
    assert type(result.gradients) is call.kernel.Params
    for name, gradient in result.gradients._asdict().items():
        assert gradient.shape == getattr(call.params, name).shape


def test_the_functions_agree(call: Call) -> None:
    result, (outputs, state), loss = call.all()
    assert result.loss == loss
    assert_equal(result.state, state)
    if call.kernel.CELL == "gru":
        assert_equal(outputs[-1], state)


def test_s0_is_zeros_if_none(call: Call) -> None:
    zeros = mapped(np.zeros_like, call.s0)
    assert_equal(call.replace(s0=None).all(), call.replace(s0=zeros).all())


def test_the_forms_of_a_cell_agree(form: Form, call: Call) -> None:
    for style in ("fast", "textbook"):
        for unroll in (None, form.steps):
            other = load(Form(form.cell, style, unroll))
            found = call.replace(kernel=other, params=other.Params(*call.params)).all()
            assert_equal(found, call.all(), 1e-13)


# --- the batch ------------------------------------------------------------------------------------


def sample(call: Call, b: slice) -> Call:
    return call.replace(x=call.x[:, b], y=call.y[:, b], s0=mapped(lambda s: s[b], call.s0))


def test_a_batch_is_the_sum_of_its_samples(call: Call) -> None:
    expected, (outputs, state), _ = call.all()
    total: Any = 0.0
    gradients = [np.zeros_like(weight) for weight in call.params]
    for b in range(B):
        one = slice(b, b + 1)
        (loss, grads, last), (outs, _), _ = sample(call, one).all()
        assert_equal(outs, outputs[:, one], 1e-14)
        assert_equal(last, mapped(lambda s, one=one: s[one], state), 1e-14)
        total += loss
        gradients = [done + grad for done, grad in zip(gradients, grads, strict=True)]
    np.testing.assert_allclose(total, expected.loss, rtol=1e-13)
    assert_equal(tuple(gradients), tuple(expected.gradients), 1e-13)


def test_samples_do_not_touch_each_other(call: Call) -> None:
    spoilt = call.replace(x=call.x.copy())
    spoilt.x[:, 1] = np.nan
    outputs, state = spoilt.forward()
    assert np.all(np.isnan(outputs[:, 1]))
    rest = np.arange(B) != 1
    expected, last = call.forward()
    assert_equal(outputs[:, rest], expected[:, rest])
    assert_equal(mapped(lambda s: s[rest], state), mapped(lambda s: s[rest], last))


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 3, 2), (2, 1, 3), (3, 2, 1)], ids=str)
def test_sizes_of_one(call: Call, sizes: tuple[int, int, int]) -> None:
    """Nothing is squeezed, and the gradients are right."""
    few, inputs, hidden = sizes
    small = call.replace(
        params=mapped(
            lambda w: w[tuple(slice(0, {D: inputs, H: hidden}[n]) for n in w.shape)], call.params
        ),
        x=call.x[:, :few, :inputs],
        y=call.y[:, :few, :hidden],
        s0=mapped(lambda s: s[:few, :hidden], call.s0),
    )
    result, (outputs, _), _ = small.all()
    assert outputs.shape == (len(call.x), few, hidden)
    for name, gradient in result.gradients._asdict().items():
        weight = getattr(small.params, name)
        assert gradient.shape == weight.shape
        for index in np.ndindex(weight.shape):
            stepped = small.cast(np.complex128)
            getattr(stepped.params, name)[index] += 1e-30j
            scale = max(1e-3, np.max(np.abs(gradient)))
            assert abs(stepped.loss().imag / 1e-30 - gradient[index]) < 1e-12 * scale


@pytest.mark.parametrize("sizes", [(B, 0, H), (B, D, 0), (0, D, H), (0, 0, 0)], ids=str)
def test_sizes_of_zero(call: Call, sizes: tuple[int, int, int]) -> None:
    """Without inputs the states do as with inputs of zero; what is empty is, and its loss is 0."""
    few, inputs, hidden = sizes
    numbers = {B: few, D: inputs, H: hidden}
    small = call.replace(
        params=mapped(lambda w: w[tuple(slice(0, numbers[n]) for n in w.shape)], call.params),
        x=call.x[:, :few, :inputs],
        y=call.y[:, :few, :hidden],
        s0=mapped(lambda s: s[:few, :hidden], call.s0),
    )
    for some in (None, call.kernel.Workspace(few, inputs, hidden)):
        result, (outputs, state), loss = small.all(some)
        if few and hidden:
            expected, (found, last), _ = call.replace(x=np.zeros_like(call.x)).all()
            assert result.loss == loss
            np.testing.assert_allclose(loss, expected.loss, rtol=1e-13)
            assert_equal((outputs, state), (found, last), 1e-13)
        else:
            assert result.loss == loss == 0.0
            assert outputs.shape == (len(call.x), few, hidden)
            assert all(array.shape == (few, hidden) for _, array in arrays(state))
        assert_equal(mapped(np.shape, result.gradients), mapped(np.shape, small.params))
        if not few:
            assert_equal(result.gradients, mapped(np.zeros_like, small.params))
    kernel = call.kernel
    masked = kernel.loss_and_gradients(
        small.params,
        small.x,
        small.y,
        loss_weights=np.ones(len(call.x)),
        lengths=np.zeros(few, int),
    )
    assert masked.loss == 0.0
    d_params, d_x, d_s0 = kernel.vjp(small.params, small.x)[2](small.y)
    assert d_x.shape == small.x.shape
    assert_equal(mapped(np.shape, d_params), mapped(np.shape, small.params))
    assert_equal(mapped(np.shape, d_s0), mapped(np.shape, small.s0))
    drawn = kernel.init_params(inputs, hidden, rng=0)
    assert_equal(mapped(np.shape, drawn), mapped(np.shape, small.params))


def test_labels_of_no_classes() -> None:
    kernel = gc.load(gc.GRU, loss=gc.losses["cross-entropy"])
    params = kernel.init_params(D, 0, rng=0)
    for steps in (2, 0):
        x, labels = np.ones((steps, B, D)), np.zeros((steps, B), int)
        shape = re.escape(str((steps, B, 0)))
        said = f"^y: there are no labels for outputs of shape {shape}$"
        with pytest.raises(ValueError, match=said):
            kernel.loss(params, x, labels)


# --- time -----------------------------------------------------------------------------------------


def test_no_steps(kernel: ModuleType) -> None:
    if kernel.UNROLL is not None:
        pytest.skip("takes one T")
    call = Call.draw(kernel, 0)
    grown = call.workspace()
    Call.draw(kernel, 3).all(grown)
    for some in (None, call.workspace(), grown):
        (loss, gradients, last), (outputs, state), loss_alone = call.all(some)
        assert outputs.shape == (0, B, H)
        assert outputs.dtype == np.float64
        assert_equal((last, state), (call.s0, call.s0))
        for _, array in arrays((last, state)):
            assert not any(np.shares_memory(array, s0) for _, s0 in arrays(call.s0))
        assert loss == loss_alone == 0.0
        assert type(loss) is type(loss_alone) is float
        assert_equal(gradients, mapped(np.zeros_like, call.params))


@pytest.mark.parametrize("dtype", [np.complex128, np.longdouble, object])
def test_no_steps_in_other_dtypes(kernel: ModuleType, dtype: Any) -> None:
    if kernel.UNROLL is not None:
        pytest.skip("takes one T")
    call = Call.draw(kernel, 0).cast(dtype)
    result, _, loss = call.all()
    assert result.loss == loss == 0
    for name, gradient in result.gradients._asdict().items():
        assert gradient.dtype == dtype
        assert np.all(gradient == 0), name


def test_windows_carry_the_state_on(form: Form, kernel: ModuleType) -> None:
    """Truncated BPTT as it is written down: the states are those of one run."""
    width, windows = form.steps, 4
    whole = Call.draw(load(Form(form.cell, "textbook", None)), width * windows)
    expected, last = whole.forward()
    params, workspace = kernel.Params(*whole.params), kernel.Workspace(*SIZES)
    state, total, found = whole.s0, 0.0, []
    for start in range(0, width * windows, width):
        window, target = whole.x[start : start + width], whole.y[start : start + width]
        outputs, _ = kernel.forward(params, window, state, workspace=workspace)
        loss, grads, state = kernel.loss_and_gradients(
            params, window, target, state, workspace=workspace
        )
        found.append(outputs)
        total += loss
        assert type(grads) is kernel.Params
    assert_equal(np.concatenate(found), expected, 1e-13)
    assert_equal(state, last, 1e-13)
    np.testing.assert_allclose(total, whole.loss(), rtol=1e-13)


def test_the_first_step_does_not_know_the_next(call: Call) -> None:
    outputs, _ = call.forward()
    for t in range(1, len(call.x)):
        later = call.replace(x=np.concatenate([call.x[:t], call.x[t:] + 1]))
        assert_equal(later.forward()[0][:t], outputs[:t], 1e-15)
        assert not np.any(later.forward()[0][t] == outputs[t])


# --- extremes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("sign", ["plus", "minus", "both"])
def test_large_inputs_are_finite_and_silent(call: Call, dtype: Any, sign: str) -> None:
    factor = {"plus": 1e4, "minus": -1e4, "both": 1e4}[sign]
    x = factor * (np.sign(call.x) if sign == "both" else np.ones(call.x.shape))
    large = call.replace(x=x).cast(dtype)
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        for some in (None, large.workspace(dtype)):
            for name, array in arrays(large.all(some)):
                assert np.all(np.isfinite(array)), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_weights_and_states_are_finite_and_silent(call: Call, dtype: Any) -> None:
    large = call.replace(
        params=mapped(lambda w: 1e4 * w, call.params), s0=mapped(np.sign, call.s0)
    ).cast(dtype)
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        for name, array in arrays(large.all()):
            assert np.all(np.isfinite(array)), name


def test_a_saturated_reference_cell_holds_or_replaces_its_state() -> None:
    """Z at its two ends: S_t = S_{t-1}, and S_t = CA_t."""
    kernel = load(Form("gru", "fast", None))
    call = Call.draw(kernel, 3)
    call.x[...] = 1.0
    for large, expected in ((-1e4, np.tile(call.s0, (3, 1, 1))), (1e4, np.ones((3, B, H)))):
        held = call.weight("Wz", np.full((D, H), large)).weight("Wca", np.full((D, H), 1e4))
        assert_equal(held.forward()[0], expected, 1e-15)


def test_a_loss_of_zero_has_no_gradient(call: Call) -> None:
    if call.kernel.LOSS != "l2":
        pytest.skip("another loss")
    loss, gradients, _ = call.replace(y=call.forward()[0]).loss_and_gradients()
    assert loss == 0.0
    assert_equal(gradients, mapped(np.zeros_like, call.params))
