"""The backward pass of a step, split by whose error it carries: by numbers, for any cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul

import gru_codegen as gc
from gru_codegen.cell import Cell
from gru_codegen.derive.split import Error, Split
from gru_codegen.evaluate import evaluate
from gru_codegen.notation import Common, RowFunction, leaves
from gru_codegen.readouts import linear
from tests.cells.sample import IN_PYTHON
from tests.derive import declarations

Array = NDArray[Any]

SIZES = {"B": 2, "D": 3, "H": 4, "O": 5}
STEPS = 3
CELLS = [*IN_PYTHON.values(), *declarations.CELLS]


def plain(expression: Any) -> Any:
    """`expression` without its marks, and with functions of rows as what is known of them."""
    if isinstance(expression, Common):
        return plain(expression.expression)
    if not expression.args or isinstance(expression, (MatrixSymbol, RowFunction)):
        return expression
    return expression.func(*(plain(a) if a.is_Matrix else a for a in expression.args))


class Numbers:
    """A random number for each entry of each symbol that a split leaves as it is."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(11)
        self.values: dict[Any, Any] = {}

    def of(self, expression: Any) -> Array:
        for symbol in leaves(expression):
            if symbol not in self.values:
                shape = [SIZES.get(str(n)) or int(n) for n in symbol.shape]
                self.values[symbol] = self.random.uniform(-1, 1, shape)
            for size, number in zip(symbol.shape, self.values[symbol].shape, strict=True):
                self.values[size] = number
        return np.asarray(evaluate(expression, self.values))

    def gradients(self, error: Error) -> dict[MatrixSymbol, Array]:
        """The gradients by the lines of a box, one after the other."""
        for symbol, value in error.adjoints:
            self.values[symbol] = self.of(plain(value))
        return {weight: self.of(plain(value)) for weight, value in error.gradients.items()}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
@pytest.mark.parametrize("step", [1, STEPS])
def test_own_and_arriving_error_add_up(cell: Cell, step: int) -> None:
    split, numbers = Split.of(gc.derive(cell), STEPS, step), Numbers()
    own, later, whole = map(numbers.gradients, (split.own, split.later, split.whole))
    assert whole
    for weight, total in whole.items():
        parts = [part[weight] for part in (own, later) if weight in part]
        np.testing.assert_allclose(sum(parts), total, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
@pytest.mark.parametrize("loss", declarations.LOSSES, ids=lambda loss: loss.name)
def test_only_the_own_error_depends_on_the_loss_of_the_step(cell: Cell, loss: gc.Loss) -> None:
    split = Split.of(gc.derive(cell, loss), STEPS, 2)
    notation = split.notation

    def read(error: Error) -> set[str]:
        formulas = [value for _, value in error.adjoints]
        return {notation.text(leaf, 0) for formula in formulas for leaf in leaves(formula)}

    carried = {f"dS_prev_{step}" for step in (2, 3)} | {f"dC_prev_{step}" for step in (2, 3)}
    assert not read(split.own) & carried
    assert "Y_2" not in read(split.later)
    assert Split.of(gc.derive(cell, loss), STEPS, STEPS).later.gradients == {}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
@pytest.mark.parametrize("marks", [False, True])
def test_by_hand_is_the_same_number(cell: Cell, marks: bool) -> None:
    split, numbers = Split.of(gc.derive(cell), STEPS, 2), Numbers()
    for error in (split.own, split.later, split.whole):
        expected = numbers.gradients(error)
        for weight, symbols in error.gradients.items():
            hand = error.by_hand(symbols, error.common if marks else None)
            adjoints = {symbol for symbol, _ in error.adjoints}
            assert not adjoints & set(leaves(hand)), "every adjoint of the step is replaced"
            value = numbers.of(plain(hand))
            np.testing.assert_allclose(value, expected[weight], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["bce", "cross-entropy"])
def test_the_error_of_the_outputs_is_the_one_that_everyone_knows(name: str) -> None:
    derivation = gc.derive(linear(gc.GRU), gc.losses[name])
    split = Split.of(derivation, 2, 1)
    symbol, value = split.own.adjoints[0]
    function = {"bce": "sigmoid", "cross-entropy": "softmax"}[name]
    assert split.notation.text(symbol, 0) == "dO_1[own]"
    assert split.notation.text(value, 0) == f"{function}(O_1) - Y_1"


def texts(error: Error, split: Split, values: Mapping[MatrixSymbol, Any]) -> list[str]:
    return [split.notation.text(error.by_hand(v), 0) for v in values.values()]


def test_the_six_equations_of_the_last_step() -> None:
    split = Split.of(gc.derive(gc.GRU), 2, 2)
    z = "(E_2 o (CA_2 - S_1) o Z_2 o (1 - Z_2))"
    ca = "(E_2 o Z_2 o (1 - CA_2 o CA_2))"
    r = f"(({ca} Wrecca^T) o S_1 o R_2 o (1 - R_2))"
    assert texts(split.whole, split, split.whole.gradients) == [
        f"x_2^T {z}",
        f"S_1^T {z}",
        f"x_2^T {ca}",
        f"RS_2^T {ca}",
        f"x_2^T {r}",
        f"S_1^T {r}",
    ]
    common = [split.notation.text(symbol, 0) for symbol in split.whole.common]
    assert common == ["daZ_2", "daCA_2", "daR_2"]


def test_both_boxes_differ_where_they_begin() -> None:
    split = Split.of(gc.derive(gc.GRU), 2, 1)

    def lines(error: Error) -> list[str]:
        write = split.notation.text
        rows = [*error.adjoints, *error.gradients.items()]
        text = [f"{write(left, 0)} = {write(right, 0)}" for left, right in rows]
        return [line.replace(f"[{error.whose}]", "") for line in text]

    own, later = lines(split.own), lines(split.later)
    assert own[0] == "dS_1 = E_1"
    assert later[0] == "dS_1 = dS_prev_2"
    assert own[1:] == later[1:]


@pytest.mark.parametrize("step", [0, 4])
def test_there_is_no_other_step(step: int) -> None:
    with pytest.raises(ValueError, match=f"expected 1 to {STEPS}, got {step}"):
        Split.of(gc.derive(gc.GRU), STEPS, step)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_factored_sums_are_the_sums(cell: Cell) -> None:
    derivation, numbers = gc.derive(cell), Numbers()
    for adjoint in derivation.adjoints:
        form = adjoint.factored
        np.testing.assert_allclose(
            numbers.of(form), numbers.of(adjoint.expression), rtol=1e-12, atol=1e-14
        )
        if isinstance(form, MatAdd):  # no adjoint multiplies two of its terms
            factors = [set(term.args) | {term} for term in form.args if not term.has(MatMul)]
            shared = [s for s in derivation.notation.adjoints if sum(s in f for f in factors) > 1]
            assert shared == []
