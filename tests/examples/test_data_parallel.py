"""Workers give the gradients of one process, however the samples are shared out and who dies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from examples import shard
from examples.data_parallel import (
    CLASSES,
    FEATURES,
    STEPS,
    Workers,
    added,
    cluster,
    difference,
    sequences,
    shares,
    write_kernel,
)
from examples.shard import Batch
from gru_codegen.modules import load_file
from tests.examples.scripts import FOLDER, run, run_without

SAMPLES, HIDDEN = 50, 6


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The kernel and a training set of samples that count differently."""
    folder = tmp_path_factory.mktemp("parallel")
    weights = np.random.default_rng(1).uniform(size=(STEPS, SAMPLES))
    np.savez(folder / "set.npz", **sequences(SAMPLES)._replace(loss_weights=weights)._asdict())
    return write_kernel(folder), folder / "set.npz"


@pytest.fixture(scope="module")
def kernel(files: tuple[Path, Path]) -> ModuleType:
    return load_file(files[0])


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with cluster(2) as client:
        yield client


def params(kernel: ModuleType) -> Any:
    return kernel.init_params(FEATURES, HIDDEN, output_size=CLASSES, rng=0)


def alone(kernel: ModuleType, file: Path) -> Any:
    with np.load(file) as arrays:
        return shard.computed(kernel, Batch(**arrays), params(kernel))


def test_sequences_end_with_the_last_ink() -> None:
    """And the class is asked for at that step alone."""
    x, labels, lengths, weights = sequences(2000)
    assert x.shape == (STEPS, 2000, FEATURES)
    assert set(lengths) > {6, 7, 8}
    for sample in (0, 5, 1900):
        steps = np.arange(STEPS) >= lengths[sample]
        assert (x[steps, sample] == -1).all()
        assert (x[lengths[sample] - 1, sample] > -1).any()
    np.testing.assert_array_equal(weights.sum(axis=0), 1)
    np.testing.assert_array_equal(weights.argmax(axis=0), lengths - 1)
    np.testing.assert_array_equal(labels[:, 1797], labels[:, 0])


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_the_gradients_are_those_of_one_process(
    number: int, client: Any, files: tuple[Path, Path], kernel: ModuleType
) -> None:
    workers = Workers(client, *files, shares(SAMPLES, number))
    found = workers(params(kernel))
    assert difference(found, alone(kernel, files[1])) < 1e-12
    assert found[0] == pytest.approx(alone(kernel, files[1])[0], rel=1e-12)
    again = workers(params(kernel))
    assert difference(found, again) == 0


def test_a_share_whose_worker_dies_is_computed_again(
    client: Any, files: tuple[Path, Path], kernel: ModuleType
) -> None:
    """With one process the less nothing is lost, and the numbers are the same to the last digit."""
    workers = Workers(client, *files, shares(SAMPLES, 6))
    before = set(client.scheduler_info()["workers"])
    whole = workers(params(kernel))
    survived = workers(params(kernel), workers.kill_one)
    assert difference(survived, whole) == 0
    client.wait_for_workers(2)
    assert set(client.scheduler_info()["workers"]) - before  # one is new, and has the files too
    assert difference(workers(params(kernel)), whole) == 0


def test_shares_have_every_sample_once() -> None:
    cut = shares(10, 3)
    assert [len(share) for share in cut] == [4, 3, 3]
    np.testing.assert_array_equal(np.concatenate(cut), np.arange(10))


def test_gradients_add_up_weight_by_weight() -> None:
    loss, gradients = added([(1.0, [np.ones(2), np.ones(3)]), (2.0, [np.ones(2), 3 * np.ones(3)])])
    assert loss == 3
    np.testing.assert_array_equal(gradients[0], [2, 2])
    np.testing.assert_array_equal(gradients[1], [4, 4, 4])


def test_the_script_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    small = ("--samples", "60", "--hidden", "4", "--steps", "3", "--kill", "2")
    done = run(str(FOLDER / "data_parallel.py"), *small, "--output", str(tmp_path / "made"))
    assert (done.returncode, done.stderr) == (0, "")
    losses = re.findall(r"ms a step +loss ([\d.]+) to ([\d.]+)$", done.stdout, re.MULTILINE)
    assert len(losses) == 2
    assert np.array(losses, float)[0] == pytest.approx(np.array(losses, float)[1], rel=1e-12)
    assert float(losses[0][1]) < float(losses[0][0])


def test_without_dask_it_says_what_to_install() -> None:
    done = run_without("distributed", "data_parallel.py")
    assert done.returncode == 1
    assert done.stderr == (
        "distributed is not installed; in the project folder, run: pip install -e '.[parallel]'\n"
    )


def test_a_step_that_is_not_taken_kills_no_worker() -> None:
    done = run(str(FOLDER / "data_parallel.py"), "--steps", "3", "--kill", "4")
    assert done.returncode == 2
    assert "'--kill': there are 3 steps" in done.stderr
