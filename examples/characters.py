"""A text as arrays, and the training of a kernel that says which character comes next.

It imports NumPy alone, and is given the kernel: so it runs wherever a generated file does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from examples.adam import Adam, clipped

__all__ = ["BATCH", "HIDDEN", "STEPS", "Text", "bits", "load_text", "rate", "train", "windows"]

Array = NDArray[Any]

HIDDEN = 128
STEPS = 48  # characters of a window, beyond which no gradient goes back
BATCH = 32  # places of the text that are read at the same time


class Text(NamedTuple):
    """Two texts, as places in the alphabet of both: what is learned from, and what is held out."""

    alphabet: str
    learned: Array
    held_out: Array


def load_text() -> Text:
    """Return the documentation of Python that comes with it: of ten topics one is held out."""
    from pydoc_data.topics import topics

    learned, held_out = split(topics)
    alphabet = "".join(sorted(set(learned)))
    places = {character: place for place, character in enumerate(alphabet)}
    first, second = (
        np.array([places[character] for character in text if character in places])
        for text in (learned, held_out)
    )
    return Text(alphabet, first, second)


def split(topics: Mapping[str, str]) -> tuple[str, str]:
    """Return the text to learn from, and that of the topics held out.

    Characters are printable ASCII, and white space is one blank. Topics contain each other, so a
    paragraph counts where it stands first: none that is held out is learned from.
    """
    parts: tuple[list[str], list[str]] = [], []
    seen = set()
    for number, name in enumerate(sorted(topics)):
        for paragraph in re.split(r"\n\s*\n", topics[name]):
            words = " ".join(re.sub(r"[^ -~\n]", "", paragraph).split())
            if words and words not in seen:
                seen.add(words)
                parts[number % 10 == 0].append(words)
    learned, held_out = map(" ".join, parts)
    return learned, held_out


def windows(labels: Array, size: int) -> Iterator[tuple[Array, Array]]:
    """Yield x (T, B, `size`) and y (T, B) of one window after another: a character and the next.

    Sample b reads the b-th part of the text. What is left at its end is no whole window, and out.
    """
    characters = np.eye(size, dtype=np.float32)
    length = (len(labels) - 1) // BATCH
    x, y = (part[: BATCH * length].reshape(BATCH, length).T for part in (labels[:-1], labels[1:]))
    for start in range(0, length - STEPS + 1, STEPS):
        window = slice(start, start + STEPS)
        yield characters[x[window]], np.ascontiguousarray(y[window])


def rate(update: int, updates: int) -> float:
    """Return the learning rate of an update, counted from 0."""
    return 0.01 * (1 - update / updates)


def train(kernel: ModuleType, params: Any, labels: Array, updates: int) -> Iterator[float]:
    """Change the weights in place; yield the loss of each window before it is learned from.

    The state goes on from each window to the next, the gradient does not go back.
    """
    adam, workspace = Adam(params), kernel.Workspace.of(params, BATCH)
    size, done = len(params.bout), 0
    while True:
        state = None
        for x, y in windows(labels, size):
            if done == updates:
                return
            loss, gradients, state = kernel.loss_and_gradients(
                params, x, y, state, workspace=workspace
            )
            adam.update(clipped(gradients, 1), rate(done, updates))
            done += 1
            yield loss


def bits(kernel: ModuleType, params: Any, labels: Array) -> float:
    """Return how many bits a character of this text takes, given those before it."""
    workspace, state = kernel.Workspace.of(params, BATCH), None
    costs = []
    for x, y in windows(labels, len(params.bout)):
        scores, state = kernel.forward(params, x, state, workspace=workspace)
        costs.append(cost(scores, y))
    return float(np.mean(costs))


def cost(scores: Array, y: Array) -> float:
    """Return the mean cross-entropy of scores (T, B, O) and labels (T, B), in bits."""
    scores = scores - scores.max(axis=2, keepdims=True)
    right = np.take_along_axis(scores, y[:, :, None], axis=2)[:, :, 0]
    return float(np.mean(np.log2(np.exp(scores).sum(axis=2)) - right / np.log(2)))
