"""Cells drawn at random: whatever a declaration may hold, put together as nobody would."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

from sympy import Rational

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, size
from gru_codegen.errors import CellError
from gru_codegen.functions import (
    clip,
    exp,
    huber,
    log,
    positive,
    reciprocal,
    relu,
    sigmoid,
    softplus,
    tanh,
)
from gru_codegen.requirements import require_generable

FUNCTIONS = (sigmoid, tanh, sigmoid, tanh, relu, softplus, clip, huber, positive)
BOUNDED = (tanh, sigmoid, clip)  # states that do not run away
COEFFICIENTS = (-1, 2, Rational(1, 3), Rational(-3, 2))
K = size("K")


def random_cell(seed: int) -> Cell:
    """A cell of one to five states: the first draw that is a sound declaration."""
    random = Random(seed)
    while True:
        with suppress(CellError):
            cell = _Draw(random).cell(f"drawn{seed}")
            require_generable(cell)
            return cell


class _Draw:
    """Draws equations one by one, from the matrices that there are by then.

    Some states hold what another one was, or what the input was, a step before.

    Weights are read again now and then, states at their own step as well as at the one before, and
    what nothing has read yet comes first: a declaration in which something is never read is none.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.weights: list[Any] = []
        self.matrices: list[Any] = []
        self.unread: list[Any] = []

    def cell(self, name: str) -> Cell:
        widths = [H, H, H, K] if self.chance(25) else [H]
        x = matrix("x", B, self.random.choice([D, D, D, H]))
        count = self.random.choice([1, 1, 2, 2, 3])
        states = [matrix(f"S{n}", B, self.random.choice(widths)) for n in range(count)]
        delays = self.delays(states, x)
        states += delays
        previous = [matrix(f"{state.name}_prev", B, state.shape[1]) for state in states]
        gates = self.random.choice([0, 1, 2, 3])
        targets = [matrix(f"G{n}", B, self.random.choice(widths)) for n in range(gates)] + states
        before = dict(zip(states, previous, strict=True))
        if self.chance(30):
            self.random.shuffle(targets)
        for there in (x, *previous):
            self.add(there)
        equations = []
        for target in targets:
            if target in delays:
                held = delays[target]
                value = self.read([before.get(held, held)])
            else:
                value = self.value(target.shape[1])
            if target in states and target not in delays and self.chance(80):
                value = self.random.choice(BOUNDED)(value)
            equations.append(Equation(target, value, f"value {target.name}"))
            self.add(target)
        return Cell(
            name=name,
            title="drawn at random",
            source="none",
            inputs=(x,),
            weights=tuple(self.weights),
            states=dict(zip(states, previous, strict=True)),
            equations=tuple(equations),
            output=self.random.choice(targets) if self.chance(40) else states[0],
        )

    def delays(self, states: list[Any], x: Any) -> dict[Any, Any]:
        """States that are what another state was a step before, or the input: a window of it."""
        found: dict[Any, Any] = {}
        for number in range(self.random.choice([0, 0, 1, 2])):
            held = self.random.choice([*states, *found, *([x] if x.shape[1] == H else [])])
            found[matrix(f"L{number}", B, held.shape[1])] = held
        return found

    def value(self, width: Any) -> Any:
        total = self.term(width)
        for _ in range(self.random.choice([0, 1, 1, 2])):
            total = total + self.term(width)
        if self.chance(40):
            total = total + self.bias(width)
        if self.chance(10):
            total = total + Rational(1, 3) * ones(B, width)
        return self.random.choice(FUNCTIONS)(total) if self.chance(50) else total

    def term(self, width: Any) -> Any:
        kind = self.random.choice(["product", "product", "elementwise", "elementwise", "factor"])
        if kind == "product":
            term = self.product(width)
        elif kind == "elementwise":
            term = hadamard(*(self.factor(width) for _ in range(self.random.choice([2, 2, 3]))))
        else:
            term = self.factor(width)
        return self.random.choice(COEFFICIENTS) * term if self.chance(15) else term

    def product(self, width: Any) -> Any:
        operand = self.read(self.matrices)
        if self.chance(15):
            alike = [there for there in self.matrices if there.shape == operand.shape]
            operand = hadamard(operand, self.read(alike))
        if self.chance(15):
            operand = self.random.choice(FUNCTIONS)(operand)
        product = operand * self.weight(operand.shape[1], width)
        return product * self.weight(width, width) if self.chance(10) else product

    def factor(self, width: Any) -> Any:
        fitting = [there for there in self.matrices if there.shape[1] == width]
        kinds = ["matrix"] * 5 + ["complement", "complement", "function", "bias", "product"]
        kinds += ["nested", "pole"]
        kind = self.random.choice(kinds) if fitting else "product"
        match kind:
            case "matrix":
                return self.read(fitting)
            case "complement":
                return ones(B, width) - self.read(fitting)
            case "function":
                return self.random.choice(FUNCTIONS)(self.read(fitting))
            case "bias":
                return self.bias(width)
            case "nested":
                return self.nested(self.read(fitting))
            case "pole":
                bounded = 2 * ones(B, width) + tanh(self.read(fitting))
                return self.random.choice([exp, log, reciprocal])(bounded)
        return self.product(width)

    def nested(self, value: Any) -> Any:
        """A chain of functions, complements and products with what is there."""
        for _ in range(self.random.choice([2, 3, 4])):
            fitting = [there for there in self.matrices if there.shape == value.shape]
            match self.random.choice(["function", "complement", "product"]):
                case "function":
                    value = self.random.choice(FUNCTIONS)(value)
                case "complement":
                    value = ones(*value.shape) - value
                case _:
                    value = hadamard(value, self.read(fitting))
        return value

    def bias(self, width: Any) -> Any:
        return ones(B, 1) * self.weight(1, width)

    def weight(self, *shape: Any) -> Any:
        there = [weight for weight in self.weights if weight.shape == shape]
        if there and self.chance(25):
            return self.random.choice(there)
        self.weights.append(matrix(f"W{len(self.weights)}", *shape))
        return self.weights[-1]

    def read(self, matrices: list[Any]) -> Any:
        unread = [there for there in matrices if there in self.unread]
        chosen = self.random.choice(unread if unread and self.chance(60) else matrices)
        self.unread = [there for there in self.unread if there != chosen]
        return chosen

    def add(self, there: Any) -> None:
        self.matrices.append(there)
        self.unread.append(there)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent
