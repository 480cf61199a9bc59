"""The adding problem: gated units learn it, the tanh unit does not, and both can be seen early."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.figure
import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from examples import adding_problem
from examples.adding_problem import BASELINE, HIDDEN, STEPS, Run, sequences, train


@pytest.fixture(scope="module")
def kernels() -> dict[str, ModuleType]:
    return {kernel.CELL: kernel for kernel in adding_problem.make_kernels()}


@pytest.fixture(scope="module")
def runs(kernels: dict[str, ModuleType]) -> dict[str, Run]:
    """More updates than the gated units need, and some for the tanh unit."""
    updates = {"rnn": 600, "gru": 400, "lstm": 1000}
    return {cell: train(kernels[cell], 0.01, 1, updates[cell]) for cell in HIDDEN}


def test_gated_units_learn_it(runs: dict[str, Run]) -> None:
    for cell in ("gru", "lstm"):
        assert runs[cell].held_out_error < 0.1 * BASELINE


def test_the_tanh_unit_does_not(runs: dict[str, Run]) -> None:
    assert runs["rnn"].held_out_error > 0.9 * BASELINE
    assert runs["rnn"].right < 0.1


def test_the_gradient_reaches_back_through_gates_alone(
    kernels: dict[str, ModuleType], runs: dict[str, Run]
) -> None:
    for cell, run in runs.items():
        norms = adding_problem.influence(kernels[cell], run.params)
        assert norms.shape == (STEPS,)
        first, last = norms[:5].mean(), norms[-5:].mean()
        assert first > 0.1 * last if cell != "rnn" else first < 0.05 * last


def test_gates_do_not_carry_an_error_by_themselves_they_learn_to(
    kernels: dict[str, ModuleType], runs: dict[str, Run]
) -> None:
    for cell, run in runs.items():
        before, after = (
            adding_problem.terms(kernels[cell], params) for params in (run.start, run.params)
        )
        assert before.shape == (STEPS, STEPS)
        assert 1e-14 < before[-1, 0] < 1e-8
        assert after[-1, 0] > 0.1 if cell != "rnn" else after[-1, 0] < 1e-12
        np.testing.assert_allclose(np.diagonal(after), 1, rtol=1e-6)


def test_influence_is_the_derivative_of_the_answer(kernels: dict[str, ModuleType]) -> None:
    """Differences of the answers of the same 200 sequences, at one early and one late step."""
    kernel = kernels["gru"]
    params = kernel.init_params(2, 5, output_size=1, rng=0)
    x = sequences(200, np.random.default_rng(len(adding_problem.SEEDS)))[0].astype(float)

    def derivatives(step: int) -> NDArray[Any]:
        columns = []
        for feature in range(2):
            above, below = x.copy(), x.copy()
            above[step, :, feature] += 1e-5
            below[step, :, feature] -= 1e-5
            answers = [kernel.forward(params, moved)[0][-1, :, 0] for moved in (above, below)]
            columns.append((answers[0] - answers[1]) / 2e-5)
        return np.stack(columns, axis=1)

    norms = adding_problem.influence(kernel, params)
    for step in (STEPS - 5, STEPS - 1):
        expected = np.linalg.norm(derivatives(step), axis=1).mean()
        np.testing.assert_allclose(norms[step], expected, rtol=1e-6)


def test_the_sequences_are_the_problem() -> None:
    x, y = sequences(4000, np.random.default_rng(0))
    values, marks = x[:, :, 0], x[:, :, 1]
    assert x.dtype == y.dtype == np.float32
    assert (x.shape, y.shape) == ((50, 4000, 2), (50, 4000, 1))
    assert 0 <= values.min() < 0.001
    assert 0.999 < values.max() <= 1
    assert set(np.unique(marks)) == {0, 1}
    for half in (marks[:25], marks[25:]):
        np.testing.assert_array_equal(half.sum(axis=0), 1)
        assert half.sum(axis=1).min() > 100  # every step is marked at times
    assert np.isnan(y[:-1]).all()
    np.testing.assert_allclose(y[-1, :, 0], (values * marks).sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(np.mean((y[-1] - 1) ** 2), BASELINE, rtol=0.05)


def test_the_loss_is_the_mean_squared_error_of_the_answers(
    kernels: dict[str, ModuleType],
) -> None:
    x, y = sequences(32, np.random.default_rng(0))
    params = kernels["gru"].init_params(2, 5, output_size=1, rng=0, dtype=np.float32)
    loss = kernels["gru"].loss(params, x, y, loss_weights=adding_problem.LAST_STEP)
    answers = kernels["gru"].forward(params, x)[0][-1]
    np.testing.assert_allclose(loss, np.mean((answers - y[-1]) ** 2), rtol=1e-5)


def test_the_cells_have_equally_many_weights(kernels: dict[str, ModuleType]) -> None:
    counts = [
        sum(W.size for W in kernels[cell].init_params(2, HIDDEN[cell], output_size=1, rng=0))
        for cell in HIDDEN
    ]
    assert max(counts) < 1.03 * min(counts)


def test_the_seed_decides_everything(kernels: dict[str, ModuleType]) -> None:
    once, again, other = (train(kernels["rnn"], 0.01, seed, 50) for seed in (0, 0, 1))
    np.testing.assert_array_equal(once.errors, again.errors)
    assert once.held_out_error == again.held_out_error != other.held_out_error


def test_the_best_rate_is_that_of_the_smaller_median() -> None:
    def run(rate: float, error: float) -> Run:
        return Run("gru", rate, None, np.empty(0), error, 0)

    slow, fast = adding_problem.RATES
    runs = [run(slow, e) for e in (0.1, 0.2, 0.3)] + [run(fast, e) for e in (0.01, 0.15, 9)]
    assert [r.rate for r in adding_problem.best(runs, "gru")] == [fast] * 3


def test_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small: one seed, and so few updates that nothing is learned."""
    monkeypatch.setattr(adding_problem, "SEEDS", (0,))
    monkeypatch.setenv("COLUMNS", "100")
    drawn: list[dict[str, Any]] = []
    trained: list[Run] = []
    draw_terms, train_all = adding_problem.draw_terms, adding_problem.train_all

    def draw(panels: dict[str, Any], path: Path) -> None:
        drawn.append(panels)
        draw_terms(panels, path)

    def train(kernels: list[ModuleType], updates: int) -> list[Run]:
        trained.extend(train_all(kernels, updates))
        return trained

    monkeypatch.setattr(adding_problem, "draw_terms", draw)
    monkeypatch.setattr(adding_problem, "train_all", train)
    arguments = ["--updates", "60", "--output", str(tmp_path / "made" / "here")]
    result = CliRunner().invoke(adding_problem.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    for text in ("always answering 1: 0.167", "4,486", "4,599", "4,513"):
        assert text in result.output
    runs = [line for line in result.output.splitlines() if ", seed " in line]
    assert len(runs) == 6  # one as soon as it is done, where there is no bar of progress
    assert runs[0].startswith("rnn, rate 0.01, seed 0: error 0.")
    pixels = matplotlib.image.imread(tmp_path / "made" / "here" / "adding_problem.png")
    assert pixels.shape[0] >= 600
    assert pixels.shape[1] >= 1400
    assert pixels.std() > 0.05  # something is drawn
    assert "rnn: of the error of step 50 step 1 gets " in result.output
    panels = matplotlib.image.imread(tmp_path / "made" / "here" / "adding_problem_credit.png")
    assert panels.std() > 0.05
    for kernel in adding_problem.make_kernels():  # what is before training, and what after it
        run = adding_problem.best(trained, kernel.CELL)[0]
        assert not np.array_equal(run.start[0], run.params[0])
        for norms, params in zip(drawn[0][kernel.CELL], (run.start, run.params), strict=True):
            np.testing.assert_array_equal(norms, adding_problem.terms(kernel, params))


def test_a_panel_is_called_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Any] = []

    figure = matplotlib.figure.Figure

    def made(**options: Any) -> Any:
        figures.append(figure(**options))
        return figures[-1]

    monkeypatch.setattr(adding_problem, "Figure", made)
    before, after = np.full((3, 3), 0.25), np.full((3, 3), 0.5)
    adding_problem.draw_terms({"gru": (before, after), "rnn": (after, before)}, tmp_path / "p.png")
    titles = [each.get_title(loc="left") for each in figures[0].axes[:4]]
    assert [" ".join(title.split()[-3:]) for title in titles] == [
        "before: 0.25 left",
        "before: 0.50 left",
        "after: 0.50 left",
        "after: 0.25 left",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--updates", "49"], "49 is not in the range x>=50"), (["--output", __file__], "is a file")],
)
def test_bad_options_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(adding_problem.main, arguments)
    assert result.exit_code == 2
    assert message in result.output
