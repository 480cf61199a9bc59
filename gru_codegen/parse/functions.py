"""The functions that a file declares: formulas of their argument, a."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.known import meant
from gru_codegen.own_functions import ARGUMENT, made_of
from gru_codegen.parse.algebra import read_formula
from gru_codegen.parse.document import Document, kind_of
from gru_codegen.parse.syntax import formula
from gru_codegen.parse.text import Text
from gru_codegen.parse.values import Value

__all__ = ["read_function", "used_names"]

_EXAMPLE = 'swish = "a * sigmoid(a)" or spike = { value = "a > 0", derivative = "1 / (1 + a * a)" }'


def read_function(
    document: Document, name: str, numbers: Mapping[str, Value], above: Mapping[str, Any]
) -> Any:
    """The function `name` of `document`, whose formulas may have named `numbers` in them.

    above: the functions that the file declares above it, which it may call.

    Raises CellError, pointing at the place, for what is no formula of the argument a.
    """
    parts = _parts(document, name)
    values = {part: _read(document, path, numbers, above) for part, path in parts.items()}
    try:
        return made_of(name, values["value"], values.get("derivative"))
    except CellError as error:
        raise document.value_error(str(error), *parts["value"]) from None


def used_names(document: Document) -> set[str]:
    """The names in the formulas of functions."""
    words: set[str] = set()
    for name in document.table.get("functions", {}):
        for path in _parts(document, name).values():
            words |= {token.text for token in formula(*_text(document, path))}
    return words


def _parts(document: Document, name: str) -> dict[str, tuple[str, ...]]:
    """The paths of the value of a function and of its derivative, if it has one of its own."""
    given = document.table["functions"][name]
    if isinstance(given, str):
        return {"value": ("functions", name)}
    if not isinstance(given, dict):
        fault = f"{name} must be a formula, not {kind_of(given)}; write {_EXAMPLE}"
        raise document.error(fault, "functions", name)
    for key, written in given.items():
        if key not in ("value", "derivative"):
            fault = f"a function has no {key};{meant(key, ('value', 'derivative'))}"
            raise document.error(f"{fault} write {_EXAMPLE}", "functions", name, key)
        if not isinstance(written, str):
            fault = f"{key} must be a formula in a string, not {kind_of(written)}"
            raise document.error(fault, "functions", name, key)
    if "value" not in given:
        raise document.error(f"{name} has no value; write {_EXAMPLE}", "functions", name)
    return {key: ("functions", name, key) for key in given}


def _text(document: Document, path: tuple[str, ...]) -> tuple[Text, int, int]:
    """The text of a formula and where it begins and ends there."""
    written: Any = document.table
    for key in path:
        written = written[key]
    start = document.place(*path)
    if start is None:  # it is written with escapes: then places are those in the string
        return Text(f"{document.text.path}, {'.'.join(path)}", written), 0, len(written)
    return document.text, start, start + len(written)


def _read(
    document: Document,
    path: tuple[str, ...],
    numbers: Mapping[str, Value],
    above: Mapping[str, Any],
) -> Any:
    text, start, end = _text(document, path)
    tokens = formula(text, start, end)
    for token in tokens:
        if token.text in document.table["functions"] and token.text not in above:
            fault = f"{token.text} is declared only below; a function calls those above it"
            fault = "a function cannot call itself" if token.text == path[1] else fault
            raise text.error(fault, token.start, token.end)
    known = {"a": Value.of(ARGUMENT), **numbers}

    def missing(name: str) -> str:
        others = f", and the numbers {', '.join(numbers)}" if numbers else ""
        return f"there is no name {name} in a function: it has its argument, a{others}"

    return read_formula(text, tokens, known, missing, {**FUNCTIONS, **above})
