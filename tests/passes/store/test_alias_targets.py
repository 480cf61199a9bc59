"""Targets lie in the storage of the seed for as long as it is free, and no longer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gru_codegen.errors import ProgramError
from gru_codegen.interpret import interpret
from gru_codegen.ir import Const, Every, Now, Ref, Statement, validate
from gru_codegen.passes import alias_targets
from gru_codegen.passes.pack.neighbours import Packs
from gru_codegen.passes.support.naming import names_in
from tests.passes.written import written

FORWARD = """
    for every step t, first to last:
        Z[t] = x[t] @ Wz
        S[t] = tanh(Z[t])
"""
LOSS = """
    dO[:] = S[:] - Y[:]
    loss = inner(dO[:], dO[:])
"""
BACKWARD = "dUz = contract(S[:-1], dO[:])"


def lent(loss: str = LOSS, forward: str = FORWARD, overwrites: str = "") -> bool:
    entries = {"forward": "S", "gradients": "S loss dUz"}
    phases = {"forward": forward, "loss": loss, "backward": BACKWARD}
    shared = dict([overwrites.split(" over ")]) if overwrites else {}
    return alias_targets(written(phases, entries, seed="dO", overwrites=shared)).targets_in_seed


def test_targets_lie_where_the_seed_is_computed_from_them() -> None:
    assert lent()
    assert lent(overwrites="dO over E")  # which is not there
    assert lent(LOSS.replace("dO[:] = S[:] - Y[:]", "dO[:] = tanh(Y[:])"))


def test_not_where_a_product_or_a_transpose_reads_them() -> None:
    """It writes entries before it has read what else lies there."""
    assert not lent(LOSS.replace("S[:] - Y[:]", "Y[:] @ Uz"))
    assert not lent(LOSS.replace("S[:] - Y[:]", "row_sum(Y[:])"))


def test_not_where_they_are_read_again() -> None:
    assert not lent(LOSS.replace("inner(dO[:], dO[:])", "inner(dO[:], Y[:])"))
    assert not lent(LOSS.replace("    loss", "    E[:] = dO[:] * Y[:]\n    loss"))


def test_not_where_they_are_read_before_by_another() -> None:
    assert not lent("    E[:] = tanh(Y[:])" + LOSS)
    assert not lent(LOSS.replace("Y[:]", "E[:]").replace("    dO", "    E[:] = Y[:]\n    dO", 1))


def test_not_where_the_forward_pass_uses_the_storage() -> None:
    assert not lent(overwrites="dO over Z")


def test_not_where_the_seed_holds_something_else_first() -> None:
    assert not lent("    dO[:] = S[:]" + LOSS.replace("S[:] - Y", "dO[:] - Y"))


def test_the_interpreter_keeps_them_there() -> None:
    """Whoever reads them when they are gone has the seed instead."""
    phases = {"forward": FORWARD, "loss": LOSS, "backward": BACKWARD}
    program = alias_targets(written(phases, {"gradients": "S loss dUz"}, seed="dO"))
    rng = np.random.default_rng(0)
    shapes = {"x": (2, 3, 4), "Y": (2, 3, 5), "s0": (3, 5), "Wz": (4, 5)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    found = interpret(program, arrays, 2)
    expected = np.tanh(arrays["x"] @ arrays["Wz"]) - arrays["Y"]
    np.testing.assert_allclose(found["dO"], expected)
    assert found["loss"] == pytest.approx((expected**2).sum())
    assert found["Y"] is found["dO"]


def test_a_program_without_room_for_them_is_refused() -> None:
    program = written({"loss": "dO[:] = tanh(Y[:])"})
    with pytest.raises(ProgramError, match="no adjoint of outputs whose storage Y fits"):
        validate(replace(program, targets_in_seed=True))


def test_not_where_the_seed_has_neighbours() -> None:
    """Their array is no matrix of the targets' shape."""
    program = written({"forward": FORWARD, "loss": LOSS, "backward": BACKWARD}, seed="dO")
    dO = program.variables()["dO"]
    packs = Packs(program, names_in(program))
    both = packs.of((Ref(dO, Now()), Ref(replace(dO, name="dE"), Now())))
    forward, loss, backward = program.phases
    (more,) = backward.blocks
    assert isinstance(more, Statement)
    stacked = replace(more, target=replace(both, when=Every()), value=Const(Fraction(0)))
    backward = replace(backward, blocks=(stacked, *backward.blocks))
    assert alias_targets(program).targets_in_seed
    assert not alias_targets(replace(program, phases=(forward, loss, backward))).targets_in_seed
