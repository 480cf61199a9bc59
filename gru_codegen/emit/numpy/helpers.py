"""The helpers that a module defines for the operations that its expressions use."""

from __future__ import annotations

from collections.abc import Collection

from gru_codegen.emit.numpy.expressions import Numpy, as_expression, helper_name
from gru_codegen.ir import ELEMENTWISE, Call, Elementwise, Expr, parts, rewrite

__all__ = ["helpers_of"]


def helpers_of(operations: Collection[str]) -> list[str]:
    """The functions that expressions with these `operations` call, each as one block of text."""
    called: set[str] = set()
    waiting = list(operations)
    while waiting:
        function = ELEMENTWISE.get(waiting.pop())
        if function is not None and _has_helper(function) and function.name not in called:
            called.add(function.name)
            waiting += [
                part.operation
                for formula in _formulas(function)
                for part in parts(formula)
                if isinstance(part, Call)
            ]
    texts = {name: _helper(ELEMENTWISE[name]) for name in called}
    if "guard" in operations:
        texts["guard"] = _GUARDED
    return [texts[name] for name in sorted(texts)]


_GUARDED = '''\
def _guarded(a: Array, number: int, unread: Array | None) -> Any:
    """a, but `number` in rows that are not read, where a may be anything."""
    return a if unread is None else np.where(unread, np.full((), number, a.dtype), a)'''


def _has_helper(function: Elementwise) -> bool:
    return function.definition is not None and not function.inline


def _formulas(function: Elementwise) -> list[Expr]:
    """The lines of a helper: the named parts, then the result."""
    assert function.definition is not None
    formulas = [*(formula for _, formula in function.where), function.definition]
    return [_written_out(formula) for formula in formulas]


def _written_out(formula: Expr) -> Expr:
    """`formula` with functions as what they are made of; those of several parts are called."""

    def rule(part: Expr) -> Expr | None:
        if not isinstance(part, Call) or part.operation not in ELEMENTWISE:
            return None
        function = ELEMENTWISE[part.operation]
        if function.definition is None or function.where:
            return None
        return _written_out(function.of(part.args[0]))

    return rewrite(formula, rule)


def _helper(function: Elementwise) -> str:
    notation = Numpy(lambda ref: ref.var.name)
    *computed, result = (as_expression(formula, notation) for formula in _formulas(function))
    names = [part.var.name for part, _ in function.where]
    return "\n".join(
        [
            f"def {helper_name(function.name)}(a: Array) -> Any:",
            f'    """{function.meaning}{function.computed}."""',
            *(f"    {name} = {text}" for name, text in zip(names, computed, strict=True)),
            f"    return {result}",
        ]
    )
