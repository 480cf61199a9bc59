"""The equations of the reference GRU in torch, a Python loop over time, and autograd."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.contenders import Prepared
from benchmarks.problem import Problem


def prepare(problem: Problem, cell: str) -> Prepared:
    weights = [torch.from_numpy(W).requires_grad_() for W in problem.params.values()]
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)
    s0 = torch.from_numpy(problem.states["S"])

    def call() -> Any:
        Wz, Wrecz, Wca, Wrecca, Wr, Wrecr = weights
        S, outputs = s0, []
        for x_t in x:
            Z = torch.sigmoid(x_t @ Wz + S @ Wrecz)
            R = torch.sigmoid(x_t @ Wr + S @ Wrecr)
            CA = torch.tanh(x_t @ Wca + (R * S) @ Wrecca)
            S = (1 - Z) * S + Z * CA
            outputs.append(S)
        loss = ((torch.stack(outputs) - y) ** 2).sum() / 2
        return loss.item(), S, torch.autograd.grad(loss, weights)

    def read(result: Any) -> dict[str, Any]:
        loss, S, gradients = result
        named = zip(problem.params, gradients, strict=True)
        return {"loss": loss, "S": S.detach().numpy(), **{name: g.numpy() for name, g in named}}

    return call, read
