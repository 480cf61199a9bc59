"""Cells by their names on the command line: a name, an object in a module, a text file."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

from gru_codegen.cell import Cell
from gru_codegen.cells import cells
from gru_codegen.errors import CellError
from gru_codegen.modules import one_line
from gru_codegen.parse.declaration import read_cell
from gru_codegen.parse.text import meant

__all__ = ["WAYS", "load_cell"]

#: How a cell is called that does not come with the package.
WAYS = "a cell of your own is package.module:NAME, or FILE.toml"
#: A file of Python, and where in it a `Cell` would be.
_PYTHON = re.compile(r"(?P<path>[^:]+)\.py(?::(?P<name>[^\W\d]\w*))?", re.IGNORECASE)
_OBJECT = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")


def load_cell(spec: str) -> Cell:
    """The cell called `spec`.

    spec: the name of a cell that comes with the package, as ``lstm-peephole``;
        ``package.module:NAME`` for a `Cell` in a module that can be imported, from the working
        folder too; or the path of a text file that ends in ``.toml``.

    Raises
    ------
    CellError: there is no such cell, or its declaration is at fault. The first line of the message
        says it all; below it a fault in a text file is shown in its line.
    """
    if spec.lower().endswith(".toml"):
        _check_path(spec)
        return read_cell(spec)
    if python := _PYTHON.fullmatch(spec):
        raise CellError(f"there is no cell {spec!r}; {_module_of(python)}")
    if ":" in spec:
        return _imported(spec)
    if spec in cells:
        return cells[spec]
    raise CellError(
        f"there is no cell {spec!r};{meant(spec, cells)} known: {', '.join(cells)}; {WAYS}"
    )


def _check_path(path: str) -> None:
    """Check that a path can stand in the docstring of a module, in a report and on a terminal."""
    # the separator of Windows, for which modules write that of all others
    plain = path.replace(os.sep, "/")
    if not plain.isprintable() or {*plain} & {'"', "\\"}:
        raise CellError(
            f"{path!a} cannot be the name of a declaration, since kernels say it; rename it "
            "without double quotes, backslashes and characters that are not printed"
        )


def _module_of(python: re.Match[str]) -> str:
    """The name of a cell in a file of Python: that of its module, from the working folder."""
    path = os.path.normpath(python["path"])
    module = path.replace(os.sep, ".")
    name = python["name"] or "NAME"
    if _OBJECT.fullmatch(f"{module}:{name}"):
        return f"one in that file, which is imported, is {module}:{name}"
    return f"one in a file of Python is module:{name}, imported from the working folder"


def _imported(spec: str) -> Cell:
    match = _OBJECT.fullmatch(spec)
    if match is None:
        raise CellError(f"there is no cell {spec!r}; {WAYS}")
    module, name = _module(match["module"]), match["name"]
    ours = [word for word, value in vars(module).items() if isinstance(value, Cell)]
    listed = f"cells in it: {', '.join(ours)}" if ours else "it has no cell"
    if not hasattr(module, name):
        raise CellError(f"{match['module']} defines no {name};{meant(name, ours)} {listed}")
    cell = getattr(module, name)
    if not isinstance(cell, Cell):
        raise CellError(
            f"{spec} is of type {type(cell).__name__}, not a gru_codegen.Cell; {listed}"
        )
    return cell


def _module(name: str) -> ModuleType:
    """Import a module, whose code runs as in any import."""
    try:
        importlib.invalidate_caches()  # its file may have been written a moment ago
        with _working_folder_on_path():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise CellError(
                f"there is no module {error.name}, neither installed nor in the working folder"
            ) from None
        raise CellError(f"{name} cannot be imported: {one_line(error)}") from error
    except (Exception, SystemExit) as error:
        raise CellError(f"{name} cannot be imported: {one_line(error)}") from error


@contextmanager
def _working_folder_on_path() -> Iterator[None]:
    """The working folder comes first, as for ``python -m``; a console script would leave it out."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with suppress(ValueError):  # the module may have tidied up itself
            sys.path.remove("")
