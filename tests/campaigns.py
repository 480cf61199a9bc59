"""Draws, each of a seed of its own, and campaigns of many of them.

A campaign has shares that run by themselves, goes on after a failure, and is counted. EXAMPLES in
the environment says how many draws all shares have together, SEED which: none is other ones every
time. A share is a parameter of its test, so `-k "share3 or share4"` runs two of them.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

__all__ = ["COUNTED", "SHARES", "campaign", "checked", "total"]

Drawn = TypeVar("Drawn")
#: The tests that the draws of a campaign are shared among.
SHARES = [pytest.param(number, id=f"share{number}") for number in range(20)]
#: The property of a test's report that has its counts.
COUNTED = "counted draws"
#: The failures of a share that become as small as they can. The others are shown as drawn.
_SHRUNK = 2
#: Hypothesis begins with the simplest draw there is, which is none at random.
_TWO = settings(
    max_examples=2,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def checked(
    check: Callable[[Drawn], str | None],
    draws: SearchStrategy[Drawn],
    begin: str,
    *,
    shrinks: bool = True,
) -> str | None:
    """Check the draw of a seed and return what `check` does; one that fails becomes small.

    Hypothesis makes several of each draw, changed a little, where it makes many: so this is one.

    Raises what `check` does, with the draw in a note.
    """
    results: list[str | None] = []
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)

    @seed(begin)
    @settings(_TWO, phases=phases)
    @given(draws)
    def each(draw: Drawn) -> None:
        results.append(check(draw) if results else None)

    each()
    return results[-1]


def campaign(
    check: Callable[[Drawn], str],
    draws: SearchStrategy[Drawn],
    share: int,
    record: Callable[[str, object], None],
    *,
    examples: int | None = None,
) -> None:
    """Check the draws of a share; `check` returns in words what became of one.

    examples: of all shares. record: `record_property` of the test.

    Fails in the end, with each draw that failed and what it raised.
    """
    met: Counter[str] = Counter()
    failures: list[str] = []
    base = os.environ.get("SEED") or str(secrets.randbits(32))
    wanted = examples or int(os.environ.get("EXAMPLES", "100"))
    for number in range(share, wanted, len(SHARES)):
        begin = f"{base}.{number}"
        try:
            outcome = checked(check, draws, begin, shrinks=len(failures) < _SHRUNK)
        except Exception as error:
            outcome = "failed"
            said = [f"{begin}: {type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
            failures.append("\n".join(said))
        met.update(["drawn", str(outcome)])
    record(COUNTED, dict(met))
    print(f"SEED={base}, share {share}: {total([met])}")
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)


def total(counts: Iterable[Mapping[str, int]]) -> str:
    """The sum of the counts of shares in words."""
    together: Counter[str] = sum(map(Counter, counts), Counter())
    drawn, failed = together.pop("drawn", 0), together.pop("failed", 0)
    others = (f"{number} {outcome}" for outcome, number in sorted(together.items()))
    return ", ".join([f"{drawn} drawn", *others, f"{failed} failed"])
