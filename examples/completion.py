"""Complete what is typed: an LSTM is trained here, and runs where there is nothing but NumPy.

    python examples/completion.py

trains it on the documentation of Python, which comes with every Python (`pydoc_data.topics`). It
reads 93 characters and says of each which one comes next. One topic of ten is held out. The quality
is how many bits a character takes; to beat is a code that knows how frequent each character is.

    python build/completion/complete.py "a gener"

completes a text. That folder is all it takes: the kernel for inference, the weights, the alphabet
and a script. They run in any Python that has NumPy, without this package.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

# These matrices are small: a second BLAS thread gains little, and on a busy machine costs much.
# Has to be said before NumPy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

try:
    from examples.interruption import end_in_one_line

    if __name__ == "__main__":
        end_in_one_line()
    import click
    import numpy as np
    from rich.progress import Progress

    import gru_codegen as gc
    from examples import complete
    from examples.characters import HIDDEN, Text, bits, load_text, train
    from gru_codegen.modules import load_file
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed; in the project folder, run: pip install -e .")

SCRIPT = Path(complete.__file__)

LOSS = "cross-entropy-mean"
KERNEL: dict[str, Any] = {"readout": "linear", "layout": "rows"}  # the fastest at this size


class Stage(NamedTuple):
    """Bits per character after so many updates: of what is learned from, and held out."""

    updates: int
    learned: float
    held_out: float


def make_kernels(folder: Path) -> tuple[ModuleType, ModuleType]:
    """Return the kernel to train with, and the one for inference, which is written to the folder.

    Both are checked.
    """
    training = gc.load("lstm", loss=LOSS, check=True, **KERNEL)
    file = folder / complete.FILES[0]
    file.write_text(gc.generate("lstm", only="forward", **KERNEL), encoding="utf-8")
    inference = load_file(file)
    report = gc.check(inference, "lstm")
    if not report:
        sys.exit(f"{file}: {report}")
    return training, inference


def initial(kernel: ModuleType, text: Text, seed: int) -> Any:
    size = len(text.alphabet)
    return kernel.init_params(size, HIDDEN, output_size=size, rng=seed, dtype=np.float32)


def by_frequency(text: Text) -> float:
    """Return the bits a held-out character takes by how frequent it is in what is learned from."""
    counts = np.bincount(text.learned, minlength=len(text.alphabet))
    costs = -np.log2(counts / counts.sum())
    return float(costs[text.held_out].mean())


def stages(kernel: ModuleType, params: Any, text: Text, updates: int) -> Iterator[Stage]:
    """Train the weights in place; yield ten stages, or one for each of fewer updates."""
    losses = []
    every = max(1, updates // 10)
    with Progress(disable=not sys.stdout.isatty(), transient=True) as progress:
        task = progress.add_task("Training", total=updates)
        for loss in train(kernel, params, text.learned, updates):
            losses.append(loss / np.log(2))
            progress.update(task, advance=1)
            if len(losses) % every == 0:
                learned = float(np.mean(losses[-every:]))
                yield Stage(len(losses), learned, bits(kernel, params, text.held_out))


@click.command()
@click.option("--updates", type=click.IntRange(min=1), default=2000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--output",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default=Path("build/completion"),
    show_default=True,
    help="Folder for kernel, weights, alphabet and script; made if need be.",
)
def main(updates: int, seed: int, output: Path) -> None:
    """Train an LSTM to complete what is typed."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.FileError(str(output), hint=error.strerror) from error
    text = load_text()
    training, _ = make_kernels(output)
    params = initial(training, text, seed)
    click.echo("bits per character     learned   held out")
    click.echo(f"by frequency alone               {by_frequency(text):8.2f}")
    for stage in stages(training, params, text, updates):
        click.echo(
            f"update {stage.updates:5}           {stage.learned:8.2f}   {stage.held_out:8.2f}"
        )
    save(training, params, text.alphabet, output)
    click.echo(f'wrote {output}; now: python {output / SCRIPT.name} "a gener"')


def save(kernel: ModuleType, params: Any, alphabet: str, folder: Path) -> None:
    """Put weights, alphabet and script beside the kernel for inference."""
    _, weights, letters = (folder / name for name in complete.FILES)
    kernel.params_to_npz(params, weights)
    letters.write_text(alphabet, encoding="utf-8")
    shutil.copy(SCRIPT, folder)


if __name__ == "__main__":
    main()
