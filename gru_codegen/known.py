"""A dictionary that lists its keys when it is asked for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, TypeVar

__all__ = ["Known"]

Value = TypeVar("Value")


class Known(dict[str, Value]):
    """All there are of one `kind`, by name."""

    def __init__(self, kind: str, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.kind = kind

    def __missing__(self, name: object) -> NoReturn:
        raise KeyError(f"there is no {self.kind} {name!r}; known: {', '.join(self)}")
