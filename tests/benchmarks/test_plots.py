"""Pictures: who is in them, and that black and white is enough to tell who is who."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.contenders import EVERYONE
from benchmarks.results import write
from tests.benchmarks.canned import GENERATION, PROFILES, results

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
        *("fast, unrolled, rows", "fast, unrolled, columns", "GEMM floor", "hand-written NumPy"),
    ]


def test_ratios_to_the_floor(drawn: Any) -> None:
    columns = drawn.axes[1].containers[1].lines[0]
    assert columns.get_ydata() == pytest.approx([2, 1])


def test_markers_tell_all_apart_without_colour() -> None:
    assert len({plots.look(name)["marker"] for name in EVERYONE}) == len(EVERYONE)


def test_bars_are_as_high_as_the_ratio_to_the_floor() -> None:
    figure = plots.draw_profiles(PROFILES)
    (axes,) = figure.axes
    tops = [bar.get_y() + bar.get_height() for bar in axes.containers[-1]]
    assert tops == pytest.approx([5, 1])
    assert [bar.get_height() for bar in axes.containers[0]] == pytest.approx([1.5, 0.9])
    plt.close(figure)


def test_the_command_draws_what_there_is(tmp_path: Path) -> None:
    write(GENERATION, tmp_path / "generation.json")
    pictures = tmp_path / "new" / "pictures"
    done = CliRunner().invoke(plots.main, ["--folder", str(tmp_path), "--into", str(pictures)])
    assert done.exit_code == 0, done.output
    assert [file.name for file in pictures.iterdir()] == ["generation.png"]
