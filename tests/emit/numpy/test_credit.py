"""The backward pass of all errors as it is written: to the letter, for the GRU."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import gru_codegen as gc

GOLDEN = Path(__file__).parents[2] / "golden" / "errors.txt"


def test_the_errors_of_the_gru() -> None:
    """If a change is meant: GOLDEN=renew pytest tests/emit/numpy/test_credit.py."""
    source = gc.generate(gc.GRU, extras=["credit"])
    functions = [each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)]
    [errors] = [each for each in functions if each.name == "_errors"]
    text = f"{ast.get_source_segment(source, errors)}\n"
    if os.environ.get("GOLDEN") == "renew":
        GOLDEN.write_text(text)
    assert GOLDEN.read_text() == text
