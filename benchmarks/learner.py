"""The process of a library that learns to complete a text, or that completes one.

    python -m benchmarks.learner NAME THREADS FOLDER UPDATES

NAME is `kernel` or `torch`. The folder has the text and the initial weights. One JSON object a
line: requests on standard input, an answer to each on standard output; the first comes unasked.

    {"versions": {...}}  or {"skip": why}        the library is there, or is not
    {"ask": "learn", "updates": n}               so many updates of UPDATES in all
        {"seconds": s, "cpu": s}
    {"ask": "bits"}                              of a character that is held out
        {"bits": b}
    {"ask": "save"}                              the weights, for who completes
        {"megabytes": peak memory}
    {"ask": "stream", "text": t}                 read a text one character at a time
        {"first": s, "each": s, "likeliest": of each, "megabytes": peak memory}

Times are those of the CPU but for `seconds`. `first` is all that a process takes to its first
scores: Python begins, the library is imported, the weights are read.
Both libraries get the same windows, optimiser and clipping.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Protocol, TextIO

__all__ = ["LEARNERS", "main", "peak_megabytes", "serve"]

#: Reads a character and returns the likeliest next one.
Reader = Callable[[str], str]


class Learner(Protocol):
    """The state of a training: an iterator that takes an update a step, and what it has reached."""

    training: Iterator[float]

    def bits(self) -> float: ...

    def save(self) -> None: ...


class Kernel:
    """The generated kernel, trained as examples/completion.py does."""

    package = "numpy"

    def __init__(self, folder: Path, updates: int) -> None:
        import numpy as np

        from examples import characters
        from examples.complete import imported

        self.folder, self.characters = folder, characters
        self.kernel = imported(folder / "training.py")
        self.params = self.kernel.params_from_npz(folder / "start.npz")
        self.held_out = np.load(folder / "held_out.npy")
        learned = np.load(folder / "learned.npy")
        self.training = characters.train(self.kernel, self.params, learned, updates)

    def bits(self) -> float:
        return self.characters.bits(self.kernel, self.params, self.held_out)

    def save(self) -> None:
        self.kernel.params_to_npz(self.params, self.folder / "weights.npz")

    @staticmethod
    def reader(folder: Path) -> Reader:
        from examples.complete import Completer

        completer = Completer(folder)
        return lambda character: completer.alphabet[completer.read(character).argmax()]


class Torch:
    """torch.nn.LSTM and torch.nn.Linear, torch.optim.Adam."""

    package = "torch"

    def __init__(self, folder: Path, updates: int) -> None:
        import numpy as np

        self.folder, self.updates = folder, updates
        self.lstm, self.readout = layers(folder, "start_torch.npz")
        self.held_out = np.load(folder / "held_out.npy")
        self.training = self.train(np.load(folder / "learned.npy"))

    def train(self, labels: Any) -> Iterator[float]:
        import torch

        from examples import characters

        weights = [*self.lstm.parameters(), *self.readout.parameters()]
        weights = [W for W in weights if W.requires_grad]
        adam, done = torch.optim.Adam(weights), 0
        while True:
            state = None
            for x, y in characters.windows(labels, self.readout.out_features):
                if done == self.updates:
                    return
                adam.zero_grad()
                loss, state = self.cost(x, y, state)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(weights, 1)
                adam.param_groups[0]["lr"] = characters.rate(done, self.updates)
                adam.step()
                state = tuple(each.detach() for each in state)
                done += 1
                yield loss.item()

    def cost(self, x: Any, y: Any, state: Any) -> tuple[Any, Any]:
        import torch

        outputs, state = self.lstm(torch.from_numpy(x), state)
        scores = self.readout(outputs).flatten(0, 1)
        return torch.nn.functional.cross_entropy(scores, torch.from_numpy(y).flatten()), state

    def bits(self) -> float:
        import numpy as np
        import torch

        from examples import characters

        costs, state = [], None
        with torch.inference_mode():
            for x, y in characters.windows(self.held_out, self.readout.out_features):
                loss, state = self.cost(x, y, state)
                costs.append(loss.item() / np.log(2))
        return float(np.mean(costs))

    def save(self) -> None:
        import numpy as np

        layers = {"lstm": self.lstm, "readout": self.readout}
        arrays = {
            f"{layer}.{name}": W.numpy()
            for layer, module in layers.items()
            for name, W in module.state_dict().items()
        }
        np.savez(self.folder / "weights_torch.npz", **arrays)

    @staticmethod
    def reader(folder: Path) -> Reader:
        import torch

        lstm, readout = layers(folder, "weights_torch.npz")
        alphabet = (folder / "alphabet.txt").read_text(encoding="utf-8")
        state: Any = None

        def read(character: str) -> str:
            nonlocal state
            with torch.inference_mode():
                x = torch.zeros(1, 1, len(alphabet))
                x[0, 0, alphabet.index(character)] = 1
                outputs, state = lstm(x, state)
                return alphabet[int(readout(outputs)[0, 0].argmax())]

        return read


def layers(folder: Path, file: str) -> tuple[Any, Any]:
    """The two layers with the weights in a file.

    One of the two biases is frozen at 0, since a kernel has their sum.
    """
    import numpy as np
    import torch

    with np.load(folder / file) as arrays:
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
    characters, hidden = weights["readout.weight"].shape
    lstm, readout = torch.nn.LSTM(characters, hidden), torch.nn.Linear(hidden, characters)
    for name, module in (("lstm", lstm), ("readout", readout)):
        own = {key.partition(".")[2]: W for key, W in weights.items() if key.startswith(name)}
        module.load_state_dict(own)
    lstm.bias_hh_l0.requires_grad_(False)
    return lstm, readout


#: By name, and in the order of tables.
LEARNERS: dict[str, type[Kernel] | type[Torch]] = {"kernel": Kernel, "torch": Torch}


def serve(name: str, folder: Path, updates: int, requests: TextIO, answers: TextIO) -> None:
    """Answer every request until there are no more."""

    def answer(**content: Any) -> None:
        print(json.dumps(content), file=answers, flush=True)

    one, learner = LEARNERS[name], None
    if find_spec(one.package) is None:
        answer(skip=f"{one.package} is not installed")
        return
    answer(versions={package: version(package) for package in ("numpy", one.package)})
    for line in requests:
        request = json.loads(line)
        if request["ask"] == "stream":
            answer(**stream(one, folder, request["text"]))
            continue
        learner = learner or one(folder, updates)
        if request["ask"] == "learn":
            began, cpu = perf_counter(), process_time()
            deque(islice(learner.training, request["updates"]), maxlen=0)
            answer(seconds=perf_counter() - began, cpu=process_time() - cpu)
        elif request["ask"] == "bits":
            answer(bits=learner.bits())
        else:
            learner.save()
            answer(megabytes=peak_megabytes())


def stream(one: type[Kernel] | type[Torch], folder: Path, text: str) -> dict[str, Any]:
    """Read a text one character at a time."""
    read = one.reader(folder)
    likeliest = [read(text[0])]
    first = process_time()
    likeliest += map(read, text[1:])
    each = (process_time() - first) / (len(text) - 1)
    return {"first": first, "each": each, "likeliest": likeliest, "megabytes": peak_megabytes()}


def peak_megabytes() -> float | None:
    """The most memory that this process has held, in units of 1e6 bytes; None where nobody says.

    `resource` would count what the parent held before this process began.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1]) / 1e6


def main() -> None:
    name, _, folder, updates = sys.argv[1:]
    serve(name, Path(folder), int(updates), sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
