"""The compute dtype is the params', everywhere; what is cast to it and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tests.contract.kernels import SIZES, Call, arrays, assert_equal, mapped
from tests.truths.mp import CONTEXT, Real, reals

DTYPES = [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128]
#: Of each dtype, what a sum of a few hundred rounded terms may lose.
TOLERANCES = {np.float16: 0.05, np.float32: 1e-5, np.complex64: 1e-5}


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_result_has_the_dtype_of_the_params(call: Call, dtype: Any) -> None:
    for some in (None, call.workspace(dtype)):
        result, (outputs, state), loss = call.cast(dtype).all(some)
        for name, array in arrays((result.gradients, result.state, outputs, state)):
            assert type(array) is np.ndarray, name
            assert array.dtype == dtype, name
        for total in (result.loss, loss):
            assert type(total) is (float if dtype in (np.float32, np.float64) else dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_computes_the_same(call: Call, dtype: Any) -> None:
    def back(value: Any) -> Any:
        return np.asarray(value).real.astype(np.float64)

    start = call.cast(np.float16).cast(np.float64)  # numbers that every dtype holds
    found, expected = mapped(back, start.cast(dtype).all()), mapped(back, start.all())
    assert_equal(found, expected, TOLERANCES.get(dtype, 1e-13))


def test_longdouble_is_more_than_float64(call: Call) -> None:
    """No constant and no buffer on the way is float64."""
    if np.finfo(np.longdouble).eps == np.finfo(np.float64).eps:
        pytest.skip("longdouble is float64 here")
    wide, double = call.cast(np.longdouble).forward()[0], call.forward()[0]
    assert 0 < np.max(np.abs(wide - double)) < 1e-13
    third = np.longdouble(1) / 3
    thirds = call.replace(x=np.full(call.x.shape, third)).cast(np.longdouble)
    again = thirds.replace(x=mapped(lambda x: x.astype(np.float64), thirds.x))
    assert np.max(np.abs(thirds.forward()[0] - again.forward()[0])) > 0


def test_complex_numbers_are_not_conjugated(call: Call) -> None:
    """The imaginary part of the loss at a complex step is the derivative along it."""
    h = 1e-30
    for name, gradient in call.loss_and_gradients().gradients._asdict().items():
        stepped = call.cast(np.complex128)
        direction = np.random.default_rng(1).normal(size=gradient.shape)
        loss = stepped.weight(name, getattr(stepped.params, name) + 1j * h * direction).loss()
        np.testing.assert_allclose(loss.imag / h, np.sum(gradient * direction), rtol=1e-12)


def test_real_elements_of_fifty_digits(call: Call) -> None:
    exact = mapped(lambda array: reals(array), (call.params, call.x, call.y, call.s0))
    params, x, y, s0 = exact
    many = call.replace(params=params, x=x, y=y, s0=s0)
    for some in (None, many.workspace(object)):
        result, (outputs, state), loss = many.all(some)
        assert type(result.loss) is type(loss) is Real
        found = (result, (outputs, state), loss)
        for name, array in arrays((result.gradients, result.state, outputs, state)):
            assert array.dtype == object, name
            assert {type(element) for element in array.flat} == {Real}, name
        numbers = mapped(
            lambda value: np.array(
                [float(real.value) for real in np.asarray(value, dtype=object).flat]
            ).reshape(np.shape(value)),
            found,
        )
        assert_equal(numbers, mapped(np.asarray, call.all()), 1e-13)


def test_zeros_for_s0_do_not_pollute_elements(call: Call) -> None:
    params, x, y = mapped(lambda array: reals(array), (call.params, call.x, call.y))
    many = call.replace(params=params, x=x, y=y, s0=None)
    result = many.loss_and_gradients()
    for name, array in arrays((result.gradients, result.state)):
        assert {type(element) for element in array.flat} == {Real}, name
    zeros = mapped(lambda array: reals(0 * array), call.s0)
    with_zeros = many.replace(s0=zeros).loss_and_gradients()
    assert CONTEXT.almosteq(result.loss.value, with_zeros.loss.value)


# --- casting --------------------------------------------------------------------------------------

ARGUMENTS = ["x", "y", "s0"]


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32])
def test_narrower_numbers_are_cast(call: Call, name: str, dtype: Any) -> None:
    plain = call.replace(**{name: mapped(lambda a: np.sign(np.round(a)) ** 2, getattr(call, name))})
    narrow = mapped(lambda a: a.astype(dtype), getattr(plain, name))
    assert_equal(plain.replace(**{name: narrow}).all(), plain.all())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_wider_numbers_of_the_same_kind_are_cast(call: Call, name: str) -> None:
    single = call.cast(np.float32)
    wide = mapped(lambda a: a.astype(np.float64), getattr(single, name))
    assert_equal(single.replace(**{name: wide}).all(), single.all())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_real_numbers_are_cast_to_complex(call: Call, name: str) -> None:
    many = call.cast(np.complex128)
    assert_equal(many.replace(**{name: getattr(call, name)}).all(), many.all())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_lists_are_arrays(call: Call, name: str) -> None:
    lists = mapped(lambda a: a.tolist(), getattr(call, name))
    assert_equal(call.replace(**{name: lists}).all(), call.all())


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("dtype", [np.complex128, object, "U8"])
def test_other_kinds_are_refused(call: Call, name: str, dtype: Any) -> None:
    other = mapped(lambda a: a.astype(dtype), getattr(call, name))
    dtype = np.dtype(np.complex128 if dtype is np.complex128 else dtype)
    with pytest.raises(TypeError) as raised:
        call.replace(**{name: other}).loss_and_gradients()
    message = str(raised.value)
    assert message.startswith((f"{name}: ", f"{name}."))
    assert str(dtype) in message
    assert "float64" in message
    assert "\n" not in message


def test_fractions_are_refused_for_what_has_no_tanh(call: Call) -> None:
    """Object arrays work for elements with the functions that the cell needs, and no others."""
    exact = mapped(
        lambda a: np.array([Fraction(n) for n in a.flat], dtype=object).reshape(a.shape),
        (call.params, call.x, call.y, call.s0),
    )
    params, x, y, s0 = exact
    with pytest.raises(TypeError, match="tanh"):
        call.replace(params=params, x=x, y=y, s0=s0).forward()


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.uint8])
def test_weights_that_do_not_compute_are_refused(call: Call, dtype: Any) -> None:
    whole = call.replace(params=mapped(lambda a: a.astype(dtype), call.params))
    with pytest.raises(TypeError, match=r"^params: .*floating, complex or object.*") as raised:
        whole.forward()
    assert str(np.dtype(dtype)) in str(raised.value)


def test_weights_of_two_dtypes_are_refused(call: Call) -> None:
    *_, last = call.params._fields
    mixed = call.weight(last, getattr(call.params, last).astype(np.float32))
    with pytest.raises(TypeError, match=rf"^params\.{last}: .*one dtype.*float32.*float64"):
        mixed.forward()


def test_the_weight_whose_dtype_differs_is_named_wherever_it_stands(call: Call) -> None:
    first, *others = call.params._fields
    if len(others) < 2:
        pytest.skip("of two that differ neither is the odd one")
    mixed = call.weight(first, getattr(call.params, first).astype(np.float32))
    with pytest.raises(
        TypeError, match=rf"^params\.{first}: .*float32, but float64 for {others[0]}"
    ):
        mixed.forward()


@pytest.mark.parametrize("dtype", [int, "U4", "datetime64[s]"])
def test_a_workspace_of_a_dtype_that_does_not_compute(call: Call, dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"^dtype: .*floating, complex or object") as raised:
        call.kernel.Workspace(*SIZES, dtype)
    assert str(np.dtype(dtype)) in str(raised.value)
