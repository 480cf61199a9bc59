"""A padded batch gives what its samples give one by one, whatever a step would be where none is.

There the input is 0 and the state the last one: log has a pole, exp and products may overflow. None
of it may reach a gradient, or warn. Each sample alone, at its own length, is the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sympy.matrices.expressions.trace import Trace

import gru_codegen as gc
from gru_codegen.cell import B, Cell, Equation, hadamard, matrix, ones, size
from gru_codegen.functions import log, reciprocal
from gru_codegen.losses import Loss
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS

Array = NDArray[Any]
T, D, H = 5, 2, 3


class Case(NamedTuple):
    """A cell, the inputs and first states of its samples from normal numbers, and their lengths."""

    states: str
    weights: str
    equations: str
    x: Callable[[Array], Array] = np.asarray
    s0: Callable[[Array], Array] = np.asarray
    lengths: tuple[int, ...] = (T, 3, 0, 1)


CASES = {
    # the pole is where padding is read as 0
    "log": Case("S", "W (D, H), U (H, H)", "S = tanh(log(x) @ W + S_prev @ U)", lambda a: a**2 + 1),
    "reciprocal": Case(
        "S",
        "W (D, H), U (H, H), k (D, H)",
        "S = tanh(reciprocal(x @ k)) * S_prev + tanh(x @ W + S_prev @ U)",
    ),
    # a state is divided by, and is 0 where no step has been
    "normalised": Case(
        "S N",
        "W (D, H), V1 (D, H), b (H,)",
        """
        I = exp(x @ W + b)
        N = sigmoid(x @ V1) * N_prev + I
        S = tanh(x @ V1) * I * reciprocal(N) + sigmoid(S_prev)
        """,
        s0=np.zeros_like,
    ),
    # the step after the last would overflow, in a function and in products
    "exponential": Case(
        "S", "W (D, H)", "S = exp(S_prev) + x @ W", s0=lambda a: a**2 + 6.0, lengths=(1, 1, 0, 1)
    ),
    "squares": Case(
        "S",
        "r (H,), W (D, H)",
        "S = S_prev + r * S_prev * (1 - S_prev) + x @ W",
        s0=lambda a: 1e60 * (a**2 + 1.0),
        lengths=(2, 1, 0, 2),
    ),
    "products": Case(
        "S",
        "r (H,), U (H, H), W (D, H)",
        """
        A = S_prev @ U
        G = softplus(A * S_prev)
        S = x @ W + r * A * G * S_prev + tanh(A) * relu(G) * A
        """,
        s0=lambda a: 1e25 * (a**2 + 1.0),
        lengths=(1, 1, 0, 1),
    ),
}
FORMS: dict[str, dict[str, Any]] = {
    "textbook": {"style": "textbook"},
    **{name: {"layout": name} for name in LAYOUTS},
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def cell(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Cell:
    path: Path = tmp_path_factory.mktemp("cells") / "padded.toml"
    weights = "\n".join(
        f'{weight.split(maxsplit=1)[0]} = "{weight.split(maxsplit=1)[1]})"'
        for weight in case.weights.removesuffix(")").split("), ")
    )
    states = ", ".join(f'"{state}"' for state in case.states.split())
    path.write_text(
        f'name = "padded"\nstates = [{states}]\nequations = """\n{case.equations.strip()}\n"""\n'
        f"[weights]\n{weights}\n"
    )
    return load_cell(str(path))


class Batch(NamedTuple):
    """Arguments, states as tuples: where a sample has ended there is NaN."""

    x: Array
    s0: list[Array]
    lengths: Array
    d_outputs: Array
    d_state: list[Array]

    @classmethod
    def of(cls, case: Case) -> Batch:
        rng, lengths = np.random.default_rng(0), np.array(case.lengths)
        samples, states = len(lengths), len(case.states.split())
        ended = (np.arange(T)[:, None] >= lengths)[:, :, None]
        x = case.x(rng.standard_normal((T, samples, D)))
        s0 = [case.s0(rng.standard_normal((samples, H))) for _ in range(states)]
        scale = 1e-200  # so that no true gradient overflows
        d_outputs = scale * rng.standard_normal((T, samples, H))
        d_state = [scale * rng.standard_normal((samples, H)) for _ in range(states)]
        return cls(
            np.where(ended, np.nan, x), s0, lengths, np.where(ended, np.nan, d_outputs), d_state
        )


def with_gaps(batch: Batch) -> tuple[Batch, Array, Array]:
    """The batch with the steps of each sample somewhere among all, its mask, and their places."""
    rng, samples = np.random.default_rng(3), len(batch.lengths)
    real = np.zeros((T, samples), bool)
    for sample, length in enumerate(batch.lengths):
        real[rng.choice(T, length, replace=False), sample] = True
    places = np.argsort(np.argsort(~real, axis=0, kind="stable"), axis=0)
    moved = (each[places, np.arange(samples)] for each in (batch.x, batch.d_outputs))
    x, d_outputs = moved
    return batch._replace(x=x, d_outputs=d_outputs), real, places


def state(kernel: ModuleType, arrays: list[Array]) -> Any:
    return arrays[0] if len(arrays) == 1 else kernel.State(*arrays)


def pulled_back(kernel: ModuleType, batch: Batch, **padding: Array) -> list[Array]:
    """Gradients of the weights, then what each sample has of its own, sample by row."""
    params = kernel.init_params(D, H, rng=1)
    _, last, pullback = kernel.vjp(params, batch.x, state(kernel, batch.s0), **padding)
    gradients, d_x, d_s0 = pullback(batch.d_outputs, state(kernel, batch.d_state))
    own = [*np.reshape(last, (-1, *batch.s0[0].shape)), *np.reshape(d_s0, (-1, *batch.s0[0].shape))]
    return [*gradients, d_x, *own]


@pytest.fixture(scope="module")
def one_by_one(case: Case, cell: Cell) -> list[Array]:
    """What the samples give: gradients added up, and d_x with zeros behind."""
    kernel, batch = gc.load(cell, style="textbook"), Batch.of(case)
    number = len(cell.weights)
    found: list[list[Array]] = []
    for sample, length in enumerate(batch.lengths):
        own = slice(sample, sample + 1)
        alone = Batch(
            batch.x[:length, own],
            [each[own] for each in batch.s0],
            batch.lengths[own],
            batch.d_outputs[:length, own],
            [each[own] for each in batch.d_state],
        )
        found.append(pulled_back(kernel, alone))
        d_x = found[-1][number]
        found[-1][number] = np.concatenate([d_x, np.zeros((T - length, 1, D))])
    assert all(np.isfinite(each).all() for of_sample in found for each in of_sample)
    results = list(zip(*found, strict=True))
    gradients = [np.sum(of_all, axis=0) for of_all in results[:number]]
    d_x, states = np.concatenate(results[number], axis=1), results[number + 1 :]
    return [*gradients, d_x, *(np.concatenate(of_all) for of_all in states)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unroll", [None, T], ids=["any", f"t{T}"])
def test_a_padded_batch_gives_what_its_samples_give(
    case: Case, cell: Cell, one_by_one: list[Array], form: str, unroll: int | None
) -> None:
    kernel, batch = gc.load(cell, unroll=unroll, **FORMS[form]), Batch.of(case)
    found = pulled_back(kernel, batch, lengths=batch.lengths)
    for actual, expected in zip(found, one_by_one, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unroll", [None, T], ids=["any", f"t{T}"])
def test_a_batch_with_gaps_gives_what_its_samples_give_without(
    case: Case, cell: Cell, one_by_one: list[Array], form: str, unroll: int | None
) -> None:
    kernel = gc.load(cell, unroll=unroll, **FORMS[form])
    batch, real, places = with_gaps(Batch.of(case))
    found = pulled_back(kernel, batch, mask=real)
    d_x = len(cell.weights)
    expected = list(one_by_one)
    expected[d_x] = expected[d_x][places, np.arange(len(batch.lengths))]
    for actual, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(actual, right, rtol=1e-9, atol=1e-12 * np.abs(right).max())


# --- targets that are not read -------------------------------------------------------------------

O = size("O")  # noqa: E741  # the output size is called O throughout
P, Y, RATIO, C = (matrix(name, B, O) for name in ("P", "Y", "RATIO", "C"))

#: log(1 + P^2) / Y: no target may be 0, which is what stands where none is read.
RELATIVE = Loss(
    name="relative",
    title="a loss with a pole",
    prediction=P,
    target=Y,
    equations=(
        Equation(RATIO, hadamard(log(ones(B, O) + hadamard(P, P)), reciprocal(Y)), "ratio"),
        Equation(C, hadamard(RATIO, P), "cost of each number"),
    ),
    cost=Trace(ones(O, B) * C),
)


@pytest.mark.parametrize("form", FORMS)
def test_what_has_no_weight_may_be_a_pole_of_the_loss(form: str) -> None:
    kernel = gc.load(gc.GRU, loss=RELATIVE, **FORMS[form])
    rng, params = np.random.default_rng(2), kernel.init_params(D, H, rng=1)
    x, y = rng.standard_normal((T, 3, D)), rng.standard_normal((T, 3, H)) ** 2 + 1
    weights = rng.standard_normal((T, 3)) * (rng.random((T, 3)) < 0.5)
    unread = (weights == 0)[:, :, None]
    found = kernel.loss_and_gradients(params, x, np.where(unread, np.nan, y), loss_weights=weights)
    expected = kernel.loss_and_gradients(params, x, y, loss_weights=weights)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-12)
    for actual, gradient in zip(found.gradients, expected.gradients, strict=True):
        np.testing.assert_allclose(actual, gradient, rtol=1e-9, atol=1e-12)
