"""The order of weights in one array, where the function has to tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gru_codegen.audit.function import Foreign

__all__ = ["in_known_order"]


def in_known_order(foreign: Foreign, fits: Callable[[Foreign], bool]) -> tuple[Foreign, list[str]]:
    """The function with stacks in the first order that fits, and notes on it.

    Stacks of one length have the same order. Where none fits, it is as it was.
    """
    unknown = [name for name, each in foreign.mapping.weights.items() if each.any_order]
    if not unknown:
        return foreign, []
    for trial in _trials(foreign, unknown):
        if fits(trial):
            orders = ((name, trial.mapping.weights[name].names) for name in unknown)
            return trial, [f"the order of {name} is {', '.join(order)}" for name, order in orders]
    return foreign, [f"no order of {', '.join(unknown)} gives the declared loss"]


def _trials(foreign: Foreign, unknown: list[str]) -> Iterator[Foreign]:
    weights = foreign.mapping.weights
    every = {name: list(weights[name].orders()) for name in unknown}
    for number in range(max(map(len, every.values()))):
        orders = {name: orders[number % len(orders)] for name, orders in every.items()}
        yield replace(foreign, mapping=replace(foreign.mapping, weights={**weights, **orders}))
