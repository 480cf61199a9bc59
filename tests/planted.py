"""Kernels with a fault that a test plants in their text."""

from __future__ import annotations

from types import ModuleType

from gru_codegen.modules import load_source

__all__ = ["planted"]


def planted(source: str, old: str, new: str) -> ModuleType:
    """The kernel `source` with `new` for `old`, which stands there once."""
    assert source.count(old) == 1, old
    return load_source(source.replace(old, new), "planted")
