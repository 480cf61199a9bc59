"""Complete what is typed, one character at a time.

    python complete.py "a gener"                            the rest of the word
    python complete.py "The with statement" --characters 60  so many characters more

It needs NumPy, and from its own folder kernel.py, weights.npz and alphabet.txt, nothing else. The
command `python examples/completion.py` writes the folder, with a copy of this file.
"""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn


def end(_number: int, _frame: FrameType | None) -> None:
    """End at Ctrl-C in one line."""
    sys.stderr.write("interrupted\n")
    sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, end)
    if hasattr(signal, "SIGPIPE"):  # whoever reads may have enough, as `head` has
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

try:
    import numpy as np
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed; run: pip install numpy")

LONGEST = 20  # of what is added to a word
FILES = "kernel.py", "weights.npz", "alphabet.txt"


class Completer:
    """A text that goes on: it has been read, and says what comes next.

    folder: where kernel.py, weights.npz and alphabet.txt are.

    Raises FileNotFoundError if one of them is not.
    """

    def __init__(self, folder: Path) -> None:
        kernel, weights, alphabet = (folder / name for name in FILES)
        self.alphabet = alphabet.read_text(encoding="utf-8")
        self.kernel = imported(kernel)
        self.params = self.kernel.params_from_npz(weights)
        self.workspace = self.kernel.Workspace.of(self.params, 1)
        self.state: Any = None

    def read(self, character: str) -> Any:
        """Read one character more; return the score of each that may come next, (O,)."""
        x = np.zeros((1, 1, len(self.alphabet)), self.params.bout.dtype)
        x[0, 0, self.alphabet.index(character)] = 1
        scores, self.state = self.kernel.forward(
            self.params, x, self.state, workspace=self.workspace
        )
        return scores[0, 0]

    def complete(
        self, text: str, count: int, temperature: float = 0, seed: int = 0
    ) -> Iterator[str]:
        """Read a text of one character or more; yield `count` more.

        At temperature 0 each is the likeliest. At 1 it is drawn as likely as it is, and in between
        the likely ones are drawn more often: the largest score wins after noise is added, Gumbel's.
        """
        rng = np.random.default_rng(seed)
        for character in text:
            scores = self.read(character)
        for _ in range(count):
            noise = rng.gumbel(size=len(scores))
            character = self.alphabet[(scores + temperature * noise).argmax()]
            yield character
            scores = self.read(character)


def imported(path: Path) -> Any:
    """Return the module in a file."""
    if not path.exists():
        raise FileNotFoundError(2, "No such file", str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        refuse(message)


def refuse(message: str) -> NoReturn:
    sys.stderr.write(f"complete.py: {message}\n")
    sys.exit(2)


def main() -> None:
    parser = Parser(description="Complete what is typed.")
    parser.add_argument("text", nargs="?", default="", help="what is typed")
    parser.add_argument("--characters", type=int, help="so many more, not the rest of a word")
    parser.add_argument(
        "--temperature", type=float, default=0.5, help="of these: 0 the likeliest (0.5)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of these: others for another (0)")
    given = parser.parse_args()
    if not given.text:
        refuse('give the text to complete, as in: complete.py "a gener"')
    if given.characters is not None and given.characters < 0:
        refuse(f"--characters {given.characters}: give 0 or more")
    if not 0 <= given.temperature < np.inf:
        refuse(f"--temperature {given.temperature:g}: give a finite number, 0 or more")
    if given.seed < 0:
        refuse(f"--seed {given.seed}: give 0 or more")
    try:
        completer = Completer(Path(__file__).resolve().parent)
    except FileNotFoundError as missing:
        refuse(f"there is no {missing.filename}; python examples/completion.py writes it")
    except ValueError as damaged:
        refuse(str(damaged))
    unknown = sorted(set(given.text) - set(completer.alphabet))
    if unknown:
        refuse(f"{''.join(unknown)!r}: not in the text that was learned")
    if given.characters is None:
        added: Iterator[str] = takewhile(str.isalpha, completer.complete(given.text, LONGEST))
    else:
        how = given.characters, given.temperature, given.seed
        added = completer.complete(given.text, *how)
    sys.stdout.write(given.text)
    for character in added:
        sys.stdout.write(character)
        sys.stdout.flush()
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
