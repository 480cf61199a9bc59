"""Kernels inside frameworks, without any of them; with them they are tested in tests/peers."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.errors import VerificationError
from gru_codegen.interop import InteropError, as_jax, as_torch, as_torch_module
from gru_codegen.interop.given import differentiable, grouped, named, sizes_of, without_gradient
from tests.interop.cases import kernel, random_params


@pytest.mark.parametrize(
    ("framework", "call"),
    [
        ("torch", lambda: as_torch(kernel("gru"))),
        ("jax", lambda: as_jax(kernel("gru"))),
        ("torch", lambda: as_torch_module(kernel("gru"), random_params("gru"))),
    ],
)
def test_a_missing_framework_is_named(
    monkeypatch: pytest.MonkeyPatch, framework: str, call: Any
) -> None:
    monkeypatch.setitem(sys.modules, framework, None)
    monkeypatch.delitem(sys.modules, f"gru_codegen.interop.{framework}_function", raising=False)
    expected = (
        rf"^a kernel inside {framework} needs the package {framework}: "
        rf"pip install 'gru-codegen\[{framework}\]'$"
    )
    with pytest.raises(ImportError, match=expected):
        call()


def test_what_has_no_gradients_is_refused() -> None:
    assert differentiable(kernel("gru")) is kernel("gru")
    with pytest.raises(InteropError, match=r"^\w+ has the forward pass alone; make one without"):
        differentiable(gc.load("gru", only="forward"))
    with pytest.raises(VerificationError, match=r"^kernel: expected a module"):
        differentiable("gru")  # type: ignore[arg-type]


def test_arguments_become_a_list_and_come_back() -> None:
    module = kernel("gru-d")
    params = random_params("gru-d")
    x = module.Inputs(*np.ones((3, 4, 2, 3)))
    given = {"params": params, "constants": {"mean": np.zeros(3)}, "x": tuple(x), "s0": None}
    arrays = dict(named(module, given))
    assert list(arrays) == [
        *(f"params.{name}" for name in params._fields),
        *("constants.mean", "x.x", "x.m", "x.delta"),
    ]
    again = grouped(module, arrays)
    assert isinstance(again["params"], module.Params)
    assert all(one is other for one, other in zip(again["params"], params, strict=True))
    assert again["x"].delta is x.delta
    assert again["s0"] is None
    turned = {name: getattr(params, name) for name in reversed(params._fields)}
    assert dict(named(module, {**given, "params": turned})) == arrays
    assert without_gradient(module) == {"x.m", "x.delta", "constants.mean"}
    assert without_gradient(kernel("gru")) == set()


def test_an_argument_of_other_arrays_is_refused() -> None:
    module = kernel("lstm")
    state = module.State(np.ones((2, 5)), np.zeros((2, 5)))
    given = {"params": random_params("lstm"), "x": np.ones((4, 2, 3)), "s0": state}
    for s0, said in (
        (state.S, "ndarray"),
        ((state.S,), "tuple"),
        ({"S": state.S, "c": state.C}, "S, c"),
        (random_params("gru"), "Params"),
    ):
        expected = f"^s0: expected S, C, as a tuple or by name; got {said}$"
        with pytest.raises(TypeError, match=expected):
            dict(named(module, {**given, "s0": s0}))
    assert [name for name, _ in named(module, given)][-3:] == ["x", "s0.S", "s0.C"]


def test_sizes_come_from_shapes() -> None:
    module = kernel("gru")
    shapes = {"params.Wz": (3, 5), "params.Wrecz": (5, 5), "x": (7, 2, 3)}
    expected = {"1": 1, "D": 3, "H": 5, "T": 7, "B": 2}
    assert sizes_of(module, shapes) == expected
    for name, shape, said in (
        ("params.Wrecz", (4, 5), r"expected shape (H, H) = (5, 5), got (4, 5)"),
        ("x", (7, 2), r"expected shape (T, B, D), got (7, 2)"),
        ("x", (7, 2, 4), r"expected shape (T, B, D) = (7, 2, 3), got (7, 2, 4)"),
    ):
        with pytest.raises(InteropError, match=f"^{re.escape(f'{name}: {said}')}$"):
            sizes_of(module, {**shapes, name: shape})
