"""Equations at the edge of what is read: derived soon, or refused with their place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gru_codegen import cli
from tests.strangers.limited import CELL, limited, refusal

WEIGHTS = 'W = "(D, H)", U = "(H, H)", b = "(H,)"'
MORE = ", ".join(f'P{k} = "(H, H)"' for k in range(15))
GATE = "x @ W + S_prev @ U + b"


def declared(equations: str, weights: str = WEIGHTS) -> str:
    """The file of a cell of these equations."""
    content = CELL.replace("S = tanh(x @ W + S_prev @ U + b)  # state", equations)
    return content.replace(WEIGHTS, weights)


def each(number: int, line: str) -> str:
    """An equation by the number of the one before it, so many times, from Z0 on."""
    lines = [line.format(k, k + 1) for k in range(number)]
    return "\n".join([f"Z0 = tanh({GATE})", *lines, f"S = Z{number}"])


def of_all_before(number: int, operator: str) -> str:
    """Equations each of which reads all before it."""
    parts = [f" {operator} ".join(f"tanh(Z{j})" for j in range(i)) for i in range(1, number)]
    lines = [f"Z{i} = {part}" for i, part in enumerate(parts, 1)]
    return "\n".join([f"Z0 = {GATE}", *lines, f"S = Z{number - 1}"])


#: Equations that are right, of every kind that makes much of little text.
LARGE = {
    "gates in a chain": declared(each(70, "Z{1} = tanh(Z{0} @ U)")),
    "powers of powers": declared(each(20, "Z{1} = Z{0} ** 16")),
    "softmax of softmax": declared(each(7, "Z{1} = softmax(Z{0})")),
    "a norm of norms": declared(each(7, "Z{1} = layer_norm(Z{0}, b, b)")),
    "a product of all before": declared(of_all_before(9, "*")),
    "fifteen matrices": declared(
        f"S = tanh(x @ W + b + S_prev @ U @ {' @ '.join(f'P{k}' for k in range(15))})",
        f"{WEIGHTS}, {MORE}",
    ),
    "a product of products": declared(
        f"S = tanh({GATE}) * {' * '.join(f'(S_prev @ P{k})' for k in range(15))}",
        f"{WEIGHTS}, {MORE}",
    ),
    "a sum of products": declared(
        f"S = tanh({GATE} + {' + '.join(f'S_prev @ P{k}' for k in range(15))})",
        f"{WEIGHTS}, {MORE}",
    ),
    "delays": declared(f"G = tanh({GATE})\nS = tanh(lag(S, 16) + lag(G, 16) + {GATE})"),
}


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_what_is_large_is_derived_soon(content: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(content)
    command = ["generate", "--no-verify", "--cell", "m.toml", "--output", "k.py"]
    ended = limited(lambda: cli.main(command), tmp_path)
    assert ended.status == 0, ended
    assert ended.busy < 3, ended


#: Equations, and where in the file and why they are refused.
REFUSED = {
    "softmax in softmax": (
        f"S = {'softmax(' * 8}{GATE}{')' * 8}",
        ": softmax(softmax(softmax(x @ W + S_pre..., written out, has more than 1000 parts",
    ),
    "norms in norms": (
        f"S = {'layer_norm(' * 8}{GATE}{', b, b)' * 8}",
        ": layer_norm(layer_norm(x @ W + S_prev ..., written out, has more than 1000 parts",
    ),
    "many factors": (
        f"Z = {GATE}\nS = {' * '.join(f'tanh({k} * Z)' for k in range(2, 19))}",
        ": tanh(2 * Z) * tanh(3 * Z) * tanh(4 * ... has more than 16 factors",
    ),
    "products of sums of products": (
        "S = tanh(x @ W + b + S_prev @ ((U @ U.T + U) @ (U @ U.T - U) @ (U.T @ U + U)))",
        ": (U @ U.T + U) @ (U @ U.T - U) @ (U.T ... takes more than 150 terms",
    ),
    "too many words": (
        each(90, "Z{1} = tanh(Z{0} @ U)"),
        ": the equations up to here have more than 500 names, numbers and marks",
    ),
}


@pytest.mark.parametrize(("equations", "said"), REFUSED.values(), ids=REFUSED)
def test_what_would_take_long_is_refused(equations: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(declared(equations))
    shown = refusal(["generate", "--cell", "m.toml"], tmp_path)
    assert re.match(r"m\.toml:\d+:\d+: ", shown)
    assert said in shown
