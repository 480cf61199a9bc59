"""The cells of the package by name; a file is read when its cell is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import chain
from pathlib import Path

from gru_codegen.cell import Cell
from gru_codegen.cells import FAMILIES, FOLDER, files_by_name
from gru_codegen.known import none_called
from gru_codegen.parse.declaration import read_cell
from gru_codegen.parse.document import text_of_file

__all__ = ["cells", "families"]


class _Cells(Mapping[str, Cell]):
    """Cells by their names, from a folder of files."""

    def __init__(self, folder: Path) -> None:
        self._files = files_by_name(folder)
        self._read: dict[str, Cell] = {}

    def __getitem__(self, name: str) -> Cell:
        if name not in self._files:
            raise KeyError(none_called("cell", name, self))
        if name not in self._read:
            self._read.setdefault(name, self._declared(self._files[name]))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"<cells {', '.join(self)}>"

    @staticmethod
    def _declared(file: Path) -> Cell:
        if file.suffix == ".toml":
            return read_cell(text_of_file(str(file)))
        cell: Cell = getattr(import_module(f"gru_codegen.cells.{file.stem}"), file.stem.upper())
        return cell


#: Every cell of the package by its name, family by family: the reference cell comes first.
cells: Mapping[str, Cell] = _Cells(FOLDER)


def families() -> dict[str, tuple[str, ...]]:
    """The names of the cells of each family; those that stand in none are the last."""
    others = tuple(name for name in cells if name not in chain(*FAMILIES.values()))
    return {**FAMILIES, **({"others": others} if others else {})}
