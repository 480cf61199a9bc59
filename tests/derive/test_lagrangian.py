from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixSymbol

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, H, hadamard, matrix
from gru_codegen.derive import NormalEquation, lagrangian
from gru_codegen.errors import CellError, DerivationError
from gru_codegen.functions import positive, sigmoid, tanh
from gru_codegen.losses import Loss
from gru_codegen.notation import leaves
from gru_codegen.parse import load_loss
from tests.cells.sample import IN_PYTHON
from tests.derive.declarations import CELLS, LOSSES, cell

pytestmark = pytest.mark.usefixtures("nothing_proved")

ALL = {**IN_PYTHON, **{cell.name: cell for cell in CELLS}}
ROOT = Path(__file__).parents[2]
OF_TWO = load_loss(str(ROOT / "examples" / "gaussian_likelihood.toml"))


# --- the GRU --------------------------------------------------------------------------------------


def test_the_adjoints_of_the_gru() -> None:
    derivation = gc.derive(gc.GRU)
    text = derivation.notation.text
    assert {text(a.target): text(a.expression) for a in derivation.adjoints} == {
        "dE_t": "E_t",
        "dO_t": "dE_t",
        "dS_t": "dO_t + dS_prev_{t+1}",
        "dCA_t": "dS_t o Z_t",
        "daCA_t": "dCA_t o (1 - CA_t o CA_t)",
        "dRS_t": "daCA_t Wrecca^T",
        "dR_t": "dRS_t o S_{t-1}",
        "daR_t": "dR_t o R_t o (1 - R_t)",
        "dZ_t": "dS_t o CA_t - dS_t o S_{t-1}",
        "daZ_t": "dZ_t o Z_t o (1 - Z_t)",
        "dS_prev_t": "dS_t + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T - dS_t o Z_t",
        "dx_t": "daCA_t Wca^T + daR_t Wr^T + daZ_t Wz^T",
    }


def test_of_several_outputs_the_loss_reads_the_first() -> None:
    """One that equations or steps read has a name of its own, and no loss gives its adjoint."""
    several = next(each for each in CELLS if each.name == "several-outputs")
    derivation = gc.derive(several)
    text = derivation.notation.text
    adjoints = {text(a.target): text(a.expression) for a in derivation.adjoints}
    assert list(map(text, derivation.seeds)) == ["dO_F_t", "dO_S_t", "dOG_t"]
    assert (adjoints["dO_F_t"], adjoints["dO_S_t"], adjoints["dOG_t"]) == ("dE_t", "0", "0")
    assert adjoints["dS_t"] == "dO_S_t + daOG_t Uf^T + dS_prev_{t+1}"
    assert list(map(text, derivation.options.weighting.seeds)) == ["dO_F_t"]


def test_a_loss_of_several_outputs_gives_the_adjoint_of_each() -> None:
    several = next(each for each in CELLS if each.name == "several-outputs")
    derivation = gc.derive(several, OF_TWO)
    text = derivation.notation.text
    adjoints = {text(a.target): text(a.expression) for a in derivation.adjoints}
    assert adjoints["dO_F_t"] == "-dERR_t"
    assert adjoints["dO_S_t"] == "1/2 dCOST_t - daCOST_part_t"
    assert adjoints["dOG_t"] == "0"
    weighted = derivation.options.weighting.seeds.values()
    write = derivation.options.notation.text
    assert list(map(write, weighted)) == ["V_t o dO_F_t", "V_t o dO_S_t"]
    with pytest.raises(CellError, match="it reads 2 outputs, as MEAN and LOGVAR, and the cell"):
        gc.derive(gc.GRU, OF_TWO)


def test_what_is_always_nothing_is_no_term() -> None:
    """The derivative of a step is 0."""
    step = cell("step", (W, U), {S: positive(S_prev * U) + S_prev + positive(x * W)})
    text = gc.derive(step).notation.text
    adjoints = {text(a.target): text(a.expression) for a in gc.derive(step).adjoints}
    assert adjoints["dS_prev_t"] == "dS_t + daS_part_2_t U^T"
    assert adjoints["daS_part_2_t"] == "0"


def test_the_gradients_of_the_gru() -> None:
    derivation = gc.derive(gc.GRU)
    text = derivation.notation.text
    assert [(str(g.weight), text(g.summand)) for g in derivation.gradients] == [
        ("Wz", "x_t^T daZ_t"),
        ("Wrecz", "S_{t-1}^T daZ_t"),
        ("Wca", "x_t^T daCA_t"),
        ("Wrecca", "RS_t^T daCA_t"),
        ("Wr", "x_t^T daR_t"),
        ("Wrecr", "S_{t-1}^T daR_t"),
    ]


def test_the_shared_factors_of_the_gru() -> None:
    derivation = gc.derive(gc.GRU)
    found = {str(s.factor): {str(reader) for reader in s.readers} for s in derivation.shared}
    assert found == {
        "dS": {"dCA", "dZ", "dS_prev"},
        "daCA": {"dRS", "dx", "dWca", "dWrecca"},
        "dRS": {"dR", "dS_prev"},
        "daR": {"dS_prev", "dx", "dWr", "dWrecr"},
        "daZ": {"dS_prev", "dx", "dWz", "dWrecz"},
    }


def test_a_derivation_is_made_once() -> None:
    assert gc.derive(gc.GRU) is gc.derive(gc.GRU, gc.L2) is gc.derive(gc.GRU, loss=gc.L2)
    assert gc.derive(replace(gc.GRU)) is not gc.derive(gc.GRU)


# --- every cell -----------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ALL.values(), ids=ALL.keys())
def test_every_adjoint_collects_from_every_equation_that_reads_it(declared: Cell) -> None:
    derivation = gc.derive(declared)
    readers: dict[MatrixSymbol, list[Any]] = {}
    for equation in derivation.equations:
        for symbol in dict.fromkeys(leaves(equation.expression)):
            readers.setdefault(symbol, []).append(equation.target)
    for symbol in dict.fromkeys(leaves(derivation.loss.cost)):
        readers.setdefault(symbol, []).append(None)
    for adjoint in derivation.adjoints:
        assert [term.of for term in adjoint.terms] == readers.get(adjoint.of, [])
    for gradient in derivation.gradients:
        assert [term.of for term in gradient.terms] == readers[gradient.weight]
    assert {a.of for a in derivation.adjoints if a.carry is not None} == {*declared.states}


@pytest.mark.parametrize("declared", ALL.values(), ids=ALL.keys())
def test_adjoints_come_in_an_order_in_which_they_can_be_computed(declared: Cell) -> None:
    derivation = gc.derive(declared)
    computed = {a.carry for a in derivation.adjoints if a.carry is not None}
    adjoints = {a.target for a in derivation.adjoints}
    for adjoint in derivation.adjoints:
        assert {s for s in leaves(adjoint.expression) if s in adjoints} <= computed
        computed.add(adjoint.target)
    assert [g.weight for g in derivation.gradients] == [*declared.weights]


def test_what_is_linear_has_no_forward_value_in_its_adjoints() -> None:
    linear = gc.derive(ALL["linear"])
    read = {s for a in linear.adjoints for s in leaves(a.expression)}
    assert not read & {e.target for e in linear.equations} - {matrix("E", B, H)}


@pytest.mark.parametrize("loss", LOSSES, ids=[loss.name for loss in LOSSES])
def test_other_losses(loss: Loss) -> None:
    derivation = gc.derive(ALL["elman"], loss)
    text = derivation.notation.text
    adjoints = {text(a.target): text(a.expression) for a in derivation.adjoints}
    expected = {
        "inner": {"dO_t": "-Y_t"},
        "two-thirds": {"dE_t": "4/3 E_t", "dO_t": "dE_t"},
        "squashed": {"dQ_t": "E_t", "dE_t": "2 (dQ_t o E_t) + Q_t"},
    }[loss.name]
    assert {name: adjoints[name] for name in expected} == expected


# --- wrong answers --------------------------------------------------------------------------------

ASKED = [
    ("equation aZ", "S_prev"),
    ("equation aZ", "Wrecz"),
    ("equation aZ", "x"),
    ("equation aZ", "Wz"),
    ("equation Z", "aZ"),
    ("equation RS", "R"),
    ("equation CA", "aCA"),
    ("equation S", "S_prev"),
    ("equation S", "Z"),
    ("equation O", "S"),
    ("loss 'l2'", "E"),
]


@pytest.mark.parametrize(("where", "argument"), ASKED)
def test_one_wrong_answer_is_enough(
    where: str, argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of SymPy's answers is spoilt in turn; the error names the equation and the operand."""
    wrong = ASKED.index((where, argument))
    asked: list[str] = []
    sympy_s_own = sp.Expr.diff

    def diff(expression: Any, *arguments: Any, **options: Any) -> Any:
        with monkeypatch.context() as inner:
            inner.setattr(sp.Expr, "diff", sympy_s_own)
            answer = sympy_s_own(expression, *arguments, **options)
        if isinstance(arguments[0], MatrixSymbol):
            asked.append(str(arguments[0]))
            if len(asked) == wrong + 1:
                return -answer
        return answer

    monkeypatch.setattr(sp.Expr, "diff", diff)
    with pytest.raises(DerivationError) as raised:
        gc.derive(replace(gc.GRU))
    assert str(raised.value).startswith(f"{where}, with respect to {argument}: SymPy's derivative ")
    assert len(asked) == wrong + 1


# --- names ----------------------------------------------------------------------------------------

x, S, S_prev, Z = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H), matrix("Z", B, H)
W, U = matrix("W", D, H), matrix("U", H, H)


def refusal(declared: Cell, loss: Loss = gc.L2) -> str:
    with pytest.raises(CellError) as raised:
        gc.derive(declared, loss)
    return str(raised.value)


@pytest.mark.parametrize("make", [gc.derive, gc.generate, gc.program, gc.source_map])
def test_what_is_no_name_is_not_repeated(make: Any) -> None:
    with pytest.raises(TypeError, match=r"^cell: expected a Cell, .*, got b'xxxx.{,30}x'$"):
        make(b"x" * 5000)
    with pytest.raises(
        CellError, match=r"^there is no cell 'x{90,100}\.\.\.x{90,100}'; known: gru,"
    ):
        make("x" * 10**6)
    with pytest.raises(
        CellError, match=r"^there is no loss 'x{90,100}\.\.\.x{90,100}'; known: l2,"
    ):
        make(gc.GRU, loss="x" * 10**6)


def test_a_name_that_an_adjoint_needs() -> None:
    dS = matrix("dS", D, H)
    assert refusal(cell("a", (dS, U), {S: tanh(x * dS + S_prev * U)})) == (
        "cell 'a': the matrix dS and the adjoint of S would both be called dS; rename one"
    )


def test_a_name_that_the_adjoint_of_a_part_would_have() -> None:
    weight = matrix("daS", D, H)
    derivation = gc.derive(cell("a", (weight, U), {S: tanh(x * weight + S_prev * U)}))
    named = [str(equation.target) for equation in derivation.equations if equation.named_here]
    assert named == ["aS_2"]  # so its adjoint is daS_2


def test_a_name_that_the_loss_uses() -> None:
    gate = matrix("E", B, H)
    declared = cell("a", (W, U), {gate: sigmoid(x * W), S: hadamard(gate, S_prev * U)})
    derivation = gc.derive(declared)
    assert [e.target.name for e in derivation.loss.equations] == ["E_2"]
    assert gc.derive(gc.GRU).loss.equations[0].target.name == "E"


def test_a_part_gets_a_name_that_is_free() -> None:
    taken = matrix("aS", D, H)
    derivation = gc.derive(cell("a", (taken, U), {S: tanh(x * taken + S_prev * U)}))
    assert [e.target.name for e in derivation.equations][:2] == ["aS_2", "S"]


def test_a_part_gets_a_name_that_a_kernel_can_have() -> None:
    """The product of i and f would be called if, and the pre-activation of s, as."""
    i, f, s, s_prev = (matrix(name, B, H) for name in ("i", "f", "s", "s_prev"))
    equations = {
        i: sigmoid(x * W),
        f: tanh(x * W),
        s: tanh(hadamard(i, f) * U + s_prev),
    }
    derivation = gc.derive(cell("a", (W, U), equations, {s: s_prev}))
    names = [e.target.name for e in derivation.equations if e.named_here]
    assert names == ["ai", "s_part_2", "s_part"]


def test_a_form_that_sympy_cannot_take_names_its_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are, without the normal form, the equations of the GRU cannot be differentiated."""

    def as_declared(equations: Any, *_: Any) -> tuple[NormalEquation, ...]:
        return tuple(
            NormalEquation(e.target, e.expression, e.expression, e, e.meaning) for e in equations
        )

    monkeypatch.setattr(lagrangian, "normalise", as_declared)
    with pytest.raises(DerivationError, match=r"^equation CA, with respect to \w+: SymPy cannot"):
        gc.derive(replace(gc.GRU))


# --- determinism ----------------------------------------------------------------------------------

SCRIPT = """
import sympy as sp
import gru_codegen as gc
from tests.derive.declarations import CELLS
for cell in (gc.GRU, CELLS[0]):
    derivation = gc.derive(cell)
    print(derivation, derivation._repr_latex_(), derivation.unroll(2), sep="\\n")
    for term in derivation.local_derivatives:
        print(sp.srepr(term.expression))
    print(gc.generate(cell, unroll=2, style="textbook"), gc.generate(cell), sep="\\n")
"""


def test_every_process_derives_and_generates_the_same() -> None:
    """SymPy numbers its dummy symbols at random, and sets of strings have a random order."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate()[0] for process in processes)
    assert all(process.returncode == 0 for process in processes)
    assert first == second
    assert b"Dummy" not in first
