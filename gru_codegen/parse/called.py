"""Cells and losses as the command line names them: a name, an object in a module, a text file."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Generic, TypeVar

from gru_codegen.cell import Cell
from gru_codegen.errors import CellError
from gru_codegen.known import meant, none_called, one_of_your_own, quoted
from gru_codegen.losses import Loss, losses
from gru_codegen.modules import one_line
from gru_codegen.parse.declaration import read_cell
from gru_codegen.parse.document import text_of_file
from gru_codegen.parse.loss import read_loss
from gru_codegen.parse.package import cells
from gru_codegen.parse.text import Text

__all__ = ["cell_called", "loss_called", "require_writable", "ways"]

Declared = TypeVar("Declared")
#: A file of Python, and where in it the object would be.
_PYTHON = re.compile(r"(?P<path>[^:]+)\.py(?::(?P<name>[^\W\d]\w*))?", re.IGNORECASE)
_OBJECT = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")


@dataclass(frozen=True)
class _Kind(Generic[Declared]):
    """A kind of declaration: its type, its name in words, those of the package, its reader."""

    type: type[Declared]
    word: str
    words: str
    known: Mapping[str, Declared]
    read: Callable[[Text], Declared]

    def none_called(self, spec: str) -> str:
        """The beginning of a message."""
        return f"there is no {self.word} {quoted(spec)};"


_CELLS = _Kind(Cell, "cell", "cells", cells, read_cell)
_LOSSES = _Kind(Loss, "loss", "losses", losses, read_loss)


def ways() -> str:
    """The names that cells and losses have which do not come with the package, in words."""
    return "; ".join(one_of_your_own(kind.word) for kind in (_CELLS, _LOSSES))


def cell_called(spec: str) -> Cell:
    """The cell called `spec`.

    spec: the name of a cell that comes with the package, as ``lstm-peephole``;
        ``package.module:NAME`` for a `Cell` in a module that can be imported, from the working
        folder too; or the path of a text file that ends in ``.toml``.

    Raises
    ------
    CellError: there is no such cell, or its declaration is at fault. The first line of the message
        says it all; below it a fault in a text file is shown in its line.
    """
    return _load(spec, _CELLS)


def loss_called(spec: str) -> Loss:
    """The loss called `spec`, as `cell_called` finds a cell.

    Raises
    ------
    CellError: there is no such loss, its declaration is at fault, or it has the name of one of the
        package.
    """
    loss = _load(spec, _LOSSES)
    if losses.get(loss.name, loss) is not loss:
        raise CellError(f"{spec}: the package has a loss {loss.name!r}; take another name")
    return loss


def _load(spec: str, kind: _Kind[Declared]) -> Declared:
    if spec.lower().endswith(".toml"):
        require_writable(spec)
        return kind.read(text_of_file(spec, f"a {kind.word}"))
    if python := _PYTHON.fullmatch(spec):
        raise CellError(f"{kind.none_called(spec)} {_module_of(python)}")
    if ":" in spec:
        return _imported(spec, kind)
    if spec in kind.known:
        return kind.known[spec]
    raise CellError(f"{none_called(kind.word, spec, kind.known)}; {one_of_your_own(kind.word)}")


def require_writable(path: str) -> None:
    """Require a name that can stand in the docstring of a module, in a report and on a terminal.

    Raises CellError.
    """
    # the separator of Windows, for which modules write that of all others
    plain = path.replace(os.sep, "/")
    if not plain.isprintable() or {*plain} & {'"', "\\"}:
        raise CellError(
            f"{path!a} cannot be the name of a declaration, since kernels say it; rename it "
            "without double quotes, backslashes and characters that are not printed"
        )


def _module_of(python: re.Match[str]) -> str:
    """The name of an object in a file of Python: that of its module, from the working folder."""
    path = os.path.normpath(python["path"])
    module = path.replace(os.sep, ".")
    name = python["name"] or "NAME"
    if _OBJECT.fullmatch(f"{module}:{name}"):
        return f"one in that file, which is imported, is {module}:{name}"
    return f"one in a file of Python is module:{name}, imported from the working folder"


def _imported(spec: str, kind: _Kind[Declared]) -> Declared:
    match = _OBJECT.fullmatch(spec)
    if match is None:
        raise CellError(f"{kind.none_called(spec)} {one_of_your_own(kind.word)}")
    module, name = _module(match["module"]), match["name"]
    ours = [word for word, value in vars(module).items() if isinstance(value, kind.type)]
    listed = f"{kind.words} in it: {', '.join(ours)}" if ours else f"it has no {kind.word}"
    if not hasattr(module, name):
        raise CellError(f"{match['module']} defines no {name};{meant(name, ours)} {listed}")
    found = getattr(module, name)
    if not isinstance(found, kind.type):
        wanted = f"a gru_codegen.{kind.type.__name__}"
        raise CellError(f"{spec} is of type {type(found).__name__}, not {wanted}; {listed}")
    return found


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
