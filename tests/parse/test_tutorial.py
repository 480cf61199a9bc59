"""What docs/own_cell.md shows is what comes out."""

from __future__ import annotations

import ast
import builtins
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import cli
from gru_codegen.functions import FUNCTIONS
from gru_codegen.parse import load_cell
from tests.parse.files import EXAMPLE

TUTORIAL = (Path(__file__).parents[2] / "docs" / "own_cell.md").read_text()


def blocks(language: str) -> list[str]:
    """The blocks between fences."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", TUTORIAL, re.M | re.S)
    return found


def indented(first_words: str) -> str:
    """The indented block that begins so."""
    (found,) = (
        block for block in re.findall(r"(?:^    .*\n)+", TUTORIAL, re.M) if first_words in block
    )
    return "".join(line.removeprefix("    ") for line in found.splitlines(keepends=True))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the file of the tutorial in it."""
    monkeypatch.chdir(tmp_path)
    (declared,) = blocks("toml")
    (tmp_path / "my_cell.toml").write_text(declared)
    return tmp_path


def test_the_ten_lines_are_the_example() -> None:
    (declared,) = blocks("toml")
    assert declared == EXAMPLE.read_text()
    assert len(declared.splitlines()) == 10


def test_the_command_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, shown = indented("minimal_rnn_textbook.py").splitlines()
    assert cli.main(command.split()[2:]) == 0
    how_many = r"(?<=all )\d+(?= checks)"  # more with every check that is added
    assert re.sub(how_many, "N", shown) == re.sub(how_many, "N", capsys.readouterr().out.strip())


def test_the_kernel_reads_so(folder: Path) -> None:
    kernel = gc.generate(load_cell("my_cell.toml"), style="textbook")
    shown = [block for block in blocks("python") if block.startswith(" ")]
    assert len(shown) == 2
    for block in shown:
        assert block in kernel


def test_the_formulas_read_so(folder: Path) -> None:
    derivation = gc.derive(load_cell("my_cell.toml"))
    lines = [line.strip() for line in str(derivation).splitlines()]
    for first in ("dS_prev_{T+1} = 0", "dWca "):
        shown = indented(first).splitlines()
        assert len(shown) >= 5
        start = lines.index(shown[0])
        assert lines[start : start + len(shown)] == shown


def test_the_python_runs(folder: Path) -> None:
    (code,) = (block for block in blocks("python") if block.startswith("import"))
    known: dict[str, object] = {}
    exec(code, known)
    assert isinstance(known["params"], tuple)


def test_the_error_reads_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "my_cell.toml"
    path.write_text(path.read_text().replace("CA @ Wz", "CA @ Wca"))
    command, shown = indented("my_cell.toml:8:31").split("\n", 1)
    assert cli.main(command.split()[2:]) == 2
    assert capsys.readouterr().err == shown


def test_every_function_is_named() -> None:
    (listed,) = re.findall(r"The functions are\s+(.*?)\.\n", TUTORIAL, re.S)
    assert re.findall(r"`(\w+)`", listed) == sorted(FUNCTIONS)


def test_a_cell_of_the_package_is_one_file(tmp_path: Path) -> None:
    """The file of the tutorial in a copy of the package, and not a line changed elsewhere."""
    root = Path(__file__).parents[2]
    for part in ("gru_codegen", "templates"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / part, tmp_path / part, ignore=ignored)
    (declared,) = (block for block in blocks("python") if "MINIMAL_RNN" in block)
    (tmp_path / "gru_codegen" / "cells" / "minimal_rnn.py").write_text(declared)

    def said(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    section = TUTORIAL.partition("Nothing else has to be touched")[2].partition("\n`gc.cells")[0]
    session = textwrap.dedent(section.partition("\n\n")[2])
    listed, wrote = re.findall(r"^\$ gru-codegen .*\n((?:(?!\$ ).*\n)+)", session, re.M)
    listed = listed.replace("...\n", "")
    assert listed in said("-m", "gru_codegen", "cells")
    how_many = r"(?<=all )\d+(?= checks)"
    shown = said("-m", "gru_codegen", "generate", "--cell", "minimal-rnn", "--unroll", "4")
    assert re.sub(how_many, "N", wrote) == re.sub(how_many, "N", shown)
    code = "import gru_codegen as gc; print(gc.cells['minimal-rnn'])"
    assert said("-c", code) == f"{load_cell(str(EXAMPLE))}\n"


def test_a_function_of_the_package_is_one_record(tmp_path: Path) -> None:
    """The records of the tutorial in a copy of the package, and not a line changed elsewhere."""
    root = Path(__file__).parents[2]
    for part in ("gru_codegen", "templates", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "data", "*.npz")
        shutil.copytree(root / part, tmp_path / part, ignore=ignored)
    shutil.copy(root / "pyproject.toml", tmp_path)
    file = tmp_path / "gru_codegen" / "ir" / "functions.py"
    records = [block for block in blocks("python") if " = Elementwise(" in block]
    assert len(records) == 2
    own, table, rest = file.read_text().partition("#: Every record above")
    file.write_text("\n".join([own, *records, table + rest]))
    (declared,) = blocks("toml")
    for name in ("mish", "arctan"):
        (tmp_path / f"{name}.toml").write_text(declared.replace("tanh", name))

    def said(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout

    *_, shown = indented("cell mish.toml").splitlines()
    how_many = r"(?<=all )\d+(?= checks)"
    lines: list[str] = []
    for name in ("mish", "arctan"):
        shutil.rmtree(tmp_path / "generated", ignore_errors=True)
        lines += said("-c", _EVERY_LAYOUT.format(name=name)).splitlines()
    assert re.sub(how_many, "N", shown) in [re.sub(how_many, "N", line) for line in lines]
    assert len(lines) == 2 * 5
    assert all(line.startswith("wrote ") and "; pass: all " in line for line in lines)
    # its tests are there already
    tests = "tests/test_functions.py"
    found = said("-m", "pytest", "-q", "-k", "mish or arctan", "-p", "no:cacheprovider", tests)
    assert re.search(r"^8 passed", found, re.M)


_EVERY_LAYOUT = """
from gru_codegen import cli
for choice in ("rows", "blocked", "columns", "folded", None):
    style = ["--layout", choice] if choice else ["--style", "textbook"]
    assert cli.main(["generate", "--cell", "{name}.toml", *style]) == 0
"""


def test_the_files_that_commands_name_are_there() -> None:
    readme = EXAMPLE.parents[1] / "README.md"
    named = re.findall(r"--cell (\S+\.toml)", readme.read_text())
    assert named
    assert all((readme.parent / name).is_file() for name in named)


def test_the_first_lines_of_interop_define_what_they_use() -> None:
    """But for torch, which is not needed here."""
    text = (EXAMPLE.parents[1] / "docs" / "interop.md").read_text()
    first = text.split("```python\n")[1].split("```")[0]
    loaded: set[str] = set()
    stored = set(dir(builtins))
    for node in ast.walk(ast.parse(first)):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else stored).add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            stored |= {alias.asname or alias.name for alias in node.names}
    assert loaded <= stored
