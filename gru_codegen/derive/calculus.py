"""Local derivatives: taken by SymPy, written in terms of what the forward pass computed, proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace

from gru_codegen.derive.proof import prove_derivative
from gru_codegen.errors import DerivationError

__all__ = ["LocalDerivative", "differentiate"]


@dataclass(frozen=True)
class LocalDerivative:
    """The derivative of <adjoint, value> with respect to one argument of the value.

    Attributes
    ----------
    of: the target of the equation that was differentiated, or the name of the cost.
    argument: what it was differentiated with respect to.
    expression: SymPy's result in terms of the adjoint and of forward values; proved.
    """

    of: Any
    argument: MatrixSymbol
    expression: Any


def differentiate(
    where: str, value: Any, argument: MatrixSymbol, adjoint: Any = 1, target: Any = None
) -> LocalDerivative:
    """Let SymPy differentiate tr(adjoint^T value), or the scalar `value`, and prove the result.

    Raises
    ------
    DerivationError: SymPy refuses the form, or its result is not the derivative.
    """
    scalar = value if adjoint == 1 else Trace(adjoint.T * value)
    at = f"{where}, with respect to {argument}"
    try:
        raw = scalar.diff(argument)
    except Exception as error:  # SymPy raises whatever its array calculus happens to trip over
        raise DerivationError(
            f"{at}: SymPy cannot differentiate {value} ({type(error).__name__}: "
            f"{' '.join(str(error).split())}); name the operand by an equation of its own"
        ) from error
    if not isinstance(raw, MatrixExpr):
        raise DerivationError(
            f"{at}: SymPy answers with a {type(raw).__name__} instead of a matrix; "
            "name the operand by an equation of its own"
        )
    expression = _in_terms_of_value(raw, target)
    prove_derivative(at, value, argument, adjoint, expression, target)
    return LocalDerivative(target, argument, expression)


def _in_terms_of_value(expression: Any, target: Any) -> Any:
    """Replace f'(v), a polynomial in f(v), by the same polynomial in the equation's target.

    That also takes SymPy's ``Dummy`` symbols out, which differ from process to process.
    """
    if isinstance(expression, MatrixSymbol) or not isinstance(expression, MatrixExpr):
        return expression
    if isinstance(expression, ElementwiseApplyFunction):
        (variable,) = expression.function.variables
        value = sp.Symbol("value")
        body = expression.function.expr
        calls = [call for call in body.atoms(sp.Function) if call.args == (variable,)]
        polynomial = body.subs(dict.fromkeys(calls, value))
        if len(calls) == 1 and not polynomial.has(variable):
            return _matrix_polynomial(polynomial, value, target)
        return ElementwiseApplyFunction(
            sp.Lambda(sp.Symbol("a"), expression.function(sp.Symbol("a"))), expression.expr
        )
    arguments = [_in_terms_of_value(argument, target) for argument in expression.args]
    if isinstance(expression, HadamardProduct):
        return HadamardProduct(*_flat(arguments))
    return expression.func(*arguments)


def _matrix_polynomial(polynomial: Any, value: Any, target: MatrixSymbol) -> Any:
    if polynomial == value:
        return target
    if polynomial.is_Number:
        ones = OneMatrix(*target.shape)
        return ones if polynomial == 1 else MatMul(polynomial, ones)
    if polynomial.is_Add:
        return MatAdd(*(_matrix_polynomial(term, value, target) for term in polynomial.args))
    if polynomial.is_Pow:
        return HadamardProduct(
            *[_matrix_polynomial(polynomial.base, value, target)] * polynomial.exp
        )
    coefficient, factors = polynomial.as_coeff_mul()
    matrices = _flat([_matrix_polynomial(factor, value, target) for factor in factors])
    whole = HadamardProduct(*matrices) if len(matrices) > 1 else matrices[0]
    return whole if coefficient == 1 else MatMul(coefficient, whole)


def _flat(factors: list[Any]) -> list[Any]:
    return [
        inner
        for factor in factors
        for inner in (factor.args if isinstance(factor, HadamardProduct) else (factor,))
    ]
