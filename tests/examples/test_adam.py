"""Adam takes the steps of its paper, and clipping bounds the joint norm of all gradients."""

from __future__ import annotations

import numpy as np

from examples.adam import Adam, clipped


def test_adam_takes_the_steps_of_the_paper() -> None:
    """Two steps of Algorithm 1, by hand: g = 2, then g = -1, for rate 0.1."""
    W = np.array([1.0])
    adam = Adam([W])
    adam.update([np.array([2.0])], 0.1)
    np.testing.assert_allclose(W, 0.9, rtol=1e-8)  # the first step is the rate, whatever g is
    adam.update([np.array([-1.0])], 0.1)
    mean = (0.9 * 0.1 * 2 + 0.1 * -1) / (1 - 0.9**2)
    square = (0.999 * 0.001 * 4 + 0.001 * 1) / (1 - 0.999**2)
    np.testing.assert_allclose(W, 0.9 - 0.1 * mean / np.sqrt(square), rtol=1e-8)


def test_large_gradients_are_scaled_together() -> None:
    """The norm of (3, (4, 12)) is 13: one factor for all, so the direction stays."""
    gradients = [np.array([[3.0]]), np.array([4.0, 12.0])]
    first, second = clipped(gradients, 1)
    np.testing.assert_allclose(first, [[3 / 13]])
    np.testing.assert_allclose(second, [4 / 13, 12 / 13])
    np.testing.assert_array_equal(gradients[1], [4, 12])  # what was given is left alone


def test_small_gradients_stay_as_they_are() -> None:
    for gradient in (np.array([3.0, 4.0]), np.zeros(2)):
        [same] = clipped([gradient], 5)
        np.testing.assert_array_equal(same, gradient)


def test_clipping_keeps_float32() -> None:
    [gradient] = clipped([np.ones(9, np.float32)], 1)
    assert gradient.dtype == np.float32
