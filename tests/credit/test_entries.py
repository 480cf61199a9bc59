"""Every entry of `credit` against complex steps in the weights of single steps."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from gru_codegen.passes import LAYOUTS
from gru_codegen.verify.configuration import cast
from tests.credit.kernels import CASES, entries, kernel, masks, problem


@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
@pytest.mark.parametrize(("cell", "loss", "readout"), CASES)
def test_every_entry(cell: str, loss: str, readout: str, masked: bool) -> None:
    data = problem(kernel(cell, loss, readout))
    given = masks(data) if masked else {}
    found = data.kernel.credit(*data.arguments.trained, **given, full=True)
    for E, expected in zip(found.full, entries(data, **given), strict=True):
        assert E.shape == expected.shape
        np.testing.assert_allclose(E, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
        assert np.abs(expected).max() > 1e-3  # the test would see something


@pytest.mark.parametrize(
    "manner",
    [
        *({"layout": layout, "unroll": None} for layout in LAYOUTS),
        {"layout": "rows", "unroll": 3},
        {"layout": "columns", "unroll": 3},
        {"style": "textbook", "unroll": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_every_kernel_has_the_same(cell: str, manner: dict[str, Any]) -> None:
    """Targets may lie in a Workspace, which is turned in some; none may change what is given."""
    expected = problem(kernel(cell, "l2", "linear", style="textbook"))
    data = problem(kernel(cell, "l2", "linear", **manner))
    for given in ({}, masks(data)):
        read = data.arguments.trained
        found = data.kernel.credit(*read, **given, full=True)
        other = expected.kernel.credit(*expected.arguments.trained, **given, full=True)
        for tables, others in zip(found, other, strict=True):
            for table, same in zip(tables, others, strict=True):
                np.testing.assert_allclose(table, same, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("style", ["fast", "textbook"])
def test_what_a_call_takes_is_not_changed(style: str) -> None:
    """The arguments of a problem are read-only; results are no part of a Workspace."""
    data = problem(kernel("gru", style=style))
    workspace, some = data.workspace(), data.arguments.trained
    first = data.kernel.credit(*some, full=True, workspace=workspace)
    kept = copy.deepcopy(first)
    for kept_array in workspace.copies.values():
        kept_array[...] = np.nan
    fewer = (some[0], some[1][:2], some[2][:2], some[3])
    data.kernel.credit(*fewer, loss_weights=np.ones(2), workspace=workspace)
    again = data.kernel.credit(*some, full=True, workspace=workspace)
    for found in (first, again):
        for tables, before in zip(found, kept, strict=True):
            for table, same in zip(tables, before, strict=True):
                np.testing.assert_array_equal(table, same)


def test_labels_and_float32() -> None:
    data = problem(kernel("lstm", "cross-entropy", "linear"))
    single = cast(data.arguments, np.float32)
    found = data.kernel.credit(*single.trained, full=True)
    expected = data.kernel.credit(*data.arguments.trained)
    for E, norms, same in zip(found.full, found.norms, expected.norms, strict=True):
        assert (E.dtype, norms.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(norms, same, rtol=1e-3)


def test_no_steps_and_no_samples() -> None:
    module = kernel("gru")
    params = module.init_params(2, 3, rng=0)
    found = module.credit(params, np.zeros((0, 4, 2)), np.zeros((0, 4, 3)))
    assert found.norms.Wz.shape == (0, 0)
    assert found.truncation.Wz.tolist() == [0]
    found = module.credit(params, np.zeros((2, 0, 2)), np.zeros((2, 0, 3)))
    assert found.norms.Wz[1, 0] == 0


def test_a_wrong_argument_is_refused_as_everywhere() -> None:
    data = problem(kernel("gru"))
    params, x, y, s0 = data.arguments.trained
    with pytest.raises(ValueError, match=r"^y: expected shape \(T, B, H\) = \(3, 4, 5\), got"):
        data.kernel.credit(params, x, y[:1], s0)
    with pytest.raises(TypeError, match=r"^params: credit is for real weights, got complex128"):
        data.kernel.credit(*cast(data.arguments, np.complex128).trained)
