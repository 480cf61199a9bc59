"""Right functions in the manners that people write them in, and kernels of ours, pass."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from tests.audit import by_hand
from tests.audit.planting import planted

GRU = gc.cells["gru-bias"]
CELL_OF_ELMAN = gc.cells["rnn"]
STACKS = {
    "Wx": {"stack": ["Wz", "Wr", "Wca"]},
    "Wh": {"stack": ["Wrecz", "Wrecr", "Wrecca"]},
    "b": {"stack": ["bz", "br", "bca"]},
}


def right(function: Callable[..., Any], mapping: Any = None, **options: Any) -> None:
    audit = gc.audit(function, mapping=mapping, **{"cell": GRU, **options})
    assert audit, str(audit)
    assert max(finding.error for finding in audit.findings) < 1e-13
    assert audit.notes == ()


def apart(p: Any) -> dict[str, Any]:
    """The weights of the GRU out of three stacks."""
    H = len(p["Wh"])
    names = {"Wx": "W{}", "Wh": "Wrec{}", "b": "b{}"}
    return {
        name.format(gate): p[stack][..., k * H : (k + 1) * H]
        for stack, name in names.items()
        for k, gate in enumerate(("z", "r", "ca"))
    }


def stacked(p: Any, x: Any, y: Any, s0: Any) -> Any:
    loss, g = by_hand.gru(apart(p), x, y, s0)
    return loss, {
        "dWx": np.hstack([g["Wz"], g["Wr"], g["Wca"]]),
        "dWh": np.hstack([g["Wrecz"], g["Wrecr"], g["Wrecca"]]),
        "db": np.hstack([g["bz"], g["br"], g["bca"]]),
    }


def test_weights_in_a_dict() -> None:
    right(by_hand.gru)


def test_a_function_that_takes_any_number_of_arguments() -> None:
    right(lambda *arguments: by_hand.gru(*arguments))


def test_weights_as_arguments_with_gates_side_by_side() -> None:
    right(by_hand.lstm, by_hand.LSTM, cell=gc.cells["lstm"])


def test_one_sample_in_columns_with_weights_in_globals() -> None:
    before = by_hand.Wxh
    options = {"loss": gc.losses["cross-entropy"], "readout": "linear"}
    right(by_hand.rnn, by_hand.RNN, cell=CELL_OF_ELMAN, **options)
    assert by_hand.Wxh is before


def test_an_object_with_gradients_in_place() -> None:
    right(by_hand.Layer.step, by_hand.LAYER, cell=CELL_OF_ELMAN)


@pytest.mark.parametrize("order", [["Wz", "Wr", "Wca"], ["Wca", "Wz", "Wr"], ["Wr", "Wca", "Wz"]])
def test_stacks_whose_order_is_found(order: list[str]) -> None:
    def of(names: list[str], stem: str) -> Any:
        return {"stack": [name.replace("W", stem) for name in names], "order": "?"}

    weights = {"Wx": of(order, "W"), "Wh": of(order, "Wrec"), "b": of(order, "b")}
    audit = gc.audit(stacked, cell=GRU, mapping={"weights": weights})
    assert audit, str(audit)
    assert audit.notes == (
        "the order of Wx is Wz, Wr, Wca",
        "the order of Wh is Wrecz, Wrecr, Wrecca",
        "the order of b is bz, br, bca",
    )


def test_an_order_that_is_not_found() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        loss, g = stacked(p, np.sin(x), y, s0)
        return loss, g

    stacks = {name: {**stack, "order": "?"} for name, stack in STACKS.items()}
    audit = gc.audit(function, cell=GRU, mapping={"weights": stacks})
    assert not audit
    assert audit.notes == ("no order of Wx, Wh, b gives the declared loss",)


def test_transposed_weights_and_columns_of_biases() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        loss, g = by_hand.gru({n: a.T if n[0] == "W" else a[:, 0] for n, a in p.items()}, x, y, s0)
        return loss, {n: a.T if n[0] == "W" else a for n, a in g.items()}

    right(function, {"transposed": True})


def test_one_transposed_weight_by_its_name() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        loss, g = by_hand.gru({**p, "Wrecz": p["Wrecz"].T}, x, y, s0)
        return loss, {**g, "Wrecz": g["Wrecz"].T}

    right(function, {"weights": {n: n + ".T" * (n == "Wrecz") for n in map(str, GRU.weights)}})


@pytest.mark.parametrize("kind", ["tuple", "list", "namedtuple", "object"])
def test_weights_in_other_containers(kind: str) -> None:
    names = [str(weight) for weight in GRU.weights]

    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        values = p if kind in ("tuple", "list") else [getattr(p, name) for name in names]
        loss, g = by_hand.gru(dict(zip(names, values, strict=True)), x, y, s0)
        if kind == "object":
            return loss, SimpleNamespace(**{f"d{name}": g[name] for name in names})
        return loss, [g[name] for name in names]

    right(function, {"params": kind})


def test_gradients_that_the_function_is_given() -> None:
    def function(p: Any, gradients: Any, x: Any, y: Any, h0: Any) -> Any:
        loss, g = by_hand.gru(p, x, y, h0)
        for name, gradient in gradients.items():
            gradient += g[name]
        return loss

    call = ["params", "gradients", "x", "y", "h0=s0"]
    right(function, {"call": call, "returns": ["loss"]})


def test_no_initial_state_and_no_loss() -> None:
    def function(p: Any, x: Any, y: Any) -> Any:
        return by_hand.gru(p, x, y, np.zeros((x.shape[1], y.shape[2])))[1]

    right(function, {"returns": ["gradients"]})


def test_one_sample() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        assert x.ndim == y.ndim == 2
        assert s0.ndim == 1
        return by_hand.gru(p, x[:, None], y[:, None], s0[None])

    right(function, {"x": "TD", "y": "TH", "s0": "H"})


def test_axes_in_another_order() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        return by_hand.gru(p, x.transpose(2, 1, 0), y.transpose(2, 1, 0), s0.T)

    right(function, {"x": "DBT", "y": "HBT", "s0": "HB"})


def test_a_list_of_columns() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        assert isinstance(x, list)
        assert x[0].shape[1] == s0.shape[1] == 1
        x, y = (np.array(steps).transpose(0, 2, 1) for steps in (x, y))
        return by_hand.gru(p, x, y, s0.T)

    right(function, {"x": "[D1]", "y": "[H1]", "s0": "H1"})


def test_the_cost_of_the_last_step() -> None:
    seed = ("ds = S[t + 1] - y[t] + carry", "ds = (S[t + 1] - y) * (t == len(x) - 1) + carry")
    cost = ("loss += ((S[-1] - y[t]) ** 2)", "loss = ((S[-1] - y) ** 2)")
    right(planted(by_hand.gru, seed, cost), {"loss_at": "last", "y": "BH"})


def test_a_scale_and_fixed_sizes() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        assert x.shape[2] == 6
        loss, g = by_hand.gru(p, x, y, s0)
        return 2 * loss / y.size, {name: 2 * array / y.size for name, array in g.items()}

    right(function, {"scale": "2/(T B H)", "sizes": {"D": 6}})


def test_single_precision() -> None:
    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        x, y, s0 = (array.astype(np.float32) for array in (x, y, s0))
        return by_hand.gru({n: a.astype(np.float32) for n, a in p.items()}, x, y, s0)

    audit = gc.audit(function, cell=GRU)
    assert audit, str(audit)
    assert max(finding.error for finding in audit.findings) > 1e-8


@pytest.mark.parametrize("name", ["gru", "lstm", "mingru"])
def test_a_kernel(name: str) -> None:
    kernel = gc.load(gc.cells[name])
    mapping: dict[str, Any] = {"params": "namedtuple"}
    if name == "lstm":
        lstm = kernel.loss_and_gradients
        right(lambda p, x, y, s0: lstm(p, x, y, kernel.State(*s0)), mapping, cell=gc.cells[name])
    else:
        right(kernel.loss_and_gradients, mapping, cell=gc.cells[name])


def test_notes_on_what_a_call_leaves_behind() -> None:
    kept: dict[str, Any] = {}

    def function(p: Any, x: Any, y: Any, s0: Any) -> Any:
        loss, g = by_hand.gru(p, x, y, s0)
        for name in g:
            same = name in kept and kept[name].shape == g[name].shape
            kept[name] = g[name] + (kept[name] if same else 0)
        p["Wz"] -= 0.1 * g["Wz"]
        return loss, kept

    audit = gc.audit(function, cell=GRU)
    assert audit.notes == (
        "the function changes Wz where it is",
        "called again with the same arguments it gives another dWz; does it add to what the last "
        "call has left?",
    )
