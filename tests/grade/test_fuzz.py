"""Whatever a file says, it is graded or refused: no other error, no value that is not there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gru_codegen as gc
from gru_codegen.errors import CellError
from gru_codegen.grade import Grade, diagnosis
from tests.grade.files import sheet

NAMES = ["S", "S_prev", "Z", "CA", "x", "Y", "dS", "dZ", "daZ", "Wz", "Wrecz", "a", "b", "S_{t-1}"]
MARKS = [
    "+",
    "-",
    "*",
    "@",
    "/",
    "o",
    "(",
    ")",
    "^T",
    ".T",
    "^2",
    "sum_t",
    "1",
    "2",
    "1/2",
    "0",
    ",",
]
CALLS = ["softmax(", "sigmoid(", "tanh(", "log(", "reciprocal(", "exp("]
LEFT = ["dZ", "dS", "dS_prev", "dWz", "dWrecz", "Z", "a", "b", "dE"]

formulas = st.recursive(
    st.sampled_from([*NAMES, "1", "2", "0"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "@", " "]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        st.tuples(st.sampled_from(CALLS), inner).map(lambda parts: f"{parts[0]}{parts[1]})"),
        inner.map(lambda term: f"({term}).T"),
        inner.map(lambda term: f"(-{term})"),
    ),
    max_leaves=5,
)
noise = st.lists(st.sampled_from([*NAMES, *MARKS, *CALLS]), max_size=8).map(" ".join)


@pytest.fixture(autouse=True, scope="module")
def few_pairs() -> Iterator[None]:
    """Less time for explanations that are seldom found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnosis, "MOST_PAIRS", 50)
        yield


def outcome(text: str) -> Grade | CellError:
    """The verdicts on a file with this text, or the refusal of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        path.write_text(text, encoding="utf-8", errors="replace")
        try:
            return gc.grade(path)
        except CellError as error:
            return error


def check(lines: dict[str, str]) -> None:
    found = outcome(sheet(lines))
    if isinstance(found, CellError):
        assert "mine.toml" in str(found)
    else:
        assert [line.name for line in found.lines] == list(lines)
        assert str(found)
        assert found.json()


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(LEFT), formulas, min_size=1, max_size=3))
def test_formulas(lines: dict[str, str]) -> None:
    check(lines)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(LEFT), noise, min_size=1, max_size=2))
def test_rows_of_marks(lines: dict[str, str]) -> None:
    check(lines)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    assert "mine.toml" in str(outcome(text))
