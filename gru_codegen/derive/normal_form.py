"""The normal form: equations that SymPy's matrix calculus differentiates rightly.

Each equation becomes one of three: ``f.(v)``, an elementwise function of one bare symbol; the
square ``v o v`` of one; or a rational combination of bare symbols, products ``v*W`` and
``OneMatrix(B, 1)*b``, and elementwise products of different bare symbols, where W is a weight or
made of weights by transposes, sums and elementwise products. What stands in the way gets a name and
an equation of its own, one outside the time loop where it is made of weights alone; what is
declared stays beside it, since the emitted forward pass follows the declaration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import count, product
from math import prod
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.equations import Equation, is_timed, matrix, plain
from gru_codegen.forms import added, scaled
from gru_codegen.names import fault_of_name
from gru_codegen.notation import RowFunction, Shown, Where, leaves, signed

__all__ = ["NormalEquation", "normalise"]

#: An elementwise product of sums is multiplied out up to this many terms; beyond, sums get names.
MOST_TERMS = 64


@dataclass(frozen=True, repr=False)
class NormalEquation(Shown):
    """``target = expression`` in normal form.

    Attributes
    ----------
    declared: the same value as it was declared, in the declaration's own symbols.
    origin: the declared equation that it is, or is a part of.
    meaning: what the target is called in words.
    """

    target: MatrixSymbol
    expression: Any
    declared: Any
    origin: Equation
    meaning: str

    def _sides(self) -> tuple[Any, ...]:
        return (self.target, self.expression)

    @property
    def named_here(self) -> bool:
        """Return whether only the normal form knows the target by name."""
        return bool(self.target != self.origin.target)

    @property
    def is_timed(self) -> bool:
        """Return whether it is computed at every step: one of weights alone has no row a sample."""
        return is_timed(self.target)


def normalise(
    equations: Iterable[Equation], names_in_use: Iterable[str], previous: Iterable[MatrixSymbol]
) -> tuple[NormalEquation, ...]:
    """The normal form of `equations`, in an order in which it can be computed.

    names_in_use: names that new symbols must not get, nor their adjoints. previous: the states one
    step earlier.
    """
    names_in_use = {name for stem in names_in_use for name in (stem, f"d{stem}")}
    normaliser = _Normaliser(names_in_use, {symbol: symbol for symbol in previous})
    for equation in equations:
        normaliser.add(equation)
    return tuple(normaliser.result)


class _Normaliser:
    def __init__(self, names_in_use: set[str], previous: dict[MatrixSymbol, MatrixSymbol]) -> None:
        self.names_in_use = names_in_use
        self.previous = previous
        self.named: dict[Any, MatrixSymbol] = {}
        self.result: list[NormalEquation] = []

    def add(self, equation: Equation) -> None:
        expression = self._equation(equation.expression, equation, str(equation.target))
        self.result.append(
            NormalEquation(
                equation.target, expression, equation.expression, equation, equation.meaning
            )
        )

    def _equation(self, expression: Any, origin: Equation, target: str) -> Any:
        return plain(self._normal(expression, origin, target))

    def _normal(self, expression: Any, origin: Equation, target: str) -> Any:
        if isinstance(expression, ElementwiseApplyFunction):
            argument = expression.expr
            if not isinstance(argument, MatrixSymbol):
                name, meaning = f"a{target}", f"pre-activation of the {origin.meaning}"
                argument = self._name(argument, origin, name, meaning)
            return expression.func(expression.function, argument)
        if isinstance(expression, RowFunction):
            argument = expression.argument
            if not isinstance(argument, MatrixSymbol):
                argument = self._name(argument, origin)
            return RowFunction(expression.name, argument)
        return expression if _is_square(expression) else self._combination(expression, origin)

    def _combination(self, expression: Any, origin: Equation) -> Any:
        if isinstance(expression, (MatrixSymbol, OneMatrix)):
            return expression
        if isinstance(expression, MatAdd):
            terms = self._with_rows_named(expression, origin)
            return MatAdd(*(self._combination(each, origin) for each in terms)).doit(deep=False)
        if isinstance(expression, MatMul):
            return self._product(expression, origin)
        if isinstance(expression, HadamardProduct):
            return self._expand(expression, origin)
        if isinstance(expression, Where):
            return self._choice(expression, origin)
        if isinstance(expression, Transpose):
            return self._transposed(expression, origin)
        return self._name(expression, origin)

    def _transposed(self, expression: Any, origin: Equation) -> Any:
        inner = expression.arg
        return Transpose(inner if isinstance(inner, MatrixSymbol) else self._name(inner, origin))

    def _with_rows_named(self, expression: Any, origin: Equation) -> list[Any]:
        """The terms of a sum; those whose row function is another term have one name together."""
        terms = list(expression.args)
        for rows in list(filter(None, map(_rows_of, terms))):
            parts = rows.args if isinstance(rows, MatAdd) else (rows,)
            if not isinstance(rows, MatrixSymbol) and all(each in terms for each in parts):
                terms = [each for each in terms if each not in parts]
                terms.append(self._name(rows, origin))
        return terms

    def _product(self, expression: Any, origin: Equation) -> Any:
        coefficient, factors = expression.as_coeff_matrices()
        if len(factors) == 1:
            return coefficient * self._combination(factors[0], origin)
        left, right = MatMul(*factors[:-1]).doit(deep=False), factors[-1]
        if not (isinstance(left, (MatrixSymbol, OneMatrix)) or _is_number(left)):
            left = self._name(left, origin)
        if isinstance(right, MatAdd) and any(isinstance(signed(t)[1], MatMul) for t in right.args):
            # a sum over an index within another sum is none that a proof settles
            terms = (self._combination(left * term, origin) for term in right.args)
            return coefficient * MatAdd(*terms).doit(deep=False)
        if not _is_made_plainly(right):
            right = self._name(right, origin)
        return coefficient * left * right

    def _choice(self, expression: Any, origin: Equation) -> Any:
        """K o A + (1 - K) o B, by the name K of the comparison, whose derivative is 0."""
        comparison, chosen, other = expression.args
        name, meaning = f"{origin.target}_if", f"condition in the {origin.meaning}"
        holds = self._name(comparison, origin, name, meaning)
        terms = [] if isinstance(chosen, ZeroMatrix) else [HadamardProduct(holds, chosen)]
        if not isinstance(other, ZeroMatrix):
            terms += [scaled(-1, HadamardProduct(holds, other)), other]
        return self._combination(reduce(added, terms), origin)

    def _expand(self, expression: Any, origin: Equation) -> Any:
        """Multiply out an elementwise product; SymPy refuses a sum inside one."""
        choices = [self._terms(factor, origin) for factor in expression.args]
        if prod(map(len, choices)) > MOST_TERMS:
            choices = [
                [(sp.S.One, self._name(factor, origin))] if len(terms) > 1 else terms
                for factor, terms in zip(expression.args, choices, strict=True)
            ]
        expanded = []
        for choice in product(*choices):
            coefficient = sp.Mul(*(c for c, _ in choice))
            factors = [symbol for _, symbol in choice if not isinstance(symbol, OneMatrix)]
            elementwise = self._distinct(factors, origin) if factors else choice[0][1]
            expanded.append(coefficient * elementwise)
        return MatAdd(*expanded).doit(deep=False)

    def _distinct(self, factors: list[Any], origin: Equation) -> Any:
        """Their elementwise product; SymPy refuses a factor that is repeated among others, so the
        square of one gets a name."""
        while repeated := [factor for factor, count in Counter(factors).items() if count > 1]:
            square = self._name(HadamardProduct(repeated[0], repeated[0]), origin)
            factors.remove(repeated[0])
            factors[factors.index(repeated[0])] = square
        return HadamardProduct(*factors) if len(factors) > 1 else factors[0]

    def _terms(self, factor: Any, origin: Equation) -> list[tuple[Any, Any]]:
        """`factor` as terms (coefficient, bare symbol or ones)."""
        terms = [
            signed(term) for term in (factor.args if isinstance(factor, MatAdd) else (factor,))
        ]
        if all(isinstance(t, (MatrixSymbol, OneMatrix)) or _is_spread(t) for _, t in terms):
            return [(c, self._name(t, origin) if _is_spread(t) else t) for c, t in terms]
        return [(sp.S.One, self._name(factor, origin))]

    def _name(
        self, expression: Any, origin: Equation, name: str = "", meaning: str = ""
    ) -> MatrixSymbol:
        if expression not in self.named:
            name = name or self._describe(expression, origin)
            if fault_of_name(name):  # as of the product of i and f, or the pre-activation of s
                name = f"{origin.target}_part"
            name = self._free(name)
            kind = "factor" if is_timed(expression) else "weights"
            meaning = meaning or f"{kind} in the {origin.meaning}"
            symbol = matrix(name, *expression.shape)
            normal = self._equation(expression, origin, name)
            self.result.append(NormalEquation(symbol, normal, expression, origin, meaning))
            self.named[expression] = symbol
        return self.named[expression]

    def _describe(self, expression: Any, origin: Equation) -> str:
        """A product of symbols is named by its factors, as RS is; anything else by its equation."""
        if not is_timed(expression):
            return f"{origin.target}_weights"
        if isinstance(expression, (HadamardProduct, MatMul)) and all(
            isinstance(factor, MatrixSymbol) for factor in expression.args
        ):
            return "".join(self._short(symbol) for symbol in leaves(expression))
        return f"{origin.target}_part"

    def _short(self, symbol: MatrixSymbol) -> str:
        return str(symbol.name).removesuffix("_prev") if symbol in self.previous else symbol.name

    def _free(self, name: str) -> str:
        names = (name if n == 1 else f"{name}_{n}" for n in count(1))
        free = next(name for name in names if not {name, f"d{name}"} & self.names_in_use)
        self.names_in_use |= {free, f"d{free}"}
        return free


def _rows_of(term: Any) -> Any:
    """The rows of which a term is a function: their largest number, their sum or their mean."""
    _, plain = signed(term)
    if isinstance(plain, RowFunction):
        return plain.argument
    summed = isinstance(plain, MatMul) and any(isinstance(f, OneMatrix) for f in plain.args[1:])
    return plain.args[0] if summed else None


def _is_made_plainly(factor: Any) -> bool:
    """Return whether `factor` is made of symbols by transposes, sums and elementwise products."""
    if isinstance(factor, MatMul):
        _, factors = factor.as_coeff_matrices()
        return len(factors) == 1 and _is_made_plainly(factors[0])
    plain = (MatrixSymbol, OneMatrix, Transpose, MatAdd, HadamardProduct)
    parts = () if isinstance(factor, MatrixSymbol) else factor.args
    matrices = (part for part in parts if part.is_Matrix)
    return isinstance(factor, plain) and all(map(_is_made_plainly, matrices))


def _is_number(expression: Any) -> bool:
    """Return whether `expression` is one number for every sample: ones a."""
    match expression.args if isinstance(expression, MatMul) else ():
        case (OneMatrix(), MatrixSymbol() as number):
            return bool(number.shape == (1, 1))
    return False


def _is_spread(expression: Any) -> bool:
    """Return whether `expression` is a column as every column of a matrix."""
    last = expression.args[-1] if isinstance(expression, MatMul) else None
    return isinstance(last, OneMatrix) and last.shape[0] == 1


def _is_square(expression: Any) -> bool:
    if not isinstance(expression, HadamardProduct):
        return False
    factor, *others = expression.args
    return isinstance(factor, MatrixSymbol) and others == [factor]
