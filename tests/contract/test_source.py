"""The text of a module: what it imports, that it satisfies the linters, and how it grows."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.cli import main
from tests.cells.sample import SAMPLE
from tests.contract.kernels import FORMS, Form, source


def test_it_imports_numpy_and_the_standard_library_alone(form: Form) -> None:
    imported = set()
    for node in ast.walk(ast.parse(source(form))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert imported == {"__future__", "collections", "contextlib", "numpy", "os", "types", "typing"}


def test_lines_are_short_and_clean(form: Form) -> None:
    text = source(form)
    assert not [line for line in text.splitlines() if len(line) > 100 or line != line.rstrip()]
    assert "\t" not in text
    assert text.isascii()
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n\n" not in text


def test_nothing_is_silenced(form: Form) -> None:
    assert not re.search(r"noqa|type: ignore|pragma|nolint", source(form))


def test_the_same_text_every_time(form: Form) -> None:
    cell = gc.cells[form.cell]
    again = gc.generate(cell, unroll=form.unroll, style=form.style, layout=form.layout)
    assert again == source(form)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_command_of_the_docstring_makes_the_same_bytes(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = [line for line in source(form).splitlines() if line.startswith("    gru-codegen ")]
    _, *arguments = shlex.split(line)
    assert main([*arguments, "--no-verify", "--output", "-"]) == 0
    assert capsys.readouterr().out == source(form)


# --- growth ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["fast", "textbook"])
@pytest.mark.parametrize("cell", SAMPLE)
def test_the_text_is_linear_in_time(cell: str, style: str) -> None:
    """Each further step between the first and the last adds the same lines."""
    code = {T: source(Form(cell, style, T)).partition("from __future__")[2] for T in (3, 4, 8, 16)}
    lines = {T: text.count("\n") for T, text in code.items()}
    step = lines[4] - lines[3]
    assert step > 0
    assert lines[8] - lines[4] == 4 * step
    assert lines[16] - lines[8] == 8 * step


def test_the_text_names_no_size() -> None:
    """No number in the computation is a size: only small constants, and the index of a step."""
    for form in FORMS:
        numbers = {
            node.value
            for node in ast.walk(ast.parse(source(form)))
            if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex)
        }
        small_product = {8, 100} if form.layout == "blocked" else set()  # see its _blocks
        piece = {12}  # of a long sum, 2**12 numbers: see its _inner
        archive = {20, 28}  # what may be unpacked: see params_from_npz
        assert numbers <= {0, 1, 2, 3, 4, 5, 0.5} | small_product | piece | archive, form


# --- import ---------------------------------------------------------------------------------------

TIMED = """
import importlib.util, sys, time
import numpy, numpy.typing, typing
spec = importlib.util.spec_from_file_location("kernel", sys.argv[1])
start = time.process_time()
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(time.process_time() - start)
"""


def test_importing_32_steps_is_quick(tmp_path: Path) -> None:
    """Beyond NumPy's own import, and with the file compiled anew; `-rP` shows how quick.

    It is some 20 ms of CPU. The bound leaves room for slow machines, not for another import.
    """
    file = tmp_path / "kernel.py"
    file.write_text(source(Form("gru", "fast", 32)))
    command = [sys.executable, "-B", "-c", TIMED, str(file)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
    seconds = min(float(run.stdout) for run in runs)
    print(f"{1000 * seconds:.1f} ms of CPU")
    assert seconds < 0.1
