"""`generate --layout` and `generate --tune`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import tune
from gru_codegen.cli.commands import THREADS
from gru_codegen.passes import DEFAULT_LAYOUT, LAYOUTS, Layout
from gru_codegen.request import Request
from gru_codegen.tune import Timing
from tests.cli.running import Outcome, Run, files, on_terminal, recorded, refused, stop


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_generated_and_recorded(layout: Layout, run: Run, folder: Path) -> None:
    outcome = run("generate", "--cell", "lstm", "--unroll", "2", "--layout", layout)
    assert (outcome.status, outcome.err) == (0, "")
    path = Path(f"generated/lstm_t2{suffix(layout)}.py")
    source = path.read_text()
    assert source == gc.generate(gc.cells["lstm"], unroll=2, layout=layout)
    assert f'\nLAYOUT = "{layout}"\n' in source
    again = recorded(source)
    assert ("--layout" in again) == (layout != DEFAULT_LAYOUT)
    assert run(*again, "--check", "--no-verify") == Outcome(
        0, f"{path} is what would be generated\n", ""
    )


def suffix(layout: str) -> str:
    """What the name of a file says of the layout: nothing if it is the default."""
    return "" if layout == DEFAULT_LAYOUT else f"_{layout}"


@pytest.mark.parametrize("best", LAYOUTS)
def test_the_fastest_layout_is_taken_said_and_recorded(
    best: Layout, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[Layout, float] = {layout: 1.5e-4 if layout == best else 2e-3 for layout in LAYOUTS}
    asked: list[object] = []

    def timings(request: Request, sizes: object, **options: object) -> list[Timing]:
        asked.append((request.cell, sizes, request.unroll, request.readout))
        return [Timing(*each) for each in found.items()]

    monkeypatch.setattr(tune, "timings", timings)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    outcome = run("generate", "--tune", "4, 5,6", "--readout", "linear", "--no-verify")
    source = gc.generate(gc.GRU, readout="linear", layout=best)
    assert outcome.status == 0
    times = ", ".join(f"{each} {'150 us' if each == best else '2 ms'}" for each in LAYOUTS)
    at = "T=32, B=4, D=5, H=6, float32"
    assert outcome.err == f"{best} is the fastest layout at {at}: {times}\n"
    path = Path(f"generated/gru_linear{suffix(best)}.py")
    assert outcome.out.startswith(f"wrote {path}: ")
    assert path.read_text() == source
    assert asked == [(gc.GRU, (32, 4, 5, 6), None, "linear")]
    # The recorded command makes the same bytes again without timing anything.
    again = recorded(source)
    assert "--tune" not in again
    monkeypatch.setattr(tune, "timings", stop(AssertionError("it was timed")))
    assert run(*again, "--check", "--no-verify").status == 0


def test_near_ties_and_threads_that_nobody_chose_are_told(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {"rows": 1.04e-4, "blocked": 1.06e-4, "columns": 1e-4, "folded": 1.02e-4}
    found = [Timing(layout, seconds[layout]) for layout in LAYOUTS]
    monkeypatch.setattr(tune, "timings", lambda *_, **__: found)
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    command = ("generate", "--tune", "4,5,6", "--no-verify")
    first, *others = run(*command).err.splitlines()
    assert first.startswith("columns is the fastest layout at ")
    assert others == [
        "rows and folded took no more than 5% longer: a near tie",
        "timed with BLAS's default number of threads; for one thread: "
        "OMP_NUM_THREADS=1 gru-codegen ...",
    ]
    for name in THREADS:
        monkeypatch.setenv(name, "2")
        assert run(*command).err.splitlines() == [first, others[0]]
        monkeypatch.delenv(name)


def test_standard_output_has_the_kernel_alone(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    outcome = run("generate", "--unroll", "2", "--tune", "2,3,4", "--output", "-", "--no-verify")
    said = re.fullmatch(
        r"(\w+) is the fastest layout at T=2, B=2, D=3, H=4, float32: "
        r"rows \S+ [mu]s, blocked \S+ [mu]s, columns \S+ [mu]s, folded \S+ [mu]s\n"
        r"(.* took no more than 5% longer: a near tie\n)?",
        outcome.err,
    )
    assert said is not None
    layout: Layout = said[1]  # type: ignore[assignment]
    assert outcome.out == gc.generate(gc.GRU, unroll=2, layout=layout)
    assert files(folder) == set()


def test_a_cell_whose_sizes_are_equal_can_be_tuned(run: Run, folder: Path) -> None:
    outcome = run("generate", "--cell", "sru", "--unroll", "1", "--tune", "2,3,3", "--no-verify")
    assert outcome.status == 0
    assert " layout at T=1, B=2, D=3, H=3, float32: " in outcome.err
    assert files(folder) <= {f"generated/sru_t1{suffix(layout)}.py" for layout in LAYOUTS}


def test_sizes_that_do_not_fit_in_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "timings", stop(MemoryError()))
    assert refused(run("generate", "--tune", "99999,99999,99999")) == (
        "--tune: out of memory; give smaller sizes, or fewer time steps"
    )


def test_the_bar_has_gone_when_a_terminal_shows_the_times() -> None:
    arguments = ("generate", "--unroll", "1", "--tune", "2,3,4", "--no-verify", "--output", "k.py")
    status, shown, _ = on_terminal(*arguments, also_stdout=True)
    assert status == 0
    before, said, after = shown.decode().rpartition(" is the fastest layout at ")
    assert said
    line = re.split(r"\x1b\[2K|\n", before)[-1]
    assert line.strip("\r") in LAYOUTS
    bars = [part for part in after.split("\x1b[2K") if "━" in part]
    assert "timing layouts" not in after
    assert not bars or after.rindex("\x1b[2K") > after.rindex("━")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("my-kernel.py", "can write; my_kernel.py has one"),
        ("2.py", "can write; k_2.py has one"),
        ("class.py", "can write; k_class.py has one"),
        ("my_kernel.py", None),
        ("kernel.txt", "finds; one that ends in .py is found"),
        ("/dev/null", None),
    ],
)
def test_a_name_that_cannot_be_imported_is_told(
    path: str, why: str | None, run: Run, folder: Path
) -> None:
    outcome = run("generate", "--unroll", "1", "--no-verify", "--output", path)
    assert outcome.status == 0
    assert Path(path).exists()
    assert outcome.err == ("" if why is None else f"{path} has a name that no import {why}\n")
