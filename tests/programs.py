"""Programs to try the middle end on: read from their printed text, or drawn at random.

Their values are residues modulo a prime, where arithmetic is exact: no tolerance hides a small
mistake, no cancellation makes a large one, and that two different polynomials agree at a random
point is as good as impossible. The functions, of which no pass knows a law, are replaced by others.
"""

from __future__ import annotations

import ast
import functools
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from fractions import Fraction
from random import Random
from textwrap import dedent
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import gru_codegen as gc
from gru_codegen.interpret import _OPERATIONS, interpret
from gru_codegen.ir import (
    GIVEN,
    OPERATIONS,
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
    """An integer modulo the prime 2**61 - 1."""

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

    def __neg__(self) -> Residue:
        return Residue(-self.value)

    def __eq__(self, other: object) -> bool:
        right = Residue.number(other)
        return right is not None and (self.value - right) % self.PRIME == 0

    __hash__ = None  # type: ignore[assignment]  # equal to numbers of other types

    def __repr__(self) -> str:
        return f"Residue({self.value})"


def _function_of_residues(place: int) -> Callable[[Any], Any]:
    def function(number: object) -> Residue:
        value = Residue.number(number)
        if value is None:
            raise TypeError(f"{number!r} is not a number")
        return Residue(pow(value + place, 5, Residue.PRIME))

    return np.frompyfunc(function, 1, 1)


#: The functions, each with one of its own.
_FUNCTIONS = {
    name: _function_of_residues(place)
    for place, (name, operation) in enumerate(OPERATIONS.items())
    if operation.elementwise and operation.arity == 1 and name != "negate"
}


def over_residues() -> AbstractContextManager[object]:
    """Within it the interpreter applies functions of residues."""
    return mock.patch.dict(_OPERATIONS, _FUNCTIONS)


#: The optional arguments of a kernel: a statement may be for one of them alone.
OPTIONAL = ("lengths", "loss weights", "pullback")


def arrays(program: Program, steps: int, optional: Sequence[str] = ()) -> dict[str, Array]:
    """A value for everything that `program` is given, the same for each name and size."""
    given = [variable for variable in program.variables().values() if variable.role in GIVEN]
    if program.seed and "pullback" in optional:
        given.append(program.seed)
    return {
        variable.name: _given(variable, (steps,) * variable.timed + sizes(variable.shape), optional)
        for variable in given
    }


def _given(var: Var, shape: tuple[int, ...], optional: Sequence[str]) -> Array:
    random = Random(var.name)
    count = math.prod(shape)
    numbers: list[object] = [Residue(random.randrange(Residue.PRIME)) for _ in range(count)]
    if var.role == "lengths":
        return np.array([random.random() < 0.5 for _ in range(count)]).reshape(shape)
    if var.role == "last" and "pullback" not in optional:
        numbers = [Residue(0)] * count
    return np.array(numbers, dtype=object).reshape(shape)


def sizes(shape: Shape, steps: int = 0) -> tuple[int, ...]:
    """The numbers for a shape in letters, of which T is `steps`."""
    return tuple(steps if size == "T" else SIZES[size] for size in shape)


def called(program: Program, optional: Sequence[str]) -> Program:
    """The part of `program` that runs with these optional arguments, and what it hands out.

    A pullback is given what the loss phase computes; only a pullback needs what inputs computes.
    """
    pullback = "pullback" in optional
    skipped = "loss" if pullback else "inputs"
    entries = {
        name: found
        for name, found in program.entries.items()
        if set(program.entries) == {"all"} or (name == "pullback") == pullback
    }
    phases = tuple(phase for phase in program.phases if phase.name != skipped)
    carries = program.carries if pullback else ()
    return replace(program, phases=phases, entries=entries, carries=carries)


def handed_out(program: Program) -> list[Var]:
    """What the entry points hand out in whole."""
    return list(dict.fromkeys(v for found in program.entries.values() for v in found))


def results(program: Program, steps: int, optional: Sequence[str] = ()) -> dict[str, Array]:
    """What `program` computes for its callers; a timed result is (T, ...)."""
    program = called(program, optional)
    with over_residues():
        values = interpret(program, arrays(program, steps, optional), steps, tuple(optional))

    def full(value: Any, shape: Shape) -> Array:
        return np.broadcast_to(value, sizes(shape))

    found = {
        v.name: np.array([full(value, v.shape) for value in values[v.name]])
        if v.timed
        else full(values[v.name], v.shape)
        for v in handed_out(program)
    }
    return found | {f"{v.name}[0]": full(values[v.name][0], v.shape) for v in program.carries}


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
        timed = role in ("input", "target", "value", "adjoint", "lengths", "loss weights")
    return Var(name, tuple(shape), role, timed, boundary, name)


s0, p0 = var("s0", "BH", "initial"), var("p0", "BD", "initial")
ENDED = var("ended", "BH", "lengths")
LOSS_WEIGHTS = var("V", "BH", "loss weights")

#: The variables of the programs in the tests. S is a state, C what a backward pass carries.
DECLARED = (
    var("x", "BD", "input"),
    var("y", "BH", "target"),
    s0,
    *(var(name, "DH", "weight") for name in ("W", "W2")),
    *(var(name, "HH", "weight") for name in ("U", "U2")),
    var("b", "H", "weight"),
    var("S", "BH", "value", Ref(s0)),
    *(var(name, "BH") for name in "acdefg"),
    *(var(name, "BD") for name in "pq"),
    *(var(f"d{name}", "BH", "adjoint") for name in "acdeS"),
    var("C", "BH", "adjoint", Ref(var("C_last", "BH", "last"))),
    var("loss", "", "loss"),
    *(var(name, "DH", "gradient") for name in ("dW", "dW2")),
    *(var(name, "HH", "gradient") for name in ("dU", "dU2")),
    var("db", "H", "gradient"),
    var("WU", "DH", timed=False),
    var("k", "BH", "work"),
    ENDED,
    LOSS_WEIGHTS,
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
        phases.append(Phase(name.removesuffix(":"), blocks))
    unrolled = [b.index for phase in phases for b in phase.blocks if isinstance(b, Step)]
    steps = max(unrolled) + 1 if unrolled else None
    program = Program("test", (), tuple(phases), {}, steps=steps)
    computed = dict.fromkeys(s.target.var for s in program.statements())
    found = {name: tuple(declared[n] for n in names.split()) for name, names in entries.items()}
    used = program.variables().values()
    return replace(
        program,
        weights=tuple(variable for variable in used if variable.role == "weight"),
        entries=found or {"all": tuple(computed)},
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
    condition, _, line = line.rpartition(": ")
    given = condition.removeprefix("if ").split(" and ") if condition else ()
    node: Any = ast.parse(line).body[0]
    accumulate = isinstance(node, ast.AugAssign)
    target = _expression(node.target if accumulate else node.targets[0], declared)
    assert isinstance(target, Ref)
    origin = Origin(line, target.var.meaning)
    value = _expression(node.value, declared)
    return Statement(target, value, origin, accumulate, tuple(given))


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


class _Shown(Program):
    """A program that Hypothesis reports as text."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(f"parse('''\n{self}\n''')")


_SUMS_AND_PRODUCTS = ("add", "subtract", "multiply")
_CONSTANTS = [Const(Fraction(n)) for n in ("1", "2", "-1", "1/2")]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A valid program with the phases of a cell's and any formulas in them.

    It has states, and adjoints that are carried; values of all steps at once; sums over time;
    scratch; statements for optional arguments; and values that nobody reads.
    """
    return _Drawing(draw).program()


class _Drawing:
    """One program being drawn.

    known: what a statement may read at the place reached. seen: parts of statements that others
    may repeat. rows: the shape of a matrix but for its columns. timed and untimed: the variables
    that later phases may read.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.known: list[Ref] = []
        self.untimed = [Ref(v) for v in DECLARED if v.role == "weight"]
        self.seen: list[tuple[Shape, Expr]] = []
        self.timed = [v for v in DECLARED if v.role in ("input", "target")]
        self.rows: Shape = ("B",)
        self.names = (f"v{n}" for n in itertools.count(1))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def program(self) -> Program:
        states = [var("S", "BH", boundary=Ref(s0)), var("P", "BD", boundary=Ref(p0))]
        states = states[: self.draw(st.integers(1, 2))]
        carried = [
            var(name, shape, "adjoint", Ref(var(f"{name}_last", shape, "last")))
            for name, shape in (("C", "BH"), ("Q", "BD"))
        ][: self.draw(st.integers(1, 2))]
        loss, seed = var("loss", "", "loss"), var("dO", "BH", "adjoint")
        dx = var("dx", "BD", "adjoint")
        gradients = tuple(v for v in DECLARED if v.role == "gradient")
        phases = (
            Phase("forward", (*self.before(), self.forward(states), *self.behind())),
            Phase("loss", (self.loss(seed, loss),)),
            Phase("backward", (self.backward(carried, gradients), *self.behind())),
            Phase("inputs", (self.inputs(dx),)),
        )
        values = [v for v in self.timed if v.role == "value" and v not in states]
        outputs = [*states, *self.draw(st.lists(st.sampled_from(values), unique=True))]
        entries = {
            "forward": tuple(outputs),
            "loss": (loss, seed),
            "gradients": (*outputs, loss, *gradients),
            "pullback": (*gradients, dx),
        }
        weights = tuple(v for v in DECLARED if v.role == "weight")
        return validate(_Shown("random", weights, phases, entries, seed, tuple(carried)))

    # --- phases ---------------------------------------------------------------------------------

    def before(self) -> Iterator[Statement]:
        """A value of weights alone, computed once."""
        if self.chance(30):
            target = Ref(var("WU", "DH", timed=False))
            with self.reading(rows=()):
                yield self.statement(target)
            self.untimed.append(target)

    def forward(self, states: list[Var]) -> Loop:
        with self.reading(*self.in_a_step(), *(Ref(v, Now(-1)) for v in states)):
            return Loop("forward", tuple(self.values("value", states)))

    def loss(self, seed: Var, loss: Var) -> Loop:
        here, before = Ref(seed, Now()), list(self.timed)
        with self.reading(*self.in_a_step()):
            body = [*self.values("value"), *self.value(seed)]
            if self.chance(30):
                double = Call("multiply", (Const(Fraction(2)), here))
                body += [_as(here, double), *self.values("value")]
            body.append(_as(Ref(loss), self.sum(()), accumulate=True))
            weighed = Call("multiply", (here, Ref(LOSS_WEIGHTS, Now())))
            body.append(_as(here, weighed, given=("loss weights",)))
        self.timed = [*before, seed]
        return Loop("forward", tuple(body))

    def backward(self, carried: Sequence[Var], gradients: Sequence[Var]) -> Loop:
        with self.reading(*self.in_a_step()):
            held: list[Statement] = []
            parts = [functools.partial(self.received, variable, held) for variable in carried]
            parts += [functools.partial(self.value, variable) for variable in carried]
            parts.append(functools.partial(self.values, "adjoint"))
            body = [s for part in self.draw(st.permutations(parts)) for s in part()]
            sums = [_as(Ref(v), self.sum(v.shape), accumulate=True) for v in gradients]
            return Loop("reverse", (*body, *held, *sums))

    def inputs(self, dx: Var) -> Loop:
        with self.reading(*self.in_a_step()):
            return Loop("forward", tuple(self.value(dx)))

    def behind(self) -> Iterator[Statement]:
        """A value of all time steps at once."""
        if self.chance(30):
            reads = [Ref(v, Every()) for v in self.timed]
            reads += [Ref(v, Every(_towards_boundary(v))) for v in self.timed if v.boundary]
            target = var(next(self.names), self.draw(st.sampled_from(["BH", "BD"])))
            with self.reading(*reads, rows=("T", "B")):
                yield self.statement(Ref(target, Every()))
            self.timed.append(target)

    @contextmanager
    def reading(self, *refs: Ref, rows: Shape = ("B",)) -> Iterator[None]:
        """Within it statements read `refs` and what is not timed."""
        outside = self.known, self.rows, self.seen
        self.known, self.rows, self.seen = [*self.untimed, *refs], rows, []
        yield
        self.known, self.rows, self.seen = outside

    def in_a_step(self) -> Iterator[Ref]:
        """What any step may read of the loops before."""
        for variable in self.timed:
            yield Ref(variable, Now())
            if variable.boundary is not None and _towards_boundary(variable) < 0:
                yield Ref(variable, Now(-1))

    # --- statements -----------------------------------------------------------------------------

    def values(self, role: Role, more: Sequence[Var] = ()) -> Iterator[Statement]:
        """New variables, and `more`, in any order."""
        shapes = self.draw(st.lists(st.sampled_from(["BH", "BD"]), min_size=1, max_size=3))
        new = [var(next(self.names), shape, role) for shape in shapes]
        for variable in self.draw(st.permutations([*more, *new])):
            yield from self.value(variable)

    def value(self, variable: Var) -> Iterator[Statement]:
        """A variable; its value may be another one past a sample's length."""
        here = Ref(variable, Now() if variable.timed else None)
        yield self.statement(here)
        if here.when and variable.shape == ENDED.shape and self.chance(25):
            state = variable.role == "value" and variable.boundary is not None
            past: Expr = Ref(variable, Now(-1)) if state else Const(Fraction(0))
            kept = Call("select", (Ref(ENDED, Now()), past, here))
            yield _as(here, kept, given=("lengths",))
        self.known.append(here)
        if variable.timed:
            self.timed.append(variable)

    def received(self, carried: Var, held: list[Statement]) -> Iterator[Statement]:
        """What comes back from the next step; past a sample's length it is passed on as it is."""
        here = Ref(var(f"d{carried.name}", "".join(carried.shape), "adjoint"), Now())
        own = self.expression(carried.shape, 1)
        yield _as(here, Call("add", (own, Ref(carried, Now(1)))))
        if carried.shape == ENDED.shape and self.chance(50):
            kept, zero, ended = Ref(var("held", "BH", "adjoint"), Now()), Const(Fraction(0)), ENDED
            given = ("lengths",)
            yield _as(kept, Call("select", (Ref(ended, Now()), here, zero)), given=given)
            yield _as(here, Call("select", (Ref(ended, Now()), zero, here)), given=given)
            total = Call("add", (Ref(carried, Now()), kept))
            held.append(_as(Ref(carried, Now()), total, given=given))
        self.known.append(here)
        self.timed.append(here.var)

    def statement(self, target: Ref) -> Statement:
        return _as(target, self.expression(_shape(target), self.draw(st.integers(0, 3))))

    # --- expressions ----------------------------------------------------------------------------

    def sum(self, shape: Shape, depth: int = 2) -> Expr:
        """What a step adds to a sum over time."""
        if depth and self.chance(30):
            parts = (self.sum(shape, depth - 1), self.sum(shape, depth - 1))
            return Call(self.draw(st.sampled_from(["add", "subtract"])), parts)
        if depth and self.chance(30):
            factor = self.draw(st.sampled_from(_CONSTANTS))
            return Call("multiply", (factor, self.sum(shape, depth - 1)))
        if self.chance(10):
            return self.expression(shape, depth)
        if shape:
            operation = "contract" if len(shape) == 2 else "column_sum"
            return Call(operation, tuple(self.expression(("B", size), 1) for size in shape))
        one, other = self.expression(("B", "H"), 1), self.expression(("B", "H"), 1)
        weighed = Call("weigh", (Ref(LOSS_WEIGHTS, Now()), one))
        return self.draw(
            st.sampled_from([Call("inner", (other, weighed)), Call("total", (weighed,))])
        )

    def expression(self, shape: Shape, depth: int) -> Expr:
        """An expression of `shape`, at most `depth` deep where that is possible."""
        drawn = self.draw(st.sampled_from(list(self.forms(shape, depth))))()
        self.seen.append((shape, drawn))
        return drawn

    def forms(self, shape: Shape, depth: int) -> Iterator[Callable[[], Expr]]:
        """What an expression of `shape` may be."""
        leaves: list[Expr] = [ref for ref in self.known if _shape(ref) == shape]
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

        if depth > 0 and shape:
            for name in _SUMS_AND_PRODUCTS * 2:
                yield call(name, shape, shape)
            yield call("negate", shape)
            function = call(self.draw(st.sampled_from(sorted(_FUNCTIONS))), shape)
            yield function
            number, name = (self.draw(st.sampled_from(c)) for c in (_CONSTANTS, _SUMS_AND_PRODUCTS))
            yield lambda: Call(name, (number, function()))
        yield from self.products(shape, depth, call)

    def products(
        self, shape: Shape, depth: int, call: Callable[..., Callable[[], Expr]]
    ) -> Iterator[Callable[[], Expr]]:
        """The operations whose arguments have other shapes."""
        if len(shape) == 1:
            yield call("column_sum", (*self.rows, *shape))
        elif shape and shape[:-1] == self.rows:
            for inner in "DH":
                yield call("matmul", (*self.rows, inner), (inner, shape[-1]))
            if depth > 0:
                yield call("row_sum", shape)
                name = self.draw(st.sampled_from(_SUMS_AND_PRODUCTS))
                vector = call("rows", shape[-1:])
                yield lambda: Call(name, (self.expression(shape, depth - 1), vector()))
        elif shape:
            left, right = shape
            yield call("transpose", (right, left))
            if depth > 0:
                yield call("matmul", (left, "H"), ("H", right))
            if self.rows:
                yield call("contract", (*self.rows, left), (*self.rows, right))


def _as(
    target: Ref, value: Expr, accumulate: bool = False, given: tuple[str, ...] = ()
) -> Statement:
    return Statement(target, value, Origin(target.var.name, ""), accumulate, given)


def _towards_boundary(variable: Var) -> int:
    """Which step has the boundary for a neighbour: a state's first, an adjoint's last."""
    return -1 if variable.role == "value" else 1


def _shape(ref: Ref) -> Shape:
    return ("T", *ref.var.shape) if isinstance(ref.when, Every) else ref.var.shape
