"""The training of examples/completion.py by the generated kernel, and by torch.

    python -m benchmarks.completion

Both begin with the same weights and get the same windows. Each has a process of its own, and they
take turns: so many updates of one, as many of the other. Afterwards each completes in a fresh
process. It takes two to three minutes of CPU time and writes `results/completion.json`, which
`python -m benchmarks.completion_page` makes a table and a picture of.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from itertools import islice
from operator import eq
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.progress import Progress

from benchmarks.destination import destination
from benchmarks.learner import LEARNERS
from benchmarks.machine import machine
from benchmarks.timing import Worker, orders

__all__ = ["Learned", "Training", "installed_bytes", "measure", "read"]

UPDATES, TURNS = 2000, 40
#: So many turns lie between two looks at the held-out text.
LOOK = 2
#: How many held-out characters are read one by one.
STREAMED = 4000


@dataclass
class Learned:
    """Measurements of one library.

    seconds, cpu: of each turn, wall clock and CPU.
    bits: per held-out character, at first and after every LOOK turns.
    right: the part of the streamed characters that were the likeliest.
    training, completing: the peak memory in megabytes; None where nobody says.
    first, each: CPU seconds of a fresh process to its first scores, and of each further character.
    installed: bytes of the library and all that it requires.
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)
    training: float | None = None
    completing: float | None = None
    first: float = 0.0
    each: float = 0.0
    installed: int = 0
    right: float = 0.0


@dataclass
class Training:
    """A run: so many updates a turn, and by name what was measured of each library.

    by_frequency: bits per held-out character by its frequency alone.
    agree: the part of the streamed characters after which both find the same one the likeliest.
    """

    machine: dict[str, Any]
    versions: dict[str, str]
    updates_a_turn: int
    by_frequency: float = 0.0
    agree: float = 0.0
    learned: dict[str, Learned] = field(default_factory=dict)


def read(path: Path) -> Training:
    """The run in a file that this command has written."""
    data = json.loads(path.read_text())
    learned = {name: Learned(**found) for name, found in data["learned"].items()}
    return Training(**{**data, "learned": learned})


def measure(updates: int, turns: int) -> Training:
    """Train with all, and complete with all.

    Raises WorkerError if one of them ends, and click's exception if it is not installed.
    """
    run = Training(machine(), {}, updates // turns, learned={name: Learned() for name in LEARNERS})
    with TemporaryDirectory() as name:
        folder = Path(name)
        run.by_frequency, text = prepare(folder)
        learn(run, folder, updates, turns)
        complete(run, folder, text)
    for name, found in run.learned.items():
        found.installed = installed_bytes(LEARNERS[name].package)
    return run


def prepare(folder: Path) -> tuple[float, str]:
    """Write what all begin with; return bits by frequency alone, and characters to complete."""
    import numpy as np

    import gru_codegen as gc
    from examples import characters, completion
    from gru_codegen.interop import to_torch

    text = characters.load_text()
    kernel, _ = completion.make_kernels(folder)
    params = completion.initial(kernel, text, seed=0)
    completion.save(kernel, params, text.alphabet, folder)
    source = gc.generate("lstm", loss=completion.LOSS, **completion.KERNEL)
    (folder / "training.py").write_text(source)
    kernel.params_to_npz(params, folder / "start.npz")
    layers: dict[str, Any] = {f"lstm.{name}": W for name, W in to_torch("lstm", params).items()}
    layers |= {"readout.weight": params.Wout.T, "readout.bias": params.bout}
    np.savez(folder / "start_torch.npz", **layers)
    np.save(folder / "learned.npy", text.learned)
    np.save(folder / "held_out.npy", text.held_out)
    streamed = "".join(text.alphabet[place] for place in text.held_out[:STREAMED])
    return completion.by_frequency(text), streamed


def worker(name: str, folder: Path, updates: int = 0) -> Worker:
    arguments = [str(folder), str(updates)]
    return Worker(name, 1, module="benchmarks.learner", arguments=arguments)


def learn(run: Training, folder: Path, updates: int, turns: int) -> None:
    """Let all train, in turns."""
    with ExitStack() as stack, Progress(disable=not sys.stdout.isatty()) as progress:
        workers = [stack.enter_context(worker(name, folder, updates)) for name in run.learned]
        for one in workers:
            if one.skip:
                raise click.ClickException(f"{one.skip}; run: pip install -e '.[bench]'")
            run.versions |= one.versions
        task = progress.add_task("Training", total=turns)
        look(run, workers)
        for done, order in enumerate(islice(orders(len(workers)), turns), start=1):
            for one in (workers[place] for place in order):
                answer = one.ask("learn", updates=run.updates_a_turn)
                run.learned[one.contender].seconds.append(answer["seconds"])
                run.learned[one.contender].cpu.append(answer["cpu"])
            if done % LOOK == 0:
                look(run, workers)
            progress.update(task, advance=1)
        for one in workers:
            run.learned[one.contender].training = one.ask("save")["megabytes"]


def look(run: Training, workers: list[Worker]) -> None:
    for one in workers:
        run.learned[one.contender].bits.append(one.ask("bits")["bits"])


def complete(run: Training, folder: Path, text: str) -> None:
    """Let each complete in a fresh process; both read the same text."""
    likeliest = []
    for name, found in run.learned.items():
        with worker(name, folder) as one:
            answer = one.ask("stream", text=text)
        found.first, found.each = answer["first"], answer["each"]
        found.completing = answer["megabytes"]
        likeliest.append(answer["likeliest"])
        found.right = alike(answer["likeliest"], text[1:])
    run.agree = alike(*likeliest)


def alike(said: Iterable[str], others: Iterable[str]) -> float:
    """The part of what is said that others say too, up to the end of whichever is shorter."""
    return fmean(map(eq, said, others))


def installed_bytes(package: str) -> int:
    """The bytes of an installed package and of all that it requires."""
    names, found = [package], set[str]()
    size = 0
    while names:
        name = canonicalize_name(names.pop())
        if name in found:
            continue
        found.add(name)
        try:
            there = distribution(name)
        except PackageNotFoundError:  # not required here
            continue
        files = [Path(str(file.locate())) for file in there.files or ()]
        size += sum(file.stat().st_size for file in files if file.is_file())
        required = map(Requirement, there.requires or ())
        names += [each.name for each in required if not each.marker or each.marker.evaluate()]
    return size


@click.command()
@click.option("--updates", type=click.IntRange(min=1), default=UPDATES, show_default=True)
@click.option("--turns", type=click.IntRange(min=1), default=TURNS, show_default=True)
def main(updates: int, turns: int) -> None:
    """Train the completion of text with the kernel and with torch, in turns."""
    if updates % turns:
        raise click.UsageError(f"{updates} updates are no whole number in each of {turns} turns")
    file = destination("completion.json")
    run = measure(updates, turns)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(run), indent=1) + "\n")
    for name, found in run.learned.items():
        click.echo(f"{name:8} {found.bits[-1]:.3f} bits a character, {sum(found.seconds):.1f} s")
    click.echo(f"wrote {file}")


if __name__ == "__main__":
    main()
