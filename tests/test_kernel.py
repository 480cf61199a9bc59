"""The type of kernels: a user's script has nothing that mypy objects to, unless it is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.kernel import AllGradientsLike, Kernel, KernelModule, ResultLike

#: What people write, and behind a `#` the error that mypy has to have there.
SCRIPT = """
from __future__ import annotations

import numpy as np

import gru_codegen as gc
import my_kernel
from gru_codegen import Kernel

x, y = np.ones((5, 2, 3)), np.ones((5, 2, 4))


def train(kernel: Kernel, steps: int = 3) -> float:
    params = kernel.init_params(3, 4, rng=0)
    workspace = kernel.Workspace.of(params, 2)
    for _ in range(steps):
        loss, gradients, state = kernel.loss_and_gradients(params, x, y, workspace=workspace)
        params = kernel.Params(*(p - 0.1 * g for p, g in zip(params, gradients)))
    kernel.params_to_npz(params, "weights.npz")
    outputs, state, pullback = kernel.vjp(kernel.params_from_npz("weights.npz"), x)
    return float(kernel.loss_and_gradients(params, x, y, state).loss)


made = gc.load("lstm", loss="l2", unroll="any", check=False)
print(made.CELL.upper(), made.UNROLL, made.State, train(made), train(my_kernel))
with_constants = gc.load(gc.GRU_D)
outputs, state = with_constants.forward(1, 2, x, None, lengths=np.array([5, 3]))
report, cell = gc.check(made, gc.LSTM), gc.load_cell("gru")
print(report.verdict, gc.verify(my_kernel), gc.derive("gru", "l2").gradients, cell.title)
print(gc.ravel(made.all_gradients(1, x, y).params), made.loss_and_gradients(1, x, y).gradients)

gc.load(3)  # arg-type
gc.load("lstm", los="l2")  # call-arg
gc.load("lstm", unroll="all")  # arg-type
gc.LSTN  # attr-defined
gc.verify("my_kernel.py")  # arg-type
train(gc)  # arg-type
made.forward(1)  # call-arg
made.loss_and_gradients(1, x, y).gradient  # attr-defined
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("script")
    (folder / "script.py").write_text(SCRIPT)
    (folder / "my_kernel.py").write_text(gc.generate("gru", unroll=8))
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--config-file=",
        ".",
    ]
    cache = Path(__file__).parents[1] / ".mypy_cache" / "script"
    done = subprocess.run(
        [*command, "--cache-dir", str(cache), "--follow-imports=silent"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def test_mypy_accepts_what_is_right_and_nothing_else(said: str) -> None:
    found = dict(re.findall(r"^script\.py:(\d+): error: .*\[([\w-]+)\]$", said, re.M))
    assert said.count(": error: ") == len(found)
    lines = enumerate(SCRIPT.splitlines(), 1)
    wanted = {str(n): line.partition("  # ")[2] for n, line in lines if "  # " in line}
    assert found == wanted


@pytest.mark.parametrize("cell", ["gru", "lstm", "gru-d"])
@pytest.mark.parametrize("style", ["fast", "textbook"])
def test_kernels_have_all_of_their_type(cell: str, style: Any) -> None:
    kernel = gc.load(cell, style=style)
    assert isinstance(kernel, ModuleType)
    named = {*vars(Kernel), *KernelModule.__annotations__}
    public = {name for name in named if not name.startswith("_")}
    assert public <= {*vars(kernel)}
    assert {*kernel.__all__} - {"Constants", "Inputs", "State"} <= public
    for like, made in ((ResultLike, kernel.Result), (AllGradientsLike, kernel.AllGradients)):
        assert {*made._fields} == {name for name in vars(like) if not name.startswith("_")}
