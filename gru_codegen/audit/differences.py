"""Gradients beside central differences of the loss that a function computes itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.audit.function import Foreign
from gru_codegen.audit.points import Point

__all__ = ["ROUGH", "STEP", "central_difference"]

#: The step of the differences, and the relative error that they may have.
STEP, ROUGH = 1e-5, 1e-6


def central_difference(foreign: Foreign, point: Point, name: str) -> NDArray[Any]:
    """The derivative of the loss of the function with respect to one weight, by differences."""

    def loss(place: tuple[int, ...], step: float) -> float:
        weight = point.weights[name].copy()
        weight[place] += step
        found = foreign(replace(point, weights={**point.weights, name: weight})).loss
        return np.nan if found is None else found

    shape = point.weights[name].shape
    slopes = [loss(place, STEP) - loss(place, -STEP) for place in np.ndindex(shape)]
    return np.reshape(slopes, shape) / (2 * STEP)
