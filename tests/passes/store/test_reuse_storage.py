"""Storage is used again, by what is written after the last reader of it alone."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gru_codegen.ir import (
    Call,
    Const,
    Loop,
    Now,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    validate,
)
from gru_codegen.passes import reuse_storage
from gru_codegen.passes.pack.neighbours import Packs
from tests.passes.written import written

FORWARD = """
    for every step t, first to last:
        Z[t] = x[t] @ Wz
        S[t] = tanh(Z[t])
"""


def overwrites(backward: str, inputs: str = "", handed: str = "S") -> dict[str, str]:
    entries = {"forward": handed, "gradients": "dUz"}
    phases = {"forward": FORWARD, "backward": backward}
    if inputs:
        phases["inputs"] = inputs
        entries["pullback"] = "dx"
    return dict(reuse_storage(written(phases, entries)).overwrites)


LAST_READER = """
    for every step t, last to first:
        dA[t] = dS_prev[t+1] * Z[t]
        dS_prev[t] = dA[t] @ Uz
    dUz = contract(S[:-1], dA[:])
"""


def test_an_elementwise_last_reader_writes_over_it() -> None:
    assert overwrites(LAST_READER) == {"dA": "Z"}


def test_not_over_what_is_read_later_in_the_step() -> None:
    later = LAST_READER.replace("dA[t] @ Uz", "dA[t] * Z[t]")
    assert overwrites(later) == {}


def test_not_over_an_operand_of_a_product() -> None:
    assert overwrites(LAST_READER.replace("dS_prev[t+1] * Z[t]", "Z[t] @ Uz")) == {}


def test_not_over_an_operand_of_a_selection() -> None:
    """The other one is written before it."""
    chosen = "select(ended[t], Z[t], dS_prev[t+1])"
    assert overwrites(LAST_READER.replace("dS_prev[t+1] * Z[t]", chosen)) == {}


def test_not_over_what_is_read_after_the_loop() -> None:
    assert overwrites(LAST_READER.replace("dUz =", "dUr = contract(Z[:], dA[:])\n    dUz =")) == {}


def test_not_over_what_a_pullback_reads() -> None:
    inputs = "dx[:] = Z[:] @ Wz.T"
    assert "dA" not in overwrites(LAST_READER, inputs)
    assert overwrites(LAST_READER, inputs.replace("Z[:]", "dA[:]")) == {"dA": "Z"}


def test_not_over_what_is_handed_out() -> None:
    assert overwrites(LAST_READER, handed="S Z") == {}


def test_not_over_what_has_a_boundary() -> None:
    """Another step reads it, and it may be gone by then."""
    other = LAST_READER.replace("Z[t]", "S[t]").replace("contract(S[:-1], ", "contract(dA[:], ")
    assert "S" not in overwrites(other, handed="").values()


def test_each_is_overwritten_once() -> None:
    two = """
    for every step t, last to first:
        dA[t] = dS_prev[t+1] * Z[t]
        dE[t] = tanh(dA[t])
        dS_prev[t] = dE[t] @ Uz
    dUz = contract(dE[:], dA[:])
"""
    assert overwrites(two) == {"dA": "Z"}


COPY = """
    for every step t, last to first:
        dS[t] = dS_prev[t+1]
        dA[t] = dS[t] * Z[t]
        dS_prev[t] = dA[t] @ Uz
    dUz = contract(S[:-1], dA[:])
"""


def test_a_carry_is_kept_where_a_step_copies_it() -> None:
    assert overwrites(COPY) == {"dA": "Z", "dS_prev": "dS"}


def test_so_it_is_behind_other_statements() -> None:
    behind = COPY.replace("        dS[t] =", "        dR[t] = tanh(Z[t])\n        dS[t] =")
    assert overwrites(behind)["dS_prev"] == "dS"


def test_not_where_the_copy_is_read_later() -> None:
    later = "\n        dC[t] = tanh(dS[t])\n        dR[t] = dC[t]\n    dUz"
    assert overwrites(COPY.replace("\n    dUz", later)) == {"dA": "Z"}
    assert overwrites(COPY.replace("dA[t] @ Uz", "dS[t] @ Uz")) == {"dA": "Z"}


def test_not_where_the_copy_is_there_before() -> None:
    before = COPY.replace("        dS[t] =", "        dS[t] = tanh(Z[t])\n        dS[t] =")
    assert overwrites(before) == {"dA": "Z"}


def test_not_where_the_carry_is_read_again() -> None:
    again = COPY.replace("dS[t] * Z[t]", "(dS[t] + dS_prev[t+1]) * Z[t]")
    assert overwrites(again) == {"dA": "Z"}
    later = COPY.replace("* Z[t]", "* Z[t]\n        dC[t] = tanh(dS_prev[t+1])")
    assert overwrites(later) == {"dA": "Z"}


def test_not_where_either_is_kept_for_every_step() -> None:
    assert "dS_prev" not in overwrites(COPY.replace("dUz", "dUr = contract(S[:], dS[:])\n    dUz"))


def test_not_where_it_is_copied_on_a_condition() -> None:
    condition = COPY.replace("dS[t] = dS", "if lengths: dS[t] = dS").replace(
        "dS[t] * Z[t]", "tanh(Z[t])\n        if lengths: dC[t] = tanh(dS[t])"
    )
    assert "dS_prev" not in overwrites(condition)


def test_not_where_the_copy_is_no_matrix_of_the_step() -> None:
    term = COPY.replace("dS[t]", "term")
    assert overwrites(term) == {"dA": "Z"}


def test_not_over_the_seed_before_it_is_handed_out() -> None:
    """The loss phase hands it out, even where no adjoint reads it; later ones may overwrite it."""
    phases = {
        "forward": FORWARD,
        "loss": "dO[:] = Z[:] - S[:]\nE[:] = tanh(S[:])\nloss = total(E[:])",
        "backward": "dA[:] = tanh(S[:])\ndUz = contract(E[:], dA[:])",
    }
    entries = {"forward": "S", "loss": "loss dO", "gradients": "loss dUz"}
    found = reuse_storage(written(phases, entries, seed="dO")).overwrites
    assert found == {"dO": "Z", "dA": "dO"}


def in_a_loop(*statements: tuple[Ref, Ref | Call]) -> Program:
    """A program of one reverse loop."""
    made = tuple(Statement(target, value) for target, value in statements)
    return validate(Program("written", (), (Phase("backward", (Loop("reverse", made),)),), {}))


def test_not_where_neighbours_are_copied_or_a_number_is() -> None:
    known = {name: Ref(Var(name, ("B", "H"), "adjoint", True), Now()) for name in ("dS", "dC")}
    zero, one = Const(Fraction(0)), Const(Fraction(1))
    carried = [Ref(Var(f"{name}_prev", ("B", "H"), "adjoint", True, zero), Now()) for name in known]
    packs = Packs(in_a_loop(), set())
    copies, both = packs.of(tuple(known.values())), packs.of(tuple(carried))
    beyond = replace(both, when=Now(1))
    stacked = in_a_loop((copies, beyond), (both, Call("tanh", (copies,))))
    assert reuse_storage(stacked).overwrites == {}
    number = Ref(Var("n", (), "value", True, one), Now())
    x = Ref(Var("x", ("B", "D"), "input", True), Now())
    beyond = replace(number, when=Now(1))
    numbers = in_a_loop((known["dS"], beyond), (number, Call("total", (x,))))
    assert reuse_storage(numbers).overwrites == {}
