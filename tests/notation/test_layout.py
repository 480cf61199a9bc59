from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_codegen.notation.layout import (
    Pieces,
    atom,
    chained,
    enclosed,
    folded,
    joined,
    parted,
    unbroken,
)


def total(*terms: Pieces) -> Pieces:
    return chained(("" if n == 0 else " + ", term) for n, term in enumerate(terms))


a, b, c = map(atom, "abc")
BRACKETS = joined([a, enclosed("(", total(b, c), ")")], " ")


def drawn(pieces: Pieces, width: int) -> list[str]:
    return ["  " * indent + line for indent, line in folded(pieces, width, len)]


def test_a_formula_that_fits_stays_on_its_line() -> None:
    assert drawn(total(a, BRACKETS, c), 17) == ["a + a (b + c) + c"]


def test_lines_are_filled_and_the_outermost_operator_breaks_first() -> None:
    assert drawn(total(a, BRACKETS, c), 16) == ["a + a (b + c)", "  + c"]
    assert drawn(total(a, BRACKETS, c), 12) == ["a", "  + a (b", "    + c)", "  + c"]


def test_what_cannot_be_broken_is_longer() -> None:
    assert drawn(total(atom("abcdefgh"), b), 4) == ["abcdefgh", "  + b"]
    assert drawn(atom("abcdefgh"), 4) == ["abcdefgh"]


def test_a_factor_stays_with_its_brackets_but_two_long_factors_part() -> None:
    assert drawn(BRACKETS, 6) == ["a (b", "  + c)"]
    two = joined([enclosed("(", total(a, b), ")"), enclosed("(", total(b, c), ")")], " ")
    assert unbroken(two) == "(a + b) (b + c)"
    assert drawn(two, 10) == ["(a + b)", "  (b + c)"]


def test_what_others_make_lines_of_is_parted_outermost_first() -> None:
    assert parted(total(a, BRACKETS, c), 17, len) == ["a + a (b + c) + c"]
    assert parted(total(a, BRACKETS, c), 12, len) == ["a", " + a (b + c)", " + c"]
    assert parted(total(a, BRACKETS, c), 8, len) == ["a", " + a (b", " + c)", " + c"]


def formulas() -> st.SearchStrategy[Pieces]:
    return st.recursive(
        st.text("xyz", min_size=1, max_size=4).map(atom),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=4).map(lambda terms: total(*terms)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: joined(parts, " ")),
            inner.map(lambda pieces: enclosed("f(", pieces, ")")),
        ),
        max_leaves=12,
    )


@given(formulas(), st.integers(1, 60))
def test_folding_changes_nothing_but_white_space(pieces: Pieces, width: int) -> None:
    lines = folded(pieces, width, len)
    assert "".join("".join(line for _, line in lines).split()) == "".join(unbroken(pieces).split())
    assert all(line == line.strip() and line for _, line in lines)
    assert lines[0][0] == 0
    assert all(indent > 0 for indent, _ in lines[1:])


@given(formulas(), st.integers(1, 60))
def test_a_line_is_too_long_only_when_nothing_in_it_can_be_broken(
    pieces: Pieces, width: int
) -> None:
    marks = {piece.mark.strip() for piece in pieces}
    for indent, line in folded(pieces, width, len):
        assert 2 * indent + len(line) <= width or line in marks


@pytest.mark.parametrize(
    ("width", "lines"),
    [(20, ["a + b + c"]), (19, ["a + b", "  + c"]), (9, ["a", "  + b", "  + c"])],
)
def test_lines_are_as_wide_as_the_measure_says(width: int, lines: list[str]) -> None:
    pieces = total(a, b, c)
    measured = folded(pieces, width, lambda line: 10 * line.count("+"))
    assert ["  " * indent + line for indent, line in measured] == lines
