"""Cases of which `make test` runs a share and `make test-forms` all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

__all__ = ["in_turn"]


def in_turn(firsts: Iterable[Any], *others: Iterable[Any]) -> list[Any]:
    """Every combination, one from each list, as parameters of a test.

    `make test` runs each of the `firsts` once, with combinations of the `others` that take turns,
    or each of those combinations once where they are more. The rest is a campaign.
    """
    cases, combined = list(firsts), list(product(*others))
    turns = range(max(len(cases), len(combined)))
    run = {(turn % len(cases), turn % len(combined)) for turn in turns}
    return [
        pytest.param(case, *other, marks=() if (i, j) in run else pytest.mark.campaign)
        for i, case in enumerate(cases)
        for j, other in enumerate(combined)
    ]
