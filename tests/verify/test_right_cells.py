"""Right kernels of cells that are hard to check numerically: none is refused, none needs an option.

Overflow and poles at numbers of order one, gradients a thousandth of the loss, states that grow
chaotically, an output size that one weight alone has, and the gates of xLSTM.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from gru_codegen.verify import verify
from tests.shares import in_turn

CELLS = sorted(Path(__file__).with_name("cells").glob("*.toml"))
#: Every manner, loops and steps written out taking turns.
MANNERS: list[dict[str, Any]] = [
    {"style": "textbook"},
    {"style": "textbook", "unroll": 3},
    *({"layout": name, "unroll": 2 if number % 2 else None} for number, name in enumerate(LAYOUTS)),
]


def said(part: Any) -> str:
    return part.stem if isinstance(part, Path) else "-".join(map(str, part.values()))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the first arguments overflow for some
@pytest.mark.parametrize(("path", "manner"), in_turn(CELLS, MANNERS), ids=said)
def test_no_right_kernel_is_refused(path: Path, manner: dict[str, Any]) -> None:
    cell = load_cell(str(path))
    report = pipeline.check(gc.load(cell, **manner), cell)
    assert report, str(report)
    assert not any(check.inaccurate for check in report.checks), str(report)


@pytest.mark.parametrize(
    ("seed", "name"), in_turn(range(1, 6), ["exp_gates", "eps_small", "growth"])
)
def test_no_draw_refuses_it(seed: int, name: str) -> None:
    cell = load_cell(str(Path(__file__).with_name("cells") / f"{name}.toml"))
    report = pipeline.check(gc.load(cell, layout="rows"), cell, seed=seed)
    assert report, str(report)


def test_too_many_rows_past_a_length_are_seen_where_an_equation_compares() -> None:
    """A gate of xLSTM is 1 for every number of a small batch, as the fault makes all of them."""
    cell = load_cell(str(Path(__file__).with_name("cells") / "slstm.toml"))
    source = gc.generate(cell, unroll=2, layout="folded")
    old, new = "np.copyto(I__t, zero, where=ended_t)", "np.copyto(I__t, zero)"
    assert source.count(old) == 2
    report = verify(load_source(source.replace(old, new, 1), "kernel"))
    failed = {check.weight for check in report.checks if not check.passed}
    assert "lengths" in failed
