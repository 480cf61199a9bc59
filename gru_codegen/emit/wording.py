"""Plain text: equations that passes make, like those of the declaration, and lists of words."""

from __future__ import annotations

from collections.abc import Sequence

from gru_codegen.ir import Call, Const, Expr, Ref
from gru_codegen.ir.precedence import ATOM, PRODUCT, SUM, TIGHT, Form, Infix, call, spelled

__all__ = ["equation", "listed", "wording"]

#: An elementwise product is a PRODUCT, one of matrices is TIGHT.
_INFIX = {
    "add": Infix("{} + {}", SUM, (SUM, PRODUCT)),
    "subtract": Infix("{} - {}", SUM, (SUM, PRODUCT)),
    "negate": Infix("-{}", SUM, (PRODUCT,)),
    "multiply": Infix("{} o {}", PRODUCT, (PRODUCT, TIGHT)),
    "matmul": Infix("{} {}", TIGHT, (TIGHT, TIGHT)),
    "contract": Infix("{}^T {}", TIGHT, (ATOM, TIGHT)),
    **dict.fromkeys(("transpose", "column", "vector"), Infix("{}^T", ATOM, (ATOM,))),
    "bordered": Infix("[{} ones]", ATOM, (SUM,)),
}
_SCALED = Infix("{} {}", PRODUCT, (SUM, TIGHT))
_BY_SCALED = Infix("{} {}", TIGHT, (TIGHT, ATOM))
_JOINED = {"beside": " ", "below": "; "}


def equation(target: Ref, value: Expr) -> str:
    """``target = value`` for one time step: ``RS_t = R_t o S_{t-1}``."""
    return f"{wording(target)} = {wording(value)}"


def listed(words: Sequence[str]) -> str:
    """Words as a sentence has them: x, u and v."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def wording(expression: Expr) -> str:
    """`expression` in plain text."""
    return spelled(expression, _notation)


def _notation(expression: Expr) -> Form:
    match expression:
        case Ref():
            return Form(_symbol(expression))
        case Const(value):
            return Form(str(value))
        case Call("rows" | "row", (argument,)) | Call("guard", (_, _, argument)):
            return _notation(argument)
        case Call("multiply", (Const(), _)):
            return _SCALED.of(*expression.args)
        case Call("matmul", (_, Call("multiply"))):
            return _BY_SCALED.of(*expression.args)
        case Call("beside" | "below" as operation, args):
            joined = _JOINED[operation].join(["{}"] * len(args))
            return Form(f"[{joined}]", ATOM, tuple((part, SUM) for part in args))
        case Call(operation, args) if operation in _INFIX:
            return _INFIX[operation].of(*args)
    return call(expression.operation, expression.args)


def _symbol(ref: Ref) -> str:
    if not ref.var.timed:
        return ref.var.name
    offset = ref.when.offset if ref.when is not None else 0
    return f"{ref.var.name}_{{t{offset:+d}}}" if offset else f"{ref.var.name}_t"
