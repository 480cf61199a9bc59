"""What `where` does not choose reaches no gradient, in columns and in one inside another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.compare import compare
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from tests.planted import planted
from tests.shares import in_turn

A = "A = tanh(x @ W + S_prev @ U)"
CASES = {
    "a column": f"n = relu(x @ q)\n{A}\nS = where(n > 0, A / n, S_prev)",
    "a sum of a row": "R = relu(x @ W)\nS = where(row_sum(R) > 0, R / row_sum(R), 0) + S_prev @ U",
    "one in another": f"n = relu(x @ V)\n{A}\nS = where(n > 0, where(A > 0, A / n, A), S_prev)",
    "a logarithm": f"c = x @ q\n{A}\nS = where(c > 0, log(c) * A, tanh(A))",
}
SHAPES = {"q": "(D, 1)", "V": "(D, H)", "W": "(D, H)", "U": "(H, H)"}


@pytest.mark.parametrize(
    ("case", "manner"), in_turn(CASES, [{"style": "textbook"}, {"layout": "columns"}]), ids=str
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what is not chosen may divide by 0
def test_nothing_that_is_not_chosen_reaches_a_gradient(
    case: str, manner: Any, tmp_path: Path
) -> None:
    equations = CASES[case].replace("@ V)", "@ Vn)")
    names = {"Vn" if name == "V" else name: shape for name, shape in SHAPES.items()}
    weights = ", ".join(f'{n} = "{s}"' for n, s in names.items() if f"@ {n}" in equations)
    file = tmp_path / "cell.toml"
    file.write_text(
        f'name = "chosen"\nstates = ["S"]\nweights = {{ {weights} }}\n'
        f"equations = '''\n{equations}\n'''\n"
    )
    cell = load_cell(str(file))
    kernel: Any = gc.load(cell, **manner)
    rng = np.random.default_rng(1)
    params = kernel.init_params(3, 4, rng=0)
    params = type(params)(*(rng.standard_normal(weight.shape) for weight in params))
    x, y = rng.standard_normal((5, 6, 3)), rng.standard_normal((5, 6, 4))
    x[1, 2] = 0
    found = kernel.loss_and_gradients(params, x, y)
    assert all(np.isfinite(gradient).all() for gradient in (found.loss, *found.gradients))
    assert pipeline.check(kernel, cell)


@pytest.mark.parametrize("step", [0, 1])
def test_a_gradient_that_is_not_finite_does_not_choose_where_it_is_looked_at(step: int) -> None:
    """The argument of the logarithm where it is not chosen is 0, whose slope is infinite."""
    cell = load_cell(str(Path(__file__).parent / "cells" / "conditions.toml"))
    source = gc.generate(cell, unroll=2, style="textbook")
    chosen = f"np.where(Q_if[{step}] > 0, G, 1)"
    wrong = planted(source, chosen, chosen.replace("1)", "0)"))
    failed = [check.weight for check in compare(wrong, cell, gc.L2) if not check.passed]
    assert failed == ["gradients"]
    right = compare(load_source(source, "right"), cell, gc.L2)
    assert all(check.passed for check in right)
