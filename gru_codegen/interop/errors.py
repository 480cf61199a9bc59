"""The error of weights that cannot be exchanged."""

from __future__ import annotations

from gru_codegen.errors import GruCodegenError

__all__ = ["InteropError"]


class InteropError(GruCodegenError, ValueError):
    """The arrays, or the cell named for them, are at fault: no exact conversion exists."""
