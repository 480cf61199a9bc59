"""Where each variable of a program lives, and what a reference to it is called in code."""

from __future__ import annotations

from dataclasses import dataclass

from gru_codegen.cost import Polynomial
from gru_codegen.emit.sizes import in_code, parameter
from gru_codegen.ir import (
    Every,
    Now,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    kept_for_every_step,
    reads,
    statements,
)

__all__ = ["Buffer", "Storage", "is_optional", "variables"]


@dataclass(frozen=True)
class Buffer:
    """An array of the Workspace.

    shifted: the name of its view one step off, if it has one; then it holds one step more.
    """

    var: Var
    shifted: str

    @property
    def name(self) -> str:
        """What it is called, as an attribute of the Workspace."""
        return self.var.name

    @property
    def shape(self) -> str:
        """The shape of one step, as code."""
        return ", ".join(map(in_code, self.var.shape))

    @property
    def meaning(self) -> str:
        """What it holds, in words."""
        return self.var.meaning


class Storage:
    """Decides for every variable between an array of the Workspace and a local one.

    An array of the Workspace holds all steps, or one that every step uses anew. A local one is made
    by the function that needs it: by a pullback what nothing else asks for, and in textbook style
    whatever is not kept from one step to another.
    """

    def __init__(self, program: Program, fast: bool) -> None:
        self.program = program
        self.fast = fast
        self.kept = kept_for_every_step(program)
        self.variables = list(program.variables().values())
        offsets = {
            (ref.var.name, ref.when.offset)
            for statement in program.statements()
            for ref in reads(statement.value)
            if ref.when is not None
        }
        self.shifted = {name: offset for name, offset in offsets if offset and name in self.kept}
        elsewhere = {v.name for p in program.phases if p.name != "inputs" for v in variables(p)}
        self.of_pullback = {
            var.name: var
            for phase in program.phases
            if phase.name == "inputs"
            for var in variables(phase)
            if var.role in ("adjoint", "work") and var.name not in elsewhere
        }

    # --- arrays -----------------------------------------------------------------------------

    def in_workspace(self, var: Var) -> bool:
        """Whether `var` is an array of the Workspace."""
        if var.name in self.of_pullback:
            return False
        if var.role == "work":
            return True
        computed = var.role in ("value", "adjoint")
        return computed and (self.fast or var.name in self.kept)

    def in_place(self, statement: Statement) -> bool:
        """Whether `statement` writes into an array that is there already."""
        return self.fast and statement.target.var.role not in ("loss", "gradient")

    def buffers(self) -> list[Buffer]:
        """The arrays with one matrix per time step."""
        return [self._buffer(v) for v in self._of_workspace() if v.name in self.kept]

    def scratch(self) -> list[Buffer]:
        """The arrays that every step uses anew."""
        return [self._buffer(v) for v in self._of_workspace() if v.name not in self.kept]

    def stored(self) -> Polynomial:
        """How many numbers a Workspace holds."""
        total = Polynomial()
        for var in self._of_workspace():
            if var.name in self.kept:
                total += Polynomial.product(1, ("T", *var.shape))
            if var.name not in self.kept or var.name in self.shifted:
                total += Polynomial.product(1, var.shape)
        return total

    def _of_workspace(self) -> list[Var]:
        return [var for var in self.variables if self.in_workspace(var)]

    def _buffer(self, var: Var) -> Buffer:
        return Buffer(var, self.shifted_name(var) if var.name in self.shifted else "")

    def sizes(self, var: Var, over_time: bool = False) -> str:
        """The shape of `var` in code outside the Workspace, for one step or over all of them."""
        sizes = [*(["w.steps"] if over_time else []), *(f"w.{parameter(n)}" for n in var.shape)]
        return f"({', '.join(sizes)})"

    def over_time(self) -> bool:
        """Whether any GEMM runs over the rows of all steps."""
        return any(
            isinstance(ref.when, Every) for s in self.program.statements() for ref in reads(s.value)
        )

    # --- names ------------------------------------------------------------------------------

    def is_indexed(self, var: Var) -> bool:
        """Whether one step of `var` is an element of an array."""
        return is_optional(var) or var.role in ("input", "target") or var.name in self.kept

    def array(self, ref: Ref) -> str:
        """The array that `ref` reads: that of its variable, or the one that is a step off."""
        offset = ref.when.offset if ref.when is not None else 0
        shifted = offset and ref.var.name in self.shifted
        return self.shifted_name(ref.var) if shifted else ref.var.name

    def shifted_name(self, var: Var) -> str:
        """What the view of `var` one step off is called."""
        return f"{var.name}_{'prev' if self.shifted[var.name] < 0 else 'next'}"

    def spell(self, ref: Ref, index: str) -> str:
        """`ref` in code, at the step called `index`."""
        if ref.var.role == "count":
            return "w.count"
        if ref.var.role == "lengths":  # one array, whatever the shape that it is laid over
            return f"ended[{index}]"
        if ref.var.role == "last":
            return f"last[{[c.boundary for c in self.program.carries].index(ref)}]"
        name = self.array(ref)
        if not isinstance(ref.when, Now) or not self.is_indexed(ref.var):
            return name
        return f"{name}_t" if self.fast and not is_optional(ref.var) else f"{name}[{index}]"


def is_optional(var: Var) -> bool:
    """Whether `var` is an argument that a caller may leave out, and so may be None."""
    return var.role in ("loss weights", "lengths")


def variables(phase: Phase) -> list[Var]:
    """The variables of `phase` in the order in which they are met."""
    found: dict[str, Var] = {}
    for statement in statements(phase.blocks):
        for ref in (*reads(statement.value), statement.target):
            found.setdefault(ref.var.name, ref.var)
    return list(found.values())
