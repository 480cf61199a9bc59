"""The elementwise functions that equations may use: one record each, and nothing elsewhere.

A record is callable and stands in the formulas of those below it.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial, reduce
from typing import Any

import numpy as np

from gru_codegen.ir.elementwise import Elementwise, a, name, operation, value
from gru_codegen.ir.expressions import Const

__all__ = ["ELEMENTWISE"]

add, divide, expm1, greater, greater_equal, log1p, maximum, minimum = map(
    operation,
    ("add", "divide", "expm1", "greater", "greater_equal", "log1p", "maximum", "minimum"),
)
c, m, p, q, s, t, u = map(name, "cmpqstu")


def _sigmoid(array: Any) -> Any:
    small = np.exp(-np.abs(array))
    return np.where(array >= 0, 1, small) / (1 + small)


exp = Elementwise(
    name="exp",
    meaning="The exponential function",
    derivative=value,
    ufunc=np.exp,
    overflows=True,
)

reciprocal = Elementwise(
    name="reciprocal",
    meaning="1 / a",
    derivative=-(value * value),
    definition=divide(1, a),
    reference=lambda array: 1 / array,
    inline=True,
    poles=(Fraction(0),),
    safe=Fraction(1),
)

log = Elementwise(
    name="log",
    meaning="The natural logarithm",
    derivative=reciprocal(a),
    ufunc=np.log,
    poles=(Fraction(0),),
    safe=Fraction(1),
    above=Fraction(0),
)

sqrt = Elementwise(
    name="sqrt",
    meaning="The square root",
    derivative=reciprocal(value) / 2,
    ufunc=np.sqrt,
    poles=(Fraction(0),),
    safe=Fraction(1),
    above=Fraction(0),
)

sin = Elementwise(
    name="sin",
    meaning="The sine of an angle in radians",
    latex=r"\sin",
    derivative=operation("cos")(a),
    ufunc=np.sin,
    bounded=True,
)

cos = Elementwise(
    name="cos",
    meaning="The cosine of an angle in radians",
    latex=r"\cos",
    derivative=-sin(a),
    ufunc=np.cos,
    bounded=True,
)

tanh = Elementwise(
    name="tanh",
    meaning="The hyperbolic tangent",
    latex=r"\tanh",
    derivative=1 - value * value,
    ufunc=np.tanh,
    bounded=True,
)

sigmoid = Elementwise(
    name="sigmoid",
    meaning="1 / (1 + exp(-a))",
    called="The logistic function",
    latex=r"\sigma",
    latex_meaning=r"1 / (1 + e^{-a})",
    computed=", by way of tanh, which cannot overflow",
    derivative=value * (1 - value),
    definition=(1 + tanh(a / 2)) / 2,
    reference=_sigmoid,
    bounded=True,
)

positive = Elementwise(
    name="positive",
    meaning="1 where a > 0, else 0",
    remark="; its derivative is 0, also at the jump",
    computed=", in the dtype of a: of truth values tanh makes float16",
    derivative=Const(Fraction(0)),
    sees_through=("relu",),
    definition=greater(a, 0),
    reference=lambda array: np.where(array > 0, 1.0, 0.0),
    bounded=True,
    kinks=(Fraction(0),),
)

step = Elementwise(
    name="step",
    meaning="1 where a >= 0, else 0",
    remark="; its derivative is 0, also at the jump",
    computed=", in the dtype of a: of truth values tanh makes float16",
    derivative=Const(Fraction(0)),
    definition=greater_equal(a, 0),
    reference=lambda array: np.where(array >= 0, 1.0, 0.0),
    bounded=True,
    kinks=(Fraction(0),),
)

relu = Elementwise(
    name="relu",
    meaning="max(a, 0)",
    remark=". At its kink the derivative is taken as 0, one of the subgradients",
    derivative=positive(value),
    definition=maximum(a, 0),
    reference=lambda array: np.where(array > 0, array, 0.0),
    inline=True,
    kinks=(Fraction(0),),
)

absolute = Elementwise(
    name="abs",
    meaning="The absolute value",
    remark="; its derivative at 0 is taken as 0",
    derivative=positive(a) - positive(-a),
    definition=maximum(a, -a),
    reference=np.abs,
    kinks=(Fraction(0),),
)

leaky_relu = Elementwise(
    name="leaky_relu",
    meaning="a where a > 0, else a / 100",
    remark="; the derivative at 0 is taken as 1/100",
    derivative=(1 + 99 * positive(a)) / 100,
    definition=maximum(a, a / 100),
    reference=lambda array: np.where(array > 0, array, 0.01 * array),
    kinks=(Fraction(0),),
)

elu = Elementwise(
    name="elu",
    meaning="a where a > 0, else exp(a) - 1",
    computed=", which loses no small values",
    derivative=1 - relu(-value),
    definition=maximum(a, expm1(minimum(a, 0))),
    reference=lambda array: np.where(array > 0, array, np.expm1(np.minimum(array, 0))),
)

clip = Elementwise(
    name="clip",
    meaning="a, but at least -1 and at most 1",
    remark="; the derivative at the ends is taken as 0",
    derivative=positive(1 - value * value),
    definition=minimum(maximum(a, -1), 1),
    reference=lambda array: np.clip(array, -1, 1),
    bounded=True,
    kinks=(Fraction(-1), Fraction(1)),
)

huber = Elementwise(
    name="huber",
    meaning="a^2 / 2 where abs(a) <= 1, else abs(a) - 1/2",
    derivative=clip(a),
    definition=c * (a - c / 2),
    where=((c, clip(a)),),
    reference=lambda array: np.where(abs(array) <= 1, array**2 / 2, abs(array) - 0.5),
)

softplus = Elementwise(
    name="softplus",
    meaning="log(1 + exp(a))",
    computed=", which neither overflows nor loses small values",
    derivative=sigmoid(a),
    definition=m + log1p(exp(a - 2 * m)),
    where=((m, relu(a)),),
    reference=partial(np.logaddexp, 0),
)

hard_sigmoid = Elementwise(
    name="hard_sigmoid",
    meaning="a / 6 + 1/2, but at least 0 and at most 1",
    remark="; the derivative at the ends is taken as 0",
    derivative=positive(value - value * value) / 6,
    definition=(1 + clip(a / 3)) / 2,
    reference=lambda array: np.clip(array / 6 + 0.5, 0, 1),
    bounded=True,
    kinks=(Fraction(-3), Fraction(3)),
)

softsign = Elementwise(
    name="softsign",
    meaning="a / (1 + abs(a))",
    derivative=(1 - absolute(value)) * (1 - absolute(value)),
    definition=divide(a, 1 + absolute(a)),
    reference=lambda array: array / (1 + np.abs(array)),
    bounded=True,
)

silu = Elementwise(
    name="silu",
    meaning="a sigmoid(a)",
    called="The sigmoid linear unit, or swish,",
    derivative=value + sigmoid(a) * (1 - value),
    definition=a * sigmoid(a),
    reference=lambda array: array * _sigmoid(array),
)

gauss = Elementwise(
    name="gauss",
    meaning="2 exp(-a^2) / sqrt(pi)",
    latex_meaning=r"2 e^{-a^2} / \sqrt{\pi}",
    called="The bell curve",
    derivative=-2 * (a * value),
    definition=exp(-(a * a)) * 1102626131 / 977176966,
    reference=lambda array: 2 / np.sqrt(np.pi) * np.exp(-(array**2)),
    bounded=True,
)

#: 16 h exp(-(n + 1/2)^2 h^2) / pi for h = 1/2 and n = 0, 1, ..., 10, in units of 1e-17.
_WEIGHTS = (
    *(478439144165957879, 290188009743326163, 106754202859027888),
    *(23820082380452858, 3223697595678035, 264617212705097),
    *(13174515260262, 397835888717, 7286618475),
    *(80947019, 545417),
)


def _added(terms: slice, before: Any = None) -> Any:
    """The sum of the weights, each over u + (2 n + 1)^2, and what stands before it."""
    parts = [divide(w, u + (2 * n + 1) ** 2) for n, w in enumerate(_WEIGHTS)][terms]
    return reduce(add, parts if before is None else [before, *parts])


erf = Elementwise(
    name="erf",
    meaning="The error function",
    computed=", by the midpoint rule and its residues (Hunter and Regan 1972)",
    derivative=gauss(a),
    definition=tanh(a * 2549491779 / 405764219) - a * exp(-u / 16) * (t / 10**17),
    where=(
        (u, 16 * (a * a)),
        (p, _added(slice(3))),
        (q, _added(slice(3, 6), p)),
        (s, _added(slice(6, 9), q)),
        (t, _added(slice(9, None), s)),
    ),
    reference=np.vectorize(math.erf, otypes=[float]),
    bounded=True,
)

normal_pdf = Elementwise(
    name="normal_pdf",
    meaning="exp(-a^2 / 2) / sqrt(2 pi)",
    latex_meaning=r"e^{-a^2 / 2} / \sqrt{2 \pi}",
    called="The density of the normal distribution",
    derivative=-(a * value),
    definition=exp(-(a * a) / 2) * 238382775 / 597537004,
    reference=lambda array: np.exp(-(array**2) / 2) / np.sqrt(2 * np.pi),
    bounded=True,
)

normal_cdf = Elementwise(
    name="normal_cdf",
    meaning="(1 + erf(a / sqrt(2))) / 2",
    latex_meaning=r"(1 + \operatorname{erf}(a / \sqrt{2})) / 2",
    called="The normal distribution",
    derivative=normal_pdf(a),
    definition=(1 + c) / 2,
    where=((c, erf(a * 543339720 / 768398401)),),  # in two places, as erf is
    reference=np.vectorize(lambda number: math.erfc(-number / math.sqrt(2)) / 2, otypes=[float]),
    bounded=True,
)

gelu = Elementwise(
    name="gelu",
    meaning="a normal_cdf(a)",
    called="The Gaussian error linear unit",
    derivative=normal_cdf(a) + a * normal_pdf(a),
    definition=a * normal_cdf(a),
    reference=lambda array: array * normal_cdf.on_array(array),
)

#: Every record above, by the name of its function.
ELEMENTWISE: dict[str, Elementwise] = {
    function.name: function
    for function in sorted(
        (record for record in globals().values() if isinstance(record, Elementwise)),
        key=lambda record: record.name,
    )
}
