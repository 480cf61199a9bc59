"""Functions of `gru_codegen/runtime` as text, to be copied into a module."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["method", "runtime"]

#: The files of the package whose functions are copied, in the order in which modules have them.
_FILES = (
    *("npz", "views", "credit", "calls", "arrays", "constants"),
    *("weights", "states", "targets", "sizes", "draws"),
)


@dataclass(frozen=True)
class _Function:
    """A function: the file that it is in, its text, and the names that it reads."""

    file: str
    text: str
    reads: frozenset[str]


def runtime(called: Iterable[str]) -> dict[str, list[str]]:
    """The functions `called` and those that they call themselves, as text, by their files."""
    functions, wanted, found = _functions(), list(called), set[str]()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += functions[name].reads & functions.keys()
    return {
        file: [f.text for name, f in functions.items() if f.file == file and name in found]
        for file in _FILES
    }


@cache
def method(name: str) -> str:
    """A method of the Workspace that stands in for that of every kernel, as text."""
    source = _source("kernel")
    [workspace] = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == "Workspace"
    ]
    [found] = [
        node for node in workspace.body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return _text(source, found)


@cache
def _functions() -> dict[str, _Function]:
    """The functions of all files, by name, in the order in which they stand there."""
    return {
        node.name: _Function(file, _text(source, node), _names(node))
        for file, source in ((file, _source(file)) for file in _FILES)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }


def _names(function: ast.FunctionDef) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(function) if isinstance(node, ast.Name))


def _source(file: str) -> str:
    return (files("gru_codegen.runtime") / f"{file}.py").read_text(encoding="utf-8")


def _text(source: str, node: ast.stmt) -> str:
    """The lines of a definition, comments behind them included."""
    return "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])
