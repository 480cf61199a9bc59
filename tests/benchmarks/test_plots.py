"""Pictures: who is in them, and that black and white is enough to tell who is who."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.contenders import EVERYONE
from benchmarks.results import Race, write
from benchmarks.sizes import LAYOUTS, SIZES
from tests.benchmarks.canned import GENERATION, PROFILES, entry, results

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt

from benchmarks import plots
from benchmarks.overview import draw_overview

COLUMNS = "fast, unrolled, columns (3)"


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


def test_everyone_has_a_row_with_the_rounds(drawn: Any) -> None:
    labels = [label.get_text() for label in drawn.axes[1].get_yticklabels()]
    assert len(labels) == len(plots.DRAWN)
    assert labels[:3] == ["fast, unrolled, rows (3)", "fast, unrolled, blocked", COLUMNS]


def test_rounds_are_those_that_the_ratios_are_of() -> None:
    figure = plots.draw_speed("float32", 1, [race_with_a_short_floor()])
    assert figure.axes[1].get_yticklabels()[0].get_text() == "fast, unrolled, rows (2)"
    plt.close(figure)


def race_with_a_short_floor() -> Race:
    entries = [entry("fast@rows", 3, 5, 4), entry("floor", 1, 2)]
    return Race("gru", SIZES[0], "float32", entries)


def test_lines_are_named_where_they_begin(drawn: Any) -> None:
    assert {text.get_text() for text in drawn.axes[0].texts} == {
        *("fast, unrolled, rows", "fast, unrolled, columns", "hand-written NumPy", "GEMM floor")
    }


def test_ratios_to_the_floor(drawn: Any) -> None:
    row = plots.DRAWN.index("fast@columns")
    for axes, ratio in zip(drawn.axes[1:], (2, 1), strict=True):
        (bar,) = (bar for bar in axes.containers if list(bar.lines[0].get_ydata()) == [row])
        assert bar.lines[0].get_xdata() == pytest.approx([ratio])


def test_who_was_not_measured_or_is_too_far_away_is_written() -> None:
    races = results().races[:2]
    races[1].entries.append(entry("torch-nn", 900, 900, 900))
    figure = plots.draw_speed("float32", 1, races)
    written = {
        plots.DRAWN[round(text.get_position()[1])]: text.get_text() for text in figure.axes[2].texts
    }
    assert written["torch-nn"] == "10.0 \u2192"
    assert written["fast@blocked"] == "not measured"
    assert "fast@rows" not in written
    plt.close(figure)


def test_labels_keep_their_distance_and_order() -> None:
    placed = plots.spaced([0.0, 0.1, 3.0, 0.05, 1.2], 1.0)
    assert placed == pytest.approx([-1.1625, 0.8375, 3.0, -0.1625, 1.8375])
    assert plots.spaced([5.0, 1.0], 1.0) == [5.0, 1.0]


def test_looks_tell_all_apart_without_colour() -> None:
    assert len({plots.look(name)["marker"] for name in plots.DRAWN}) == len(plots.DRAWN)
    kernels = {one.partition("@")[0] for one in EVERYONE if "-any" not in one}
    assert {name.partition("@")[0] for name in plots.DRAWN} == kernels
    assert {f"fast@{layout}" for layout in LAYOUTS} < set(plots.DRAWN)


def test_bars_are_as_high_as_the_ratio_to_the_floor() -> None:
    figure = plots.draw_profiles(PROFILES)
    for axes, whole, products in zip(figure.axes, (5, 1), (1.5, 0.9), strict=True):
        (last,), (first,) = axes.containers[-1], axes.containers[0]
        assert last.get_y() + last.get_height() == pytest.approx(whole)
        assert first.get_height() == pytest.approx(products)
        assert axes.texts[0].get_text() == f"{whole:.2f}"
    plt.close(figure)


def test_loops_stand_beside_the_steps_written_out() -> None:
    figure = plots.draw_generation(GENERATION)
    for axes, heights in zip(figure.axes, ((1.5, 1.25), (20, 12)), strict=True):
        loops, steps = axes.lines[0:4:2], axes.lines[1:4:2]
        assert [loop.get_ydata()[0] for loop in loops] == pytest.approx(heights)
        assert [list(line.get_xdata()) for line in steps] == [[1, 64], [1]]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["fast", "textbook"]
    plt.close(figure)


def test_the_command_draws_what_there_is(tmp_path: Path) -> None:
    write(GENERATION, tmp_path / "generation.json")
    pictures = tmp_path / "new" / "pictures"
    done = CliRunner().invoke(plots.main, ["--folder", str(tmp_path), "--into", str(pictures)])
    assert done.exit_code == 0, done.output
    assert [file.name for file in pictures.iterdir()] == ["generation.png"]


def test_bars_of_the_overview_are_as_long_as_ratios_to_the_kernel_say() -> None:
    _, _, races = next(plots.speed_groups(results()))
    figure = draw_overview(races)
    first, second = figure.axes
    assert first.get_yticklabels()[0].get_text() == "gru_codegen"
    # columns are the fastest at the first size, 3 ms; the floor is half of that in two of 3 rounds
    assert [bar.get_width() for bar in first.patches] == pytest.approx([3, 30, 0, 0, 1.5])
    assert [text.get_text().strip() for text in first.texts][2:4] == ["not measured"] * 2
    assert second.patches[0].get_width() == pytest.approx(45)
    plt.close(figure)
