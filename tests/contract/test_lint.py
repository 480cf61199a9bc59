"""Kernels under the tools that a project may hold its files to, and on the oldest Python.

Every loss, readout and layout is among them, every cell, and loops that are written out. They are
written into one folder, so that each tool runs once.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.passes import LAYOUTS
from tests.cells.sample import SAMPLE

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "pyproject.toml"
#: The oldest Python that NumPy 1.26 runs on.
OLDEST = (3, 9)

#: Cell, loss, readout, number of steps, layout or "textbook".
Choices = tuple[str, str, str, int | None, str]
STYLES = (*LAYOUTS, "textbook")
TYPED: list[Choices] = [
    *(("lstm", loss, "linear", None, STYLES[i % len(STYLES)]) for i, loss in enumerate(gc.losses)),
    *(("gru", loss, "none", None, "textbook") for loss in gc.losses),
    *(("gru", "l2", "none", steps, "columns") for steps in (None, 1)),
    ("lstm-peephole", "cross-entropy", "linear", 3, "blocked"),
    ("rnn", "l2-mean", "none", 3, "textbook"),
]
LINTED: list[Choices] = [
    *TYPED,
    *(
        ("gru", loss, readout, None, STYLES[i % len(STYLES)])
        for i, (loss, readout) in enumerate(product(gc.losses, ["none", "linear"]))
    ),
    *((cell, "l2", "linear", None, STYLES[i % len(STYLES)]) for i, cell in enumerate(SAMPLE)),
    *product(["lstm"], ["bce"], ["none"], [4], STYLES),
]
#: With `credit`, of a cell, a loss, a readout, a number of steps, and a layout or "textbook".
CREDITED: list[Choices] = [
    ("gru", "l2", "none", None, "columns"),
    ("lstm", "cross-entropy", "linear", 3, "blocked"),
    ("rnn", "l2-mean", "linear", None, "textbook"),
]
PY39 = ("--target-version", "py39")
#: It is no module that runs.
VERMIN = "import vermin; vermin.main()"
#: A line of a list of names, or of shapes, that goes over several lines.
FILLED = re.compile(r" +(?:\(?[\w.]+,?\)?,(?: |$))+")


def source(choices: Choices, extras: tuple[str, ...] = ()) -> str:
    cell, loss, readout, unroll, style = choices
    chosen: dict[str, Any] = {"style" if style == "textbook" else "layout": style}
    return gc.generate(
        gc.cells[cell],
        loss=gc.losses[loss],
        readout=readout,
        unroll=unroll,
        extras=extras,
        **chosen,
    )


def file_name(choices: Choices) -> str:
    return "_".join(map(str, choices)).replace("-", "_") + ".py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them as files."""
    folder = tmp_path_factory.mktemp("kernels")
    for choices in dict.fromkeys(LINTED):
        (folder / file_name(choices)).write_text(source(choices))
    for choices in CREDITED:
        (folder / f"credit_{file_name(choices)}").write_text(source(choices, ("credit",)))
    return folder


@pytest.fixture(scope="module")
def typed(folder: Path) -> list[Path]:
    """Some of them, for tools that take long."""
    credited = [folder / f"credit_{file_name(choices)}" for choices in CREDITED]
    return [*(folder / file_name(choices) for choices in TYPED), *credited]


@pytest.fixture(scope="module")
def trees(folder: Path) -> dict[str, ast.Module]:
    """What the oldest Python reads in all of them."""
    return {
        file.name: ast.parse(file.read_text(), feature_version=OLDEST)
        for file in folder.glob("*.py")
    }


def output(tool: str, *arguments: str | Path) -> str:
    """What a tool of this environment prints, run as the project runs it."""
    run = [sys.executable, *(("-m", tool) if tool != "vermin" else ("-c", VERMIN))]
    words = [*run, *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True).stdout


def test_ruff_has_nothing_to_say(folder: Path) -> None:
    said = output("ruff", "check", "--config", CONFIG, "--no-cache", *PY39, folder)
    assert said == "All checks passed!\n"


@pytest.mark.campaign
@pytest.mark.parametrize("style", STYLES)
def test_ruff_has_nothing_to_say_of_any_other(style: str, tmp_path: Path) -> None:
    """Every cell with an output layer and without, and every loss."""
    for readout in ("none", "linear"):
        others = [*product(gc.cells, ["l2"]), *product(["gru", "sru"], gc.losses)]
        for cell, loss in others:
            choices = (cell, loss, readout, None, style)
            (tmp_path / file_name(choices)).write_text(source(choices))
    said = output("ruff", "check", "--config", CONFIG, "--no-cache", *PY39, tmp_path)
    assert said == "All checks passed!\n"


def test_the_format_is_ruffs_but_for_lists_that_are_filled(folder: Path) -> None:
    """One name a line would make the head of a loop as long as its body."""
    formatted = "format.exclude = []"  # which has generated/*, for this very reason
    diff = output("ruff", "format", "--diff", "--config", CONFIG, "--config", formatted, folder)
    assert "+++" in diff  # lists are filled in some
    changed = [line[1:] for line in diff.splitlines() if re.match("-(?!--)", line)]
    assert not [line for line in changed if not FILLED.fullmatch(line)]


def test_mypy_has_nothing_to_say(typed: list[Path]) -> None:
    assert output("mypy", "--config-file", CONFIG, *typed).startswith("Success")


def private_functions(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("_"):
            yield node.name


def test_every_function_is_called(trees: dict[str, ast.Module]) -> None:
    for name, tree in trees.items():
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert read >= set(private_functions(tree)), name


# --- the oldest Python ----------------------------------------------------------------------------


def test_the_head_says_which_python_and_numpy(folder: Path) -> None:
    for file in folder.glob("*.py"):
        needs = "\nIt needs Python 3.9 or later with NumPy 1.26 or later, and nothing else. "
        assert needs in file.read_text()


def test_the_head_says_what_has_made_it_and_whose_it_is(folder: Path) -> None:
    for file in folder.glob("*.py"):
        head = ast.get_docstring(ast.parse(file.read_text())) or ""
        assert f"\nGenerated by gru_codegen {gc.__version__}, so change the declaration " in head
        assert " It is yours: gru_codegen\nclaims no rights in what it writes." in head


def evaluated(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module but for those of annotations, which are never evaluated."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield node
                yield from evaluated(node)


def test_no_union_of_types_is_evaluated(trees: dict[str, ast.Module]) -> None:
    for name, tree in trees.items():
        assert not [node for node in evaluated(tree) if isinstance(node, ast.BitOr)], name


def test_the_oldest_python_has_what_they_call(typed: list[Path]) -> None:
    """Vermin knows for each function and argument of the standard library since when it is there.

    It takes no union of types for one, so the test above does.
    """
    target = f"--target={OLDEST[0]}.{OLDEST[1]}-"
    said = output("vermin", target, "--no-tips", "--violations", "--processes=1", *typed)
    assert "Minimum required versions: " in said, said
    assert "not met" not in said, said


USED = """
import importlib.util, json, pickle, sys, tempfile
import numpy as np

def used(path):
    spec = importlib.util.spec_from_file_location("kernel", path)
    kernel = sys.modules["kernel"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernel)
    T, B, D, H = kernel.UNROLL or 3, 4, 2, 5
    more = {"output_size": 3} if "O" in kernel.SIZES else {}
    params = kernel.init_params(D, H, rng=0, **more)
    with tempfile.TemporaryDirectory() as folder:
        kernel.params_to_npz(params, f"{folder}/params")
        params = pickle.loads(pickle.dumps(kernel.params_from_npz(f"{folder}/params")))
    rng = np.random.RandomState(0)  # whose numbers are the same for ever
    x, V = rng.normal(size=(T, B, D)), rng.uniform(size=(T, B))
    workspace = kernel.Workspace(B, D, H, **more)
    keywords = {"lengths": [T, 1, 0, 2] if T > 1 else [1, 0, 0, 1], "workspace": workspace}
    outputs, state, pullback = kernel.vjp(params, x, **keywords)
    pulled, d_x, _ = pullback(outputs)
    y = np.zeros(outputs.shape[: len(kernel.SHAPES["y"])], int)
    result = kernel.loss_and_gradients(params, x, y, loss_weights=V, **keywords)
    sums = [float(array.sum()) for array in (outputs, d_x, *pulled, *result.gradients)]
    try:
        kernel.forward(params, x[0])
    except ValueError as error:
        return [result.loss, *sums], str(error)

print(json.dumps([used(path) for path in sys.argv[1:]]))
"""


def test_they_run_on_another_python(typed: list[Path]) -> None:
    """On the oldest, where there is one, or on OTHER_PYTHON, the path of one that has NumPy."""
    named = os.environ.get("OTHER_PYTHON")
    python = named or shutil.which("python3.9")
    if not python:
        pytest.skip("no python3.9; OTHER_PYTHON=/path/to/python names one")
    run = [python, "-c", "import numpy, sys; print(*sys.version_info[:2])"]
    found = subprocess.run(run, capture_output=True, text=True)
    if found.returncode and not named:
        pytest.skip(f"{python} has no NumPy; OTHER_PYTHON=/path/to/python names one that has")
    assert named or found.stdout == "3 9\n", found.stderr
    there, here = (
        json.loads(subprocess.check_output([each, "-c", USED, *typed], text=True))
        for each in (python, sys.executable)
    )
    for (one, one_error), (other, other_error) in zip(there, here, strict=True):
        assert one == pytest.approx(other, rel=1e-10, abs=1e-12)
        assert one_error == other_error
