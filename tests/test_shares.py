from __future__ import annotations

from itertools import product

from tests.shares import in_turn


def test_each_case_and_each_combination_is_in_a_share_and_the_rest_in_the_campaign() -> None:
    for cells in ("abcdefgh", "ab"):
        cases = in_turn(cells, (1, 2, 3), (None, 4))
        assert [case.values for case in cases] == list(product(cells, (1, 2, 3), (None, 4)))
        share = [case.values for case in cases if not case.marks]
        assert len(share) == max(len(cells), 6)
        assert {cell for cell, *_ in share} == {*cells}
        assert {tuple(others) for _, *others in share} == {*product((1, 2, 3), (None, 4))}
        assert {mark.name for case in cases for mark in case.marks} == {"campaign"}
