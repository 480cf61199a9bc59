"""Text files of cells, and what is said of those that are at fault."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from gru_codegen.cell import Cell
from gru_codegen.errors import CellError
from gru_codegen.parse import load_cell

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_cell.toml"


class Fault(NamedTuple):
    """An error as it is shown: the place, what is wrong, and the text above the carets."""

    place: str
    message: str
    marked: str | None


def load(folder: Path, content: str | bytes) -> Cell:
    path = folder / "my_cell.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_cell(str(path))


def fault(folder: Path, content: str | bytes) -> Fault:
    """Load a file that is at fault; the error has the form that every error has."""
    with pytest.raises(CellError) as caught:
        load(folder, content)
    assert type(caught.value) is CellError
    first, *shown = str(caught.value).split("\n")
    assert first.startswith(str(folder))
    match = re.fullmatch(
        r"my_cell\.toml(?P<place>(?:, equations)?:\d+:\d+)?:? (?P<message>.+)",
        first.removeprefix(f"{folder}/"),
    )
    assert match, first
    if not shown:
        return Fault(match["place"] or "", match["message"], None)
    line, carets = shown
    assert line.startswith("    ")
    assert re.fullmatch(r"[ \t]*\^+", carets), carets
    start = carets.index("^")
    assert carets[:start] == re.sub(r"[^\t]", " ", line[:start].ljust(start))
    return Fault(match["place"].lstrip(":"), match["message"], line[start : len(carets)])
