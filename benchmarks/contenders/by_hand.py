"""The reference GRU as hand_written.py has it."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks import hand_written
from benchmarks.contenders import Prepared
from benchmarks.problem import Problem


def prepare(problem: Problem, cell: str) -> Prepared:
    params = hand_written.Params(**problem.params)

    def read(result: Any) -> dict[str, Any]:
        loss, gradients, state = result
        return {"loss": loss, "S": state, **gradients._asdict()}

    arguments = params, problem.x, problem.y, problem.states["S"]
    return partial(hand_written.loss_and_gradients, *arguments), read
