"""Tables and pages from a run that has been through its file."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks import markdown, report
from benchmarks.goals import verdicts
from benchmarks.results import Results, read, read_generation, read_profiles, write
from tests.benchmarks.canned import GENERATION, PROFILES, entry, results

BEGIN, END = markdown.marks("benchmarks")
PROJECT = Path(markdown.__file__).parents[1]

TIMES = """
**gru, float32, one thread**: ms (multiple of the GEMM floor)

| T,B,D,H | 16,1,8,8 | 64,64,128,256 | rounds |
| --- | ---: | ---: | ---: |
| fast, unrolled, rows | 4.00 (3.00) | 45.0 (0.500) | 3 |
| fast, unrolled, columns | 3.00 (2.00) | 90.0 (1.00) | 3 |
| fast, any T, columns | 4.00 (3.00) | 99.0 (1.10) | 3 |
| GEMM floor | 1.00 | 90.0 | 3 |
| hand-written NumPy | 40.0 (20.0) | - | 3 |
| fast, any T, rows | - | 90.0 (1.00) | 3 |
"""

LAYOUTS = """
|  | dtype | 16,1,8,8 | 64,64,128,256 | rounds |
| --- | ---: | ---: | ---: | ---: |
| fast, unrolled, rows | float32 | 2.67 | **chosen** | 3 |
| fast, unrolled, columns (default) | float32 | **chosen** | 2.00 | 3 |
| fast, any T, rows | float32 | - | **chosen** | 3 |
| fast, any T, columns (default) | float32 | **chosen** | 1.10 | 3 |
"""


@pytest.fixture
def run(tmp_path: Path) -> Results:
    file = tmp_path / "new" / "race.json"
    write(results(), file)
    return read(file)


def printed(*tables: object) -> str:
    console = Console(width=report.terminal().width, color_system=None)
    with console.capture() as capture:
        console.print(*tables)
    return capture.get()


def test_a_file_holds_everything(run: Results, tmp_path: Path) -> None:
    assert run == results()
    write(GENERATION, tmp_path / "generation.json")
    assert read_generation(tmp_path / "generation.json") == GENERATION
    write(PROFILES, tmp_path / "profile.json")
    assert read_profiles(tmp_path / "profile.json") == PROFILES


def row(text: str, *words: str) -> list[str]:
    """The cells of the one line that has all the words."""
    (line,) = (line for line in text.splitlines() if all(word in line for word in words))
    cells = line.strip("|").split("|") if "|" in line else re.split(r"  +", line.strip())
    return [cell.strip() for cell in cells]


def test_table_of_a_race(run: Results) -> None:
    text = printed(report.race_table(run.races[0]))
    assert "gru, (T, B, D, H) = (16,1,8,8), float32, medians and quartiles of 3 rounds" in text
    # Of itself it is no share.
    assert row(text, "fast, unrolled, columns") == [
        *("fast, unrolled, columns", "1", "3.00", "2.50-3.50", "2.00", "2.00-2.50", "0.50", "2e-07")
    ]
    hand_written = row(text, "hand-written")
    assert hand_written[4:8] == ["0.100", "0.087-0.100", "20.0", "20.0-30.0"]
    assert "skipped: jax-scan, jax is not installed" in text


def test_table_of_goals(run: Results) -> None:
    text = printed(report.verdict_table(run))
    assert row(text, "16,1,8,8", "hand-written")[4:] == [
        *("0.2", "0.100", "0.087-0.100", "0.050", "-", "met")
    ]
    assert row(text, "fast@rows, 2 threads")[3:6] == ["fast@rows", "1", "1.11"]
    assert row(text, "fast@rows, 2 threads")[-1] == "missed"
    assert f"narrowly: {report.NARROWLY}" in text
    assert "a lower bound, not an estimate" in text


def test_who_takes_part_in_fewer_rounds(run: Results) -> None:
    race = replace(run.races[0], choosing=1)
    race.entries[4] = entry("hand-written", 20, 40)
    text = printed(report.race_table(race))
    assert "medians and quartiles of 2 or 3 rounds" in text
    # In the second round alone, columns having been chosen in the first.
    assert row(text, "hand-written")[2:8] == [
        *("30.0", "25.0-35.0", "0.100", "0.100-0.100", "20.0", "20.0-20.0")
    ]
    assert row(markdown.document(replace(run, races=[race])), "hand-written NumPy") == [
        *("hand-written NumPy", "30.0 (20.0)", "2")
    ]
    (verdict,) = (v for v in verdicts(replace(run, races=[race])) if v.peer == "hand-written")
    assert verdict.rounds == 1
    (layouts,) = (
        line
        for line in markdown.document(replace(run, races=[race])).splitlines()
        if line.startswith("| fast, unrolled, rows | float32")
    )
    assert layouts.endswith("| 2 |")  # the two that have not chosen


def test_a_table_has_only_who_ran_on_so_many_threads(run: Results) -> None:
    text = markdown.document(run)
    table = text.partition("**gru, float32, 2 threads**")[2].partition("**lstm")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines()[4:] if line] == [
        *("fast, unrolled, rows", "GEMM floor")
    ]


@pytest.mark.parametrize(
    ("counts", "text"), [((), "0"), ((3, 3), "3"), ((11, 3), "3 or 11"), ((17, 3, 11), "3-17")]
)
def test_rounds(counts: tuple[int, ...], text: str) -> None:
    assert report.rounds_of(counts) == text


def test_a_file_from_before_rounds_chose(tmp_path: Path) -> None:
    file = tmp_path / "race.json"
    write(results(), file)
    data = json.loads(file.read_text())
    for race in data["races"]:
        del race["choosing"]
    file.write_text(json.dumps(data))
    assert read(file) == results()


def test_table_of_imports(run: Results) -> None:
    text = printed(report.import_table(run))
    assert row(text, "first")[1:] == ["30.0", "45.0", "37.5-47.5", "missed"]
    assert row(text, "later")[1:] == ["2.00", "3.00", "2.50-3.50", "met"]


def test_page(run: Results) -> None:
    text = markdown.document(run, PROFILES, GENERATION)
    assert text.startswith(
        "The machine: abacus, 2 cores, Linux. Its vector instructions: `beads wires`. The BLAS of "
        "NumPy: fingers 10. Versions: numpy 2.0.0, python 3.10.1. Contenders on one thread had 1.00"
    )
    assert TIMES in text
    assert LAYOUTS in text
    assert "**Goals**, 4 of 7 met: " in text
    assert f"*Narrowly*: {report.NARROWLY}. " in text
    assert "a lower bound, not an estimate. The fastest does 100 Gflop/s" in text
    assert "**gru, float32, 2 threads**: ms (multiple of the GEMM floor)" in text
    assert "**lstm, float32, one thread**: ms\n" in text
    assert row(text, "lstm, 32,32,64,128")[3:] == [
        *("0.85", "0.800", "0.800-0.800", "3", "0.800", "0.537", "met")
    ]
    assert row(text, "2 threads", "64,64")[-1] == "**missed**"
    assert "first 45.0 ms (least 30.0), later 3.00 ms (least 2.00)." in text
    assert row(text, "| rows |", "10.0") == [
        *("16,1,8,8", "rows", "10.0", "5.00", "1.50", "30 %", "10 %", "45 %", "5 %", "10 %")
    ]
    assert row(text, "| any |") == ["any", "1.50", "20.0", "1.25", "12.0"]
    assert row(text, "| 64 |") == ["64", "3.00", "90.0", "-", "-"]


def test_in_short(run: Results) -> None:
    text = markdown.in_short(run)
    assert max(map(len, text.splitlines())) <= 100
    assert " ".join(text.split()) == (
        "These are times of the loss and all six gradients, in float32 on one thread, by the "
        "kernel tuned for its size. It takes 0.100 of the time of hand-written NumPy and 0.500 to "
        "2.00 of that of the matrix products alone. [docs/performance.md](docs/performance.md) has "
        "all sizes."
    )
    with pytest.raises(ValueError, match="no race of the GRU"):
        markdown.in_short(replace(run, races=run.races[2:]))


def test_by_size(run: Results) -> None:
    text = markdown.by_size(run)
    assert " ".join(text.split()).startswith(" ".join(markdown.sentences(run).split()))
    assert text.partition("\n\n")[2].splitlines() == [
        "| T,B,D,H | fastest layout | ms | / hand-written NumPy | / torch.nn.GRU | "
        "/ jitted JAX scan | / products alone |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 16,1,8,8 | columns | 3.00 | 0.100 | - | - | 2.00 |",
        "| 64,64,128,256 | rows | 45.0 | - | - | - | 0.500 |",
    ]


def test_a_sentence_has_two_peers_at_most(run: Results) -> None:
    small = run.races[0]
    others = [entry("torch-nn", 30, 60, 45), entry("jax-scan", 1, 2, 1.5)]
    races = [replace(small, entries=[*small.entries, *others])]
    *said, last = re.split(r"(?<=\.)\s", markdown.sentences(replace(run, races=races)))
    assert last == ""
    assert [each.count(" and ") for each in said[1:]] == [1, 1]


def test_pages_say_what_the_committed_results_say(tmp_path: Path) -> None:
    names = "docs/performance.md", "docs/performance_notes.md", "README.md"
    copies = [Path(shutil.copy(PROJECT / name, tmp_path)) for name in names]
    into = [word for copy in copies for word in ("--into", str(copy))]
    done = CliRunner().invoke(markdown.main, into)
    assert done.exit_code == 0, done.output
    for name, copy in zip(names, copies, strict=True):
        assert copy.read_text() == (PROJECT / name).read_text(), (
            f"{name} is not what the results say; python -m benchmarks.markdown --into {name}"
        )


def test_a_page_keeps_what_is_around_the_marks(tmp_path: Path) -> None:
    race, page = tmp_path / "race.json", tmp_path / "page.md"
    write(results(), race)
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    none = str(tmp_path / "none")
    command = ["--race", str(race), "--profile", none, "--generation", none, "--into", str(page)]
    for _ in range(2):  # again, and nothing changes
        done = CliRunner().invoke(markdown.main, command)
        assert (done.exit_code, done.output) == (0, "")
        text = page.read_text()
        assert text.startswith(f"before\n{BEGIN}\n\nThe machine: abacus")
        assert "**Where the time goes**" not in text
        assert text.endswith(f"\n{END}\nafter\n")
        assert "\nold" not in text
        assert text.count("abacus") == 1


@pytest.mark.parametrize(
    "text",
    [
        "no marks\n",
        f"{BEGIN}\n",
        f"{END}\n",
        f"{END}\n{BEGIN}\n",
        f"{BEGIN}\n{BEGIN}\n{END}\n",
    ],
)
def test_a_page_without_its_two_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    race, page = tmp_path / "race.json", tmp_path / "page.md"
    write(results(), race)
    page.write_text(text)
    done = CliRunner().invoke(markdown.main, ["--race", str(race), "--into", str(page)])
    assert done.exit_code == 1
    assert "expected one line <!-- benchmarks: begin -->" in done.output
    assert page.read_text() == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1234"), (45.67, "45.7"), (9.876, "9.88"), (0.06149, "0.061")],
)
def test_three_digits(value: float, text: str) -> None:
    assert report.significant(value) == text
