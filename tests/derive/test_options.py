"""The equations of lengths, loss weights and pullbacks, and that wrong ones are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.cell import B, H, hadamard, matrix, ones
from gru_codegen.derive import calculus, options, proof
from gru_codegen.derive.options import options_of
from gru_codegen.errors import DerivationError
from gru_codegen.evaluate import evaluate
from gru_codegen.functions import tanh
from gru_codegen.losses import KnownAdjoint, Loss

pytestmark = pytest.mark.usefixtures("nothing_proved")


def test_a_state_past_its_length_is_the_one_before() -> None:
    found = gc.derive(gc.cells["lstm"]).options
    text = found.notation.text
    cell_state, state = sorted(found.holds, key=lambda hold: hold.state.name)
    assert text(state.value.expression) == "M_t o S_{t-1} + (1 - M_t) o S'_t"
    assert text(state.into_step.expression) == "(1 - M_t) o dS_t"
    assert text(state.passed_on.expression) == "M_t o dS_t"
    assert text(cell_state.value.expression) == "M_t o C_{t-1} + (1 - M_t) o C'_t"
    assert [text(found.notation.arrange(term.expression)) for term in state.terms] == [
        "dS_t o M_t",
        "dS_t - dS_t o M_t",
    ]
    assert text(found.guard.value.expression) == "M_t o c + (1 - M_t) o a_t"
    assert text(found.guard.passed_on.expression) == "(1 - M_t) o da'_t"


@pytest.mark.parametrize("loss", gc.losses.values(), ids=lambda loss: loss.name)
def test_a_weight_is_a_factor_of_a_row_of_the_adjoint(loss: Loss) -> None:
    weighting = gc.derive(gc.GRU, loss).options.weighting
    (weighted,) = weighting.seeds.values()
    assert gc.derive(gc.GRU, loss).options.notation.text(weighted) == "V_t o dO_t"
    of_a_mean = "1/(B*T)" if loss.targets == "labels" else "1/(B*H*T)"  # labels have no columns
    assert str(weighting.share) == (of_a_mean if loss.mean else "1")


def test_what_a_pullback_adds_begins_the_carry() -> None:
    found = gc.derive(gc.GRU).options
    [(state, term)] = found.last.items()
    assert term.argument == state
    assert found.notation.text(term.expression) == "d_S"


def test_the_blends_are_the_derivatives_of_the_blend() -> None:
    """In numbers: both sides, where each row is of a sample that has ended or has not."""
    hold = gc.derive(gc.GRU).options.holds[0]
    rng, ended = np.random.default_rng(0), np.array([[1.0], [0.0], [1.0]]) * np.ones((3, 2))
    names = (hold.adjoint, hold.computed, *gc.GRU.states.values())
    values: dict[Any, Any] = {name: rng.standard_normal((3, 2)) for name in names}
    values |= {hold.value.mask: ended, B: 3, H: 2}
    adjoint, before = values[hold.adjoint], values[next(iter(gc.GRU.states.values()))]
    passed_on, into_step, value = (
        evaluate(blend.expression, values) for blend in (hold.passed_on, hold.into_step, hold.value)
    )
    np.testing.assert_array_equal(passed_on, np.where(ended, adjoint, 0))
    np.testing.assert_array_equal(into_step, np.where(ended, 0, adjoint))
    np.testing.assert_array_equal(value, np.where(ended, before, values[hold.computed]))


# --- what is wrong is refused --------------------------------------------------------------------


def test_a_wrong_derivative_of_a_blend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = gc.derive(gc.GRU)
    honest = calculus._in_terms_of_value
    monkeypatch.setattr(calculus, "_in_terms_of_value", lambda *given: 2 * honest(*given))
    with pytest.raises(
        DerivationError, match=r"^equation S with padding, .* is not the derivative"
    ):
        options_of(derivation)


def test_a_wrong_selection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = gc.derive(gc.GRU)
    honest = options._at
    monkeypatch.setattr(options, "_at", lambda formula, mask, number: honest(formula, mask, 1))
    with pytest.raises(DerivationError, match=r"^equation S with padding: the normal form "):
        options_of(derivation)


def test_a_loss_that_mixes_samples_has_no_weights() -> None:
    """The mean of a column is no sample's own."""
    derivation = gc.derive(gc.GRU)
    E, dE = (next(s for s in derivation.notation.computed if s.name == "E"), derivation.seeds[0])
    V = matrix("V", *E.shape)
    mixed = ones(B, 1) * (ones(1, B) * hadamard(V, E))
    plain = ones(B, 1) * (ones(1, B) * E)
    with pytest.raises(DerivationError, match="must not depend on the others"):
        proof.prove_row_factor("here", V, plain, mixed)
    proof.prove_row_factor("here", V, hadamard(dE, E), hadamard(V, E, dE))


def test_an_adjoint_that_nobody_knows_is_refused() -> None:
    bce = gc.losses["bce"]
    wrong = replace(bce, name="wrong", known=KnownAdjoint("tanh", tanh(bce.prediction)))
    with pytest.raises(DerivationError, match=r"the adjoint of the outputs is not tanh\(O\) - Y"):
        _ = gc.derive(gc.GRU, wrong).options


def test_softmax_is_known_for_rows_that_add_up_to_one_alone() -> None:
    numbers = replace(gc.losses["cross-entropy"], name="of-numbers", targets="numbers")
    with pytest.raises(DerivationError, match=r"is not softmax\(O\) - Y"):
        _ = gc.derive(gc.GRU, numbers).options
