"""Programs to try the middle end on: read from their printed text, or drawn at random.

Values are residues modulo a prime. Arithmetic is exact there, so a pass that changes no value is
seen to change none: no tolerance hides a small mistake, and no cancellation makes a large one. That
two different rational formulas agree at a random point has a chance of one in 10**17 or so.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from random import Random
from textwrap import dedent
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import gru_codegen as gc
from gru_codegen.interpret import interpret
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Origin,
    Phase,
    Program,
    Ref,
    Role,
    Shape,
    Statement,
    Step,
    Var,
    validate,
)
from gru_codegen.lower import lower

Array = NDArray[Any]

#: All different, so that no size can stand for another.
SIZES = {"B": 4, "D": 2, "H": 3}

#: The same examples in every run: a failure belongs to the change that causes it.
explore = settings(max_examples=60, deadline=None, derandomize=True)


@functools.cache
def lowered(cell: str) -> Program:
    """The program of one of the package's cells with the L2 loss, before any pass."""
    return lower(gc.derive(gc.cells[cell], loss=gc.L2))


# --- values ---------------------------------------------------------------------------------------


def _operator(operation: Callable[[int, int], int]) -> Callable[[Residue, object], Residue]:
    def method(self: Residue, other: object) -> Any:
        right = Residue.number(other)
        return NotImplemented if right is None else Residue(operation(self.value, right))

    return method


class Residue:
    """An integer modulo the prime 2**61 - 1; ``tanh`` is an odd function without any other law."""

    PRIME = 2**61 - 1
    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value % self.PRIME

    @classmethod
    def number(cls, other: object) -> int | None:
        """The residue of a rational number, floats being exact ratios; None of anything else."""
        if isinstance(other, Residue):
            return other.value
        if isinstance(other, (int, float, Fraction)):
            top, bottom = other.as_integer_ratio()
            return top * pow(bottom, -1, cls.PRIME)
        return None

    __add__ = __radd__ = _operator(lambda a, b: a + b)
    __mul__ = __rmul__ = _operator(lambda a, b: a * b)
    __sub__, __rsub__ = _operator(lambda a, b: a - b), _operator(lambda a, b: b - a)
    __truediv__ = _operator(lambda a, b: a * pow(b, -1, Residue.PRIME))

    def __neg__(self) -> Residue:
        return Residue(-self.value)

    def __eq__(self, other: object) -> bool:
        right = Residue.number(other)
        return right is not None and (self.value - right) % self.PRIME == 0

    __hash__ = None  # type: ignore[assignment]  # equal to numbers of other types

    def __repr__(self) -> str:
        return f"Residue({self.value})"

    def tanh(self) -> Residue:
        """An odd function."""
        return Residue(7 * pow(self.value, 5, self.PRIME))


def arrays(program: Program, steps: int) -> dict[str, Array]:
    """A value for everything that `program` is given, the same for each name and size."""
    return {
        var.name: residues(var.name, (steps,) * var.timed + sizes(var.shape))
        for var in program.variables().values()
        if var.role in ("input", "target", "weight", "initial")
    }


def residues(seed: str, shape: tuple[int, ...]) -> Array:
    """Random residues."""
    random = Random(seed)
    numbers = [Residue(random.randrange(Residue.PRIME)) for _ in range(int(np.prod(shape)))]
    return np.array(numbers, dtype=object).reshape(shape)


def sizes(shape: Shape) -> tuple[int, ...]:
    """The numbers for a shape in letters."""
    return tuple(SIZES[size] for size in shape)


def results(program: Program, given: dict[str, Array], steps: int) -> dict[str, Array]:
    """What `program` computes for the callers of its entry points; a timed result is (T, ...)."""
    values = interpret(program, given, steps)
    return {
        var.name: np.array(
            [np.broadcast_to(value, sizes(var.shape)) for value in values[var.name]]
            if var.timed
            else np.broadcast_to(values[var.name], sizes(var.shape))
        )
        for var in read_by_callers(program)
    }


def read_by_callers(program: Program) -> list[Var]:
    """The variables that some entry point hands out."""
    return list(dict.fromkeys(var for found in program.entries.values() for var in found))


# --- from text ------------------------------------------------------------------------------------


def var(
    name: str,
    shape: str,
    role: Role = "value",
    boundary: Expr | None = None,
    *,
    timed: bool | None = None,
) -> Var:
    """A variable; `shape` is one letter a size."""
    if timed is None:
        timed = role in ("input", "target", "value", "adjoint")
    return Var(name, tuple(shape), role, timed, boundary, name)


s0 = var("s0", "BH", "initial")

#: The variables of the programs in the tests. S is a state, C what a backward pass carries.
DECLARED = (
    var("x", "BD", "input"),
    var("y", "BH", "target"),
    s0,
    *(var(name, "DH", "weight") for name in ("W", "W2")),
    *(var(name, "HH", "weight") for name in ("U", "V")),
    var("S", "BH", "value", Ref(s0)),
    *(var(name, "BH") for name in "abcde"),
    *(var(name, "BD") for name in "pq"),
    *(var(f"d{name}", "BH", "adjoint") for name in "abcdeS"),
    var("C", "BH", "adjoint", Const(Fraction(0))),
    var("loss", "", "loss"),
    *(var(name, "DH", "gradient") for name in ("dW", "dW2")),
    *(var(name, "HH", "gradient") for name in ("dU", "dV")),
    var("WU", "DH", timed=False),
    var("k", "BH", "work"),
)

_ORDER = {"first to last": "forward", "last to first": "reverse"}


def parse(text: str, *more: Var, **entries: str) -> Program:
    """The program that is printed as `text`, of variables in `more` and ``DECLARED``.

    Each entry point is a keyword with the names of its results; without any there is one, whose
    results are everything that the program computes.
    """
    declared = {variable.name: variable for variable in (*DECLARED, *more)}
    phases = []
    for part in dedent(text).strip().split("\n\n"):
        name, *lines = part.splitlines()
        blocks = tuple(_blocks([line[2:] for line in lines], declared))
        phases.append(Phase(name.removesuffix(":"), name, blocks))
    unrolled = [b.index for phase in phases for b in phase.blocks if isinstance(b, Step)]
    program = Program("test", (), tuple(phases), {}, max(unrolled) + 1 if unrolled else None)
    computed = {s.target.var.name: s.target.var for s in program.statements()}
    found = {name: tuple(declared[n] for n in names.split()) for name, names in entries.items()}
    used = program.variables().values()
    return Program(
        program.name,
        tuple(variable for variable in used if variable.role == "weight"),
        program.phases,
        found or {"all": tuple(computed.values())},
        program.steps,
    )


def program(text: str, *more: Var, **entries: str) -> Program:
    """The same, validated."""
    return validate(parse(text, *more, **entries))


def _blocks(lines: list[str], declared: dict[str, Var]) -> Iterator[Block]:
    while lines:
        line = lines.pop(0)
        if header := re.fullmatch(r"for every step t, (.*):|t = (\d+):", line):
            inner = []
            while lines and lines[0].startswith("    "):
                inner.append(lines.pop(0)[4:])
            body = tuple(_blocks(inner, declared))
            order, index = header.groups()
            yield Loop(_ORDER[order], body) if order else Step(int(index), body)  # type: ignore[arg-type]
        else:
            yield _statement(line, declared)


def _statement(line: str, declared: dict[str, Var]) -> Statement:
    node: Any = ast.parse(line).body[0]
    accumulate = isinstance(node, ast.AugAssign)
    target = _expression(node.target if accumulate else node.targets[0], declared)
    assert isinstance(target, Ref)
    origin = Origin(line, target.var.meaning)
    return Statement(target, _expression(node.value, declared), origin, accumulate)


def _expression(node: Any, declared: dict[str, Var]) -> Expr:
    match node:
        case ast.Name(name):
            return Ref(declared[name])
        case ast.Subscript(ast.Name(name), ast.Slice(_, upper)):
            return Ref(declared[name], Every(_offset(upper)))
        case ast.Subscript(ast.Name(name), index):
            return Ref(declared[name], Now(_offset(index)))
        case ast.Call(ast.Name(operation), args):
            return Call(operation, tuple(_expression(arg, declared) for arg in args))
    return Const(Fraction(ast.unparse(node).replace(" ", "")))


def _offset(node: Any) -> int:
    text = ast.unparse(node).replace(" ", "").removeprefix("t") if node else ""
    return int(text or 0)


# --- at random ------------------------------------------------------------------------------------

_CONSTANTS = [Const(Fraction(n)) for n in ("1", "2", "-1", "1/2", "0")]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A valid program of three phases with loops, as a cell gives, but with any formulas in them.

    It has states and what a backward pass carries, each with a boundary; values of all steps at
    once; sums over time of any form; scratch; and values that nobody reads.
    """
    return _Drawing(draw).program()


class _Drawing:
    """One program being drawn; `known` is what a statement may read at the place reached."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.known: list[Ref] = [Ref(v) for v in DECLARED if v.role == "weight"]
        self.seen: list[tuple[Shape, Expr]] = []
        self.timed = [v for v in DECLARED if v.role in ("input", "target")]
        self.rows: Shape = ("B",)
        self.names = iter(f"v{n}" for n in range(1, 1000))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def program(self) -> Program:
        states = [
            var("S", "BH", boundary=Ref(s0)),
            var("P", "BD", boundary=self.draw(st.sampled_from([Const(Fraction(0)), Ref(p0)]))),
        ][: self.draw(st.integers(1, 2))]
        carried = [
            var(name, shape, "adjoint", Const(Fraction(0)))
            for name, shape in (("C", "BH"), ("Q", "BD"))
        ][: self.draw(st.integers(1, 2))]
        loss, acc = var("loss", "", "loss"), var("dS0", "BH", "gradient")
        gradients = [v for v in DECLARED if v.name in ("dW", "dU")] + [acc]
        gradients = gradients[: self.draw(st.integers(1, 3))]
        phases = (
            Phase("forward", "", (*self.before(), self.loop("forward", states), *self.behind())),
            Phase("loss", "", (self.loop("forward", (), [loss]),)),
            Phase("backward", "", (self.loop("reverse", carried, gradients), *self.behind())),
        )
        computed = [v for v in self.timed if v.role in ("value", "adjoint")]
        returned = self.draw(st.lists(st.sampled_from(computed), min_size=1, unique=True))
        entries = {
            "forward": tuple(v for v in returned if v.role == "value"),
            "gradients": (loss, *(v for v in returned if v.role == "adjoint"), *gradients),
        }
        weights = tuple(v for v in DECLARED if v.role == "weight")
        return validate(Program("random", weights, phases, entries))

    # --- blocks ---------------------------------------------------------------------------------

    def before(self) -> Iterator[Statement]:
        """A value of weights alone, computed once."""
        if self.chance(30):
            target, self.rows = var("WU", "DH", timed=False), ()
            yield self.statement(target)
            self.known.append(Ref(target))
            self.rows, self.seen = ("B",), []

    def behind(self) -> Iterator[Statement]:
        """A value of all time steps at once."""
        if self.chance(30):
            outside, self.rows, self.seen = self.known, ("T", "B"), []
            self.known = [r for r in outside if r.when is None]
            self.known += [Ref(v, Every()) for v in self.timed]
            self.known += [Ref(v, Every(-1)) for v in self.timed if _starts(v)]
            target = var(next(self.names), self.draw(st.sampled_from(["BH", "BD"])))
            yield self.statement(target, Every())
            self.known, self.rows, self.seen = outside, ("B",), []
            self.timed.append(target)

    def loop(self, direction: Any, carried: Sequence[Var], sums: Sequence[Var] = ()) -> Loop:
        before = self.known
        others = [
            var(next(self.names), shape, "adjoint" if direction == "reverse" else "value")
            for shape in self.draw(st.lists(st.sampled_from(["BH", "BD"]), min_size=1, max_size=3))
        ]
        if self.chance(30):
            others.append(var("k", "BH", "work"))
        offset = -1 if direction == "forward" else 1
        self.known = [*before, *(Ref(v, Now()) for v in self.timed)]
        self.known += [Ref(v, Now(-1)) for v in self.timed if _starts(v)]
        self.known += [Ref(v, Now(offset)) for v in carried]
        self.seen = []
        body = []
        for target in self.draw(st.permutations([*carried, *others])):
            when = Now() if target.timed else None
            body.append(self.statement(target, when))
            self.known.append(Ref(target, when))
        body += [self.statement(target, accumulate=True) for target in sums]
        self.known, self.seen = before, []
        self.timed += [target for target in (*carried, *others) if target.timed]
        return Loop(direction, tuple(body))

    def statement(
        self, target: Var, when: Now | Every | None = None, accumulate: bool = False
    ) -> Statement:
        shape = ("T", *target.shape) if isinstance(when, Every) else target.shape
        value = self.expression(shape, self.draw(st.integers(0, 3)))
        return Statement(Ref(target, when), value, Origin(target.name, target.name), accumulate)

    # --- expressions ----------------------------------------------------------------------------

    def expression(self, shape: Shape, depth: int) -> Expr:
        """An expression of `shape`, at most `depth` deep where that is possible."""
        drawn = self.draw(st.sampled_from(list(self.forms(shape, depth))))()
        self.seen.append((shape, drawn))
        return drawn

    def forms(self, shape: Shape, depth: int) -> Iterator[Callable[[], Expr]]:
        """What an expression of `shape` may be."""
        leaves: list[Expr] = [r for r in self.known if _shape(r) == shape]
        leaves += [] if shape else _CONSTANTS
        again = [expression for seen, expression in self.seen if seen == shape]
        if leaves:
            yield lambda: self.draw(st.sampled_from(leaves))
        if leaves and depth <= 0:
            return
        if again:
            yield lambda: self.draw(st.sampled_from(again))

        def call(operation: str, *shapes: Shape) -> Callable[[], Expr]:
            return lambda: Call(
                operation, tuple(self.expression(shape, depth - 1) for shape in shapes)
            )

        if depth > 0:
            for name in ("add", "subtract", "multiply", "add", "subtract", "multiply"):
                yield call(name, shape, shape)
            yield call("multiply", (), shape)
            yield call(self.draw(st.sampled_from(["negate", "sigmoid", "tanh"])), shape)
        if not shape:
            size = self.draw(st.sampled_from("DH"))
            rows = self.rows or ("H",)
            yield call("inner", (*rows, size), (*rows, size))
        elif shape[:-1] == self.rows:
            for inner in "DH":
                yield call("matmul", (*self.rows, inner), (inner, shape[-1]))
        else:
            left, right = shape
            yield call("transpose", (right, left))
            if depth > 0:
                yield call("matmul", (left, "H"), ("H", right))
            if self.rows:
                yield call("contract", (*self.rows, left), (*self.rows, right))
            if self.rows == ("B",):
                yield lambda: Call(
                    "matmul",
                    (
                        Call("transpose", (self.expression(("B", left), depth - 1),)),
                        self.expression(("B", right), depth - 1),
                    ),
                )


p0 = var("p0", "BD", "initial")


def _starts(variable: Var) -> bool:
    """Whether reading the step before the first one means something."""
    return variable.boundary is not None and variable.role == "value"


def _shape(ref: Ref) -> Shape:
    return ("T", *ref.var.shape) if isinstance(ref.when, Every) else ref.var.shape
