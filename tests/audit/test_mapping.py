"""Faults of a mapping, and of functions: one line, with what was expected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.audit import load_function
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.functions import tanh
from tests.audit import by_hand

WEIGHTS = "Wz, Wrecz, Wca, Wrecca, Wr, Wrecr"
SAME = {"D": 4, "H": 4}
EACH = {name: name for name in WEIGHTS.split(", ")}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"wieghts": {}}, "key 'wieghts' is not known; did you mean weights? expected call, "
         "returns, params, x, y, s0, transposed, biases, scale, loss_at, sizes, weights"),
        ({"params": "dcit"}, "params 'dcit' is not known; did you mean dict? expected dict, tuple, "
         "list, namedtuple, object, globals"),
        ({"params": 3}, "params is 3; expected a string"),
        ({"params": "namedtuple", "weights": {f"class{k or ''}": w for k, w in enumerate(EACH)}},
         "weights: 'class' cannot be a field of a namedtuple"),
        ({"call": "x"}, "call is 'x'; expected a list of names"),
        ({"call": ["x", "z"]}, "call: argument 'z' is not known; did you mean Wz? expected params, "
         f"gradients, x, y, s0, S0, {WEIGHTS}, B, D, H, T"),
        ({"call": ["a b=x"]}, "call: 'a b=x' is no keyword=argument"),
        ({"returns": ["loss", "gradient"]}, "returns 'gradient' is not known; did you mean "
         "gradients? expected loss, gradients, outputs, _, "
         + ", ".join(f"d{name}" for name in WEIGHTS.split(", "))),
        ({"returns": []}, "returns is []; expected a list of names"),
        ({"x": "BTE"}, "x is 'BTE'; expected axes as TBD, each of T, B, D, 1, as [D] for a list "
         "over the steps"),
        ({"x": "BD"}, "x is 'BD'; expected axes as TBD, each of T, B, D, 1, as [D] for a list "
         "over the steps"),
        ({"x": "[TD]"}, "x is '[TD]'; expected axes as TBD, each of T, B, D, 1, as [D] for a list "
         "over the steps"),
        ({"y": "TB"}, "y is 'TB'; expected axes as TBH, each of T, B, H, 1, as [H] for a list "
         "over the steps"),
        ({"s0": "BD"}, "s0 is 'BD'; expected axes as BH, each of B, H, 1"),
        ({"transposed": "yes"}, "transposed is 'yes'; expected true or false"),
        ({"biases": "flat"}, "biases 'flat' is not known; expected vector, row, column"),
        ({"scale": "1/N"}, "scale is '1/N'; expected a factor such as 1/B or 2/(T B)"),
        ({"loss_at": "end"}, "loss_at 'end' is not known; expected all, last"),
        ({"sizes": {"Q": 3}}, "sizes: letter 'Q' is not known; expected B, D, H, T"),
        ({"scale": "1" * 16}, f"scale is '{'1' * 16}'; expected a factor such as 1/B or 2/(T B)"),
        ({"scale": "1/" + "2 " * 9}, f"scale is '1/{'2 ' * 9}'; expected a factor such as 1/B or "
         "2/(T B)"),
        ({"sizes": {"D": 0}}, "sizes.D is 0; expected a number from 1 to 64"),
        ({"sizes": {"D": True}}, "sizes.D is True; expected a number from 1 to 64"),
        ({"weights": {"W": {"stack": ["Wz", "Wrecz"]}}}, "weights.W: Wz has D rows and Wrecz has "
         "H; expected blocks that make one matrix"),
        ({"weights": {"W": {"stack": [["Wz"], ["Wrecz.T"], ["Wca.T"]]}}}, "weights.W: Wz has H "
         "columns and Wca.T has D; expected blocks that make one matrix"),
        ({"weights": {"W": "Wz"}}, "weights: Wrecz, Wca, Wrecca, Wr, Wrecr of the cell gru: not "
         f"found here; expected each of {WEIGHTS} once"),
        ({"weights": {**EACH, "U": "Wz"}}, "weights: Wz is there twice; expected once"),
        ({"weights": {"W": "Wy"}}, "weights.W: weight 'Wy' is not known; did you mean Wz? expected "
         f"{WEIGHTS}"),
        ({"weights": {"W": 3}}, "weights.W is 3; expected the name of a weight, a list of names "
         'side by side, or a list of rows of names, as [["Wz"], ["Wrecz"]]'),
        ({"weights": {"W": {"stack": ["Wz"], "order": "any"}}},
         "weights.W.order is 'any'; expected \"?\", or no order"),
        ({"weights": {"W": {"stak": ["Wz"]}}}, "weights.W: key 'stak' is not known; did you mean "
         "stack? expected stack, order, transposed"),
    ],
)  # fmt: skip
def test_a_fault_of_a_mapping(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(gc.VerificationError, match=f"^{re.escape(f'mapping: {message}')}$"):
        gc.audit(by_hand.gru, mapping=mapping)


def test_too_many_weights_to_try_every_order() -> None:
    stack = [f"W{kind}{gate}" for kind in ("", "rec") for gate in ("i", "f", "o", "ca")]
    weights = {"W": {"stack": stack, "order": "?"}}
    with pytest.raises(gc.VerificationError, match=r'^mapping: weights\.W\.order is "\?" of 8 we'):
        gc.audit(by_hand.gru, cell=gc.cells["lstm"], mapping={"weights": weights, "sizes": SAME})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "m.toml does not exist"),
        ("a = = 1", "m.toml:1:5: not TOML: Invalid value"),
        ("a = " + "[" * 900, "m.toml: not TOML that can be read: it is nested too deep"),
        (
            "a = " + "9" * 900 + "\n" + "#" * 17_000,
            "m.toml has more than 16384 bytes; a mapping takes two dozen lines",
        ),
        ("x = 'BE'", r"m.toml: x is 'BE'; expected axes as TBD, .*"),
    ],
)
def test_a_fault_of_a_file(
    text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "m.toml").write_text(text)
    with pytest.raises(gc.VerificationError, match=f"^{message}$"):
        gc.audit(by_hand.gru, mapping="m.toml")


#: What is said of a call that no mapping describes.
CALLED = (
    "; it was called as <lambda>(params, x, y, s0): a mapping says how else, --mapping FILE.toml "
    "(docs/audit.md)"
)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (3.0, f"it returns of type float; expected loss, gradients{CALLED}"),
        ((1.0,), f"it returns 1 values; expected loss, gradients{CALLED}"),
        ((1.0, {"Wz": 1}), "the gradient of Wrecz is not in the gradients that it returns, of type "
         "dict; say in `returns` where it is"),
        ((1.0, dict.fromkeys(EACH, "a")), "the gradient of Wz is of type str; expected an array of "
         "numbers"),
        (([1.0, 2.0], {name: np.zeros(1) for name in EACH}),
         "the loss has the shape (2,); expected one number"),
    ],
)  # fmt: skip
def test_a_function_that_returns_something_else(returned: Any, message: str) -> None:
    with pytest.raises(gc.VerificationError, match=f"^f: {re.escape(message)}$"):
        gc.audit(lambda p, x, y, s0: returned, name="f")


def test_a_function_that_takes_other_arguments() -> None:
    """The message is of the call, and names no line of this package."""

    def backward(xs: Any, ys: Any, h0: Any, W: Any, U: Any, b: Any) -> Any:
        return xs, ys, h0, W, U, b

    with pytest.raises(gc.VerificationError) as raised:
        gc.audit(backward, name="own.py:backward")
    said = str(raised.value)
    assert said.startswith("own.py:backward: it raises, at T=3, B=2, D=4, H=5: TypeError: ")
    assert said.endswith(
        f"missing 2 required positional arguments: 'U' and 'b'{CALLED}".replace(
            "<lambda>", "backward"
        )
    )
    with pytest.raises(gc.VerificationError, match=r"positional arguments: [^;]*$"):
        gc.audit(backward, mapping={"call": ["x", "y"]})


def test_a_function_that_raises() -> None:
    def f(p: Any, x: Any, y: Any, s0: Any) -> Any:
        return x @ y

    message = (
        r"f: it raises, at T=3, B=2, D=4, H=5: ValueError: matmul: .* \(test_mapping.py, line \d+\)"
        + re.escape(CALLED.replace("<lambda>", "f"))
    )
    with pytest.raises(gc.VerificationError, match=f"^{message}$"):
        gc.audit(f, name="f")


def test_a_function_that_calls_the_weights_by_other_names_is_told_of_mappings() -> None:
    with pytest.raises(gc.VerificationError, match=r"KeyError: 'U' .*; is it a weight\? a mapping"):
        gc.audit(lambda p, x, y, s0: p["U"], name="f")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gru", "there is no function 'gru'; expected MODULE:FUNCTION or FILE.py:FUNCTION"),
        ("nowhere:f", "nowhere cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("nowhere.py:f", "nowhere.py does not exist"),
        ("a.py:g", "a.py has no g; its functions: f"),
        ("a.py:c", "a.py:c is of type int; expected a function"),
        ("b.py:f", "b.py cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_a_function_that_is_not_there(
    spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("def f(): pass\ndef _g(): pass\nc = 3\n")
    (tmp_path / "b.py").write_text("1 / 0\n")
    with pytest.raises(gc.VerificationError, match=f"^{re.escape(message)}$"):
        load_function(spec)


def test_a_method_and_a_module_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "written_by_hand.py").write_text("class A:\n    def f(self): return 3\n")
    for place in ("written_by_hand", "written_by_hand.py"):
        assert load_function(f"{place}:A.f")(None) == 3


def test_a_readout_that_is_not_there() -> None:
    with pytest.raises(
        ValueError, match=r"^readout: there is no 'softmax'; there are none, linear$"
    ):
        gc.audit(by_hand.gru, readout="softmax")


def test_a_cell_of_two_inputs_is_refused_before_anything_is_called() -> None:
    x, v, weight = matrix("x", B, D), matrix("v", B, D), matrix("W", D, H)
    before, state = matrix("S_prev", B, H), matrix("S", B, H)
    equation = Equation(state, tanh(x * weight + v * weight + before), "state")
    cell = Cell("two", "a cell", "nowhere", (x, v), (weight,), {state: before}, (equation,))

    def called(*arguments: Any) -> Any:
        raise AssertionError("it was called")

    with pytest.raises(gc.CellError, match=r"^cell 'two': it has 2 inputs; one can be audited$"):
        gc.audit(called, cell=cell)
