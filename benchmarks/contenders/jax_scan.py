"""The equations of the reference GRU under jax.lax.scan, value_and_grad, jit.

Compiled before it is timed. Arguments stay on JAX's side, and results are waited for there.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contenders import Prepared
from benchmarks.problem import Problem

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)  # float32 stays what it is; float64 becomes possible
jax.devices()  # makes the thread pool, which is as large as the processors that are seen now


def loss_and_state(weights: Any, x: Any, y: Any, s0: Any) -> Any:
    Wz, Wrecz, Wca, Wrecca, Wr, Wrecr = weights

    def step(S: Any, x_t: Any) -> Any:
        Z = jax.nn.sigmoid(x_t @ Wz + S @ Wrecz)
        R = jax.nn.sigmoid(x_t @ Wr + S @ Wrecr)
        CA = jnp.tanh(x_t @ Wca + (R * S) @ Wrecca)
        S = (1 - Z) * S + Z * CA
        return S, S

    S, outputs = jax.lax.scan(step, s0, x)
    return ((outputs - y) ** 2).sum() / 2, S


def prepare(problem: Problem, cell: str) -> Prepared:
    weights = tuple(jnp.asarray(W) for W in problem.params.values())
    arguments = [jnp.asarray(a) for a in (problem.x, problem.y, problem.states["S"])]
    compiled = jax.jit(jax.value_and_grad(loss_and_state, has_aux=True))

    def call() -> Any:
        return jax.block_until_ready(compiled(weights, *arguments))

    def read(result: Any) -> dict[str, Any]:
        (loss, S), gradients = result
        named = zip(problem.params, map(np.asarray, gradients), strict=True)
        return {"loss": loss, "S": np.asarray(S), **dict(named)}

    return call, read
