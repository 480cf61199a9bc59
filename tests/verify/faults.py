"""The kernel written by hand, and edits that make it wrong."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from gru_codegen.modules import load_source

SOURCE = (Path(__file__).parents[1] / "kernels" / "by_hand.py").read_text()


def edited(*edits: tuple[str, str], unroll: int | None = None) -> ModuleType:
    """Load the kernel with each ``(old, new)`` applied, an old text being there exactly once."""
    source = SOURCE.replace("UNROLL: int | None = None", f"UNROLL: int | None = {unroll}")
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return load_source(source, "by_hand")
