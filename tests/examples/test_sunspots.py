"""Truncated back-propagation through time on sunspots: better than persistence, two ways alike."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from statsmodels.datasets import sunspots as dataset

from examples import sunspots


@pytest.fixture(scope="module")
def kernels() -> tuple[ModuleType, ModuleType]:
    return sunspots.make_kernels()


def test_the_whole_example() -> None:
    """The 30 % promised on the years held out, and not because persistence is bad at them."""
    result = CliRunner().invoke(sunspots.main, catch_exceptions=False)
    assert result.exit_code == 0
    same, _, _, persistence, gru, _, verdict = result.output.splitlines()
    assert same == "`any` and windows of 22 years: the same numbers, to 1e-12"
    assert persistence.split() == ["persistence", "20.8", "30.4"]
    assert float(gru.split()[1]) < 14.6
    assert float(gru.split()[2]) < 0.7 * 30.4
    assert int(verdict.split("%")[0]) >= 30


def test_held_out_years_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change them, and what training sees stays the same: numbers, scale and all."""
    before = sunspots.load_series()
    table = dataset.load().data.to_numpy()
    table[table[:, 0] > 1920, 1] *= 10
    fake = SimpleNamespace(to_numpy=lambda: table)
    monkeypatch.setattr(dataset, "load", lambda: SimpleNamespace(data=fake))
    after = sunspots.load_series()
    assert (after.trained, after.scale) == (before.trained, before.scale) == (220, before.scale)
    for now, then in ((after.x, before.x), (after.y, before.y)):
        np.testing.assert_array_equal(now[:220], then[:220])
        assert now[-1] != then[-1]


def test_one_year_ahead() -> None:
    """The target of a year is the input of the next: 1700 to 2007 are read, 1701 to 2008 said."""
    series = sunspots.load_series()
    np.testing.assert_array_equal(series.y[:-1], series.x[1:])
    spots = dataset.load().data.to_numpy()[:, 1]
    restored = series.scale * (series.y[-1] - series.y[0])
    np.testing.assert_allclose(restored, spots[-1] - spots[1])


def test_windows_are_whole_and_in_order() -> None:
    assert [(w.start, w.stop) for w in sunspots.windows(308)] == [
        (22 * k, 22 * (k + 1)) for k in range(14)
    ]
    assert len(list(sunspots.windows(21))) == 0
    assert len(list(sunspots.windows(43))) == 1


def test_the_state_goes_on_and_starts_anew(kernels: tuple[ModuleType, ModuleType]) -> None:
    """Each window begins with the state that the one before it ended with; each epoch with none."""
    begun, ended = [], []

    def recorded(params: Any, x: Any, y: Any, s0: Any) -> Any:
        result = kernels[0].loss_and_gradients(params, x, y, s0)
        begun.append(s0)
        ended.append(result.state)
        return result

    recording: Any = SimpleNamespace(
        init_params=kernels[0].init_params, loss_and_gradients=recorded
    )
    sunspots.train((recording, kernels[1]), sunspots.load_series(), epochs=2, seed=0)
    assert len(begun) == 20
    for window in range(20):
        assert begun[window] is (ended[window - 1] if window % 10 else None)


class Spoiled:
    """A kernel that is a little off in one of its results."""

    def __init__(self, kernel: ModuleType, where: int) -> None:
        self.kernel, self.where = kernel, where

    def loss_and_gradients(self, *arguments: Any) -> Any:
        loss, gradients, state = self.kernel.loss_and_gradients(*arguments)
        spoiled = [loss, gradients, state]
        if self.where == 1:
            spoiled[1] = gradients._replace(Wca=gradients.Wca * (1 + 1e-11))
        else:
            spoiled[self.where] = spoiled[self.where] * (1 + 1e-11)
        return tuple(spoiled)

    def forward(self, *arguments: Any) -> Any:
        outputs, state = self.kernel.forward(*arguments)
        return outputs * (1 + 1e-11), state


@pytest.mark.parametrize("where", [0, 1, 2])
def test_kernels_that_differ_are_found(kernels: tuple[ModuleType, ModuleType], where: int) -> None:
    spoiled: Any = (kernels[0], Spoiled(kernels[1], where))
    series = sunspots.load_series()
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        sunspots.train(spoiled, series, epochs=1, seed=0)
    params = kernels[0].init_params(1, sunspots.HIDDEN, output_size=1, rng=0)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        sunspots.predict(spoiled, series, params)
