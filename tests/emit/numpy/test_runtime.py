"""The functions that are copied into modules as text."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import gru_codegen.runtime
from gru_codegen.emit.numpy.runtime import method, runtime

FOLDER = Path(gru_codegen.runtime.__file__).parent


def named(functions: dict[str, list[str]]) -> dict[str, list[str]]:
    """The names of functions instead of their texts."""
    return {
        file: [text.partition("(")[0].removeprefix("def ") for text in texts]
        for file, texts in functions.items()
        if texts
    }


def test_a_function_brings_those_that_it_calls() -> None:
    assert named(runtime(["_start"])) == {
        "arrays": ["_array", "_cast", "_check_shape"],
        "states": ["_start"],
    }


def test_the_order_is_that_of_the_files_whoever_asks() -> None:
    assert runtime(["_start", "_labels"]) == runtime(["_labels", "_start"])


def test_texts_are_those_of_the_files_to_the_letter() -> None:
    source = (FOLDER / "arrays.py").read_text()
    for text in runtime(["_cast_input", "_zeroed"])["arrays"]:
        assert f"\n\n\n{text}\n" in source
    assert method("begin") in (FOLDER / "kernel.py").read_text()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_they_import_numpy_the_standard_library_and_one_another(file: Path) -> None:
    """A module has only what it is given, so each other import would be missing there."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            root = name.partition(".")[0]
            assert (
                name.startswith("gru_codegen.runtime.")
                or root == "numpy"
                or (root in sys.stdlib_module_names)
            )
