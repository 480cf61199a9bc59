"""No line of a kernel is longer than the project's lint allows, whatever own functions hold."""

from __future__ import annotations

import ast
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.emit.lines import WIDTH, broken
from gru_codegen.parse import load_cell
from tests.shares import in_turn

#: Own functions whose formulas are long where they are written out, with `where` in `where` too.
BODIES = {
    "choices": "where(a > 0, log(1 + a * a) * sigmoid(a * a - 3) + exp(a) * sin(a) / (1 + a * a), "
    "sqrt(1 + a ** 4) * tanh(a) - exp(a))",
    "sums": "a * sigmoid(a) + log(1 + exp(a) * a * a) * tanh(a * a * a) - sqrt(1 + a * a) / "
    "(2 + cos(a)) + exp(-a * a) * a ** 3",
    "nested": "where(where(a > 1, a, 2 * a) > 1/2, log(1 + a * a), where(a > 0, sqrt(1 + a ** 4), "
    "exp(a)))",
}
FORMS: dict[str, dict[str, Any]] = {
    "textbook": {"style": "textbook"},
    "textbook, 2 steps": {"style": "textbook", "unroll": 2},
    **{layout: {"layout": layout} for layout in ("rows", "blocked", "columns", "folded")},
}
CELL = """
name = "long"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)", b = "(H,)" }
equations = '''
Z = f(x @ W + S_prev @ U + b)
A = where(f(S_prev) > log(1 + Z * Z), f(Z * S_prev), softmax(Z * S_prev) * f(Z))
S = where(Z > S_prev, A, exp(-Z * Z))
'''
[functions]
"""


@pytest.mark.parametrize(("form", "body"), in_turn(FORMS, BODIES))
def test_lines_of_own_functions_are_broken(form: str, body: str) -> None:
    cell = load_cell(f'{CELL}f = "{BODIES[body]}"\n')
    source = gc.generate(cell, **FORMS[form])
    assert [line for line in source.splitlines() if len(line) > WIDTH] == []


@pytest.mark.parametrize(
    "code",
    [
        f"x = {' + '.join(f'np.exp(a{n} * b{n})' for n in range(12))}",
        f"x = f({', '.join(f'g(a{n}, {n})' for n in range(20))})",
        f"x = (a if b is None else {' * '.join(f'(c{n} - d[{n}])' for n in range(12))})",
        f"x[t] = {'f(g(' * 6}{' / '.join(f'h(a{n})' for n in range(20))}{'))' * 6}",
    ],
)
def test_a_broken_line_is_the_same_code(code: str) -> None:
    lines = broken(f"    {code}")
    assert len(lines) > 1
    assert ast.dump(ast.parse("\n".join(lines).strip())) == ast.dump(ast.parse(code))
