"""Kernels with losses of one's own: right, checked as any other, made again by their header."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Trace

import gru_codegen as gc
from gru_codegen import cli
from gru_codegen.cell import B, Equation, hadamard, matrix, ones
from gru_codegen.certificate import content_of
from gru_codegen.certificate.declaration import data_of, loss_of
from gru_codegen.compare import definition_of
from gru_codegen.losses import O
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell, load_loss
from gru_codegen.pipeline import check
from gru_codegen.prove import prove
from gru_codegen.request import Request, complete
from gru_codegen.rows import layer_norm, row_max, row_mean, softmax
from gru_codegen.verify import targets
from gru_codegen.verify.configuration import mapped
from tests.faults.mutation import mutants, shapes_in
from tests.shares import in_turn

EXAMPLES = Path(__file__).parents[1] / "examples"
PINBALL, QUASI, POISSON, GAUSSIAN, SMOOTHED, DISTILLED, COSINE, REGULARIZED = (
    load_loss(str(EXAMPLES / f"{name}.toml"))
    for name in (
        *("pinball", "quasi_likelihood", "poisson", "gaussian_likelihood"),
        *("label_smoothing", "distillation", "cosine", "activation_regularization"),
    )
)
GARCH, TWO, UNLIKE = (
    load_cell(str(EXAMPLES / f"{name}.toml"))
    for name in ("garch", "mean_and_variance", "logits_and_state")
)
LEVEL = 0.9
P, Y, E, M, N, K = (matrix(name, B, O) for name in ("P", "Y", "E", "M", "N", "K"))
G = matrix("G", B, 1)
#: A softmax, means, the largest number of each row and layer normalisation, in a loss of Python's.
ROWS = gc.Loss(
    name="rows",
    title="cost of rows",
    prediction=P,
    target=Y,
    equations=(
        Equation(E, softmax(P) - Y),
        Equation(M, P - row_mean(P) * ones(1, O)),
        Equation(N, layer_norm(P, 2 * ones(B, O), Y)),
        Equation(G, row_max(P)),
        Equation(K, hadamard(E, E) + hadamard(M, M) + hadamard(N, N) + G * ones(1, O)),
    ),
    cost=Trace(ones(O, B) * K),
)


def softmax_of(rows: Any) -> Any:
    exponentials = np.exp(rows)
    return exponentials / exponentials.sum(-1, keepdims=True)


def mean_of(rows: Any) -> Any:
    return rows.mean(-1, keepdims=True)


def deviation_of(rows: Any) -> Any:
    return np.sqrt(mean_of((rows - mean_of(rows)) ** 2) + 1e-5)


def cost_of_rows(o: Any, y: Any) -> Any:
    centred = o - mean_of(o)
    normal = 2 * centred / deviation_of(o) + y
    return (softmax_of(o) - y) ** 2 + centred**2 + normal**2 + o.max(-1, keepdims=True)


def slope_of_rows(o: Any, y: Any) -> Any:
    shares, centred, d = softmax_of(o), o - mean_of(o), deviation_of(o)
    error, normal = shares - y, 2 * (2 * centred / d + y)
    of_softmax = 2 * shares * (error - (error * shares).sum(-1, keepdims=True))
    of_normal = 2 / d * (normal - mean_of(normal) - centred * mean_of(normal * centred) / d**2)
    largest = o.shape[-1] * (o == o.max(-1, keepdims=True))
    return of_softmax + 2 * centred + of_normal + largest


def smoothed(o: Any, y: Any) -> Any:
    return 0.9 * y + 0.1 / o.shape[-1]


def cosine_of(o: Any, y: Any) -> Any:
    """The products of rows, and the root of their lengths."""
    products, lengths = (o * y).sum(-1, keepdims=True), (o * o).sum(-1) * (y * y).sum(-1)
    return products, np.sqrt(lengths + 0.001)[..., None]


def slope_of_cosine(o: Any, y: Any) -> Any:
    products, root = cosine_of(o, y)
    return products * o * (y * y).sum(-1, keepdims=True) / root**3 - y / root


#: A cell with each loss, and the derivative of the cost of each number by the prediction, or by
#: several.
TRUTHS: dict[str, tuple[Any, Any, str, Any]] = {
    "pinball": (gc.GRU, PINBALL, "none", lambda o, y: np.where(y > o, -LEVEL, 1 - LEVEL)),
    "quasi-likelihood": (GARCH, QUASI, "none", lambda o, y: (1 / o - (y / o) ** 2) / 2),
    "poisson": (gc.cells["lstm"], POISSON, "linear", lambda o, y: np.exp(o) - y + o / 50),
    "gaussian": (
        TWO,
        GAUSSIAN,
        "none",
        lambda o, y: (
            (o.M - y) * np.exp(-o.A),
            (1 - (y - o.M) ** 2 * np.exp(-o.A)) / 2,
        ),
    ),
    "rows": (gc.GRU, ROWS, "none", slope_of_rows),
    "label smoothing": (
        gc.cells["lstm"],
        SMOOTHED,
        "linear",
        lambda o, y: softmax_of(o) - smoothed(o, y),
    ),
    "distillation": (
        gc.GRU,
        DISTILLED,
        "linear",
        lambda o, y: 2 * (softmax_of(o / 2) * y.sum(-1, keepdims=True) - y),
    ),
    "cosine": (gc.cells["mgu"], COSINE, "none", slope_of_cosine),
    "outputs of unlike sizes": (
        UNLIKE,
        REGULARIZED,
        "none",
        lambda o, y: (softmax_of(o.LOGITS) - y, o.S / 50),
    ),
}
COSTS: dict[str, Any] = {
    "pinball": lambda o, y: np.where(y > o, LEVEL * (y - o), (1 - LEVEL) * (o - y)),
    "quasi-likelihood": lambda o, y: (np.log(o) + y**2 / o) / 2,
    "poisson": lambda o, y: np.exp(o) - y * o + o**2 / 100,
    "gaussian": lambda o, y: (o.A + (y - o.M) ** 2 * np.exp(-o.A)) / 2,
    "rows": cost_of_rows,
    "label smoothing": lambda o, y: -smoothed(o, y) * np.log(softmax_of(o)),
    "distillation": lambda o, y: -4 * y * np.log(softmax_of(o / 2)),
    "cosine": lambda o, y: 1 - cosine_of(o, y)[0] / cosine_of(o, y)[1],
    "outputs of unlike sizes": lambda o, y: (
        (o.S**2).sum(-1, keepdims=True) / 100
        - (y * np.log(softmax_of(o.LOGITS))).sum(-1, keepdims=True)
    ),
}
FORMS: dict[str, dict[str, Any]] = {
    "textbook": {"style": "textbook"},
    "columns": {},
    "rows": {"layout": "rows", "unroll": 2},
    "blocked": {"layout": "blocked"},
    "folded": {"layout": "folded", "unroll": 3},
}


def arguments(kernel: Any, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """params, x, y and loss weights, all positive, so that every loss is defined."""
    rng = np.random.default_rng(seed)
    T = kernel.UNROLL or 4
    sizes = {f"{n}_size": 3 for n in ("output", "k") if n[0].upper() in kernel.SIZES}
    params = kernel.init_params(5, 5, rng=0, **sizes)
    params = type(params)(*(rng.uniform(0.1, 0.4, weight.shape) for weight in params))
    x = rng.uniform(0.5, 1.5, (T, 2, 5))
    return params, x, rng.uniform(0.2, 2, (T, 2, 3 if sizes else 5)), rng.uniform(0, 2, (T, 2))


@pytest.mark.parametrize(("form", "name"), in_turn(FORMS, TRUTHS))
def test_loss_and_gradients_are_right_and_proved(form: str, name: str) -> None:
    cell, loss, readout, slope = TRUTHS[name]
    kernel = gc.load(cell, loss=loss, readout=readout, **FORMS[form])
    params, x, y, V = arguments(kernel)
    if loss.targets == "labels":
        labels, y = y.argmax(-1), np.eye(y.shape[-1])[y.argmax(-1)]
    elif loss.targets == "fractions":
        y = labels = y / y.sum(-1, keepdims=True)
    else:
        labels = y
    outputs, _, pullback = kernel.vjp(params, x)
    result = kernel.loss_and_gradients(params, x, labels, loss_weights=V)
    weights = V[:, :, None] / (V.sum() if loss.mean else 1)
    assert result.loss == pytest.approx((weights * COSTS[name](outputs, y)).sum(), 1e-13)
    d_outputs = mapped(lambda each: weights * each, slope(outputs, y))
    for found, right in zip(result.gradients, pullback(d_outputs)[0], strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-13)
    assert prove(kernel, complete(cell, readout), loss)


@pytest.mark.parametrize("name", TRUTHS)
def test_every_check_passes_and_sees_a_wrong_cost(name: str) -> None:
    cell, loss, readout, _ = TRUTHS[name]
    source = gc.generate(cell, loss=loss, readout=readout, style="textbook")
    report = check(load_source(source, "kernel"), cell, loss=loss)
    assert report, report.verdict
    wrong = re.sub(r"loss\[t\] = (np\.sum\(.*)\n", r"loss[t] = 2 * \1\n", source)
    assert wrong != source
    found = check(load_source(wrong, "kernel"), cell, loss=loss)
    failed = {(row.weight, row.method) for row in found.checks if row.failed}
    assert {("loss", "the declared equations"), ("outputs", "forward gives the loss")} <= failed


@pytest.mark.filterwarnings("ignore")  # a kernel with a fault may well overflow
@pytest.mark.parametrize("name", ["rows", "label smoothing", "outputs of unlike sizes"])
def test_faults_in_lines_of_whole_rows_are_refuted(name: str) -> None:
    cell, loss, readout, _ = TRUTHS[name]
    source = gc.generate(cell, loss=loss, readout=readout, style="textbook")
    kernel = load_source(source, "kernel")
    params, x, y, V = arguments(kernel)
    y = y.argmax(-1) if loss.targets == "labels" else y

    def results() -> list[Any]:
        calls = (kernel.loss_and_gradients(params, x, y, loss_weights=each) for each in (None, V))
        return [part for found in calls for part in (found.loss, *found.gradients)]

    right, refuted, names = results(), 0, dict(vars(kernel))
    for fault in mutants(source, "_loss", shapes_in(kernel._loss, results), every=23):
        fault.plant(kernel)
        try:
            harmless = all(map(np.allclose, results(), right))
        except Exception:
            harmless = True  # it raises, which no proof is needed for
        if not harmless:
            assert not prove(kernel, complete(cell, readout), loss), str(fault)
            refuted += 1
        vars(kernel).update(names)
    assert prove(kernel, complete(cell, readout), loss)
    assert refuted > 2


def test_targets_are_drawn_as_they_are_declared() -> None:
    kernel = gc.load(gc.GRU, loss=POISSON)
    assert (kernel.TARGETS, dict(kernel.CHECKS)) == ("positive", {"y": (0.5, 4.0)})
    drawn = targets.known_loss(kernel).targets(np.random.default_rng(0), (50, 4, 3))
    assert drawn.shape == (50, 4, 3)
    assert drawn.min() > 0
    assert not hasattr(gc.load(gc.GRU), "TARGETS")


def test_targets_that_are_not_positive_are_refused() -> None:
    for form in FORMS.values():
        kernel = gc.load(gc.GRU, loss=POISSON, **form)
        params, x, y, V = arguments(kernel)
        y[1, 1, 2] = 0
        with pytest.raises(ValueError, match="y: expected positive numbers"):
            kernel.loss(params, x, y)
        V[1, 1] = 0
        y[1, 1] = np.nan
        assert np.isfinite(kernel.loss(params, x, y, loss_weights=V))


def test_checks_alone_do_not_know_the_loss() -> None:
    kernel = gc.load(gc.GRU, loss=PINBALL)
    with pytest.raises(gc.VerificationError, match=r"has the loss 'pinball', which is none of l2"):
        gc.verify(kernel)
    assert gc.verify(kernel, loss=definition_of(PINBALL))


@pytest.mark.parametrize("loss", [*(each for _, each, *_ in TRUTHS.values()), *gc.losses.values()])
def test_a_loss_comes_back_from_its_data(loss: gc.Loss) -> None:
    data = json.loads(json.dumps(data_of(loss)))
    found = loss_of(data)
    assert data_of(found) == data_of(loss)
    assert (found is loss) == (loss.name in gc.losses)
    if loss.name in gc.losses:
        data["mean"] = not data["mean"]
        with pytest.raises(gc.CellError, match="in a certificate is not that of the package"):
            loss_of(data)


def test_a_certificate_has_the_loss() -> None:
    request = Request(GARCH, QUASI)
    source = gc.generate(GARCH, loss=QUASI)
    report = check(load_source(source, "kernel"), GARCH, loss=QUASI)
    assert content_of(source, request, report)["declaration"]["loss"] == data_of(QUASI)


# --- on the command line --------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my_loss.toml"
    path.write_text((EXAMPLES / "pinball.toml").read_text())
    return path


def test_the_command_in_a_header_makes_the_kernel_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["generate", "--cell", "mgu", "--loss", "my_loss.toml"]
    assert cli.main([*wanted, "--unroll", "2"]) == 0
    made = folder.parent / "generated" / "mgu_pinball_t2.py"
    source = made.read_text()
    [command] = re.findall(r"^    gru-codegen ((?:.*\\\n)*.*)$", source, re.M)
    words = shlex.split(command.replace("\\\n", ""))
    assert words[words.index("--loss") + 1] == "my_loss.toml"
    made.unlink()
    assert cli.main(words) == 0
    assert made.read_text() == source
    assert cli.main(["generate", "--check", "--no-verify", *words[1:]]) == 0
    capsys.readouterr()
    assert cli.main(["verify", str(made), "--proof"]) == 0
    said = capsys.readouterr().out
    assert "proved:" in said
    assert "says what is declared" in said


def test_a_file_is_held_to_its_loss(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["generate", "--cell", "mgu", "--loss", "my_loss.toml"]) == 0
    made = str(folder.parent / "generated" / "mgu_pinball.py")
    text = folder.read_text()
    folder.write_text(text.replace("9/10", "8/10"))
    assert cli.main(["verify", made]) == 1
    assert "EQUATIONS is not that of the declaration" in capsys.readouterr().out
    folder.write_text(text.replace("Y - P ", "Y - W "))
    capsys.readouterr()
    assert cli.main(["verify", made]) == 2
    assert "my_loss.toml:7:11: there is no name W" in capsys.readouterr().err
    folder.rename(folder.parent / "elsewhere.toml")
    folder.with_name("elsewhere.toml").write_text(text)
    assert cli.main(["verify", made]) == 2
    assert "to check it takes its declaration" in capsys.readouterr().err
    assert cli.main(["verify", made, "--loss", "elsewhere.toml"]) == 0


def test_the_other_commands_take_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", "--cell", "rnn", "--loss", "my_loss.toml", "--format", "json"]) == 0
    assert "--loss my_loss.toml" in capsys.readouterr().out
    assert cli.main(["program", "--cell", "rnn", "--loss", "my_loss.toml"]) == 0
    assert "COST" in capsys.readouterr().out
    blank = ["grade", "--template", "rnn", "--loss", "my_loss.toml", "--output", "mine.toml"]
    assert cli.main(blank) == 0
    assert 'loss = "my_loss.toml"' in Path("mine.toml").read_text()
    assert cli.main(["grade", "mine.toml"]) == 1  # all lines are missing, and the loss is found
    assert "missing" in capsys.readouterr().err
    assert cli.main(["generate", "--loss", "my_loss.toml", "--output", "my_loss.toml"]) == 2
    assert "is the declaration itself" in capsys.readouterr().err


def test_a_header_without_names_has_the_call() -> None:
    assert "gru_codegen.generate(cell, loss=loss)" in gc.generate(gc.GRU, loss=PINBALL)
    named = gc.generate(gc.GRU, loss=PINBALL, loss_spec="my loss.toml")
    assert "--loss 'my loss.toml'" in named
