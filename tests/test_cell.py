from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import sympy as sp
from sympy.matrices.exceptions import ShapeError

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, size
from gru_codegen.cells.gru import GRU
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS, sigmoid, tanh
from gru_codegen.readouts import readouts

x, S_prev, Z, S = matrix("x", B, D), matrix("S_prev", B, H), matrix("Z", B, H), matrix("S", B, H)
W, U, b = matrix("W", D, H), matrix("U", H, H), matrix("b", 1, H)
KNOWN = ", ".join(FUNCTIONS)
GATE = Equation(Z, sigmoid(x * W), "gate")
STATE = Equation(S, hadamard(Z, S_prev) + S_prev * U, "state")


def declare(**changes: Any) -> Cell:
    """A cell with a gate and a state, with `changes`."""
    declaration: dict[str, Any] = {
        "name": "gate",
        "title": "a gate",
        "source": "a test",
        "inputs": (x,),
        "weights": (W, U),
        "states": {S: S_prev},
        "equations": (GATE, STATE),
    }
    return Cell(**{**declaration, **changes})


def refusal(**changes: Any) -> str:
    """What is said of the cell with `changes`, without the name that it begins with."""
    with pytest.raises(CellError) as raised:
        declare(**changes)
    message = str(raised.value)
    assert message.startswith("cell 'gate'")
    assert "\n" not in message
    return message.removeprefix("cell 'gate'").lstrip(":, ")


# --- what a cell is -------------------------------------------------------------------------------


def test_the_output_is_the_first_state_unless_said_otherwise() -> None:
    assert declare().output == S
    assert declare(output=Z).output == Z


def test_several_outputs_are_a_tuple_and_one_is_none() -> None:
    assert declare(output=[Z, S]).output == (Z, S)
    assert declare(output=(S, Z)).outputs == (S, Z)
    assert declare(output=(Z,)).output == Z
    assert declare().outputs == (S,)
    only_put_out = Equation(matrix("R", B, H), Z * U, "gate")
    assert declare(equations=(GATE, only_put_out, STATE), output=(S, only_put_out.target))


def test_a_readout_takes_the_place_of_the_first_output() -> None:
    cell = readouts["linear"](declare(output=(S, Z)))
    assert [output.name for output in cell.outputs] == ["O", "Z"]
    assert cell.equations[-1].expression.has(S)


def test_lists_and_dictionaries_are_frozen() -> None:
    states = {S: S_prev}
    cell = declare(inputs=[x], weights=[W, U], equations=[GATE, STATE], states=states)
    states.clear()
    assert cell.inputs == (x,)
    assert cell.weights == (W, U)
    assert dict(cell.states) == {S: S_prev}
    assert [equation.target for equation in cell.equations] == [Z, S]


def test_sums_and_products_are_brought_into_their_natural_order() -> None:
    assert str(declare()) == (
        "Z_t = sigmoid(x_t W)\n"  #
        "S_t = Z_t o S_{t-1} + S_{t-1} U"
    )


def test_cells_are_equal_only_to_themselves() -> None:
    assert declare() != declare()
    assert len({declare(), declare()}) == 2


# --- symbols --------------------------------------------------------------------------------------

SYMBOLS: dict[str, tuple[dict[str, Any], str]] = {
    "undeclared": (
        {"inputs": (), "weights": (U,)},
        "equation Z: W is not declared; declared are S_prev, U",
    ),
    "declared with another shape": (
        {"weights": (matrix("W", D, D), U)},
        "equation Z: W is used as (D, H), declared as (D, D)",
    ),
    "computed only later": (
        {"equations": (STATE, GATE)},
        "equation S: it reads Z, which is computed only there or later; "
        "reorder the equations, or read the previous state",
    ),
    "cyclic": (
        {"equations": (Equation(Z, sigmoid(x * W + S), "gate"), STATE)},
        "equation Z: it reads S, which is computed only there or later; "
        "reorder the equations, or read the previous state",
    ),
    "its own value": (
        {"equations": (Equation(Z, sigmoid(x * W + Z), "gate"), STATE)},
        "equation Z: it reads Z, which is computed only there or later; "
        "reorder the equations, or read the previous state",
    ),
    "unused weight": (
        {"weights": (W, U, b)},
        "weight b is read by no equation; use it or remove it",
    ),
    "unused input": (
        {"inputs": (x, matrix("v", B, D))},
        "input v is read by no equation; use it or remove it",
    ),
    "unused previous state": (
        {"equations": (GATE, Equation(S, Z * U, "state"))},
        "previous state S_prev is read by no equation; use it or remove it",
    ),
    "equation read by nobody": (
        {"equations": (GATE, Equation(matrix("R", B, H), Z * U, "gate"), STATE)},
        "computed matrix R is read by no equation; use it or remove it",
    ),
    "state without a next value": (
        {"states": {matrix("C", B, H): S_prev}, "output": S},
        "state C has no next value; add an equation whose target is C",
    ),
    "no weight": ({"weights": ()}, "it declares no weight, so nothing can be learned"),
    "no state": ({"states": {}}, "it declares no state, so nothing recurs"),
    "output that nothing computes": (
        {"output": matrix("O", B, H)},
        "output O is the target of no equation",
    ),
    "output that is given": ({"output": x}, "output x is the target of no equation"),
    "weight among outputs": (
        {"output": (S, W)},
        "W is (D, H); what changes from step to step has one row per sample, (B, ...)",
    ),
    "no outputs": ({"output": ()}, "output is empty; it is one matrix, or several in a tuple"),
    "one output twice": ({"output": (S, Z, S)}, "output has S twice"),
    "text among outputs": (
        {"output": (S, "Z")},
        "'Z' must be a matrix symbol, such as matrix('x', B, H), not a str",
    ),
    "input and weight of one name": (
        {"inputs": (x, matrix("W", B, D))},
        "W is declared twice; every symbol needs a name of its own",
    ),
    "two equations for one target": (
        {"equations": (GATE, STATE, GATE)},
        "Z is declared twice; every symbol needs a name of its own",
    ),
    "target that is given": (
        {"equations": (GATE, Equation(S_prev, S_prev * U, "state"), STATE)},
        "S_prev is declared twice; every symbol needs a name of its own",
    ),
    "one previous state of two states": (
        {"states": {S: S_prev, Z: S_prev}},
        "S_prev is declared twice; every symbol needs a name of its own",
    ),
}


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbols(name: str) -> None:
    changes, message = SYMBOLS[name]
    assert refusal(**changes) == message


NAMES = {
    "lambda": "is a keyword of Python",
    "el": "would have the adjoint del, which is a keyword of Python",
    "tanh": "is the name of a function",
    "sum": "is a name of Python's own",
    "np": "is a name that kernels use themselves",
    "dO": "is a name that kernels use themselves",
    "W_t": "ends in _t, with which equations write the value at step t: leave that out",
    "T": "is a letter that kernels need: B, D, H and O are sizes, T the steps, L the loss",
    **dict.fromkeys(
        ["2W", "W-z", "W z", "Wé", "", "import os"],
        "is not a name: it takes ASCII letters, digits and underscores, a letter first",
    ),
    **dict.fromkeys(
        ["__import__", "_W", "W_", "W__z"],
        "is not a name: underscores stand one by one, between letters and digits",
    ),
}


@pytest.mark.parametrize("role", ["input", "weight", "gate"])
@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_symbol_can_have(name: str, role: str) -> None:
    symbols = {"input": x, "weight": W, "gate": Z}
    symbols[role] = matrix(name, *symbols[role].shape)
    given, weight, gate = symbols.values()
    equations = (
        Equation(gate, sigmoid(given * weight), "gate"),
        Equation(S, hadamard(gate, S_prev) + S_prev * U, "state"),
    )
    assert refusal(inputs=(given,), weights=(weight, U), equations=equations) == (
        f"{name!r} {NAMES[name]}"
    )


@pytest.mark.parametrize("name", ["lambda", "el", "tanh", "np", "S_t", "T"])
def test_names_that_no_state_can_have(name: str) -> None:
    state, before = matrix(name, B, H), matrix(f"{name}_prev", B, H)
    equation = Equation(state, hadamard(Z, before) + before * U, "state")
    assert refusal(states={state: before}, equations=(GATE, equation)).startswith(f"{name!r} ")


def test_the_outputs_may_be_called_as_kernels_call_them() -> None:
    O = matrix("O", B, H)  # noqa: E741
    assert declare(equations=(GATE, STATE, Equation(O, S * U, "readout")), output=O).output == O


def test_a_previous_state_is_called_after_its_state() -> None:
    before = matrix("S_before", B, H)
    state = Equation(S, hadamard(Z, before) + before * U, "state")
    assert refusal(states={S: before}, equations=(GATE, state)) == (
        "the previous value of state S is called S_before; call it S_prev, as kernels do"
    )


def test_of_several_unread_matrices_the_first_is_named() -> None:
    """Sets of symbols have an order that differs from process to process."""
    unread = [matrix(f"R{i}", B, H) for i in range(9)]
    equations = [GATE, *(Equation(target, Z * U, "gate") for target in unread), STATE]
    assert refusal(equations=equations).startswith("computed matrix R0 is read by no equation")


# --- shapes ---------------------------------------------------------------------------------------

SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "matrix product": (
        {"equations": (Equation(Z, sigmoid(x * W + x * U), "gate"), STATE)},
        "equation Z: x * U multiplies (B, D) by (H, H); the inner sizes D and H must be the same",
    ),
    "sum": (
        {"equations": (Equation(Z, sigmoid(x * W + x), "gate"), STATE)},
        "equation Z: x W is (B, H), x is (B, D); the terms of a sum and the factors of an "
        "elementwise product must have one shape",
    ),
    "elementwise product": (
        {"equations": (GATE, Equation(S, hadamard(Z, S_prev, x), "state"))},
        "equation S: Z is (B, H), x is (B, D); the terms of a sum and the factors of an "
        "elementwise product must have one shape",
    ),
    "target": (
        {"equations": (Equation(Z, sigmoid(x), "gate"), STATE)},
        "equation Z: the right-hand side is (B, D), Z is (B, H)",
    ),
    "target that is a weight": (
        {"equations": (Equation(matrix("V1", D, H), x * W, "weight"), GATE, STATE)},
        "equation V1: V1 is (D, H); what changes from step to step has one row per sample, "
        "(B, ...)",
    ),
    "state and previous state": (
        {
            "states": {S: matrix("S_prev", B, D)},
            "equations": (GATE, Equation(S, matrix("S_prev", B, D) * W + Z * U, "state")),
        },
        "state S is (B, H), its previous value S_prev is (B, D); the two must agree",
    ),
    "input": (
        {"inputs": (matrix("x", D, B),)},
        "x is (D, B); what changes from step to step has one row per sample, (B, ...)",
    ),
    "previous state": (
        {"states": {S: matrix("S_prev", H, B)}},
        "S_prev is (H, B); what changes from step to step has one row per sample, (B, ...)",
    ),
    "weight": (
        {"weights": (matrix("W", B, H), U)},
        "weight W is (B, H); a weight serves every sample and has no batch size",
    ),
    "number for a size": (
        {"weights": (matrix("W", D, 3), U)},
        "the size 3 of W must be 1 or a symbol that gru_codegen.cell.size makes, as B, D and H are",
    ),
    "formula for a size": (
        {"weights": (matrix("W", D, 2 * H), U)},
        "the size 2*H of W must be 1 or a symbol that gru_codegen.cell.size makes, "
        "as B, D and H are",
    ),
    "another symbol called H": (
        {"weights": (W, matrix("U", sp.Symbol("H"), sp.Symbol("H")))},
        "the size H of U must be 1 or a symbol that gru_codegen.cell.size makes, as B, D and H are",
    ),
    "unknown function": (
        {"equations": (Equation(Z, (x * W).applyfunc(sp.sin), "gate"), STATE)},
        "equation Z: sin(a) is not a known function of a; "
        "known are sigmoid, tanh of gru_codegen.functions",
    ),
    "unknown form": (
        {"equations": (GATE, Equation(S, hadamard(Z, S_prev) + S_prev * U.I, "state"))},
        "equation S: Inverse in U**(-1) is not a form known here: "
        "sums, matrix products, transposes of weights, hadamard(...), where(...), ones(...) and "
        "sigmoid, tanh",
    ),
    "float": (
        {"equations": (GATE, Equation(S, hadamard(Z, S_prev) + 0.5 * S_prev * U, "state"))},
        "equation S: the factor 0.500000000000000 in 0.500000000000000 S_prev U is not a rational "
        "number; write Rational(1, 2)",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    changes, message = SHAPES[name]
    assert refusal(**changes) == message.replace("sigmoid, tanh", KNOWN)


def test_a_size_of_one_s_own() -> None:
    K = size("K")
    V, readout = matrix("V1", H, K), matrix("R", B, K)
    back = matrix("Wback", K, H)
    equations = (GATE, Equation(readout, S_prev * V, "projection"), STATE)
    state = Equation(S, hadamard(Z, S_prev) + tanh(readout * back), "state")
    assert declare(weights=(W, V, back), equations=(*equations[:2], state)).output == S


def test_sympy_refuses_numbers_that_clash_in_the_line_that_writes_them() -> None:
    with pytest.raises(ShapeError):
        matrix("A", 2, 3) * matrix("C", 2, 3)


# --- types ----------------------------------------------------------------------------------------

TYPES: dict[str, tuple[dict[str, Any], str]] = {
    "text for an input": (
        {"inputs": ("x",)},
        "'x' among the inputs must be of type MatrixSymbol, not str",
    ),
    "text for the inputs": ({"inputs": "x"}, "inputs must be a tuple of MatrixSymbol, not 'x'"),
    "a matrix for the weights": (
        {"weights": W},
        "weights must be a tuple of MatrixSymbol, not W",
    ),
    "a scalar for a weight": (
        {"weights": (W, sp.Symbol("U"))},
        "U among the weights must be of type MatrixSymbol, not Symbol",
    ),
    "None for the equations": (
        {"equations": None},
        "equations must be a tuple of Equation, not None",
    ),
    "a pair for an equation": (
        {"equations": ((Z, W),)},
        "(Z, W) among the equations must be of type Equation, not tuple",
    ),
    "a tuple for the states": (
        {"states": (S,)},
        "states must be a mapping such as {S: S_prev}, not (S,)",
    ),
    "text for a state": (
        {"states": {"S": S_prev}},
        "'S' must be a matrix symbol, such as matrix('x', B, H), not a str",
    ),
    "text for a previous state": (
        {"states": {S: "S_prev"}},
        "'S_prev' must be a matrix symbol, such as matrix('x', B, H), not a str",
    ),
    "text for the output": (
        {"output": "S"},
        "'S' must be a matrix symbol, such as matrix('x', B, H), not a str",
    ),
    "a title in two lines": (
        {"title": "a\ngate"},
        "the title 'a\\ngate' must be one line of text without double quotes and backslashes",
    ),
    "no title": ({"title": ""}, "the title is empty; say in words what it is"),
    "a source of blanks": ({"source": "  "}, "the source is empty; say in words what it is"),
    "a title behind a blank": (
        {"title": " gate"},
        "the title ' gate' begins or ends with a blank; remove it",
    ),
    "a source that would end a docstring": (
        {"source": '"""\nimport os'},
        'the source \'"""\\nimport os\' must be one line of text without double quotes '
        "and backslashes",
    ),
}


@pytest.mark.parametrize("name", TYPES)
def test_types(name: str) -> None:
    changes, message = TYPES[name]
    assert refusal(**changes) == message


@pytest.mark.parametrize("name", ["", "../gru", "my gru", "gru.py", "2gru", "grü", None, 3])
def test_a_name_can_name_a_file(name: Any) -> None:
    with pytest.raises(CellError) as raised:
        declare(name=name)
    assert str(raised.value) == (
        f"cell {name!r}: its name must begin with a letter and go on with ASCII letters, digits, "
        "hyphens and underscores; files are named by it"
    )


# --- faults in a cell that was sound --------------------------------------------------------------


@pytest.mark.parametrize("index", range(len(GRU.equations)))
def test_no_equation_of_the_gru_can_be_left_out(index: int) -> None:
    equations = GRU.equations[:index] + GRU.equations[index + 1 :]
    with pytest.raises(CellError, match=r"^cell 'gru'"):
        replace(GRU, equations=equations)


@pytest.mark.parametrize("index", range(len(GRU.weights)))
def test_every_weight_of_the_gru_is_needed(index: int) -> None:
    removed = GRU.weights[index]
    with pytest.raises(CellError, match=rf"equation \w+: {removed} is not declared; declared are"):
        replace(GRU, weights=GRU.weights[:index] + GRU.weights[index + 1 :])


def test_the_matrix_of_ones_is_checked_like_any_other() -> None:
    state = Equation(S, hadamard(ones(B, D) - Z, S_prev) + S_prev * U, "state")
    assert refusal(equations=(GATE, state)) == (
        "equation S: -Z is (B, H), 1 is (B, D); the terms of a sum and the factors of an "
        "elementwise product must have one shape"
    )


# --- ranges for checks ----------------------------------------------------------------------------


def test_ranges_are_kept_and_cannot_be_changed() -> None:
    cell = replace(GRU, checks={GRU.inputs[0]: (0.1, 2), GRU.weights[0]: (-1, 1)})
    assert dict(cell.checks) == {GRU.inputs[0]: (0.1, 2), GRU.weights[0]: (-1, 1)}
    with pytest.raises(TypeError):
        cell.checks[GRU.inputs[0]] = (0, 1)  # type: ignore[index]
    assert not GRU.checks


RANGES: dict[str, tuple[Any, str]] = {
    "no symbol of the cell": (
        {matrix("q", B, H): (0, 1)},
        "q is no input, weight, given constant or",
    ),
    "no mapping": ([(0, 1)], "they must be a mapping such as {x: (0.1, 2)}"),
    "no pair": ({GRU.inputs[0]: 1}, "the range of x must be two numbers, as [0.1, 2], not 1"),
    "truth": ({GRU.inputs[0]: (True, 2)}, "the range of x must be two numbers"),
    "down": ({GRU.inputs[0]: (1, 1)}, "the range of x must go up"),
    "nan": ({GRU.inputs[0]: (float("nan"), 1)}, "the range of x must go up"),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges_that_are_none(name: str) -> None:
    given, message = RANGES[name]
    with pytest.raises(CellError, match=rf"^cell 'gru', checks: {re.escape(message)}"):
        replace(GRU, checks=given)


def test_names_that_symbols_share_with_kernels() -> None:
    for name in ("O", "V", "w"):
        state, before = matrix(name, B, H), matrix(f"{name}_prev", B, H)
        equation = Equation(state, hadamard(Z, before) + before * U, "state")
        cell = declare(states={state: before}, equations=(GATE, equation))
        assert [each.name for each in cell.states] == [name]
        weight = matrix(name, D, H)
        gate = Equation(Z, sigmoid(x * weight), "gate")
        assert declare(weights=(weight, U), equations=(gate, STATE)).weights == (weight, U)
