"""Kernels of cells drawn at random are proved, and agree with the interpreter in numbers.

    EXAMPLES=2000 pytest -m campaign -rP tests/emit/test_random_cells.py

or `make fuzz` draws that many, other ones every time; see `tests.campaigns`. One that fails becomes
as small as it can in five minutes, and is shown as the file that declares it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import strategies as st
from sympy import Lambda, preorder_traversal
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.transpose import Transpose

import gru_codegen as gc
from gru_codegen.equations import H
from gru_codegen.functions import FUNCTIONS
from gru_codegen.ir import Option
from gru_codegen.notation import Where
from gru_codegen.parse import load_cell, load_loss
from gru_codegen.passes import LAYOUTS
from gru_codegen.prove import proof, prove
from gru_codegen.request import Request
from gru_codegen.stages import lowered
from tests.campaigns import SHARES, campaign, checked
from tests.emit.agreement import assert_all_agree
from tests.emit.programs_as_kernels import assert_agrees
from tests.emit.random_cells import Drawn, cells, random_cell

#: A loss that reads two outputs.
TWO = load_loss(str(Path(__file__).parents[2] / "examples" / "gaussian_likelihood.toml"))
LOSSES = {**gc.losses, TWO.name: TWO}

#: The tests that draws which are always the same are shared among; each has so many.
FEW, OF_EACH = 10, 10

SIZES = st.fixed_dictionaries({letter: st.integers(1, 5) for letter in "BDHKO"})
OPTIONS: list[tuple[Option, ...]] = [
    (),
    ("lengths",),
    ("loss weights",),
    ("lengths", "loss weights"),
]
MANNERS: list[dict[str, Any]] = [{"style": "textbook"}, *({"layout": name} for name in LAYOUTS)]


class Draw(NamedTuple):
    """A cell, what is asked of its kernels, and the numbers that these are given."""

    drawn: Drawn
    loss: str
    readout: str
    looped: dict[str, Any]
    unrolled: dict[str, Any]
    steps: int
    sizes: dict[str, int]
    dtype: type
    options: tuple[Option, ...]


_ASKED = (
    st.sampled_from(list(LOSSES)),
    st.sampled_from(["none", "linear"]),
    st.sampled_from(MANNERS),
    st.sampled_from(MANNERS),
    st.integers(1, 4),
    SIZES,
    st.sampled_from([np.float64, np.float32, np.longdouble]),
    st.sampled_from(OPTIONS),
)
DRAWS, SHORT = (st.builds(Draw, cells(short=short), *_ASKED) for short in (False, True))


def assert_right(draw: Draw, *, both: bool) -> str:
    """Kernels of the draw are proved and do what is interpreted: a loop and one written out.

    If not `both`, one of these two; of one that compares wrongly a proof misses one in twelve.
    Returns in words what became of it.
    """
    loss, cell = loss_of(draw), draw.drawn.cell
    chosen: dict[str, Any] = {"loss": loss, "readout": readout_of(draw)}
    request = Request(cell, **chosen)
    forms = (draw.looped, {"unroll": draw.steps, **draw.unrolled})
    outcome = "right"
    for form in forms if both else forms[draw.steps % 2 :][:1]:
        kernel = gc.load(cell, **form, **chosen)
        with patch.object(proof, "COMPARISONS", proof.COMPARISONS if both else 5):
            proved = prove(kernel, request.complete, loss, seed=draw.steps)
        assert proved, proved.verdict
        numbers = (draw.steps, draw.options, draw.sizes, draw.dtype)
        try:
            assert_agrees(kernel, lowered(request), *numbers, targets=loss.targets)
        except OverflowError:
            outcome = "proved, too large to be compared in numbers"
    return outcome


def loss_of(draw: Draw) -> gc.Loss:
    """The loss that is drawn, or l2 where it reads two outputs and the cell has no such two."""
    return LOSSES[draw.loss if draw.loss != TWO.name or _has_two(draw) else "l2"]


def _has_two(draw: Draw) -> bool:
    outputs = draw.drawn.cell.outputs[:2]
    return len(outputs) == 2 and outputs[0].shape == outputs[1].shape


def readout_of(draw: Draw) -> str:
    """The readout that is drawn; none where the loss reads two outputs of the cell itself."""
    return "none" if loss_of(draw) is TWO else draw.readout


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what is drawn may well overflow
@pytest.mark.parametrize("number", range(FEW))
def test_kernels_of_random_cells_are_right(number: int) -> None:
    """A hundred draws of short cells, always the same, with one kernel each."""
    for turn in range(OF_EACH):
        checked(partial(assert_right, both=False), SHORT, f"{number}.{turn}")


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("share", SHARES)
def test_kernels_of_many_random_cells_are_right(share: int, record_property: Any) -> None:
    """Other draws every time, with both kernels of each."""
    campaign(partial(assert_right, both=True), DRAWS, share, record_property)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_where_digits_are_lost_kernels_may_lose_some(tmp_path: Path) -> None:
    """The cosine of numbers in the thousands; found by a draw, and as small as it became."""
    file = tmp_path / "drawn.toml"
    file.write_text(
        """
name = "drawn"
states = { S0 = "(B, H)" }
weights = { W0 = "(H,)", W1 = "(H, H)", W2 = "(D, H)", W3 = "(H, H)", W4 = "(D, H)", W6 = "(H, H)" }
output = "G1"
equations = '''
G0 = cos(sigmoid(S0_prev) + S0_prev * S0_prev * elu(S0_prev) + W0)
G1 = tanh(x @ W2 + G0 @ W1 + G0 @ W3)
G2 = relu(G0 * G1 * (1 - G1) + (1 - G1) * exp(2 + tanh(G1)))
S0 = x @ (W4 * W4) + G2 @ W6
'''
"""
    )
    cell, loss = load_cell(str(file)), gc.losses["cross-entropy"]
    kernel = gc.load(cell, unroll=4, layout="columns", loss=loss)
    program = lowered(Request(cell, loss))
    sizes = {"D": 1, "H": 3, "O": 3, "K": 5, "B": 1}
    for dtype in (np.float32, np.float64):
        assert_agrees(kernel, program, 4, (), sizes, dtype, targets=loss.targets)


def test_everything_that_a_declaration_may_hold_is_drawn() -> None:
    met: Counter[str] = Counter()

    def count(draw: Draw) -> None:
        met.update({*_asked(draw), *_constructs(draw.drawn.cell)})
        met.update(word for word, form in WORDS.items() if re.search(form, draw.drawn.text))

    for number in range(200):
        checked(count, DRAWS, f"of {number}")
    wanted = {
        *(f"loss {name}" for name in LOSSES),
        *("readout none", "readout linear"),
        *(f"{form} {_text(manner)}" for form in ("loop", "steps") for manner in MANNERS),
        *("float32", "float64", "longdouble"),
        *(f"given {', '.join(options)}" for options in OPTIONS),
        *(f"T = {steps}" for steps in (1, 2, 3, 4)),
        *FUNCTIONS,
        *CONSTRUCTS,
        *WORDS,
    }
    rare = {each: met[each] for each in wanted if met[each] < 3}
    assert not rare


#: The form that the text of a file has if it has a word.
WORDS = {
    "a sum of rows": r"row_sum\(",
    "a mean of rows": r"row_mean\(",
    "the largest of rows": r"row_max\(",
    "a softmax": r"softmax\(",
    "a layer normalisation": r"layer_norm\(",
    "the larger": r"maximum\(",
    "the smaller": r"minimum\(",
    "a delay": r"lag\(",
    "the number of the step": r"\(t ",
    "a quotient": r" / \(2 \+",
    "a power": r" \*\* 2",
    "an inverse": r" \*\* -1",
    "a number with a name": r"numbers = ",
    "a function of one's own": r"\[functions\]",
    "one that calls another": r"\nf\d = .*\bf\d\(",
    "a derivative of one's own": r"derivative = ",
    "a first weight": r"init = ",
    "a range": r"\[checks\]",
    "an equation of weights alone": r"\nU0 = ",
    "what reads one": r" @ U0\)",
}

CONSTRUCTS = {
    "an expression six deep",
    "four functions inside one another",
    "a weight in two places",
    "a transpose of a weight",
    "a product of weights",
    "an elementwise product of weights",
    "a sum of weights",
    "a vector",
    "a learned number",
    "a column",
    "a column over a matrix",
    "a state of one column",
    "a size besides D and H",
    "inputs of the size of the state",
    "several inputs",
    "an input without gradient",
    "a constant that is given",
    "a constant that is made",
    *(f"{number} states" for number in (1, 2, 3)),
    "a delay of a state",
    "a delay of the input",
    "a window of two steps",
    "a delay of three steps",
    "a choice",
    "a choice in which a function has a pole",
    "a state that only another state reads",
    "a state read at its own step",
    "an output that is no state",
    "several outputs",
    "outputs of several sizes",
}


def _text(manner: dict[str, Any]) -> str:
    return " ".join(manner.values())


def _asked(draw: Draw) -> Iterator[str]:
    yield from (f"loss {loss_of(draw).name}", f"readout {readout_of(draw)}", draw.dtype.__name__)
    yield from (f"loop {_text(draw.looped)}", f"steps {_text(draw.unrolled)}")
    yield from (f"given {', '.join(draw.options)}", f"T = {draw.steps}")


def _constructs(cell: gc.Cell) -> Iterator[str]:
    """What there is in a declaration: functions by name, and what else may be in one in words."""
    formulas = {equation.target: equation.expression for equation in cell.equations}
    nodes = [node for formula in formulas.values() for node in preorder_traversal(formula)]
    yield from (node.expr.func.__name__ for node in nodes if isinstance(node, Lambda))
    yield f"{len(cell.states)} states"
    symbols = Counter(node for node in nodes if isinstance(node, MatrixSymbol))
    weights, before = set(cell.weights), set(cell.states.values())
    inputs = set(cell.inputs)
    readers = {s: {t for t, formula in formulas.items() if formula.has(s)} for s in symbols}
    previous = {formulas[state] for state in cell.states if formulas[state] in before}
    of_weights = {
        type(node)
        for node in nodes
        if isinstance(node, MatrixExpr) and len(weights.intersection(node.args)) > 1
    }
    there = {
        "an expression six deep": max(map(_depth, formulas.values())) >= 6,
        "four functions inside one another": max(map(_functions, formulas.values())) >= 4,
        "a weight in two places": any(symbols[weight] > 1 for weight in weights),
        "a transpose of a weight": any(isinstance(node, Transpose) for node in nodes),
        "a product of weights": MatMul in of_weights,
        "an elementwise product of weights": HadamardProduct in of_weights,
        "a sum of weights": MatAdd in of_weights,
        "a vector": any(weight.shape[0] == 1 != weight.shape[1] for weight in weights),
        "a learned number": any(weight.shape == (1, 1) for weight in weights),
        "a column": any(target.shape[1] == 1 for target in formulas),
        "a column over a matrix": any(_spreads_a_column(node) for node in nodes),
        "a state of one column": any(state.shape[1] == 1 for state in cell.states),
        "a size besides D and H": any("K" in map(str, weight.shape) for weight in weights),
        "inputs of the size of the state": any(x.shape[1] == H for x in inputs),
        "several inputs": len(inputs) > 1,
        "a constant that is given": None in cell.constants.values(),
        "a constant that is made": any(each is not None for each in cell.constants.values()),
        "an input without gradient": bool(cell.without_gradient),
        "a delay of a state": bool(previous),
        "a delay of the input": any(formulas[state] in inputs for state in cell.states),
        "a window of two steps": any(
            readers[cell.states[state]] & cell.states.keys() - {state}
            and formulas[state] in inputs | before
            and any(formulas[s] == cell.states[state] for s in cell.states)
            for state in cell.states
        ),
        "a choice": any(isinstance(node, Where) for node in nodes),
        "a choice in which a function has a pole": any(
            isinstance(node, ElementwiseApplyFunction) and isinstance(node.expr, Where)
            for node in nodes
        ),
        "a delay of three steps": any(state.name.endswith("_lag2") for state in cell.states),
        "a state that only another state reads": any(
            len(found := readers.get(state, set()) | readers[previous]) == 1
            and found <= cell.states.keys() - {state}
            and state not in cell.outputs
            for state, previous in cell.states.items()
        ),
        "a state read at its own step": any(state in symbols for state in cell.states),
        "an output that is no state": not {*cell.outputs} <= {*cell.states},
        "several outputs": len(cell.outputs) > 1,
        "outputs of several sizes": len({output.shape for output in cell.outputs}) > 1,
    }
    yield from (name for name, is_there in there.items() if is_there)


def _spreads_a_column(node: Any) -> bool:
    if not isinstance(node, MatMul):
        return False
    first, *_, last = node.args
    return isinstance(last, OneMatrix) and last.shape[0] == 1 and not isinstance(first, OneMatrix)


def _depth(formula: Any) -> int:
    """How many operations lie inside one another."""
    inner = [_depth(part) for part in formula.args if isinstance(part, MatrixExpr)]
    return 1 + max(inner) if inner else 0


def _functions(formula: Any) -> int:
    """How many functions do."""
    inner = [_functions(part) for part in formula.args if isinstance(part, MatrixExpr)]
    return isinstance(formula, ElementwiseApplyFunction) + max(inner, default=0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_all_kernels_of_a_random_cell_agree() -> None:
    """Every layout and every unrolling, also with so many samples that products go in blocks."""
    assert_all_agree(random_cell(0))
