"""Files of formulas, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gru_codegen as gc
from gru_codegen.grade import Grade, Line

__all__ = ["graded", "line", "sheet"]


def sheet(
    formulas: Mapping[str, str],
    *,
    cell: str = "gru",
    loss: str = "l2",
    readout: str = "none",
    names: Mapping[str, str] | None = None,
) -> str:
    """The text of a file."""
    heads = f'cell = "{cell}"\nloss = "{loss}"\nreadout = "{readout}"\n'
    tables = {"names": names or {}, "formulas": formulas}
    for table, lines in tables.items():
        heads += f"[{table}]\n" + "".join(f'"{k}" = "{v}"\n' for k, v in lines.items())
    return heads


def graded(folder: Path, text: str) -> Grade:
    """The verdicts on the file with this text."""
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return gc.grade(path)


def line(folder: Path, name: str, formula: str, **of_file: str) -> Line:
    """The verdict on one line."""
    (found,) = graded(folder, sheet({name: formula}, **of_file)).lines  # type: ignore[arg-type]
    return found
