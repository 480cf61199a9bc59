"""The functions of declarations on single numbers of any kind that is closed under + - * /.

A function that has a definition in its record is computed by it, so `sigmoid(a)` is
``(1 + tanh(a/2)) / 2``. These definitions and the derivatives in the records are the axioms of the
proof; what they are held to is in `docs/trust.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import add, mul, neg, sub, truediv
from typing import Any

from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from gru_codegen.ir import ELEMENTWISE, Call, Const, Elementwise, Expr, Ref, parts

__all__ = ["compares", "derivative", "value"]


def value(record: Elementwise, argument: Any) -> Any:
    """The function of `record` at one number, which knows those that have no definition."""
    if record.definition is None:
        ufunc: Any = record.ufunc
        return getattr(argument, ufunc.__name__)()
    known = {"a": argument}
    for name, part in record.where:
        known[name.var.name] = _computed(part, known)
    return _computed(record.definition, known)


def derivative(record: Elementwise, argument: Any, at: Any) -> Any:
    """The derivative there, where the function itself is `at`."""
    return _computed(record.derivative, {"a": argument, "value": at})


def compares(expressions: Iterable[Any]) -> bool:
    """Return whether some of these `expressions` apply a function that compares numbers."""
    applied = (each for e in expressions for each in e.atoms(ElementwiseApplyFunction))
    records = {each.function.expr.func.record for each in applied}
    waiting = [operation for record in records for operation in _operations(record)]
    used: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _operations(ELEMENTWISE[name]) if name in ELEMENTWISE else []
    return not used.isdisjoint(_COMPARISONS)


_COMPARISONS = {"greater", "greater_equal", "maximum", "minimum"}


def _operations(record: Elementwise) -> Iterator[str]:
    """The operations that the function and its derivative are made of."""
    for formula in (record.definition, record.derivative, *(part for _, part in record.where)):
        if formula is not None:
            yield from (part.operation for part in parts(formula) if isinstance(part, Call))


def _computed(formula: Expr, known: Mapping[str, Any]) -> Any:
    if isinstance(formula, Ref):
        return known[formula.var.name]
    if isinstance(formula, Const):
        # beside the argument, of whose kind the number has to be
        return (0 * known["a"] + formula.value.numerator) / formula.value.denominator
    arguments = [_computed(argument, known) for argument in formula.args]
    if formula.operation in ELEMENTWISE:
        return value(ELEMENTWISE[formula.operation], *arguments)
    return _OPERATIONS[formula.operation](*arguments)


def _greater(left: Any, right: Any) -> Any:
    return 0 * left + (left > right)


def _greater_equal(left: Any, right: Any) -> Any:
    return 0 * left + (left >= right)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": add,
    "subtract": sub,
    "multiply": mul,
    "divide": truediv,
    "negate": neg,
    "maximum": lambda left, right: left if left >= right else right,
    "minimum": lambda left, right: left if left <= right else right,
    "greater": _greater,
    "greater_equal": _greater_equal,
    "expm1": lambda a: a.exp() - 1,
    "log1p": lambda a: (1 + a).log(),
}
