"""Messages that have to help: each input of somebody's, and the words that lead on from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.cli.commands import program
from gru_codegen.cli.errors import said
from gru_codegen.compare import compare
from gru_codegen.errors import VerificationError
from gru_codegen.functions import tanh
from gru_codegen.interop import InteropError, from_keras, from_torch
from tests.parse.files import fault, load

FILE = """
name = "cell"
source = "none"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)", v = "(H,)" }
equations = '''
S = tanh(x @ W + S_prev @ U + v)
'''
"""

#: What is changed in the file, and the words that the message has.
CHANGES = {
    "a function that is not there": ("tanh(x @ W", "softmx(x, W) + (x @ W", "no function softmx"),
    "a slice": ("x @ W", "W[:, :4]", "there are no slices and nothing is joined"),
    "a concatenation": ("x @ W", "[x, S_prev] @ W", "as in x @ W + S_prev @ U"),
    "a size in an equation": ("S_prev @ U", "S_prev @ U / H", "H is a size, and no number of an"),
    "a turned product": ("x @ W", "W @ x", "one sample is one row: x @ W"),
    "a turned weight": ("S_prev @ U", "W @ S_prev", "one sample is one row: S_prev @ W"),
    "a product with a vector": ("S_prev @ U", "S_prev @ v", "a vector multiplies each row by *"),
    "a state two steps before": ("S_prev @ U", "S_prev_prev @ U", "S 2 steps earlier is lag(S, 2)"),
    "a Greek letter in an equation": ("+ v", "+ α", "names are of ASCII letters"),
    "a Greek letter as a key": ('v = "(H,)"', 'α = "(H,)"', "α is not known here: names are"),
    "a size that is not declared": ('"(H,)"', '"(G,)"', 'declare it: sizes = ["G"]'),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_file(name: str, tmp_path: Path) -> None:
    right, wrong, message = CHANGES[name]
    assert message in fault(tmp_path, FILE.replace(right, wrong)).message


def test_a_product_by_the_transpose_is_named(tmp_path: Path) -> None:
    content = FILE.replace('U = "(H, H)"', 'U = "(H, D)"').replace("S_prev @ U", "U @ x")
    assert fault(tmp_path, content).message.endswith("; one sample is one row: x @ U.T")


def test_numbers_of_a_formula_stay_as_they_are_written(tmp_path: Path) -> None:
    formula = "0.7978845608028 * (S_prev + 0.044715 * S_prev * S_prev * S_prev) + x @ W * v @ U"
    cell = load(tmp_path, FILE.replace("tanh(x @ W + S_prev @ U + v)", formula))
    assert "44715" not in str(cell).replace("8943/200000", "")


@pytest.mark.parametrize("name", ["Y", "E", "M", "N", "Q", "EXP", "LOG", "cost"])
@pytest.mark.parametrize("loss", gc.losses)
def test_symbols_of_a_loss_give_way(name: str, loss: str, tmp_path: Path) -> None:
    content = FILE.replace("S = ", f"{name} = x @ W\nS = {name} * ").replace("x @ W +", "")
    cell = load(tmp_path, content.replace("equations =", f'output = "{name}"\nequations ='))
    kernel = gc.load(cell, loss=gc.losses[loss], style="textbook")
    assert all(check.passed for check in compare(kernel, cell, gc.losses[loss]))


def test_an_adjoint_of_a_loss_gives_way(tmp_path: Path) -> None:
    cell = load(tmp_path, FILE.replace("v = ", "dE = ").replace("+ v", "+ dE"))
    assert gc.derive(cell).loss.equations[0].target.name == "E_2"


def test_what_is_nowhere_defined_is_named(tmp_path: Path) -> None:
    cell = load(tmp_path, FILE.replace("S_prev @ U + v)", "S_prev @ U + log(-v * v))"))
    with pytest.raises(VerificationError, match=r"^S at step 1, log\(-\d.*: the declared equatio"):
        compare(gc.load(cell), cell, gc.L2)


def test_nan_beside_nan_is_undefined() -> None:
    from gru_codegen.verify.difference import difference

    found = difference("loss", np.array(np.nan), np.array(np.nan))
    assert "undefined here" in found.where


def test_an_equation_needs_no_meaning() -> None:
    x, S, S_prev = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H)
    W, U = matrix("W", D, H), matrix("U", H, H)
    cell = Cell("c", "c", "c", (x,), (W, U), {S: S_prev}, (Equation(S, tanh(x * W + S_prev * U)),))
    assert cell.equations[0].meaning == "S"


# --- kernels -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lstm() -> Any:
    return gc.load(gc.cells["lstm"], loss=gc.losses["cross-entropy"], unroll=2)


def test_arguments_of_kernels(lstm: Any) -> None:
    params = lstm.init_params(2, 3, rng=0)
    x, y, s0 = np.zeros((2, 4, 2)), np.zeros((2, 4), int), np.zeros((4, 3))
    with pytest.raises(TypeError, match=r"got dict: write Params\(\*\*params\)$"):
        lstm.forward(params._asdict(), x)
    with pytest.raises(TypeError, match=r"got tuple: write State\(S, C\)$"):
        lstm.forward(params, x, (s0, s0))
    with pytest.raises(ValueError, match=r"of rows with one 1 they are y.argmax\(axis=-1\)$"):
        lstm.loss(params, x, np.eye(3)[y])
    with pytest.raises(ValueError, match=r"-100 to 0: say by lengths or loss_weights what is pad"):
        lstm.loss(params, x, np.where(np.arange(4) == 2, -100, y))


# --- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--T", "--steps", "--timesteps"])
def test_the_number_of_steps_is_unroll(option: str) -> None:
    found = CliRunner().invoke(program, ["generate", option, "8"], standalone_mode=False)
    assert "did you mean --unroll?" in said(found.exception)  # type: ignore[arg-type]


# --- weights of libraries ------------------------------------------------------------------------


def test_arrays_of_libraries() -> None:
    arrays = {
        "weight_ih_l0": np.zeros((9, 2)),
        "weight_hh_l0": np.zeros((9, 3)),
        "bias_ih_l0": np.zeros(9),
        "bias_hh_l0": np.zeros(9),
    }
    cases: list[tuple[Any, str]] = [
        ({f"gru.{n}": a for n, a in arrays.items()}, "give model.gru.state_dict()"),
        ({n[:-3]: a for n, a in arrays.items()}, "those of a layer end in _l0"),
        (iter(arrays.items()), "give the layer's state_dict()"),
    ]
    for given, message in cases:
        with pytest.raises(InteropError) as caught:
            from_torch("gru-reset-after", given)
        assert message in str(caught.value)
    with pytest.raises(InteropError, match=r"CuDNNGRU's of Keras 2.*GRU\(reset_after=True\)"):
        from_keras("gru-reset-after", [np.zeros((2, 9)), np.zeros((3, 9)), np.zeros(18)])
