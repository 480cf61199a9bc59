"""The time to import a generated kernel, beyond NumPy's own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import gru_codegen as gc

__all__ = ["STEPS", "import_seconds"]

STEPS = 32

_TIMED = (
    "import numpy, time; t = time.perf_counter(); import kernel; print(time.perf_counter() - t)"
)


def import_seconds(repeats: int) -> dict[str, list[float]]:
    """Seconds of each of so many processes, by how they find the unrolled `fast` kernel.

    "first": as source, which Python has to compile. "later": compiled, as from the second import
    of an installed file on.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kernel.py").write_text(gc.generate(gc.GRU, unroll=STEPS, style="fast"))
        first = [_once(folder, compiled=False) for _ in range(repeats)]
        _once(folder, compiled=True)
        later = [_once(folder, compiled=True) for _ in range(repeats)]
    return {"first": first, "later": later}


def _once(folder: str, *, compiled: bool) -> float:
    environment = os.environ | {"PYTHONPATH": folder}
    environment["PYTHONDONTWRITEBYTECODE"] = "" if compiled else "1"
    command = [sys.executable, "-c", _TIMED]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)
