"""Faults in what a kernel does with several outputs: the checks see each, the proof those of lines.

`test_several_inputs` compares such kernels with lines that share nothing with the compiler.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell, load_loss
from gru_codegen.pipeline import check, said_otherwise
from gru_codegen.prove import prove
from gru_codegen.verify.configuration import Problem, Sizes, inner
from tests.planted import planted

ROOT = Path(__file__).parents[2]
CELL = load_cell(str(Path(__file__).with_name("cells") / "several_outputs.toml"))
FORMS: dict[str, dict[str, Any]] = {
    "textbook": {"style": "textbook", "extras": ("credit", "trace")},
    "rows": {"layout": "rows"},
}

#: The form, what is written in place of what, and the subject of a row that then fails.
FAULTS: dict[str, tuple[str, str, str, str]] = {
    "two of one shape exchanged": ("textbook", "        G=w.G,\n", "        G=w.S,\n", "outputs"),
    "adjoints exchanged": (
        "textbook",
        "d_outputs.G, d_outputs.Z, d_outputs.S",
        "d_outputs.S, d_outputs.Z, d_outputs.G",
        "vjp",
    ),
    "adjoints of padding read": (
        "textbook",
        "Outputs(*[_zeroed(each, w.ended) for each in d_outputs])",
        "Outputs(*d_outputs)",
        "lengths",
    ),
    "outputs of padding left": (
        "textbook",
        "Outputs(*[_outputs(each, w) for each in outputs])",
        "Outputs(*[each.copy() for each in outputs])",
        "lengths",
    ),
    "a part of the workspace put out": (
        "textbook",
        "Outputs(*[_outputs(each, w) for each in outputs])",
        "Outputs(_outputs(outputs.G, w), outputs.Z, _outputs(outputs.S, w))",
        "workspace",
    ),
    "an adjoint that no loss gives": (
        "textbook",
        "dO_Z[t] = np.full((w.batch_size, w.k_size), 0, w.dtype)",
        "dO_Z[t] = np.full((w.batch_size, w.k_size), 1, w.dtype)",
        "all",
    ),
    "an adjoint that the call before left": (
        "rows",
        "dO_Z_t[...] = 0\n",
        "pass\n",
        "workspace",
    ),
    "one adjoint of padding read": (
        "rows",
        "                np.copyto(w.dO_Z, 0, where=w.ended)\n",
        "",
        "lengths",
    ),
}
#: Likewise of what no number tells.
OTHERS: dict[str, tuple[str, str, str]] = {
    "adjoints by place": (
        "getattr(value, name), letters, output",
        "value[Outputs._fields.index(name)], letters, output",
        "d_outputs",
    ),
    "a tuple refused": ("type(value) is tuple", "False", "d_outputs"),
    "a tuple put out": ("return Outputs(*[_outputs(", "return tuple([_outputs(", "results"),
    "outputs in another order": (
        'OUTPUTS: tuple[str, ...] = ("G", "Z", "S")',
        'OUTPUTS: tuple[str, ...] = ("Z", "G", "S")',
        "functions",
    ),
    "an output that is not said": (
        'OUTPUTS: tuple[str, ...] = ("G", "Z", "S")',
        'OUTPUTS: tuple[str, ...] = ("G", "Z")',
        "module",
    ),
    "a shape that is not said": ('        "outputs.Z": ("T", "B", "K"),\n', "", "module"),
    "a shape that is wrong": (
        '"outputs.Z": ("T", "B", "K")',
        '"outputs.Z": ("T", "B", "H")',
        "results",
    ),
}


def failed(kernel: ModuleType) -> set[str]:
    """The subjects of the rows that fail."""
    return {row.weight for row in check(kernel, CELL).checks if row.failed}


@cache
def source(form: str) -> str:
    return gc.generate(CELL, **FORMS[form])


@pytest.mark.parametrize("form", FORMS)
def test_every_check_passes(form: str) -> None:
    report = check(load_source(source(form), "kernel"), CELL)
    assert report, report.verdict
    rows = {(row.weight, row.method) for row in report.checks}
    assert ("d_outputs", "taken by field name") in rows


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen_and_refuted(name: str) -> None:
    form, old, new, subject = FAULTS[name]
    kernel = planted(source(form), old, new)
    assert subject in failed(kernel)
    assert not prove(kernel, CELL, gc.L2)


@pytest.mark.parametrize("name", OTHERS)
def test_what_no_number_tells_is_seen(name: str) -> None:
    old, new, subject = OTHERS[name]
    assert subject in failed(planted(source("textbook"), old, new))


def test_a_file_is_held_to_the_outputs_that_are_declared() -> None:
    right = load_source(source("textbook"), "kernel")
    old, new, _ = OTHERS["outputs in another order"]
    said = list(said_otherwise(planted(source("textbook"), old, new), right))
    assert said == ["OUTPUTS is not that of the declaration"]


def test_a_kernel_for_inference_puts_out_all() -> None:
    kernel = gc.load(CELL, only="forward", layout="columns")
    assert check(kernel, CELL)
    assert kernel.Outputs._fields == kernel.OUTPUTS == ("G", "Z", "S")
    old = "Outputs(*[_outputs(each, w) for each in outputs])"
    alone = gc.generate(CELL, only="forward", layout="columns")
    changed = planted(alone, old, old.replace("for each in outputs", "for each in outputs[::-1]"))
    assert "outputs" in failed(changed)


def test_windows_have_the_gradients_of_the_whole() -> None:
    kernel = gc.load(CELL, layout="rows")
    given = Problem(kernel, Sizes(7, 4, 2, 3), 0).arguments
    whole = kernel.loss_and_gradients(*given.trained)
    windows = gc.checkpointed(kernel, *given.trained, window=3)
    for found, right in zip(windows.gradients, whole.gradients, strict=True):
        np.testing.assert_allclose(found, right, 0, 1e-12)


def test_a_loss_of_two_outputs_reads_both() -> None:
    cell = load_cell(str(ROOT / "examples" / "mean_and_variance.toml"))
    loss = load_loss(str(ROOT / "examples" / "gaussian_likelihood.toml"))
    kernel = gc.load(cell, loss=loss, layout="folded")
    problem = Problem(kernel, Sizes(5, 4, 2, 3), 0)
    given, rng = problem.arguments, np.random.default_rng(0)
    V = rng.uniform(0, 2, (5, 4))
    outputs, _, pullback = kernel.vjp(*given.run)
    error, rows = given.y - outputs.M, V[:, :, None]
    precision = np.exp(-outputs.A)
    result = kernel.loss_and_gradients(*given.trained, loss_weights=V)
    cost = (outputs.A + error**2 * precision) / 2
    assert result.loss == pytest.approx(inner(rows, cost), 1e-13)
    d_outputs = kernel.Outputs(M=-rows * error * precision, A=rows * (1 - error**2 * precision) / 2)
    for found, right in zip(result.gradients, pullback(d_outputs)[0], strict=True):
        np.testing.assert_allclose(found, right, 1e-12, 1e-13)
