"""What guards `generate`, cut short for thousands of kernels: `pipeline.check`, and the proof."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import compare, pipeline
from gru_codegen.evaluate import evaluate_declaration
from gru_codegen.prove import Proof, proof, prove, runtime
from gru_codegen.prove.expected import Reference
from gru_codegen.request import complete
from gru_codegen.verify.claim import Claim
from gru_codegen.verify.finite_differences import METHOD as DIFFERENCE
from gru_codegen.verify.ownership import arrays_in
from gru_codegen.verify.report import Check

#: Not the function of this name, which the package shows.
verification: Any = import_module("gru_codegen.verify")

#: The first check that a kernel fails, None if it passes them all.
Guard = Callable[[ModuleType], Check | None]
Prover = Callable[[ModuleType], Proof]


class _CheckFailedError(Exception):
    """Carries the check."""


def first_failure(cell: gc.Cell, monkeypatch: pytest.MonkeyPatch) -> Guard:
    """`pipeline.check` for `cell`, ended by the first check that fails.

    That alone makes the report falsy. The proof has no part in it: see `prover`. The entrywise
    checks, which cost most and see little that the others overlook, come last, and the declaration
    is evaluated once for the same arguments.
    """
    monkeypatch.setattr(pipeline, "prove", lambda *_: Proof("", (), 1, 1, 1, 0, 0.0))
    monkeypatch.setattr(Claim, "check", _stopping(Claim.check))
    monkeypatch.setattr(verification, "_claims", _entrywise_last(verification._claims))
    monkeypatch.setattr(compare, "evaluate_declaration", _once(evaluate_declaration))

    def guard(kernel: ModuleType) -> Check | None:
        try:
            assert pipeline.check(kernel, cell)
        except _CheckFailedError as stop:
            [failed] = stop.args
            assert isinstance(failed, Check)
            return failed
        return None

    return guard


def prover(cell: gc.Cell, monkeypatch: pytest.MonkeyPatch) -> Prover:
    """The proof for `cell`, always at one point, where what is expected is made once.

    So is the run of functions for long arrays, as long as their code stays.
    """
    made: dict[Any, Reference] = {}

    def once(derivation: Any, point: Any) -> Reference:
        key = id(derivation), point.field.key, point.T
        if key not in made:
            made[key] = Reference(derivation, point)
        return made[key]

    found: dict[Any, str] = {}

    def fault_once(kernel: ModuleType, module: Any, field: Any) -> str:
        helpers = (getattr(kernel, name, None) for name in ("_inner", "_blocks"))
        key = tuple(getattr(helper, "__code__", helper) for helper in helpers)
        if key not in found:
            found[key] = fault(kernel, module, field)
        return found[key]

    held = set()

    def hold_once(at: str, reference: Reference) -> None:
        if id(reference) not in held:
            held.add(id(reference))
            hold(at, reference)

    hold, fault = proof._hold_to_declaration, runtime.fault
    monkeypatch.setattr(runtime, "fault", fault_once)
    monkeypatch.setattr(proof, "Reference", once)
    monkeypatch.setattr(proof, "_hold_to_declaration", hold_once)
    return lambda kernel: prove(kernel, complete(cell, kernel.READOUT), gc.L2, seed=20140612)


def _stopping(check: Callable[[Claim], Check]) -> Callable[[Claim], Check]:
    def stopping(claim: Claim) -> Check:
        found = check(claim)
        if not found.passed:
            raise _CheckFailedError(found)
        return found

    return stopping


def _entrywise_last(claims: Callable[..., list[Claim]]) -> Callable[..., list[Claim]]:
    def reordered(kernel: ModuleType, *problems: Any) -> list[Claim]:
        # A central difference never decides alone, so nothing is caught by one here.
        deciding = [each for each in claims(kernel, *problems) if each.method != DIFFERENCE]
        return sorted(deciding, key=lambda claim: claim.weight in kernel.Params._fields)

    return reordered


def _once(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    def once(cell: Any, loss: Any, *arguments: Any, **keywords: Any) -> Any:
        arrays = arrays_in([*arguments, keywords])
        key = tuple((array.shape, array.tobytes()) for array in arrays)
        if key not in known:
            known[key] = evaluate(cell, loss, *arguments, **keywords)
        return known[key]

    return once
