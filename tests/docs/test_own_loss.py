"""What docs/own_loss.md shows is what comes out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import cli
from gru_codegen.losses import TARGETS, Loss
from gru_codegen.parse import load_loss
from gru_codegen.parse.loss import KEYS
from gru_codegen.pipeline import check

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own_loss.md").read_text(encoding="utf-8")
HOW_MANY = r"(?<=all )\d+(?= checks)"  # more with every check that is added


def blocks(language: str) -> list[str]:
    """The blocks between fences."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return found


def session(words: str) -> tuple[str, str]:
    """The command that has these words, and what is shown below it."""
    shown = re.findall(r"^    \$ gru-codegen (.*)\n((?:    (?!\$).*\n)+)", PAGE, re.M)
    [(command, output)] = [each for each in shown if words in each[0] + each[1]]
    return command, re.sub("^    ", "", output, flags=re.M)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the file of the page and the others that it names."""
    for name in re.findall(r"examples/(\w+\.toml)\)", PAGE):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    (declared,) = blocks("toml")
    (tmp_path / "pinball.toml").write_text(declared)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_files_are_the_examples() -> None:
    (declared,) = blocks("toml")
    assert declared == (ROOT / "examples" / "pinball.toml").read_text()
    excerpts = {
        "numbers = \\{ penalty": "poisson",
        "prediction = \\[": "gaussian_likelihood",
        'targets = "labels"\n    mean': "label_smoothing",
        'targets = "labels"\n    prediction': "activation_regularization",
        'targets = "fractions"': "distillation",
    }
    patterns = {name: rf'^    {first}.*?^    """$' for first, name in excerpts.items()}
    patterns["cosine"] = "^    LENGTHS = .*?$\n    COST = .*?$"
    for name, pattern in patterns.items():
        shown = re.search(pattern, PAGE, re.M | re.S)
        assert shown
        lines = re.sub("^    ", "", shown[0], flags=re.M)
        assert lines in (ROOT / "examples" / f"{name}.toml").read_text()


@pytest.mark.parametrize(
    "words", ["textbook", "garch.toml", "--readout linear", "--cell mean_and_variance.toml"]
)
def test_the_commands_say_so(words: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, shown = session(words)
    assert cli.main(command.split()) == 0
    said = capsys.readouterr().out
    assert re.sub(HOW_MANY, "N", said) == re.sub(HOW_MANY, "N", shown)


def test_the_kernel_reads_so() -> None:
    (shown,) = (block for block in blocks("python") if block.startswith(" "))
    loss = load_loss(str(ROOT / "examples" / "pinball.toml"))
    assert shown in gc.generate(gc.GRU, loss=loss, style="textbook")


def test_the_error_reads_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "pinball.toml"
    path.write_text(path.read_text().replace("Y - P", "Y - W"))
    command, shown = session("there is no name W")
    assert cli.main(command.split()) == 2
    assert capsys.readouterr().err == shown


@pytest.mark.parametrize("words", ["it reads 2 outputs", "it reads MEAN"])
def test_a_cell_with_other_outputs_is_refused_so(
    words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, shown = session(words)
    assert cli.main(command.split()) == 2
    assert capsys.readouterr().err == shown


def test_the_python_runs(folder: Path) -> None:
    for code in blocks("python"):
        if code.startswith(" "):
            continue
        known: dict[str, Any] = {}
        exec(code, known)
        assert ("kernel" in known) != ("LOGARITHMIC" in known)
        if "LOGARITHMIC" in known:
            loss: Loss = known["LOGARITHMIC"]
            assert check(gc.load(gc.cells["rnn"], loss=loss), gc.cells["rnn"], loss=loss)


def test_every_key_and_every_kind_of_targets_is_named() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.M)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(named) == sorted([*KEYS, *TARGETS])
