"""How equations that passes make are written: in plain text, like those of the declaration."""

from __future__ import annotations

from gru_codegen.ir import Call, Const, Expr, Ref

__all__ = ["equation", "wording"]

_SUM, _ELEMENTWISE, _PRODUCT, _ATOM = range(4)
_JOINED = {"beside": " ", "below": "; "}


def equation(target: Ref, value: Expr) -> str:
    """``target = value`` for one time step: ``RS_t = R_t o S_{t-1}``."""
    return f"{wording(target)} = {wording(value)}"


def wording(expression: Expr) -> str:
    """`expression` in plain text."""
    return _write(expression)[0]


def _write(expression: Expr) -> tuple[str, int]:
    def at_least(part: Expr, level: int) -> str:
        text, binding = _write(part)
        return text if binding >= level else f"({text})"

    if isinstance(expression, Ref):
        return _symbol(expression), _ATOM
    if isinstance(expression, Const):
        return str(expression.value), _ATOM
    args = expression.args
    match expression.operation:
        case "add":
            return f"{at_least(args[0], _SUM)} + {at_least(args[1], _ELEMENTWISE)}", _SUM
        case "subtract":
            return f"{at_least(args[0], _SUM)} - {at_least(args[1], _ELEMENTWISE)}", _SUM
        case "negate":
            return f"-{at_least(args[0], _ELEMENTWISE)}", _SUM
        case "multiply" if isinstance(args[0], Const):
            return f"{args[0].value} {at_least(args[1], _PRODUCT)}", _ELEMENTWISE
        case "multiply":
            text = f"{at_least(args[0], _ELEMENTWISE)} o {at_least(args[1], _PRODUCT)}"
            return text, _ELEMENTWISE
        case "matmul":
            left = at_least(args[0], _PRODUCT)
            scaled = isinstance(args[1], Call) and args[1].operation == "multiply"
            return f"{left} {at_least(args[1], _ATOM if scaled else _PRODUCT)}", _PRODUCT
        case "contract":
            return f"{at_least(args[0], _ATOM)}^T {at_least(args[1], _PRODUCT)}", _PRODUCT
        case "transpose":
            return f"{at_least(args[0], _ATOM)}^T", _ATOM
        case "rows":
            return _write(args[0])
        case "bordered":
            return f"[{wording(args[0])} 1]", _ATOM
        case "beside" | "below":
            return f"[{_JOINED[expression.operation].join(map(wording, args))}]", _ATOM
    return f"{expression.operation}({', '.join(map(wording, args))})", _ATOM


def _symbol(ref: Ref) -> str:
    if not ref.var.timed:
        return ref.var.name
    offset = ref.when.offset if ref.when is not None else 0
    return f"{ref.var.name}_{{t{offset:+d}}}" if offset else f"{ref.var.name}_t"
