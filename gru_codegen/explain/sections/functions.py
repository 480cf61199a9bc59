"""The elementwise functions of a derivation, and their names in words."""

from __future__ import annotations

from collections.abc import Iterator

from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import Prose
from gru_codegen.functions import FUNCTIONS
from gru_codegen.ir import Elementwise
from gru_codegen.notation import LATEX, TEXT, Schema
from gru_codegen.own_functions import said

__all__ = ["functions_of"]


def functions_of(derivation: Derivation) -> Iterator[tuple[Prose, Prose]]:
    """The functions that are applied, each with its meaning.

    Among them are those that only derivatives apply, as that of log does reciprocal.
    """
    written = (
        *(equation.expression for equation in derivation.equations),
        *(adjoint.expression for adjoint in derivation.adjoints),
    )
    applied = {
        type(call.function.expr)
        for expression in written
        for call in expression.atoms(ElementwiseApplyFunction)
    }
    for name, function in FUNCTIONS.items():
        if function in applied:
            yield (Schema(TEXT.function(name), LATEX.function(name)),), _meaning(function.record)
    for own in derivation.cell.functions:
        name = own.__name__
        yield (Schema(TEXT.function(name), LATEX.function(name)),), (said(own),)


def _meaning(record: Elementwise) -> Prose:
    """The meaning of a function; a formula that has a name in words is written as one."""
    if not record.called:
        return (record.meaning + record.remark,)
    function = LATEX.function(record.name)
    text, latex = record.meaning, record.latex_meaning or record.meaning
    equation = Schema(f"{record.name}(a) = {text}", f"{function}(a) = {latex}")
    return (f"{record.called} ", equation, record.remark)
