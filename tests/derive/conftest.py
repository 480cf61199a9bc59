"""For tests that plant faults: nothing is proved before them, and what they prove is forgotten."""

from __future__ import annotations

import pytest

from gru_codegen.derive import calculus, proof


@pytest.fixture
def nothing_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculus, "_PROVED", {})
    monkeypatch.setattr(proof, "_PROVED", set())
