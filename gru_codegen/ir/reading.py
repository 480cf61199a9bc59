"""Reading the text of a program: the other direction of `printing`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple, get_args

from gru_codegen.errors import ProgramError
from gru_codegen.ir.expressions import Call, Const, Every, Expr, Now, Ref, Role, Var
from gru_codegen.ir.origins import INTERMEDIATE, EquationId, Origin
from gru_codegen.ir.program import (
    DIRECTIONS,
    OPTIONS,
    Block,
    Loop,
    Orientation,
    Phase,
    Program,
    Statement,
    Step,
)

__all__ = ["read_blocks", "read_expression", "read_program"]

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.MatMult: "matmul",
}


def read_expression(text: str, variables: Mapping[str, Var]) -> Expr:
    """The expression that is written as `text`, over `variables`.

    Raises
    ------
    ProgramError: `text` is no expression, or has a name that is no variable's.
    """
    try:
        return _expression(ast.parse(text, mode="eval").body, variables)
    except (SyntaxError, ValueError) as error:
        raise ProgramError(f"{text}: this is no expression of a program") from error
    except KeyError as error:
        raise ProgramError(f"{text}: there is no variable {error}") from error


def _expression(node: ast.expr, variables: Mapping[str, Var]) -> Expr:
    def call(operation: str, *args: ast.expr) -> Call:
        return Call(operation, tuple(_expression(argument, variables) for argument in args))

    match node:
        case ast.Name(name):
            return Ref(variables[name])
        case ast.Subscript(ast.Name(name), index):
            return Ref(variables[name], _when(index))
        case ast.Call(ast.Name(operation), args, []):
            return call(operation, *args)
        case ast.Attribute(operand, "T"):
            return call("transpose", operand)
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            return call(_OPERATORS[type(operator)], left, right)
        case ast.UnaryOp(ast.USub(), operand) if not isinstance(operand, ast.Constant):
            return call("negate", operand)
    return Const(Fraction(ast.unparse(node).replace(" ", "")))


def _when(index: ast.expr) -> Now | Every:
    match index:
        case ast.Name("t"):
            return Now()
        case ast.BinOp(ast.Name("t"), ast.Add() | ast.Sub() as sign, ast.Constant(int(offset))):
            return Now(offset if isinstance(sign, ast.Add) else -offset)
        case ast.Slice(None, None, None):
            return Every()
        case ast.Slice(None, upper, None) if upper is not None:
            return Every(int(ast.literal_eval(upper)))
    raise ValueError(ast.unparse(index))


# --- programs ------------------------------------------------------------------------------------

_ROLES = "|".join(get_args(Role))
_VARIABLE = re.compile(
    rf"(?P<role>{_ROLES}) (?P<name>\w+)(?P<timed>\[t\])?( of (?P<of>\w+))? \((?P<shape>[^()]*)\)"
    r"( = \[(?P<parts>.*?)\])?(, beyond: (?P<boundary>.*?))?(  # (?P<meaning>.*))?"
)
_STEPS = re.compile(r"t = (?P<indices>[^:]*):( as t = (?P<other>\d+))?")
_STATEMENT = re.compile(r"(if (?P<given>[^:]*): )?(?P<target>\S+) (?P<sign>\+?=) (?P<value>.*)")
_HEADINGS = {Loop(direction, ()).heading: direction for direction in DIRECTIONS}


class _Line(NamedTuple):
    """Line of a text: its indentation and its content."""

    indent: int
    text: str


def read_program(text: str) -> Program:
    """The program that `printing` writes as `text`; without origins they are empty.

    Raises
    ------
    ProgramError: `text` is none; the line at fault is in the message.
    """
    header, variables, phases = _sections(text)
    known: dict[str, Var] = {}
    for line in variables:
        var = _variable(line.text, known)
        known[var.name] = var
    by_key = dict(_pair(line.text, ":") for line in header)
    try:
        return _program(by_key, known, phases)
    except KeyError as error:
        raise ProgramError(f"the text of the program has no {error}") from error


def read_blocks(text: str, variables: Mapping[str, Var]) -> tuple[Block, ...]:
    """The blocks that are written as `text`, as they stand in a phase.

    Raises
    ------
    ProgramError: a line is none of a program.
    """
    return _Blocks(_lines(text), variables).all()


def _lines(text: str) -> list[_Line]:
    lines = [line for line in text.splitlines() if line.strip()]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    margin = min(indents, default=0)
    return [_Line(n - margin, line.strip()) for n, line in zip(indents, lines, strict=True)]


def _sections(text: str) -> tuple[list[_Line], list[_Line], dict[str, list[_Line]]]:
    """The lines of the header, of the variables and of each phase."""
    header: list[_Line] = []
    variables: list[_Line] = []
    phases: dict[str, list[_Line]] = {}
    section = header
    for line in _lines(text):
        if line.indent == 0 and line.text == "variables:":
            section = variables
        elif line.indent == 0 and line.text.startswith("phase "):
            section = phases.setdefault(line.text.removeprefix("phase ").rstrip(":"), [])
        else:
            section.append(line)
    return header, variables, phases


def _program(
    by_key: Mapping[str, str], known: Mapping[str, Var], phases: Mapping[str, list[_Line]]
) -> Program:
    def named(names: str) -> tuple[Var, ...]:
        return tuple(known[name] for name in names.split())

    orientations: dict[str, Orientation] = {each: each for each in get_args(Orientation)}
    stored, made = (filter(None, by_key.get(key, "").split(", ")) for key in ("stored", "made"))
    return Program(
        name=by_key["program"],
        weights=named(by_key.get("weights", "")),
        constants=named(by_key.get("constants", "")),
        made={
            name: (pattern, tuple(map(int, numbers)))
            for name, pattern, *numbers in map(str.split, made)
        },
        phases=tuple(Phase(name, _Blocks(lines, known).all()) for name, lines in phases.items()),
        entries={
            key.removeprefix("entry "): named(names)
            for key, names in by_key.items()
            if key.startswith("entry ")
        },
        outputs=named(by_key.get("outputs", "")),
        seeds=named(by_key.get("seeds", "")),
        carries=named(by_key.get("carries", "")),
        steps=None if by_key["steps"] == "any" else int(by_key["steps"]),
        orientation=orientations[by_key["orientation"]],
        overwrites=dict(_pair(each, " over ") for each in stored),
        by_row=frozenset(by_key.get("by row", "").split()),
        targets_in_seed="targets" in by_key,
    )


def _pair(text: str, between: str) -> tuple[str, str]:
    left, separator, right = text.partition(between)
    if not separator:
        raise ProgramError(f"{text}: this is no line of a program")
    return left, right.strip()


def _variable(text: str, known: Mapping[str, Var]) -> Var:
    match = _VARIABLE.fullmatch(text)
    if match is None:
        raise ProgramError(f"{text}: this is no variable of a program")
    rows = (match["parts"] or "").split("; ")
    return Var(
        match["name"],
        tuple(size for size in match["shape"].split(", ") if size),
        next(role for role in get_args(Role) if role == match["role"]),
        match["timed"] is not None,
        None if match["boundary"] is None else read_expression(match["boundary"], known),
        _unescaped(match["meaning"] or ""),
        tuple(tuple(_ref(part, known) for part in row.split()) for row in rows if row),
        match["of"] or "",
    )


def _ref(text: str, known: Mapping[str, Var]) -> Ref:
    ref = read_expression(text, known)
    if not isinstance(ref, Ref):
        raise ProgramError(f"{text}: this is no variable, nor a step of one")
    return ref


class _Blocks:
    """The blocks of a phase, read line by line."""

    def __init__(self, lines: list[_Line], known: Mapping[str, Var]) -> None:
        self.lines, self.known = lines[::-1], known
        self.origin = INTERMEDIATE
        self.bodies: dict[int, tuple[Block, ...]] = {}

    def all(self) -> tuple[Block, ...]:
        """Every block."""
        blocks = self.of(min((line.indent for line in self.lines), default=0))
        if self.lines:
            raise ProgramError(f"{self.lines[-1].text}: this line is not indented as others are")
        return blocks

    def of(self, indent: int) -> tuple[Block, ...]:
        """Lines at `indent` from here on, up to one further left."""
        blocks: list[Block] = []
        while self.lines and self.lines[-1].indent == indent:
            text = self.lines.pop().text
            if text.startswith("# "):
                self._read_origin(text.removeprefix("# "))
            elif text in _HEADINGS:
                blocks.append(Loop(_HEADINGS[text], self._body(indent)))
            elif (steps := _STEPS.fullmatch(text)) is not None:
                blocks += self._steps(steps["indices"], steps["other"], indent)
            else:
                blocks.append(self._statement(text))
        return tuple(blocks)

    def _read_origin(self, text: str) -> None:
        """Equations, with which an origin begins, or a value computed in full."""
        target, equals, value = text.partition(" = ")
        if equals:
            definition = (_ref(target, self.known), read_expression(value, self.known))
            self.origin = replace(self.origin, computed=(*self.origin.computed, definition))
        else:
            word, _, behind = text.partition(" ")
            serves = word == "for"
            names = (behind if serves else text).split(", ")
            ids = tuple(EquationId.read(name) for name in names if name)
            self.origin = Origin(serves=ids) if serves else Origin(ids)

    def _body(self, indent: int) -> tuple[Block, ...]:
        deeper = self.lines and self.lines[-1].indent > indent
        return self.of(self.lines[-1].indent) if deeper else ()

    def _steps(self, indices: str, other: str | None, indent: int) -> list[Step]:
        body = self._body(indent) if other is None else self.bodies[int(other)]
        steps = [Step(index, body) for index in _indices(indices)]
        self.bodies |= {step.index: body for step in steps}
        return steps

    def _statement(self, text: str) -> Statement:
        match = _STATEMENT.fullmatch(text)
        if match is None:
            raise ProgramError(f"{text}: this is no statement of a program")
        target = _ref(match["target"], self.known)
        value = read_expression(match["value"], self.known)
        names = match["given"].split(" and ") if match["given"] else []
        given = tuple(option for name in names for option in OPTIONS if option == name)
        if len(given) < len(names):
            raise ProgramError(f"{text}: there are the options {', '.join(OPTIONS)}")
        return Statement(target, value, self.origin, match["sign"] == "+=", given)


def _indices(text: str) -> list[int]:
    if " to " not in text:
        return [int(index) for index in text.split(", ")]
    first, last = map(int, text.split(" to "))
    return list(range(first, last + 1) if first <= last else range(first, last - 1, -1))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
