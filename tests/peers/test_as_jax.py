"""Kernels inside JAX: under jit, grad and vmap, in float32 and float64, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.interop import InteropError, as_jax
from gru_codegen.interop.given import grouped, without_gradient
from tests.interop.cases import relative_error
from tests.peers.test_as_torch import KERNELS, LENGTHS, by_options, loaded

pytestmark = pytest.mark.peers


@pytest.fixture
def jax() -> Iterator[ModuleType]:
    module = import_module("jax")
    module.config.update("jax_enable_x64", True)
    yield module
    module.config.update("jax_enable_x64", False)


def drawn(kernel: ModuleType, dtype: str = "float64") -> dict[str, Any]:
    """Every argument that is an array, by name."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, letters in kernel.SHAPES.items():
        if name.partition(".")[0] in ("params", "constants", "x", "s0"):
            low, high = getattr(kernel, "CHECKS", {}).get(name, (0.3, 0.9))
            numbers = rng.uniform(low, high, [LENGTHS[letter] for letter in letters])
            arrays[name] = numbers.astype(dtype)
    return arrays


def flat(results: Any) -> list[Any]:
    """Outputs and states, one after the other."""
    several = [value if hasattr(value, "_fields") else (value,) for value in results]
    return [*several[0], *several[1]]


def adjoints(kernel: ModuleType, given: dict[str, Any], options: dict[str, Any]) -> Any:
    """The results of a kernel and the pullback of the sum of their squares, half of it."""
    outputs, state, pullback = kernel.vjp(**given, **options)
    return (outputs, state), pullback(outputs, state)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@by_options
@pytest.mark.parametrize("name", KERNELS)
def test_results_and_gradients_are_those_of_the_kernel(
    jax: ModuleType, name: str, options: dict[str, Any], dtype: str
) -> None:
    kernel = loaded(name)
    run, arrays = as_jax(kernel), drawn(kernel, dtype)
    results, pulled = adjoints(kernel, grouped(kernel, arrays), options)
    expected = dict(zip(("params", "x", "s0"), pulled, strict=True))
    leaves = [each for each in arrays if each not in without_gradient(kernel)]

    @jax.jit  # type: ignore[untyped-decorator]
    def loss(changed: dict[str, Any]) -> Any:
        found = flat(run(**grouped(kernel, {**arrays, **changed}), **options))
        return sum((each**2).sum() for each in found) / 2, found

    gradients, found = jax.grad(loss, has_aux=True)({each: arrays[each] for each in leaves})
    for actual, value in zip(found, flat(results), strict=True):
        assert actual.dtype == dtype
        assert np.array_equal(actual, value)
    for each in leaves:
        argument, _, field = each.partition(".")
        value = getattr(expected[argument], field) if field else expected[argument]
        assert gradients[each].dtype == dtype
        # The adjoints may have been rounded otherwise under jit.
        limit = 1e-6 if dtype == "float32" else 1e-14
        assert relative_error(gradients[each], value) <= limit, each


def test_gradients_that_nobody_asks_for_are_not_computed(
    jax: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = gc.load("lstm")
    run, arrays = as_jax(kernel), drawn(kernel)
    vjp, asked = kernel.vjp, []

    def watched(*args: Any, **options: Any) -> Any:
        outputs, state, pullback = vjp(*args, **options)

        def pull(*adjoints: Any, inputs: bool) -> Any:
            asked.append(inputs)
            return pullback(*adjoints, inputs=inputs)

        return outputs, state, pull

    monkeypatch.setattr(kernel, "vjp", watched)
    given = grouped(kernel, arrays)
    x, s0 = given.pop("x"), given.pop("s0")
    # Of the outputs alone: JAX knows that the adjoints of the states are zero.
    by_params = jax.grad(lambda params: run(params, x, s0)[0].sum())
    by_x = jax.grad(lambda x: (run(given["params"], x, s0)[1].S).sum())
    for function, argument, inputs in ((by_params, given["params"], False), (by_x, x, True)):
        function(argument)
        assert asked == [inputs]
        asked.clear()
    run(given["params"], x)
    assert asked == []


@pytest.mark.parametrize("name", ["gru", "gru-d"])
def test_vmap_calls_the_kernel_for_each(jax: ModuleType, name: str) -> None:
    kernel = loaded(name)
    run, arrays = as_jax(kernel), drawn(kernel)
    given = grouped(kernel, arrays)
    several = jax.tree.map(lambda array: np.stack([array, 0.9 * array]), given["x"])

    def loss(params: Any, x: Any) -> Any:
        return (run(**{**given, "params": params, "x": x})[0] ** 2).sum()

    together = jax.vmap(jax.grad(loss), in_axes=(None, 0))(given["params"], several)
    for place, x in enumerate((given["x"], jax.tree.map(lambda array: 0.9 * array, given["x"]))):
        alone = jax.grad(loss)(given["params"], x)
        for actual, expected in zip(together, alone, strict=True):
            assert relative_error(actual[place], expected) <= 1e-14


def test_without_float64_arrays_are_float32(jax: ModuleType) -> None:
    jax.config.update("jax_enable_x64", False)
    kernel = loaded("gru")
    arrays = drawn(kernel)
    outputs, state = as_jax(kernel)(**grouped(kernel, arrays))
    assert outputs.dtype == state.dtype == np.float32


def test_lengths_may_be_a_list_and_a_bad_one_says_so(jax: ModuleType) -> None:
    kernel = loaded("gru")
    run, given = as_jax(kernel), grouped(kernel, drawn(kernel))
    expected = kernel.forward(**given, lengths=[3, 1])
    found = jax.jit(lambda: run(**given, lengths=[3, 1]))()
    assert all(map(np.array_equal, found, expected))
    with pytest.raises(Exception, match="lengths: expected 0 to T = 3, got 1 to 9"):
        run(**given, lengths=[9, 1])


def test_large_arrays_pass(jax: ModuleType) -> None:
    kernel = gc.load("gru")
    params = kernel.init_params(256, 256, rng=0, dtype="float32")
    run = jax.jit(as_jax(kernel))
    x = jax.numpy.ones((64, 64, 256), "float32")
    for _ in range(3):
        x, _ = run(params, x)
    expected = np.ones((64, 64, 256), "float32")
    for _ in range(3):
        expected, _ = kernel.forward(params, expected)
    assert np.array_equal(x, expected)


def test_bad_arrays_are_refused_in_a_line(jax: ModuleType) -> None:
    kernel = loaded("gru-d")
    run, arrays = as_jax(kernel), drawn(kernel)

    def refused(kind: type[Exception], expected: str, **changed: Any) -> None:
        with pytest.raises(kind, match=expected) as error:
            run(**grouped(kernel, {**arrays, **changed}))
        assert "\n" not in str(error.value)

    x = arrays["x.x"]
    refused(
        TypeError,
        "^x.x: expected float64 like params.wgx, got float32$",
        **{"x.x": x.astype("float32")},
    )
    refused(TypeError, "^x.x: expected float32 or float64, got int64$", **{"x.x": x.astype(int)})
    refused(
        InteropError,
        r"^params.Pz: expected shape \(D, H\) = \(2, 3\), got \(3, 3\)$",
        **{"params.Pz": arrays["params.Uz"]},
    )
    refused(InteropError, r"^x.x: expected shape \(T, B, D\), got \(2, 2\)$", **{"x.x": x[0]})

    def by_mask(m: Any) -> Any:
        return run(**grouped(kernel, {**arrays, "x.m": m}))[0].sum()

    expected = "^x.m: it has no gradient in this kernel; use jax.lax.stop_gradient"
    with pytest.raises(InteropError, match=expected):
        jax.grad(by_mask)(arrays["x.m"])


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        ({"lengths": [3.0, 1.0]}, TypeError, r"lengths: expected integers, got float64"),
        ({"lengths": [3]}, InteropError, r"lengths: expected shape (B,) = (2,), got (1,)"),
        (
            {"mask": np.ones((3, 2))},
            TypeError,
            "mask: expected booleans, True where a step is real, got float64",
        ),
        (
            {"mask": np.ones((2, 3), bool)},
            InteropError,
            "mask: expected shape (T, B) = (3, 2), got (2, 3)",
        ),
    ],
)
def test_bad_options_are_refused_in_a_line(
    jax: ModuleType, options: dict[str, Any], kind: type[Exception], expected: str
) -> None:
    kernel = loaded("gru")
    given = grouped(kernel, drawn(kernel))
    for run in (as_jax(kernel), jax.jit(as_jax(kernel))):  # to which jit adds a note
        with pytest.raises(kind, match=f"(?m)^{re.escape(expected)}$"):
            run(**given, **options)


def test_other_steps_than_those_of_an_unrolled_kernel(jax: ModuleType) -> None:
    given = grouped(loaded("gru"), drawn(loaded("gru")))
    assert as_jax(gc.load("gru", readout="linear", unroll=3))(**given)[0].shape[0] == 3
    expected = "^x: this kernel is unrolled to T = 2, got 3 steps$"
    with pytest.raises(InteropError, match=expected):
        as_jax(gc.load("gru", readout="linear", unroll=2))(**given)
