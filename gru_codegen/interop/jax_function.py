"""A kernel as a function of JAX's arrays; importing this file imports JAX."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.given import (
    differentiable,
    grouped,
    named,
    require_options,
    sizes_of,
    without_gradient,
)

__all__ = ["function"]

#: The arrays of a call by the names that errors of kernels have for them, and lengths and mask.
_Arrays = dict[str, Any]


class _Callbacks:
    """A kernel on the NumPy arrays that JAX hands out."""

    def __init__(self, kernel: ModuleType) -> None:
        self.kernel = kernel

    def forward(self, arrays: _Arrays, options: _Arrays) -> Any:
        return self.kernel.forward(**self._given(arrays), **_as_numpy(options))

    def gradients(
        self, wanted: _Arrays, arrays: _Arrays, options: _Arrays, d_outputs: Any, d_state: Any
    ) -> _Arrays:
        """The derivatives with respect to the arrays that are named in `wanted`."""
        *_, pullback = self.kernel.vjp(**self._given(arrays), **_as_numpy(options))
        inputs = any(name.partition(".")[0] == "x" for name in wanted)
        d_params, d_x, d_s0 = pullback(_as_numpy(d_outputs), _as_numpy(d_state), inputs=inputs)
        found = {"params": d_params, "constants": None, "x": d_x, "s0": d_s0}
        if hasattr(self.kernel, "Constants"):
            found["constants"] = (None,) * len(self.kernel.Constants._fields)
        if not inputs and hasattr(self.kernel, "Inputs"):
            found["x"] = (None,) * len(self.kernel.Inputs._fields)
        return {name: array for name, array in named(self.kernel, found) if name in wanted}

    def _given(self, arrays: _Arrays) -> _Arrays:
        return grouped(self.kernel, _as_numpy(arrays))

    def sizes(self, arrays: _Arrays) -> dict[str, int]:
        return sizes_of(self.kernel, {name: array.shape for name, array in arrays.items()})

    def results(self, arrays: _Arrays) -> tuple[Any, Any]:
        """The shapes and the dtype of outputs and last state."""
        sizes = self.sizes(arrays)
        dtype = next(iter(arrays.values())).dtype

        def shaped(name: str, kind: str) -> Any:
            several = getattr(self.kernel, kind, None)
            if several is not None:
                return several(*(shaped(f"{name}.{field}", "") for field in several._fields))
            letters = self.kernel.SHAPES[name]
            return jax.ShapeDtypeStruct([sizes[letter] for letter in letters], dtype)

        return shaped("outputs", "Outputs"), shaped("s0", "State")


def _as_numpy(tree: Any) -> Any:
    return jax.tree.map(np.asarray, tree)


def _values(primals: Any) -> Any:
    return jax.tree.map(lambda primal: primal.value, primals, is_leaf=_is_primal)


def _is_primal(leaf: Any) -> bool:
    return hasattr(leaf, "perturbed")


def _filled(adjoints: Any) -> Any:
    """The adjoints, where those that JAX knows to be zero become arrays."""
    return jax.tree.map(
        lambda a: jnp.zeros(a.shape, a.dtype) if isinstance(a, SymbolicZero) else a,
        adjoints,
        is_leaf=lambda leaf: isinstance(leaf, SymbolicZero),
    )


def _checked(arrays: _Arrays) -> _Arrays:
    """The arrays as JAX's; what no kernel takes is refused by its name."""
    found = {name: jnp.asarray(array) for name, array in arrays.items()}
    first, like = next(iter(found.items()))
    for name, array in found.items():
        if array.dtype not in (np.float32, np.float64):
            raise TypeError(f"{name}: expected float32 or float64, got {array.dtype}")
        if array.dtype != like.dtype:
            raise TypeError(f"{name}: expected {like.dtype} like {first}, got {array.dtype}")
    return found


def function(kernel: ModuleType) -> Callable[..., tuple[Any, Any]]:
    """See `gru_codegen.interop.as_jax`."""
    callbacks = _Callbacks(differentiable(kernel))
    constant = without_gradient(kernel)

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def called(arrays: _Arrays, options: _Arrays) -> Any:
        shapes = callbacks.results(arrays)
        return jax.pure_callback(
            callbacks.forward, shapes, arrays, options, vmap_method="sequential"
        )

    def ahead(arrays: _Arrays, options: _Arrays) -> Any:
        """The results, and what back() needs; names as keys, since values would be traced."""
        wanted = {name: () for name, primal in arrays.items() if primal.perturbed}
        for name in wanted:
            if name in constant:
                raise InteropError(
                    f"{name}: it has no gradient in this kernel; use jax.lax.stop_gradient"
                )
        given = _values(arrays), _values(options)
        return called(*given), (wanted, *given)

    def back(kept: Any, adjoints: Any) -> Any:
        wanted, arrays, options = kept
        shapes = {
            name: jax.ShapeDtypeStruct(arrays[name].shape, arrays[name].dtype) for name in wanted
        }
        found = jax.pure_callback(
            callbacks.gradients,
            shapes,
            *(wanted, arrays, options, *_filled(adjoints)),
            vmap_method="sequential",
        )
        return {name: found.get(name) for name in arrays}, dict.fromkeys(options)

    called.defvjp(ahead, back, symbolic_zeros=True)

    def run(
        params: Any,
        x: Any,
        s0: Any = None,
        *,
        constants: Any = None,
        lengths: Any = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        given = {"params": params, "constants": constants, "x": x, "s0": s0}
        options = {
            name: None if value is None else jnp.asarray(value)
            for name, value in (("lengths", lengths), ("mask", mask))
        }
        arrays = _checked(dict(named(kernel, given)))
        # What does not fit is refused here, outside of JAX's frames.
        require_options(options, callbacks.sizes(arrays))
        results: tuple[Any, Any] = called(arrays, options)
        return results

    return run
