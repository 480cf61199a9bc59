"""Patterns of axes: written out on arrays small enough to be read."""

from __future__ import annotations

import numpy as np
import pytest

from gru_codegen.interop.packing import groups, in_letters, pack, shape, unpack, written

# Two gates, D = 3, H = 2: block g holds the hundreds g, rows the tens, columns the units.
BLOCKS = np.array([[[[0, 1], [10, 11], [20, 21]], [[100, 101], [110, 111], [120, 121]]]])
SIZES = {"direction": 1, "kind": 1, "gate": 2, "in": 3, "out": 2}


def test_groups_of_a_pattern() -> None:
    assert groups("direction (kind gate out)") == [("direction",), ("kind", "gate", "out")]
    assert groups("(gate out) in") == [("gate", "out"), ("in",)]


def test_torch_stacks_transposed_gates() -> None:
    expected = [[0, 10, 20], [1, 11, 21], [100, 110, 120], [101, 111, 121]]
    assert pack(BLOCKS, "(gate out) in", SIZES).tolist() == expected


def test_keras_puts_gates_side_by_side() -> None:
    expected = [[0, 1, 100, 101], [10, 11, 110, 111], [20, 21, 120, 121]]
    assert pack(BLOCKS, "in (gate out)", SIZES).tolist() == expected


def test_onnx_puts_all_input_biases_first() -> None:
    biases = np.array([[[0, 1], [10, 11]], [[100, 101], [110, 111]]])  # kind, gate, out
    sizes = {"direction": 1, "kind": 2, "gate": 2, "out": 2}
    packed = pack(biases, "direction (kind gate out)", sizes)
    assert packed.tolist() == [[0, 1, 10, 11, 100, 101, 110, 111]]
    assert unpack(packed, "direction (kind gate out)", sizes).tolist() == biases.tolist()


@pytest.mark.parametrize(
    "pattern", ["(gate out) in", "in (gate out)", "direction (gate out) in", "in gate out"]
)
def test_unpack_undoes_pack(pattern: str) -> None:
    packed = pack(BLOCKS, pattern, SIZES)
    assert packed.shape == shape(pattern, SIZES)
    assert packed.flags.c_contiguous
    assert unpack(packed, pattern, SIZES).tolist() == BLOCKS.tolist()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(gate out) in", "(2 H, D)"),
        ("direction (gate out) in", "(1, 2 H, D)"),
        ("direction (kind gate out)", "(1, 2 H)"),
        ("kind (gate out)", "(1, 2 H)"),
        ("(gate out)", "(2 H,)"),
    ],
)
def test_shapes_in_letters(pattern: str, expected: str) -> None:
    assert in_letters(pattern, SIZES, {"in": "D", "out": "H"}) == expected


def test_a_single_gate_needs_no_number() -> None:
    assert in_letters("(gate out)", {**SIZES, "gate": 1}, {"out": "H"}) == "(H,)"


def test_shapes_are_written_as_python_writes_them() -> None:
    assert [written(s) for s in ((), (3,), (3, "H"))] == ["()", "(3,)", "(3, H)"]
