"""The derivation of a cell, laid open beside the lines of its textbook kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gru_codegen.cell import Cell
from gru_codegen.derive import derive
from gru_codegen.emit import SourceMap
from gru_codegen.errors import CellError
from gru_codegen.explain import Expansion, Format, document
from gru_codegen.losses import L2, Loss
from gru_codegen.pipeline import source_map
from gru_codegen.request import Request

__all__ = ["inspect"]


def inspect(
    cell: Cell,
    *,
    loss: Loss = L2,
    readout: str = "none",
    unroll: int | None = None,
    at: int | None = None,
    wrt: str | Sequence[str] = (),
    expand: Expansion = "hand",
    format: Format = "text",
    **spelled: Any,
) -> str:
    """The derivation of the gradients of `cell`, laid open, as text or in another format.

    loss, readout: as for `generate`. All else is as for `gru_codegen.explain.document`, which says
    what `spelled` may be.

    Raises
    ------
    TypeError, CellError, DerivationError: as for `generate`.
    ValueError: an argument is none of its values.
    """
    request = Request(cell, loss, readout)
    derivation = derive(request.complete, loss)
    return document(
        derivation,
        unroll=unroll,
        at=at,
        wrt=wrt,
        expand=expand,
        format=format,
        code=_code(request),
        **spelled,
    )


def _code(request: Request) -> SourceMap | None:
    """The textbook kernel of the cell; None, if no kernel can be made of it."""
    try:
        return source_map(
            request.cell, loss=request.loss, readout=request.readout, style="textbook"
        )
    except CellError:
        return None
