"""Truncated back-propagation through time, on 309 years of sunspots.

The GRU reads the number of sunspots year by year and says the next one. It is trained on windows of
22 years: the state goes on from each window to the next, the gradient does not go back. In code
that is the state that one call returns and the next one takes as `s0`, and nothing else.

    python examples/sunspots.py

trains on 1700 to 1920 and predicts each year up to 2008 from the years before. To beat is
persistence: next year will be like this one. Every window goes through two kernels, one for any
number of time steps and one written out for 22, which have to give the same numbers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

# These matrices are small: a second BLAS thread gains nothing, and on a busy machine costs much.
# Has to be said before NumPy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

try:
    from examples.interruption import end_in_one_line

    if __name__ == "__main__":
        end_in_one_line()
    import click
    import numpy as np
    from numpy.typing import NDArray
    from statsmodels.datasets import sunspots

    import gru_codegen as gc
    from examples.adam import Adam, clipped
except ModuleNotFoundError as missing:
    sys.exit(
        f"{missing.name} is not installed; in the project folder, run: pip install -e '.[demo]'"
    )

Array = NDArray[Any]

WINDOW = 22  # two solar cycles
HIDDEN = 16
LAST_TRAINED = 1920
NOISE = 0.2  # standard deviation, on series of unit variance: 220 years are soon learned by heart
SAME = 1e-12  # relative to an array's largest entry


class Series(NamedTuple):
    """N years, each to be predicted from those before it.

    x, y (N, 1, 1): the sunspots of the year before, and of the year; both normalised.
    trained: of how many years training sees the sunspots.
    scale: sunspots per unit of x and y.
    """

    x: Array
    y: Array
    trained: int
    scale: float


def load_series() -> Series:
    """Return 1701 to 2008: 308 years, 14 windows, of which the first ten are to train on."""
    years, spots = sunspots.load().data.to_numpy().T
    known = spots[years <= LAST_TRAINED]  # the held-out years have no say in the normalisation
    series = ((spots - known.mean()) / known.std())[:, None, None]
    return Series(series[:-1], series[1:], len(known) - 1, float(known.std()))


def make_kernels() -> tuple[ModuleType, ModuleType]:
    """Return the kernel for any number of time steps, and the one for a window."""

    def kernel(unroll: int | None) -> ModuleType:
        return gc.load(gc.GRU, loss=gc.losses["l2-mean"], readout="linear", unroll=unroll)

    return kernel(None), kernel(WINDOW)


def windows(steps: int) -> Iterator[slice]:
    """Cut `steps` time steps into windows; what is left at the end is no whole window, and out."""
    for start in range(0, steps - WINDOW + 1, WINDOW):
        yield slice(start, start + WINDOW)


def assert_same(first: Any, second: Any) -> None:
    """Check arrays, or tuples of arrays."""
    if isinstance(first, tuple):
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_allclose(first, second, rtol=0, atol=SAME * float(np.max(np.abs(first))))


def train(kernels: tuple[ModuleType, ModuleType], series: Series, epochs: int, seed: int) -> Any:
    """Return weights, trained window by window; raise AssertionError if the kernels differ."""
    of_any_length, of_a_window = kernels
    rng = np.random.default_rng(seed)
    params = of_any_length.init_params(1, HIDDEN, output_size=1, rng=rng)
    adam = Adam(params)
    for epoch in range(epochs):
        x = series.x + NOISE * rng.standard_normal(series.x.shape)
        state = None
        for window in windows(series.trained):
            arguments = params, x[window], series.y[window], state
            result = of_any_length.loss_and_gradients(*arguments)
            assert_same(result, of_a_window.loss_and_gradients(*arguments))
            _, gradients, state = result
            adam.update(clipped(gradients, 1), 0.01 * (1 - epoch / epochs))
    return params


def predict(kernels: tuple[ModuleType, ModuleType], series: Series, params: Any) -> Array:
    """Return a prediction of every year, (N, 1, 1): in one go, which is the same as by windows."""
    of_any_length, of_a_window = kernels
    predictions, _ = of_any_length.forward(params, series.x)
    state = None
    for window in windows(len(series.x)):
        outputs, state = of_a_window.forward(params, series.x[window], state)
        assert_same(outputs, predictions[window])
    whole: Array = predictions
    return whole


def rmse(predictions: Array, series: Series, years: slice) -> float:
    """Return the root of the mean squared error of these years, in sunspots."""
    misses = (predictions - series.y)[years]
    return series.scale * float(np.sqrt(np.mean(misses**2)))


@click.command()
@click.option("--epochs", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(epochs: int, seed: int) -> None:
    """Predict sunspots one year ahead, trained by truncated back-propagation through time."""
    series, kernels = load_series(), make_kernels()
    predictions = predict(kernels, series, train(kernels, series, epochs, seed))
    click.echo(f"`any` and windows of {WINDOW} years: the same numbers, to {SAME:g}\n")

    trained, held_out = slice(series.trained), slice(series.trained, None)
    click.echo(f"RMSE in sunspots      1701-{LAST_TRAINED}   {LAST_TRAINED + 1}-2008, held out")
    for name, guess in (("persistence", series.x), ("GRU", predictions)):
        errors = rmse(guess, series, trained), rmse(guess, series, held_out)
        click.echo(f"{name:18} {errors[0]:12.1f} {errors[1]:11.1f}")
    ratio = rmse(predictions, series, held_out) / rmse(series.x, series, held_out)
    click.echo(f"\n{1 - ratio:.0%} better than persistence on the held-out years")


if __name__ == "__main__":
    main()
