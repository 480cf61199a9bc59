"""The distributions that a file gives for first weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_codegen.errors import CellError
from gru_codegen.initial import Distribution, distribution
from gru_codegen.known import meant
from gru_codegen.parse.document import Document

__all__ = ["read_init"]


def read_init(document: Document, weights: Mapping[str, Any]) -> dict[Any, Distribution]:
    """The distributions by the symbols of `weights`, which are given by name.

    Raises CellError, pointing at the name or at what is written behind it.
    """
    found = {}
    for name, given in document.table.get("init", {}).items():
        if name not in weights:
            known = f"{meant(name, weights)} known: {', '.join(weights)}"
            raise document.error(f"init: there is no weight {name};{known}", "init", name)
        try:
            found[weights[name]] = distribution(given)
        except CellError as error:
            raise document.value_error(f"init: {name} {error}", "init", name) from None
        if misfit := found[weights[name]].misfit(weights[name].shape):
            raise document.value_error(f"init: {name}: {misfit}", "init", name)
    return found
