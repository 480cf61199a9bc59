"""The demo trains through the file that it generates, and gets the digits right."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner

import gru_codegen as gc
from examples import digits
from tests.examples.scripts import FOLDER, run

CODES, SCORES = digits.TASKS["none"], digits.TASKS["linear"]


@pytest.fixture(scope="module")
def kernel() -> ModuleType:
    return gc.load(gc.GRU, unroll=digits.STEPS)


@pytest.mark.parametrize(("readout", "promised"), [("none", 93), ("linear", 98)])
def test_the_whole_demo(readout: str, promised: float, tmp_path: Path) -> None:
    """Above the 88 % and the 97 % promised, in less CPU time than the 20 s promised."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    folder = tmp_path / "made" / "here"
    done = run(str(FOLDER / "digits.py"), "--readout", readout, "--output", str(folder))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 20

    [accuracy] = re.findall(r"^([\d.]+)% of 360 held-out images", done.stdout, re.MULTILINE)
    assert float(accuracy) >= promised
    assert not re.search("\x1b|Training", done.stdout)  # in a pipe no bar, but a few lines
    assert 5 <= len(done.stdout.splitlines()) <= 12

    task = digits.TASKS[readout]
    assert (folder / task.file).read_text(encoding="utf-8") == digits.source(task)
    pixels = matplotlib.image.imread(folder / task.picture)
    assert pixels.shape[0] >= 600
    assert pixels.shape[1] >= 800
    assert pixels.std() > 0.05  # something is drawn


def test_without_options_the_states_are_the_codes() -> None:
    [readout] = [option for option in digits.main.params if option.name == "readout"]
    assert readout.default == "none"


def test_it_trains_through_the_generated_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the file is what runs: edit what is generated, and the edit is there."""
    source = gc.generate(gc.GRU, unroll=8) + "\nMARK = 'from the file'\n"
    monkeypatch.setattr(gc, "generate", lambda *_, **__: source)
    kernel = digits.make_kernel(tmp_path / "gru_t8.py", CODES)
    assert kernel.MARK == "from the file"
    assert kernel.__file__ == str(tmp_path / "gru_t8.py")


def test_a_kernel_that_fails_its_checks_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = gc.generate(gc.GRU, unroll=8) + (
        "\nright = loss_and_gradients\n"
        "def loss_and_gradients(*args, **kwargs):\n"
        "    loss, gradients, state = right(*args, **kwargs)\n"
        "    return Result(loss, gradients._replace(Wz=-gradients.Wz), state)\n"
    )
    monkeypatch.setattr(gc, "generate", lambda *_, **__: spoiled)
    with pytest.raises(SystemExit, match=r"(?s)gru_t8\.py.*Wz.*FAIL"):
        digits.make_kernel(tmp_path / "gru_t8.py", CODES)


def test_the_split() -> None:
    train_set, test_set = digits.load_images()
    assert train_set.x.shape == (8, 1437, 8)
    assert test_set.x.shape == (8, 360, 8)
    both = np.concatenate([train_set.x, test_set.x], axis=1)
    assert both.dtype == np.float32
    assert (both.min(), both.max()) == (-1, 1)
    for images in (train_set, test_set):
        share = np.bincount(images.labels) / len(images.labels)
        np.testing.assert_allclose(share, 0.1, atol=0.005)
    # Time step t is column t: a one is dark down the middle, from its first row to its last.
    one = train_set.x[:, train_set.labels == 1].mean(axis=1)
    assert one[3:5].mean() > 0.5 > -0.9 > one[[0, 7]].mean()


def test_the_codes_are_equally_far_apart() -> None:
    codes = digits.class_codes()
    assert codes.shape == (10, 32)
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(np.abs(codes), np.float32(0.8))
    different = (codes[:, None] != codes).sum(axis=2)
    np.testing.assert_array_equal(different, 16 * (1 - np.eye(10)))


def test_the_targets_are_the_code_at_every_step() -> None:
    y = CODES.targets(np.array([3, 9]))
    assert y.shape == (8, 2, 32)
    for step in y:
        np.testing.assert_array_equal(step, digits.class_codes()[[3, 9]])


def test_scores_have_the_label_for_a_target() -> None:
    y = SCORES.targets(np.array([3, 9]))
    np.testing.assert_array_equal(y, [[3, 9]] * 8)


def test_scores_count_at_the_last_step_alone() -> None:
    assert SCORES.loss_weights is not None
    np.testing.assert_array_equal(SCORES.loss_weights, [0, 0, 0, 0, 0, 0, 0, 1])
    assert CODES.loss_weights is None


def test_the_highest_score_is_the_answer() -> None:
    outputs = np.random.default_rng(0).standard_normal((8, 50, 10))
    np.testing.assert_array_equal(SCORES.answers(outputs), outputs[-1].argmax(axis=1))


def test_the_nearest_code_is_the_answer() -> None:
    codes = digits.class_codes()
    outputs = np.zeros((8, 4, 32))
    outputs[-1] = codes[[0, 5, 7, 9]] * 0.1
    outputs[-1, 3] *= -1  # as far from code 9 as can be
    kernel: Any = SimpleNamespace(forward=lambda params, x: (outputs, None))
    images = digits.Images(np.empty((8, 4, 8)), np.array([0, 5, 7, 9]))
    assert digits.accuracy(kernel, CODES, None, images) == 0.75


def test_the_seed_decides_everything(kernel: ModuleType) -> None:
    def history(seed: int) -> list[digits.Epoch]:
        return list(digits.train(kernel, CODES, *digits.load_images(), epochs=2, seed=seed))

    assert history(7) == history(7)
    assert history(7) != history(8)


def test_the_training_images_are_not_changed(kernel: ModuleType) -> None:
    """The noise goes into a copy: otherwise it would add up from epoch to epoch."""
    train_set, test_set = digits.load_images()
    before = train_set.x.copy()
    list(digits.train(kernel, CODES, train_set, test_set, epochs=1, seed=0))
    np.testing.assert_array_equal(train_set.x, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "0 is not in the range x>=1"),
        (["--readout", "softmax"], "'softmax' is not one of 'none', 'linear'"),
        (["--seed", "-1"], "-1 is not in the range x>=0"),
        (["--output", __file__], "is a file"),
    ],
)
def test_bad_options_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(digits.main, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(digits.main, ["--output", str(tmp_path / "file" / "folder")])
    assert result.exit_code == 1
    assert "file/folder': Not a directory" in result.output
