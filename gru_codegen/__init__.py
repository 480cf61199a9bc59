"""Declare a recurrent cell in SymPy; get a NumPy module with its exact gradients."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gru_codegen.version import __version__ as __version__

if TYPE_CHECKING:
    from gru_codegen.audit import Audit, audit
    from gru_codegen.cell import Cell, Equation
    from gru_codegen.cells.gru import GRU
    from gru_codegen.checkpoints import checkpointed
    from gru_codegen.derive import Derivation, derive
    from gru_codegen.errors import (
        CellError,
        DerivationError,
        GruCodegenError,
        ProgramError,
        VerificationError,
    )
    from gru_codegen.grade import Grade, grade
    from gru_codegen.inspection import inspect
    from gru_codegen.ir import Program
    from gru_codegen.kernel import Kernel
    from gru_codegen.losses import L2, Loss, losses
    from gru_codegen.parse import cells, load_cell, load_loss
    from gru_codegen.pipeline import check, generate, load, source_map
    from gru_codegen.stages import program
    from gru_codegen.vectors import ravel, unravel
    from gru_codegen.verify import Report, verify

    # Every cell of the package has a constant.
    ANTISYMMETRIC: Cell
    CFC: Cell
    CORNN: Cell
    FASTGRNN: Cell
    GRU_D: Cell
    GRU1: Cell
    GRU2: Cell
    GRU3: Cell
    GRU_BIAS: Cell
    GRU_RESET_AFTER: Cell
    INDRNN: Cell
    JANET: Cell
    LAYERNORM_LSTM: Cell
    LEM: Cell
    LIGRU: Cell
    LRU: Cell
    LSTM_PROJECTION: Cell
    LSTM: Cell
    LSTM_COUPLED: Cell
    LSTM_PEEPHOLE: Cell
    MGU: Cell
    MINGRU: Cell
    MINLSTM: Cell
    MULTIPLICATIVE_LSTM: Cell
    MUT1: Cell
    QRNN: Cell
    RAN: Cell
    RECURRENT_HIGHWAY: Cell
    RG_LRU: Cell
    RNN: Cell
    SLSTM: Cell
    SRU: Cell
    STAR: Cell
    UGRNN: Cell

__all__ = [
    "GRU",
    "L2",
    "Audit",
    "Cell",
    "CellError",
    "Derivation",
    "DerivationError",
    "Equation",
    "Grade",
    "GruCodegenError",
    "Kernel",
    "Loss",
    "Program",
    "ProgramError",
    "Report",
    "VerificationError",
    "audit",
    "cells",
    "check",
    "checkpointed",
    "derive",
    "generate",
    "grade",
    "inspect",
    "load",
    "load_cell",
    "load_loss",
    "losses",
    "program",
    "ravel",
    "source_map",
    "unravel",
    "verify",
]

# Where each name is found when it is first asked for. SymPy takes half a second to import, and
# neither `gru-codegen --help` nor the verification of a file needs it.
_HOMES = {
    name: f"gru_codegen.{module}"
    for module, names in {
        "audit": ("Audit", "audit"),
        "cell": ("Cell", "Equation"),
        "cells.gru": ("GRU",),
        "checkpoints": ("checkpointed",),
        "derive": ("Derivation", "derive"),
        "errors": (
            "CellError",
            "DerivationError",
            "GruCodegenError",
            "ProgramError",
            "VerificationError",
        ),
        "grade": ("Grade", "grade"),
        "inspection": ("inspect",),
        "ir": ("Program",),
        "kernel": ("Kernel",),
        "losses": ("L2", "Loss", "losses"),
        "parse": ("cells", "load_cell", "load_loss"),
        "pipeline": ("check", "generate", "load", "source_map"),
        "stages": ("program",),
        "vectors": ("ravel", "unravel"),
        "verify": ("Report", "verify"),
    }.items()
    for name in names
}


class _Package(ModuleType):
    """The package, with `audit`, `cells`, `derive`, `grade`, `losses` and `verify` as objects.

    Importing a submodule makes it an attribute of its package; here six of them would then hide
    the object of the same name.
    """

    def __getattr__(self, name: str) -> Any:
        if name in _HOMES:
            value = getattr(import_module(_HOMES[name]), name)
        elif name in _constants():
            value = self.cells[_constants()[name]]
        else:
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {name!r}{_meant(name)}"
            )
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__, *_constants()})


@cache
def _constants() -> dict[str, str]:
    """The cells of the package by their constants: `LSTM_PEEPHOLE` is lstm-peephole."""
    from gru_codegen.cells import files_by_name

    return {name.upper().replace("-", "_"): name for name in files_by_name()}


def _meant(name: str) -> str:
    """The end of a message, which has the public name that is close to `name`, if any is."""
    from gru_codegen.known import closest

    close = None if name.startswith("_") else closest(name, (*__all__, *_constants()))
    return "" if close is None else f"; did you mean {close}?"


sys.modules[__name__].__class__ = _Package
