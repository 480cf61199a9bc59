"""Derivation -> Program: the one gate out of SymPy.

``variables`` gives every symbol its reference, ``expressions`` has a rule for every node of a
matrix expression, ``options`` has the statements of optional arguments, ``bounds`` keeps products
finite where a step is padding, ``stated`` names the equation of each statement, ``phases`` puts all
in order.
"""

from __future__ import annotations

from gru_codegen.lower.phases import lower

__all__ = ["lower"]
