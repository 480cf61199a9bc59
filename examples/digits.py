"""Train a GRU on handwritten digits with a generated kernel.

Each 8 x 8 image is read from left to right, one column of eight pixels per time step. There are two
ways to name its class:

    python examples/digits.py

asks at every step for the code of the class, 32 numbers of +-0.8, as the state itself; the code
nearest to the last state is the answer.

    python examples/digits.py --readout linear

reads ten scores out of the state, one per class, and minimises the cross-entropy of their softmax
at the last step only, when the whole image has been seen; the highest score is the answer.

All the training needs of gru_codegen is one generated file. It is written together with a picture
of the learning curve.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
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
    from matplotlib.ticker import MaxNLocator, PercentFormatter
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    import gru_codegen as gc
    from examples.adam import Adam
    from gru_codegen.modules import load_file
except ModuleNotFoundError as missing:
    sys.exit(
        f"{missing.name} is not installed; in the project folder, run: pip install -e '.[demo]'"
    )

Array = NDArray[Any]

STEPS, FEATURES, HIDDEN, CLASSES = 8, 8, 32, 10
HELD_OUT = 360
BATCH = 32
NOISE = 0.5  # standard deviation of the noise on the training images, whose pixels are in [-1, 1]


class Images(NamedTuple):
    """B images: x (8, B, 8), one column of pixels per time step; labels (B,)."""

    x: Array
    labels: Array


class Epoch(NamedTuple):
    """The quality of the weights after an epoch.

    A loss is per image. Asked for at every step it cannot come near zero: nobody knows the digit
    from its first columns.
    """

    train_loss: float
    held_out_loss: float
    accuracy: float


def load_images() -> tuple[Images, Images]:
    """Return the 1,437 images to train on and the 360 held out: a fixed, stratified split."""
    pixels, labels = load_digits(return_X_y=True)
    x = (pixels / 8 - 1).astype(np.float32).reshape(-1, 8, 8)  # image, row, column
    x_train, x_test, labels_train, labels_test = train_test_split(
        x, labels, test_size=HELD_OUT, stratify=labels, random_state=0
    )
    return (
        Images(x_train.transpose(2, 0, 1), labels_train),
        Images(x_test.transpose(2, 0, 1), labels_test),
    )


def class_codes() -> Array:
    """Return one code per class, (10, 32), of +-0.8: rows of Sylvester's Hadamard matrix.

    Any two differ in exactly half of their entries, so all classes are equally far apart.
    """
    H: Array = np.ones((1, 1), dtype=np.float32)
    while len(H) < HIDDEN:
        H = np.block([[H, H], [H, -H]])
    codes: Array = 0.8 * H[1:11]  # row 0 is constant
    return codes


class Task(NamedTuple):
    """The target that a kernel learns: the code of the class, (10, O), or the class itself.

    file, picture: where the kernel and the learning curve go, in the folder for both.
    loss_weights (T,) says how much each time step counts; None is all alike.
    """

    loss: str
    readout: str
    file: str
    picture: str
    sizes: Mapping[str, int]  # besides those that every kernel has
    codes: Array | None
    loss_weights: Array | None

    def targets(self, labels: Array) -> Array:
        """Return the code, (T, B, O), or the class, (T, B), of every image at every time step."""
        target = labels if self.codes is None else self.codes[labels]
        return np.broadcast_to(target, (STEPS, *target.shape))

    def answers(self, outputs: Array) -> Array:
        """Return the class with the nearest code, or the highest score, at the last step, (B,)."""
        last = outputs[-1]
        scores = last if self.codes is None else -np.linalg.norm(last[:, None] - self.codes, axis=2)
        answers: Array = scores.argmax(axis=1)
        return answers


LAST_STEP = np.eye(STEPS, dtype=np.float32)[-1]
TASKS = {
    "none": Task("l2", "none", "gru_t8.py", "learning_curve.png", {}, class_codes(), None),
    "linear": Task(
        "cross-entropy",
        "linear",
        "gru_cross_entropy_linear_t8.py",
        "learning_curve_linear.png",
        {"output_size": CLASSES},
        None,
        LAST_STEP,
    ),
}


def source(task: Task) -> str:
    """Generate the kernel for eight time steps."""
    loss = gc.losses[task.loss]
    return gc.generate(gc.GRU, loss=loss, readout=task.readout, unroll=STEPS)


def make_kernel(path: Path, task: Task) -> ModuleType:
    """Generate the kernel, write it, import that file and check it."""
    with Console().status("Deriving, generating and checking the kernel"):
        path.write_text(source(task), encoding="utf-8")
        kernel = load_file(path)
        report = gc.verify(kernel)
    if not report:
        sys.exit(f"{path}: {report}")
    click.echo(f"{report.subject}: {report.verdict}")
    return kernel


def train(
    kernel: ModuleType, task: Task, train_set: Images, test_set: Images, *, epochs: int, seed: int
) -> Iterator[Epoch]:
    """Train from random weights and yield how good they are after each epoch."""
    rng = np.random.default_rng(seed)
    params = kernel.init_params(FEATURES, HIDDEN, **task.sizes, rng=rng, dtype=np.float32)
    workspace = kernel.Workspace(BATCH, FEATURES, HIDDEN, **task.sizes, dtype=np.float32)
    adam = Adam(params)

    for epoch in range(epochs):
        rate = 0.01 * (1 - epoch / epochs)
        order = rng.permutation(len(train_set.labels))
        # The workspace is for full batches, so the few images left over sit this epoch out.
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            x, y = train_set.x[:, batch], task.targets(train_set.labels[batch])
            # Fresh noise each time: without it the images are learned by heart.
            x += NOISE * rng.standard_normal(x.shape, dtype=np.float32)
            _, gradients, _ = kernel.loss_and_gradients(
                params, x, y, loss_weights=task.loss_weights, workspace=workspace
            )
            adam.update(gradients, rate)
        yield Epoch(
            loss_per_image(kernel, task, params, train_set),
            loss_per_image(kernel, task, params, test_set),
            accuracy(kernel, task, params, test_set),
        )


def loss_per_image(kernel: ModuleType, task: Task, params: Any, images: Images) -> float:
    y = task.targets(images.labels)
    total: float = kernel.loss(params, images.x, y, loss_weights=task.loss_weights)
    return total / len(images.labels)


def accuracy(kernel: ModuleType, task: Task, params: Any, images: Images) -> float:
    outputs, _ = kernel.forward(params, images.x)
    return float(np.mean(task.answers(outputs) == images.labels))


def watch(history: Iterable[Epoch], epochs: int) -> Iterator[Epoch]:
    """Pass each epoch on, moving a bar on a terminal or printing a few lines in a pipe."""
    terminal = sys.stdout.isatty()
    columns = "Training", BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn()
    with Progress(*columns, disable=not terminal) as progress:
        task = progress.add_task("", total=epochs)
        for number, epoch in enumerate(history, start=1):
            line = f"loss {epoch.train_loss:7.3f}   held-out accuracy {epoch.accuracy:6.1%}"
            progress.update(task, advance=1, description=line)
            if not terminal and number % max(1, epochs // 8) == 0:
                click.echo(f"epoch {number:3d}   {line}")
            yield epoch


def draw(history: list[Epoch], path: Path) -> None:
    """Write the learning curve: both losses, and below them the accuracy, against epochs."""
    epochs = range(1, len(history) + 1)
    train_losses, held_out_losses, accuracies = zip(*history, strict=True)
    blue, orange, grey = "#0072b2", "#d55e00", "#444444"

    figure = Figure(figsize=(7, 6), layout="constrained")
    figure.suptitle(f"GRU, {HIDDEN} units, reading handwritten digits column by column")
    losses, rates = figure.subplots(2, sharex=True)

    losses.plot(epochs, held_out_losses, color=orange, label="held-out images")
    losses.plot(epochs, train_losses, color=blue, label="training images")
    losses.set_ylabel("Loss per image")
    losses.legend(frameon=False)

    rates.plot(epochs, accuracies, color=orange)
    rates.plot(epochs[-1], accuracies[-1], "o", color=orange)
    rates.annotate(
        f"{accuracies[-1]:.1%}",
        (epochs[-1], accuracies[-1]),
        xytext=(0, -18),
        textcoords="offset points",
        ha="center",
        color=orange,
    )
    rates.set_ylim(top=1)
    rates.set_ylabel("Held-out accuracy")
    rates.set_xlabel("Epoch")
    rates.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    rates.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    rates.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))

    for axes in (losses, rates):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.9")
        axes.tick_params(color=grey, labelcolor=grey)
    figure.align_ylabels()
    figure.savefig(path, dpi=150)


@click.command()
@click.option("--readout", type=click.Choice(list(TASKS)), default="none", show_default=True)
@click.option("--epochs", type=click.IntRange(min=1), default=80, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--output",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="Folder for the kernel and the picture; made if need be.",
)
def main(readout: str, epochs: int, seed: int, output: Path) -> None:
    """Train a GRU on handwritten digits with a generated kernel."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.FileError(str(output), hint=error.strerror) from error
    task = TASKS[readout]
    kernel = make_kernel(output / task.file, task)
    history = list(watch(train(kernel, task, *load_images(), epochs=epochs, seed=seed), epochs))
    draw(history, output / task.picture)
    click.echo(f"{history[-1].accuracy:.1%} of {HELD_OUT} held-out images recognised")
    click.echo(f"wrote {output / task.file} and {output / task.picture}")


if __name__ == "__main__":
    main()
