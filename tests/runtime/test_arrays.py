"""Arguments as arrays."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from gru_codegen.runtime import arrays
from gru_codegen.runtime.arrays import (
    _cast,
    _cast_input,
    _cast_inputs,
    _check_shape,
    _like_all_outputs,
    _like_outputs,
    _zeroed,
)
from gru_codegen.runtime.calls import _copied
from gru_codegen.runtime.kernel import Inputs, Outputs, Workspace

named_tuple: Callable[..., Any] = namedtuple  # whose fields have no static type
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def test_an_array_of_the_right_dtype_is_taken_as_it_is() -> None:
    x = np.ones(3)
    assert _cast("x", x, FLOAT64) is x


@pytest.mark.parametrize("value", [[1, 2], np.array([1, 2]), np.array([1.0, 2.0])])
def test_lists_integers_and_other_floats_are_cast(value: Any) -> None:
    found = _cast("x", value, FLOAT32)
    assert found.dtype == FLOAT32
    assert found.tolist() == [1, 2]


def test_a_complex_array_for_real_weights() -> None:
    with pytest.raises(TypeError, match=r"^x: complex128 does not cast to float64, the dtype of"):
        _cast("x", np.ones(3) + 0j, FLOAT64)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(TypeError, match=r"^y: it is missing; expected an array, got None$"):
        _cast("y", None, FLOAT64)


def test_a_shape_of_one_size_is_written_as_a_tuple() -> None:
    _check_shape("lengths", np.zeros(4), ("B",), (4,))
    with pytest.raises(ValueError, match=r"^lengths: expected shape \(B,\) = \(4,\), got \(3,\)$"):
        _check_shape("lengths", np.zeros(3), ("B",), (4,))


def test_an_input_has_three_dimensions() -> None:
    assert _cast_input("x", np.zeros((3, 4, 2)), FLOAT64).shape == (3, 4, 2)
    with pytest.raises(ValueError, match=r"^x: expected shape \(T, B, D\), got \(4, 2\)$"):
        _cast_input("x", np.zeros((4, 2)), FLOAT64)


@pytest.mark.parametrize(
    ("steps", "options"), [(4, "--unroll 4 or --unroll any"), (0, "--unroll any")]
)
def test_an_input_of_another_length_than_the_kernel(
    monkeypatch: pytest.MonkeyPatch, steps: int, options: str
) -> None:
    monkeypatch.setattr(arrays, "UNROLL", 3)
    assert _cast_input("x", np.zeros((3, 4, 2)), FLOAT64).shape == (3, 4, 2)
    with pytest.raises(ValueError, match="this kernel is unrolled to T = 3") as raised:
        _cast_input("x", np.zeros((steps, 4, 2)), FLOAT64)
    message = str(raised.value)
    assert message.startswith(f"x: expected shape (T, B, D) = (3, 4, 2), got ({steps}, 4, 2): ")
    assert message.endswith(f"unrolled to T = 3; generate one with {options}")


def test_what_is_like_the_outputs() -> None:
    outputs = np.zeros((3, 4, 5), np.float32)
    assert _like_outputs("y", np.ones((3, 4, 5)), outputs).dtype == FLOAT32
    with pytest.raises(ValueError, match=r"^y: expected shape \(T, B, H\) = \(3, 4, 5\), got"):
        _like_outputs("y", np.ones((3, 1, 5)), outputs)


@pytest.mark.parametrize("room", [None, np.full((2, 2, 3), 7.0)])
def test_zeros_where_nothing_may_be_read(room: Any) -> None:
    given = np.full((2, 2, 3), np.nan)
    given[0] = 1
    found = _zeroed(given, np.array([[[False], [False]], [[True], [True]]]), room)
    assert found.tolist() == [[[1, 1, 1]] * 2, [[0, 0, 0]] * 2]
    assert found is room or room is None
    assert np.isnan(given[1]).all()


class Named(NamedTuple):
    u: Any
    x: Any


def test_several_inputs_are_taken_by_their_names() -> None:
    x, u = np.zeros((3, 4, 2)), np.ones((3, 4, 2), int)
    found = _cast_inputs(Named(u, x), FLOAT32)
    assert type(found) is Inputs
    assert [each.dtype for each in found] == [FLOAT32, FLOAT32]
    assert found.u.all()
    assert not found.x.any()


def test_an_input_among_several_is_named() -> None:
    with pytest.raises(ValueError, match=r"^x\.u: expected shape \(T, B, D\), got \(4, 2\)$"):
        _cast_inputs(Inputs(np.zeros((3, 4, 2)), np.zeros((4, 2))), FLOAT64)
    with pytest.raises(TypeError, match=r"^x\.x: it is missing; expected an array, got None$"):
        _cast_inputs(Inputs(None, np.zeros((4, 2))), FLOAT64)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [np.zeros((3, 4, 2)), None, (1, 2)])
def test_what_is_no_inputs_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=r"^x: expected Inputs with the fields x, u; got \w+$"):
        _cast_inputs(given, FLOAT64)


def outputs() -> Outputs:
    return Outputs(S=np.ones((3, 4, 2)), P=np.ones((3, 4, 5)))


def test_adjoints_of_outputs_go_by_name_and_a_tuple_by_place() -> None:
    turned = named_tuple("Turned", ("P", "S"))(np.full((3, 4, 5), 2.0), np.full((3, 4, 2), 3.0))
    for given in (turned, (turned.S, turned.P)):
        found = _like_all_outputs(given, outputs())
        assert isinstance(found, Outputs)
        assert found.S is turned.S
        assert found.P is turned.P


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.ones((3, 4, 2)), "d_outputs: expected Outputs with the fields S, P; got ndarray"),
        ((np.ones((3, 4, 2)),), "d_outputs: expected Outputs with the fields S, P; got tuple"),
        (Inputs(1, 2), "d_outputs: expected Outputs with the fields S, P; got x, u"),  # type: ignore[arg-type]
        (Outputs(np.ones((3, 4, 2)), None), "d_outputs.P: it is missing; expected an array"),  # type: ignore[arg-type]
    ],
)
def test_other_adjoints_of_outputs_are_refused(given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(said)}"):
        _like_all_outputs(given, outputs())


def test_adjoints_of_an_output_have_its_shape() -> None:
    said = r"^d_outputs\.P: expected shape \(T, B, O\) = \(3, 4, 5\), got \(3, 4, 2\)$"
    with pytest.raises(ValueError, match=said):
        _like_all_outputs((np.ones((3, 4, 2)), np.ones((3, 4, 2))), outputs())


def test_outputs_are_copied_one_by_one_and_0_where_padded() -> None:
    w, kept = Workspace(4, 2, 2), outputs()
    w.ended = np.zeros((3, 4, 1), bool)
    w.ended[2, 1] = True
    found = _copied(kept, w)
    assert isinstance(found, Outputs)
    assert [each[2].sum(axis=-1).tolist() for each in found] == [[2, 0, 2, 2], [5, 0, 5, 5]]
    assert kept.S.all()
