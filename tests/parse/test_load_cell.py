"""`load_cell` by name, and by module and object."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.parse import load_cell

MODULE = """
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.functions import tanh

x, S_prev, S = matrix("x", B, D), matrix("S_prev", B, H), matrix("S", B, H)
W, Wrec = matrix("W", D, H), matrix("Wrec", H, H)
STEP = Equation(S, tanh(x * W + S_prev * Wrec), "state")
MINE = Cell("mine", "my cell", "a test", (x,), (W, Wrec), {S: S_prev}, (STEP,))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package in the working folder, which is not on the path."""
    name = f"own_cells_of_{tmp_path.name.replace('-', '_')}"
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "good.py").write_text(MODULE)
    (package / "raising.py").write_text("1 / 0")
    (package / "leaving.py").write_text("raise SystemExit(3)")
    (package / "lacking.py").write_text("import a_module_that_nobody_has")
    (package / "wrong.py").write_text("def f(:")
    (package / "faulty.py").write_text(MODULE.replace("(W, Wrec)", "(W, Wrec, x)"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", ".")])
    return name


def refused(spec: str) -> str:
    with pytest.raises(gc.CellError) as caught:
        load_cell(spec)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize("name", gc.cells)
def test_a_cell_of_the_package(name: str) -> None:
    assert load_cell(name) is gc.cells[name]


def test_an_unknown_name() -> None:
    assert refused("grru") == (
        f"there is no cell 'grru'; did you mean gru? known: {', '.join(gc.cells)}; "
        "a cell of your own is package.module:NAME, or FILE.toml"
    )
    assert refused("zzzzzzzz").startswith("there is no cell 'zzzzzzzz'; known: gru")
    assert refused("").startswith("there is no cell ''; known: gru")


def test_a_cell_of_a_module_in_the_working_folder(module: str) -> None:
    path = list(sys.path)
    cell = load_cell(f"{module}.good:MINE")
    assert cell.name == "mine"
    assert str(cell) == "S_t = tanh(x_t W + S_{t-1} Wrec)"
    assert sys.path == path


def test_a_module_that_is_not_there(module: str) -> None:
    assert refused(f"{module}.nothing:MINE") == (
        f"there is no module {module}.nothing, neither installed nor in the working folder"
    )
    assert refused("nowhere.cells:MINE") == (
        "there is no module nowhere, neither installed nor in the working folder"
    )


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ("mycells.py", "one in that file, which is imported, is mycells:NAME"),
        ("mycells.py:MINE", "one in that file, which is imported, is mycells:MINE"),
        ("./own/mycells.py", "one in that file, which is imported, is own.mycells:NAME"),
        ("a/b.py:C", "one in that file, which is imported, is a.b:C"),
        ("/a/b.py", "one in a file of Python is module:NAME, imported from the working folder"),
        ("my-cells.py", "one in a file of Python is module:NAME, imported from the working folder"),
    ],
)
def test_a_file_of_python(spec: str, advice: str) -> None:
    assert refused(spec) == f"there is no cell {spec!r}; {advice}"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raising", "ZeroDivisionError: division by zero"),
        ("leaving", "SystemExit: 3"),
        ("lacking", "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"),
        ("wrong", "SyntaxError: invalid syntax (wrong.py, line 1)"),
        ("faulty", "CellError: cell 'mine': x is declared twice; "),
    ],
)
def test_a_module_that_cannot_be_imported(module: str, name: str, reason: str) -> None:
    path = list(sys.path)
    said = refused(f"{module}.{name}:MINE")
    assert said.startswith(f"{module}.{name} cannot be imported: {reason}")
    assert sys.path == path


def test_an_object_that_is_not_there_or_no_cell(module: str) -> None:
    assert refused(f"{module}.good:MIN") == (
        f"{module}.good defines no MIN; did you mean MINE? cells in it: MINE"
    )
    assert refused(f"{module}:MINE") == f"{module} defines no MINE; it has no cell"
    assert refused(f"{module}.good:STEP") == (
        f"{module}.good:STEP is of type Equation, not a gru_codegen.Cell; cells in it: MINE"
    )


@pytest.mark.parametrize("spec", [":", "a:", ":B", "a b:C", "a.b:C()", "a/b:C", "..a:C", "a:B:C"])
def test_what_names_no_object(spec: str) -> None:
    assert refused(spec) == (
        f"there is no cell {spec!r}; a cell of your own is package.module:NAME, or FILE.toml"
    )
