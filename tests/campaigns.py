"""Campaigns: many draws in shares that run by themselves, go on after a failure, and are counted.

EXAMPLES in the environment says how many draws all shares have together, SEED which: none is other
ones every time. A share is a parameter of its test, so `-k "share3"` or `-k "share3 or share4"`
runs some of them.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

__all__ = ["ANEW", "COUNTED", "SHARES", "campaign", "total"]

#: The tests that the draws of a campaign are shared among.
SHARES = [pytest.param(number, id=f"share{number}") for number in range(20)]
#: The property of a test's report that has its counts.
COUNTED = "counted draws"
ANEW = settings(
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
#: The failures of a share that become as small as they can. The others are shown as drawn.
_SHRUNK = 2
#: With so many a share ends.
_MOST = 20


def campaign(
    check: Callable[[Any], str],
    draws: SearchStrategy[Any],
    share: int,
    record: Callable[[str, object], None],
    *,
    examples: int | None = None,
) -> None:
    """Check the draws of a share; `check` returns in a word what became of one.

    examples: of all shares. record: `record_property` of the test.

    Fails in the end, with each draw that failed and what it raised.
    """
    met: Counter[str] = Counter()
    failures: list[str] = []
    base = os.environ.get("SEED") or str(secrets.randbits(32))
    wanted = share_of(examples or int(os.environ.get("EXAMPLES", "100")), share)
    while met["drawn"] < wanted and len(failures) < _MOST:
        begin = f"{base} {share} {len(failures)}"
        found = _first_failure(check, draws, begin, wanted, met, len(failures) < _SHRUNK)
        if found is not None:
            failures.append(found)
    record(COUNTED, dict(met))
    print(f"SEED={base}, share {share}: {total([met])}")
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)


def share_of(examples: int, share: int) -> int:
    """The number of draws of a share."""
    return (examples + share) // len(SHARES)


def _first_failure(
    check: Callable[[Any], str],
    draws: SearchStrategy[Any],
    begin: str,
    wanted: int,
    met: Counter[str],
    is_shrunk: bool,
) -> str | None:
    """Draw until one fails, and return what it says; None if none does."""
    is_counted = True
    phases = [Phase.generate, *[Phase.shrink] * is_shrunk]

    @seed(begin)
    @settings(ANEW, max_examples=wanted - met["drawn"], phases=phases)
    @given(draws)
    def each(draw: Any) -> None:
        nonlocal is_counted
        try:
            outcome = check(draw)
        except Exception:
            met.update(["drawn", "failed"] if is_counted else [])
            is_counted = False  # what follows are smaller ones
            raise
        met.update(["drawn", outcome] if is_counted else [])

    try:
        each()
    except Exception as error:
        return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    return None


def total(counts: Iterable[Mapping[str, int]]) -> str:
    """The sum of the counts of shares in words."""
    together: Counter[str] = sum(map(Counter, counts), Counter())
    together["failed"] += 0
    drawn = together.pop("drawn", 0)
    return ", ".join([f"{drawn} drawn", *(f"{n} {word}" for word, n in sorted(together.items()))])
