"""A campaign: every fault in a part of a kernel planted in turn, and what becomes of it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import isfunction
from types import ModuleType

import pytest

from gru_codegen.modules import load_source
from tests.faults.guard import Guard, Prover
from tests.faults.mutation import Mutant, count, mutants, shapes_in
from tests.faults.oracle import Oracle

#: What computes; the longest first, for tests that run side by side.
PARTS = ("_backward", "_forward", "_loss", "_inputs")
#: Entry points, arguments, buffers and helpers: whatever else has a share in a result.
REST = "the rest"


@dataclass
class Outcome:
    """What became of the faults: of those caught only the number, by the check that failed.

    unproved: those that the proof did not refute, though they change what is computed.
    of_floats: those that it need not: they do so in float32 alone, or by what is not finite, or by
    a constant that is made of sizes, which the proof takes to be any numbers.
    """

    harmless: list[Mutant] = field(default_factory=list)
    missed: list[Mutant] = field(default_factory=list)
    caught: Counter[str] = field(default_factory=Counter)
    raised: int = 0
    refuted: int = 0
    unproved: list[Mutant] = field(default_factory=list)
    of_floats: int = 0

    def __str__(self) -> str:
        return (
            f"{self.caught.total()} faults caught, of which {self.raised} raise; "
            f"{len(self.missed)} missed;\n"
            f"{len(self.harmless)} more change nothing. Caught by: {dict(self.caught)}. "
            f"{self.refuted} are refuted, {len(self.unproved)} not; {self.of_floats} are of floats"
        )

    def require(self, part: str, idle_lines: bool = False) -> None:
        """Fail unless all were caught, enough to speak of a campaign, and no line is idle.

        idle_lines: some may be, as what is kept for numbers that overflow past a length.
        """
        _fail_if_any("missed", self.missed)
        _fail_if_any("not refuted", self.unproved)
        if part in PARTS:
            planted = self.caught.total() + len(self.harmless)
            assert self.caught.total() >= min(20, planted // 2)
            idle = [fault for fault in self.harmless if fault.fault == "dropped"]
            _fail_if_any("superfluous", [] if idle_lines else idle)


def _fail_if_any(what: str, faults: list[Mutant]) -> None:
    if faults:
        pytest.fail("\n".join([f"{len(faults)} {what}:", *map(str, faults)]), pytrace=False)


def run(
    source: str,
    part: str,
    guard: Guard,
    prover: Prover,
    sample: int | None = None,
    every: int = 1,
) -> Outcome:
    """Plant every fault in a part of the kernel `source`, or about `sample` of them.

    every: each of so many faults is put to the proof too.
    """
    kernel = load_source(source, "kernel")
    oracle, outcome, made = Oracle(kernel), Outcome(), _makers(kernel)
    assert oracle.agrees(kernel)
    assert guard(kernel) is None
    assert prover(kernel)
    for number, fault in enumerate(planted(source, kernel, part, oracle, sample)):
        right = dict(vars(kernel))
        fault.plant(kernel)
        try:
            agrees = oracle.agrees(kernel)
        except Exception:
            agrees = False
            outcome.raised += 1
        if agrees:
            outcome.harmless.append(fault)
        elif failure := guard(kernel):
            outcome.caught[failure.method] += 1
        else:
            outcome.missed.append(fault)
        if not agrees and number % every == 0:
            if not prover(kernel):
                outcome.refuted += 1
            elif fault.function in made or _agrees_exactly(oracle, kernel):
                outcome.of_floats += 1
            else:
                outcome.unproved.append(fault)
        vars(kernel).update(right)
    return outcome


def _makers(kernel: ModuleType) -> set[str]:
    """The functions that make constants of sizes, and those that they alone call."""
    makers = {f"_{pattern}" for pattern, *_ in getattr(kernel, "MADE", {}).values()}
    functions = {name: each for name, each in vars(kernel).items() if isfunction(each)}
    while True:
        others = set(functions) - makers
        called = {name for other in others for name in functions[other].__code__.co_names}
        alone = {
            n for maker in makers for n in functions[maker].__code__.co_names
        } & others - called
        if not alone:
            return makers
        makers |= alone


def _agrees_exactly(oracle: Oracle, kernel: ModuleType) -> bool:
    try:
        return oracle.agrees(kernel, exactly=True)
    except Exception:
        return False


def planted(
    source: str, kernel: ModuleType, part: str, oracle: Oracle, sample: int | None = None
) -> Iterator[Mutant]:
    """Every fault in a part of `kernel`, whose text is `source`, or about so many."""
    shapes = {}
    for name in [part] if part in PARTS else rest_of(source):
        function = kernel.Workspace.__init__ if name == "Workspace" else getattr(kernel, name)
        shapes[name] = shapes_in(function, lambda: list(oracle.results(kernel)))
    total = sum(count(source, name, found) for name, found in shapes.items())
    every = 1 if sample is None else max(1, total // sample)
    for name, found in shapes.items():
        yield from mutants(source, name, found, every)


def rest_of(source: str) -> list[str]:
    """Every function but `PARTS` and the draw of the weights, and the Workspace."""
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return ["Workspace", *(name for name in functions if name not in (*PARTS, "init_params"))]
