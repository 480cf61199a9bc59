"""Ctrl-C ends every example in one line, whatever it is about to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.scripts import FOLDER, run

# Runs a script that is interrupted as it imports a module: python -c INTERRUPTED module script. A
# shell starts what it puts in the background with Ctrl-C ignored.
INTERRUPTED = """
import os, runpy, signal, sys
_, module, script = sys.argv
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupting:
    def find_spec(name, *_):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
sys.argv[:] = [script]
runpy.run_path(script, run_name="__main__")
"""

SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if "__main__" in path.read_text())
ALONE = "complete.py"  # it runs where this package is not


@pytest.mark.parametrize(
    ("module", "script"),
    [
        *(("numpy", script) for script in SCRIPTS),
        *(("gru_codegen.derive", script) for script in SCRIPTS if script != ALONE),
    ],
)
def test_ctrl_c_is_one_line_and_a_status(module: str, script: str, tmp_path: Path) -> None:
    done = run("-c", INTERRUPTED, module, str(FOLDER / script), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
