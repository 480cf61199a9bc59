"""The cells of the package, written as text, are the cells that Python declares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix

import gru_codegen as gc
from gru_codegen.cell import Cell
from gru_codegen.parse import load_cell
from gru_codegen.pipeline import check
from tests.cells.sample import IN_PYTHON
from tests.parse.files import EXAMPLE, load

WRITTEN = {
    "gru": """
        name = "gru"
        title = "gated recurrent unit"
        source = "Chung, Gulcehre, Cho and Bengio 2014, arXiv:1412.3555, section 3.2"
        states = ["S"]
        equations = '''
            Z  = sigmoid(x @ Wz + S_prev @ Wrecz)             # update gate
            R  = sigmoid(x @ Wr + S_prev @ Wrecr)             # reset gate
            CA = tanh(x @ Wca + (R * S_prev) @ Wrecca)        # candidate activation
            S  = (1 - Z) * S_prev + Z * CA                    # state
        '''
        [weights]
        Wz = "(D, H)"
        Wrecz = "(H, H)"
        Wca = "(D, H)"
        Wrecca = "(H, H)"
        Wr = "(D, H)"
        Wrecr = "(H, H)"
    """,
    "lstm-peephole": """
        name = "lstm-peephole"
        states = ["S", "C"]
        equations = '''
        IG = sigmoid(x @ Wi + S_prev @ Wreci + pi * C_prev + bi)    # input gate
        FG = sigmoid(x @ Wf + S_prev @ Wrecf + pf * C_prev + bf)    # forget gate
        CA = tanh(x @ Wca + S_prev @ Wrecca + bca)                  # candidate activation
        C  = FG * C_prev + IG * CA                                  # cell state
        OG = sigmoid(                                               # output
            x @ Wo + S_prev @ Wreco + po * C + bo                   # gate
        )
        # what is put out
        S  = OG * tanh(C)                                           # state
        '''
        weights.Wi = "(D, H)"
        weights.Wreci = "(H, H)"
        weights.pi = "(H,)"
        weights.bi = "(H,)"
        weights.Wf = "(D, H)"
        weights.Wrecf = "(H, H)"
        weights.pf = "(H,)"
        weights.bf = "(H,)"
        weights.Wca = "(D, H)"
        weights.Wrecca = "(H, H)"
        weights.bca = "(H,)"
        weights.Wo = "(D, H)"
        weights.Wreco = "(H, H)"
        weights.po = "(H,)"
        weights.bo = "H"
    """,
    "mgu": """
        name = "mgu"
        states = ["S"]
        weights = { Wf="(D,H)", Wrecf="(H,H)", bf="H", Wca="(D,H)", Wrecca="(H,H)", bca="H" }
        equations = '''
        FG = sigmoid(x @ Wf + S_prev @ Wrecf + bf)              # forget gate
        CA = tanh(x @ Wca + (FG * S_prev) @ Wrecca + bca)       # candidate activation
        S = (1 - FG) * S_prev + FG * CA                         # state
        '''
    """,
    "sru": """
        name = "sru"
        states = ["C"]
        inputs = { x = "(B, H)" }
        output = "S"
        equations = '''
        FG = sigmoid(x @ Wf + pf * C_prev + bf)      # forget gate
        C  = FG * C_prev + (1 - FG) * (x @ W)        # cell state
        R  = sigmoid(x @ Wr + pr * C_prev + br)      # reset gate
        S  = R * C + (1 - R) * x                     # output
        '''
        [weights]
        W = "(H, H)"
        Wf = "(H, H)"
        pf = "(H,)"
        bf = "(H,)"
        Wr = "(H, H)"
        pr = "(H,)"
        br = "(H,)"
    """,
}


# --- what people write ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
def test_written_by_hand_it_is_the_declared_cell(tmp_path: Path, name: str) -> None:
    same(load(tmp_path, WRITTEN[name]), gc.cells[name])


@pytest.mark.parametrize("unroll", [None, 3])
@pytest.mark.parametrize("name", ["gru", "lstm-peephole", "mgu"])
def test_its_kernel_computes_what_the_declared_one_does(
    tmp_path: Path, name: str, unroll: int | None
) -> None:
    declared = gc.cells[name]
    ours = gc.load(load(tmp_path, WRITTEN[name]), unroll=unroll)
    theirs = gc.load(declared, unroll=unroll, style="textbook")
    assert check(ours, declared)

    rng = np.random.default_rng(0)
    T, B, D, H = 3, 4, 2, 5
    params = theirs.init_params(D, H, rng=0)
    x, y = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    expected = theirs.loss_and_gradients(params, x, y)
    loss, gradients, state = ours.loss_and_gradients(ours.Params(*params), x, y)
    assert gradients._fields == expected.gradients._fields
    np.testing.assert_allclose(loss, expected.loss, 1e-12)
    for gradient, wanted in zip(gradients, expected.gradients, strict=True):
        np.testing.assert_allclose(gradient, wanted, 1e-12, 1e-12)
    np.testing.assert_allclose(np.array(state), np.array(expected.state), 1e-12, 1e-12)


def test_the_example_is_a_verified_kernel() -> None:
    cell = load_cell(str(EXAMPLE))
    for style in ("fast", "textbook"):
        report = check(gc.load(cell, style=style), cell)
        assert report, str(report)


def test_what_is_left_out_is_the_usual(tmp_path: Path) -> None:
    cell = load(
        tmp_path,
        "name = 'a-b'\nstates = ['S']\nweights = {W = '(D, H)'}\n"
        "equations = '''G = tanh(x @ W)\nS = S_prev * G'''",
    )
    assert (cell.name, cell.title, cell.source) == ("a-b", "a-b", "my_cell.toml")
    assert [str(x) for x in cell.inputs] == ["x"]
    assert str(cell.output) == "S"
    assert [equation.meaning for equation in cell.equations] == ["G", "state"]


def test_a_size_of_ones_own(tmp_path: Path) -> None:
    cell = load(
        tmp_path,
        "name = 'low-rank'\nsizes = ['K']\nstates = ['S']\n"
        "weights = {W = '(D, H)', U = '(H, K)', R = '(K, H)'}\n"
        "equations = 'S = tanh(x @ W + S_prev @ U @ R)'",
    )
    assert [str(weight.shape) for weight in cell.weights] == ["(D, H)", "(H, K)", "(K, H)"]
    assert len(gc.derive(cell).gradients) == 3


# --- all of them, written by a printer of this file's --------------------------------------------


@pytest.mark.parametrize("name", IN_PYTHON)
def test_every_cell_can_be_written_as_text(tmp_path: Path, name: str) -> None:
    cell = gc.cells[name]
    written = load(tmp_path, toml(cell))
    if name == "gru3":  # a gate of a bias alone is computed once, as it is written in a file
        assert [str(each.target) for each in written.outside] == ["Z", "R"]
        cell = replace(cell, equations=written.equations)
    same(written, cell)


def same(ours: Cell, theirs: Cell) -> None:
    assert ours.name == theirs.name
    assert ours.inputs == theirs.inputs
    assert ours.weights == theirs.weights
    assert dict(ours.states) == dict(theirs.states)
    assert list(ours.states) == list(theirs.states)
    assert ours.output == theirs.output
    assert ours.equations == theirs.equations


def toml(cell: Cell) -> str:
    shapes = {
        section: "".join(f'{symbol} = "{shape(symbol)}"\n' for symbol in getattr(cell, section))
        for section in ("inputs", "weights")
    }
    return (
        f'name = "{cell.name}"\ntitle = "{cell.title}"\nsource = "{cell.source}"\n'
        f'states = {[state.name for state in cell.states]}\noutput = "{cell.output}"\n'
        "equations = '''\n"
        + "".join(f"{e.target} = {numpy(e.expression)}  # {e.meaning}\n" for e in cell.equations)
        + f"'''\n[inputs]\n{shapes['inputs']}[weights]\n{shapes['weights']}"
    )


def shape(symbol: Any) -> str:
    rows, columns = symbol.shape
    return f"({columns},)" if rows == 1 else f"({rows}, {columns})"


def numpy(expression: Any) -> str:
    """`expression` in NumPy's notation, every operation in brackets."""
    arguments = expression.args
    match expression:
        case MatrixSymbol():
            return str(expression.name)
        case OneMatrix():
            return "1"
        case ElementwiseApplyFunction():
            return f"{expression.function.expr.func.__name__}({numpy(expression.expr)})"
        case MatAdd():
            return f"({' + '.join(map(numpy, arguments))})"
        case HadamardProduct():
            return f"({' * '.join(map(numpy, arguments))})"
        case MatMul() if isinstance(arguments[0], OneMatrix):
            return numpy(MatMul(*arguments[1:]).doit())
        case MatMul():
            coefficient, factors = expression.as_coeff_matrices()
            product = " @ ".join(map(numpy, factors))
            return f"({product})" if coefficient == 1 else f"({coefficient} * ({product}))"
    raise TypeError(expression)
