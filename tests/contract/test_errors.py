"""Bad arguments: what each error says, and that nothing is ever broadcast."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.contract.kernels import SIZES, Call, Form, assert_equal, load

B, D, H = SIZES


def refusal(call: Call, kind: type[Exception], workspace: Any = None, *, y: bool = False) -> str:
    """What every function says of the arguments; with `y`, every function that takes a y."""
    functions: list[Callable[[Any], Any]] = [call.loss, call.loss_and_gradients]
    if not y:
        functions.append(call.forward)
    messages = set()
    for function in functions:
        with pytest.raises(kind) as raised:
            function(workspace)
        messages.add(str(raised.value))
    [message] = messages
    assert "\n" not in message
    return message


def shape_of(array: Any) -> str:
    return str(np.shape(array))


# --- y --------------------------------------------------------------------------------------------

Change = Callable[[Any], Any]

WRONG_Y: dict[str, Change] = {
    "(T, 1, H)": lambda y: y[:, :1],
    "(T, B, 1)": lambda y: y[..., :1],
    "(1, B, H)": lambda y: y[:1],
    "(T + 1, B, H)": lambda y: np.concatenate([y, y[:1]]),
    "(B, H)": lambda y: y[0],
    "(T, B, H, 1)": lambda y: y[..., None],
    "(H,)": lambda y: y[0, 0],
    "()": lambda y: 0.0,
    "(B, T, H)": lambda y: y.swapaxes(0, 1),
    "(0,)": lambda y: [],
}


@pytest.mark.parametrize("name", WRONG_Y)
def test_y_is_never_broadcast(call: Call, name: str) -> None:
    y = WRONG_Y[name](call.y)
    if np.shape(y) == call.y.shape:
        pytest.skip("one time step is one time step")
    message = refusal(call.replace(y=y), ValueError, y=True)
    assert message == f"y: expected shape (T, B, H) = {call.y.shape}, got {shape_of(y)}"


# --- x --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (3,), (B, D), (3, B, D, 1)])
def test_x_of_other_dimensions(call: Call, shape: tuple[int, ...]) -> None:
    message = refusal(call.replace(x=np.zeros(shape)), ValueError)
    assert message.startswith("x: expected shape (T, B, D)")
    assert message.endswith(f"got {shape}")


@pytest.mark.parametrize("inputs", [1, D + 1])
def test_x_of_another_input_size(call: Call, inputs: int) -> None:
    """The weights agree among themselves, so it is x that is wrong."""
    T = len(call.x)
    message = refusal(call.replace(x=np.zeros((T, B, inputs))), ValueError)
    assert message == f"x: expected shape (T, B, D) = {(T, B, D)}, got {(T, B, inputs)}"


@pytest.mark.parametrize("more", [1, 5])
def test_another_number_of_steps_says_how_to_regenerate(call: Call, more: int) -> None:
    if call.kernel.UNROLL is None:
        pytest.skip("takes any")
    T = call.kernel.UNROLL + more
    message = refusal(Call.draw(call.kernel, T), ValueError)
    assert message.startswith(
        f"x: expected shape (T, B, D) = {(call.kernel.UNROLL, B, D)}, got {(T, B, D)}"
    )
    assert f"--unroll {T}" in message
    assert "--unroll any" in message


def test_no_steps_for_a_fixed_kernel_names_a_command_that_works(call: Call) -> None:
    if call.kernel.UNROLL is None:
        pytest.skip("takes any")
    message = refusal(Call.draw(call.kernel, 0), ValueError)
    assert "--unroll any" in message
    assert "--unroll 0" not in message


# --- s0 -------------------------------------------------------------------------------------------

WRONG_S0: dict[str, tuple[int, ...]] = {
    "(1, H)": (1, H),
    "(B, 1)": (B, 1),
    "(H,)": (H,),
    "()": (),
    "(1, B, H)": (1, B, H),
    "(H, B)": (H, B),
    "(B + 1, H)": (B + 1, H),
}


@pytest.mark.parametrize("name", WRONG_S0)
def test_s0_is_never_broadcast(call: Call, name: str) -> None:
    wrong = np.zeros(WRONG_S0[name])
    for state in call.kernel.STATES:
        several = len(call.kernel.STATES) > 1
        s0 = call.s0._replace(**{state: wrong}) if several else wrong
        argument = f"s0.{state}" if several else "s0"
        message = refusal(call.replace(s0=s0), ValueError)
        assert message == f"{argument}: expected shape (B, H) = {(B, H)}, got {wrong.shape}"


# --- params ---------------------------------------------------------------------------------------


def test_a_weight_of_another_shape(call: Call) -> None:
    """It is blamed itself, the first one too, since the others agree."""
    for name, weight in call.params._asdict().items():
        for wrong in (weight[..., :1], weight[..., None], np.concatenate([weight, weight[:1]])):
            message = refusal(call.weight(name, wrong), ValueError)
            letters = ", ".join(call.kernel.SHAPES[f"params.{name}"]) + "," * (weight.ndim == 1)
            assert message == (
                f"params.{name}: expected shape ({letters}) = {weight.shape}, got {wrong.shape}"
            )


def test_a_matrix_that_is_transposed(call: Call) -> None:
    D_by_H = {name: w for name, w in call.params._asdict().items() if w.shape == (D, H)}
    for name, weight in D_by_H.items():
        message = refusal(call.weight(name, weight.T), ValueError)
        assert message.startswith(f"params.{name}: expected shape (D, H) = {(D, H)}, got {(H, D)}")


def test_two_weights_against_many(call: Call) -> None:
    """The first that differs from the majority is named."""
    one, other = [name for name, w in call.params._asdict().items() if w.shape == (D, H)][:2]
    wrong = call.weight(one, np.zeros((D, H + 1))).weight(other, np.zeros((D, H + 1)))
    assert refusal(wrong, ValueError).startswith(f"params.{one}: expected shape (D, H) = {(D, H)}")


@pytest.mark.parametrize("what", ["tuple", "dict", "list", "array", "None"])
def test_params_without_names(call: Call, what: str) -> None:
    params = {
        "tuple": tuple(call.params),
        "dict": call.params._asdict(),
        "list": list(call.params),
        "array": np.zeros(3),
        "None": None,
    }[what]
    message = refusal(call.replace(params=params), TypeError)
    fields = ", ".join(call.kernel.Params._fields)
    name = type(params).__name__
    remedy = ": write Params(**params)" if what == "dict" else ""
    assert message == f"params: expected a NamedTuple with the fields {fields}; got {name}{remedy}"


def test_params_with_other_names(call: Call) -> None:
    *others, last = call.params._fields
    cases = {
        "renamed": (*others, f"{last}x"),
        "fewer": tuple(others),
        "more": (*others, last, "more"),
    }
    for name, fields in cases.items():
        other: Any = namedtuple(name, fields)  # type: ignore[misc]
        params = other(*[call.params[0]] * len(fields))
        message = refusal(call.replace(params=params), TypeError)
        assert message.startswith("params: expected a NamedTuple with the fields ")
        assert message.endswith(f"; got {', '.join(fields)}")


def test_params_of_another_kernel_are_taken(call: Call, form: Form) -> None:
    other = load(form._replace(unroll=None if form.unroll else 3))
    params = other.Params(*call.params)
    assert not isinstance(params, call.kernel.Params)
    found = call.replace(params=params).all()
    assert_equal(found, call.all())
    assert type(found[0].gradients) is call.kernel.Params


def test_params_in_another_order_are_taken_by_name(call: Call) -> None:
    names = call.params._fields[::-1]
    reordered: Any = namedtuple("reordered", names)  # type: ignore[misc]
    params = reordered(*(getattr(call.params, name) for name in names))
    assert_equal(call.replace(params=params).all(), call.all())


# --- workspace ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [(B + 1, D, H), (B, D + 1, H), (B, D, H + 1), (B, D, H, np.float32)],
    ids=["B", "D", "H", "dtype"],
)
def test_a_workspace_for_other_arguments(call: Call, arguments: tuple[Any, ...]) -> None:
    message = refusal(call, ValueError, call.kernel.Workspace(*arguments))
    assert message.startswith("workspace: ")
    assert f"(B, D, H) = {arguments[:3]}" in message
    assert str(np.dtype(arguments[3] if arguments[3:] else np.float64)) in message
    assert f"{(B, D, H)} and float64" in message


def test_a_workspace_of_another_module(call: Call, form: Form) -> None:
    other = load(form._replace(unroll=None if form.unroll else 3))
    message = refusal(call, TypeError, other.Workspace(*SIZES))
    assert message.startswith("workspace: expected a Workspace of this module, ")


@pytest.mark.parametrize("workspace", [0, {}, np.zeros(3)], ids=["0", "dict", "array"])
def test_what_is_no_workspace(call: Call, workspace: Any) -> None:
    message = refusal(call, TypeError, workspace)
    assert message.startswith("workspace: expected a Workspace of this module, ")
    assert type(workspace).__name__ in message


def test_an_error_leaves_a_workspace_usable(call: Call) -> None:
    workspace = call.workspace()
    for wrong in (call.replace(y=call.y[:, :1]), call.replace(s0=0.0)):
        with pytest.raises((ValueError, TypeError)):
            wrong.loss_and_gradients(workspace)
    assert_equal(call.all(workspace), call.all())


# --- State ----------------------------------------------------------------------------------------


def test_several_states_come_as_a_state_tuple(kernel: ModuleType, call: Call) -> None:
    if len(kernel.STATES) == 1:
        pytest.skip("one state")
    for wrong in (tuple(call.s0), call.s0[0], np.stack(call.s0)):
        message = refusal(call.replace(s0=wrong), TypeError)
        assert message.startswith("s0: expected a State with the fields ")
        assert ", ".join(kernel.STATES) in message


# --- what is missing ------------------------------------------------------------------------------


def test_an_argument_that_is_none(call: Call) -> None:
    missing = "it is missing; expected an array, got None"
    assert refusal(call.replace(x=None), TypeError) == f"x: {missing}"
    assert refusal(call.replace(y=None), TypeError, y=True) == f"y: {missing}"
    outputs, state, pullback = call.kernel.vjp(call.params, call.x, call.s0)
    with pytest.raises(TypeError, match=f"^d_outputs: {missing}$"):
        pullback(None, state)
    pullback(np.zeros_like(outputs), state)  # which is what to give instead


@pytest.mark.parametrize("shape", [(), (1, 1, 1)])
def test_loss_weights_of_no_shape_that_they_can_have(call: Call, shape: tuple[int, ...]) -> None:
    T = len(call.x)
    fault = f"loss_weights: expected shape (T,) = ({T},) or (T, B) = {(T, B)}, got {shape}"
    for function in (call.kernel.loss, call.kernel.loss_and_gradients):
        with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
            function(call.params, call.x, call.y, call.s0, loss_weights=np.ones(shape))
