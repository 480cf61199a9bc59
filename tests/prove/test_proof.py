from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.derive import Derivation, derive
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.prove import Proof, proof, prove
from gru_codegen.request import complete
from tests.cells.sample import SAMPLE

FORMS: list[dict[str, Any]] = [
    {},
    {"unroll": 4},
    {"unroll": 1},
    {"style": "textbook"},
    {"unroll": 2, "style": "textbook"},
    *({"layout": layout} for layout in ("rows", "blocked", "folded")),
]


def proved(cell: gc.Cell, loss: gc.Loss = gc.L2, seed: int = 7, **form: Any) -> Proof:
    kernel = gc.load(cell, loss=loss, **form)
    return prove(kernel, complete(cell, form.get("readout", "none")), loss, seed=seed)


def refuted(old: str, new: str, cell: gc.Cell = gc.GRU, **form: Any) -> str:
    """Why a kernel is refuted in whose text `old`, which stands there, is `new`."""
    found = prove(spoilt(old, new, cell, **form), cell, form.get("loss", gc.L2), seed=7)
    assert not found
    assert found.refutation.count("\n") == 0
    return found.refutation


def spoilt(old: str, new: str, cell: gc.Cell, **form: Any) -> ModuleType:
    source = gc.generate(cell, **form)
    assert old in source
    return load_source(source.replace(old, new, 1), "kernel")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_kernels_of_every_form_are_proved(form: Any) -> None:
    found = proved(gc.GRU, **form)
    assert found, found
    assert found.steps == ((form["unroll"],) if "unroll" in form else (3, 5, 1, 2, 1))
    assert found.calls == 17 * len(found.steps)


@pytest.mark.parametrize("loss", gc.losses)
@pytest.mark.parametrize("readout", ["none", "linear"])
def test_all_losses_and_readouts_are_proved(loss: str, readout: str) -> None:
    found = proved(gc.cells["lstm-peephole"], gc.losses[loss], readout=readout)
    assert found, found


@pytest.mark.parametrize("cell", SAMPLE)
def test_all_cells_are_proved(cell: str) -> None:
    found = proved(gc.cells[cell], unroll=2)
    assert found, found


@pytest.mark.parametrize("readout", ["none", "linear"])
def test_credit_is_proved_error_by_error(readout: str) -> None:
    found = proved(gc.cells["gru-bias"], readout=readout, extras=["credit"])
    assert found, found
    assert "credit with lengths, loss_weights, mask, s0" in found.kinds


def test_a_proof_says_in_a_line_what_it_has_compared() -> None:
    found = proved(gc.GRU, unroll=2)
    assert re.fullmatch(
        r"<Proof of gru_t2: proved: \d+ numbers of 17 calls at T = 2 are those of the declaration, "
        r"in GF\(2\^61 - 1\); seed 7, [\d.e-]+ s>",
        repr(found),
    )
    assert found.check.passed
    assert found.check.cells[:2] == ("all", "proof in GF(2^61 - 1)")


def test_the_seed_decides_the_point_and_is_drawn_if_it_is_not_given() -> None:
    kernel = spoilt("= (1 - Z[t]) * S_prev", "= (1 + Z[t]) * S_prev", gc.GRU, style="textbook")
    one, again, other = (prove(kernel, gc.GRU, gc.L2, seed=seed) for seed in (1, 1, 2))
    assert one.refutation == again.refutation != other.refutation
    drawn = {prove(kernel, gc.GRU, gc.L2).seed for _ in range(2)}
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("old", "new", "form", "said"),
    [
        ("= (1 - Z[t]) * S_prev", "= (1 + Z[t]) * S_prev", {"style": "textbook"},
         r"loss_and_gradients with s0 at T = 3: loss is \d+, not \d+, in GF.*"),
        ("dS_prev, dS_held, dS_prev", "dS_prev, dS, dS_prev", {},
         r"loss_and_gradients with loss_weights, s0, short lengths at T = 3: dWz.*"),
        ("np.copyto(w.mask, _turned(w.ended))", "pass", {"unroll": 2},
         r"loss_and_gradients with loss_weights, s0, short lengths at T = 2: .*"),
        ("outputs.copy() if w.ended", "outputs if w.ended", {},
         r"forward with s0 at T = 3: outputs\[0, 0, 0\] is \(not to be read\), not \d+, .*"),
        ("return Result(_scalar(total, w), gradients, w.S_last.copy())", "return total, gradients",
         {}, "loss_and_gradients with s0 at T = 3 raises ValueError: not enough values to .*"),
        ("np.divide(Z_R_t, two, Z_R_t)", "np.multiply(Z_R_t, 0.5, Z_R_t)", {},
         "loss_and_gradients with s0 at T = 3 raises TypeError: 0.5 is no number of the field.*"),
        ("a[whole:].dot(b[whole:])", "0", {}, "_inner of 8199 numbers is not the sum of their .*"),
        ("steps != self.steps", "steps + 1 != self.steps", {},
         "loss_and_gradients with loss_weights, s0, short lengths at T = 1 raises ValueError: .*"),
        ("np.multiply(dO[t], V[t], dO[t])", "pass", {"extras": ["credit"]},
         r"credit with lengths, loss_weights, mask, s0 at T = 3: E of dWz at step 1\[0, 0\] is .*"),
        ("len(a), rows)", "len(a) - 1, rows)", {"layout": "blocked"},
         "_blocks of 9 rows, for 100000 entries of weights, are not all rows in order"),
        ("np.empty((2 * H, B), dtype)", "np.empty((2 + H, B), dtype)", {"layout": "folded"},
         "Workspace raises .*|loss_and_gradients with s0 at T = 3 raises ValueError: .*"),
        ("dx = np.empty(", "dx = np.zeros(", {"cell": "lstm"}, None),
    ],
)  # fmt: skip
def test_a_refutation_says_what_differs_and_where(
    old: str, new: str, form: Any, said: str | None
) -> None:
    form = dict(form)
    cell = gc.cells[form.pop("cell", "gru")]
    if said is None:  # it changes no value
        assert prove(spoilt(old, new, cell, **form), cell, gc.L2)
    else:
        assert re.fullmatch(said, refuted(old, new, cell, **form))


def test_a_comparison_of_other_numbers_is_refuted_at_one_step_too() -> None:
    found = proved(gc.cells["ligru"], unroll=1)
    assert found.points > 10
    assert proved(gc.GRU, unroll=1).points == 1
    assert "T = 1" in refuted("np.maximum(aCA", "np.minimum(aCA", gc.cells["ligru"], unroll=1)


@pytest.mark.parametrize(("unroll", "points"), [(None, 3), (1, 12), (12, 12)])
def test_every_line_that_compares_does_so_often(unroll: int | None, points: int) -> None:
    assert proved(gc.cells["ligru"], unroll=unroll).points == points


def test_a_comparison_that_is_left_out_of_one_step_is_refuted(tmp_path: Path) -> None:
    """Of this seed the first point has no negative number at that step."""
    file = tmp_path / "relu.toml"
    file.write_text(
        """
name = "relu-in"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)" }
equations = '''
CA = relu(x @ W)
S = tanh(CA + S_prev @ U)
'''
"""
    )
    cell = load_cell(str(file))
    old, new = "CA[4] = np.maximum(x[4] @ W, 0)", "CA[4] = x[4] @ W"
    wrong = spoilt(old, new, cell, unroll=12, style="textbook")
    assert not prove(wrong, cell, gc.L2, seed=24)


def test_the_derivation_is_held_to_the_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = gc.load(gc.GRU, unroll=2)

    def wrong(cell: gc.Cell, loss: gc.Loss) -> Derivation:
        right = derive(cell, loss)
        first, *others = right.gradients
        return Derivation(
            **{
                **{name: getattr(right, name) for name in right.__dataclass_fields__},
                "gradients": (replace(first, summand=2 * first.summand), *others),
            }
        )

    monkeypatch.setattr(proof, "derive", wrong)
    found = prove(kernel, gc.GRU, gc.L2)
    assert found.refutation == (
        "the derivation at T = 2, loss_and_gradients with s0: "
        "it is not that of the declared equations"
    )


def test_another_declaration_is_refuted() -> None:
    kernel = gc.load(gc.cells["gru1"], unroll=2)
    assert not prove(kernel, gc.cells["gru2"], gc.L2)
    assert not prove(gc.load(gc.GRU, unroll=2), gc.GRU, gc.losses["l2-mean"])


def test_a_kernel_is_not_changed_by_its_proof() -> None:
    kernel = gc.load(gc.GRU, unroll=2)
    before = dict(vars(kernel))
    assert prove(kernel, gc.GRU, gc.L2)
    assert dict(vars(kernel)) == before
