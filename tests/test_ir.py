"""Programs: shapes, text, what refers to what, and what makes one unsound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    ELEMENTWISE,
    OPERATIONS,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Option,
    Phase,
    Program,
    Ref,
    Shape,
    Statement,
    Step,
    Var,
    kept_for_every_step,
    parts,
    reads,
    refs,
    rewrite,
    shape_of,
    statements,
    unpacked,
    validate,
    writes,
)
from gru_codegen.ir.printing import printed

X = Var("x", ("B", "D"), "input", True)
ENDED = Var("ended", ("B", "H"), "lengths", True)
S0 = Var("s0", ("B", "H"), "initial")
S = Var("S", ("B", "H"), "value", True, Ref(S0))
A, C = (Var(name, ("B", "H"), "value", True) for name in "AC")
dS = Var("dS", ("B", "H"), "adjoint", True, Ref(Var("dS_last", ("B", "H"), "last")))
W, WREC = Var("W", ("D", "H"), "weight"), Var("Wrec", ("H", "H"), "weight")
BIAS = Var("b", ("H",), "weight")
dW = Var("dW", ("D", "H"), "gradient", adjoint_of="W")
dWREC = Var("dWrec", ("H", "H"), "gradient", adjoint_of="Wrec")
dB = Var("db", ("H",), "gradient", adjoint_of="b")
TERM = Var("term", ("B", "H"), "work")


def now(var: Var, offset: int = 0) -> Ref:
    return Ref(var, Now(offset) if var.timed else None)


def every(var: Var, offset: int = 0) -> Ref:
    return Ref(var, Every(offset))


def call(operation: str, *args: Expr) -> Call:
    return Call(operation, args)


def sets(target: Ref, value: Expr, *given: Option, accumulate: bool = False) -> Statement:
    return Statement(target, value, accumulate=accumulate, given=given)


def pack(name: str, *rows: tuple[Ref, ...], shape: Shape, timed: bool = True) -> Var:
    return Var(name, shape, "work", timed, parts=rows)


def program(*blocks: Any, **entries: tuple[Var, ...]) -> Program:
    return Program("test", (W, WREC, BIAS), (Phase("forward", blocks),), entries)


def forward(*body: Statement) -> Loop:
    return Loop("forward", body)


AX = call("matmul", now(X), now(W))
STEP = sets(now(S), call("tanh", call("add", AX, call("matmul", now(S, -1), now(WREC)))))


# --- text ----------------------------------------------------------------------------------------


def test_a_program_is_printed_as_it_runs() -> None:
    body = (
        STEP,
        sets(now(S), call("select", now(ENDED), now(S, -1), now(S)), "lengths"),
        sets(now(dW), call("contract", now(X), now(S)), accumulate=True),
    )
    found = Program(
        "test",
        (W, WREC),
        (
            Phase("forward", (sets(every(A), Const(Fraction(1, 2))), forward(*body))),
            Phase("backward", (Loop("reverse", (sets(now(dS), now(dS, 1)),)),)),
            Phase("inputs", (Step(2, (sets(now(C), now(A)),)), sets(every(C), every(S, -1)))),
        ),
        {},
    )
    assert printed(found, origins=False).partition("\n\nphase ")[2] == (
        "forward:\n"
        "    A[:] = 1/2\n"
        "    for every step t, first to last:\n"
        "        S[t] = tanh(x[t] @ W + S[t-1] @ Wrec)\n"
        "        if lengths: S[t] = select(ended[t], S[t-1], S[t])\n"
        "        dW += contract(x[t], S[t])\n"
        "\n"
        "phase backward:\n"
        "    for every step t, last to first:\n"
        "        dS[t] = dS[t+1]\n"
        "\n"
        "phase inputs:\n"
        "    t = 2:\n"
        "        C[t] = A[t]\n"
        "    C[:] = S[:-1]\n"
    )
    assert str(found) == printed(found)


def test_two_conditions_are_joined_by_and() -> None:
    statement = sets(now(A), now(X), "lengths", "pullback")
    assert str(statement) == "if lengths and pullback: A[t] = x[t]"


# --- shapes --------------------------------------------------------------------------------------

BD, BH, DH, H_, VECTOR = now(X), now(A), now(W), now(WREC), now(BIAS)
TBD, TBH = every(X), every(A)
G = Var("g", ("B", "1"), "value", True)
COLUMN = now(G)
NUMBER = Const(Fraction(1))

#: The arguments of each operation and the shape of its result.
SHAPES: list[tuple[str, tuple[Expr, ...], Shape]] = [
    *[(name, (BH,), ("B", "H")) for name in ("negate", "expm1", "log1p", *ELEMENTWISE)],
    *[(name, (BH,), ("B", "1")) for name in ("row_sum", "row_max")],
    ("row_sum", (TBH,), ("T", "B", "1")),
    ("multiply", (COLUMN, BH), ("B", "H")),
    ("multiply", (Call("rows", (VECTOR,)), COLUMN), ("B", "H")),
    ("select", (now(ENDED), COLUMN, BH), ("B", "H")),
    ("add", (BH, every(G)), ("T", "B", "H")),
    *[
        (name, pair, ("T", "B", "H") if TBH in pair else ("B", "H"))
        for name in (
            *("add", "subtract", "multiply", "divide", "weigh"),
            *("maximum", "minimum", "greater", "greater_equal"),
        )
        for pair in ((BH, BH), (NUMBER, BH), (BH, NUMBER), (TBH, TBH), (TBH, BH))
    ],
    ("select", (now(ENDED), BH, NUMBER), ("B", "H")),
    ("guard", (now(ENDED), NUMBER, BH), ("B", "H")),
    ("where", (BH, BH, NUMBER), ("B", "H")),
    ("where", (TBH, BH, TBH), ("T", "B", "H")),
    ("total", (BH,), ()),
    ("total", (TBH,), ()),
    ("inner", (BH, BH), ()),
    ("inner", (TBH, TBH), ()),
    ("matmul", (BD, DH), ("B", "H")),
    ("matmul", (TBD, DH), ("T", "B", "H")),
    ("matmul_in_blocks", (TBD, DH), ("T", "B", "H")),
    ("transpose", (DH,), ("H", "D")),
    ("contract", (BD, BH), ("D", "H")),
    ("contract", (TBD, TBH), ("D", "H")),
    ("rows", (VECTOR,), ("B", "H")),
    ("row", (VECTOR,), ("1", "H")),
    ("column", (VECTOR,), ("H", "1")),
    ("vector", (Call("column", (VECTOR,)),), ("H",)),
    ("multiply", (Call("row", (VECTOR,)), DH), ("D", "H")),
    *[(name, (VECTOR,), ("1",)) for name in ("row_sum", "row_max")],
    ("column_sum", (BH,), ("H",)),
    ("column_sum", (TBH,), ("H",)),
    ("beside", (BD, BH), ("B", "D+H")),
    ("beside", (VECTOR, VECTOR), ("H+H",)),
    ("below", (DH, H_), ("D+H", "H")),
    ("below", (DH, VECTOR), ("D+1", "H")),
    ("identity", (DH,), ("D", "D")),
    ("bordered", (BD,), ("B", "D+1")),
    ("bordered", (TBD,), ("T", "B", "D+1")),
]


@pytest.mark.parametrize(("operation", "args", "shape"), SHAPES)
def test_an_operation_has_a_shape(operation: str, args: tuple[Expr, ...], shape: Shape) -> None:
    assert shape_of(Call(operation, args)) == shape


def test_the_table_of_shapes_has_every_operation() -> None:
    assert {operation for operation, _, _ in SHAPES} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (call("sinh", BH), "sinh(A[t]): there is no operation 'sinh'"),
        (call("add", BH), "add(A[t]): add takes 2 arguments"),
        (call("add", BH, BD), "A[t] + x[t]: the shapes (B, H) and (B, D) do not fit"),
        (call("matmul", BH, DH), "A[t] @ W: the shapes (B, H) and (D, H) do not fit"),
        (call("contract", BD, DH), "contract(x[t], W): the shapes (B, D) and (D, H) do not fit"),
        (call("inner", BD, BH), "inner(x[t], A[t]): the shapes (B, D) and (B, H) do not fit"),
        (call("rows", BH), "rows(A[t]): the shapes (B, H) do not fit"),
        (call("column_sum", VECTOR), "column_sum(b): the shapes (H) do not fit"),
        (call("transpose", TBH), "A[:].T: the shapes (T, B, H) do not fit"),
        (call("beside", DH, BH), "beside(W, A[t]): the shapes (D, H) and (B, H) do not fit"),
        (call("below", BD, BH), "below(x[t], A[t]): the shapes (B, D) and (B, H) do not fit"),
    ],
)
def test_arguments_that_do_not_fit_have_no_shape(expression: Expr, message: str) -> None:
    with pytest.raises(ProgramError) as error:
        shape_of(expression)
    assert str(error.value) == message


# --- what refers to what -------------------------------------------------------------------------

XS = pack("x_S", (now(X), now(S, -1)), shape=("B", "D+H"))
dWS = pack("dW_Wrec", (now(dW),), (now(dWREC),), shape=("D+H", "H"), timed=False)


def test_a_pack_is_referred_to_as_written_and_read_by_its_parts() -> None:
    value = call("matmul", now(XS), call("below", now(W), now(WREC)))
    assert list(map(str, refs(value))) == ["x_S[t]", "W", "Wrec"]
    assert list(map(str, reads(value))) == ["x[t]", "S[t-1]", "W", "Wrec"]
    assert list(map(str, writes(sets(now(dWS), now(W))))) == ["dW", "dWrec"]


def test_the_parts_of_a_pack_move_with_its_step() -> None:
    assert list(map(str, unpacked(now(XS, -1)))) == ["x[t-1]", "S[t-2]"]
    assert list(map(str, unpacked(every(XS)))) == ["x[:]", "S[:-1]"]
    assert list(unpacked(now(S, -1))) == [now(S, -1)]


def test_the_parts_of_an_expression_come_outermost_first() -> None:
    assert list(map(str, parts(AX))) == ["x[t] @ W", "x[t]", "W"]


def test_rewrite_replaces_the_outermost() -> None:
    def rule(part: Expr) -> Expr | None:
        product = isinstance(part, Call) and part.operation in ("tanh", "matmul")
        return NUMBER if product else None

    assert rewrite(call("add", call("tanh", AX), now(A)), rule) == call("add", NUMBER, now(A))
    untouched = call("add", now(A), now(A))
    assert rewrite(untouched, rule) is untouched


def test_steps_that_share_a_body_have_its_statements_once() -> None:
    body, other = (STEP,), (sets(now(A), now(S)),)
    blocks = (Step(0, body), Step(1, body), Step(2, other), sets(every(C), every(A)))
    assert list(statements(blocks)) == [STEP, other[0], blocks[3]]


# --- what is kept for every step -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        ((forward(sets(now(A), now(X)), sets(now(C), now(A))),), set()),
        ((forward(STEP),), set()),  # the step before is read before it is overwritten
        ((forward(sets(now(S), now(X)), sets(now(C), now(S, -1))),), {"S"}),
        ((forward(sets(now(A), now(X))), sets(every(C), every(A))), {"A", "C"}),
        ((forward(sets(now(A), now(X))), forward(sets(now(C), now(A)))), {"A"}),
        ((forward(STEP), forward(sets(now(C), now(S, -1)))), {"S"}),
        ((sets(every(A), every(X)),), {"A"}),
    ],
)
def test_kept_is_what_another_step_or_loop_reads(blocks: tuple[Any, ...], kept: set[str]) -> None:
    assert kept_for_every_step(program(*blocks)) - {"x"} == kept


def test_what_is_handed_out_is_kept() -> None:
    body = forward(sets(now(A), call("tanh", now(S0))), sets(now(C), now(A)))
    assert kept_for_every_step(program(body, forward=(C,))) == {"C"}


def test_neighbours_are_kept_together() -> None:
    both = pack("A_C", (now(A), now(C)), shape=("B", "H+H"))
    body = forward(sets(now(both), NUMBER), sets(now(dS), now(A)))
    assert kept_for_every_step(program(body)) == set()
    assert kept_for_every_step(program(body, forward=(C,))) == {"A", "C"}


# --- what is unsound -----------------------------------------------------------------------------

NO_BOUNDARY = "phase forward: A[t] = C[t-1]: C[t-1] has no value beyond the first step, no boundary"
BEYOND = Var("Q", ("B", "H"), "adjoint", True, call("add", now(S0), now(S, -1)))
ENDLESS = replace(BEYOND, boundary=now(A, -1))
WRONG = Var("Q", ("B", "H"), "value", True, now(BIAS))

DH_, HH_ = now(dW), now(dWREC)

UNSOUND: list[tuple[str, tuple[Any, ...], str]] = [
    (
        "shapes",
        (forward(sets(now(A), now(X))),),
        "phase forward: A[t] = x[t]: the value is (B, D), the target (B, H)",
    ),
    (
        "two variables",
        (forward(sets(now(A), NUMBER), sets(now(C), now(replace(A, role="adjoint")))),),
        "phase forward: C[t] = A[t]: there are two different variables called A",
    ),
    (
        "no step",
        (forward(sets(now(A), Ref(X))),),
        "phase forward: A[t] = x: x must have a step",
    ),
    (
        "a step too many",
        (forward(sets(now(A), Ref(S0, Now()))),),
        "phase forward: A[t] = s0[t]: s0[t] must not have a step",
    ),
    (
        "outside",
        (sets(every(C), now(X)),),
        "phase forward: C[:] = x[t]: x[t] belongs inside a time step",
    ),
    (
        "inside",
        (forward(sets(now(C), every(X))),),
        "phase forward: C[t] = x[:]: x[:] belongs outside a time step",
    ),
    (
        "not yet computed",
        (forward(sets(now(C), now(A)), sets(now(A), NUMBER)),),
        "phase forward: C[t] = A[t]: A[t] is read before it is computed",
    ),
    (
        "never computed",
        (forward(sets(now(C), now(S, -1))),),
        "phase forward: C[t] = S[t-1]: S[t-1] is read before it is computed",
    ),
    (
        "a later step",
        (forward(sets(now(S), now(S, 1))),),
        "phase forward: S[t] = S[t+1]: S[t+1] is read before it is computed",
    ),
    (
        "an earlier step of a reverse loop",
        (Loop("reverse", (sets(now(dS), now(dS, -1)),)),),
        "phase forward: dS[t] = dS[t-1]: dS[t-1] is read before it is computed",
    ),
    (
        "a later step of an unrolled loop",
        (Step(0, (STEP,)), Step(1, (sets(now(S), now(S, 1)),))),
        "phase forward: S[t] = S[t+1]: S[t+1] is read before it is computed",
    ),
    (
        "what another step has computed",
        (Step(0, (sets(now(A), NUMBER),)), Step(1, (sets(now(C), now(A)),))),
        "phase forward: C[t] = A[t]: A[t] is read before it is computed",
    ),
    ("no boundary", (forward(sets(now(C), NUMBER), sets(now(A), now(C, -1))),), NO_BOUNDARY),
    (
        "no boundary at the end",
        (sets(every(C), NUMBER), sets(every(A), every(C, 1))),
        "phase forward: A[:] = C[:+1]: C[:+1] has no value beyond the last step, no boundary",
    ),
    (
        "a boundary's shape",
        (forward(sets(now(WRONG), NUMBER)),),
        "phase forward: Q[t] = 1: Q is (B, H), its boundary (H)",
    ),
    (
        "beyond the steps, not yet computed",
        (Loop("reverse", (sets(now(BEYOND), now(BEYOND, 1)),)), sets(every(S), NUMBER)),
        "phase forward: Q[t] = Q[t+1]: Q[t+1] is S[t-1] beyond the steps, which is not computed",
    ),
    (
        "beyond no steps",
        (sets(every(A), NUMBER), Loop("reverse", (sets(now(ENDLESS), now(ENDLESS, 1)),))),
        "phase forward: Q[t] = Q[t+1]: Q[t+1] is A[t-1] beyond the steps, and A has no boundary",
    ),
    (
        "a sum of one step",
        (forward(sets(now(A), NUMBER, accumulate=True)),),
        "phase forward: A[t] += 1: A[t] is of one step, which sums nothing up",
    ),
    (
        "a weight",
        (sets(now(W), NUMBER),),
        "phase forward: W = 1: W is given, nothing may change it",
    ),
    (
        "an input",
        (forward(sets(now(X), NUMBER)),),
        "phase forward: x[t] = 1: x is given, nothing may change it",
    ),
    (
        "another step's value",
        (forward(sets(now(S, -1), NUMBER)),),
        "phase forward: S[t-1] = 1: a step computes its own values, not S[t-1]",
    ),
    (
        "a condition",
        (forward(sets(now(A), NUMBER, "lengths"), sets(now(C), now(A))),),
        "phase forward: C[t] = A[t]: A[t] is there only if lengths",
    ),
    (
        "another condition",
        (forward(sets(now(A), NUMBER, "lengths"), sets(now(C), now(A), "pullback")),),
        "phase forward: if pullback: C[t] = A[t]: A[t] is there only if lengths",
    ),
    (
        "a condition in the loop before",
        (forward(sets(now(A), NUMBER, "lengths", "pullback")), sets(every(C), every(A))),
        "phase forward: C[:] = A[:]: A[:] is there only if lengths and pullback",
    ),
    (
        "a condition in the step before",
        (forward(sets(now(S), NUMBER, "lengths"), sets(now(C), now(S, -1))),),
        "phase forward: C[t] = S[t-1]: S[t-1] is there only if lengths",
    ),
    (
        "a pack in a pack",
        (
            sets(every(A), NUMBER),
            forward(
                sets(
                    now(C),
                    now(
                        pack("P", (now(pack("Q", (now(A),), shape=("B", "H"))),), shape=("B", "H"))
                    ),
                )
            ),
        ),
        "phase forward: C[t] = P[t]: the part Q[t] of P is a pack itself",
    ),
    (
        "a part without a step",
        (forward(sets(now(pack("P", (now(A), now(TERM)), shape=("B", "H+H"))), NUMBER)),),
        "phase forward: P[t] = 1: the part term of P must have one step",
    ),
    (
        "a part at all steps",
        (forward(sets(now(pack("P", (now(A), every(C)), shape=("B", "H+H"))), NUMBER)),),
        "phase forward: P[t] = 1: the part C[:] of P must have one step",
    ),
    (
        "a part with a step",
        (sets(now(pack("P", (now(A), now(TERM)), shape=("B", "H+H"), timed=False)), NUMBER),),
        "phase forward: P = 1: the part A[t] of P must have no step",
    ),
    (
        "rows that differ",
        (
            sets(
                now(
                    pack("P", (now(dW),), (now(dWREC), now(dWREC)), shape=("D+H", "H"), timed=False)
                ),
                NUMBER,
            ),
        ),
        "phase forward: P = 1: the parts of P, (D, H) and (H, H) and (H, H), "
        "are no rows of one matrix",
    ),
    (
        "a row that differs in itself",
        (sets(now(pack("P", (now(dW), now(dWREC)), shape=("D", "H+H"), timed=False)), NUMBER),),
        "phase forward: P = 1: the parts of P, (D, H) and (H, H), are no rows of one matrix",
    ),
    (
        "a gradient of another shape than its weight",
        (sets(now(Var("dQ", ("H", "H"), "gradient", adjoint_of="W")), NUMBER),),
        "dQ is (H, H), the weight W (D, H)",
    ),
    (
        "two gradients of one weight",
        (
            sets(now(dW), NUMBER),
            sets(now(Var("dQ", ("D", "H"), "gradient", adjoint_of="W")), NUMBER),
        ),
        "there are two gradients of W",
    ),
    (
        "a pack's shape",
        (forward(sets(now(pack("P", (now(A), now(C)), shape=("B", "H"))), NUMBER)),),
        "phase forward: P[t] = 1: P is (B, H), its parts (B, H) and (B, H)",
    ),
    (
        "summed up by two loops",
        (
            forward(sets(now(dW), call("contract", now(X), AX), accumulate=True)),
            forward(sets(now(dW), call("contract", now(X), AX), accumulate=True)),
        ),
        "phase forward: dW += contract(x[t], x[t] @ W): dW has a value already, and a loop sums up "
        "from zero",
    ),
    (
        "two places",
        (
            sets(every(A), NUMBER),
            forward(
                sets(now(pack("A_C", (now(A), now(C)), shape=("B", "H+H"))), NUMBER),
                sets(now(pack("C_A", (now(C), now(A)), shape=("B", "H+H"))), NUMBER),
            ),
        ),
        "C has two places among neighbours: [A[t] C[t]] and [C[t] A[t]]",
    ),
    (
        "twice in a run",
        (forward(sets(now(pack("A_A", (now(A), now(A)), shape=("B", "H+H"))), NUMBER)),),
        "A has two places among neighbours: [A[t] A[t]] and [A[t] A[t]]",
    ),
]


@pytest.mark.parametrize(
    ("blocks", "message"), [u[1:] for u in UNSOUND], ids=[u[0] for u in UNSOUND]
)
def test_what_is_unsound_is_refused(blocks: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ProgramError) as error:
        validate(program(*blocks))
    assert str(error.value) == message


def test_a_gradient_that_is_handed_out_is_of_a_weight() -> None:
    gradient = Var("dQ", ("D", "H"), "gradient", adjoint_of="Q")
    statement = sets(now(gradient), NUMBER)
    assert validate(program(statement)), "it may be the adjoint of what is made of weights"
    with pytest.raises(ProgramError, match=r"^dQ is a gradient of no weight$"):
        validate(program(statement, gradients=(gradient,)))


def test_an_entry_hands_out_what_is_computed() -> None:
    with pytest.raises(ProgramError, match=r"^entry loss: nothing computes A$"):
        validate(program(forward(STEP), loss=(A,)))


SOUND: list[Callable[[], tuple[Any, ...]]] = [
    lambda: (forward(STEP),),
    lambda: (Step(0, (STEP,)), Step(1, (STEP,))),
    lambda: (Loop("reverse", (sets(now(dS), now(dS, 1)),)),),
    lambda: (Step(1, (sets(now(dS), now(dS, 1)),)), Step(0, (sets(now(dS), now(dS, 1)),))),
    lambda: (forward(STEP), forward(sets(now(A), now(S, 1)))),  # another loop's: all are there
    lambda: (forward(sets(now(A), NUMBER, "lengths"), sets(now(C), now(A), "lengths")),),
    lambda: (
        forward(sets(now(A), NUMBER, "lengths"), sets(now(C), now(A), "lengths", "pullback")),
    ),
    lambda: (
        forward(
            sets(now(pack("A_C", (now(A), now(C)), shape=("B", "H+H"))), NUMBER),
            sets(now(TERM), now(pack("C_", (now(C),), shape=("B", "H")))),
        ),
    ),
    lambda: (forward(STEP, sets(now(dW), call("contract", now(X), now(S)), accumulate=True)),),
    lambda: (
        forward(sets(now(A), NUMBER)),
        sets(
            now(pack("dW_db", (now(dW),), (now(dB),), shape=("D+1", "H"), timed=False)),
            call("below", now(W), now(BIAS)),
        ),
    ),
]


@pytest.mark.parametrize("blocks", SOUND)
def test_what_is_sound_is_accepted(blocks: Callable[[], tuple[Any, ...]]) -> None:
    found = program(*blocks())
    assert validate(found) is found


def test_what_a_pullback_alone_runs_reads_what_is_there_for_it() -> None:
    """The phase of the inputs' adjoints needs no condition, since nothing else runs it."""
    forward_phase = Phase("forward", (forward(STEP, sets(now(A), now(S), "pullback")),))
    inputs = Phase("inputs", (forward(sets(now(C), now(A))),))
    found = Program("test", (), (forward_phase, inputs), {"forward": (S,), "pullback": (C,)})
    assert validate(found) is found
    others = replace(found, entries={"forward": (S, C), "pullback": (C,)})
    with pytest.raises(ProgramError) as error:
        validate(others)
    assert str(error.value) == "phase inputs: C[t] = A[t]: A[t] is there only if pullback"


def test_nothing_is_for_a_pullback_before_the_seed_is_there() -> None:
    early = Phase("forward", (forward(STEP, sets(now(C), now(S), "pullback")),))
    loss = Phase("loss", (forward(sets(now(A), now(S))),))
    found = Program("test", (), (early, loss), {"forward": (S,), "pullback": (C,)})
    assert validate(found) is found
    with pytest.raises(ProgramError) as error:
        validate(replace(found, seeds=(A,)))
    expected = "phase forward: if pullback: C[t] = S[t]: there is no pullback yet"
    assert str(error.value) == expected


ROWS = Var("A_rows", ("B", "H"), "work", True)
COPY = sets(every(ROWS), every(A))
SUM = sets(now(dW), call("contract", every(X), every(ROWS)))


def by_row(*blocks: Statement, **fields: Any) -> Program:
    """A program in which A_rows is stored by row, beside others that are not."""
    start = forward(sets(now(A), NUMBER))
    weights = (W, BIAS, Var("V", ("D", "H+H"), "weight"))
    fields = {"orientation": "columns", "by_row": frozenset({"A_rows"}), **fields}
    return replace(program(start, *blocks), weights=weights, **fields)


def test_how_matrices_are_stored() -> None:
    found = by_row(COPY, SUM)
    assert validate(found) is found
    variables = (A, X, ROWS, dW, W, BIAS)
    orientations = [found.orientation_of(var) for var in variables]
    assert orientations == ["columns", "columns", "rows", "rows", "rows", "rows"]
    assert {replace(found, orientation="rows").orientation_of(var) for var in variables} == {"rows"}


@pytest.mark.parametrize(
    ("blocks", "fields"),
    [
        ((COPY, SUM), {"orientation": "rows"}),
        ((COPY, SUM), {"by_row": frozenset("A")}),
        ((COPY, SUM), {"overwrites": {"A_rows": "A"}}),
        ((COPY, SUM), {"overwrites": {"A": "A_rows"}}),
        ((sets(now(TERM), NUMBER),), {"by_row": frozenset({"term"})}),
    ],
)
def test_what_cannot_be_stored_by_row(blocks: Any, fields: Any) -> None:
    found = by_row(*blocks, **fields)
    (name,) = found.by_row
    with pytest.raises(ProgramError, match=f"^{name} cannot be stored by row beside others"):
        validate(found)


BOTH = pack("both", (now(ROWS), now(C)), shape=("B", "H+H"))
WIDE = Var("dV", ("D", "H+H"), "gradient", adjoint_of="V")


@pytest.mark.parametrize(
    "statement",
    [
        sets(every(ROWS), NUMBER),
        sets(every(ROWS), call("tanh", every(A))),
        sets(every(A), every(ROWS)),
        sets(every(A), call("tanh", every(ROWS))),
        sets(now(dB), call("column_sum", every(ROWS))),
        sets(now(dW), call("contract", every(X), call("tanh", every(ROWS)))),
        sets(now(dW), call("contract", call("tanh", every(X)), every(ROWS))),
        forward(sets(now(dW), call("contract", now(X), now(ROWS)), accumulate=True)),
        forward(sets(now(ROWS), now(A))),
        forward(sets(now(A), now(ROWS))),
        sets(every(BOTH), every(Var("v", ("B", "H+H"), "input", True))),
        sets(now(WIDE), call("contract", every(X), every(BOTH))),
    ],
    ids=str,
)
def test_what_is_stored_by_row_is_copied_and_summed_over(statement: Any) -> None:
    blocks = [forward(sets(now(C), NUMBER)), COPY, statement]
    with pytest.raises(ProgramError, match="A_rows is stored by row, for sums over all rows alone"):
        validate(by_row(*blocks))


@pytest.mark.parametrize(
    ("overwrites", "message"),
    [
        ({"A": "D"}, "A overwrites D: their storage differs, (B, H) and (B, D)"),
        ({"A": "term"}, "A overwrites term: their storage differs, (B, H) and (B, H)"),
        ({"A": "C", "C": "A"}, "A overwrites itself"),
        ({"A": "S", "C": "S"}, "S is overwritten by two variables"),
    ],
)
def test_what_overwrites_must_fit(overwrites: dict[str, str], message: str) -> None:
    other = Var("D", ("B", "D"), "value", True)
    body = [STEP, *(sets(now(var), NUMBER) for var in (A, C, other, TERM))]
    with pytest.raises(ProgramError) as error:
        validate(replace(program(forward(*body)), overwrites=overwrites))
    assert str(error.value) == message
