"""Long sums in float32: what loses digits fails, and what the arguments are to blame for passes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.verify import precision
from gru_codegen.verify.claim import Claim
from gru_codegen.verify.configuration import Problem, small
from gru_codegen.verify.report import Check
from tests.planted import planted

LONG = "_inner(dO, dO)"
AT_ONCE = "dO.ravel().dot(dO.ravel())"


def loss_claim(module: ModuleType, seed: int) -> Claim:
    return precision.loss_claim(Problem(module, small(module)[0], seed))


def kernel(old: str = LONG, new: str = LONG, **how: Any) -> ModuleType:
    source = gc.generate(gc.GRU, **how)
    assert old in source
    return load_source(source.replace(old, new), "kernel")


@pytest.mark.parametrize("unroll", [None, 1, 8])
def test_one_sum_of_all_costs_fails(unroll: int | None) -> None:
    check = loss_claim(kernel(LONG, AT_ONCE, unroll=unroll), 0).check()
    assert not check.passed
    assert (check.weight, check.method) == ("loss", "float32, many numbers")


@pytest.mark.parametrize("loss", gc.losses)
@pytest.mark.parametrize("style", ["fast", "textbook"])
def test_every_loss_passes_and_not_narrowly(loss: str, style: Any) -> None:
    module = gc.load(gc.GRU, loss=gc.losses[loss], style=style)
    for seed in range(4):
        check = loss_claim(module, seed).check()
        assert check.worst_error <= check.tolerance / 2, check.detail


def test_the_tolerance_is_that_of_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A committed report shows it; what is coarser on a machine is the measure of an error."""
    module = gc.load(gc.GRU)
    fine, coarse = (at_once(monkeypatch, module, off) for off in (0.0, 80e-6))
    assert fine.tolerance == coarse.tolerance
    assert coarse.worst_error == pytest.approx(fine.worst_error / 10)


def at_once(monkeypatch: pytest.MonkeyPatch, module: ModuleType, off: float) -> Check:
    """The check of the loss where one sum is off by so much."""
    monkeypatch.setattr(precision, "_off_at_once", lambda: off)
    return loss_claim(module, 0).check()


@pytest.mark.parametrize("unroll", [2, 3, 4, 7])
def test_no_number_of_steps_fails(unroll: int) -> None:
    """In textbook style each step has a sum of its own, the longer the fewer steps there are."""
    module = gc.load(gc.cells["rnn"], unroll=unroll, style="textbook")
    for seed in range(4):
        check = loss_claim(module, seed).check()
        assert check.worst_error <= check.tolerance / 2, check.detail


def test_states_that_grow_without_bound_are_no_fault_of_the_loss() -> None:
    grows = kernel("np.tanh(CA_t, CA_t)", "np.multiply(CA_t, 1000, CA_t)", layout="rows")
    assert loss_claim(grows, 0).check().worst_error == 0


@pytest.mark.parametrize("processor", ["Nehalem", "Haswell", "SkylakeX"])
def test_the_verdict_is_the_same_where_blas_sums_in_other_registers(processor: str) -> None:
    """OpenBLAS is told to compute as on another processor; another BLAS ignores it."""
    script = """
import gru_codegen as gc
from gru_codegen.modules import load_source
from tests.verify.test_precision import loss_claim

source = gc.generate(gc.GRU)
for text in source, source.replace("_inner(dO, dO)", "dO.ravel().dot(dO.ravel())"):
    check = loss_claim(load_source(text, "kernel"), 0).check()
    print(check.worst_error / check.tolerance)
"""
    environment = {**os.environ, "OPENBLAS_CORETYPE": processor}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    right, wrong = map(float, ran.stdout.split())
    assert right < 1 / 2
    assert wrong > 1


def test_tolerance_follows_the_conditioning_and_float32_faults_are_found() -> None:
    """A tanh that is nearly flat leaves few digits of its slope, and a right kernel passes."""
    cell = load_cell(str(Path(__file__).with_name("cells") / "slstm.toml"))
    source = gc.generate(cell, style="textbook")
    problem = Problem(load_source(source, "kernel"), small(load_source(source, "kernel"))[1], 0)
    right = precision.claim([problem], "Wi").check()
    assert right.passed
    old = "dZ = dC * I_[t]"
    half = f"{old}\n        dZ = dZ.astype('f2').astype(dZ.dtype) if dZ.dtype == 'f4' else dZ"
    coarse = Problem(planted(source, old, half), problem.sizes, 0)
    assert not precision.claim([coarse], "Wz").check().passed
