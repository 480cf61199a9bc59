"""The errors of gru_codegen: one class per answer to "whose fault is it?".

Every message is one line that says what is wrong and what would be right.
"""

from __future__ import annotations


class GruCodegenError(Exception):
    """Base of every error that gru_codegen raises on purpose."""


class CellError(GruCodegenError):
    """The declaration is at fault: a cell or loss that whoever wrote it has to change."""


class DerivationError(GruCodegenError):
    """SymPy is at fault: it refuses a form, or its derivative could not be proved.

    The declaration may be sound; the message names the equation and the operand to write
    differently.
    """


class ProgramError(GruCodegenError):
    """The compiler is at fault: a program or source that it made breaks its own rules."""


class VerificationError(GruCodegenError):
    """The file or kernel is at fault: it cannot be loaded, cannot be checked, or fails a check."""


class DataError(GruCodegenError):
    """Arrays are at fault: a file of them does not hold what a kernel takes."""
