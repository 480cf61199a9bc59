"""Program -> source: how an optimised program is written as a plain NumPy module."""

from __future__ import annotations

from gru_codegen.emit.module import Heading, emit

__all__ = ["Heading", "emit"]
