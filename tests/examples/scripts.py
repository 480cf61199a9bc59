"""Examples run as scripts, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import examples.adam

FOLDER = Path(examples.adam.__file__).parent

# Runs a script as if a package were not installed: python -c WITHOUT package script
WITHOUT = """
import runpy, sys
_, package, script = sys.argv
class Absent:
    def find_spec(name, *_):
        if name == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent)
runpy.run_path(script)
"""


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python on this tree, whether it is installed or not; in the folder `cwd`."""
    command = [sys.executable, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    return subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )


def run_without(package: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run examples/`script` where `package` is not installed."""
    return run("-c", WITHOUT, package, str(FOLDER / script))
