"""The rate of matrix products is measured once, which takes seconds."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks import race
from benchmarks.gemm_rate import gemm_rate

RATE = cache(gemm_rate)


@pytest.fixture(autouse=True)
def measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "gemm_rate", RATE)
