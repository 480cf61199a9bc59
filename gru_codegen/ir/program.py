"""The intermediate representation: a small program over matrices, without SymPy and without NumPy.

A ``Program`` is an ordered list of phases, a phase a list of blocks, a block a ``Statement``, a
``Loop`` over the time steps or, once loops are unrolled, the ``Step`` with one index. A ``Var``
that is *timed* has one matrix per time step; a ``Ref`` says which of them is meant: ``Now(offset)``
relative to the surrounding step, ``Every(offset)`` all of them at once. Steps count from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from gru_codegen.errors import ProgramError

__all__ = [
    "OPERATIONS",
    "Block",
    "Call",
    "Const",
    "Every",
    "Expr",
    "Loop",
    "Now",
    "Operation",
    "Orientation",
    "Origin",
    "Phase",
    "Program",
    "Ref",
    "Role",
    "Shape",
    "Statement",
    "Step",
    "Var",
    "before_the_pullback",
    "is_within",
    "joined",
    "kept_for_every_step",
    "letters",
    "parts",
    "reads",
    "refs",
    "rewrite",
    "runs_of_blocks",
    "shape_of",
    "statements",
    "unpacked",
    "writes",
]

#: Sizes by name, as ("B", "H"); T is the number of time steps.
Shape = tuple[str, ...]
Role = Literal[
    "input",
    "initial",
    "last",
    "target",
    "loss weights",
    "lengths",
    "count",
    "weight",
    "value",
    "adjoint",
    "gradient",
    "loss",
    "work",
]

#: rows: (B, n), a sample per row. columns: (n, B), a sample per column.
Orientation = Literal["rows", "columns"]

#: The roles of what is not computed.
GIVEN = ("input", "initial", "last", "target", "loss weights", "lengths", "count", "weight")

# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Now:
    """The surrounding step, plus `offset`."""

    offset: int = 0


@dataclass(frozen=True)
class Every:
    """All steps at once: the value at step t + `offset` for every t."""

    offset: int = 0


When = Now | Every


@dataclass(frozen=True)
class Var:
    """A variable.

    Attributes
    ----------
    name: unique in its program, an identifier.
    shape: of one step.
    role: what it is in the network.
    timed: whether it has one value per time step.
    boundary: what reading beyond the first or last step gives; for a state its initial value. A
        step in it is relative to the one that is beyond: ``dO[t-1]`` beyond the last is the last.
    meaning: what it is called in words.
    parts: of a pack the variables that it consists of, row by row: it has no value of its own.
    """

    name: str
    shape: Shape
    role: Role
    timed: bool = False
    boundary: Expr | None = None
    meaning: str = ""
    parts: tuple[tuple[Ref, ...], ...] = ()

    def __hash__(self) -> int:  # names are unique, and hashing a boundary is not cheap
        return hash(self.name)


@dataclass(frozen=True)
class Ref:
    """The value of a variable, at a step if it is timed."""

    var: Var
    when: When | None = None

    def __str__(self) -> str:
        match self.when:
            case None:
                return self.var.name
            case Now(0):
                return f"{self.var.name}[t]"
            case Now(offset):
                return f"{self.var.name}[t{offset:+d}]"
            case Every(0):
                return f"{self.var.name}[:]"
            case Every(offset):
                return f"{self.var.name}[:{offset:+d}]"


@dataclass(frozen=True)
class Const:
    """A rational number, made in the dtype of what it meets."""

    value: Fraction

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Call:
    """An operation applied to expressions."""

    operation: str
    args: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"{self.operation}({', '.join(map(str, self.args))})"


Expr = Ref | Const | Call


def _elementwise(shapes: tuple[Shape, ...]) -> Shape | None:
    widest = max(shapes, key=len)
    # A number goes with everything, and what no step changes with every step.
    fitting = ((), widest, widest[1:] if widest[:1] == ("T",) else widest)
    return widest if all(shape in fitting for shape in shapes) else None


def _matmul(shapes: tuple[Shape, ...]) -> Shape | None:
    left, right = shapes
    return (*left[:-1], right[1]) if len(right) == 2 and left[-1:] == right[:1] else None


def _joined(shapes: tuple[Shape, ...], axis: int) -> Shape | None:
    """The shape of matrices (or of vectors, each one row) joined along one axis."""
    matrices = [shape if len(shape) == 2 else ("1", *shape) for shape in shapes]
    if axis == 0:
        fit = len({shape[1:] for shape in matrices}) == 1
        return (joined(shape[0] for shape in matrices), matrices[0][1]) if fit else None
    whole = joined(shape[-1] for shape in shapes)
    return (*shapes[0][:-1], whole) if len({shape[:-1] for shape in shapes}) == 1 else None


def joined(sizes: Iterable[str]) -> str:
    """The size of several side by side, as ``D+H``."""
    return "+".join(sizes)


def _contract(shapes: tuple[Shape, ...]) -> Shape | None:
    left, right = shapes
    return (left[-1], right[-1]) if len(left) >= 2 and left[:-1] == right[:-1] else None


@dataclass(frozen=True)
class Operation:
    """An operation of the representation.

    Attributes
    ----------
    arity: the number of arguments, None if it takes any.
    shape: from the arguments' shapes the result's, None if they do not fit.
    elementwise: whether each entry of the result depends on the same entry of the arguments.
    """

    arity: int | None
    shape: Callable[[tuple[Shape, ...]], Shape | None]
    elementwise: bool = False


#: Every operation by name. A leading T axis, as of ``Every``, counts as more rows in matmul and is
#: summed over in contract, column_sum and inner.
OPERATIONS: Mapping[str, Operation] = {
    "add": Operation(2, _elementwise, True),
    "subtract": Operation(2, _elementwise, True),
    "multiply": Operation(2, _elementwise, True),
    "negate": Operation(1, _elementwise, True),
    "exp": Operation(1, _elementwise, True),
    "log": Operation(1, _elementwise, True),
    # log1p(A): log(1 + A)
    "log1p": Operation(1, _elementwise, True),
    "reciprocal": Operation(1, _elementwise, True),
    # row_sum(A), row_max(A): of each row, in every column
    "row_sum": Operation(1, lambda shapes: shapes[0]),
    "row_max": Operation(1, lambda shapes: shapes[0]),
    "clip": Operation(1, _elementwise, True),
    "huber": Operation(1, _elementwise, True),
    "softplus": Operation(1, _elementwise, True),
    # divide(A, n): by a number
    "divide": Operation(2, _elementwise, True),
    # weigh(V, A): each sample's row times its weight; A itself where no weights are given
    "weigh": Operation(2, _elementwise, True),
    # select(M, A, B): A where M holds, else B
    "select": Operation(3, _elementwise, True),
    # total(A): the sum of all entries
    "total": Operation(1, lambda shapes: ()),
    "positive": Operation(1, _elementwise, True),
    "relu": Operation(1, _elementwise, True),
    "sigmoid": Operation(1, _elementwise, True),
    "tanh": Operation(1, _elementwise, True),
    "matmul": Operation(2, _matmul),
    "transpose": Operation(1, lambda shapes: shapes[0][::-1] if len(shapes[0]) == 2 else None),
    # contract(A, B) = A^T B, summed over all rows: what gives a weight its gradient
    "contract": Operation(2, _contract),
    # rows(b): the vector b as every row; column_sum(A): the sum of all rows, its adjoint
    "rows": Operation(1, lambda shapes: ("B", *shapes[0]) if len(shapes[0]) == 1 else None),
    "column_sum": Operation(1, lambda shapes: shapes[0][-1:] if len(shapes[0]) >= 2 else None),
    # beside(A, B, ...) and below(A, B, ...): joined along the columns, along the rows
    "beside": Operation(None, lambda shapes: _joined(shapes, 1)),
    "below": Operation(None, lambda shapes: _joined(shapes, 0)),
    # bordered(A) = [A 1]: A and a column of ones
    "bordered": Operation(1, lambda shapes: (*shapes[0][:-1], joined((shapes[0][-1], "1")))),
    # identity(W): the identity with as many rows as W
    "identity": Operation(1, lambda shapes: (shapes[0][0], shapes[0][0])),
    # inner(A, B) = sum of A o B over all entries
    "inner": Operation(2, lambda shapes: () if shapes[0] == shapes[1] else None),
}

# --- programs ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Origin:
    """Where a statement comes from: the equation it computes or differentiates, and its meaning."""

    equation: str
    meaning: str


@dataclass(frozen=True)
class Statement:
    """``target = value``, or ``target += value`` where it accumulates (starting at zero).

    given: the optional arguments that it is for; without one of them it is not run.
    """

    target: Ref
    value: Expr
    origin: Origin
    accumulate: bool = False
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        condition = f"if {' and '.join(self.given)}: " if self.given else ""
        return f"{condition}{self.target} {'+=' if self.accumulate else '='} {self.value}"


@dataclass(frozen=True)
class Loop:
    """A body run once for every time step, first to last or last to first."""

    direction: Literal["forward", "reverse"]
    body: tuple[Block, ...]

    def __str__(self) -> str:
        order = "first to last" if self.direction == "forward" else "last to first"
        lines = [line for block in self.body for line in str(block).splitlines()]
        return "\n".join([f"for every step t, {order}:", *(f"    {line}" for line in lines)])


@dataclass(frozen=True)
class Step:
    """One time step of an unrolled loop; steps in which nothing differs share one body."""

    index: int
    body: tuple[Block, ...]

    def __str__(self) -> str:
        lines = [line for block in self.body for line in str(block).splitlines()]
        return "\n".join([f"t = {self.index}:", *(f"    {line}" for line in lines)])


Block = Statement | Loop | Step


@dataclass(frozen=True)
class Phase:
    """A part of the program that is emitted as one function."""

    name: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Program:
    """The whole computation.

    Attributes
    ----------
    weights: in the declared order; each one's gradient is called ``d`` and its name.
    phases: in order; an entry point runs them up to the last that it needs.
    entries: for each entry point the variables that its caller reads.
    seed: the adjoint of the outputs: the loss phase computes it, or a pullback is given it.
    carries: the adjoints that the first step passes on, which a pullback hands out.
    steps: the number of time steps of an unrolled program, None while there are loops.
    layout: how matrices with one row per sample are stored: as they are, or transposed.
    blocked: whether products take few samples at a time.
    overwrites: the variable in whose storage another one is kept, by the names of both.
    targets_in_seed: whether the storage of the seed may hold the targets until it is computed.
    """

    name: str
    weights: tuple[Var, ...]
    phases: tuple[Phase, ...]
    entries: Mapping[str, tuple[Var, ...]]
    seed: Var | None = None
    carries: tuple[Var, ...] = ()
    steps: int | None = None
    layout: Orientation = "rows"
    blocked: bool = False
    overwrites: Mapping[str, str] = field(default_factory=dict)
    targets_in_seed: bool = False

    def __str__(self) -> str:
        return "\n\n".join(
            "\n".join(
                [
                    f"{phase.name}:",
                    *(f"  {line}" for block in phase.blocks for line in str(block).splitlines()),
                ]
            )
            for phase in self.phases
        )

    def with_blocks(self, change: Callable[[Phase], tuple[Block, ...]]) -> Program:
        """The same program with the blocks of every phase changed."""
        return replace(
            self, phases=tuple(replace(phase, blocks=change(phase)) for phase in self.phases)
        )

    def statements(self) -> Iterator[Statement]:
        """Every statement: those of a loop once, those of steps that share a body once."""
        for phase in self.phases:
            yield from statements(phase.blocks)

    def variables(self) -> dict[str, Var]:
        """Every variable by name, in the order in which they are met."""
        found: dict[str, Var] = {}
        bodies = (body for phase in self.phases for body in distinct_bodies(phase.blocks))
        for statement in (statement for body in bodies for statement in body):
            for ref in (*reads(statement.value), *writes(statement)):
                found.setdefault(ref.var.name, ref.var)
                if ref.var.boundary is not None:
                    for inner in reads(ref.var.boundary):
                        found.setdefault(inner.var.name, inner.var)
        return found


def statements(blocks: tuple[Block, ...]) -> Iterator[Statement]:
    """Every statement of `blocks`: those of a loop once, those of steps that share a body once."""
    for body in distinct_bodies(blocks):
        yield from body


def is_within(run: tuple[Ref, ...], other: tuple[Ref, ...]) -> bool:
    """Whether the neighbours `run` stand in this order, with none between them, within `other`."""
    places = range(len(other) - len(run) + 1)
    return any(other[start : start + len(run)] == run for start in places)


def parts(expression: Expr) -> Iterator[Expr]:
    """`expression` and all it is made of, outermost first."""
    yield expression
    if isinstance(expression, Call):
        for argument in expression.args:
            yield from parts(argument)


def refs(expression: Expr) -> Iterator[Ref]:
    """The references in `expression` as they stand there, left to right."""
    if isinstance(expression, Ref):
        yield expression
    elif isinstance(expression, Call):
        for argument in expression.args:
            yield from refs(argument)


def reads(expression: Expr) -> Iterator[Ref]:
    """What `expression` reads, left to right: of a pack its parts."""
    for ref in refs(expression):
        yield from unpacked(ref)


def writes(statement: Statement) -> Iterator[Ref]:
    """What `statement` writes: its target, of a pack the parts."""
    yield from unpacked(statement.target)


def unpacked(ref: Ref) -> Iterator[Ref]:
    """The parts of a pack, row by row, each at the step that is meant; else `ref` itself."""
    if not ref.var.parts:
        yield ref
    for row in ref.var.parts:
        for part in row:
            yield from unpacked(_shifted(part, ref.when))


def _shifted(part: Ref, when: When | None) -> Ref:
    if when is None or part.when is None:
        return part
    return replace(part, when=replace(when, offset=when.offset + part.when.offset))


def rewrite(expression: Expr, rule: Callable[[Expr], Expr | None]) -> Expr:
    """Replace every outermost part for which `rule` has an answer."""
    answer = rule(expression)
    if answer is not None:
        return answer
    if isinstance(expression, Call):
        args = tuple(rewrite(argument, rule) for argument in expression.args)
        return expression if args == expression.args else Call(expression.operation, args)
    return expression


def kept_for_every_step(program: Program) -> set[str]:
    """The names of the timed variables that need storage for all steps.

    Those read outside the loop that computes them, at every step at once, or by an entry point,
    and those whose value at another step is read after the step has overwritten it.
    """
    kept = {var.name for results in program.entries.values() for var in results if var.timed}
    written: dict[str, str] = {}
    for phase in program.phases:
        for run in map(tuple, runs_of_blocks(phase.blocks)):
            own = {target.var.name for s in statements(run) for target in writes(s)}
            for body in distinct_bodies(run):
                kept.update(_kept_by(body, own))
            read = {ref.var.name for s in statements(run) for ref in reads(s.value)}
            kept |= {name for name in read if written.get(name, phase.name) != phase.name}
        for body in distinct_bodies(phase.blocks):
            for target in (ref for statement in body for ref in writes(statement)):
                written.setdefault(target.var.name, phase.name)
    packs = {ref.var for s in program.statements() for ref in (s.target, *refs(s.value))}
    for pack in packs:  # neighbours are kept together
        names = {ref.var.name for ref in unpacked(Ref(pack))}
        kept |= names if pack.parts and names & kept else set()
    return kept & {var.name for var in program.variables().values() if var.timed}


def runs_of_blocks(blocks: tuple[Block, ...]) -> Iterator[list[Block]]:
    """What is run as one: statements, a loop, the steps of one that is unrolled."""
    run: list[Block] = []
    indices: set[int] = set()
    for block in blocks:
        again = isinstance(block, Step) and block.index in indices  # another loop's
        if run and (type(block) is not type(run[0]) or isinstance(block, Loop) or again):
            yield run
            run, indices = [], set()
        run.append(block)
        if isinstance(block, Step):
            indices.add(block.index)
    if run:
        yield run


def before_the_pullback(program: Program) -> set[str]:
    """The names of the phases that are run before there is a pullback: to that of the seed."""
    names: list[str] = []
    for phase in program.phases:
        names.append(phase.name)
        if program.seed in {ref.var for s in statements(phase.blocks) for ref in writes(s)}:
            return set(names)
    return set()


def distinct_bodies(blocks: tuple[Block, ...]) -> Iterator[tuple[Statement, ...]]:
    """The statements of each block, of steps that share one body only once."""
    seen: set[int] = set()
    for block in blocks:
        if isinstance(block, Statement):
            yield (block,)
        elif id(block.body) not in seen:
            seen.add(id(block.body))
            yield tuple(statements(block.body))


def _kept_by(body: tuple[Statement, ...], own: set[str]) -> Iterator[str]:
    """The names of what has to be there for `body` although its steps have gone on.

    own: what the loop computes, of which `body` is a step.
    """
    overwritten: set[str] = set()
    for statement in body:
        for ref in reads(statement.value):
            name, when = ref.var.name, ref.when
            # What this loop computes is there until the step overwrites it, this step's afterwards.
            passing = isinstance(when, Now) and bool(when.offset) != (name in overwritten)
            if when is not None and not (passing and name in own):
                yield name
        for target in writes(statement):
            if isinstance(target.when, Every):
                yield target.var.name
            overwritten.add(target.var.name)


# --- shapes --------------------------------------------------------------------------------------


def shape_of(expression: Expr) -> Shape:
    """The shape of `expression`; a constant's is ().

    Raises
    ------
    ProgramError: an operation does not exist or its arguments do not fit.
    """
    if isinstance(expression, Const):
        return ()
    if isinstance(expression, Ref):
        every = isinstance(expression.when, Every)
        return ("T", *expression.var.shape) if every else expression.var.shape
    operation = OPERATIONS.get(expression.operation)
    if operation is None:
        raise ProgramError(f"{expression}: there is no operation {expression.operation!r}")
    if operation.arity is not None and len(expression.args) != operation.arity:
        raise ProgramError(
            f"{expression}: {expression.operation} takes {operation.arity} arguments"
        )
    shapes = tuple(shape_of(argument) for argument in expression.args)
    shape = operation.shape(shapes)
    if shape is None:
        raise ProgramError(
            f"{expression}: the shapes {' and '.join(map(letters, shapes))} do not fit"
        )
    return shape


def letters(shape: Shape) -> str:
    """As it is written: ``(B, H)``."""
    return f"({', '.join(shape)})"
