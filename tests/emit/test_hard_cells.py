"""Cells that each once met a fault of a pass or of the emitter: right in every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from gru_codegen.request import Request
from gru_codegen.stages import lowered
from tests.emit.programs_as_kernels import assert_agrees
from tests.shares import in_turn

SIZES = {"B": 3, "D": 2, "H": 4, "K": 5}
MANNERS: list[dict[str, Any]] = [{"style": "textbook"}, *({"layout": each} for each in LAYOUTS)]
STEPS = (None, 1, 2)

CELLS = {
    # Weights added up are made ready once, for the pullback's adjoint of x too.
    "sum-of-weights": (
        'Wu = "(D, H)", Wv = "(D, H)", Ww = "(H, H)"',
        "S = tanh(x @ (Wu + Wv) + S_prev @ Ww)",
    ),
    # Half of a sigmoid's argument is a sixth of a product.
    "third": (
        'Wv = "(D, H)", Ww = "(H, H)"',
        "Z = sigmoid(1/3 * (x @ Wv) + S_prev @ Ww)\nS = Z * S_prev",
    ),
    # A stacked product is read behind the loop as well.
    "product-read-twice": (
        'Wq = "(H, H)", Wv = "(D, H)", Wz = "(H, H)", Wr = "(H, H)"',
        "N1 = S_prev @ Wq\nP = N1 + x @ Wv\nZ = sigmoid(P @ Wz)\nR = sigmoid(P @ Wr)\n"
        "S = N1 * Z + R",
    ),
    # The same gates are operands for two states, some of them for one alone.
    "matrix-peepholes": (
        'Wi = "(D, H)", Ui = "(H, H)", Gi = "(H, H)", Wf = "(D, H)", Uf = "(H, H)", '
        'Gf = "(H, H)", Wq = "(D, H)", Uq = "(H, H)"',
        "IG = sigmoid(x @ Wi + S_prev @ Ui + C_prev @ Gi)\n"
        "FG = sigmoid(x @ Wf + S_prev @ Uf + C_prev @ Gf)\n"
        "Q = sigmoid(x @ Wq + S_prev @ Uq)\nC = FG * C_prev + IG * Q\nS = Q * tanh(C)",
    ),
    # SymPy differentiates no product with a weight twice in it, but each place of it by itself.
    "squares-of-weights": (
        'W = "(D, H)", P = "(D, H)", U = "(H, H)"',
        "S = tanh(S_prev @ (U + U * U) + x @ (W * W) - x @ (W * P * W) + x @ W)",
    ),
    "terms-twice": (
        'W = "(H, H)", Wx = "(D, H)", b = "(H,)"',
        "S = tanh(x @ Wx + S_prev @ W + S_prev @ W + b + b)",
    ),
    # What depends on x alone leaves the loop before its products would be stacked.
    "latent-input": (
        'Wca = "(D, H)", Wz = "(H, H)", Wrecz = "(H, H)", bz = "(H,)"',
        "CA = tanh(x @ Wca)\nZ = sigmoid(S_prev @ Wrecz + CA @ Wz + bz)\n"
        "S = Z * S_prev + (1 - Z) * CA",
    ),
    # What blocks of rows are called is what an adjoint is called.
    "named-blocks": (
        'Wz = "(D, H)", Uz = "(H, H)", Wc = "(D, H)", Uc = "(H, H)", Wr = "(D, H)", Ur = "(H, H)"',
        "Z = sigmoid(x @ Wz + S_prev @ Uz)\nblocks = sigmoid(x @ Wr + S_prev @ Ur)\n"
        "C = tanh(x @ Wc + (blocks * S_prev) @ Uc)\nS = (1 - Z) * S_prev + Z * C",
    ),
    # Two layers: a state is an operand of its own step and of the step before.
    "two-layers": (
        'W = "(D, H)", U = "(H, H)", P = "(H, H)", Q = "(H, H)"',
        "S = tanh(x @ W + S_prev @ U)\nC = tanh(S @ P + C_prev @ Q)",
    ),
    "beside-a-bias": (
        'W = "(D, H)", U = "(H, H)", P = "(H, H)", c = "(H,)"',
        "S = tanh(x @ W + S_prev @ U)\nA = sigmoid(S @ P + c)\nC = C_prev * A + S",
    ),
    # The adjoints of two products are one pack that is copied.
    "product-of-products": (
        'W = "(D, H)", U = "(H, H)", P = "(H, H)"',
        "S = tanh(x @ W + (S_prev @ U) * (S_prev @ P))",
    ),
    "crossed-states": (
        'W = "(D, H)", U = "(H, H)", P = "(H, H)"',
        "S = tanh(C_prev * (S_prev @ U))\nC = tanh(x @ W + S_prev * (C_prev @ P))",
    ),
    # The adjoint of s0 alone reads what the forward pass computes.
    "of-s0-alone": (
        'W = "(D, H)"',
        "S = tanh(x @ W + (1 - S_prev) * (1 - S_prev) * (1 - S_prev))",
    ),
    # In a kernel of one step or two no step computes the adjoint of C for anything else.
    "carried-alone": (
        'W = "(D, H)"',
        "S = tanh(S_prev + C_prev)\nC = tanh(x @ W + C_prev)",
    ),
    # An adjoint is zero, whatever multiplies it.
    "zero-adjoint": (
        'W = "(D, H)", U = "(H, H)"',
        "P = positive(S_prev @ U)\nS = tanh(x @ W + P * S_prev)",
    ),
    # A truth value is no number: tanh makes float16 of it, and a sum or.
    "functions-of-positive": (
        'W = "(D, H)", U = "(H, H)"',
        "A = positive(S_prev @ U)\nS = tanh(A + positive(x @ W)) + sigmoid(positive(S_prev))",
    ),
    # The product of two constants is a constant.
    "two-constants": (
        'v = "(H,)"',
        "S = tanh(x * v + 1/3 * (1 - S_prev) * sigmoid(S_prev))",
    ),
    # One scratch array takes products of two sizes, which go in blocks of their own.
    "two-sizes": (
        'W = "(D, H)", U = "(H, H)", P = "(H, K)", Q = "(K, H)"',
        "A = tanh(S_prev @ P)\nS = tanh(x @ W + S_prev @ U + A @ Q)",
    ),
    # A state stands beside itself, of two steps: it has one place, so its products are not stacked.
    "beside-itself": (
        'W = "(D, H)", U = "(H, H)", P = "(H, H)"',
        "C = x @ W\nZ = C @ U + C_prev @ P\nS = S_prev * Z",
    ),
    "beside-itself-twice": (
        'W = "(D, H)", U = "(H, H)", P = "(H, H)", Q = "(H, H)", R = "(H, H)"',
        "C = x @ W\nZ = tanh(C @ U + C_prev @ P)\nF = sigmoid(C @ Q + C_prev @ R)\n"
        "S = F * S_prev + (1 - F) * Z",
    ),
    # There is no product to be cut into blocks.
    "no-product": (
        'v = "(H,)", u = "(H,)", b = "(H,)"',
        "F = sigmoid(u * S_prev + b)\nS = F * S_prev + v * x",
    ),
}


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, gc.Cell]:
    """The cells, each derived once for all forms."""
    return {name: declaration(name, tmp_path_factory.mktemp("cells")) for name in CELLS}


def declaration(name: str, folder: Path) -> gc.Cell:
    weights, equations = CELLS[name]
    states = '["S", "C"]' if "C_prev" in equations else '["S"]'
    columns = "D" if "D" in weights else "H"
    file = folder / "cell.toml"
    file.write_text(
        f'name = "{name}"\nstates = {states}\nweights = {{ {weights} }}\n'
        f'inputs = {{ x = "(B, {columns})" }}\nsizes = {["K"] if "K" in weights else []}\n'
        f'equations = """\n{equations}\n"""\n'
    )
    return load_cell(str(file))


@pytest.mark.parametrize("how", MANNERS, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_every_kernel_is_right(name: str, how: Any, declared: dict[str, gc.Cell]) -> None:
    cell, program = declared[name], lowered(Request(declared[name]))
    for unroll in STEPS:
        kernel = gc.load(cell, unroll=unroll, **how)
        assert_agrees(kernel, program, unroll or 3, ("lengths", "loss weights"), SIZES)


@pytest.mark.parametrize(("name", "how", "unroll"), in_turn(CELLS, MANNERS, STEPS), ids=str)
def test_no_check_refuses_a_kernel(
    name: str, how: Any, unroll: int | None, declared: dict[str, gc.Cell]
) -> None:
    """Nor does the proof."""
    report = pipeline.check(gc.load(declared[name], unroll=unroll, **how), declared[name])
    assert report, str(report)
