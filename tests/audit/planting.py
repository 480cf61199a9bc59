"""Faults planted in functions that are written by hand: lines of their source are changed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from textwrap import dedent
from typing import Any

from tests.audit import by_hand


def planted(function: Callable[..., Any], *changes: tuple[str, str]) -> Callable[..., Any]:
    """The function with parts of its source, each of which is there, replaced."""
    source = dedent(inspect.getsource(function))
    for old, new in changes:
        assert old in source, f"{function.__name__} has no {old!r}"
        source = source.replace(old, new)
    names = dict(vars(by_hand))
    exec(source, names)
    return names[function.__name__]  # type: ignore[no-any-return]


def returning(text: str) -> tuple[str, str]:
    """The change of `gru` that it returns something else."""
    return "return loss, g\n", f"{text}\n"
