"""The ranges that a file gives for the numbers that checks of its kernels draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_codegen.cell import fault_of_range
from gru_codegen.known import meant
from gru_codegen.parse.document import Document

__all__ = ["read_ranges"]


def read_ranges(document: Document, arguments: Mapping[str, Any]) -> dict[Any, tuple[float, float]]:
    """The lowest and the highest number of inputs, weights and initial states, by their symbols.

    `arguments` has those symbols by name. Raises CellError, pointing at the name.
    """
    ranges = {}
    for name, given in document.table.get("checks", {}).items():
        if name not in arguments:
            known = ", ".join(arguments)
            fault = f"there is no input, state or weight {name};{meant(name, arguments)}"
            raise document.error(f"{fault} known: {known}", "checks", name)
        if fault_of_this := fault_of_range(given):
            raise document.error(f"the range of {name} {fault_of_this}", "checks", name)
        low, high = given
        ranges[arguments[name]] = (float(low), float(high))
    return ranges
