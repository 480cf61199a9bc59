"""Make torch_cells.npz: every cell, and every loss, by torch autograd, in float64.

    python -m tests.data.make_torch_cells

torch differentiates the equations as tests/truths/equations.py writes them out, and its own loss
functions. The committed file was made with torch 2.13.0 on a CPU; it has no timestamps, so on the
same machine a rerun gives the same bytes. `tests/truths/test_torch.py` reads it, without torch, and
`tests/peers/test_autograd.py` compares it with torch as it is installed.

A case is one record, a 0-d array whose fields are arrays, under the name of cell, readout, loss and
sizes: gru_linear_bce_T4_B3_D1_H5. Its fields are

    x (T,B,D), y (T,B,H), (T,B,O) or labels (T,B), the states before the first step (B,H) and the
    weights by their names, and, where the case has them, loss_weights (T,) or (T,B), lengths (B,);
    outputs (T,B,H) or (T,B,O), loss (), the states after the last step as last_<name>, and
    d<name>, the gradients of the loss: of the weights, of x and of the states before.

A sample with a length of its own is run by itself, for so many steps. What a kernel must not read,
a target of weight 0 and whatever is past a sample's length, is NaN in the file, or the label -1.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tests.truths import equations

#: (T, B, D, H), all different, and the lengths. A cell that needs D = H takes H for both.
SIZES: list[tuple[tuple[int, int, int, int], list[int] | None]] = [
    ((1, 2, 4, 3), None),
    ((2, 4, 3, 5), None),
    ((5, 3, 4, 2), [2, 5, 0]),
]
LONG = (50, 3, 2, 4)  # for the reference cell
WITH_READOUT, OUTPUTS = (4, 3, 1, 5), 2

#: What each number costs, or each label.
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "l2": lambda o, y: functional.mse_loss(o, y, reduction="none") / 2,
    "l2-mean": lambda o, y: functional.mse_loss(o, y, reduction="none"),
    "huber": lambda o, y: functional.huber_loss(o, y, reduction="none"),
    "bce": lambda o, y: functional.binary_cross_entropy_with_logits(o, y, reduction="none"),
    "cross-entropy": lambda o, y: functional.cross_entropy(
        o.flatten(0, 1), y.flatten(), reduction="none"
    ).reshape(y.shape),
}

LOSSES["cross-entropy-mean"] = LOSSES["cross-entropy"]
#: The losses that are divided by the weights of their numbers or labels, and those whose data they
#: have.
MEANS = {"l2-mean": "l2", "cross-entropy-mean": "cross-entropy"}

Arrays = dict[str, Any]


def given(
    cell: str, loss: str, sizes: tuple[int, int, int, int], outputs: int | None
) -> tuple[Arrays, Arrays]:
    """Random x, states and weights, which have gradients, and random targets."""
    T, B, D, H = sizes
    loss = MEANS.get(loss, loss)
    rng = np.random.default_rng([T, *f"{cell} {loss}".encode()])
    shapes = equations.weights_of(cell, D, H)
    if outputs is not None:
        shapes |= {"Wout": (H, outputs), "bout": (outputs,)}
    inputs = {"x": 2 * rng.standard_normal((T, B, D))}
    inputs |= {name: rng.standard_normal((B, H)) for name in equations.states_of(cell)}
    inputs |= {
        name: rng.standard_normal(shape) / shape[0] ** (0.5 * (len(shape) == 2))
        for name, shape in shapes.items()
    }
    shape = (T, B, H if outputs is None else outputs)
    if loss == "cross-entropy":
        return inputs, {"y": rng.integers(0, shape[-1], shape[:2])}
    return inputs, {"y": rng.random(shape) if loss == "bce" else 2 * rng.standard_normal(shape)}


def run(cell: str, tensors: Arrays, lengths: list[int]) -> tuple[Any, list[Any]]:
    """The outputs (T, B, .), 0 past each sample's length, and the last states (B, H)."""
    own = dict(tensors)
    x = own.pop("x")
    before = [own.pop(name) for name in equations.states_of(cell)]
    readout = own.pop("Wout", None), own.pop("bout", None)
    samples, ends = [], []
    for b, length in enumerate(lengths):
        row = slice(b, b + 1)
        states = tuple(state[row] for state in before)
        outputs, after = equations.run(cell, torch, own, x[:length, row], states)
        if readout[0] is not None:
            outputs = [output @ readout[0] + readout[1] for output in outputs]
        width = before[0].shape[1] if readout[0] is None else readout[0].shape[1]
        rest = [torch.zeros(1, width, dtype=torch.float64)] * (len(x) - length)
        samples.append(torch.stack([*outputs, *rest]))
        ends.append(after)
    return torch.cat(samples, dim=1), [torch.cat(states) for states in zip(*ends, strict=True)]


def case(
    cell: str,
    sizes: tuple[int, int, int, int],
    loss: str = "l2",
    outputs: int | None = None,
    loss_weights: Any = None,
    lengths: list[int] | None = None,
) -> Arrays:
    """The fields of one case."""
    T, B, _, _ = sizes
    inputs, extra = given(cell, loss, sizes, outputs)
    ends = [T] * B if lengths is None else lengths
    ended = np.arange(T)[:, None] >= np.array(ends)
    counts = np.ones((T, B)) if loss_weights is None else loss_weights
    counts = np.where(ended, 0, counts if np.ndim(counts) == 2 else counts[:, None])

    tensors = {name: torch.from_numpy(array).requires_grad_() for name, array in inputs.items()}
    found, last = run(cell, tensors, ends)
    costs = LOSSES[loss](found, torch.from_numpy(extra["y"]))
    counts_of = torch.from_numpy(counts.reshape(counts.shape + (1,) * (costs.ndim - 2)))
    total = (counts_of * costs).sum()
    if loss in MEANS:
        total = total / counts_of.expand_as(costs).sum()
    gradients = torch.autograd.grad(total, list(tensors.values()))

    never_read = -1 if extra["y"].ndim == 2 else np.nan
    extra["y"][counts == 0] = never_read
    if lengths is not None:
        inputs["x"] = np.where(ended[:, :, None], np.nan, inputs["x"])
        extra["lengths"] = np.array(lengths)
    if loss_weights is not None:
        extra["loss_weights"] = loss_weights
    return {
        **inputs,
        **extra,
        "outputs": found,
        "loss": total,
        **{f"last_{name}": s for name, s in zip(equations.states_of(cell), last, strict=True)},
        **{f"d{name}": d for name, d in zip(inputs, gradients, strict=True)},
    }


def record(fields: Arrays) -> Any:
    """The arrays, or tensors, as one record."""
    arrays = {name: np.asarray(torch.as_tensor(a).detach()) for name, a in fields.items()}
    dtype = np.dtype([(name, array.dtype, array.shape) for name, array in arrays.items()])
    filled = np.zeros((), dtype)
    for name, array in arrays.items():
        filled[name] = array
    return filled


def label(cell: str, readout: str, loss: str, sizes: tuple[int, ...], *rest: str) -> str:
    return "_".join([cell, readout, loss, "T{}_B{}_D{}_H{}".format(*sizes), *rest])


def cases() -> dict[str, Any]:
    """The record of every case, by its name."""
    torch.set_num_threads(1)
    records: dict[str, Any] = {}
    for cell in equations.STEPS:
        for (T, B, D, H), lengths in SIZES:
            sizes = T, B, H if cell in equations.SQUARE else D, H
            words = [] if lengths is None else ["lengths"]
            fields = case(cell, sizes, lengths=lengths)
            records[label(cell, "none", "l2", sizes, *words)] = record(fields)
    records[label("gru", "none", "l2", LONG)] = record(case("gru", LONG))

    # The last step alone; importance, and targets that count for nothing.
    of_steps = np.array([0, 0, 0, 1.0])
    of_targets = np.array([[0.5, 2, 0], [0, 1, 3], [1, 0.25, 2], [0, 2, 1]])
    for loss in LOSSES:
        for rest, options in (
            ([], {}),
            (["steps"], {"loss_weights": of_steps}),
            (["targets", "lengths"], {"loss_weights": of_targets, "lengths": [3, 1, 4]}),
        ):
            fields = case("gru", WITH_READOUT, loss, OUTPUTS, **options)
            records[label("gru", "linear", loss, WITH_READOUT, *rest)] = record(fields)
    return records


def main() -> None:
    np.savez(Path(__file__).with_name("torch_cells.npz"), **cases())


if __name__ == "__main__":
    main()
