"""Completing what is typed: it learns, it streams, and its folder needs nothing but NumPy."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import gru_codegen as gc
from examples import characters, complete, completion
from examples.characters import BATCH, STEPS, Text
from tests.examples.scripts import FOLDER, WITHOUT

UPDATES = 120

# Runs a script where there are no packages but NumPy: python -c ALONE script arguments...
ALONE = """
import runpy, sys
class Absent:
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names | {"numpy", "kernel"}:
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)
sys.meta_path.insert(0, Absent)
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def text() -> Text:
    return characters.load_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a short training, and what the command has printed."""
    folder = tmp_path_factory.mktemp("completion") / "made" / "here"
    arguments = ["--updates", str(UPDATES), "--output", str(folder)]
    result = CliRunner().invoke(completion.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return folder, result.output


def completed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script of the folder, away from this project."""
    command = [sys.executable, "-I", "-c", ALONE, str(folder / "complete.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_short_training_beats_the_frequencies(made: tuple[Path, str]) -> None:
    lines = made[1].splitlines()
    frequency = float(lines[1].split()[-1])
    stages = [line.split() for line in lines[2:12]]
    assert [int(stage[1]) for stage in stages] == list(range(12, UPDATES + 1, 12))
    assert 4.5 < frequency < 5.1
    assert float(stages[-1][-1]) < frequency - 0.3
    assert float(stages[-1][-2]) < frequency - 0.3


def test_the_frequencies_are_counted_in_what_is_learned() -> None:
    """a thrice, b once: 2 - log2 3 and 2 bits; held out are both alike."""
    text = Text("ab", np.array([0, 0, 1, 0]), np.array([0, 1]))
    np.testing.assert_allclose(completion.by_frequency(text), 2 - np.log2(3) / 2)


def test_streaming_gives_what_the_whole_text_gives(made: tuple[Path, str], text: Text) -> None:
    completer = complete.Completer(made[0])
    typed = "The with statement"
    scores = np.stack([completer.read(character) for character in typed])
    kernel = gc.load("lstm", loss=completion.LOSS, **completion.KERNEL)
    params = kernel.params_from_npz(made[0] / "weights.npz")
    x = np.eye(len(text.alphabet), dtype=np.float32)[[[text.alphabet.index(c)] for c in typed]]
    outputs, _ = kernel.forward(params, x)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, outputs[:, 0], rtol=0, atol=1e-5)


def test_what_is_completed_is_read_on(made: tuple[Path, str]) -> None:
    """The likeliest next character, of all that is typed and completed before it."""
    completer = complete.Completer(made[0])
    added = "".join(completer.complete("for", 5))
    for count in range(5):
        again = complete.Completer(made[0])
        assert [*again.complete("for" + added[:count], 1)] == [added[count]]


def test_a_word_ends_where_its_letters_do(
    made: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The likeliest characters of an untrained network, as if they were these."""
    monkeypatch.setattr(complete, "__file__", str(made[0] / "complete.py"))
    monkeypatch.setattr(complete.Completer, "complete", lambda *_: iter("ator is"))
    monkeypatch.setattr(sys, "argv", ["complete.py", "a gener"])
    complete.main()
    assert capsys.readouterr().out == "a generator\n"


def test_at_temperature_1_characters_are_as_frequent_as_they_are_likely() -> None:
    class Fixed(complete.Completer):
        def __init__(self) -> None:
            self.alphabet = "abc"

        def read(self, character: str) -> Any:
            return np.log([0.5, 0.2, 0.3])

    drawn = [*Fixed().complete("a", 4000, 1)]
    shares = [drawn.count(character) / 4000 for character in "abc"]
    np.testing.assert_allclose(shares, [0.5, 0.2, 0.3], atol=0.04)
    assert drawn == [*Fixed().complete("a", 4000, 1)] != [*Fixed().complete("a", 4000, 1, seed=1)]
    assert {*Fixed().complete("a", 100)} == {"a"}


def test_the_folder_needs_nothing_but_numpy(made: tuple[Path, str], tmp_path: Path) -> None:
    names = {file.name for file in made[0].iterdir()} - {"__pycache__"}  # which importing makes
    assert names == {*complete.FILES, "complete.py"}
    folder = tmp_path / "elsewhere"
    shutil.copytree(made[0], folder)
    done = completed(folder, "for", "--characters", "30", "--temperature", "0.7")
    assert (done.returncode, done.stderr) == (0, "")
    expected = complete.Completer(folder).complete("for", 30, 0.7, seed=0)
    assert done.stdout == "for" + "".join(expected) + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], 'give the text to complete, as in: complete.py "a gener"'),
        ([""], 'give the text to complete, as in: complete.py "a gener"'),
        (["café ☕"], "'é☕': not in the text that was learned"),
        (["a", "--characters", "-1"], "--characters -1: give 0 or more"),
        (["a", "--temperature", "-1"], "--temperature -1: give a finite number, 0 or more"),
        (["a", "--temperature", "nan"], "--temperature nan: give a finite number, 0 or more"),
        (["a", "--temperature", "inf"], "--temperature inf: give a finite number, 0 or more"),
        (["a", "--seed", "-1"], "--seed -1: give 0 or more"),
        (["a", "--characters", "x"], "argument --characters: invalid int value: 'x'"),
    ],
)
def test_bad_input_is_one_line(made: tuple[Path, str], arguments: list[str], message: str) -> None:
    done = completed(made[0], *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"complete.py: {message}\n"


@pytest.mark.parametrize("name", complete.FILES)
def test_a_missing_file_is_one_line(made: tuple[Path, str], tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(made[0], tmp_path / "folder")
    (folder / name).unlink()
    done = completed(folder, "for")
    assert (done.returncode, done.stdout) == (2, "")
    missing = f"there is no {folder / name}; python examples/completion.py writes it"
    assert done.stderr == f"complete.py: {missing}\n"


def test_damaged_weights_are_one_line(made: tuple[Path, str], tmp_path: Path) -> None:
    folder = shutil.copytree(made[0], tmp_path / "folder")
    (folder / "weights.npz").write_bytes(b"no archive")
    done = completed(folder, "for")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"complete\.py: .*weights\.npz.*\n", done.stderr)


def test_ctrl_c_ends_a_completion_in_one_line(made: tuple[Path, str]) -> None:
    command = [sys.executable, str(made[0] / "complete.py"), "for", "--characters", "10000000"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.read(4).startswith("for")  # it is writing
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, "interrupted\n")


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no such signal")
def test_whoever_reads_may_stop(made: tuple[Path, str]) -> None:
    command = [sys.executable, str(made[0] / "complete.py"), "for", "--characters", "10000000"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.read(4).startswith("for")
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == -signal.SIGPIPE


def test_no_paragraph_is_both_learned_and_held_out() -> None:
    """Held out are the first topic and the eleventh, by name; white space is one blank."""
    topics = {f"topic {number:02}": f"P{number}.\n\nsame\n" for number in range(12)}
    topics["topic 00"] = "A  title\n*****\n\nOne“ two\n  three.\n\nsame\n"
    learned, held_out = characters.split(topics)
    assert held_out == "A title ***** One two three. same P10."
    assert learned == "P1. P2. P3. P4. P5. P6. P7. P8. P9. P11."


def test_the_text_is_the_documentation(text: Text) -> None:
    assert len(text.learned) > 200_000
    assert 0.03 < len(text.held_out) / len(text.learned) < 0.3
    assert text.alphabet == "".join(sorted(text.alphabet))
    assert 80 < len(text.alphabet) <= 95
    assert set(text.learned.tolist()) == set(range(len(text.alphabet)))
    said = "".join(text.alphabet[place] for place in text.learned)
    assert re.fullmatch("[ -~]+", said)
    assert " statement " in said


def test_windows_follow_each_other_and_the_next_character_is_the_target() -> None:
    labels = np.arange(BATCH * (2 * STEPS + 5) + 1) % 7
    found = [*characters.windows(labels, 7)]
    assert len(found) == 2
    x, y = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    assert x.shape == (2 * STEPS, BATCH, 7)
    assert x.dtype == np.float32
    places = labels[:-1].reshape(BATCH, -1).T[: 2 * STEPS]
    np.testing.assert_array_equal(x.argmax(axis=2), places)
    np.testing.assert_array_equal(x.sum(axis=2), 1)
    np.testing.assert_array_equal(y, (places + 1) % 7)


@pytest.fixture(scope="module")
def small() -> tuple[ModuleType, Any, Any]:
    """A kernel, weights for seven characters, and three windows of text."""
    kernel = gc.load("lstm", loss=completion.LOSS, **completion.KERNEL)
    params = kernel.init_params(7, 5, output_size=7, rng=0)
    labels = np.random.default_rng(0).integers(0, 7, BATCH * (3 * STEPS) + 1)
    return kernel, params, labels


def test_bits_are_the_loss_of_the_whole_text(small: tuple[ModuleType, Any, Any]) -> None:
    """The state goes on from window to window."""
    kernel, params, labels = small
    x, y = (np.concatenate(a) for a in zip(*characters.windows(labels, 7), strict=True))
    expected = kernel.loss(params, x, y) / np.log(2)
    np.testing.assert_allclose(characters.bits(kernel, params, labels), expected, rtol=1e-6)


def test_the_state_goes_on_and_starts_anew(small: tuple[ModuleType, Any, Any]) -> None:
    """Before the first update the second window has the loss that it has within the whole."""
    kernel, params, labels = small
    params = type(params)(*map(np.copy, params))
    begun, ended = [], []

    class Recording:
        Workspace = kernel.Workspace

        @staticmethod
        def loss_and_gradients(params: Any, x: Any, y: Any, s0: Any, *, workspace: Any) -> Any:
            result = kernel.loss_and_gradients(params, x, y, s0, workspace=workspace)
            begun.append(s0)
            ended.append(result.state)
            return result

    recording: Any = Recording
    losses = [*characters.train(recording, params, labels, 7)]
    assert len(losses) == len(begun) == 7
    for window in range(7):
        assert begun[window] is (ended[window - 1] if window % 3 else None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--updates", "0"], "0 is not in the range x>=1"),
        (["--seed", "-1"], "-1 is not in the range x>=0"),
        (["--output", __file__], "is a file"),
    ],
)
def test_bad_options_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(completion.main, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_kernel_that_fails_its_checks_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = gc.generate

    def spoiled(*arguments: Any, **options: Any) -> str:
        return generate(*arguments, **options).replace("np.tanh(", "np.sin(")

    monkeypatch.setattr(gc, "generate", spoiled)
    monkeypatch.setattr(gc, "load", lambda *_, **__: None)
    with pytest.raises(SystemExit, match=r"(?s)kernel\.py.*FAIL"):
        completion.make_kernels(tmp_path)


def test_numpy_is_all_that_the_script_asks_for() -> None:
    command = [sys.executable, "-c", WITHOUT, "numpy", str(FOLDER / "complete.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "numpy is not installed; run: pip install numpy\n"
