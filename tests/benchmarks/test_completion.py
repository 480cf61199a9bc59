"""The training of the completion by the kernel and by torch, and the page that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner

import gru_codegen as gc
from benchmarks import completion
from benchmarks.completion import Learned, Training, installed_bytes, read
from benchmarks.completion_page import DOCS, PICTURE, draw, text
from benchmarks.learner import LEARNERS, peak_megabytes
from benchmarks.markdown import marks
from benchmarks.results import RESULTS
from examples import completion as example
from examples.complete import FILES


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, float, str]]:
    """What both begin with; the kernels are checked elsewhere."""

    def unchecked(folder: Path) -> tuple[ModuleType, ModuleType]:
        source = gc.generate("lstm", only="forward", **example.KERNEL)
        (folder / FILES[0]).write_text(source)
        training = gc.load("lstm", loss=example.LOSS, **example.KERNEL)
        return training, training

    folder = tmp_path_factory.mktemp("completion")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example, "make_kernels", unchecked)
        yield folder, *completion.prepare(folder)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_process_learns_and_completes(prepared: tuple[Path, float, str], name: str) -> None:
    folder, by_frequency, streamed = prepared
    with completion.worker(name, folder, updates=12) as worker:
        if worker.skip:
            pytest.skip(worker.skip)
        before = worker.ask("bits")["bits"]
        seconds = [worker.ask("learn", updates=6)["cpu"] for _ in range(2)]
        after = worker.ask("bits")["bits"]
        assert worker.ask("learn", updates=6)["cpu"] < min(seconds) / 5  # all is learned
        assert worker.ask("save")["megabytes"] > 20
    np.testing.assert_allclose(before, np.log2(93), atol=0.05)  # Python 3.11 has 93 characters
    np.testing.assert_allclose(after, by_frequency, atol=0.3)
    with completion.worker(name, folder) as worker:
        answer = worker.ask("stream", text=streamed[:9])
    assert [len(character) for character in answer["likeliest"]] == [1] * 9
    assert 0 < answer["each"] < answer["first"]


def test_the_text_to_complete_is_held_out(prepared: tuple[Path, float, str]) -> None:
    folder, _, streamed = prepared
    places = np.load(folder / "held_out.npy")[: completion.STREAMED]
    alphabet = (folder / FILES[2]).read_text(encoding="utf-8")
    assert [alphabet.index(character) for character in streamed] == places.tolist()


def test_what_is_alike_is_counted() -> None:
    assert completion.alike("abca", "bbc") == 2 / 3


def test_the_size_has_what_is_required() -> None:
    """matplotlib requires NumPy, which requires nothing."""
    alone = sum(
        Path(str(file.locate())).stat().st_size for file in distribution("numpy").files or ()
    )
    assert installed_bytes("numpy") == alone
    assert installed_bytes("matplotlib") > 1.2 * alone
    assert installed_bytes("no-such-package") == 0


def test_the_peak_memory_of_a_process_grows() -> None:
    before = peak_megabytes()
    if before is None:
        pytest.skip("no /proc")
    np.ones(40_000_000)
    after = peak_megabytes()
    assert after is not None
    assert after > 300


def canned() -> Training:
    """Two turns of 100 updates; torch takes twice the time."""
    kernel = Learned([3, 4], [1, 2], [6.5, 2.5], 60, 30, 0.1, 4e-5, 70_000_000, 0.5)
    torch = Learned([3, 4], [2, 4], [6.5, 2.25], None, 240, 1.2, 2e-4, 865_400_000, 0.5625)
    machine = {"processor": "one", "blas": "BLAS 1"}
    versions = {"numpy": "2.0", "torch": "2.1"}
    learned = {"kernel": kernel, "torch": torch}
    return Training(machine, versions, 100, 4.8, 0.9731, learned)


def test_the_table() -> None:
    said, _, table = text(canned()).partition("\n\n")
    said = said.replace("\n", " ")
    assert "200 updates on one thread" in said
    assert "the processor one" in said
    assert "after 97.3% of the characters" in said
    assert "takes 4.80 bits" in said
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert rows[0] == ["", "gru_codegen", "torch.nn.LSTM"]
    assert rows[2:] == [
        ["bits per held-out character", "2.500", "2.250"],
        ["next character right", "50.0%", "56.2%"],
        ["CPU time of an update, ms", "15.0", "30.0"],
        ["CPU time to the first character, s", "0.100", "1.20"],
        ["CPU time of a further character, ms", "0.040", "0.200"],
        ["peak memory of training, MB", "60", "not measured"],
        ["peak memory of completing, MB", "30", "240"],
        ["installed, MB", "70", "865"],
    ]


def test_the_page_is_that_of_the_results() -> None:
    """If it is not: python -m benchmarks.completion_page."""
    page = (DOCS / "real_work.md").read_text(encoding="utf-8")
    begin, end = marks("completion")
    made = text(read(RESULTS / "completion.json"))
    assert page.partition(begin)[2].partition(end)[0] == f"\n\n{made}\n"


def test_the_picture(tmp_path: Path) -> None:
    draw(canned(), tmp_path / "drawn.png")
    drawn = matplotlib.image.imread(tmp_path / "drawn.png")
    assert drawn.std() > 0.05
    assert drawn.shape == matplotlib.image.imread(PICTURE).shape


def test_results_are_read_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "measure", lambda updates, turns: canned())
    monkeypatch.setattr(completion, "destination", lambda file: tmp_path / "made" / file)
    result = CliRunner().invoke(completion.main, catch_exceptions=False)
    assert result.exit_code == 0
    file = tmp_path / "made" / "completion.json"
    assert read(file) == canned()
    assert json.loads(file.read_text())["by_frequency"] == 4.8
    assert "kernel   2.500 bits a character, 7.0 s" in result.output


def test_updates_that_make_no_whole_turns_are_refused() -> None:
    result = CliRunner().invoke(completion.main, ["--updates", "41", "--turns", "4"])
    assert result.exit_code == 2
    assert "41 updates are no whole number in each of 4 turns" in result.output
