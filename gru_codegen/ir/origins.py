"""Provenance: equations by identity, whatever has become of the text of a statement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from gru_codegen.errors import ProgramError
from gru_codegen.ir.expressions import Expr, Ref

__all__ = ["INTERMEDIATE", "Definition", "EquationId", "EquationKind", "Formula", "Origin"]

#: forward: of a variable. adjoint, gradient: with respect to it. loss: of the loss. The others are
#: what an option does to a variable.
EquationKind = Literal["forward", "adjoint", "gradient", "loss", "lengths", "loss weights", "mean"]

KINDS: tuple[EquationKind, ...] = get_args(EquationKind)

#: A variable and what it is computed as.
Definition = tuple[Ref, Expr]


@dataclass(frozen=True)
class EquationId:
    """An equation of a derivation: ``forward Z``, ``adjoint R``, ``gradient Wz``, ``lengths S``."""

    kind: EquationKind
    subject: str

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

    @classmethod
    def read(cls, text: str) -> EquationId:
        """The identity that prints as `text`.

        Raises
        ------
        ProgramError: none does.
        """
        kind, _, subject = text.rpartition(" ")
        for known in KINDS:
            if known == kind and subject:
                return cls(known, subject)
        raise ProgramError(f"{text}: this is no equation; there are {', '.join(KINDS)}, of a name")


@dataclass(frozen=True)
class Formula:
    """Equation as it was derived.

    Attributes
    ----------
    text: both sides in plain text.
    meaning: its name in words.
    target, value: both sides as they were lowered.
    """

    text: str
    meaning: str
    target: Ref
    value: Expr


@dataclass(frozen=True)
class Origin:
    """The equations that a statement completes; none, if it is an intermediate of a pass.

    `lower` gives each statement its equation. A pass that changes how a statement computes its
    value leaves the origin alone. One that makes one statement of several, or eliminates the
    variable of one, unites the origins in what is left: ``origin.united(other)``. A statement that
    a pass adds needs no origin: it serves whatever reads it.

    Attributes
    ----------
    equations: their ids; those of eliminated variables come before those of the targets.
    computed: variables and their values in full, once several statements share them.
    serves: of an intermediate the equations that its value enters, named once all passes are done.
    """

    equations: tuple[EquationId, ...] = ()
    computed: tuple[Definition, ...] = ()
    serves: tuple[EquationId, ...] = ()

    def computing(self, target: Ref, value: Expr) -> Origin:
        """This origin, once a statement alone does not say any more that it computes `value`."""
        return self if self.computed else replace(self, computed=((target, value),))

    def united(self, *others: Origin) -> Origin:
        """This origin, together with all of `others`."""
        every = (self, *others)
        return Origin(
            tuple(dict.fromkeys(e for origin in every for e in origin.equations)),
            tuple(dict.fromkeys(d for origin in every for d in origin.computed)),
        )


#: The origin of what a pass adds.
INTERMEDIATE = Origin()
