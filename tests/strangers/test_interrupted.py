"""Commands that are killed, interrupted, out of disk, or many: the old file or the new one."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import cli, files
from gru_codegen.passes import Style
from tests.strangers.limited import limited

RUNS = max(6, int(os.environ.get("STRANGERS", "0")) // 2)
STYLES: tuple[Style, ...] = ("fast", "textbook")
HIDDEN = ".gru_codegen_"
#: A function of a module, by its name, whose call is a step of a command.
Step = tuple[Any, str]
BEGINS: Step = (cli, "main")
WRITES: Step = (files, "_replace")
STEPS: dict[str, Step] = {
    "begins": BEGINS,
    "writes": WRITES,
    "has an empty file": (files, "_fill"),
    "has a full file": (os, "fsync"),
    "replaces": (os, "replace"),
    "has replaced": (os, "unlink"),
}


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


def begun(folder: Path, style: str, step: Step, *, held: bool = False) -> int:
    """Begin to generate; return the child and, once it is at a step, go on; held: it does not."""
    ours, theirs = os.pipe()
    owner, name = step
    function = getattr(owner, name)

    def announced(*arguments: Any) -> Any:
        os.write(theirs, b"x")
        if held:
            time.sleep(60)
        return function(*arguments)

    def run() -> int:
        setattr(owner, name, announced)
        return generate(style)

    number = child(run, folder)
    os.close(theirs)
    assert os.read(ours, 1) == b"x"
    os.close(ours)
    return number


@pytest.fixture(scope="module")
def lasts(tmp_path_factory: pytest.TempPathFactory) -> dict[Step, float]:
    """The least seconds that a command takes here from a step to its end."""
    folder = tmp_path_factory.mktemp("timed")

    def seconds(step: Step) -> float:
        number = begun(folder, "fast", step)
        reached = time.perf_counter()
        assert ended(number) == 0
        return time.perf_counter() - reached

    return {step: min(seconds(step) for _ in range(3)) for step in (BEGINS, WRITES)}


def stopped(
    folder: Path, style: str, by: int, rng: random.Random, step: Step, lasts: dict[Step, float]
) -> int:
    """Stop a command at a random moment after a step."""
    number = begun(folder, style, step)
    time.sleep(rng.uniform(0, lasts[step]))
    os.kill(number, by)
    return ended(number)


def left(folder: Path) -> list[str]:
    """The files beside the kernel."""
    names = sorted({*os.listdir(folder)} - {"k.py"})
    assert all(name.startswith(HIDDEN) for name in names)
    return names


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_every_step(step: str, tmp_path: Path, kernels: set[str]) -> None:
    """Held there until it is killed, however fast or slow the machine is."""
    limited(lambda: generate("fast"), tmp_path)
    old = (tmp_path / "k.py").read_text()
    number = begun(tmp_path, "textbook", STEPS[step], held=True)
    os.kill(number, signal.SIGKILL)
    assert ended(number) == -signal.SIGKILL
    [new] = kernels - {old}
    assert (tmp_path / "k.py").read_text() == (new if step == "has replaced" else old)
    assert len(left(tmp_path)) == (step in ("has an empty file", "has a full file", "replaces"))
    assert limited(lambda: generate("fast"), tmp_path).status == 0
    assert left(tmp_path) == []


def test_killed_at_random_moments(
    tmp_path: Path, kernels: set[str], lasts: dict[Step, float]
) -> None:
    rng, statuses = random.Random(1), set()
    limited(lambda: generate("fast"), tmp_path)
    for number in range(RUNS):
        style = STYLES[number % 2]
        step = WRITES if number % 3 else BEGINS
        statuses.add(stopped(tmp_path, style, signal.SIGKILL, rng, step, lasts))
        assert (tmp_path / "k.py").read_text() in kernels
        assert len(left(tmp_path)) <= 1
    assert statuses <= {0, -signal.SIGKILL}  # 0: it was done before
    assert limited(lambda: generate("fast"), tmp_path).status == 0
    assert left(tmp_path) == []


def test_interrupted_at_random_moments(
    tmp_path: Path, kernels: set[str], lasts: dict[Step, float]
) -> None:
    rng = random.Random(2)
    limited(lambda: generate("fast"), tmp_path)
    for number in range(RUNS):
        style = STYLES[number % 2]
        step = WRITES if number % 3 else BEGINS
        status = stopped(tmp_path, style, signal.SIGINT, rng, step, lasts)
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
    "generate": ["generate", "--no-verify", "--force", "--unroll", "1", "-o", "k.py"],
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
    *_, said = found.said.splitlines()  # after that a file is run, if one is
    assert said == f"gru-codegen: error: cannot write {target.name}: File too large"
    assert {*os.listdir(tmp_path)} == before
    assert command == "grade" or target.read_text() == "old\n"
