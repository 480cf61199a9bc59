"""What a check has to know of each loss: targets to draw, and its value by its definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Loss(NamedTuple):
    """``targets(rng, shape)`` draws y for outputs of ``shape``; ``value(outputs, y)`` is L."""

    targets: Callable[[np.random.Generator, tuple[int, int, int]], Array]
    value: Callable[[Array, Array], Any]


def _normal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.standard_normal(shape)


def _l2(outputs: Array, y: Array) -> Any:
    return ((outputs - y) ** 2).sum() / 2


#: By the name that a kernel gives in its LOSS.
LOSSES = {"l2": Loss(targets=_normal, value=_l2)}
