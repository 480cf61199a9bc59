"""Functions of an author's own: their derivatives, where they are shown, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, function, hadamard, matrix
from gru_codegen.certificate.declaration import cell_of, data_of
from gru_codegen.errors import CellError
from gru_codegen.functions import ENTRY, log, positive, reciprocal, sigmoid, sqrt, tanh
from gru_codegen.modules import load_source
from gru_codegen.own_functions import said
from gru_codegen.parse import load_cell
from tests.parse.files import fault, load

x, S, S_prev = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H)
W, U = matrix("W", D, H), matrix("U", H, H)
STYLES: list[Any] = ["fast", "textbook"]
SPIKING = Path(__file__).parent / "verify" / "cells" / "spiking.toml"

FILE = """
name = "own"
source = "none"
states = ["S"]
numbers = { half = 0.5 }
weights = { W = "(D, H)", U = "(H, H)" }
equations = '''
S = swish(x @ W) * spike(S_prev @ U)
'''

[functions]
swish = "a * sigmoid(a)"
spike = { value = "a > 0", derivative = "half / (1 + a ** 2)" }
"""


def declared() -> Cell:
    swish = function("swish", lambda a: a * sigmoid(a))
    spike = function("spike", lambda a: positive(a), lambda a: 1 / (1 + a**2) / 2)
    equation = Equation(S, hadamard(swish(x * W), spike(S_prev * U)), "state")
    return Cell("own", "own", "none", (x,), (W, U), {S: S_prev}, (equation,))


def test_a_file_and_python_mean_the_same(tmp_path: Path) -> None:
    read, made = load(tmp_path, FILE), declared()
    assert str(read) == str(made)
    assert str(read).splitlines()[:2] == [
        "spike(a) = positive(a), with the derivative 1/2 reciprocal(1 + a o a)",
        "swish(a) = a o sigmoid(a)",
    ]
    assert [each.slope for each in read.functions] == [each.slope for each in made.functions]


def test_a_derivative_is_that_of_sympy_or_the_declared_one() -> None:
    f = function("f", lambda a: a**-2 + sqrt(a) + log(a) / 3)
    assert f.slope == sp.expand(
        -2 * reciprocal(ENTRY**2) ** 2 * ENTRY + reciprocal(sqrt(ENTRY)) / 2 + reciprocal(ENTRY) / 3
    )
    assert function("g", lambda a: positive(a), lambda a: 1).slope == 1
    points = np.array([0.5, 2.0, 3.0])
    np.testing.assert_allclose(
        f.record.on_array(points), points**-2.0 + np.sqrt(points) + np.log(points) / 3
    )
    assert f.record.safe == 1
    assert not f.record.is_total


@pytest.mark.parametrize("derivative", [0, 1, -1, sp.Rational(1, 3)])
def test_a_derivative_may_be_a_number(derivative: Any) -> None:
    reverse = function("reverse", lambda a: a, lambda a: derivative)
    equation = Equation(S, tanh(reverse(x * W) + S_prev * U), "state")
    cell = Cell("own", "own", "none", (x,), (W, U), {S: S_prev}, (equation,))
    assert pipeline.check(gc.load(cell), cell)


@pytest.mark.parametrize("loss", ["l2-mean", "cross-entropy-mean"])
def test_gradients_of_means_are_held_to_it(loss: str) -> None:
    cell, mean = load_cell(str(SPIKING)), gc.losses[loss]
    report = pipeline.check(gc.load(cell, loss=mean, unroll=3), cell, loss=mean)
    assert report, str(report)


def test_the_report_says_what_gradients_are_held_to() -> None:
    cell = load_cell(str(SPIKING))
    report = pipeline.check(gc.load(cell, unroll=3), cell)
    assert report, str(report)
    methods = {(each.weight, each.method) for each in report.checks}
    method = "dual numbers, derivatives of scaled and spike as declared"
    weights = (*gc.load(cell).Params._fields, "vjp", "lengths", "loss_weights")
    assert {(name, method) for name in weights} <= methods
    assert not {"complex step", "central difference"} & {method for _, method in methods}
    assert "no difference and no complex step is taken" in str(report)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("+ abs_(", "- abs_("), ("sigmoid(aG_part[", "positive(aG_part["), ("/ 2", "/ 3")],
)
def test_another_derivative_than_the_declared_one_is_found(right: str, wrong: str) -> None:
    cell = load_cell(str(SPIKING))
    source = gc.generate(cell, style="textbook", unroll=3)
    backward = source.index("def _backward")
    assert right in source[backward:]
    changed = source[:backward] + source[backward:].replace(right, wrong)
    kernel = load_source(changed, "changed")
    report = pipeline.check(kernel, cell)
    failed = {each.method for each in report.failures}
    assert any(method.startswith("proof") for method in failed)
    assert any(method.startswith("dual numbers") for method in failed)


def test_a_kernel_names_the_functions_whose_derivative_is_declared(tmp_path: Path) -> None:
    cell = load(tmp_path, FILE)
    source = gc.generate(cell)
    assert load_source(source, "own").DERIVATIVES == {"spike": "1/2 reciprocal(1 + a o a)"}
    without = load_source(source.replace("DERIVATIVES:", "NOTHING:"), "own")
    assert not pipeline.check(without, cell)
    plain = gc.generate(gc.GRU, unroll=2)
    claims = load_source(f'{plain}\nDERIVATIVES = {{"sigmoid": "1"}}\n', "gru")
    assert [each.weight for each in pipeline.check(claims, gc.GRU).failures] == ["derivatives"]


def test_a_certificate_and_a_derivation_have_them(tmp_path: Path) -> None:
    cell = load(tmp_path, FILE)
    again = cell_of(json.loads(json.dumps(data_of(cell))))
    assert [said(each) for each in again.functions] == [said(each) for each in cell.functions]
    assert str(again) == str(cell)
    assert "functions" not in data_of(gc.GRU)
    text = str(gc.inspect(cell, unroll=2))
    assert "spike        positive(a), with the derivative 1/2 reciprocal(1 + a o a)" in text
    data: Any = data_of(cell)
    data["functions"]["spike"] = ["a", "a", "a"]
    with pytest.raises(CellError, match="spike of a certificate is no formula or two"):
        cell_of(data)


def test_functions_call_those_above_them(tmp_path: Path) -> None:
    """They are written out, and a derivative that is declared is followed by the chain rule."""
    more = 'cube = "swish(2 * a) ** 3 - swish(a)"\njump = "a * spike(cube(a))"\n'
    text = FILE.replace("swish(x @ W) *", "cube(x @ W) * jump(x @ W) *")
    cell = load(tmp_path, text + more)
    cube, jump, _ = cell.functions
    value = (2 * ENTRY * sigmoid(2 * ENTRY)) ** 3 - ENTRY * sigmoid(ENTRY)
    assert (cube.formula, cube.declared) == (value, None)
    assert sp.expand(cube.slope - sp.diff(value, ENTRY)) == 0
    slope = positive(value) + ENTRY * reciprocal(1 + value**2) / 2 * sp.diff(value, ENTRY)
    assert jump.formula == ENTRY * positive(value)
    assert sp.expand(jump.slope - slope) == sp.expand(jump.declared - slope) == 0
    for style in STYLES:
        kernel = gc.load(cell, style=style)
        assert set(kernel.DERIVATIVES) == {"jump", "spike"}
        report = pipeline.check(kernel, cell)
        assert report, str(report)


def test_functions_in_python_apply_others() -> None:
    swish = function("swish", lambda a: a * sigmoid(a))
    assert function("g", lambda a: swish(swish(a))).formula == swish.formula * sigmoid(
        swish.formula
    )
    wide = function("wide", lambda a: sum(tanh(n * a) for n in range(1, 60)))
    with pytest.raises(CellError, match="function g: it has more than 200 operations"):
        function("g", lambda a: wide(wide(a)))


def test_two_functions_of_one_name_are_refused() -> None:
    first, second = function("f", lambda a: a**2), function("f", lambda a: 2 * a**2)
    equation = Equation(S, first(x * W) + second(S_prev * U), "state")
    with pytest.raises(CellError, match="there are two functions f"):
        Cell("own", "own", "none", (x,), (W, U), {S: S_prev}, (equation,))
    named = Equation(S, function("W", lambda a: a**2)(x * W) + S_prev * U, "state")
    with pytest.raises(CellError, match="W is a function and a symbol"):
        Cell("own", "own", "none", (x,), (W, U), {S: S_prev}, (named,))


PYTHON: dict[str, tuple[str, Any, str]] = {
    "a built-in": ("tanh", lambda a: a, "it is a function already"),
    "a word": ("where", lambda a: a, "it is a function already"),
    "a word of rows": ("softmax", lambda a: a, "it is a function already"),
    "a keyword": ("for", lambda a: a, "it is a keyword of Python"),
    "no name": ("f g", lambda a: a, "it is not a name"),
    "a constant": ("f", lambda a: 2, "2 does not depend on the argument"),
    "a float": ("f", lambda a: 0.5 * a, "0.5 is not a rational number; write Rational(1, 2)"),
    "of SymPy": ("f", lambda a: sp.tanh(a), "tanh(a) is no part of a formula"),
    "a root": ("f", lambda a: a ** sp.Rational(1, 3), "the power a**(1/3) is not whole"),
    "a power": ("f", lambda a: 2**a, "the power 2**a is not whole"),
    "another symbol": ("f", lambda a: a + sp.Symbol("b"), "b is not its argument"),
    "long": ("f", lambda a: sum(tanh(n * a) for n in range(1, 150)), "more than 200 operations"),
    "nowhere": ("f", lambda a: log(-(a**2)), "is not defined at any of"),
}


@pytest.mark.parametrize("name", PYTHON)
def test_what_is_no_function_in_python(name: str) -> None:
    called, formula, message = PYTHON[name]
    with pytest.raises(CellError) as caught:
        function(called, formula)
    assert message in str(caught.value)


SWISH = 'swish = "a * sigmoid(a)"'
FAULTS = {
    "a built-in": ("tanh = ", "tanh is a function already", "tanh"),
    "a word": ("lag = ", "lag is a function already", "lag"),
    "a weight": ("W = ", "W is a function already", "W"),
    "a number": ("half = ", "half is a number already", "half"),
    "of another name": ('swish = "a * b"', "there is no name b in a function: it has its", "b"),
    "of a function that is not": ('swish = "a * sig(a)"', "there is no function sig;", "sig"),
    "of one below": (
        'swish = "spike(a)"',
        "spike is declared only below; a function calls those above it",
        "spike",
    ),
    "of itself": ('swish = "a * swish(a)"', "a function cannot call itself", "swish"),
    "constant": ('swish = "half"', "function swish: 1/2 does not depend on the argument", "half"),
    "empty": ('swish = ""', "expected a name, a number or (, found the end of the line", ""),
    "delayed": (
        'swish = "lag(a, 1)"',
        "a is the argument of a function, which has no earlier",
        "a",
    ),
    "matrix product": ('swish = "a @ a"', "a is (B, H), a is (B, H); the inner sizes", "a @ a"),
    "no text": ("swish = 1", "swish must be a formula, not a number; write", "swish"),
    "another key": (
        'swish = { valu = "a" }',
        "a function has no valu; did you mean value?",
        "valu",
    ),
    "no value": ('swish = { derivative = "1" }', "swish has no value; write", "swish"),
    "a number for a text": ("swish = { value = 1 }", "value must be a formula in a", "value"),
    "run": ('swish = "__import__(a)"', "there is no function __import__;", "__import__"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_function_in_a_file(name: str, tmp_path: Path) -> None:
    wrong, message, marked = FAULTS[name]
    line = wrong if not wrong.endswith("= ") else f"{wrong}{SWISH[8:]}"
    found = fault(tmp_path, FILE.replace(SWISH, line))
    assert found.message.replace("'", "").startswith(message)
    assert (found.marked or "").startswith(marked)
    assert found.place.split(":")[0] in ("12", "6")


def test_a_function_that_nothing_calls(tmp_path: Path) -> None:
    found = fault(tmp_path, FILE + 'cube = "a ** 3"\n')
    assert found == ("14:1", "no equation calls cube; use it or remove it", "cube")
    found = fault(tmp_path, FILE + 'cube = "a ** 3"\nhigh = "cube(a)"\n')
    assert found == ("15:1", "no equation calls high; use it or remove it", "high")
    found = fault(tmp_path, FILE.replace("half /", "1 /"))
    assert found.message == "no equation reads half; use it or remove it"
    found = fault(tmp_path, FILE.replace("swish(x @ W)", "swish * (x @ W)"))
    assert found.message == "swish is a function; write swish(...)"


def test_places_in_a_formula_with_escapes(tmp_path: Path) -> None:
    with pytest.raises(CellError, match=r"cell.toml, functions.swish:1:5: there is no name b in"):
        load(tmp_path, FILE.replace("a * sigmoid(a)", "\\u0061 * b"))


def test_a_loss_has_the_functions_of_the_package() -> None:
    P, Y, C = (matrix(name, B, H) for name in "PYC")
    equation = Equation(C, function("cube", lambda a: a**3)(P - Y), "cost")
    with pytest.raises(CellError, match="cube is not a function of the package"):
        gc.Loss("cubic", "cubic", P, Y, (equation,), sp.Trace(matrix("C", B, H).T * C))
