"""Every fault that is planted in a line, in order, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from gru_codegen.modules import load_source
from tests.faults.mutation import OTHERS, count, mutants, shapes_in

SHAPES = {
    **dict.fromkeys(("Z", "R", "w.Z", "w.R"), (4, 3)),
    **dict.fromkeys(("W", "params.Wz", "params.Wr"), (3, 3)),
    "E": (7, 4, 3),
}

FAULTS = {
    "S[t] = R[0] * (1 - Z) / 2": [
        ("dropped", "pass"),
        ("+= for =", "S[t] += R[0] * (1 - Z) / 2"),
        ("sign flipped", "S[t] = -(R[0] * (1 - Z) / 2)"),
        ("other step", "S[t + 1] = R[0] * (1 - Z) / 2"),
        ("other step", "S[t - 1] = R[0] * (1 - Z) / 2"),
        ("other operator", "S[t] = R[0] * (1 - Z) * 2"),
        ("operands swapped", "S[t] = 2 / (R[0] * (1 - Z))"),
        ("one operand alone", "S[t] = R[0] * (1 - Z)"),
        ("one operand alone", "S[t] = 2"),
        ("other operator", "S[t] = (R[0] + (1 - Z)) / 2"),
        ("one operand alone", "S[t] = R[0] / 2"),
        ("one operand alone", "S[t] = (1 - Z) / 2"),
        ("Z for R", "S[t] = Z[0] * (1 - Z) / 2"),
        ("other number", "S[t] = R[1] * (1 - Z) / 2"),
        ("other number", "S[t] = R[-1] * (1 - Z) / 2"),
        ("other operator", "S[t] = R[0] * (1 + Z) / 2"),
        ("operands swapped", "S[t] = R[0] * (Z - 1) / 2"),
        ("one operand alone", "S[t] = R[0] * 1 / 2"),
        ("one operand alone", "S[t] = R[0] * Z / 2"),
        ("other number", "S[t] = R[0] * (2 - Z) / 2"),
        ("other number", "S[t] = R[0] * (0 - Z) / 2"),
        ("R for Z", "S[t] = R[0] * (1 - R) / 2"),
        ("other number", "S[t] = R[0] * (1 - Z) / 3"),
        ("other number", "S[t] = R[0] * (1 - Z) / 1"),
    ],
    "dW += Z.T @ W": [
        ("dropped", "pass"),
        ("= for +=", "dW = Z.T @ W"),
        ("other operator", "dW -= Z.T @ W"),
        ("operands swapped", "dW += W @ Z.T"),
        ("one operand alone", "dW += Z.T"),
        ("one operand alone", "dW += W"),
        ("transpose dropped", "dW += Z @ W"),
        ("R for Z", "dW += R.T @ W"),
        ("transpose added", "dW += Z.T @ W.T"),
    ],
    "np.subtract(Z, two, out=R)": [
        ("dropped", "pass"),
        ("other function", "np.add(Z, two, out=R)"),
        ("operands swapped", "np.subtract(two, Z, out=R)"),
        ("sign flipped", "np.subtract(-Z, two, out=R)"),
        ("one operand alone", "np.copyto(R, Z)"),
        ("one operand alone", "np.copyto(R, two)"),
        ("R for Z", "np.subtract(R, two, out=R)"),
        ("Z for R", "np.subtract(Z, two, out=Z)"),
    ],
    "np.dot(Z, W, out=E[t])": [
        ("dropped", "pass"),
        ("operands swapped", "np.dot(W, Z, out=E[t])"),
        ("sign flipped", "np.dot(-Z, W, out=E[t])"),
        ("one operand alone", "np.copyto(E[t], Z)"),
        ("one operand alone", "np.copyto(E[t], W)"),
        ("R for Z", "np.dot(R, W, out=E[t])"),
        ("transpose added", "np.dot(Z.T, W, out=E[t])"),
        ("transpose added", "np.dot(Z, W.T, out=E[t])"),
        ("other step", "np.dot(Z, W, out=E[t + 1])"),
        ("other step", "np.dot(Z, W, out=E[t - 1])"),
    ],
    "np.subtract(Z, two, R)": [
        ("dropped", "pass"),
        ("other function", "np.add(Z, two, R)"),
        ("operands swapped", "np.subtract(two, Z, R)"),
        ("sign flipped", "np.subtract(-Z, two, R)"),
        ("one operand alone", "np.copyto(R, Z)"),
        ("result and operand swapped", "np.subtract(R, two, Z)"),
        ("one operand alone", "np.copyto(R, two)"),
        ("result and operand swapped", "np.subtract(Z, R, two)"),
        ("R for Z", "np.subtract(R, two, R)"),
        ("Z for R", "np.subtract(Z, two, Z)"),
    ],
    "np.tanh(Z, Z)": [
        ("dropped", "pass"),
        ("other function", "np.negative(Z, Z)"),
        ("sign flipped", "np.tanh(-Z, Z)"),
        ("one operand alone", "np.copyto(Z, Z)"),
        ("R for Z", "np.tanh(R, Z)"),
        ("R for Z", "np.tanh(Z, R)"),
    ],
    "W.dot(Z, R)": [
        ("dropped", "pass"),
        ("sign flipped", "(-W).dot(Z, R)"),
        ("operands swapped", "Z.dot(W, R)"),
        ("transpose added", "W.T.dot(Z, R)"),
        ("result and operand swapped", "W.dot(R, Z)"),
        ("R for Z", "W.dot(R, R)"),
        ("Z for R", "W.dot(Z, Z)"),
    ],
    "W[:t, D:] = R[:steps, :H].T": [
        ("dropped", "pass"),
        ("+= for =", "W[:t, D:] += R[:steps, :H].T"),
        ("sign flipped", "W[:t, D:] = -R[:steps, :H].T"),
        ("other step", "W[:t + 1, D:] = R[:steps, :H].T"),
        ("other step", "W[:t - 1, D:] = R[:steps, :H].T"),
        ("other side of the cut", "W[:t, :D] = R[:steps, :H].T"),
        ("transpose dropped", "W[:t, D:] = R[:steps, :H]"),
        ("Z for R", "W[:t, D:] = Z[:steps, :H].T"),
        ("other step", "W[:t, D:] = R[:steps + 1, :H].T"),
        ("other step", "W[:t, D:] = R[:steps - 1, :H].T"),
        ("other side of the cut", "W[:t, D:] = R[:steps, H:].T"),
    ],
    "Z, W = (w.Z, params.Wr)": [
        ("dropped", "pass"),
        ("R for Z", "R, W = (w.Z, params.Wr)"),
        ("w.R for w.Z", "Z, W = (w.R, params.Wr)"),
        ("params.Wz for params.Wr", "Z, W = (w.Z, params.Wz)"),
    ],
    "a: Array = sigmoid(-Z)": [
        ("dropped", "pass"),
        ("other function", "a: Array = np.tanh(-Z)"),
        ("function dropped", "a: Array = -Z"),
        ("sign flipped", "a: Array = sigmoid(Z)"),
        ("R for Z", "a: Array = sigmoid(-R)"),
    ],
    "a = Z if V is None else R": [
        ("dropped", "pass"),
        ("sign flipped", "a = -(Z if V is None else R)"),
        ("condition negated", "a = R if V is None else Z"),
        ("one branch alone", "a = Z"),
        ("one branch alone", "a = R"),
        ("other comparison", "a = Z if V is not None else R"),
        ("R for Z", "a = R if V is None else R"),
        ("Z for R", "a = Z if V is None else Z"),
    ],
    "if V is not None:": [
        ("dropped", "pass"),
        ("condition negated", "if not V is not None:"),
        ("other comparison", "if V is None:"),
    ],
    "if a and 0 <= t < w.steps:": [
        ("dropped", "pass"),
        ("condition negated", "if not (a and 0 <= t < w.steps):"),
        ("other operator", "if a or 0 <= t < w.steps:"),
        ("one condition alone", "if a:"),
        ("one condition alone", "if 0 <= t < w.steps:"),
        ("other comparison", "if a and 0 <= t:"),
        ("other comparison", "if a and t < w.steps:"),
        ("other number", "if a and 1 <= t < w.steps:"),
        ("other number", "if a and -1 <= t < w.steps:"),
        ("other step", "if a and 0 <= t + 1 < w.steps:"),
        ("other step", "if a and 0 <= t - 1 < w.steps:"),
        ("other step", "if a and 0 <= t < w.steps + 1:"),
        ("other step", "if a and 0 <= t < w.steps - 1:"),
    ],
    "np.copyto(Z, R, where=b == 0.5)": [
        ("dropped", "pass"),
        ("no where", "np.copyto(Z, R)"),
        ("mask turned round", "np.copyto(Z, R, where=~(b == 0.5))"),
        ("sign flipped", "np.copyto(Z, -R, where=b == 0.5)"),
        ("R for Z", "np.copyto(R, R, where=b == 0.5)"),
        ("Z for R", "np.copyto(Z, Z, where=b == 0.5)"),
        ("other comparison", "np.copyto(Z, R, where=b != 0.5)"),
        ("other number", "np.copyto(Z, R, where=b == 1.5)"),
        ("other number", "np.copyto(Z, R, where=b == -0.5)"),
    ],
    "a = np.where(b, Z, R[:3]).copy()": [
        ("dropped", "pass"),
        ("sign flipped", "a = -np.where(b, Z, R[:3]).copy()"),
        ("method dropped", "a = np.where(b, Z, R[:3])"),
        ("branches swapped", "a = np.where(b, R[:3], Z).copy()"),
        ("one branch alone", "a = Z.copy()"),
        ("one branch alone", "a = R[:3].copy()"),
        ("R for Z", "a = np.where(b, R, R[:3]).copy()"),
        ("slice dropped", "a = np.where(b, Z, R).copy()"),
        ("Z for R", "a = np.where(b, Z, Z[:3]).copy()"),
        ("other side of the cut", "a = np.where(b, Z, R[3:]).copy()"),
        ("other number", "a = np.where(b, Z, R[:4]).copy()"),
        ("other number", "a = np.where(b, Z, R[:2]).copy()"),
    ],
    "return np.dot(Z, R.sum(axis=0))": [
        ("dropped", "pass"),
        ("operands swapped", "return np.dot(R.sum(axis=0), Z)"),
        ("one operand alone", "return Z"),
        ("one operand alone", "return R.sum(axis=0)"),
        ("R for Z", "return np.dot(R, R.sum(axis=0))"),
        ("transpose added", "return np.dot(Z.T, R.sum(axis=0))"),
        ("method dropped", "return np.dot(Z, R)"),
        ("no axis", "return np.dot(Z, R.sum())"),
        ("Z for R", "return np.dot(Z, Z.sum(axis=0))"),
        ("other number", "return np.dot(Z, R.sum(axis=1))"),
        ("other number", "return np.dot(Z, R.sum(axis=-1))"),
    ],
    "a = np.zeros(3)": [
        ("dropped", "pass"),
        ("sign flipped", "a = -np.zeros(3)"),
        ("other function", "a = np.ones(3)"),
        ("function dropped", "a = 3"),
        ("other number", "a = np.zeros(4)"),
        ("other number", "a = np.zeros(2)"),
    ],
    "for t in range(w.steps):": [
        ("dropped", "pass"),
        ("loop turned round", "for t in reversed(range(w.steps)):"),
        ("first step left out", "for t in range(1, w.steps):"),
        ("last step left out", "for t in range(w.steps - 1):"),
        ("other step", "for t in range(w.steps + 1):"),
        ("other step", "for t in range(w.steps - 1):"),
    ],
    "for t in reversed(range(w.steps)):": [
        ("dropped", "pass"),
        ("loop turned round", "for t in range(w.steps):"),
        ("first step left out", "for t in reversed(range(1, w.steps)):"),
        ("last step left out", "for t in reversed(range(w.steps - 1)):"),
        ("other step", "for t in reversed(range(w.steps + 1)):"),
        ("other step", "for t in reversed(range(w.steps - 1)):"),
    ],
}


@pytest.mark.parametrize("line", FAULTS)
def test_the_faults_of_a_line(line: str) -> None:
    body = f"{line}\n        pass" if line.endswith(":") else line
    source = f'def f(a: int) -> None:\n    """Nothing is wrong with 1 + 1."""\n    {body}\n'
    found = [mutant for mutant in mutants(source, "f", SHAPES) if mutant.line == 3]
    assert [(mutant.fault, bare(mutant.now)) for mutant in found] == FAULTS[line]
    assert {bare(mutant.was) for mutant in found} == {line}


def bare(line: str) -> str:
    """Without the brackets that Python 3.10 writes around a tuple that is assigned to."""
    return re.sub(r"^\((\w+, \w+)\) =", r"\1 =", line)


def test_a_sample_is_taken_evenly() -> None:
    line = "S[t] = R[0] * (1 - Z) / 2"
    found = [mutant.now for mutant in mutants(f"def f():\n    {line}\n", "f", SHAPES, every=5)]
    assert found == [now for _, now in FAULTS[line]][::5]
    assert count(f"def f():\n    {line}\n", "f", SHAPES) == len(FAULTS[line])


def test_the_others_of_a_shape_take_turns() -> None:
    names = list("abcdefghij")[: OTHERS + 2]
    source = "def f():\n" + "    g(a)\n" * 4
    faults = [mutant.fault for mutant in mutants(source, "f", dict.fromkeys(names, (2,)))]
    swaps = [fault for fault in faults if fault.endswith("for a")]
    assert len(swaps) == 4 * OTHERS
    assert set(swaps) == {f"{other} for a" for other in names[1:]}


def test_methods_have_faults_and_definitions_have_none() -> None:
    source = "class A:\n    x: int = 1\n\n    def f(self, a=2):\n        return self\n"
    found = [mutant.now for mutant in mutants(source, "A", {})]
    assert found == ["pass", "x: int = 2", "x: int = 0", "pass"]


def test_a_planted_fault_replaces_the_function() -> None:
    source = "def f():\n    return 1\n\ndef g():\n    return f() + 1\n"
    results = []
    for mutant in mutants(source, "f", {}):
        module = load_source(source, "module")
        mutant.plant(module)
        results.append((str(mutant), module.f()))
    assert results == [
        ("line 2, dropped: return 1  ->  pass", None),
        ("line 2, other number: return 1  ->  return 2", 2),
        ("line 2, other number: return 1  ->  return 0", 0),
    ]


def test_shapes_are_those_of_the_arrays_when_the_function_returns() -> None:
    class Params(NamedTuple):
        W: object = np.zeros((2, 3))

    def function(params: Params, w: object) -> float:
        a: Any = np.zeros(1)
        a, t = np.zeros((4, 5)), 3
        return float(a[0, 0] + t)

    workspace = SimpleNamespace(Z=np.zeros(6), steps=7)
    shapes = shapes_in(function, lambda: function(Params(), workspace))
    assert shapes == {"a": (4, 5), "params.W": (2, 3), "w.Z": (6,)}


def test_shapes_are_those_of_functions_inside_too() -> None:
    def function(a: object) -> Callable[[object], object]:
        def inner(b: object) -> object:
            return b

        return inner

    shapes = shapes_in(function, lambda: function(np.zeros(2))(np.zeros(3)))
    assert shapes == {"a": (2,), "b": (3,)}
