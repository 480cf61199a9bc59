"""Cell and loss -> Derivation: every derivative is SymPy's, every one of them proved."""

from __future__ import annotations

from gru_codegen.derive.calculus import LocalDerivative
from gru_codegen.derive.derivation import Derivation
from gru_codegen.derive.formulas import AdjointEquation, Gradient, Shared
from gru_codegen.derive.lagrangian import derive
from gru_codegen.derive.normal_form import NormalEquation
from gru_codegen.derive.options import Blend, Hold, Options, Weighting
from gru_codegen.derive.unrolled import Unrolled

__all__ = [
    "AdjointEquation",
    "Blend",
    "Derivation",
    "Gradient",
    "Hold",
    "LocalDerivative",
    "NormalEquation",
    "Options",
    "Shared",
    "Unrolled",
    "Weighting",
    "derive",
]
