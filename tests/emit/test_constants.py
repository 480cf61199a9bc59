"""Constants of a cell: those that a kernel is given, and those that it makes from sizes."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import constants, pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, size
from gru_codegen.constants import PATTERNS, Pattern, band, identity
from gru_codegen.functions import sigmoid, tanh
from gru_codegen.ir.reading import read_program
from gru_codegen.modules import load_source
from gru_codegen.prove import prove
from gru_codegen.verify.constants import Made

K = size("K")
FORMS: list[dict[str, Any]] = [
    {"style": "textbook"},
    {"layout": "rows"},
    {"layout": "columns"},
    {"layout": "folded", "unroll": 3},
    {"layout": "blocked"},
    {"layout": "columns", "extras": ("credit", "trace")},
]
x, S_prev, S, G = (matrix(n, B, c) for n, c in (("x", D), ("S_prev", H), ("S", H), ("G", H)))
W, U, b, Q = matrix("W", D, H), matrix("U", H, H), matrix("b", 1, H), matrix("Q", K, H)
A, P, shift = matrix("A", H, H), matrix("P", D, K), matrix("shift", 1, H)
eye, near = matrix("I", H, H), matrix("near", H, H)


@pytest.fixture(scope="module")
def cell() -> Cell:
    """A cell with constants of every kind; D and K are sizes that a weight and a constant have."""
    return Cell(
        name="fixed",
        title="cell with constants",
        source="a test",
        inputs=(x,),
        weights=(W, U, b, Q),
        states={S: S_prev},
        equations=(
            Equation(G, sigmoid(x * W + S_prev * A + x * P * Q), "gate"),
            Equation(
                S,
                hadamard(G, tanh(S_prev * (U - U.T - eye + near) + ones(B, 1) * b))
                + hadamard(ones(B, 1) * shift, S_prev),
                "state",
            ),
        ),
        constants={A: None, eye: identity, shift: None, P: None, near: band(1)},
    )


@pytest.fixture(params=FORMS, ids=str)
def kernel(cell: Cell, request: pytest.FixtureRequest) -> Any:
    return gc.load(cell, **request.param)


def drawn(kernel: ModuleType) -> tuple[Any, ...]:
    """Params, constants, x and y."""
    rng, T = np.random.default_rng(0), kernel.UNROLL or 4
    params = kernel.init_params(2, 5, k_size=6, rng=rng)
    given = kernel.Constants(*(rng.normal(size=n) for n in ((5, 5), (5,), (2, 6))))
    return params, given, rng.normal(size=(T, 3, 2)), rng.normal(size=(T, 3, 5))


def test_every_check_holds(kernel: ModuleType, cell: Cell) -> None:
    report = pipeline.check(kernel, cell)
    assert report, report


def test_no_gradient_is_derived_and_none_has_a_place(kernel: ModuleType, cell: Cell) -> None:
    named = {str(each.target) for each in gc.derive(cell).gradients}
    assert named == {"dW", "dU", "db", "dQ"}
    assert kernel.Params._fields == ("W", "U", "b", "Q")
    assert kernel.Constants._fields == ("A", "shift", "P")
    assert dict(kernel.MADE) == {
        "I": ("identity", ("H", "H")),
        "near": ("band", ("H", "H"), 1),
    }


def test_constants_are_made_once_and_cannot_be_changed(kernel: ModuleType) -> None:
    workspace = kernel.Workspace(3, 2, 5, k_size=6)
    made = workspace.I
    assert (made == np.eye(5)).all()
    assert not any(array.flags.writeable for array in (workspace.I, workspace.near))
    params, given, x, y = drawn(kernel)
    kernel.loss_and_gradients(params, given, x, y, workspace=workspace)
    assert workspace.I is made
    assert (made == np.eye(5)).all()
    assert (made == copy.deepcopy(workspace).I).all()


def test_the_constant_that_does_not_fit_is_named(kernel: ModuleType) -> None:
    params, given, x, _ = drawn(kernel)
    for bad, said in {
        "A": (given.A[:, :1], r"constants.A: expected shape (H, H) = (5, 5), got (5, 1)"),
        "shift": (given.shift[None], "constants.shift: expected shape (H,), got (1, 5)"),
        "P": (None, "constants.P: it is missing; expected an array, got None"),
    }.items():
        with pytest.raises((TypeError, ValueError)) as raised:
            kernel.forward(params, given._replace(**{bad: said[0]}), x)
        assert str(raised.value) == said[1]
    with pytest.raises(TypeError, match=r"^constants: expected Constants with the fields A, shift"):
        kernel.forward(params, tuple(given), x)


def test_the_text_of_a_program_has_constants(cell: Cell) -> None:
    for stage in ("lower", "to_three_address_code"):
        program = gc.program(cell, after=stage)
        again = read_program(str(program))
        assert again.constants == program.constants
        assert dict(again.made) == {"I_": ("identity", ()), "near": ("band", (1,))}


FAULTS = {
    "another pattern": ("self.I = _identity(", "self.I_ = _ones("),
    "a wider band": ("self.dtype, 1)", "self.dtype, 2)"),
    "a constant that can be changed": ("made.setflags(write=False)", "pass"),
    "a constant of another dtype": (
        '_cast(f"constants.{n}", getattr(constants, n), dtype) for n in fields',
        "np.asarray(getattr(constants, n)) for n in fields",
    ),
    "constants taken by place": (
        "getattr(constants, n), dtype) for n in fields",
        "a, dtype) for n, a in zip(fields, constants)",
    ),
    "a constant that is changed": (
        "constants = _cast_constants(constants, dtype)",
        "constants = _cast_constants(constants, dtype); constants.A[...] *= 1.5",
    ),
    "shapes that nothing checks": ('_check_constants(constants, {"H": H', 'dict({"H": H'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_what_is_done_with_constants_is_seen(cell: Cell, fault: str) -> None:
    source = gc.generate(cell, style="textbook")
    old, new = FAULTS[fault]
    assert source.count(old) == 1
    source = source.replace(old, new)
    if new.startswith("self.I = _ones"):
        source += "\n\ndef _ones(shape, dtype):\n    return _made(np.ones(shape, int), dtype)\n"
    assert not gc.verify(load_source(source, "fixed"))


def test_lines_that_read_one_constant_for_another_are_refuted(cell: Cell) -> None:
    source = gc.generate(cell, style="textbook")
    assert prove(load_source(source, "fixed"), cell, gc.L2)
    for old, new in {", w.I\n": ", w.near\n", " = constants.A,": " = w.I,"}.items():
        assert old in source
        changed = source.replace(old, new)
        assert not prove(load_source(changed, "fixed"), cell, gc.L2), new


# --- patterns -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex128, object])
def test_every_pattern_is_made_as_it_is_defined(pattern: str, dtype: Any) -> None:
    kind = PATTERNS[pattern]
    shape = {"square": ("H", "H"), "row": ("H",), "any": ("K", "H")}[kind.shape]
    symbol = matrix("C", *(1, H)[-2:]) if shape == ("H",) else matrix("C", *map(size, shape))
    weight = matrix("V", D, K) if shape[0] == "K" else W
    term = {
        "square": S_prev * symbol,
        "row": ones(B, 1) * symbol,
        "any": x * matrix("F", D, K) * symbol,
    }
    weights = (W, matrix("F", D, K)) if kind.shape == "any" else (W,)
    made = Cell(
        "own",
        "a cell",
        "a test",
        (x,),
        weights,
        {S: S_prev},
        (Equation(S, tanh(x * W + S_prev + term[kind.shape]), "state"),),
        constants={symbol: Pattern(pattern, int(kind.numbered))},
    )
    assert weight is not None
    kernel = gc.load(made, style="textbook")
    sizes = {"H": 5, "K": 4, "B": 2, "D": 3}
    more = {"k_size": 4} if "K" in kernel.SIZES else {}
    found = kernel.Workspace(2, 3, 5, dtype=dtype, **more).C
    numbers = (1,) if kind.numbered else ()
    expected = Made(pattern, shape, *numbers).array(sizes)
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_allclose(
        found.astype(complex), expected, 1e-6 if dtype == np.float32 else 1e-15
    )


def test_a_band_of_no_width_is_the_identity_and_a_wide_one_is_all_ones() -> None:
    assert (Made("band", ("H", "H"), 0).array({"H": 4}) == np.eye(4)).all()
    assert (Made("band", ("H", "H"), 3).array({"H": 4}) == 1).all()


def test_legs_and_the_delay_are_those_of_the_papers() -> None:
    """The first rows as they are printed in Gu 2020 and Voelker 2019."""
    legs = Made("hippo_legs", ("K", "K")).array({"K": 3})
    assert legs == pytest.approx(-np.array([[1, 0, 0], [3**0.5, 2, 0], [5**0.5, 15**0.5, 3]]))
    delay = Made("legendre_delay", ("K", "K")).array({"K": 3})
    assert delay.tolist() == [[-1, -1, -1], [3, -3, -3], [-5, 5, -5]]
    assert Made("legendre_delay_input", ("K",)).array({"K": 3}).tolist() == [1, -3, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"constants": (A,)}, r"constants must be a mapping such as \{A: None\}, not"),
        (
            {"constants": {A: "identity"}},
            "the constant A is made by 'identity', which is no pattern",
        ),
        (
            {"constants": {matrix("A", D, H): identity}},
            r"constant A: identity is square, and \(D, H\)",
        ),
        ({"constants": {matrix("A", 1, H): identity}}, r"identity is square, and \(1, H\) is not"),
        ({"constants": {A: constants.hippo_legs_input}}, r"is a vector, and \(H, H\) is not"),
        (
            {"constants": {matrix("A", B, H): None}},
            r"constant A is \(B, H\); a constant serves every",
        ),
        ({"constants": {A: None, matrix("C", H, H): None}}, "constant C is read by no equation"),
        ({"constants": {A: None, W: None}}, "W is declared twice"),
        (
            {"constants": {A: identity}, "checks": {A: (0, 1)}},
            "A is no input, weight, given constant",
        ),
    ],
)
def test_what_is_no_constant_is_refused(change: dict[str, Any], message: str) -> None:
    state = Equation(S, tanh(x * W + S_prev * A), "state")
    whole = Cell("own", "a cell", "a test", (x,), (W,), {S: S_prev}, (state,), constants={A: None})
    with pytest.raises(gc.CellError, match=message):
        replace(whole, **change)


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [
        ("unit", 0, "there is no pattern 'unit'; known: identity, ones"),
        ("identity", 1, "identity takes no number, not 1"),
        ("band", -1, "band takes a whole number from 0 to 1048576, not -1"),
        ("band", True, "band takes a whole number from 0 to 1048576, not True"),
    ],
)
def test_what_is_no_pattern_is_refused(name: str, number: Any, message: str) -> None:
    with pytest.raises(gc.CellError, match=message):
        Pattern(name, number)


def test_a_size_that_a_constant_alone_has() -> None:
    C, C_prev = matrix("C", B, K), matrix("C_prev", B, K)
    keep = matrix("keep", K, K)
    equations = (
        Equation(C, tanh(C_prev * keep), "other state"),
        Equation(S, tanh(x * W + S_prev), "state"),
    )
    states = {S: S_prev, C: C_prev}
    given = Cell("own", "a cell", "a test", (x,), (W,), states, equations, constants={keep: None})
    kernel = gc.load(given)
    assert pipeline.check(kernel, given)
    params = kernel.init_params(2, 3, k_size=4)
    with pytest.raises(ValueError, match=r"^constants\.keep: expected shape \(K, K\), got \(4,\)$"):
        kernel.forward(params, kernel.Constants(np.ones(4)), np.ones((3, 1, 2)))
    made = replace(given, constants={keep: identity})
    with pytest.raises(gc.CellError, match="has the size K, so no call could tell it"):
        gc.generate(made)
