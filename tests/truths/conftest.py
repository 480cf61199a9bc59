"""Independent truths: the kernels against numbers made without gru_codegen.

Each truth writes the reference GRU a second time, in another system: an mpmath loss at 60 digits,
scalar SymPy, torch autograd. They share no line with the compiler, only the equations. Each is put
to all four kinds of kernel: both styles, of fixed length and of any.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc


@functools.cache
def load(unroll: int | None, style: Any) -> ModuleType:
    return gc.load(gc.GRU, unroll=unroll, style=style)


@pytest.fixture(params=["fast-fixed", "fast-any", "textbook-fixed", "textbook-any"])
def kernel_of(request: pytest.FixtureRequest) -> Callable[[int], ModuleType]:
    """Gives the kernel for T time steps."""
    style, form = request.param.split("-")
    return lambda steps: load(steps if form == "fixed" else None, style)
