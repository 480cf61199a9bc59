"""Equations of weights alone in files: what they are, and where an error points."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parse.files import fault, load

TEXT = """name = "made"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)", a = "(H,)", c = "()", r = "(H, 1)" }
equations = '''
E = U
S = tanh(x @ W + S_prev @ E + c * (a + r.T))
'''
"""


def written(right: str, reads: str = "S_prev @ E") -> str:
    return TEXT.replace("E = U", f"E = {right}").replace("S_prev @ E", reads)


@pytest.mark.parametrize(
    ("right", "shape", "text"),
    [
        ("softplus(U)", "(H, H)", "softplus(U)"),
        ("a * U", "(H, H)", "U o (ones a)"),
        ("U - U.T", "(H, H)", "U - U^T"),
        ("c * U + 1", "(H, H)", "1 + U o (ones c ones^T)"),
        ("r * U", "(H, H)", "U o (r ones^T)"),
        ("a * r * U", "(H, H)", "U o (ones a) o (r ones^T)"),
        ("U @ U.T / (r.T @ r)", "(H, H)", "(ones reciprocal(r^T r) ones^T) o (U U^T)"),
        ("where(U > 0, U, 0)", "(H, H)", "where(positive(U), U, 0)"),
        ("softmax(U) * row_sum(W.T)", "(H, H)", None),
    ],
)
def test_matrices(tmp_path: Path, right: str, shape: str, text: str | None) -> None:
    cell = load(tmp_path, written(right))
    (made,) = cell.outside
    assert str(made.target.shape) == shape
    assert text is None or cell.notation.text(made.expression) == text


@pytest.mark.parametrize(
    ("right", "shape"),
    [("exp(-a)", "(1, H)"), ("c * c", "(1, 1)"), ("row_sum(a)", "(1, 1)"), ("r.T * a", "(1, H)")],
)
def test_vectors_and_numbers(tmp_path: Path, right: str, shape: str) -> None:
    (made,) = load(tmp_path, written(right, "S_prev @ (E * U)")).outside
    assert str(made.target.shape) == shape


def test_a_state_of_weights_alone_is_computed_at_every_step(tmp_path: Path) -> None:
    text = TEXT.replace('["S"]', '["S", "E"]').replace("E = U", "E = exp(-a)")
    cell = load(tmp_path, text.replace("S_prev @ E", "S_prev @ U * E_prev"))
    assert cell.outside == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            written("W * U"),
            (
                "5:5",
                "W is (D, H), U is (H, H); the factors of an elementwise product must have one "
                "shape; the matrix product is @",
                "W * U",
            ),
        ),
        (
            written("U", "S_prev @ lag(E, 2)"),
            ("6:31", "E is of weights alone, and the same at every step; write E", "E"),
        ),
        (
            TEXT.replace('["S"]', '["S", "E"]').replace("S_prev @ E", "E_prev @ U + S_prev"),
            ("5:5", "E is a state, (B, H), and the right-hand side is (H, H)", "U"),
        ),
        (
            TEXT.replace('["S"]', '["S"]\noutput = "E"'),
            ("6:5", "E is the output, one row per sample, and the right-hand side is (H, H)", "U"),
        ),
        (
            written("S_prev.T @ U"),
            ("5:5", "S_prev is (B, H); .T transposes a matrix of weights", "S_prev.T"),
        ),
        (
            written("U + S_prev"),
            (
                "5:5",
                "U is (H, H), S_prev is (B, H); the terms of a sum must have one shape",
                "U + S_prev",
            ),
        ),
        (
            written("a @ U"),
            (
                "5:5",
                "a is a vector, (H,); @ is between matrices: a vector multiplies each row by *, "
                "and a number for each row is made by a weight (H, n)",
                "a @ U",
            ),
        ),
        (
            written("exp(2)"),
            ("5:9", "2 is a number; a function takes the entries of a matrix or of a vector", "2"),
        ),
        (
            written("U @ U"),
            ("5:5", "U multiplies itself; name U by an equation of its own", "U @ U"),
        ),
        (
            written("E + U"),
            ("5:5", "E is computed from itself", "E"),
        ),
    ],
)
def test_a_fault_is_shown_in_its_place(
    tmp_path: Path, text: str, expected: tuple[str, str, str]
) -> None:
    assert fault(tmp_path, text) == expected
