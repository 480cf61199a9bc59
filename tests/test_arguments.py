"""Public functions say in one line what they expect where they are given something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import gru_codegen as gc


def f(*_: Any) -> None:
    """A function that nothing calls."""


KERNEL = gc.load(gc.GRU, unroll=1)
OF_CELLS: dict[str, Callable[..., Any]] = {
    "derive": gc.derive,
    "generate": gc.generate,
    "load": gc.load,
    "inspect": gc.inspect,
    "program": gc.program,
    "source_map": gc.source_map,
    "audit": lambda cell, **options: gc.audit(f, cell=cell, **options),
}
OF_KERNELS: dict[str, Callable[..., Any]] = {
    "verify": gc.verify,
    "check": lambda kernel: gc.check(kernel, "gru"),
    "checkpointed": lambda kernel: gc.checkpointed(kernel, (), [], []),
}


@pytest.mark.parametrize("function", OF_CELLS.values(), ids=OF_CELLS)
@pytest.mark.parametrize("given", [b"gru", None, gc.L2, KERNEL])
def test_a_cell(function: Callable[..., Any], given: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^cell: expected a Cell, such as gc.GRU, its name .*, got "
    ):
        function(given)


@pytest.mark.parametrize("function", OF_CELLS.values(), ids=OF_CELLS)
@pytest.mark.parametrize("given", [b"l2", 3, gc.GRU])
def test_a_loss(function: Callable[..., Any], given: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^loss: expected a Loss, such as gc.L2, its name .*, got "
    ):
        function(gc.GRU, loss=given)


@pytest.mark.parametrize("function", OF_KERNELS.values(), ids=OF_KERNELS)
@pytest.mark.parametrize("given", ["path.py", 3, gc.GRU, None])
def test_a_kernel(function: Callable[..., Any], given: Any) -> None:
    with pytest.raises(gc.VerificationError) as raised:
        function(given)
    said = str(raised.value)
    assert said.startswith("kernel: expected a module, as gru_codegen.load or the import of a ")
    assert ", got " in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gc.audit(3), "function: expected a function, or what is called like one, got 3"),  # type: ignore[arg-type]
        (lambda: gc.grade({}), "path: expected that of a TOML file, got {}"),  # type: ignore[arg-type]
    ],
)
def test_what_else_is_taken(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value) == said


def test_the_definition_of_a_loss() -> None:
    with pytest.raises(gc.VerificationError, match=r"^loss: expected its definition, as "):
        gc.verify(KERNEL, loss=gc.L2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "check", [gc.verify, lambda kernel, seed: gc.check(kernel, "gru", seed=seed)]
)
@pytest.mark.parametrize("seed", [-1, 0.5, "0", None])
def test_a_seed(check: Callable[..., Any], seed: Any) -> None:
    with pytest.raises(
        ValueError, match=rf"^seed: expected a whole number, 0 or more, got {seed!r}$"
    ):
        check(KERNEL, seed=seed)


@pytest.mark.parametrize("option", ["readout", "layout", "style"])
def test_an_option_by_name(option: str) -> None:
    with pytest.raises(ValueError, match=rf"^{option}: there is no \['rows'\]; there are "):
        gc.load("gru", **{option: ["rows"]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"at": "1", "unroll": 2}, "at: expected the number of a step, got '1'"),
        ({"at": 1.5, "unroll": 2}, "at: expected the number of a step, got 1.5"),
        ({"wrt": 3}, "wrt: expected names of weights, got 3"),
    ],
)
def test_what_is_shown(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        gc.inspect("rnn", **given)


def test_a_pass() -> None:
    with pytest.raises(ValueError, match=r"^after: there is no pass 3; there are lower, "):
        gc.program("rnn", after=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("extras", [None, 3])
def test_extras(extras: Any) -> None:
    with pytest.raises(TypeError, match=rf"^extras: expected a collection of names, got {extras}$"):
        gc.load("gru", extras=extras)
