"""Kernels of cells drawn at random are proved, and agree with the interpreter in numbers.

    EXAMPLES=2000 pytest -m campaign tests/emit/test_random_cells.py -n 2

or `make fuzz` draws that many, other ones every time. One that fails becomes as small as it can in
five minutes, and is shown as the file that declares it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, seed, settings
from hypothesis import strategies as st

import gru_codegen as gc
from gru_codegen.compare import compare
from gru_codegen.ir import Option
from gru_codegen.lower import lower
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from gru_codegen.prove import prove
from gru_codegen.request import Request
from gru_codegen.stages import derived
from tests.emit.agreement import assert_all_agree
from tests.emit.programs_as_kernels import assert_agrees
from tests.emit.random_cells import Drawn, as_file, cells, random_cell

EXAMPLES = os.environ.get("EXAMPLES")
SHARDS = 10

SIZES = st.fixed_dictionaries({letter: st.integers(1, 5) for letter in "BDHKO"})
DTYPES = st.sampled_from([np.float64, np.float32, np.longdouble])
OPTIONS = st.sampled_from([(), ("lengths",), ("loss weights",), ("lengths", "loss weights")])
LOSSES = st.sampled_from(["l2", "l2-mean", "huber"])  # of any numbers
READOUTS = st.sampled_from(["none", "linear"])
MANNERS = st.sampled_from([{"style": "textbook"}, *({"layout": name} for name in LAYOUTS)])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what is drawn may well overflow
@pytest.mark.parametrize("number", range(int(os.environ.get("CELLS", "5"))))
def test_all_kernels_of_a_cell_agree(number: int) -> None:
    """Every layout and every unrolling."""
    assert_all_agree(random_cell(number), seed=number)


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_kernels_of_a_cell_agree(shard: int) -> None:
    """The textbook loop, another one, and one written out, each with all its entry points."""

    @settings(
        max_examples=int(EXAMPLES or 100) // SHARDS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cells(), LOSSES, READOUTS, st.integers(1, 4), SIZES, DTYPES, OPTIONS, MANNERS, MANNERS)
    def check(
        drawn: Drawn,
        loss: str,
        readout: str,
        steps: int,
        sizes: dict[str, int],
        dtype: Any,
        options: tuple[Option, ...],
        looped: dict[str, Any],
        unrolled: dict[str, Any],
    ) -> None:
        chosen: dict[str, Any] = {"loss": gc.losses[loss], "readout": readout}
        request = Request(drawn.cell, **chosen)
        program, whole = lower(derived(request)), request.complete
        reference = gc.load(drawn.cell, style="textbook", **chosen)
        for row in compare(reference, whole, chosen["loss"]):
            if "undefined here" in row.detail:  # it overflows, whoever computes it
                reject()
            assert row.passed, f"{row.weight}: {row.detail}"
        others = [gc.load(drawn.cell, **looped, **chosen)]
        others += [gc.load(drawn.cell, unroll=steps, **unrolled, **chosen)]
        for kernel in (reference, *others):
            proof = prove(kernel, whole, chosen["loss"], seed=steps)
            assert proof, proof.verdict
            assert_agrees(kernel, program, steps, options, sizes, dtype)

    check = check if EXAMPLES else seed(shard)(check)
    check()


@pytest.mark.parametrize("number", range(20))
def test_a_cell_is_shown_as_the_file_that_declares_it(number: int, tmp_path: Path) -> None:
    cell, file = random_cell(number), tmp_path / "cell.toml"
    file.write_text(as_file(cell))
    if "\n#" in file.read_text():
        pytest.skip("a state has a size of its own, which files cannot say")
    assert [e.expression for e in load_cell(str(file)).equations] == [
        e.expression for e in cell.equations
    ]
