"""Tables of plain text, in any width."""

from __future__ import annotations

from gru_codegen.explain.columns import NO_BREAK, columns

ROWS = [("T", "each alone", "shared"), ("1", "8 matrix products", "7 matrix products")]


def test_columns_that_fit_are_as_wide_as_their_cells() -> None:
    assert list(columns(ROWS, 60)) == [
        "T   each alone          shared",
        "1   8 matrix products   7 matrix products",
    ]


def test_every_column_is_wrapped_where_there_is_less_room() -> None:
    assert list(columns(ROWS, 28)) == [
        "T   each alone   shared",
        "1   8 matrix     7 matrix",
        "    products     products",
    ]


def test_a_formula_is_not_broken() -> None:
    formula = NO_BREAK.join(["a", "+", "b", "+", "c"])
    assert list(columns([("that is", f"so {formula}")], 20)) == [
        "that is   so",
        "          a + b + c",
    ]


def test_the_last_column_stands_below_where_words_are_too_long() -> None:
    assert list(columns([("a long name", "word", "x" * 30)], 30)) == [
        "a long name   word",
        f"    {'x' * 30}",
    ]
