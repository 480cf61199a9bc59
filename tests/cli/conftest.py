from __future__ import annotations

from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import cli
from gru_codegen.cli import apart, audits, credits, verifies
from gru_codegen.cli.errors import Ended
from tests.cli.running import Outcome, Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no width of a terminal from whatever runs the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs a command line in this process."""

    def run(*arguments: str) -> Outcome:
        status = cli.main(arguments)
        out, err = capfdbinary.readouterr()
        return Outcome(status, out.decode(), err.decode())

    return run


@pytest.fixture
def here(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in this process, and in it what would have a process of its own."""

    def run_here(_runs: str, _seconds: float, *arguments: str) -> None:
        if status := cli.main(apart.command_here(*arguments)):
            raise Ended(status)

    for module in (audits, credits, verifies):
        monkeypatch.setattr(module, "run_apart", run_here)
    return run


@pytest.fixture
def kernel(folder: Path) -> Path:
    """The file of a kernel for two time steps."""
    path = Path("k.py")
    path.write_text(gc.generate(gc.GRU, unroll=2))
    return path
