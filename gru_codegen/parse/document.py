"""A TOML file, every value of which can be found again in its text.

The TOML parsers of the standard library and of tomli give values without places. Here the parser
itself says where a key or a string stands: if a mark is put in front of the right occurrence, the
mark comes back with that key or string, and nowhere else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gru_codegen.errors import CellError
from gru_codegen.parse.text import Text, in_line
from gru_codegen.regular import open_regular

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Document", "kind_of", "text_of", "text_of_file"]

#: Bounds that keep any file quick to read: parsers of TOML take quadratic time for a long key.
MOST_BYTES = 16 * 1024
MOST_COLUMNS = 1000
_MOST_TRIES = 100
_MARK = "here_"
#: What the parsers say, and what it means.
_CLEARER = {"Cannot overwrite a value": "this key has a value already"}


@dataclass(frozen=True)
class Document:
    """A file and the table in it.

    A value is named by its path: the keys, and indices of arrays, that lead to it.
    """

    text: Text
    table: dict[str, Any]

    @classmethod
    def open(cls, path: str, holds: str = "a cell", lines: str = "a dozen lines") -> Document:
        """Read the file at `path`, which holds a cell or something else of so many lines.

        Raises CellError when it cannot be read, is too large, not UTF-8 or not TOML.
        """
        return cls.of(text_of_file(path, holds, lines))

    @classmethod
    def of(cls, text: Text) -> Document:
        """Read a text. Raises CellError where it is not TOML."""
        try:
            return cls(text, tomllib.loads(text.content))
        except RecursionError:
            fault = "not TOML that can be read: it is nested too deep"
            raise CellError(f"{text.path}: {fault}") from None
        except ValueError as error:  # the parser's own error is one, and so is int's
            raise _not_toml(text, str(error)) from None

    def error(self, message: str, *path: str | int) -> CellError:
        """An error about the key at `path`, or about the string of an array."""
        start, found = None, ""
        while start is None and path:
            if isinstance(path[-1], str):
                start, found = self._place_of_key(path), path[-1]
            else:
                start, found = self.place(*path), _at(self.table, path)
            path = path[:-1]
        if start is None:
            return CellError(f"{self.text.path}: {in_line(message)}")
        return self.text.error(message, start, start + len(found))

    def value_error(self, message: str, *path: str | int) -> CellError:
        """An error about the string at `path`."""
        start = self.place(*path)
        if start is None:
            return self.error(message, *path)
        return self.text.error(message, start, start + len(_at(self.table, path)))

    def place(self, *path: str | int) -> int | None:
        """The offset of the string at `path`; None if it is no string or written with escapes."""
        value = _at(self.table, path)
        if not isinstance(value, str):
            return None
        return self._find(
            rf"(?<=['\"\n]){re.escape(value)}",
            lambda table: bool(_at(table, path) == _MARK + value),
        )

    def _place_of_key(self, path: tuple[str | int, ...]) -> int | None:
        *above, key = path

        def has_moved(table: dict[str, Any]) -> bool:
            holder = _at(table, tuple(above))
            return isinstance(holder, dict) and f"{_MARK}{key}" in holder

        return self._find(rf"(?<![\w-]){re.escape(str(key))}(?=['\"]?\s*[].=])", has_moved)

    def _find(self, pattern: str, has_moved: Callable[[dict[str, Any]], bool]) -> int | None:
        content = self.text.content
        for match in islice(re.finditer(pattern, content), _MOST_TRIES):
            try:
                table = tomllib.loads(content[: match.start()] + _MARK + content[match.start() :])
            except (ValueError, RecursionError):
                continue
            if has_moved(table):
                return match.start()
        return None


def kind_of(value: Any) -> str:
    """The kind of `value` in TOML's words."""
    names = {
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "an array",
        dict: "a table",
    }
    return names.get(type(value), "a date or a time")


def _at(table: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        try:
            table = table[key]
        except (KeyError, IndexError, TypeError):
            return None
    return table


def text_of_file(path: str, holds: str = "a cell", lines: str = "a dozen lines") -> Text:
    """The text of the file at `path`; what it takes and raises is as for `Document.open`."""
    try:
        with open_regular(path) as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise CellError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise CellError(f"{path} is a folder, not the file of {holds}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CellError(f"{path} cannot be read: {reason}") from None
    return _checked(path, data, holds, lines)


def text_of(content: str, holds: str = "a cell", lines: str = "a dozen lines") -> Text:
    """A text that is in no file, which errors call ``<text>``; it has the same bounds."""
    return _checked("<text>", content.encode("utf-8", "surrogatepass"), holds, lines)


def _checked(path: str, data: bytes, holds: str, lines: str) -> Text:
    if len(data) > MOST_BYTES:
        raise CellError(f"{path} has more than {MOST_BYTES} bytes; {holds} takes {lines}")
    text = Text(path, _decoded(data, "replace"))
    try:
        _decoded(data)
    except UnicodeDecodeError as error:
        place = len(_decoded(data[: error.start]))
        fault = f"the byte 0x{data[error.start]:02x} is not UTF-8 text"
        raise text.error(fault, place, place + 1) from None
    place = 0
    for line in text.content.split("\n"):
        if len(line) > MOST_COLUMNS:
            fault = f"a line of {len(line)} characters; at most {MOST_COLUMNS} are read"
            raise text.error(fault, place, place + len(line))
        place += len(line) + 1
    return text


def _decoded(data: bytes, errors: str = "strict") -> str:
    return data.decode("utf-8-sig", errors).replace("\r\n", "\n")


def _not_toml(text: Text, fault: str) -> CellError:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", fault)
    if place is None:
        return CellError(f"{text.path}: not TOML: {fault}")
    fault = fault[: place.start()]
    message = f"not TOML: {_CLEARER.get(fault, fault)}"
    if place[1] is None:
        end = len(text.content.rstrip())
        return text.error(message, end, end)
    lines = text.content.split("\n")[: int(place[1]) - 1]
    start = sum(len(line) + 1 for line in lines) + int(place[2]) - 1
    character = text.content[start : start + 1]
    if character.isalpha() and not character.isascii():
        message = f"{character} is not known here: names are of ASCII letters, as alpha"
    return text.error(message, start, start + 1)
