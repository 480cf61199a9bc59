"""Loop rotation: the addition that opens a backward step moves into the step before it.

Expects steps that begin with the carry plus matrices known before the loop, and end with a
stacked product that computes the carry (`stack_products`, `fuse_additions`). Leaves a copy in the
place of that addition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import reduce

from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    kept_for_every_step,
    reads,
    rewrite,
    statements,
    writes,
)
from gru_codegen.passes.pack.fuse_additions import grown
from gru_codegen.passes.pack.neighbours import Neighbours
from gru_codegen.passes.support.algebra import added_up
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["rotate_loops"]


def rotate_loops(program: Program) -> Program:
    """Let the product that ends a backward step add the first addend of the next one.

    ``dS = dS_prev[t+1] + dO`` is a copy once the product that computes dS_prev has one neighbour
    and one identity more, for the dO of the step before. Beyond the last step the carry is then its
    old boundary, plus the dO of the last step; beyond the first there is no dO.
    """
    rotation = _Rotation(program)
    program = program.with_loops(rotation.changed)
    carries = tuple(rotation.carries.get(carry, carry) for carry in program.carries)
    return replace(program, carries=carries)


class _Rotation:
    """Rotation of all loops; `carries` maps each rotated carry to its new variable."""

    def __init__(self, program: Program) -> None:
        self.names_in_use = names_in(program)
        self.neighbours = Neighbours(program, self.names_in_use)
        self.kept = kept_for_every_step(program)
        self.carries: dict[Var, Var] = {}

    def changed(self, loop: Loop) -> Iterator[Block]:
        """Addends of all steps, computed before the loop, then the rotated `loop`."""
        if loop.direction == "reverse":
            for start in list(statements(loop.body)):
                body = list(statements(loop.body))
                carry = self._carry(start, body)
                product = None if carry is None else self._product(carry.var, start, body)
                if carry is None or product is None:
                    continue
                before = self._before(start, carry)
                yield before
                loop = replace(loop, body=self._rotated(body, start, product, before.target.var))
        yield loop

    def _carry(self, start: Statement, body: list[Statement]) -> Ref | None:
        """The carry in `start`, if all its other addends are known before the loop."""
        addends = list(added_up(start.value))
        carries = [a for a in addends if isinstance(a, Ref) and _is_carry(a)]
        if start.given or len(addends) < 2 or len(carries) != 1:
            return None
        (carry,) = carries
        computed = {ref.var for statement in body for ref in writes(statement)}
        known = all(_is_known(a, computed) for a in addends if a != carry)
        of_one_step = not {carry.var.name, start.target.var.name} & self.kept
        return carry if known and of_one_step else None

    def _product(self, carry: Var, start: Statement, body: list[Statement]) -> Statement | None:
        """Product that computes `carry` and can take one more neighbour; None if there is none.

        All other statements that use the carry, but for `start`, have to add to it.
        """
        end, *users = [s for s in body if s is not start and carry in _variables(s)] or [start]
        if end.target.var != carry or not all(map(_is_added_to, users)):
            return None
        if not (isinstance(end.value, Call) and end.value.operation == "matmul"):
            return None
        operand, weights = end.value.args
        turned = isinstance(weights, Call) and weights.operation == "transpose"
        if not (isinstance(operand, Ref) and turned):
            return None
        run = operand.var.parts[0] if len(operand.var.parts) == 1 else (operand,)
        kept = all(ref.var.name in self.kept and ref.when == Now() for ref in run)
        return end if self.neighbours.can_grow(run) and kept else None

    def _before(self, start: Statement, carry: Ref) -> Statement:
        """Statement that computes the addends of all steps, as a neighbour of the product."""
        target = start.target.var
        added = [addend for addend in added_up(start.value) if addend != carry]
        total = reduce(lambda left, right: Call("add", (left, right)), added)
        by = reads(total)[0].var.name
        meaning = f"part of {target.name} by way of {by}"
        name = fresh(f"{target.name}_via_{by}", self.names_in_use)
        var = Var(name, target.shape, "adjoint", True, Const(Fraction(0)), meaning)
        return Statement(Ref(var, Every()), rewrite(total, _for_every_step))

    def _rotated(
        self, body: list[Statement], start: Statement, product: Statement, before: Var
    ) -> tuple[Statement, ...]:
        old, step_before = product.target.var, Ref(before, Now(-1))
        assert old.boundary is not None  # it is a carry
        new = replace(old, boundary=Call("add", (old.boundary, step_before)))
        self.carries[old] = new

        def renamed(ref: Expr) -> Expr | None:
            return replace(ref, var=new) if isinstance(ref, Ref) and ref.var == old else None

        changed: list[Statement] = []
        for statement in body:
            if statement is start:
                statement = replace(start, value=Ref(new, Now(1)))
            elif statement is product:
                statement = grown(product, [step_before], self.neighbours)
                origin = statement.origin.united(start.origin)  # of the next step
                statement = replace(statement, origin=origin)
            if statement.target.var == old:
                statement = replace(statement, target=replace(statement.target, var=new))
            changed.append(replace(statement, value=rewrite(statement.value, renamed)))
        return tuple(changed)


def _is_carry(ref: Ref) -> bool:
    """Return whether `ref` is the carry that the next step passes back."""
    boundary = ref.var.boundary
    return ref.when == Now(1) and isinstance(boundary, Ref) and boundary.var.role == "last"


def _is_added_to(statement: Statement) -> bool:
    """Return whether `statement` adds to its own target."""
    again = [ref for ref in reads(statement.value) if ref.var == statement.target.var]
    return again == [statement.target] and statement.target in added_up(statement.value)


def _is_known(addend: Expr, computed: set[Var]) -> bool:
    """Return whether `addend` is a matrix of this step that the loop does not compute."""
    if not isinstance(addend, Ref) or addend.when != Now() or addend.var in computed:
        return False
    return addend.var.role in ("adjoint", "value") and not addend.var.parts


def _variables(statement: Statement) -> set[Var]:
    return {ref.var for ref in (*reads(statement.value), *writes(statement))}


def _for_every_step(part: Expr) -> Expr | None:
    return replace(part, when=Every()) if isinstance(part, Ref) else None
