"""The purpose of gates: the adding problem, on which Hochreiter and Schmidhuber tried the LSTM.

A sequence has two rows: numbers drawn from [0, 1), and marks that are 0 but for two ones, the first
in the first half, the second in the second. After the last step the sum of the two marked numbers
is asked for. Whoever always answers 1 has a mean squared error of 1/6, the variance of that sum; to
do better, what was marked has to be remembered over dozens of steps that have nothing to say.

    python examples/adding_problem.py

trains an Elman network, a GRU and an LSTM, of about 4,500 weights each, from three seeds at two
learning rates; that takes some minutes. What Chung, Gulcehre, Cho and Bengio 2014
(arXiv:1412.3555) report of music and speech shows here too: the gated units learn it, the tanh unit
does not. The picture says why: the gradient of the answer reaches early inputs through gates
undiminished, and without them it fades. A second picture corrects that: before training it fades
through gates too. Each of its panels shows, for a unit before or after training, how much of the
error of step k is left in the gradient by way of the weights at step t. Gates do not carry an error
by themselves, they learn to.

Source: Hochreiter and Schmidhuber 1997, Neural Computation 9(8), section 5.4, in the form of
Arjovsky, Shah and Bengio 2016, arXiv:1511.06464.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
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
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    import gru_codegen as gc
    from examples.adam import Adam, clipped
    from gru_codegen import credit
except ModuleNotFoundError as missing:
    sys.exit(
        f"{missing.name} is not installed; in the project folder, run: pip install -e '.[demo]'"
    )

Array = NDArray[Any]

STEPS, BATCH, HELD_OUT = 50, 32, 1000
HIDDEN = {"rnn": 65, "gru": 38, "lstm": 32}  # such that all have about 4,500 weights
NAMES = {"rnn": "tanh unit", "gru": "GRU", "lstm": "LSTM"}
RATES = 0.01, 0.003
SEEDS = 0, 1, 2
BASELINE = 1 / 6  # the mean squared error of always answering 1
WIDTH = 50  # of how many batches the picture shows the mean
SOLVED = 0.04  # an answer that is off by less is right, say Hochreiter and Schmidhuber

# The mean is over the answers of all time steps; times T it is the mean over those of the last one.
LAST_STEP = STEPS * np.eye(STEPS, dtype=np.float32)[-1]


class Run(NamedTuple):
    """One training: a kernel, its weights, and the course of the loss.

    errors: the mean squared error of each batch, before it was learned from.
    """

    cell: str
    rate: float
    params: Any
    errors: Array
    held_out_error: float
    right: float  # the part of the held-out sequences whose answer is right
    start: Any = None  # the weights before training


def sequences(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return x (T, count, 2), numbers and marks, and y (T, count, 1): the sum, at the last step.

    What the other steps should put out nobody says: they hold NaN, and their loss weight is 0.
    """
    values, marks = rng.random((STEPS, count)), np.zeros((STEPS, count))
    every = np.arange(count)
    marks[rng.integers(0, STEPS // 2, count), every] = 1
    marks[rng.integers(STEPS // 2, STEPS, count), every] = 1
    y = np.full((STEPS, count, 1), np.nan)
    y[-1, :, 0] = (values * marks).sum(axis=0)
    return np.stack([values, marks], axis=2).astype(np.float32), y.astype(np.float32)


def train(kernel: ModuleType, rate: float, seed: int, updates: int) -> Run:
    """Train on fresh batches, and test on sequences that are the same for every run."""
    rng = np.random.default_rng(seed)
    sizes: dict[str, Any] = {"output_size": 1, "dtype": np.float32}
    params = kernel.init_params(2, HIDDEN[kernel.CELL], rng=rng, **sizes)
    workspace = kernel.Workspace(BATCH, 2, HIDDEN[kernel.CELL], **sizes)
    start = type(params)(*(weight.copy() for weight in params))
    adam, errors = Adam(params), np.empty(updates)
    for update in range(updates):
        x, y = sequences(BATCH, rng)
        errors[update], gradients, _ = kernel.loss_and_gradients(
            params, x, y, loss_weights=LAST_STEP, workspace=workspace
        )
        adam.update(clipped(gradients, 1), rate)

    x, y = sequences(HELD_OUT, np.random.default_rng(len(SEEDS)))
    misses = kernel.forward(params, x)[0][-1] - y[-1]
    right = np.mean(np.abs(misses) < SOLVED)
    error = float(np.mean(misses**2))
    return Run(kernel.CELL, rate, params, errors, error, float(right), start)


def train_all(kernels: list[ModuleType], updates: int) -> Iterator[Run]:
    jobs = [(kernel, rate, seed) for kernel in kernels for rate in RATES for seed in SEEDS]
    shown = sys.stdout.isatty()
    for kernel, rate, seed in track(jobs, "Training", disable=not shown):
        run = train(kernel, rate, seed, updates)
        if not shown:  # to a pipe or a file a line for each, since all of them take minutes
            click.echo(f"{run.cell}, rate {rate:g}, seed {seed}: error {run.held_out_error:.5f}")
        yield run


def best(runs: list[Run], cell: str) -> list[Run]:
    """Return the runs of a cell at whichever rate their median held-out error is the smaller."""
    by_rate = [[run for run in runs if (run.cell, run.rate) == (cell, rate)] for rate in RATES]
    return min(by_rate, key=lambda group: np.median([run.held_out_error for run in group]))


def influence(kernel: ModuleType, params: Any) -> Array:
    """Return the mean norm of the gradient of the answer with respect to each x_t, (T,).

    The answer is one entry of the outputs, so its gradient is what the pullback makes of a 1 there.
    """
    x, _ = sequences(200, np.random.default_rng(len(SEEDS)))
    outputs, _, pullback = kernel.vjp(params, x)
    d_outputs = np.zeros_like(outputs)
    d_outputs[-1] = 1
    _, d_x, _ = pullback(d_outputs)
    norms: Array = np.linalg.norm(d_x, axis=2).mean(axis=1)
    return norms


def terms(kernel: ModuleType, params: Any) -> Array:
    """Return the norms (T, T) of what the error of step k adds to the gradient at step t.

    Each step is asked for the answer here; the error of the last one is that of the problem. Norms
    are of all weights of the cell, over that at the step of the error.
    """
    x, y = sequences(BATCH, np.random.default_rng(len(SEEDS)))
    found = kernel.credit(params, x, np.broadcast_to(y[-1], y.shape))
    norms = credit.norms(found)[credit.CELL]
    return np.asarray(norms / np.diagonal(norms)[:, None])


def table(runs: list[Run]) -> Table:
    """One row for each cell and rate; errors are the best and the worst of the seeds."""
    rows = Table("cell", title=f"Adding problem, T = {STEPS}; always answering 1: {BASELINE:.3f}")
    for column in ("units", "weights", "rate", "held-out error", "right answers"):
        rows.add_column(column, justify="right")
    for cell in HIDDEN:
        for rate in RATES:
            group = [run for run in runs if (run.cell, run.rate) == (cell, rate)]
            errors, rights = [run.held_out_error for run in group], [run.right for run in group]
            rows.add_row(
                cell,
                str(HIDDEN[cell]),
                f"{sum(W.size for W in group[0].params):,}",
                f"{rate:g}",
                f"{min(errors):.5f} to {max(errors):.5f}",
                f"{min(rights):.0%} to {max(rights):.0%}",
            )
    return rows


def draw(runs: list[Run], influences: dict[str, Array], path: Path) -> None:
    """Write a picture: the error while learning, and how far back the gradient reaches."""
    colours = {"rnn": "#d55e00", "gru": "#0072b2", "lstm": "#009e73"}
    grey = "#444444"

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    learning, reach = figure.subplots(1, 2)
    for cell, colour in colours.items():
        for run in best(runs, cell):
            smooth = np.convolve(run.errors, np.full(WIDTH, 1 / WIDTH), mode="valid")
            updates = np.arange(WIDTH, WIDTH + len(smooth))
            learning.plot(updates, smooth, color=colour, linewidth=1, alpha=0.8)
        learning.plot([], color=colour, label=NAMES[cell])
        reach.plot(range(1, STEPS + 1), influences[cell], color=colour)

    learning.axhline(BASELINE, color=grey, linestyle=":", linewidth=1)
    learning.annotate(
        "always answering 1",
        (1, BASELINE),
        xycoords=("axes fraction", "data"),
        xytext=(0, 9),
        textcoords="offset points",
        ha="right",
        color=grey,
    )
    learning.legend(frameon=False, labelcolor="linecolor", loc=(0.68, 0.55))
    learning.set_title(f"Mean squared error of the last {WIDTH} batches", loc="left", fontsize=11)
    learning.set_xlabel("update")
    reach.set_title("Gradient of the answer with respect to the input", loc="left", fontsize=11)
    reach.set_xlabel("time step of the input")
    for axes in (learning, reach):
        axes.set_yscale("log")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.9")
        axes.tick_params(color=grey, labelcolor=grey)
    figure.savefig(path, dpi=150)


def draw_terms(panels: dict[str, tuple[Array, Array]], path: Path) -> None:
    """Write a picture: all errors at all steps, of each cell before and after training."""
    figure = Figure(figsize=(10, 6.6), layout="constrained")
    rows = figure.subplots(2, len(panels), sharex=True, sharey=True)
    for column, (cell, tables) in enumerate(panels.items()):
        for row, (when, norms) in enumerate(zip(("before", "after"), tables, strict=True)):
            axes = rows[row][column]
            drawn = credit.heat_map(axes, norms)
            left = f"{norms[-1, 0]:.0e}" if norms[-1, 0] < 0.01 else f"{norms[-1, 0]:.2f}"
            axes.set_title(f"{NAMES[cell]} {when}: {left} left", loc="left", fontsize=11)
            axes.label_outer()
    figure.colorbar(drawn, ax=rows, label="log10 of the norm, over that at step k")
    figure.savefig(path, dpi=150)


def make_kernels() -> list[ModuleType]:
    def kernel(cell: str) -> ModuleType:
        how: dict[str, Any] = {"readout": "linear", "extras": ["credit"]}
        return gc.load(gc.cells[cell], loss=gc.losses["l2-mean"], **how)

    return [kernel(cell) for cell in HIDDEN]


@click.command()
@click.option("--updates", type=click.IntRange(min=WIDTH), default=2000, show_default=True)
@click.option(
    "--output",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="Folder for the picture; made if need be.",
)
def main(updates: int, output: Path) -> None:
    """Train three cells on the adding problem: the gated ones learn it."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.FileError(str(output), hint=error.strerror) from error
    kernels = make_kernels()
    runs = list(train_all(kernels, updates))
    Console().print(table(runs))
    influences = {k.CELL: influence(k, best(runs, k.CELL)[0].params) for k in kernels}
    draw(runs, influences, output / "adding_problem.png")
    click.echo(f"wrote {output / 'adding_problem.png'}")
    panels = {}
    for kernel in kernels:
        run = best(runs, kernel.CELL)[0]
        panels[run.cell] = terms(kernel, run.start), terms(kernel, run.params)
        before, after = (f"{norms[-1, 0]:.1e}" for norms in panels[run.cell])
        left = f"of the error of step {STEPS} step 1 gets {before}, after training {after}"
        click.echo(f"{run.cell}: {left}")
    draw_terms(panels, output / "adding_problem_credit.png")
    click.echo(f"wrote {output / 'adding_problem_credit.png'}")


if __name__ == "__main__":
    main()
