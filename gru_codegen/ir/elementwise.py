"""The elementwise functions that equations may use: one record each, and nothing elsewhere.

A record is callable and stands in the formulas of those below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from gru_codegen.ir.expressions import Call, Const, Expr, Ref, Var

__all__ = ["ELEMENTWISE", "Elementwise", "a", "value"]

#: What formulas are written in: the argument of a function, and its value there.
a, value = (Ref(Var(name, (), "work")) for name in ("a", "value"))


@dataclass(frozen=True, kw_only=True)
class Elementwise:
    """A function of one number, applied to every entry of a matrix.

    Attributes
    ----------
    name: as equations write it, an identifier.
    meaning: a line of text, begun with a capital or a formula in `a`.
    derivative: in terms of `value`, which the forward pass has kept, and of `a`.
    sees_through: the functions g for which this function of g(a) is that of a itself.
    poles: the arguments at which the function or its derivative is infinite.
    safe: an argument at which both are finite.
    kinks: the arguments at which the function or its derivative jumps.
    above: the greatest number that is less than all its arguments; None where there is none.
    """

    name: str
    meaning: str
    derivative: Expr
    sees_through: tuple[str, ...] = ()
    poles: tuple[Fraction, ...] = ()
    safe: Fraction = Fraction(0)
    kinks: tuple[Fraction, ...] = ()
    above: Fraction | None = None

    def __call__(self, of: Expr) -> Expr:
        """The function applied to an expression."""
        return Call(self.name, (of,))


exp = Elementwise(name="exp", meaning="The exponential function.", derivative=value)

reciprocal = Elementwise(
    name="reciprocal",
    meaning="1 / a.",
    derivative=-(value * value),
    poles=(Fraction(0),),
    safe=Fraction(1),
)

log = Elementwise(
    name="log",
    meaning="The natural logarithm.",
    derivative=reciprocal(a),
    poles=(Fraction(0),),
    safe=Fraction(1),
    above=Fraction(0),
)

tanh = Elementwise(name="tanh", meaning="The hyperbolic tangent.", derivative=1 - value * value)

sigmoid = Elementwise(
    name="sigmoid",
    meaning="The logistic function 1 / (1 + exp(-a)).",
    derivative=value * (1 - value),
)

positive = Elementwise(
    name="positive",
    meaning="1 where a > 0, else 0; its derivative is 0, also at the jump.",
    derivative=Const(Fraction(0)),
    sees_through=("relu",),
    kinks=(Fraction(0),),
)

relu = Elementwise(
    name="relu",
    meaning="max(a, 0). At its kink the derivative is taken as 0, one of the subgradients.",
    derivative=positive(value),
    kinks=(Fraction(0),),
)

clip = Elementwise(
    name="clip",
    meaning="a, but at least -1 and at most 1; the derivative at the ends is taken as 0.",
    derivative=positive(1 - value * value),
    kinks=(Fraction(-1), Fraction(1)),
)

huber = Elementwise(
    name="huber",
    meaning="a^2 / 2 where abs(a) <= 1, else abs(a) - 1/2.",
    derivative=clip(a),
)

softplus = Elementwise(name="softplus", meaning="log(1 + exp(a)).", derivative=sigmoid(a))

#: Every function by name.
ELEMENTWISE: Mapping[str, Elementwise] = {
    function.name: function
    for function in (clip, exp, huber, log, positive, reciprocal, relu, sigmoid, softplus, tanh)
}
