"""The keys of a declaration in a file, and the kinds of their values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gru_codegen.known import meant
from gru_codegen.parse.document import Document, kind_of

__all__ = ["KEYS", "check_keys"]

#: The keys that a file may have, each with an example of its value, of the kind that it must have.
KEYS: dict[str, Any] = {
    "name": "gru",
    "title": "gated recurrent unit",
    "source": "Author 2014, arXiv:1412.3555",
    "sizes": ["K"],
    "numbers": {"dt": "1/10"},
    "functions": {"swish": "a * sigmoid(a)"},
    "inputs": {"x": "(B, D)"},
    "without_gradient": ["x"],
    "states": ["S"],
    "weights": {"W": "(D, H)", "b": "(H,)"},
    "constants": {"A": "(H, H)", "I": "identity(H)"},
    "output": "S",
    "equations": "S = tanh(x @ W + b)",
    "checks": {"x": [0.1, 2.0]},
    "init": {"b": "1", "W": "glorot"},
}
#: Those that may be an array too, of several names.
_SEVERAL = {"output": ["S", "C"], "prediction": ["P", "Q"]}
#: Those that may be a table too, with a shape for each name.
_SHAPED = {"states": {"S": "(B, H)"}, "prediction": {"P": "(B, O)", "S": "(B, H)"}}
_REQUIRED = ("name", "states", "weights", "equations")


def check_keys(
    document: Document,
    keys: Mapping[str, Any] = KEYS,
    required: Collection[str] = _REQUIRED,
) -> None:
    """Check that every key is known and has a value of its kind, and that none is missing.

    keys: each that there may be with an example. required: those that have to be there.

    Raises CellError, pointing at the key or at the string of an array or a table.
    """
    for key, value in document.table.items():
        if key not in keys:
            known = ", ".join(keys)
            raise document.error(f"there is no {key};{meant(key, keys)} known: {known}", key)
        _check_kind(document, key, value, keys[key])
    for key in required:
        if not document.table.get(key):
            fault = "is empty" if key in document.table else "is missing"
            example = f"{key} = {_toml(keys[key])}"
            raise document.error(f"the key {key} {fault}; write it as {example}", key)


def _check_kind(document: Document, key: str, value: Any, example: Any) -> None:
    if key in _SHAPED and isinstance(value, dict):
        example = _SHAPED[key]
    if key in _SEVERAL and isinstance(value, list):  # several
        example = _SEVERAL[key]
    if key in _SEVERAL and not value:
        fault = f"{key} is empty; write it as {_toml(example)}, or leave it out"
        raise document.error(fault, key)
    if type(value) is not type(example):
        expected = f"{kind_of(example)} such as {_toml(example)}"
        raise document.error(f"{key} must be {expected}, not {kind_of(value)}", key)
    if key in ("checks", "functions", "numbers"):  # whose values have readers of their own
        return
    for part, word in _parts(value):
        if not isinstance(word, str):
            fault = f"{key} holds strings, as in {_toml(example)}, not {kind_of(word)}"
            raise document.error(fault, key, part)


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    """The values of a table or an array, each with its key or index; a string has none."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _toml(value: Any) -> str:
    """A value such as those of `KEYS` in TOML, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(word)}' for key, word in value.items())} }}"
    return f'"{value}"' if isinstance(value, str) else repr(value)
