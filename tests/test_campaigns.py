"""Campaigns go on after a failure and count what they drew; each draw has a seed of its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from tests.campaigns import COUNTED, SHARES, campaign, checked, total

DRAWS = st.integers(0, 2**40)


def _is_even(number: int) -> str:
    assert number % 2 == 0, f"{number} is odd"
    return "even"


def test_a_campaign_goes_on_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", "1")
    recorded: dict[str, Any] = {}
    with pytest.raises(pytest.fail.Exception) as failed:
        campaign(_is_even, DRAWS, 3, recorded.__setitem__, examples=20 * 30)
    counts = recorded[COUNTED]
    assert counts["drawn"] == 30 == counts["even"] + counts["failed"]
    assert 5 < counts["failed"] < 25
    assert str(failed.value).count(" is odd") == counts["failed"]
    assert "AssertionError: 1 is odd" in str(failed.value)  # the smallest
    assert total([counts, counts]).startswith(f"60 drawn, {2 * counts['even']} even, ")


def test_the_shares_have_all_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", "1")
    found: list[int] = []

    def keep(number: int) -> str:
        found.append(number)
        return "kept"

    for share in range(len(SHARES)):
        campaign(keep, DRAWS, share, lambda *_: None, examples=50)
    assert len(found) == 50
    assert len(set(found)) > 40  # a few are the smallest and the largest
    again: list[int] = []
    for number in range(50):
        checked(again.append, DRAWS, f"1.{number}")
    assert sorted(again) == sorted(found)
