"""The gradients of networks made of kernels are right, and the check of that can fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from examples import two_layers
from examples.two_layers import (
    FEATURES,
    GRU,
    HIDDEN,
    LSTM,
    OUTPUTS,
    TOLERANCE,
    Array,
    bidirectional,
    check,
)

X = np.random.default_rng(0).standard_normal((4, 2, FEATURES))


def parts() -> tuple[Any, Any, Any]:
    """Weights of the lower GRU, of the LSTM on top of it, and of the GRU that reads backwards."""
    return (
        GRU.init_params(FEATURES, HIDDEN, rng=1),
        LSTM.init_params(HIDDEN, HIDDEN + 1, output_size=OUTPUTS, rng=2),
        GRU.init_params(FEATURES, HIDDEN + 1, rng=3),
    )


def test_it_prints_what_it_checked(capsys: pytest.CaptureFixture[str]) -> None:
    two_layers.main()
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["gradients", "of", "checked", "worst", "error"]
    counts, errors = zip(*(re.split(r"\s{2,}", row)[2:] for row in rows), strict=True)
    assert counts == ("9", "14", "1", "9", "9", "1")
    assert all(0 < float(error) < TOLERANCE for error in errors)  # two ways, so not the same digits


@pytest.mark.parametrize(("moved", "seen_by"), [(0, slice(HIDDEN)), (-1, slice(HIDDEN, None))])
def test_one_layer_sees_the_past_and_one_the_future(moved: int, seen_by: slice) -> None:
    """What comes in at one end reaches the other end through one of the layers alone."""
    lower, _, back = parts()
    changed = X.copy()
    changed[moved] += 1
    before, after = (bidirectional(lower, back, x)[0] for x in (X, changed))
    differences = np.abs(after - before)[-1 - moved]
    assert differences[:, seen_by].min() > 0
    differences[:, seen_by] = 0
    assert differences.max() == 0


def test_padding_changes_nothing() -> None:
    """Each sample of a padded batch has the outputs that it has alone."""
    lower, _, back = parts()
    lengths = np.array([len(X), 2])
    outputs, _ = bidirectional(lower, back, X, lengths)
    for sample, length in enumerate(lengths):
        alone, _ = bidirectional(lower, back, X[:length, sample : sample + 1])
        assert np.allclose(outputs[:length, sample], alone[:, 0], rtol=1e-12, atol=0)
        assert not outputs[length:, sample].any()


def not_turned_back(
    first: Any, second: Any, x: Array, lengths: Array | None = None
) -> tuple[Array, Callable[[Array], Any]]:
    """Like `bidirectional`, but the adjoints go back in the wrong order."""
    outputs, pullback = bidirectional(first, second, x, lengths)

    def wrong(d_outputs: Array) -> Any:
        d_outputs = d_outputs.copy()
        d_outputs[:, :, HIDDEN:] = d_outputs[::-1, :, HIDDEN:]
        return pullback(d_outputs)

    return outputs, wrong


def test_a_wrong_pullback_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lower, _, back = parts()
    errors = check(not_turned_back, lower, back)
    assert max(errors["first kernel"]) < TOLERANCE
    assert min(errors["second kernel"]) > 1e-3
    assert errors["inputs"][0] > 1e-3
    monkeypatch.setattr(two_layers, "bidirectional", not_turned_back)
    with pytest.raises(SystemExit, match="GRU in both directions: a gradient is wrong"):
        two_layers.main()
    assert "both directions" in capsys.readouterr().out
