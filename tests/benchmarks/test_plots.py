"""Pictures: who is in them, and that black and white is enough to tell who is who."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.contenders import CONTENDERS
from benchmarks.results import write
from tests.benchmarks.canned import GENERATION, results

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt

from benchmarks import plots


@pytest.fixture
def drawn() -> Any:
    dtype, threads, races = next(plots.speed_groups(results()))
    figure = plots.draw_speed(dtype, threads, races)
    yield figure
    plt.close(figure)


def test_one_picture_for_each_dtype_and_number_of_threads() -> None:
    groups = list(plots.speed_groups(results()))
    assert [(dtype, threads) for dtype, threads, _ in groups] == [("float32", 1), ("float32", 2)]
    assert [race.cell for race in groups[0][2]] == ["gru", "gru"]


def test_everyone_is_in_the_legend(drawn: Any) -> None:
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        *("fast, unrolled", "fast, any T", "GEMM floor", "hand-written NumPy"),
        *("fast, unrolled, rows", "fast, any T, rows"),
    ]


def test_ratios_to_the_floor(drawn: Any) -> None:
    fast = drawn.axes[1].containers[0].lines[0]
    assert fast.get_ydata() == pytest.approx([2, 1])


def test_markers_tell_all_apart_without_colour() -> None:
    looks = [plots.look(name, 0) for name in CONTENDERS]
    assert len({look["marker"] for look in looks}) == len(CONTENDERS)


def test_the_command_draws_what_there_is(tmp_path: Path) -> None:
    write(GENERATION, tmp_path / "generation.json")
    done = CliRunner().invoke(plots.main, ["--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert [file.name for file in tmp_path.glob("*.png")] == ["generation.png"]
