"""Train on several processes, each of which computes the gradients of a share of every batch.

    python examples/data_parallel.py

The loss of a kernel is a sum over samples. So are its gradients: those of the shares add up to
those of the batch, whatever the shares are. Dask sends the weights to the workers and hands back
the gradients. A share whose worker dies is computed again by another, which

    python examples/data_parallel.py --kill 3

shows: it kills a worker in the middle of step 3. The losses stay the same, to the last digit.

Each worker imports the generated file, which needs NumPy alone. The sequences are handwritten
digits, read column by column up to the last that has ink; the class is asked for at that one.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

if __name__ == "__mp_main__":  # a worker, which imports this file: Ctrl-C is for its parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)

# Workers inherit it: two processes with two BLAS threads each fight over two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

try:
    from examples.interruption import end_in_one_line

    if __name__ == "__main__":
        end_in_one_line()
    import click
    import dask
    import numpy as np
    from distributed import Client, LocalCluster
    from numpy.typing import NDArray
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from sklearn.datasets import load_digits

    import gru_codegen as gc
    from examples import shard
    from examples.adam import Adam
    from examples.shard import Batch
    from gru_codegen.modules import load_file
except ModuleNotFoundError as missing:
    sys.exit(
        f"{missing.name} is not installed; in the project folder, run: pip install -e '.[parallel]'"
    )

Array = NDArray[Any]
Computed = tuple[float, list[Array]]

STEPS, FEATURES, CLASSES = 8, 8, 10
KERNEL = "gru_cross_entropy_linear"
RATE = 0.01


class Step(NamedTuple):
    """The loss per sample before a step of the training, and what the step took, in seconds."""

    loss: float
    seconds: float


def sequences(samples: int) -> Batch:
    """Return digits as sequences of 1 to 8 columns; beyond 1,797 they begin anew."""
    pixels, classes = load_digits(return_X_y=True)
    number = np.arange(samples) % len(classes)
    columns = (pixels[number] / 8 - 1).reshape(-1, 8, 8).transpose(2, 0, 1)  # (T, N, D)
    ink = (columns > -1).any(axis=2)
    lengths = STEPS - ink[::-1].argmax(axis=0)
    loss_weights = (np.arange(STEPS)[:, None] == lengths - 1).astype(float)
    labels = np.broadcast_to(classes[number], (STEPS, samples))
    return Batch(columns, labels, lengths, loss_weights)


def write_kernel(folder: Path) -> Path:
    """Generate the kernel that all processes import."""
    path = folder / f"{KERNEL}.py"
    path.write_text(gc.generate("gru", loss="cross-entropy", readout="linear"), encoding="utf-8")
    return path


def shares(samples: int, number: int) -> list[Array]:
    """Cut the numbers of the samples into as many shares of nearly one size."""
    return np.array_split(np.arange(samples), number)


def added(parts: list[Computed]) -> Computed:
    """Add up losses and gradients, in the order of the shares: the sums are the same every time."""
    losses, gradients = zip(*parts, strict=True)
    return sum(losses), [sum(of_weight) for of_weight in zip(*gradients, strict=True)]


class Workers:
    """The gradients of a batch, which the workers of a Dask cluster compute share by share.

    kernel: the generated file. data: the training set, an npz file that all workers can read.
    """

    def __init__(self, client: Client, kernel: Path, data: Path, cut: list[Array]) -> None:
        self.client, self.kernel, self.data, self.cut = client, kernel.stem, str(data), cut
        for file in (kernel, Path(shard.__file__)):
            client.upload_file(str(file))  # to workers that come later, too

    def __call__(self, params: Any, meanwhile: Callable[[], None] = lambda: None) -> Computed:
        """Return the loss and the gradients of all shares; do something once they are handed out.

        Dask computes what a dead worker had on another one.
        """
        arguments = [(self.kernel, self.data, samples, tuple(params)) for samples in self.cut]
        handed_out = [self.client.submit(_on_worker, *each, pure=False) for each in arguments]
        meanwhile()
        return added(self.client.gather(handed_out))

    def kill_one(self) -> None:
        """Kill a worker as a system that runs out of memory does."""
        os.kill(next(iter(self.client.run(os.getpid).values())), signal.SIGKILL)


def _on_worker(*arguments: Any) -> Any:
    return import_module("shard").gradients(*arguments)  # the file that was uploaded


def train(
    compute: Callable[[Any], Computed], params: Any, samples: int, steps: int
) -> Iterator[Step]:
    """Train on whole batches of so many samples and yield what each step has been like."""
    adam = Adam(params)
    for _ in range(steps):
        start = time.perf_counter()
        loss, gradients = compute(params)
        adam.update([each / samples for each in gradients], RATE)
        yield Step(loss / samples, time.perf_counter() - start)


def watch(history: Iterator[Step], steps: int) -> list[Step]:
    """Move a bar on a terminal while steps are taken."""
    columns = "Training", BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn()
    with Progress(*columns, disable=not sys.stdout.isatty()) as progress:
        task, taken = progress.add_task("", total=steps), []
        for step in history:
            taken.append(step)
            progress.update(task, advance=1, description=f"loss {step.loss:.4f}")
    return taken


def difference(one: Computed, other: Computed) -> float:
    """Return the largest difference of two gradients, relative to the largest entry of each."""
    pairs = zip(one[1], other[1], strict=True)
    return max(float(abs(a - b).max() / (abs(b).max() or 1)) for a, b in pairs)


def quiet() -> None:
    """Leave it to this program to say what happens to its workers."""
    dask.config.set({"logging.distributed": "critical"})  # in the workers
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@click.command()
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--shares", "cut", type=click.IntRange(min=1), help="By default as many as workers.")
@click.option("--samples", type=click.IntRange(min=1), default=7188, show_default=True)
@click.option("--hidden", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--kill", type=click.IntRange(min=1), help="Kill a worker in the midst of this step.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default=Path("build/data_parallel"),
    show_default=True,
    help="Folder for the kernel and the training set; made if need be.",
)
def main(
    workers: int,
    cut: int | None,
    samples: int,
    hidden: int,
    steps: int,
    kill: int | None,
    output: Path,
) -> None:
    """Train on several processes and on one, which has to give the same numbers."""
    if kill is not None and kill > steps:
        raise click.BadParameter(f"there are {steps} steps", param_hint="'--kill'")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.FileError(str(output), hint=error.strerror) from error
    file, batch = write_kernel(output.resolve()), sequences(samples)
    data = file.with_name("digits.npz")
    np.savez(data, **batch._asdict())
    kernel = load_file(file)

    def begun() -> Any:
        return kernel.init_params(FEATURES, hidden, output_size=CLASSES, rng=0)

    def alone(params: Any) -> Computed:
        return shard.computed(kernel, batch, params)

    with cluster(workers) as client:
        parallel = Workers(client, file, data, shares(samples, cut or workers))
        apart = difference(parallel(begun()), alone(begun()))
        calls = count(1)

        def compute(params: Any) -> Computed:
            return parallel(params, parallel.kill_one if next(calls) == kill else lambda: None)

        together = watch(train(compute, begun(), samples, steps), steps)
    one = watch(train(alone, begun(), samples, steps), steps)

    click.echo(f"gradients of {samples} samples, by {workers} workers and by one process: the same")
    click.echo(f"to {apart:.1e} of their largest entry")
    for name, history in ((f"{workers} workers", together), ("one process", one)):
        seconds = median(step.seconds for step in history)
        loss = f"loss {history[0].loss:.12f} to {history[-1].loss:.12f}"
        click.echo(f"{name:12} {1000 * seconds:8.1f} ms a step   {loss}")


@contextmanager
def cluster(workers: int) -> Iterator[Client]:
    """Processes on this machine, of one thread each, until the end of the block."""
    quiet()
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as processes,
        Client(processes) as client,
    ):
        yield client


if __name__ == "__main__":
    main()
