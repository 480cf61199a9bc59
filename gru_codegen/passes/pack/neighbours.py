"""Packs: variables that are stored side by side, so that one operation serves them all."""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.ir import Now, Program, Ref, Var, is_within, joined
from gru_codegen.passes.support.naming import fresh

__all__ = ["Neighbours", "Packs", "runs"]

#: A longer name of more than two parts says only the first and the last.
_LONGEST = 24


class Packs:
    """The packs of a program, by their parts, and those that a pass adds.

    names_in_use: the names that new packs must not have; theirs are added to it.
    """

    def __init__(self, program: Program, names_in_use: set[str]) -> None:
        self.names_in_use = names_in_use
        self.made = {ref.var.parts[0]: ref.var for ref in _packs(program)}

    def of(self, parts: tuple[Ref, ...]) -> Ref:
        """The matrices `parts`, (B, n) each, side by side; a single one is itself."""
        if len(parts) == 1:
            return parts[0]
        timed = parts[0].var.timed
        if parts not in self.made:
            names = [part.var.name for part in parts]
            name = "_".join(names)
            if len(names) > 2 and len(name) > _LONGEST:
                name = f"{names[0]}_to_{names[-1]}"
            shape = ("B", joined(part.var.shape[-1] for part in parts))
            self.made[parts] = Var(
                fresh(name, self.names_in_use),
                shape,
                "work",
                timed,
                meaning="side by side",
                parts=(parts,),
            )
        return Ref(self.made[parts], Now() if timed else None)


def _packs(program: Program) -> Iterator[Ref]:
    """References to packs in `program`."""
    yield from (ref for ref in program.references() if len(ref.var.parts) == 1)


def runs(program: Program) -> list[tuple[Ref, ...]]:
    """The longest packs of `program`, each by its parts; a variable is in one of them at most."""
    packs = dict.fromkeys(ref.var.parts[0] for ref in _packs(program))
    longest: list[tuple[Ref, ...]] = []
    for run in sorted(packs, key=len, reverse=True):
        if not any(is_within(run, other) for other in longest):
            longest.append(run)
    return longest


class Neighbours:
    """The runs of a program as they grow."""

    def __init__(self, program: Program, names_in_use: set[str]) -> None:
        self.runs = runs(program)
        self.packs = Packs(program, names_in_use)

    def are_some(self, refs: tuple[Ref, ...]) -> bool:
        """Return whether `refs` are neighbours in this order."""
        return any(is_within(refs, run) for run in self.runs)

    def can_be(self, refs: tuple[Ref, ...]) -> bool:
        """Return whether `refs` are neighbours in this order, or can become so."""
        if self.are_some(refs):
            return True
        held = {ref.var for run in self.runs for ref in run}
        return not any(ref.var in held for ref in refs)

    def can_grow(self, run: tuple[Ref, ...]) -> bool:
        """Return whether more can stand behind `run`: it is all of a run, or of none."""
        return run in self.runs or (not self.are_some(run) and self.can_be(run))

    def in_order(self, refs: tuple[Ref, ...]) -> list[int]:
        """Indices into `refs` in the order of their run, if they are neighbours already."""
        order = list(range(len(refs)))
        for run in self.runs:
            if set(refs) <= set(run):
                return sorted(order, key=lambda index: run.index(refs[index]))
        return order

    def make(self, refs: tuple[Ref, ...]) -> Ref:
        """The pack of `refs`, which are neighbours from now on."""
        assert self.can_be(refs)
        if not self.are_some(refs):
            self.runs.append(refs)
        return self.packs.of(refs)
