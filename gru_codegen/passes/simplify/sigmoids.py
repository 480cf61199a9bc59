"""Rewriting of sigmoids as tanh, whose factor 1/2 is folded into the weights.

Expects whole equations, in which a sigmoid contains the products that it is applied to. Leaves
halved weights as expressions, which loop-invariant code motion computes once.
"""

from __future__ import annotations

from fractions import Fraction

from gru_codegen.ir import Call, Const, Expr, Program, parts, reads, rewrite

__all__ = ["rewrite_sigmoids"]

_HALF = Const(Fraction(1, 2))


def rewrite_sigmoids(program: Program) -> Program:
    """Write sigmoid(a) as 1/2 (1 + tanh(a/2)), with the half of a taken from its weights.

    Without a matrix product in a, it stays: the weights are halved once, a product at every step.
    """

    def rule(expression: Expr) -> Expr | None:
        if not (isinstance(expression, Call) and expression.operation == "sigmoid"):
            return None
        (argument,) = expression.args
        if not any(isinstance(p, Call) and p.operation == "matmul" for p in parts(argument)):
            return None
        tanh = Call("tanh", (_half(rewrite(argument, rule)),))
        return Call("multiply", (_HALF, Call("add", (Const(Fraction(1)), tanh))))

    return program.with_values(lambda value: rewrite(value, rule))


def _half(expression: Expr) -> Expr:
    """Half of `expression`: of its weights where it is linear in some."""
    if isinstance(expression, Const):
        return Const(expression.value / 2)
    if isinstance(expression, Call):
        match expression.operation:
            case "multiply" if isinstance(expression.args[0], Const):
                return Call("multiply", (_half(expression.args[0]), expression.args[1]))
            case "multiply" if isinstance(expression.args[1], Const):
                return Call("multiply", (expression.args[0], _half(expression.args[1])))
            case "add" | "subtract" | "negate":
                return Call(expression.operation, tuple(map(_half, expression.args)))
            case "rows" | "transpose":
                return Call(expression.operation, (_half(expression.args[0]),))
            case "matmul" | "multiply":
                left, right = expression.args
                if _is_weight(right):
                    return Call(expression.operation, (left, _half(right)))
                if _is_weight(left):
                    return Call(expression.operation, (_half(left), right))
    return Call("multiply", (_HALF, expression))


def _is_weight(expression: Expr) -> bool:
    """Return whether `expression` is made of weights alone."""
    return any(True for _ in reads(expression)) and all(
        ref.var.is_fixed for ref in reads(expression)
    )
