"""Tables of what is left of an error at earlier steps, and of what truncation leaves out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gru_codegen.credit.measures import last_error, reach, truncation

__all__ = ["text"]

_CELL = 9  # columns of a number


def text(found: Any, width: int) -> str:
    """The tables of what `credit` has found, in lines of at most `width` columns."""
    k = last_error(found)
    if k is None:
        return "loss_weights, lengths and mask leave nothing of the loss"
    names = max(map(len, (*found.norms._fields, "at step")))
    columns = max(2, (width - names) // _CELL)
    back, steps = _spread(0, k, columns), _spread(1, len(found.norms[0]), columns)
    left = {name: row[::-1] for name, row in reach(found, k).items()}  # by steps back
    heads = (
        f"Error of step {k + 1}: the norm of what it adds to each gradient at a step, over that at "
        f"step {k + 1}; cell: all weights together by way of which errors travel.",
        "Truncated back-propagation: the norm of what is left out, over that of the gradient.",
    )
    return "\n".join(
        [
            textwrap.fill(heads[0], width),
            *_rows("at step", [k + 1 - n for n in back], left, back),
            "",
            textwrap.fill(heads[1], width),
            *_rows("steps", steps, truncation(found), steps),
        ]
    )


def _spread(first: int, last: int, columns: int) -> list[int]:
    """Numbers of steps from `first` to `last`, in so many columns: more of the small ones."""
    between = [n for n in (1, 2, 5, 10, 20, 30, 50, 100, 200, 500, 1000) if first < n < last]
    return [*[first, *between][: columns - 1], *([last] if last > first else [])]


def _rows(
    title: str, heads: Iterable[int], tables: Mapping[str, Any], places: Sequence[int]
) -> Iterable[str]:
    label = max(map(len, (*tables, "at step")))
    yield f"{title:<{label}}{''.join(f'{head:>{_CELL}}' for head in heads)}"
    for name, row in tables.items():
        yield f"{name:<{label}}{''.join(f'{row[place]:>{_CELL}.1e}' for place in places)}"
