"""Audits of loss and gradients that others have written: which gradient is wrong, and how."""

from __future__ import annotations

from gru_codegen.audit.auditing import audit, require_mapping
from gru_codegen.audit.function import load_function, place_of
from gru_codegen.audit.report import Audit, Fault, Finding

__all__ = ["Audit", "Fault", "Finding", "audit", "load_function", "place_of", "require_mapping"]
