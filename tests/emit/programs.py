"""Small programs, written by hand, for the tests of what spells them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Expr,
    Now,
    Orientation,
    Phase,
    Program,
    Ref,
    Role,
    Shape,
    Statement,
    Var,
)
from gru_codegen.passes.pack.neighbours import Packs
from gru_codegen.plan import plan

__all__ = ["beside", "into", "of_one_step", "op", "timed", "weight", "whole", "with_attributes"]


def timed(name: str, role: Role = "value", shape: Shape = ("B", "H")) -> Ref:
    """A variable of every step, at the surrounding one."""
    return Ref(Var(name, shape, role, timed=True, meaning=f"meaning of {name}"), Now())


def of_one_step(name: str, shape: Shape = ("B", "H")) -> Ref:
    """A variable that is no step's in particular."""
    return Ref(Var(name, shape, "work", meaning=f"meaning of {name}"))


def weight(name: str, *shape: str) -> Ref:
    return Ref(Var(name, shape, "weight"))


def whole(number: int | str) -> Const:
    return Const(Fraction(number))


def op(operation: str) -> Callable[..., Call]:
    return lambda *args: Call(operation, args)


def beside(*parts: Ref) -> Ref:
    """A pack of neighbours."""
    return Packs(Program("none", (), (), {}), set()).of(parts)


def into(target: Ref, value: Expr, *, accumulate: bool = False) -> Statement:
    return Statement(target, value, accumulate=accumulate)


def with_attributes(
    *blocks: Block,
    orientation: Orientation = "rows",
    results: Iterable[Ref] = (),
    overwrites: Mapping[str, str] | None = None,
    steps: int | None = None,
    carries: Iterable[Ref] = (),
    by_row: Iterable[Ref] = (),
) -> Attributes:
    """The attributes of a program of one phase, which hands out `results`."""
    handed = tuple(ref.var for ref in results)
    program = Program(
        "test",
        (),
        (Phase("forward", blocks),),
        dict.fromkeys(("forward", "gradients"), handed),
        outputs=handed[:1],
        orientation=orientation,
        overwrites=overwrites or {},
        steps=steps,
        carries=tuple(ref.var for ref in carries),
        by_row=frozenset(ref.var.name for ref in by_row),
    )
    return Attributes(plan(program))
