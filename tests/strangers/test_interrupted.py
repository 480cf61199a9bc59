"""Commands that are killed, interrupted, out of disk, or many: the old file or the new one."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import cli, files
from gru_codegen.passes import Style
from tests.strangers.limited import limited

RUNS = max(6, int(os.environ.get("STRANGERS", "0")) // 2)
STYLES: tuple[Style, ...] = ("fast", "textbook")
HIDDEN = ".gru_codegen_"


@pytest.fixture(scope="module")
def kernels() -> set[str]:
    """The whole files, one of each style; what follows from the declaration is known from now."""
    return {gc.generate(gc.GRU, unroll=1, style=style) for style in STYLES}


def generate(style: str, output: str = "k.py") -> int:
    return cli.main(
        ["generate", "--no-verify", "--unroll", "1", "--style", style, "--output", output]
    )


def child(run: Callable[[], int], folder: Path) -> int:
    """Begin to run something in a child, whose output goes nowhere."""
    number = os.fork()
    if number:
        return number
    try:
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os._exit(run())
    finally:
        os._exit(99)


def ended(number: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def stopped(folder: Path, style: str, by: int, rng: random.Random, *, writing: bool) -> int:
    """Stop a command at a random moment: of all of it, or once it begins to write."""
    ours, theirs = os.pipe()
    write = files._replace

    def announced(target: str, content: bytes) -> None:
        os.write(theirs, b"x")
        write(target, content)

    def run() -> int:
        files._replace = announced
        return generate(style)

    number = child(run, folder)
    os.close(theirs)
    if writing:
        os.read(ours, 1)
        time.sleep(rng.uniform(0, 0.004))
    else:
        time.sleep(rng.uniform(0, 0.6))
    os.close(ours)
    os.kill(number, by)
    return ended(number)


def left(folder: Path) -> list[str]:
    """The files beside the kernel."""
    names = sorted({*os.listdir(folder)} - {"k.py"})
    assert all(name.startswith(HIDDEN) for name in names)
    return names


def test_killed_at_random_moments(tmp_path: Path, kernels: set[str]) -> None:
    rng, statuses = random.Random(1), set()
    limited(lambda: generate("fast"), tmp_path)
    for number in range(RUNS):
        style = STYLES[number % 2]
        statuses.add(stopped(tmp_path, style, signal.SIGKILL, rng, writing=number % 3 > 0))
        assert (tmp_path / "k.py").read_text() in kernels
        assert len(left(tmp_path)) <= 1
    assert -signal.SIGKILL in statuses
    assert limited(lambda: generate("fast"), tmp_path).status == 0
    assert left(tmp_path) == []


def test_interrupted_at_random_moments(tmp_path: Path, kernels: set[str]) -> None:
    rng = random.Random(2)
    limited(lambda: generate("fast"), tmp_path)
    for number in range(RUNS):
        style = STYLES[number % 2]
        status = stopped(tmp_path, style, signal.SIGINT, rng, writing=number % 3 > 0)
        assert status in (0, 130, -signal.SIGINT)
        assert (tmp_path / "k.py").read_text() in kernels
        assert left(tmp_path) == []


def test_sixteen_at_once(tmp_path: Path, kernels: set[str]) -> None:
    limited(lambda: generate("fast"), tmp_path)
    writers = [child(lambda s=style: generate(s), tmp_path) for style in STYLES * 8]  # type: ignore[misc]
    assert {ended(writer) for writer in writers} == {0}
    assert (tmp_path / "k.py").read_text() in kernels
    assert left(tmp_path) == []


COMMANDS = {
    "generate": ["generate", "--no-verify", "--unroll", "1", "-o", "k.py"],
    "inspect": ["inspect", "--wrt", "Wz", "-o", "k.py"],
    "program": ["program", "-o", "k.py"],
    "credit": ["credit", "kernel.txt", "-o", "k.png"],
    "grade": ["grade", "--template", "gru", "-o", "new.toml"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_is_full(command: str, tmp_path: Path) -> None:
    """Every command that writes leaves what was there, and says why it could not."""
    (tmp_path / "kernel.txt").write_text(gc.generate(gc.GRU, unroll=2, extras=["credit"]))
    arguments = COMMANDS[command]
    target = tmp_path / arguments[-1]
    if command != "grade":  # which writes over nothing
        target.write_text("old\n")
    before = {*os.listdir(tmp_path)}

    def run() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        return cli.main(arguments)

    found = limited(run, tmp_path)
    assert found.status == 2, found
    assert found.said == f"gru-codegen: error: cannot write {target.name}: File too large\n"
    assert {*os.listdir(tmp_path)} == before
    assert command == "grade" or target.read_text() == "old\n"
