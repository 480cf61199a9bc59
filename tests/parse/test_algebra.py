"""What a text means: random expressions against NumPy's own reading of the same text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sympy.matrices.expressions.hadamard import HadamardPower

from gru_codegen.cell import B, D, Equation, H, hadamard, matrix, maximum, minimum, ones
from gru_codegen.equations import written
from gru_codegen.errors import CellError
from gru_codegen.evaluate import evaluate
from gru_codegen.functions import FUNCTIONS, reciprocal, sqrt, tanh
from gru_codegen.parse.algebra import read
from gru_codegen.parse.syntax import statements
from gru_codegen.parse.text import Text
from gru_codegen.parse.values import Value

SIZES = {"1": 1, "B": 2, "D": 3, "H": 4}
SYMBOLS = {
    symbol.name: symbol
    for symbol in (
        *(matrix(name, B, D) for name in ("x", "u")),
        *(matrix(name, B, H) for name in ("S_prev", "Z", "CA")),
        *(matrix(name, D, H) for name in ("W", "V")),
        matrix("U", H, H),
        matrix("P", H, D),
        *(matrix(name, 1, H) for name in ("b", "c")),
        matrix("d", 1, D),
        *(matrix(name, B, 1) for name in ("g", "q")),
        matrix("wg", D, 1),
        *(matrix(name, 1, 1) for name in ("alpha", "beta")),
    )
}
#: By their shapes as NumPy has them.
NAMES: dict[tuple[str, ...], list[str]] = {}
for symbol in SYMBOLS.values():
    rows, columns = map(str, symbol.shape)
    NAMES.setdefault((columns,) if rows == "1" else (rows, columns), []).append(symbol.name)

RNG = np.random.default_rng(0)
ARRAYS = {
    name: RNG.normal(size=[SIZES[size] for size in shape])
    for shape, names in NAMES.items()
    for name in names
}
NUMERIC: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "clip": lambda a: np.clip(a, -1, 1),
    "cos": np.cos,
    "elu": lambda a: np.where(a > 0, a, np.exp(a) - 1),
    "erf": np.vectorize(math.erf),
    "exp": np.exp,
    "gauss": lambda a: 2 / np.sqrt(np.pi) * np.exp(-(a**2)),
    "gelu": lambda a: a / 2 * (1 + np.vectorize(math.erf)(a / np.sqrt(2))),
    "hard_sigmoid": lambda a: np.clip(a / 6 + 1 / 2, 0, 1),
    "huber": lambda a: np.where(np.abs(a) <= 1, a**2 / 2, np.abs(a) - 0.5),
    "leaky_relu": lambda a: np.where(a > 0, a, a / 100),
    "log": np.log,
    "normal_cdf": lambda a: (1 + np.vectorize(math.erf)(a / np.sqrt(2))) / 2,
    "normal_pdf": lambda a: np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi),
    "positive": lambda a: np.where(a > 0, 1.0, 0.0),
    "reciprocal": lambda a: 1 / a,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "silu": lambda a: a / (1 + np.exp(-a)),
    "sin": np.sin,
    "softplus": lambda a: np.logaddexp(0, a),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "sqrt": np.sqrt,
    "step": lambda a: np.where(a >= 0, 1.0, 0.0),
    "tanh": np.tanh,
}
#: Continuous, of any argument, and never of values that are much larger.
TAME = sorted({"abs", "clip", "cos", "relu", "sigmoid", "softplus", "tanh"} & set(FUNCTIONS))


def meaning(text: str) -> Value:
    """What `text` is read as, on the right-hand side of an equation."""

    def missing(name: str) -> str:
        raise AssertionError(f"{name} is declared")

    whole = f"Y = {text}"
    (statement,) = statements(Text("text", whole), 0, len(whole))
    names = {name: Value.of(symbol) for name, symbol in SYMBOLS.items()}
    return read(Text("text", whole), statement, names, missing)


def value(text: str) -> Any:
    """What SymPy's expression for `text` is at ARRAYS."""
    values = {SYMBOLS[name]: np.atleast_2d(array) for name, array in ARRAYS.items()}
    sizes = {B: SIZES["B"], D: SIZES["D"], H: SIZES["H"]}
    found = meaning(text)
    equation = Equation(matrix("Y", B, found.shape[-1]), found.expression, "value")
    return evaluate(equation.expression, {**values, **sizes})


def by_numpy(text: str) -> Any:
    """The same by NumPy: `text` comes from this file, and so may be evaluated."""
    known = {name: NUMERIC[name] for name in FUNCTIONS}
    of_two = {"maximum": np.maximum, "minimum": np.minimum, "where": np.where}
    return eval(text, {"__builtins__": {}}, {**known, **of_two, **ARRAYS})


# --- random expressions --------------------------------------------------------------------------

Shape = tuple[str, ...]

numbers = st.sampled_from(["1", "2", "0.5", ".25", "3.", "(1/3)", "(1 - 0.5 * 3)", "-2", "2 * 7"])


@st.composite
def sums(draw: st.DrawFn, shape: Shape, depth: int) -> str:
    """A text of this shape that is a sum, with brackets only where the grammar needs them."""
    text = draw(terms(shape, depth))
    stepwise = shape[0] == "B" or len(shape) == 1
    if stepwise and draw(st.booleans()):
        text = f"{draw(numbers)} {draw(st.sampled_from('+-'))} {text}"
    for _ in range(draw(st.integers(0, 2))):
        sign = draw(st.sampled_from(["+", "-", " + ", " - "]))
        text += sign + draw(terms(draw(broadcast(shape)), depth))
    return text


@st.composite
def terms(draw: st.DrawFn, shape: Shape, depth: int) -> str:
    """A product of any kinds: all bind alike, from the left."""
    if depth == 0:
        return draw(atoms(shape, depth))
    ways = ["atom", "negative", "elementwise", "scaled", "divided"]
    rows, columns = shape[0], shape[-1]
    inner = [size for size in "DH" if {(rows, size), (size, columns)} <= set(NAMES)]
    inner = inner if len(shape) == 2 else []
    ways += ["matrix product"] if inner else []
    ways += (
        ["quotient", "power", "greater", "root", "choice", "comparison"] if shape[0] == "B" else []
    )
    ways += ["transpose"] if {shape, shape[::-1]} <= set(NAMES) and len(shape) == 2 else []
    match draw(st.sampled_from(ways)):
        case "quotient":
            right = draw(atoms(draw(broadcast(shape)), depth - 1))
            return f"{draw(terms(shape, depth - 1))} / (1.5 + clip({right}))"
        case "power":
            return f"{draw(atoms(shape, depth - 1))} ** {draw(st.sampled_from(['1', '2', '3']))}"
        case "root":
            text = draw(atoms(shape, depth - 1))
            return f"(2 + clip({text})) ** {draw(st.sampled_from(['(1/2)', '-1', '-2', '0.5']))}"
        case "greater":
            function = draw(st.sampled_from(["maximum", "minimum"]))
            others = draw(st.one_of(terms(draw(broadcast(shape)), depth - 1), numbers))
            return f"{function}({draw(terms(shape, depth - 1))}, {others})"
        case "choice":
            condition, other = (draw(atoms(draw(broadcast(shape)), depth - 1)) for _ in range(2))
            comparison = f"{condition} {draw(st.sampled_from(['<', '>', '<=', '>=']))} 1/7"
            return f"where({comparison}, {draw(terms(shape, depth - 1))}, 2 + clip({other}))"
        case "comparison":
            sides = [draw(terms(shape, depth - 1)), draw(atoms(draw(broadcast(shape)), depth - 1))]
            mark = draw(st.sampled_from(["<", ">", "<=", ">="]))
            return f"1 * ({f' {mark} '.join(sides)} + 1 / 7)"
        case "transpose":
            return f"({draw(terms(shape[::-1], depth - 1))}).T"
        case "negative":
            return "-" + draw(terms(shape, depth - 1)).removeprefix("-")
        case "elementwise":
            right = draw(atoms(draw(broadcast(shape)), depth - 1))
            return f"{draw(terms(shape, depth - 1))} * {right}"
        case "scaled":
            return f"{draw(numbers)} * {draw(terms(shape, depth - 1))}"
        case "divided":
            return f"{draw(terms(shape, depth - 1))} / {draw(st.sampled_from(['2', '(-0.5)']))}"
        case "matrix product":
            size = draw(st.sampled_from(inner))
            left = draw(terms((rows, size), depth - 1))
            return f"{left} @ {draw(atoms((size, columns), depth - 1))}"
    return draw(atoms(shape, depth))


@st.composite
def atoms(draw: st.DrawFn, shape: Shape, depth: int) -> str:
    names = st.sampled_from(NAMES[shape])
    if depth == 0:
        return draw(names)
    inside = sums(shape, depth - 1)
    ways = [names, inside.map("({})".format)]
    if shape[0] == "B" or len(shape) == 1:
        ways += [inside.map(f"{function}({{}})".format) for function in TAME]
    text: str = draw(st.one_of(*ways))
    return text


def broadcast(shape: Shape) -> st.SearchStrategy[Shape]:
    """Shapes that NumPy broadcasts to this one and that an equation may hold beside it."""
    if shape[0] == "B":
        return st.sampled_from([shape, shape, shape[1:], ("B", "1"), ("1",)])
    return st.sampled_from([shape, ("1",)] if len(shape) == 1 else [shape])


WHOLE: list[Shape] = [("B", "D"), ("B", "H"), ("B", "1"), ("H",), ("1",)]


@settings(deadline=None)
@given(st.sampled_from(WHOLE).flatmap(lambda shape: sums(shape, 3)))
@example("1 - g * Z")
@example("g / (2 + clip(b)) - alpha * q")
@example("sigmoid(x @ wg + alpha) * maximum(g, Z) - alpha")
@example("1 - Z * -CA @ U + b")
@example("x @ (W - 2 * V) @ U")
@example("Z * Z * Z - tanh(b * c) / 3 / 2")
@example("-x @ W - -b")
@example("x + sigmoid(sigmoid(x))")
@example("x@W/2*Z-1")
def test_a_text_means_what_it_means_in_numpy(text: str) -> None:
    try:
        found = value(text)
    except CellError as error:  # rare, and tried in test_faults
        rare = ("is always", "by a number alone", "multiplies itself", "200 names")
        assume(not any(fault in str(error) for fault in rare))
        raise
    expected = by_numpy(text)
    # A vector stands for as many rows as there are samples.
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), 1e-9, 1e-9)
    shape = meaning(text).shape
    assert [SIZES[str(size)] for size in shape] == list(expected.shape)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_known(name: str) -> None:
    for text in (f"{name}(Z * Z + 1/2)", f"1 - 2 * {name}(0.1 + b * b)"):
        expected = np.broadcast_to(by_numpy(text), value(text).shape)
        np.testing.assert_allclose(value(text), expected, 1e-12)


@pytest.mark.parametrize(
    "step",
    ["Z - 2 * tanh({})", "Z * (1 - CA * {})", "(Z - 2 * {}) @ U", "-({})", "Z - (CA + tanh({}))"],
)
def test_brackets_in_brackets_take_no_time(step: str) -> None:
    text = "Z"
    while text.count("(") < 10:
        text = step.format(text)
    started = time.perf_counter()
    np.testing.assert_allclose(value(text), by_numpy(text), 1e-9, 1e-9)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("Z / CA", hadamard(SYMBOLS["Z"], reciprocal(SYMBOLS["CA"]))),
        ("Z / CA", hadamard(SYMBOLS["Z"], HadamardPower(SYMBOLS["CA"], -1))),
        ("Z ** -2", HadamardPower(SYMBOLS["Z"], -2)),
        ("(Z + 1) ** 0.5", HadamardPower(SYMBOLS["Z"] + ones(B, H), sp.Rational(1, 2))),
        ("Z ** 3", hadamard(*[SYMBOLS["Z"]] * 3)),
        ("Z ** -1", reciprocal(SYMBOLS["Z"])),
        ("Z ** 0.5", sqrt(SYMBOLS["Z"])),
        ("S_prev @ U.T", SYMBOLS["S_prev"] * SYMBOLS["U"].T),
        ("maximum(Z, 0)", FUNCTIONS["relu"](SYMBOLS["Z"])),
        ("maximum(0, Z)", SYMBOLS["Z"] + FUNCTIONS["relu"](-SYMBOLS["Z"])),
        ("Z + 0", SYMBOLS["Z"]),
        ("maximum(Z, CA)", maximum(SYMBOLS["Z"], SYMBOLS["CA"])),
        ("minimum(Z, CA)", minimum(SYMBOLS["Z"], SYMBOLS["CA"])),
    ],
)
def test_a_text_is_what_an_author_writes_in_python(text: str, expression: Any) -> None:
    both = (meaning(text).expression, expression)
    assert len({written(Equation(matrix("Y", B, H), e, "value").expression) for e in both}) == 1


def test_what_numpy_leaves_to_broadcasting_is_written_out() -> None:
    x, Z, W, b, c = (SYMBOLS[name] for name in ("x", "Z", "W", "b", "c"))
    every = ones(B, 1)
    for text, expression in {
        "0.1 * Z": sp.Rational(1, 10) * Z,
        "Z / 3": Z / 3,
        "1 - Z": ones(B, H) - Z,
        "2 - 1/2 + Z": sp.Rational(3, 2) * ones(B, H) + Z,
        "x @ W + b": x * W + every * b,
        "b * Z": hadamard(every * b, Z),
        "tanh(b)": tanh(every * b),
        "b + c": every * b + every * c,
        "g * Z": hadamard(SYMBOLS["g"] * ones(1, H), Z),
        "g + b": SYMBOLS["g"] * ones(1, H) + every * b,
        "alpha * g": hadamard(every * SYMBOLS["alpha"], SYMBOLS["g"]),
        "alpha * Z": hadamard(every * SYMBOLS["alpha"] * ones(1, H), Z),
    }.items():
        assert meaning(text).expression.doit(deep=False) == expression.doit(deep=False)
