"""Targets and their loss weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_codegen.runtime.kernel import Workspace
from gru_codegen.runtime.targets import _check_fractions, _labels, _one_hot, _weights

T, B, CLASSES = 3, 4, 5
LABELS = np.arange(T * B).reshape(T, B) % CLASSES


@pytest.fixture
def w() -> Workspace:
    workspace = Workspace(B, 2, CLASSES)
    workspace.begin(T)
    return workspace


def test_labels_are_integers_one_for_each_sample_of_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gru_codegen.runtime.targets.SHAPES", {"y": ("T", "B")})
    outputs = np.zeros((T, B, CLASSES))
    assert _labels(LABELS, outputs) is LABELS
    with pytest.raises(TypeError, match=r"^y: expected labels, which are integers, got float64$"):
        _labels(LABELS.astype(float), outputs)
    with pytest.raises(ValueError, match=r"^y: expected shape \(T, B\) = \(3, 4\), got \(3, 1\)$"):
        _labels(LABELS[:, :1], outputs)


def test_one_hot_rows() -> None:
    found = _one_hot(LABELS, None, np.full((T, B, CLASSES), np.nan))
    assert found.argmax(axis=-1).tolist() == LABELS.tolist()
    assert (found.sum(axis=-1) == 1).all()


def test_labels_of_no_class() -> None:
    targets = np.empty((T, B, CLASSES))
    with pytest.raises(ValueError, match=r"^y: expected labels from 0 to 4, got 1 to 5$"):
        _one_hot(LABELS + 1, None, targets)
    with pytest.raises(ValueError, match=r"no labels for outputs of shape \(3, 4, 0\)$"):
        _one_hot(LABELS, None, targets[..., :0])


def test_a_label_of_weight_0_is_not_read() -> None:
    spoilt, V = LABELS.copy(), np.ones((T, B, 1))
    spoilt[1, 2], V[1, 2] = -1, 0
    assert (_one_hot(spoilt, V, np.empty((T, B, CLASSES))).sum(axis=-1) == 1).all()


def test_fractions_lie_between_0_and_1() -> None:
    _check_fractions(np.array([0.0, 0.5, 1.0]))
    _check_fractions(np.zeros((0, 4)))
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"^y: expected fractions, from 0 to 1$"):
            _check_fractions(np.array([0.5, wrong]))


def test_no_weights_are_none(w: Workspace) -> None:
    assert _weights(None, w) is None


@pytest.mark.parametrize("given", [np.array([1, 2, 3]), np.array([[1] * B, [2] * B, [3] * B])])
def test_weights_of_steps_and_of_samples(w: Workspace, given: Any) -> None:
    found = _weights(given, w)
    assert found is not None
    assert found.shape == (T, B, 1)
    assert found[:, 0, 0].tolist() == [1, 2, 3]


def test_weights_are_0_past_the_length_of_a_sample(w: Workspace) -> None:
    w.ended = np.zeros((T, B, 1), bool)
    w.ended[2, 1] = True
    for given in (None, np.ones(T)):
        found = _weights(given, w)
        assert found is not None
        assert found[2, 1, 0] == 0
        assert found.sum() == T * B - 1


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), r"\(T,\) = \(3,\) or \(T, B\) = \(3, 4\), got \(\)"),
        ((B,), r"\(T,\) = \(3,\), got \(4,\)"),
        ((B, T), r"\(T, B\) = \(3, 4\), got \(4, 3\)"),
    ],
)
def test_weights_of_another_shape(w: Workspace, shape: tuple[int, ...], expected: str) -> None:
    with pytest.raises(ValueError, match=f"^loss_weights: expected shape {expected}$"):
        _weights(np.ones(shape), w)
