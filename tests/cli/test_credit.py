"""The command `credit`: tables that follow the width, data of one's own, a picture."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.credit import CELL, norms, reach, truncation
from gru_codegen.modules import load_file
from tests.cli.running import Run, refused


@cache
def source(cell: str, readout: str = "none", unroll: int | None = None) -> str:
    return gc.generate(gc.cells[cell], readout=readout, unroll=unroll, extras=["credit"])


@pytest.fixture
def gru(folder: Path) -> Path:
    path = Path("gru_credit.py")
    path.write_text(source("gru"))
    return path


def arguments(kernel: Any, **changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    params = kernel.init_params(2, 3, rng=1)
    drawn = {"x": rng.standard_normal((6, 4, 2)), "y": rng.standard_normal((6, 4, 3))}
    given = {**params._asdict(), **drawn, **changes}
    return {name: array for name, array in given.items() if array is not None}


def spoilt(shape: tuple[int, ...], *place: Any) -> Any:
    """Ones, with NaN in a place."""
    array = np.ones(shape)
    array[place] = np.nan
    return array


@pytest.mark.parametrize("width", [60, 100])
def test_the_tables_follow_the_width(
    run: Run, gru: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    outcome = run("credit", str(gru))
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= width
    assert max(map(len, lines)) > width - 10
    said = " ".join(outcome.out.split())
    assert "random numbers, seed 0: T=50, B=16, D=4, H=32; for your own: --data FILE.npz" in said
    heads = [line.split() for line in lines if line.startswith(("at step", "steps"))]
    assert heads[0][2] == "50"
    assert heads[0][-1] == heads[1][1] == "1"
    assert sum(line.startswith(f"{CELL} ") for line in lines) == 2


def test_the_numbers_are_those_of_the_function(here: Run, gru: Path) -> None:
    kernel = load_file(gru)
    given = arguments(kernel)
    np.savez("run.npz", **given)
    outcome = here("credit", str(gru), "--data", "run.npz")
    assert outcome.status == 0
    assert "random" not in outcome.out
    params = kernel.Params(*(given[name] for name in kernel.Params._fields))
    found = kernel.credit(params, given["x"], given["y"])
    rows = [line.split() for line in outcome.out.splitlines() if line.startswith("Wrecz ")]
    left = reach(found, 5)["Wrecz"]
    assert rows[0][1:] == [f"{left[t]:.1e}" for t in (5, 4, 3, 0)]
    assert rows[1][1:] == [f"{found.truncation.Wrecz[n]:.1e}" for n in (1, 2, 5, 6)]


def test_masks_and_states_of_a_file_count(here: Run, folder: Path) -> None:
    path = Path("lstm.py")
    path.write_text(source("lstm"))
    kernel = load_file(path)
    states = {"s0.S": np.ones((4, 3)), "s0.C": np.ones((4, 3))}
    V, lengths = np.eye(6)[2], np.array([6, 5, 4, 3])
    mask = np.array([[1, 1, 1, 0, 1, 1], [0, 0, 1, 1, 1, 1], [1] * 6, [0, 1, 1, 1, 1, 1]]) > 0
    options = {"loss_weights": V, "lengths": lengths, "mask": mask.T}
    given = arguments(kernel, **states, **options)
    np.savez("run.npz", **given)
    outcome = here("credit", str(path), "--data", "run.npz")
    assert "Error of step 3:" in outcome.out
    params = kernel.Params(*(given[name] for name in kernel.Params._fields))
    s0 = kernel.State(*states.values())
    found = kernel.credit(params, given["x"], given["y"], s0, **options)
    assert f"{truncation(found)[CELL][1]:.1e}" in outcome.out.splitlines()[-1]


def test_weights_are_drawn_where_a_file_has_none(here: Run, gru: Path) -> None:
    kernel = load_file(gru)
    given = arguments(kernel, **dict.fromkeys(kernel.Params._fields))
    np.savez("run.npz", **given)
    outcome = here("credit", str(gru), "--data", "run.npz")
    assert "weights drawn with seed 0" in outcome.out
    found = kernel.credit(kernel.init_params(2, 3, rng=0), given["x"], given["y"])
    assert f"{truncation(found)[CELL][1]:.1e}" in outcome.out.splitlines()[-1]


def test_no_error_at_all(here: Run, gru: Path) -> None:
    np.savez("run.npz", **arguments(load_file(gru), loss_weights=np.zeros(6)))
    outcome = here("credit", str(gru), "--data", "run.npz", "-o", "c.png")
    assert outcome.status == 0
    assert "loss_weights, lengths and mask leave nothing of the loss" in outcome.out


def test_an_unrolled_kernel_with_a_readout(here: Run, folder: Path) -> None:
    """What a readout is reached by at its own step alone is no part of `cell`."""
    path = Path("k.py")
    path.write_text(source("rnn", "linear", 3))
    outcome = here("credit", str(path))
    assert "T=3" in outcome.out
    rows = {line.split()[0]: line.split()[1:] for line in outcome.out.splitlines()[:10] if line}
    assert rows["Wout"][1:] == ["0.0e+00"] * 2
    kernel = load_file(path)
    rng = np.random.default_rng(0)
    params = kernel.init_params(2, 3, output_size=4, rng=0)
    found = kernel.credit(params, rng.standard_normal((3, 2, 2)), rng.standard_normal((3, 2, 4)))
    tables = norms(found)
    together = np.sqrt(tables["W"] ** 2 + tables["Wrec"] ** 2 + tables["b"] ** 2)
    np.testing.assert_allclose(tables[CELL], together, rtol=1e-14)


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_a_picture(here: Run, gru: Path, ending: str) -> None:
    outcome = here("credit", str(gru), "-o", f"c{ending}")
    assert outcome.out.splitlines()[-1] == f"wrote c{ending}"
    assert Path(f"c{ending}").stat().st_size > 10_000


def test_a_picture_takes_matplotlib(here: Run, gru: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = here("credit", str(gru), "-o", "c.png")
    assert refused(outcome) == "the picture takes matplotlib: pip install 'gru-codegen[plot]'"
    assert outcome.out == ""


def test_padding_may_hold_anything(here: Run, gru: Path) -> None:
    """And so may targets of the weight 0; others may not."""
    x, y = spoilt((6, 4, 2), slice(4, None), 1), spoilt((6, 4, 3), slice(2, None), slice(None, 2))
    V = np.ones((6, 4))
    V[2:, 0] = 0
    masks = {"lengths": np.array([6, 2, 6, 6]), "loss_weights": V}
    np.savez("run.npz", **arguments(load_file(gru), x=x, y=y, **masks))
    assert here("credit", str(gru), "--data", "run.npz").status == 0
    real = np.ones((6, 4), bool)
    real[:2, 3] = False
    x[0, 3] = y[1, 3] = np.nan
    np.savez("run.npz", **arguments(load_file(gru), x=x, y=y, mask=real, **masks))
    assert here("credit", str(gru), "--data", "run.npz").status == 0
    x[0, 3] = y[1, 3] = 0
    V[3, 0] = 1
    np.savez("run.npz", **arguments(load_file(gru), x=x, y=y, **masks))
    said = refused(here("credit", str(gru), "--data", "run.npz"))
    assert said == "run.npz: y holds NaN, at [3, 0, 0]"


def test_a_file_that_does_not_come_back(run: Run, gru: Path) -> None:
    gru.write_text(gru.read_text() + "\nwhile True:\n    pass\n")
    outcome = run("credit", str(gru), "--timeout", "3")
    assert refused(outcome, status=124).startswith(f"{gru} was stopped after 3 seconds: ")
    assert outcome.out == f"{gru} is run, as an import would run it\n"


def test_a_kernel_without_it(run: Run, kernel: Path) -> None:
    said = refused(run("credit", str(kernel)))
    assert said == "k.py has no credit(); generate it again with --with credit"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"y": None}, "run.npz: it has no y"),
        ({"Wz": None}, "run.npz: it has no Wz"),
        ({"z": np.ones(2)}, "run.npz: there is no argument z; there are Wz, Wrecz, "),
        (
            {"y": np.ones((6, 4, 1))},
            "run.npz: y: expected shape (T, B, H) = (6, 4, 3), got (6, 4, 1)",
        ),
        ({"x": np.ones(3)}, "run.npz: x: expected shape (T, B, D), got (3,)"),
        ({"x": np.full((6, 4, 2), np.nan)}, "run.npz: x holds NaN, at [0, 0, 0]"),
        ({"Wr": spoilt((2, 3), 1, 2)}, "run.npz: Wr holds NaN, at [1, 2]"),
        ({"x": np.full((6, 4, 2), np.inf)}, "run.npz: the gradient of W"),
        ({"lengths": np.ones(4)}, "run.npz: lengths: expected integers, got float64"),
    ],
)
def test_a_file_that_does_not_fit(here: Run, gru: Path, changes: Any, said: str) -> None:
    np.savez("run.npz", **arguments(load_file(gru), **changes))
    assert refused(here("credit", str(gru), "--data", "run.npz")).startswith(said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data", "none.npz"], "cannot read none.npz: No such file or directory"),
        (["--data", "gru_credit.py"], "gru_credit.py: not a whole .npz archive of plain arrays"),
        (
            ["--data", "one.npy"],
            "one.npy: not a whole .npz archive of plain arrays: it is a",
        ),
        (["-o", "c.txt"], "--output: c.txt is no picture; end its name in .png, .svg, .pdf"),
        (["-o", "one.npy/c.png"], "cannot write one.npy/c.png: one.npy is not a folder"),
    ],
)
def test_bad_options(here: Run, gru: Path, options: list[str], said: str) -> None:
    np.save("one.npy", np.ones(3))
    assert refused(here("credit", str(gru), *options)).startswith(said)
