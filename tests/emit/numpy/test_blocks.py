"""Blocks as lines: what stands under which comment, and how steps and loops are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gru_codegen.emit.lines import Line
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.blocks import Blocks
from gru_codegen.emit.numpy.functions import phase_function
from gru_codegen.emit.numpy.names import Names
from gru_codegen.emit.numpy.statements import Statements
from gru_codegen.ir import (
    Block,
    Call,
    Every,
    Loop,
    Now,
    Orientation,
    Phase,
    Program,
    Ref,
    Statement,
    Step,
    Var,
)
from gru_codegen.plan import plan
from tests.emit.programs import into, of_one_step, op, timed, weight, whole, with_attributes

a, b = timed("a"), timed("b")
s = of_one_step("s")
E, V = timed("E"), Ref(Var("V", ("B", "1"), "loss weights", timed=True), Every())
U, W = weight("U", "H", "H"), weight("W", "H", "H")
LOSS = Ref(Var("loss", (), "loss"))
tanh, matmul, multiply = op("tanh"), op("matmul"), op("multiply")


def written(
    *blocks: Block, orientation: Orientation = "rows", steps: int | None = None
) -> list[str]:
    results = [ref for ref in (a,) if any(ref.var.name in str(block) for block in blocks)]
    attributes = with_attributes(*blocks, orientation=orientation, results=results, steps=steps)
    found = Blocks(Names(attributes), "forward")
    return [line.code for line in found.lines(blocks)]


def test_a_loop_goes_through_the_matrices_of_its_steps() -> None:
    assert written(Loop("forward", (into(a, tanh(s)),))) == [
        "    for a_t, in w.forward_steps:",
        "        # meaning of a: a_t = tanh(s)",
        "        np.tanh(s, a_t)",
    ]
    assert written(Loop("reverse", (into(a, tanh(s)),)))[0] == (
        "    for a_t, in reversed(w.forward_steps):"
    )


def test_a_written_out_step_begins_with_the_names_of_its_matrices() -> None:
    body = (into(a, tanh(s)),)
    assert written(Step(0, body), Step(1, body), steps=2) == [
        "",
        "    # --- step 1 of 2 ---",
        "    a_t, = w.forward_steps[0]",
        "    # meaning of a: a_t = tanh(s)",
        "    np.tanh(s, a_t)",
        "",
        "    # --- step 2 of 2 ---",
        "    a_t, = w.forward_steps[1]",
        "    # meaning of a: a_t = tanh(s)",
        "    np.tanh(s, a_t)",
    ]


def test_steps_that_share_a_body_are_spelled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for numbers of one digit and once for those of two, which may need another line."""
    spelled: list[str] = []
    lines_of = Statements.lines

    def counted(self: Statements, *arguments: Any) -> Iterator[Line]:
        spelled.append("a group")
        return lines_of(self, *arguments)

    monkeypatch.setattr(Statements, "lines", counted)
    body = (into(LOSS, op("total")(E)),)
    lines = written(*(Step(t, body) for t in range(12)), steps=12)
    computing = [line for line in lines if line.startswith("    loss")]
    assert computing == [f"    loss[{t}] = np.sum(E_t)" for t in range(12)]
    assert len(spelled) == 2


def test_weights_made_ready_stand_under_one_comment() -> None:
    pair = Ref(Var("W_p", ("H", "H+H"), "work", meaning="weights, made ready"))
    half = Ref(Var("half_U", ("H", "H"), "work", meaning="weights, made ready"))
    product = of_one_step("p", ("B", "H+H"))
    lines = written(
        into(pair, op("beside")(U, W)),
        into(half, multiply(whole("1/2"), U)),
        into(product, matmul(s, pair)),
    )
    assert lines == [
        "    # weights, made ready: W_p = [U W]; half_U = 1/2 U",
        "    w.W_p_U[...] = U",
        "    w.W_p_W[...] = W",
        "    np.divide(U, two, half_U)",
        "    # meaning of p: p = s W_p",
        "    s.dot(W_p, p)",
    ]


@pytest.mark.parametrize(
    ("orientation", "axes", "axis"), [("rows", "tbn,tbn->tb", -1), ("columns", "tnb,tnb->tb", -2)]
)
def test_a_weighted_loss_makes_no_array_of_all_weighted_numbers(
    orientation: Orientation, axes: str, axis: int
) -> None:
    every = Ref(E.var, Every())
    weighed = op("weigh")(V, every)
    squares = into(LOSS, multiply(whole("1/2"), op("inner")(every, weighed)))
    assert written(squares, orientation=orientation)[1:] == [
        "    # with loss weights, each sample's own sum is multiplied by its weight",
        f'    return _inner(E, E) / 2 if V is None else _inner(V, np.einsum("{axes}", E, E)) / 2',
    ]
    total = into(LOSS, op("total")(weighed))
    assert written(total, orientation=orientation)[1:] == [
        "    # with loss weights, each sample's own sum is multiplied by its weight",
        f"    return np.sum(E) if V is None else _inner(V, E.sum(axis={axis}))",
    ]


def test_a_carry_begins_with_what_the_last_step_adds_to_it() -> None:
    """Beyond the first step that is a number, and the copy of the carry is in its place."""
    beyond = Ref(Var("G", ("B", "H"), "adjoint", True, whole(0)), Every())
    last = Ref(Var("dS_last", ("B", "H"), "last"))
    added = Call("add", (last, Ref(beyond.var, Now(-1))))
    carry = Ref(Var("dS_prev", ("B", "H"), "adjoint", True, added), Now())
    body = (
        into(b, Ref(carry.var, Now(1))),
        into(carry, tanh(b)),
        into(a, Ref(beyond.var, Now(-1))),
    )
    blocks = (into(beyond, whole(1)), Loop("reverse", body))
    attributes = with_attributes(*blocks, results=[a], overwrites={"dS_prev": "b"}, carries=[carry])
    assert [line.code for line in Blocks(Names(attributes), "backward").lines(blocks)] == [
        "    # G_t = 1",
        "    G[...] = 1",
        "    G_first[...] = 0",
        "    dS_prev[...] = G_last",
        "    if last is not None:",
        "        np.add(dS_prev, last[0], dS_prev)",
        "    for a_t, G_prev_t in reversed(w.backward_steps):",
        "        # meaning of b: b_t = dS_prev_{t+1} + G_t, which is there already",
        "        # dS_prev_t = tanh(b_t)",
        "        np.tanh(b, dS_prev)",
        "        # meaning of a: a_t = G_{t-1}",
        "        a_t[...] = G_prev_t",
    ]
    assert [
        f"{view.name} = {view.code}"
        for view in attributes.ends(list(attributes.plan.bounded), by_row=False)
    ] == [
        "G_first = self._G[0]",
        "G_last = self._G[steps]",
    ]


def test_a_copy_on_a_condition_is_a_line_even_where_it_is_there() -> None:
    """A condition has to have a line under it."""
    last = Ref(Var("dS_last", ("B", "H"), "last"))
    carry = Ref(Var("dS_prev", ("B", "H"), "adjoint", True, last), Now())
    copy = Statement(b, Ref(carry.var, Now(1)), given=("lengths",))
    blocks = (Loop("reverse", (into(b, tanh(s)), copy, into(carry, tanh(b)))),)
    attributes = with_attributes(*blocks, overwrites={"dS_prev": "b"}, carries=[carry])
    assert [line.code for line in Blocks(Names(attributes), "backward").lines(blocks)][-4:-2] == [
        "        if ended is not None:",
        "            b[...] = dS_prev",
    ]


def test_a_gradient_belongs_to_the_weight_that_it_names_whatever_it_is_called() -> None:
    """The sum begins in the shape of that weight, and Params has the gradients in its order."""
    of_U, of_W = (
        Ref(Var(name, ("H", "H"), "gradient", adjoint_of=weight))
        for name, weight in (("G", "U"), ("K", "W"))
    )
    sums = [into(g, op("contract")(a, a), accumulate=True) for g in (of_U, of_W)]
    x = timed("x", "input", ("B", "H"))
    begin, add = Loop("forward", (into(a, tanh(x)),)), Loop("reverse", tuple(sums))
    phases = (Phase("forward", (begin,)), Phase("backward", (add,)))
    entries = dict.fromkeys(("forward", "gradients"), (a.var,))
    program = Program("test", (W.var, U.var), phases, entries)
    function = phase_function(program.phases[1], Attributes(plan(program)))
    lines = [line.code.strip() for line in function.lines]
    assert {"G = np.zeros_like(params.U)", "K = np.zeros_like(params.W)"} <= {*lines}
    assert "gradients = Params(K, G)" in lines
