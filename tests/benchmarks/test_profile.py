"""The command that takes the time of each kind of statement, and what a Workspace holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("threadpoolctl")

import gru_codegen as gc
from benchmarks import profile
from benchmarks.machine import blas, machine
from benchmarks.memory import megabytes, stored
from benchmarks.results import read_profiles
from benchmarks.sizes import LAYOUTS, Size
from benchmarks.stopwatch import KINDS


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    file = tmp_path / "profile.json"
    command = ["--size", "2,1,3,2", "--output", str(file)]
    done = CliRunner().invoke(profile.main, command)
    assert done.exit_code == 0, done.output
    found = read_profiles(file)
    assert [(one.layout, one.size) for one in found] == [
        (layout, Size(2, 1, 3, 2)) for layout in LAYOUTS
    ]
    for one in found:
        assert set(one.kinds) == set(KINDS)
        assert one.floor > 0
        assert one.kinds["products"] > 0
        assert one.kinds["products"] < one.call


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_the_numbers_of_a_workspace_are_those_that_it_holds(layout: Any) -> None:
    size = Size(5, 2, 3, 4)
    w = gc.load(gc.GRU, layout=layout).Workspace(size.B, size.D, size.H, np.float32)
    w.begin(size.T)
    own = [a for a in vars(w).values() if isinstance(a, np.ndarray) and a.base is None]
    floats = sum(a.nbytes for a in own if a.ndim and a.dtype == np.float32)
    assert megabytes(stored()[layout], size) == pytest.approx(1e-6 * floats)


def test_megabytes() -> None:
    assert megabytes("6 T B H + 1 B D + 2 H^2", Size(10, 2, 3, 4)) == pytest.approx(
        4e-6 * (480 + 6 + 32)
    )


def test_the_machine() -> None:
    found = machine()
    assert found["cores"] >= 1
    assert found["processor"]
    assert blas() == found["blas"]
    assert blas()
