"""The text of a program read back: the other direction of `printing`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction

from gru_codegen.errors import ProgramError
from gru_codegen.ir.expressions import Call, Const, Every, Expr, Now, Ref, Var

__all__ = ["read_expression"]

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
