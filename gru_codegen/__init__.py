"""Declare a recurrent cell in SymPy; get a NumPy module with its exact gradients."""

from __future__ import annotations

from gru_codegen.cell import Cell, Equation
from gru_codegen.cells import GRU, cells
from gru_codegen.derive import Derivation, derive
from gru_codegen.errors import (
    CellError,
    DerivationError,
    GruCodegenError,
    ProgramError,
    VerificationError,
)
from gru_codegen.losses import L2, Loss, losses
from gru_codegen.pipeline import generate, load
from gru_codegen.verify import Report, verify

__all__ = [
    "GRU",
    "L2",
    "Cell",
    "CellError",
    "Derivation",
    "DerivationError",
    "Equation",
    "GruCodegenError",
    "Loss",
    "ProgramError",
    "Report",
    "VerificationError",
    "cells",
    "derive",
    "generate",
    "load",
    "losses",
    "verify",
]
