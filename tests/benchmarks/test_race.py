"""The commands, from their options to what they write."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import generation, race
from benchmarks.import_time import import_seconds
from benchmarks.results import read, read_generation
from benchmarks.sizes import DTYPES, Size
from gru_codegen.passes import DEFAULT_LAYOUT

TINY = ["--size", "2,1,3,2"]


def run(tmp_path: Path, *options: str) -> tuple[int, str, Path]:
    file = tmp_path / "race.json"
    done = CliRunner().invoke(race.main, [*TINY, *options, "--no-imports", "--output", str(file)])
    return done.exit_code, done.output, file


def test_a_race(tmp_path: Path) -> None:
    code, output, file = run(
        tmp_path,
        *("--contender", "fast", "--contender", "floor", "--threads", "1", "--rounds", "3"),
    )
    assert code == 0, output
    results = read(file)
    assert [(one.size, one.dtype) for one in results.races] == [
        *((Size(2, 1, 3, 2), "float32"), (Size(2, 1, 3, 2), "float64"))
    ]
    for one in results.races:
        assert [(e.contender, e.threads) for e in one.entries] == [("fast", 1), ("floor", 1)]
        assert all(len(e.seconds) == len(e.cpu) == 3 for e in one.entries)
    assert {"python", "numpy"} <= set(results.versions)
    assert results.default_layout == DEFAULT_LAYOUT
    assert {"processor", "vector", "blas"} <= set(results.machine)
    assert "fast, unrolled" in output


def test_who_does_not_run_everywhere(tmp_path: Path) -> None:
    code, output, file = run(
        tmp_path, *("--contender", "fast-any@rows", "--contender", "floor", "--rounds", "1")
    )
    assert code == 0, output
    ran = [(race.dtype, e.contender, e.threads) for race in read(file).races for e in race.entries]
    assert ran == [
        ("float32", "fast-any@rows", 1),
        *(("float32", "floor", threads) for threads in (1, 2)),
        *(("float64", "floor", threads) for threads in (1, 2)),
    ]


def test_who_fails_is_reported_at_the_end(tmp_path: Path) -> None:
    code, output, file = run(
        tmp_path,
        *("--contender", "fast@sideways", "--contender", "floor"),
        *("--threads", "1", "--rounds", "1", "--dtype", "float32"),
    )
    assert code == 1
    assert "fast@sideways failed at gru, (T, B, D, H) = (2,1,3,2), float32" in output
    assert [e.contender for e in read(file).races[0].entries] == ["floor"]


def test_who_is_wrong_is_not_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DTYPES, "float32", 1e-30)
    code, output, file = run(
        tmp_path, *("--contender", "floor", "--dtype", "float32", "--threads", "1")
    )
    assert code == 1
    assert "wrong: relative error" in output
    assert read(file).races[0].entries == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "1,2,3"], "four positive numbers"),
        (["--size", "1,2,3,0"], "four positive numbers"),
        (["--size", "a,b,c,d"], "four positive numbers"),
        (["--contender", "slow"], "there is no 'slow'; there are fast,"),
    ],
)
def test_bad_options(tmp_path: Path, options: list[str], message: str) -> None:
    code, output, _ = run(tmp_path, *options)
    assert code == 2
    assert message in " ".join(output.split())


def test_generation(tmp_path: Path) -> None:
    file = tmp_path / "generation.json"
    command = ["--style", "textbook", "--steps", "2", "--output", str(file)]
    done = CliRunner().invoke(generation.main, command)
    assert done.exit_code == 0, done.output
    (cost,) = read_generation(file)
    assert (cost.style, cost.unroll) == ("textbook", 2)
    committed = Path(generation.__file__).parents[1] / "generated" / "gru_t2_textbook.py"
    assert cost.bytes == committed.stat().st_size
    assert cost.cpu > 0


def test_import_time() -> None:
    seconds = import_seconds(2)
    assert list(seconds) == ["first", "later"]
    assert all(len(each) == 2 and min(each) > 0 for each in seconds.values())
