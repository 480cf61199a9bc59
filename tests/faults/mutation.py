"""Every small fault that could sit in the code of a kernel, one at a time.

A fault takes the place of one node of the syntax tree, so that none depends on a cell, a style or
the text of a line. Which names could be taken for each other is read off a run: those that hold
arrays of one shape.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count as counter
from itertools import islice
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np

#: The shape of every array that a function has a name for, `w.Z` and `params.Wz` included.
Shapes = Mapping[str, tuple[int, ...]]

#: The arguments whose attributes are names of arrays.
OWNERS = ("params", "w", "self")
#: By how many other arrays of its shape each array is replaced wherever it is named. They take
#: turns from place to place, or else most faults would be of this kind.
OTHERS = 5


class Mutant(NamedTuple):
    """A function or class of a kernel with one fault in it.

    function: its name. line: of the source. fault: in words. was, now: the statement without and
    with it. code: defines the function or class.
    """

    function: str
    line: int
    fault: str
    was: str
    now: str
    code: CodeType

    def __str__(self) -> str:
        return f"line {self.line}, {self.fault}: {self.was}  ->  {self.now}"

    def plant(self, kernel: ModuleType) -> None:
        """Put it in the place of the right one in `kernel`."""
        exec(self.code, kernel.__dict__)


def mutants(source: str, name: str, shapes: Shapes, every: int = 1) -> Iterator[Mutant]:
    """Every fault in `name`, a function or class of `source`, or each of so many.

    shapes: as from `shapes_in`.
    """
    module = _definition(source, name)
    for place, inner, fault, node in islice(_faults_in(module, shapes), 0, None, every):
        line, was = place.node.lineno, _first_line(place.node)
        with inner.holding(node):
            code = compile(module, f"<{name} with a fault>", "exec", dont_inherit=True)
            yield Mutant(name, line, fault, was, _first_line(place.node), code)


def count(source: str, name: str, shapes: Shapes) -> int:
    """How many faults `mutants` has."""
    return sum(1 for _ in _faults_in(_definition(source, name), shapes))


def _definition(source: str, name: str) -> ast.Module:
    module = ast.parse(source)
    module.body = [node for node in module.body if getattr(node, "name", None) == name]
    return module


def _faults_in(module: ast.Module, shapes: Shapes) -> Iterator[tuple[_Place, _Place, str, ast.AST]]:
    """The statement's place, the fault's, what it is in words, and what takes the place."""
    faults = _Faults(shapes)
    for place in _statements(module.body[0]):
        for inner, fault, node in faults.of(place):
            yield place, inner, fault, node


def shapes_in(function: Any, run: Callable[[], object]) -> Shapes:
    """What `function`, or one defined inside it, has names for as it returns, when `run` runs."""
    found: dict[str, Any] = {}

    inner = [each for each in function.__code__.co_consts if isinstance(each, CodeType)]

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code in (function.__code__, *inner):
            found.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
    for owner in OWNERS:
        if owner in found:
            held = found[owner]
            parts = getattr(held, "_fields", None) or vars(held)
            found |= {f"{owner}.{part}": getattr(held, part) for part in parts}
    return {name: value.shape for name, value in found.items() if isinstance(value, np.ndarray)}


# --- places ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where a node stands in a tree: in a field of its owner, or in a list that the field holds."""

    owner: ast.AST
    field: str
    index: int | None = None

    @property
    def node(self) -> Any:
        held = getattr(self.owner, self.field)
        return held if self.index is None else held[self.index]

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.index] = node

    @contextmanager
    def holding(self, node: ast.AST) -> Iterator[None]:
        """Let another node stand here for a while."""
        before = self.node
        self.put(ast.fix_missing_locations(ast.copy_location(node, before)))
        try:
            yield
        finally:
            self.put(before)


def _children(node: ast.AST) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        if isinstance(value, ast.AST):
            yield _Place(node, field)
        elif isinstance(value, list):
            nodes = (i for i, held in enumerate(value) if isinstance(held, ast.AST))
            yield from (_Place(node, field, i) for i in nodes)


def _statements(node: ast.AST) -> Iterator[_Place]:
    """Every statement in a function or class, docstrings and definitions aside."""
    for place in _children(node):
        match place.node:
            case ast.Expr(ast.Constant()):
                continue
            case ast.FunctionDef():
                pass
            case ast.stmt():
                yield place
            case _:
                continue
        yield from _statements(place.node)


def _expressions(node: ast.AST) -> Iterator[_Place]:
    """Every expression in a statement, but not those of the statements inside it."""
    for place in _children(node):
        if isinstance(place.node, ast.expr | ast.keyword):
            yield place
            yield from _expressions(place.node)


def _first_line(statement: ast.stmt) -> str:
    return ast.unparse(statement).partition("\n")[0]


# --- faults ---------------------------------------------------------------------------------------

#: What is easily written for an operator, a comparison or a function.
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.GtE: ast.Gt,
    ast.Gt: ast.GtE,
    ast.LtE: ast.Lt,
    ast.Lt: ast.LtE,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_FUNCTIONS = {
    "add": "subtract",
    "subtract": "add",
    "multiply": "add",
    "divide": "multiply",
    "sigmoid": "tanh",
    "tanh": "negative",
    "negative": "positive",
    "maximum": "minimum",
    "minimum": "maximum",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
}
#: How many operands stand before the array for the result of what has one by its place.
_OPERANDS = {
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "maximum", "greater", "matmul"), 2),
    "greater_equal": 2,
    **dict.fromkeys(("tanh", "negative", "exp", "log"), 1),
}
#: What takes a number of time steps or counts them.
_STEPS = ("t", "w.steps", "self.steps", "steps")


class _Faults:
    """Where a fault could be, what it is in words, and what takes the place."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.turn = counter()

    def of(self, place: _Place) -> Iterator[tuple[_Place, str, ast.AST]]:
        """Every fault in the statement at `place`."""
        for fault, statement in _of_statement(place.node):
            yield place, fault, statement
        for inner in _expressions(place.node):
            for fault, expression in _of_expression(inner.node):
                yield inner, fault, expression
            if isinstance(inner.node, ast.Name | ast.Attribute):
                for fault, expression in self._of_name(inner.node, inner.owner):
                    yield inner, fault, expression

    def _of_name(
        self, node: ast.Name | ast.Attribute, owner: ast.AST
    ) -> Iterator[tuple[str, ast.expr]]:
        name = ast.unparse(node)
        if name not in self.shapes:
            return
        others = [
            other
            for other, shape in self.shapes.items()
            if other != name and shape == self.shapes[name] and _owner(other) == _owner(name)
        ]
        start = next(self.turn) * OTHERS % max(len(others), 1)
        for other in [*others[start:], *others[:start]][:OTHERS]:
            yield f"{other} for {name}", _named(other, node.ctx)
        if len(self.shapes[name]) == 2 and _is_product(owner):
            yield "transpose added", ast.Attribute(node, "T", ast.Load())


def _of_statement(node: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    yield "dropped", ast.Pass()
    match node:
        case ast.AugAssign(target, op, value):
            yield "= for +=", ast.Assign([target], value)
            yield "other operator", ast.AugAssign(target, _OPERATORS[type(op)](), value)
        case ast.Assign([ast.Subscript() | ast.Name() as target], value):
            if isinstance(target, ast.Subscript):
                yield "+= for =", ast.AugAssign(target, ast.Add(), value)
            if not isinstance(value, ast.Constant | ast.Tuple | ast.Compare):
                yield "sign flipped", ast.Assign([target], ast.UnaryOp(ast.USub(), value))
        case ast.If(test, body, otherwise):
            yield "condition negated", ast.If(ast.UnaryOp(ast.Not(), test), body, otherwise)
        case ast.For(target, ast.Call(ast.Name("reversed"), [steps]), body):
            yield "loop turned round", ast.For(target, steps, body, [])
        case ast.For(target, steps, body):
            turned = ast.Call(ast.Name("reversed", ast.Load()), [steps], [])
            yield "loop turned round", ast.For(target, turned, body, [])


def _of_expression(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in _OPERATORS:
                yield "other operator", ast.BinOp(left, _OPERATORS[type(op)](), right)
            if isinstance(op, ast.Sub | ast.Div | ast.MatMult):
                yield "operands swapped", ast.BinOp(right, op, left)
            yield "one operand alone", left
            yield "one operand alone", right
        case ast.IfExp(test, body, otherwise):
            yield "condition negated", ast.IfExp(test, otherwise, body)
            yield "one branch alone", body
            yield "one branch alone", otherwise
        case ast.Compare(left, [operator], right) if type(operator) in _COMPARISONS:
            yield "other comparison", ast.Compare(left, [_COMPARISONS[type(operator)]()], right)
        case ast.Compare(left, [_, *_] as operators, right) if len(operators) > 1:
            yield "other comparison", ast.Compare(left, operators[:1], right[:1])
            yield "other comparison", ast.Compare(right[0], operators[1:], right[1:])
        case ast.BoolOp(op, conditions):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "other operator", ast.BoolOp(other, conditions)
            for condition in conditions:
                yield "one condition alone", condition
        case ast.Subscript(_, ast.Slice()):
            yield "slice dropped", node.value
        case ast.Slice(ast.expr() as border, None) | ast.Slice(None, ast.expr() as border):
            if not _is_step(border):  # a part of a pack, taken for its neighbour
                yield "other side of the cut", ast.Slice(node.upper, node.lower)
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign flipped", operand
        case ast.Attribute(value, "T"):
            yield "transpose dropped", value
        case ast.Constant(int(value) | float(value)) if not isinstance(value, bool):
            yield "other number", ast.Constant(value + 1)
            yield "other number", ast.Constant(value - 1)
        case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()) if _is_step(node):
            yield "other step", ast.BinOp(node, ast.Add(), ast.Constant(1))
            yield "other step", ast.BinOp(node, ast.Sub(), ast.Constant(1))
        case ast.Call(ast.Name("range") as function, [steps]):
            fewer = ast.BinOp(steps, ast.Sub(), ast.Constant(1))
            yield "first step left out", ast.Call(function, [ast.Constant(1), steps], [])
            yield "last step left out", ast.Call(function, [fewer], [])
        case ast.Call(ast.Name("reversed")):
            pass  # a fault of the loop
        case ast.Call(ast.Name(name) | ast.Attribute(ast.Name("np"), name)):
            yield from _of_call(node, name)
        case ast.Call(ast.Attribute(value, "dot"), [right, ast.expr() as out]):
            turned = ast.Attribute(value, "T", ast.Load())
            yield "sign flipped", _dot(ast.UnaryOp(ast.USub(), value), right, out)
            yield "operands swapped", _dot(right, value, out)
            yield "transpose added", _dot(turned, right, out)
            yield "result and operand swapped", _dot(value, out, right)
        case ast.Call(ast.Attribute(value)):
            yield "method dropped", value
            yield from _keywords_dropped(node)


def _of_call(node: ast.Call, name: str) -> Iterator[tuple[str, ast.expr]]:
    if name in _FUNCTIONS:
        yield "other function", ast.Call(_numpy(_FUNCTIONS[name]), node.args, node.keywords)
    if name in ("subtract", "divide", "dot", "matmul"):
        operands, out = node.args[:2][::-1], node.args[2:]
        yield "operands swapped", ast.Call(node.func, [*operands, *out], node.keywords)
    yield from _keywords_dropped(node)
    match node.args, node.keywords:
        case [first, *rest], [ast.keyword("out", into)]:
            flipped = [ast.UnaryOp(ast.USub(), first), *rest]
            yield "sign flipped", ast.Call(node.func, flipped, node.keywords)
            for argument in node.args:
                yield "one operand alone", ast.Call(_numpy("copyto"), [into, argument], [])
        case _, [] if len(node.args) - 1 == _OPERANDS.get(name):
            yield from _of_call_by_place(node)
        case [place, value], _ if name == "copyto":
            flipped = [place, ast.UnaryOp(ast.USub(), value)]
            yield "sign flipped", ast.Call(node.func, flipped, node.keywords)
        case [ast.expr() as argument], [] if not isinstance(argument, ast.Starred):
            yield "function dropped", argument
        case [condition, one, other], [] if name == "where":
            yield "branches swapped", ast.Call(node.func, [condition, other, one], [])
            yield "one branch alone", one
            yield "one branch alone", other
        case [one, other], [] if name in ("dot", "matmul"):
            yield "one operand alone", one
            yield "one operand alone", other


def _of_call_by_place(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The faults of a call whose last argument is where its result goes."""
    *operands, out = node.args
    first, *rest = operands
    yield "sign flipped", ast.Call(node.func, [ast.UnaryOp(ast.USub(), first), *rest, out], [])
    for i, operand in enumerate(operands):
        yield "one operand alone", ast.Call(_numpy("copyto"), [out, operand], [])
        if ast.unparse(operand) != ast.unparse(out):
            others = [out if j == i else each for j, each in enumerate(operands)]
            yield "result and operand swapped", ast.Call(node.func, [*others, operand], [])


def _keywords_dropped(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Every keyword left out, and every mask turned round; what has no `out` is dropped anyway."""
    for i, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, "out"):
            kept = [*node.keywords[:i], *node.keywords[i + 1 :]]
            yield f"no {keyword.arg}", ast.Call(node.func, node.args, kept)
        if keyword.arg == "where":
            turned = ast.keyword("where", ast.UnaryOp(ast.Invert(), keyword.value))
            others = [*node.keywords[:i], turned, *node.keywords[i + 1 :]]
            yield "mask turned round", ast.Call(node.func, node.args, others)


def _dot(left: ast.expr, right: ast.expr, out: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(left, "dot", ast.Load()), [right, out], [])


def _is_step(node: ast.AST) -> bool:
    return ast.unparse(node) in _STEPS


def _is_product(node: ast.AST) -> bool:
    """Whether a node is a matrix product."""
    match node:
        case ast.BinOp(_, ast.MatMult(), _):
            return True
        case ast.Call(ast.Attribute(ast.Name("np"), "dot" | "matmul")):
            return True
        case _:
            return False


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _named(name: str, context: ast.expr_context) -> ast.expr:
    owner, _, attribute = name.rpartition(".")
    if not owner:
        return ast.Name(name, context)
    return ast.Attribute(ast.Name(owner, ast.Load()), attribute, context)


def _numpy(name: str) -> ast.expr:
    return _named(f"np.{name}", ast.Load())
