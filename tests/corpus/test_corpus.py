"""Published cells, declared as their papers write them, against a second writing of each.

Each declaration is compared with a step that was written independently of it, and of the compiler:
outputs, last states, loss, and the gradient by every weight, by x and by the initial states.
"""

from __future__ import annotations

import time
from itertools import chain, product
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.cells import FAMILIES
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from gru_codegen.pipeline import check
from tests.corpus.cells import FILES, STEPS, cell, given
from tests.corpus.second import STEPS as SECOND
from tests.corpus.second import Array, Given, gradients, run
from tests.corpus.table import FOLDERS, PAGE, page
from tests.truths.kernels import state_of, states_of

#: Relative to the largest entry.
ALLOWED = 1e-12
#: Style and layout, and the number of steps that are written out.
STYLES: list[dict[str, Any]] = [{"style": "textbook"}, *({"layout": each} for each in LAYOUTS)]
FORMS = [{**style, "unroll": unroll} for style, unroll in product(STYLES, (None, STEPS))]


def agreed(kernel: ModuleType, name: str, case: Given) -> None:
    """Compare all that a kernel computes with the second writing of its cell."""
    expected, by = run(SECOND[name], case), gradients(SECOND[name], case)

    def as_given(path: str, array: Array) -> Array:
        return array.reshape(array.shape[2 - len(kernel.SHAPES[path]) :])

    params = kernel.Params(**{n: as_given(f"params.{n}", a) for n, a in case.weights.items()})
    s0 = state_of(kernel, [case.s0[state] for state in kernel.STATES])
    several = len(case.inputs) > 1
    x = kernel.Inputs(**case.inputs) if several else next(iter(case.inputs.values()))
    fixed = {n: as_given(f"constants.{n}", a) for n, a in case.constants.items()}
    learned = (params, kernel.Constants(**fixed)) if fixed else (params,)
    outputs, state = kernel.forward(*learned, x, s0)
    result = kernel.loss_and_gradients(*learned, x, case.y, s0)
    _, _, pullback = kernel.vjp(*learned, x, s0)
    _, d_x, d_s0 = pullback(outputs - case.y)

    pairs = [("outputs", outputs, np.array(expected.outputs))]
    given_none = {symbol.name for symbol in cell(name).without_gradient}
    for n, a in zip(case.inputs, d_x if several else [d_x], strict=True):
        assert (a is None) == (n in given_none)
        pairs += [] if a is None else [(n, a, by[n])]
    pairs.append(("loss", np.asarray(result.loss), expected.loss))
    for last in (state, result.state):
        pairs += zip(kernel.STATES, states_of(kernel, last), expected.states, strict=True)
    pairs += [(n, np.atleast_2d(a), by[n]) for n, a in result.gradients._asdict().items()]
    pairs += [(n, a, by[n]) for n, a in zip(kernel.STATES, states_of(kernel, d_s0), strict=True)]
    for n, actual, second in pairs:
        assert actual.shape == second.shape, n
        scale = abs(second).max()
        assert scale > 0, f"{n} is zero throughout"
        assert abs(actual - second).max() <= ALLOWED * scale, n


def test_each_file_has_a_second_writing() -> None:
    assert {*FILES} == {*SECOND}
    assert all(cell(name).name == name for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_one_form_of_each_cell(name: str) -> None:
    """Another one from cell to cell."""
    form = FORMS[[*FILES].index(name) % len(FORMS)]
    agreed(gc.load(cell(name), **form), name, given(cell(name)))


@pytest.mark.campaign
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", FILES)
def test_every_form_of_each_cell(name: str, form: dict[str, Any]) -> None:
    """The same in every style and layout, for any number of steps and for three."""
    agreed(gc.load(cell(name), **form), name, given(cell(name)))


@pytest.mark.campaign
@pytest.mark.parametrize("name", FILES)
def test_generation_checks_and_takes_no_longer_than_it_may(name: str) -> None:
    """A cell is declared anew, so nothing of it has been derived; seconds of CPU time."""
    start = time.process_time()
    declared = load_cell(str(FILES[name]))
    kernel = gc.load(declared)
    made = time.process_time() - start
    report = check(kernel, declared)
    checked = time.process_time() - start
    print(f"{name}: {made:.2f} s, with checks {checked:.2f} s")
    assert report, report
    assert made <= 3
    assert checked <= 10


def test_the_page_lists_them() -> None:
    """If it does not: python -m tests.corpus.table."""
    assert PAGE.read_text(encoding="utf-8") == page()
    assert {file.parent.name for file in FILES.values()} == {"cells", *FOLDERS.values()}
    assert {*FAMILIES} <= {*FOLDERS}
    assert sorted(chain(*FAMILIES.values())) == sorted(gc.cells)
