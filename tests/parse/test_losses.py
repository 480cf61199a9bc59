"""Losses of one's own: by file, by module and object; what a file says, and its faults."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import gru_codegen as gc
from gru_codegen.cell import B, hadamard, matrix
from gru_codegen.evaluate import costs
from gru_codegen.functions import exp
from gru_codegen.losses import Loss, O, losses
from gru_codegen.parse import load_loss
from gru_codegen.pipeline import check

EXAMPLES = Path(__file__).parents[2] / "examples"
OWN = ("pinball", "quasi_likelihood", "poisson")
P, Y = matrix("P", B, O), matrix("Y", B, O)

PLAIN = """\
name = "mine"
equations = "COST = (P - Y) ** 2"
"""


def load(folder: Path, content: str) -> Loss:
    path = folder / "my_loss.toml"
    path.write_text(content)
    return load_loss(str(path))


def refused(folder: Path, content: str) -> str:
    """The error of a file: its place, what is said, and what is marked below."""
    with pytest.raises(gc.CellError) as caught:
        load(folder, content)
    first, *shown = str(caught.value).replace(f"{folder}/my_loss.toml", "FILE").split("\n")
    if shown:
        line, carets = shown
        start = carets.index("^")
        first += f" >{line[start : len(carets)]}<"
    return first


# --- what a file says -----------------------------------------------------------------------------


def test_the_least_that_a_file_says(tmp_path: Path) -> None:
    loss = load(tmp_path, PLAIN)
    assert (loss.name, loss.title, loss.targets, loss.mean) == ("mine", "mine", "numbers", False)
    assert (loss.prediction, loss.target, dict(loss.checks)) == (P, Y, {})
    [equation] = loss.equations
    assert equation.target.shape == (B, O)
    assert loss.cost.has(equation.target)


def test_functions_of_a_loss_are_written_out(tmp_path: Path) -> None:
    equation = 'equations = "COST = fall(P - Y) ** 2"\n'
    functions = '[functions]\nbump = "exp(-c * a * a)"\nfall = "a + bump(a)"\n'
    loss = load(tmp_path, f'name = "mine"\nnumbers = {{ c = 2 }}\n{equation}{functions}')
    outputs, y = np.random.default_rng(0).standard_normal((2, 3, 4))
    expected = (outputs - y + np.exp(-2 * (outputs - y) ** 2)) ** 2
    np.testing.assert_allclose(costs(loss, outputs, y), expected.sum(axis=1), rtol=1e-14)
    kernel = gc.load(gc.GRU, loss=loss, readout="linear")
    report = check(kernel, gc.GRU, loss=loss)
    assert report, str(report)


def test_all_that_a_file_can_say(tmp_path: Path) -> None:
    loss = load(
        tmp_path,
        """
name = "mine"
title = "my loss"
numbers = { half = "1/2" }
prediction = "O"
target = "GOAL"
targets = "positive"
cost = "TOTAL"
mean = true
equations = '''
RATE = exp(O)                        # expected count
TOTAL = RATE - GOAL * O * half       # cost of each number
'''
[checks]
GOAL = [1, 4]
""",
    )
    output, goal, rate = (matrix(name, B, O) for name in ("O", "GOAL", "RATE"))
    assert (loss.title, loss.targets, loss.mean) == ("my loss", "positive", True)
    assert (loss.prediction, loss.target, dict(loss.checks)) == (output, goal, {goal: (1.0, 4.0)})
    first, second = loss.equations
    assert (first.expression, first.meaning) == (exp(output), "expected count")
    assert str(second.expression) == str(rate - hadamard(goal, output) / 2)


def test_a_loss_of_the_package() -> None:
    assert load_loss("huber") is losses["huber"]


@pytest.mark.parametrize("name", OWN)
def test_the_examples_are_losses(name: str) -> None:
    assert load_loss(str(EXAMPLES / f"{name}.toml")).name == name.replace("_", "-")


# --- what is refused ------------------------------------------------------------------------------

FAULTS: dict[str, tuple[str, str]] = {
    "no equations": (
        'name = "mine"',
        'FILE: the key equations is missing; write it as equations = "COST = (P - Y) ** 2 / 2"',
    ),
    "empty": (
        'name = "mine"\nequations = "# nothing"',
        "FILE:2:1: there is no equation here; write one such as COST = (P - Y) ** 2 / 2 "
        ">equations<",
    ),
    "a key of cells": (
        PLAIN + 'states = ["S"]',
        "FILE:3:1: there is no states; did you mean targets? known: name, title, sizes, numbers, "
        "functions, prediction, target, targets, equations, cost, mean, checks >states<",
    ),
    "a name of the package": (
        PLAIN.replace("mine", "l2"),
        "FILE:1:9: the package has a loss 'l2'; take another name >l2<",
    ),
    "a name of no file": (
        PLAIN.replace("mine", "a/b"),
        "FILE:1:9: loss 'a/b': its name must begin with a letter and go on with ASCII letters, "
        "digits, hyphens and underscores; files are named by it >a/b<",
    ),
    "a title of two lines": (
        PLAIN + 'title = "a\\nb"',
        "FILE:3:1: loss 'mine': the title 'a\\nb' must be one line of text without double quotes "
        "and backslashes >title<",
    ),
    "other targets": (
        PLAIN + 'targets = "label"',
        "FILE:3:12: there are no targets 'label'; did you mean labels? known: numbers, positive, "
        "fractions, labels >label<",
    ),
    "mean of another kind": (
        PLAIN + "mean = 1",
        "FILE:3:1: mean must be true or false such as true, not a number >mean<",
    ),
    "no such cost": (
        PLAIN + 'cost = "COSTS"',
        "FILE:3:9: the cost COSTS is the left side of no equation; did you mean COST? known: COST "
        ">COSTS<",
    ),
    "an unread equation": (
        'name = "mine"\ncost = "A"\nequations = """\nA = P - Y\nC = A * A\n"""',
        "FILE:5:1: no equation reads C, and the cost is A; use it or remove it >C<",
    ),
    "an unread prediction": (
        'name = "mine"\nequations = "COST = Y * Y"',
        "FILE:2:1: no equation reads P, the prediction >equations<",
    ),
    "no predictions": (
        PLAIN + "prediction = []",
        'FILE:3:1: prediction is empty; write it as ["P", "Q"], or leave it out >prediction<',
    ),
    "one prediction twice": (
        PLAIN + 'prediction = ["P", "P"]',
        "FILE:3:21: 'P' is a prediction already >P<",
    ),
    "an unread prediction of several": (
        PLAIN + 'prediction = ["P", "Q"]',
        "FILE:3:21: no equation reads Q, a prediction >Q<",
    ),
    "no predictions in a table": (
        PLAIN + "prediction = {}",
        'FILE:3:1: prediction is empty; write it as { P = "(B, O)", S = "(B, H)" }, or leave it '
        "out >prediction<",
    ),
    "a prediction of no shape": (
        PLAIN + 'prediction = { P = "(B)" }',
        'FILE:3:21: \'(B)\' is not a shape; write "(D, H)", "(H,)" for a vector, or "()" for a '
        "number >(B)<",
    ),
    "a prediction without rows": (
        PLAIN + 'prediction = { P = "(O, H)" }',
        "FILE:3:21: the prediction P is (O, H); a prediction has one row per sample, (B, n) "
        ">(O, H)<",
    ),
    "a prediction of no size": (
        PLAIN + 'prediction = { P = "(B, K)" }',
        'FILE:3:21: there is no size K; known: B, D, H, O; declare it: sizes = ["K"] >(B, K)<',
    ),
    "a prediction of one sample": (
        PLAIN + "prediction = { P = 2 }",
        'FILE:3:16: prediction holds strings, as in { P = "(B, O)", S = "(B, H)" }, not a '
        "number >P<",
    ),
    "an unread prediction of a table": (
        PLAIN + 'prediction = { P = "(B, O)", Q = "(B, H)" }',
        "FILE:3:30: no equation reads Q, a prediction >Q<",
    ),
    "predictions that do not fit": (
        'name = "mine"\nprediction = { P = "(B, O)", Q = "(B, H)" }\n'
        'equations = "COST = P * Y - Q"',
        "FILE:3:21: P * Y is (B, O), Q is (B, H); the terms of a sum must have one shape "
        ">P * Y - Q<",
    ),
    "a size of nothing": (
        PLAIN + 'sizes = ["K"]',
        "FILE:3:11: no prediction has the size K; use it or remove it >K<",
    ),
    "a size that is there": (
        PLAIN + 'sizes = ["O"]',
        "FILE:3:11: O is a size already; sizes lists those besides B, D, H and O >O<",
    ),
    "a size as a number": (
        'name = "mine"\nequations = "COST = (P - Y) / O"',
        "FILE:2:31: O is a size, and no number of an equation; declare it under numbers >O<",
    ),
    "the target among predictions": (
        PLAIN + 'prediction = ["P", "Y"]',
        "FILE:3:21: 'Y' is the target already >Y<",
    ),
    "a number called as the target": (
        PLAIN + 'numbers = { Y = "1/2" }',
        "FILE:3:13: 'Y' is the target already >Y<",
    ),
    "an unread target": (
        PLAIN + 'target = "GOAL"',
        "FILE:2:26: there is no name Y; known: P, GOAL >Y<",
    ),
    "an unread number": (
        PLAIN + 'numbers = { half = "1/2" }',
        "FILE:3:13: no equation reads half; use it or remove it >half<",
    ),
    "a function that nothing calls": (
        PLAIN + '[functions]\nbump = "a * a"',
        "FILE:4:1: no equation calls bump; use it or remove it >bump<",
    ),
    "a function with a derivative of its own": (
        'name = "mine"\nequations = "COST = bump(P - Y)"\n'
        '[functions]\nbump = { value = "a * a", derivative = "a" }',
        "FILE:4:1: bump has a derivative that is declared; a loss has that of its values >bump<",
    ),
    "one name twice": (
        PLAIN + 'target = "P"',
        "FILE:3:1: 'P' is the prediction already >target<",
    ),
    "a letter of kernels": (
        PLAIN + 'target = "T"',
        "FILE:3:1: 'T' is a letter that kernels need: B, D, H and O are sizes, T the steps, "
        "L the loss >target<",
    ),
    "a name that is not there": (
        'name = "mine"\nequations = "COST = (P - Y) * W"',
        "FILE:2:31: there is no name W; known: P, Y >W<",
    ),
    "a product": (
        'name = "mine"\nequations = "COST = P @ Y"',
        "FILE:2:21: P is (B, O), Y is (B, O); the inner sizes of a product, O and B, must be the "
        "same >P @ Y<",
    ),
    "code": (
        'name = "mine"\nequations = "COST = exec(P) - Y"',
        "FILE:2:21: there is no function exec; known: ",
    ),
    "another step": (
        'name = "mine"\nequations = "COST = P - lag(Y, 1)"',
        "FILE:2:25: a loss reads one time step; lag has no place in it >lag<",
    ),
    "a range of something else": (
        PLAIN + "[checks]\nP = [1, 2]",
        "FILE:4:1: targets are drawn, so the one range is that of Y, not of P >P<",
    ),
    "a range that goes down": (
        PLAIN + "[checks]\nY = [2, 1]",
        "FILE:4:1: the range of Y must go up and stay within 1e+06, not [2, 1] >Y<",
    ),
    "a range of labels": (
        PLAIN + 'targets = "labels"\n[checks]\nY = [0, 1]',
        "FILE:5:1: the range of Y is not drawn from: labels are as many as there are outputs >Y<",
    ),
    "a range that is not positive": (
        PLAIN + 'targets = "positive"\n[checks]\nY = [0, 1]',
        "FILE:5:1: the range of Y must be of positive numbers, as the targets are, not [0, 1] >Y<",
    ),
    "a range of no fractions": (
        PLAIN + 'targets = "fractions"\n[checks]\nY = [0, 2]',
        "FILE:5:1: the range of Y must be from 0 to 1, as the targets are, not [0, 2] >Y<",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_shown_in_its_place(name: str, tmp_path: Path) -> None:
    content, said = FAULTS[name]
    found = refused(tmp_path, content)
    assert (found[: len(said)] if said.endswith(" ") else found) == said


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(gc.CellError, match=r"^nothing\.toml does not exist$"):
        load_loss("nothing.toml")


# --- in Python ------------------------------------------------------------------------------------

MODULE = """
from sympy import Trace
from gru_codegen.cell import B, Equation, matrix
from gru_codegen.losses import L2, Loss, O

P, Y, E = (matrix(name, B, O) for name in ("P", "Y", "E"))
MINE = Loss("mine", "my loss", P, Y, (Equation(E, P - Y, "error"),), Trace(E.T * E))
TAKEN = Loss("l2", "another loss", P, Y, (Equation(E, P - Y, "error"),), Trace(E.T * E))
"""


def test_a_loss_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"own_losses_of_{re.sub('[^a-z]', '_', tmp_path.name)}"
    (tmp_path / f"{module}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", ".")])
    assert load_loss(f"{module}:MINE").name == "mine"
    assert load_loss(f"{module}:L2") is gc.L2
    told = {
        "TAKEN": f"{module}:TAKEN: the package has a loss 'l2'; take another name",
        "P": f"{module}:P is of type MatrixSymbol, not a gru_codegen.Loss; losses in it: "
        "L2, MINE, TAKEN",
        "MIND": f"{module} defines no MIND; did you mean MINE? losses in it: L2, MINE, TAKEN",
    }
    for name, message in told.items():
        with pytest.raises(gc.CellError) as caught:
            load_loss(f"{module}:{name}")
        assert str(caught.value) == message


def test_the_name_of_a_loss_of_the_package_is_refused() -> None:
    E = matrix("E", B, O)
    named: Any = {"equations": (gc.Equation(E, P - Y, "error"),), "cost": sp.Trace(E.T * E)}
    loss = Loss("l2", "another loss", P, Y, **named)
    for function in (gc.generate, gc.derive, gc.inspect):
        with pytest.raises(gc.CellError, match=r"^loss 'l2': the package has a loss of that name"):
            function(gc.GRU, loss=loss)
