"""Each fault that is planted is named, and the gradients that it reaches are the wrong ones."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.audit.faults import faults, plain_faults
from gru_codegen.audit.model import Change, Model
from gru_codegen.audit.points import Point
from tests.audit import by_hand
from tests.audit.planting import planted, returning

CELL = gc.cells["gru-bias"]
LSTM = gc.cells["lstm"]
WEIGHTS = {f"d{weight}" for weight in CELL.weights}
BIASES = {"dbz", "dbca", "dbr"}
SLOPE = "is taken of the value, where it is that of the pre-activation"
WAY = "dS_prev_t lacks {}, the way through {}"
FIRST = "is not summed over the steps: the term of the first step alone is left"


def gru(*changes: tuple[str, str]) -> gc.Audit:
    return gc.audit(planted(by_hand.gru, *changes), cell=CELL)


def lstm(*changes: tuple[str, str]) -> gc.Audit:
    return gc.audit(planted(by_hand.lstm, *changes), cell=LSTM, mapping=by_hand.LSTM)


def wrong(audit: gc.Audit) -> set[str]:
    return {finding.name for finding in audit.wrong}


def said(audit: gc.Audit) -> dict[str, str]:
    return {finding.name: finding.fault for finding in audit.wrong}


# --- of single gradients --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("g['Wz'] *= 2", {"dWz": "is 2 times what it has to be"}),
        ("g['Wr'] /= -1", {"dWr": "is -1 times what it has to be"}),
        ("g['bz'] /= 2", {"dbz": "is 1/2 of what it has to be"}),
        ("g['bz'] *= x.shape[1]", {"dbz": "is B times what it has to be"}),
        ("g['Wr'] *= len(x)", {"dWr": "is T times what it has to be"}),
        ("g['Wr'] /= len(x)", {"dWr": "is 1/T of what it has to be"}),
        ("g['Wca'] /= y.size", {"dWca": "is 1/(T B H) of what it has to be"}),
        ("g['Wca'] *= 2 / y.size", {"dWca": "is 2/(T B H) of what it has to be"}),
        ("g['Wca'] *= 1.7", {"dWca": "is 1.7 times what it has to be"}),
        ("g['Wca'] /= np.linalg.norm(g['Wca'])",
         {"dWca": "has the right direction, and a length that differs by another factor at each "
          "call"}),
        ("g['Wrecz'] = g['Wrecz'].T", {"dWrecz": "is transposed"}),
        ("g['bz'], g['br'] = g['br'], g['bz']",
         {"dbz": "is the gradient of br", "dbr": "is the gradient of bz"}),
        ("g['Wrecz'], g['Wrecr'], g['Wrecca'] = g['Wrecr'], g['Wrecca'].T, g['Wrecz']",
         {"dWrecz": "is the gradient of Wrecr", "dWrecr": "is the gradient of Wrecca, transposed",
          "dWrecca": "is the gradient of Wrecz"}),
        ("g['Wr'] *= 0", {"dWr": "is 0"}),
        ("g['Wr'][0, 0] = np.nan", {"dWr": "is not finite"}),
        ("g['Wrecz'] = np.clip(g['Wrecz'], -0.5, 0.5)",
         {"dWrecz": "is clipped to the range from -0.5 to 0.5"}),
        ("g['Wz'] = g['Wz'] + 1e-6",
         {"dWz": "differs; none of the known faults explains it"}),
    ],
)  # fmt: skip
def test_a_gradient_is_another_number(text: str, faults: dict[str, str]) -> None:
    audit = gru(returning(f"{text}; return loss, g"))
    assert said(audit) == faults
    assert audit.faults == ()


def test_a_gradient_of_another_shape() -> None:
    audit = gru(returning("g['Wr'] = g['Wr'].sum(); return loss, g"))
    (fault,) = said(audit).values()
    assert fault == "has the shape (), where (4, 5) is expected"


def test_all_gradients_are_divided_by_the_batch() -> None:
    audit = gru(returning("return loss, {n: v / x.shape[1] for n, v in g.items()}"))
    assert said(audit) == dict.fromkeys(WEIGHTS, "is 1/B of what it has to be")
    assert {finding.right_if for finding in audit.wrong} == {("B = 1",)}


def test_gradients_are_overwritten_and_not_added_up() -> None:
    assert said(gru(('g["Wz"] +=', 'g["Wz"] ='))) == {"dWz": FIRST}
    audit = lstm(("dWx +=", "dWx ="))
    assert wrong(audit) == {f"d{name} (in Wx)" for name in ("Wi", "Wf", "Wo", "Wca")}
    assert set(said(audit).values()) == {FIRST}
    assert {finding.right_if for finding in audit.wrong} == {("T = 1",)}


# --- of the equations -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "text", "right_if"),
    [
        ([(" + carry\n", "\n")], "the carry dS_prev_{t+1} is missing; this is back-propagation "
         "truncated to one step", "T = 1"),
        ([("        carry = carry + drs * R[t]\n", "")],
         WAY.format("R_t o dRS_t", "CA (candidate activation)"), "T = 1"),
        ([('        carry = carry + dar @ p["Wrecr"].T\n', "")],
         WAY.format("daR_t Wrecr^T", "R (reset gate)"), "T = 1"),
        ([('        carry = carry + daz @ p["Wrecz"].T\n', "")],
         WAY.format("daZ_t Wrecz^T", "Z (update gate)"), "T = 1"),
        ([('        carry = carry + daz @ p["Wrecz"].T\n', ""),
          ('        carry = carry + dar @ p["Wrecr"].T\n', "")],
         WAY.format("daZ_t Wrecz^T", "Z (update gate) and daR_t Wrecr^T, the way through R (reset "
                    "gate)"), "T = 1"),
        ([("(1 - CA[t] ** 2)", "(1 - np.tanh(CA[t]) ** 2)")],
         f"the slope of CA_t = tanh(aCA_t) {SLOPE}", ""),
        ([("Z[t] * (1 - Z[t])", "sigmoid(Z[t]) * (1 - sigmoid(Z[t]))")],
         f"the slope of Z_t = sigmoid(aZ_t) {SLOPE}", ""),
        ([("Z[t] * (1 - Z[t])", "sigmoid(Z[t]) * (1 - sigmoid(Z[t]))"),
          ("R[t] * (1 - R[t])", "sigmoid(R[t]) * (1 - sigmoid(R[t]))")],
         f"the slope of Z_t = sigmoid(aZ_t) and R_t = sigmoid(aR_t) {SLOPE}", ""),
        ([("dz * Z[t] * (1 - Z[t])", "dz")], "the slope of Z_t = sigmoid(aZ_t) is missing", ""),
        ([("dca * (1 - CA[t] ** 2)", "dca * CA[t] * (1 - CA[t])")],
         "the slope of CA_t = tanh(aCA_t) is that of sigmoid", ""),
        ([("s_prev = S[t]", "s_prev = S[t] if t else 0 * s0")],
         "the backward pass reads 0 for the initial state S_0", "s0 = 0"),
        ([("s_prev = S[t]", "s_prev = S[t] if t else S[-1]")],
         "the backward pass reads S_T for the initial state S_0", ""),
        ([("s_prev = S[t]", "s_prev = S[t + 1]")], "the backward pass reads S_t for S_{t-1}", ""),
        ([("dca = ds * Z[t]", "dca = ds * (1 - Z[t])"),
          ("carry = ds * (1 - Z[t])", "carry = ds * Z[t]"),
          ("ds * (CA[t] - s_prev)", "ds * (s_prev - CA[t])")],
         "the backward pass has 1 - Z for Z, the other convention of the gate", ""),
        ([("ds = S[t + 1] - y[t] + carry",
           "ds = (S[t + 1] - y[t] if t == len(x) - 1 else 0) + carry")],
         "the cost of the last step alone is propagated", "T = 1"),
        # single terms
        ([("dca = ds * Z[t]", "dca = ds * (1 - Z[t])")],
         "dCA_t has (1 - Z_t) o dS_t for Z_t o dS_t", ""),
        ([("ds * (CA[t] - s_prev)", "ds * CA[t]")], "dZ_t lacks -S_{t-1} o dS_t", ""),
        ([('drs = daca @ p["Wrecca"].T', 'drs = daca @ p["Wrecca"]')],
         "dRS_t has daCA_t Wrecca for daCA_t Wrecca^T", ""),
        ([('g["Wz"] += x[t].T', 'g["Wz"] += x[t - 1].T')],
         "dWz has x_{t-1}^T daZ_t for x_t^T daZ_t, and around at the ends of the sequence",
         "T = 1"),
        ([('g["Wrecz"] += s_prev.T', 'g["Wrecz"] += S[t + 1].T')],
         "dWrecz has S_t^T daZ_t for S_{t-1}^T daZ_t", ""),
        ([("(R[t] * s_prev).T @ daca", "s_prev.T @ daca")],
         "dWrecca has S_{t-1}^T daCA_t for RS_t^T daCA_t", ""),
        ([("dca * (1 - CA[t] ** 2)", "dca"), ("dr * R[t] * (1 - R[t])", "dr"),
          ("dz * Z[t] * (1 - Z[t])", "dz")],
         "the slope of Z_t = sigmoid(aZ_t); R_t = sigmoid(aR_t) and CA_t = tanh(aCA_t) is missing",
         ""),
        ([('x[t].T @ daz', 'x[t].T @ dz')], "dWz has x_t^T dZ_t for x_t^T daZ_t", ""),
    ],
)  # fmt: skip
def test_a_fault_of_the_gru(changes: list[tuple[str, str]], text: str, right_if: str) -> None:
    audit = gru(*changes)
    (fault,) = audit.faults
    assert fault.text == text
    assert set(fault.gradients) == wrong(audit)
    assert set(said(audit).values()) == {"fault 1"}
    if right_if:
        assert all(right_if in finding.right_if for finding in audit.wrong)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ((" + dc_next\n", "\n"), "the carry dC_prev_{t+1} is missing"),
        ((" + dh_next\n", "\n"), "the carry dS_prev_{t+1} is missing"),
        (("(1 - g**2)", "(1 - np.tanh(g) ** 2)"), f"the slope of CA_t = tanh(aCA_t) {SLOPE}"),
        (("(1 - tc**2)", "(1 - np.tanh(tc) ** 2)"), f"the slope of S_part_t = tanh(C_t) {SLOPE}"),
        (("dh * o * (1 - tc**2)", "dh * o"), "the slope of S_part_t = tanh(C_t) is missing"),
        (("dc * c_prev * f", "dc * c * f"), "dFG_t has C_T o dC_t for C_{t-1} o dC_t"),
        (("dc_next = dc * f", "dc_next = dc"), "dC_prev_t has dC_t for FG_t o dC_t"),
    ],
)
def test_a_fault_of_the_lstm(change: tuple[str, str], text: str) -> None:
    audit = lstm(change)
    (fault,) = audit.faults
    assert fault.text == text
    assert set(said(audit).values()) == {"fault 1"}


def test_faults_that_come_together() -> None:
    """Of one step, of the carry, and of one gradient."""
    audit = gru(
        ("(1 - CA[t] ** 2)", "(1 - np.tanh(CA[t]) ** 2)"),
        ('        carry = carry + dar @ p["Wrecr"].T\n', ""),
        returning("g['Wz'] *= 2; return loss, g"),
    )
    assert [fault.text for fault in audit.faults] == [
        f"the slope of CA_t = tanh(aCA_t) {SLOPE}",
        WAY.format("daR_t Wrecr^T", "R (reset gate)"),
    ]
    assert said(audit)["dWz"] == "fault 1, fault 2; besides, it is 2 times what it has to be"
    assert said(audit)["dbr"] == "fault 1, fault 2"


def test_a_fault_of_gradients_that_are_all_divided() -> None:
    audit = gru(
        (" + carry\n", "\n"), returning("return loss, {n: v / len(x) for n, v in g.items()}")
    )
    assert [fault.text for fault in audit.faults] == [
        "the carry dS_prev_{t+1} is missing; this is back-propagation truncated to one step",
        "every gradient is 1/T of what it has to be",
    ]


def test_a_fault_behind_one_of_all_gradients() -> None:
    audit = gru(
        ("ds = S[t + 1] - y[t] + carry", "ds = y[t] - S[t + 1] + carry"),
        ('g["Wrecz"] += s_prev.T', 'g["Wrecz"] += R[t].T'),
    )
    assert "dWrecz has R_t^T daZ_t for S_{t-1}^T daZ_t" in [fault.text for fault in audit.faults]
    assert not any("none of the known" in fault for fault in said(audit).values())


@pytest.mark.parametrize("name", ["mgu", "sru", "ligru"])
def test_faults_of_any_cell(name: str) -> None:
    """The gradients of a fault come from the equations; the audit finds one that gives them."""
    cell = gc.cells[name]
    model = Model(gc.derive(cell))
    states = [state.name for state in cell.states]

    def function(change: Change) -> Any:
        def of(p: Any, x: Any, y: Any, s0: Any) -> Any:
            sizes = {"T": len(x), "B": x.shape[1], "D": x.shape[2], "H": y.shape[2]}
            before = dict(zip(states, s0 if len(states) > 1 else [s0], strict=True))
            weights = {weight: np.atleast_2d(array) for weight, array in p.items()}
            forward = model.forward(Point("", sizes, weights, x, y, before))
            gradients = model.backward(forward, (change,))
            return forward.loss, {n: g if len(g) > 1 else g[0] for n, g in gradients.items()}

        return of

    every = [*plain_faults(model), *faults(model)]
    for change in every[:: len(every) // 2]:
        audit = gc.audit(function(change), cell=cell)
        assert not any("none of the known" in fault for fault in said(audit).values()), change.text


# --- of the loss ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [name for name in gc.losses if name != "l2"])
def test_a_right_function_for_another_loss_is_told_so(loss: str) -> None:
    """Whatever its targets stand for, they are numbers: fractions and labels as well."""
    audit = gc.audit(
        by_hand.gru, cell=gc.cells["gru-bias"], loss=gc.losses[loss], mapping={"y": "TBH"}
    )
    assert audit.findings[0].fault == "is that of the loss l2"
    assert all(finding.right for finding in audit.findings[1:])
    assert {finding.remark for finding in audit.findings[1:]} == {
        "right for the loss that it computes"
    }


OTHER_CONVENTION = ("(1 - z) * s + z * ca", "z * s + (1 - z) * ca")


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ([("loss += ", "loss += 2 * ")], {"loss": "is 2 times what it has to be"}),
        ([returning("return loss / y.size, {n: v / y.size for n, v in g.items()}")],
         {"loss": "is 1/(T B H) of what it has to be"}),
        ([returning("return 2 * loss / y.size, {n: 2 * v / y.size for n, v in g.items()}")],
         {"loss": "is that of the loss l2-mean"}),
        ([returning("return np.nan, g")], {"loss": "is not finite"}),
        ([("S = [s0]", "S = [0 * s0]")],
         {"loss": "starts from zero, whatever the initial state"}),
        ([OTHER_CONVENTION, ("ds * (1 - Z[t])", "ds * Z[t] "), ("dca = ds * Z[t]\n", "dca = ds * "
          "(1 - Z[t])\n"), ("ds * (CA[t] - s_prev)", "ds * (s_prev - CA[t])")],
         {"loss": "comes from a forward pass that has 1 - Z for Z, the other convention of the "
          "update gate"}),
        ([(' + s @ p["Wrecr"]', ""), ('        g["Wrecr"] += s_prev.T @ dar\n', ""),
          ('        carry = carry + dar @ p["Wrecr"].T\n', "")],
         {"loss": "comes from a forward pass that has R_t = sigmoid(x_t Wr + ones br)"}),
        ([('s @ p["Wrecz"] + p', 's @ p["Wrecz"].T + p'), ("s_prev.T @ daz", "daz.T @ s_prev"),
          ('carry + daz @ p["Wrecz"].T', 'carry + daz @ p["Wrecz"]')],
         {"loss": "comes from a forward pass that has Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz^T + "
          "ones bz)"}),
    ],
)  # fmt: skip
def test_the_gradients_are_right_for_another_loss(
    changes: list[tuple[str, str]], faults: dict[str, str]
) -> None:
    audit = gru(*changes)
    assert said(audit) == faults
    assert not audit
    assert audit.faults == ()


def test_a_loss_that_may_be_meant_so() -> None:
    audit = gru(returning("return loss / y.size, {n: v / y.size for n, v in g.items()}"))
    assert audit.notes == ('if the loss is meant so, the mapping says scale = "1/(T B H)"',)
    mean = planted(
        by_hand.gru, returning("return loss / y.size, {n: v / y.size for n, v in g.items()}")
    )
    assert gc.audit(mean, cell=CELL, mapping={"scale": "1/(T B H)"})


def test_gradients_of_the_declared_equations_behind_another_forward_pass() -> None:
    audit = gru(OTHER_CONVENTION)
    assert wrong(audit) == {"loss", *WEIGHTS}
    assert {said(audit)[name] for name in WEIGHTS} == {
        "is that of the declared equations at the values of this pass"
    }


def test_a_forward_pass_that_is_not_known() -> None:
    """The loss of the function itself tells whether the gradients are its derivatives."""
    odd = ("(r * s) @", "(np.sin(r) * s) @")
    audit = gru(odd)
    assert said(audit)["loss"] == "differs; none of the known faults explains it"
    assert re.match("is not the derivative of the loss that it computes", said(audit)["dWrecca"])
    mended = (
        ("(R[t] * s_prev).T", "(np.sin(R[t]) * s_prev).T"),
        ("drs * R[t]", "drs * np.sin(R[t])"),
        ("dr = drs * s_prev", "dr = drs * s_prev * np.cos(R[t])"),
    )
    audit = gru(odd, *mended)
    assert wrong(audit) == {"loss"}
    remarks = {finding.remark for finding in audit.findings if finding.name != "loss"}
    assert remarks == {"is the derivative of the loss that it computes, by differences of 1e-05"}


def test_outputs_that_are_wrong() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        loss, g = by_hand.gru(p, x, y, s0)
        return loss, g, np.zeros_like(y)

    audit = gc.audit(function, cell=CELL, mapping={"returns": ["loss", "gradients", "outputs"]})
    assert wrong(audit) == {"outputs"}
