from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix

import gru_codegen as gc
from gru_codegen.cell import Cell, hadamard
from gru_codegen.derive import NormalEquation
from gru_codegen.derive.normal_form import MOST_TERMS
from gru_codegen.functions import tanh
from gru_codegen.notation import signed
from tests.cells.sample import IN_PYTHON
from tests.derive import declarations
from tests.derive.declarations import CELLS, ONE, Wf

ALL = {**IN_PYTHON, **{cell.name: cell for cell in CELLS}}


def own(cell: Cell) -> list[NormalEquation]:
    """The normal form of the cell's equations, without what joins them to the loss."""
    targets = {equation.target for equation in cell.equations}
    return [e for e in gc.derive(cell).equations if e.origin.target in targets]


def lines(cell: Cell) -> list[str]:
    text = gc.derive(cell).notation.text
    return [f"{text(e.target)} = {text(e.expression)}" for e in own(cell)]


def test_the_gru() -> None:
    assert lines(gc.GRU) == [
        "aZ_t = x_t Wz + S_{t-1} Wrecz",
        "Z_t = sigmoid(aZ_t)",
        "aR_t = x_t Wr + S_{t-1} Wrecr",
        "R_t = sigmoid(aR_t)",
        "RS_t = R_t o S_{t-1}",
        "aCA_t = x_t Wca + RS_t Wrecca",
        "CA_t = tanh(aCA_t)",
        "S_t = S_{t-1} + Z_t o CA_t - Z_t o S_{t-1}",
    ]
    assert [equation.meaning for equation in own(gc.GRU)] == [
        "pre-activation of the update gate",
        "update gate",
        "pre-activation of the reset gate",
        "reset gate",
        "factor in the candidate activation",
        "pre-activation of the candidate activation",
        "candidate activation",
        "state",
    ]


#: The cells' own equations; a line that begins with an operator continues the one before.
NORMAL = {
    "two-states": """
        aIG_t = x_t Wi + S_{t-1} Ui
        IG_t = sigmoid(aIG_t)
        aF_t = x_t Wf + S_{t-1} Uf
        F_t = sigmoid(aF_t)
        aOG_t = x_t Wo + S_{t-1} Uo
        OG_t = sigmoid(aOG_t)
        aG_t = x_t Wg + S_{t-1} Ug
        G_t = tanh(aG_t)
        C_t = F_t o C_{t-1} + IG_t o G_t
        S_part_t = tanh(C_t)
        S_t = OG_t o S_part_t
    """,
    "coefficients": """
        aG_t = 1/2 x_t Wg + 1/2 S_{t-1} Ug
        G_t = tanh(aG_t)
        S_t = 1/2 S_{t-1} - 3 G_t
    """,
    "three-factors": """
        aF_t = x_t Wf + S_{t-1} Uf
        F_t = sigmoid(aF_t)
        aG_t = x_t Wg
        G_t = tanh(aG_t)
        S_t = F_t o G_t o S_{t-1} + G_t
    """,
    "sums-in-a-product": """
        aF_t = x_t Wf + S_{t-1} Uf
        F_t = sigmoid(aF_t)
        aG_t = x_t Wg
        G_t = tanh(aG_t)
        GG_t = G_t o G_t
        FF_t = F_t o F_t
        S_t = F_t o S_{t-1} + 1/2 (F_t o G_t o S_{t-1}) + F_t o G_t + 1/2 (F_t o GG_t)
            - 1/2 (G_t o S_{t-1}) - FF_t o S_{t-1} - G_t o FF_t - 1/2 GG_t
    """,
    "a-square": """
        aG_t = x_t Wg + S_{t-1} Ug
        G_t = tanh(aG_t)
        S_t = G_t o G_t
    """,
    "powers": """
        aG_t = x_t Wg + S_{t-1} Ug
        G_t = tanh(aG_t)
        SS_t = S_{t-1} o S_{t-1}
        GG_t = G_t o G_t
        S_t = G_t o SS_t - G_t o GG_t
    """,
    "product-of-a-sum": """
        aF_t = x_t Wf + S_{t-1} Uf
        F_t = sigmoid(aF_t)
        S_part_t = F_t - 1/3 S_{t-1}
        aS_t = x_t Wg + S_part_t Ug
        S_t = tanh(aS_t)
    """,
    "sum-of-weights": """
        aS_t = x_t Wg + S_{t-1} Uf + S_{t-1} (Uf - 1/2 Ug)
        S_t = tanh(aS_t)
    """,
    "product-of-weights": """
        xWg_t = x_t Wg
        SUf_t = S_{t-1} Uf
        aS_t = xWg_t Uf + SUf_t Ug
        S_t = tanh(aS_t)
    """,
    "masked-weight": """
        aS_t = x_t Wg + S_{t-1} (Uf o Ug)
        S_t = tanh(aS_t)
    """,
    "functions-of-functions": """
        aaG_t = x_t Wf + S_{t-1} Uf
        aG_t = sigmoid(aaG_t)
        G_t = tanh(aG_t)
        aS_part_2_t = x_t Wg
        S_part_2_t = sigmoid(aS_part_2_t)
        aS_part_t = S_{t-1} Ug + S_part_2_t
        S_part_t = tanh(aS_part_t)
        S_t = G_t + S_part_t
    """,
    "function-of-a-product": """
        aG_t = x_t Wg
        G_t = sigmoid(aG_t)
        SUg_t = S_{t-1} Ug
        S_part_t = sigmoid(aG_t)
        aS_t = G_t o SUg_t o S_part_t
        S_t = tanh(aS_t)
    """,
    "functions-in-a-product": """
        aS_part_2_t = x_t Wf + S_{t-1} Uf
        S_part_2_t = sigmoid(aS_part_2_t)
        S_part_t = 1 - S_part_2_t
        aS_part_3_t = x_t Wg
        S_part_3_t = tanh(aS_part_3_t)
        S_t = S_part_2_t o S_{t-1} + S_part_t o S_part_3_t
    """,
    "one-product-two-gates": """
        aF_t = x_t Wf + S_{t-1} Uf
        F_t = sigmoid(aF_t)
        G_t = tanh(aF_t)
        S_t = F_t o S_{t-1} + G_t - F_t o G_t
    """,
    "biases": """
        aF_t = x_t Wf + S_{t-1} Uf + ones bf
        F_t = sigmoid(aF_t)
        G_part_t = S_{t-1} Ug + ones bg
        aG_t = x_t Wg + F_t o G_part_t
        G_t = tanh(aG_t)
        S_t = S_{t-1} + F_t o G_t - F_t o S_{t-1}
    """,
    "peephole": """
        F_part_t = ones pf
        aF_t = x_t Wf + S_{t-1} Uf + F_part_t o C_{t-1} + ones bf
        F_t = sigmoid(aF_t)
        aG_t = x_t Wg
        G_t = tanh(aG_t)
        C_t = F_t o C_{t-1} + G_t - F_t o G_t
        aS_t = F_part_t o C_t + C_t
        S_t = tanh(aS_t)
    """,
    "output-is-no-state": """
        aF_t = x_t Wf
        F_t = sigmoid(aF_t)
        C_t = x_t Wg + F_t o C_{t-1}
        G_part_t = tanh(C_t)
        G_t = F_t o G_part_t
    """,
}


@pytest.mark.parametrize("name", NORMAL)
def test_normal_form(name: str) -> None:
    expected = dedent(NORMAL[name]).strip().replace("\n    ", " ").splitlines()
    assert lines(ALL[name]) == expected


@pytest.mark.parametrize("cell", ALL.values(), ids=ALL.keys())
def test_what_the_normal_form_promises(cell: Cell) -> None:
    known = {*cell.inputs, *cell.weights, *cell.states.values()}
    equations = gc.derive(cell).equations
    for equation in equations:
        expression = equation.expression
        if isinstance(expression, ElementwiseApplyFunction):
            assert isinstance(expression.expr, MatrixSymbol)
        else:
            terms = expression.args if isinstance(expression, MatAdd) else (expression,)
            assert all(is_term(signed(term)[1], alone=len(terms) == 1) for term in terms)
        read = {s for s in expression.atoms(MatrixSymbol) if s.name != "Y"}
        assert read <= known, "in an order in which it can be computed"
        known.add(equation.target)
    names = [symbol.name for symbol in known]
    assert len(set(names)) == len(names)


def is_term(rest: Any, alone: bool) -> bool:
    """Whether it is what docs call a term: v, ones, v*W, or distinct v o w, or a square alone."""
    if isinstance(rest, HadamardProduct):
        bare = all(isinstance(factor, MatrixSymbol) for factor in rest.args)
        return bare and (len({*rest.args}) == len(rest.args) or (alone and len(rest.args) == 2))
    if isinstance(rest, MatMul):
        left, right = rest.args
        products = [part for part in right.atoms(MatMul) if len(part.as_coeff_matrices()[1]) > 1]
        return isinstance(left, (MatrixSymbol, OneMatrix)) and not products
    return isinstance(rest, (MatrixSymbol, OneMatrix))


@pytest.mark.parametrize("cell", ALL.values(), ids=ALL.keys())
def test_the_declaration_stays_beside_it(cell: Cell) -> None:
    equations = own(cell)
    by_target = {e.target: e for e in cell.equations}
    for equation in equations:
        if equation.named_here:
            assert equation.declared.shape == equation.target.shape
            assert is_part(equation, equations)
        else:
            assert equation.declared == by_target[equation.target].expression
            assert equation.meaning == by_target[equation.target].meaning
            assert equation.origin.target == equation.target


def is_part(equation: NormalEquation, equations: list[NormalEquation]) -> bool:
    """Whether an equation after this one, of its origin or a later one, reads its target."""
    after = equations[equations.index(equation) + 1 :]
    return any(equation.target in other.expression.atoms(MatrixSymbol) for other in after)


def test_a_long_product_of_sums_is_not_multiplied_out() -> None:
    """Eight sums of three terms would make 3^8 = 6561 terms."""
    x, Z, S, S_prev, W = declarations.x, declarations.Z, declarations.S, declarations.S_prev, Wf
    sums = [ONE + Z + number * S_prev for number in range(1, 9)]
    declared = declarations.cell("long", (W,), {Z: tanh(x * W), S: hadamard(*sums)})
    found = [e for e in own(declared) if e.named_here and e.origin.target == S]
    assert len(found) == 8
    assert all(len(e.expression.args) <= MOST_TERMS for e in own(declared))
