"""Every small fault that could sit in a function of a kernel, one at a time.

A fault takes the place of one node of the function's syntax tree, so that none depends on a cell, a
style or the text of a line. Which names could be taken for each other is read off a run: those that
hold arrays of one shape.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np

#: The shape of every array that a function has a name for, `w.Z` and `params.Wz` included.
Shapes = Mapping[str, tuple[int, ...]]


class Mutant(NamedTuple):
    """A function of a kernel with one fault in it.

    line: of the source. fault: in words. was, now: the statement without and with it.
    code: defines the function.
    """

    line: int
    fault: str
    was: str
    now: str
    code: CodeType

    def __str__(self) -> str:
        return f"line {self.line}, {self.fault}: {self.was}  ->  {self.now}"

    def plant(self, kernel: ModuleType) -> None:
        """Put the function in the place of the right one in `kernel`."""
        exec(self.code, kernel.__dict__)


def mutants(source: str, name: str, shapes: Shapes) -> Iterator[Mutant]:
    """Every fault in the function `name` of `source`, whose names hold arrays of `shapes`."""
    module = ast.parse(source)
    module.body = [
        node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    [function] = module.body
    assert isinstance(function, ast.FunctionDef)
    del function.body[0]  # the docstring
    for place in _statements(function):
        statement = place.node
        was = _first_line(statement)
        for inner, fault, node in _faults(place, shapes):
            with inner.holding(node):
                code = compile(module, f"<{name} with a fault>", "exec", dont_inherit=True)
                yield Mutant(statement.lineno, fault, was, _first_line(place.node), code)


def shapes_in(kernel: ModuleType, name: str, run: Callable[[], object]) -> Shapes:
    """What the function `name` of `kernel` has names for when `run` calls it."""
    code = getattr(kernel, name).__code__
    found: dict[str, Any] = {}

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code is code:
            found.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
    for owner in ("params", "w"):
        if owner in found:
            parts = getattr(found[owner], "_asdict", lambda: vars(found[owner]))()  # noqa: B023
            found |= {f"{owner}.{part}": value for part, value in parts.items()}
    return {key: value.shape for key, value in found.items() if isinstance(value, np.ndarray)}


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
        """Another node stands here for a while."""
        before = self.node
        self.put(ast.fix_missing_locations(ast.copy_location(node, before)))
        try:
            yield
        finally:
            self.put(before)


def _children(node: ast.AST) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield _Place(node, field)
        elif isinstance(value, list):
            yield from (_Place(node, field, i) for i, v in enumerate(value) if isinstance(v, ast.AST))


def _statements(node: ast.AST) -> Iterator[_Place]:
    for place in _children(node):
        if isinstance(place.node, ast.stmt):
            yield place
            yield from _statements(place.node)


def _expressions(node: ast.AST) -> Iterator[_Place]:
    """Every expression in a statement, but not those of the statements inside it."""
    for place in _children(node):
        if isinstance(place.node, ast.expr | ast.keyword):
            yield place
            yield from _expressions(place.node)


def _first_line(statement: ast.stmt) -> str:
    return ast.unparse(statement).splitlines()[0]


# --- faults ---------------------------------------------------------------------------------------


def _faults(place: _Place, shapes: Shapes) -> Iterator[tuple[_Place, str, ast.AST]]:
    """Where, what it is in words, and what takes the place."""
    for fault, statement in _of_statement(place.node):
        yield place, fault, statement
    for inner in _expressions(place.node):
        for fault, expression in _of_expression(inner.node, inner.owner, shapes):
            yield inner, fault, expression


def _of_statement(node: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    yield "dropped", ast.Pass()
    match node:
        case ast.AugAssign(target, op, value):
            yield "= for +=", ast.Assign([target], value)
            yield "sign flipped", ast.AugAssign(target, _NEIGHBOURS[type(op)](), value)
        case ast.Assign([ast.Subscript() as target], value):
            yield "+= for =", ast.AugAssign(target, ast.Add(), value)
        case ast.For(target, ast.Call(ast.Name("reversed"), [steps]), body):
            yield "loop turned round", ast.For(target, steps, body, [])
        case ast.For(target, steps, body):
            turned = ast.Call(ast.Name("reversed", ast.Load()), [steps], [])
            yield "loop turned round", ast.For(target, turned, body, [])


#: What is easily written for it.
_NEIGHBOURS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
}
_FUNCTIONS = {
    "add": "subtract",
    "subtract": "add",
    "multiply": "add",
    "divide": "multiply",
    "sigmoid": "tanh",
    "tanh": "negative",
    "negative": "positive",
}


def _of_expression(
    node: ast.AST, owner: ast.AST, shapes: Shapes
) -> Iterator[tuple[str, ast.AST]]:
    yield from _other_names(node, shapes)
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in _NEIGHBOURS:
                yield "other operator", ast.BinOp(left, _NEIGHBOURS[type(op)](), right)
            if isinstance(op, ast.Sub | ast.Div | ast.MatMult):
                yield "operands swapped", ast.BinOp(right, op, left)
            yield "left operand alone", left
            yield "right operand alone", right
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign flipped", operand
        case ast.Attribute(value, "T"):
            yield "transpose dropped", value
        case ast.Constant(int(value)):
            yield "other number", ast.Constant(value + 1)
            yield "other number", ast.Constant(value - 1)
        case ast.Name("t", ast.Load()):
            for op in (ast.Add(), ast.Sub()):
                yield "other step", ast.BinOp(node, op, ast.Constant(1))
        case ast.Call(ast.Name("range"), [steps]):
            yield "first step left out", ast.Call(node.func, [ast.Constant(1), steps], [])
            yield "last step left out", ast.Call(
                node.func, [ast.BinOp(steps, ast.Sub(), ast.Constant(1))], []
            )
        case ast.Call():
            yield from _of_call(node)
    if shapes.get(ast.unparse(node), ())[1:] and _is_factor(node, owner):
        yield "transpose added", ast.Attribute(node, "T", ast.Load())


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    match node.func:
        case ast.Name(name) | ast.Attribute(ast.Name("np"), name):
            pass
        case _:
            return
    if name in _FUNCTIONS:
        yield "other function", ast.Call(_numpy(_FUNCTIONS[name]), node.args, node.keywords)
    if name in ("subtract", "divide", "dot", "matmul"):
        left, right = node.args
        yield "operands swapped", ast.Call(node.func, [right, left], node.keywords)
    match node.keywords:
        case [ast.keyword("out", out)]:
            for argument in node.args:
                yield "one operand alone", ast.Call(_numpy("copyto"), [out, argument], [])
        case []:
            yield "function dropped", node.args[0]


def _other_names(node: ast.AST, shapes: Shapes) -> Iterator[tuple[str, ast.AST]]:
    """The names of other arrays of the same shape: locals for locals, `w.R` for `w.Z`."""
    match node:
        case ast.Name(name, context):
            others = [other for other in shapes if "." not in other]
            make: Callable[[str], ast.expr] = lambda other: ast.Name(other, context)  # noqa: E731
        case ast.Attribute(ast.Name("w" | "params" as owner) as value, attribute, context):
            name = f"{owner}.{attribute}"
            others = [other for other in shapes if other.startswith(f"{owner}.")]
            make = lambda other: ast.Attribute(value, other.partition(".")[2], context)  # noqa: E731
        case _:
            return
    if name in shapes:
        for other in others:
            if other != name and shapes[other] == shapes[name]:
                yield f"{other} for {name}", make(other)


def _is_factor(node: ast.AST, owner: ast.AST) -> bool:
    """Whether a node stands in a matrix product."""
    match owner:
        case ast.BinOp(_, ast.MatMult(), _):
            return True
        case ast.Call(ast.Attribute(ast.Name("np"), "dot" | "matmul"), args):
            return node in args
        case _:
            return False


def _numpy(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load())
