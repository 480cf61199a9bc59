"""Cells drawn at random: whatever a declaration may hold, put together as nobody would."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from random import Random
from typing import Any, NamedTuple

from hypothesis import reject
from hypothesis import strategies as st
from sympy import Integer, Rational

from gru_codegen.cell import B, Cell, D, Equation, H, lag, matrix, ones, size, where
from gru_codegen.constants import PATTERNS, Pattern, fault_of_pattern, stored_shape
from gru_codegen.emit.sizes import letters
from gru_codegen.errors import CellError
from gru_codegen.forms import added, multiplied, multiplied_elementwise, scaled, widened
from gru_codegen.functions import FUNCTIONS, positive, sigmoid, step, tanh
from gru_codegen.notation import TEXT, Notation
from gru_codegen.requirements import require_generable

#: Those that are applied to numbers from 1 to 3 alone.
FROM_1_TO_3 = [f for f in FUNCTIONS.values() if f.record.poles or f.record.overflows]
#: The others, the simplest first, which are drawn most.
ANYWHERE = [tanh, sigmoid, *(f for f in FUNCTIONS.values() if f not in FROM_1_TO_3)]
JUMPS = (positive, step)
BOUNDED = [f for f in ANYWHERE if f.record.bounded and f not in JUMPS]  # states stay moderate
COEFFICIENTS = (-1, 2, Rational(1, 3), Rational(-3, 2))
K = size("K")


class Drawn(NamedTuple):
    """A cell, shown as the file that declares it."""

    cell: Cell

    def __repr__(self) -> str:
        return f"\n{as_file(self.cell)}\n"


@st.composite
def cells(draw: st.DrawFn) -> Drawn:
    """Cells of one to five states, which shrink to those of few and simple equations."""
    try:
        cell = _Draw(draw(st.randoms(use_true_random=False)), shrinks=True).cell("drawn")
        require_generable(cell)
    except CellError:
        reject()
    return Drawn(cell)


def as_file(cell: Cell) -> str:
    """The text of the file that declares `cell`."""
    targets = tuple(equation.target for equation in cell.equations)
    notation = Notation((*cell.inputs, *cell.states.values()), targets)
    lines = [f'name = "{cell.name}"', f"states = {_table(cell.states)}"]
    lines += [f"inputs = {_table(cell.inputs)}", f"weights = {_table(cell.weights)}"]
    if cell.constants:
        made = {c.name: p.of(_sizes(c)) for c, p in cell.constants.items() if p is not None}
        shapes = {c.name: letters(stored_shape(c)) for c in cell.constants}
        written = ", ".join(f'{n} = "{made.get(n, shape)}"' for n, shape in shapes.items())
        lines += [f"constants = {{ {written} }}"]
    plain = _listed(symbol.name for symbol in cell.without_gradient)
    lines += [f"without_gradient = {plain}"] if cell.without_gradient else []
    symbols = (*cell.inputs, *cell.fixed, *targets)
    further = {str(n) for each in symbols for n in each.shape} - {*"BDH1"}
    lines += [f"sizes = {_listed(sorted(further))}"] if further else []
    names = [output.name for output in cell.outputs]
    lines += [f"output = {_listed(names)}" if names[1:] else f'output = "{names[0]}"']
    lines += ['equations = """']
    for equation in cell.equations:
        written = notation.write(equation.expression, _IN_FILES)
        lines.append(f"{equation.target.name} = {_in_file(written)}")
    return "\n".join([*lines, '"""'])


_IN_FILES = replace(
    TEXT, hadamard=" * ", product=" @ ", ones="ones", fraction=lambda number: f"{number} *"
)


def _in_file(written: str) -> str:
    """A formula as files have it: numbers, rows and columns stand for matrices of them."""
    plain = written.replace("ones @ ", "").replace(" @ ones^T", "").replace("^T", ".T")
    return re.sub(r" \*(?=$|\)| [-+])", "", plain)


def _listed(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _sizes(symbol: Any) -> tuple[str, ...]:
    return tuple(str(n) for n in symbol.shape if n != 1)


def _table(symbols: Iterable[Any]) -> str:
    shapes = {symbol.name: letters(stored_shape(symbol)) for symbol in symbols}
    return "{ " + ", ".join(f'{name} = "{shape}"' for name, shape in shapes.items()) + " }"


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

    def __init__(self, random: Random, *, shrinks: bool = False) -> None:
        self.random, self.shrinks = random, shrinks
        self.weights: list[Any] = []
        self.constants: dict[Any, Pattern | None] = {}
        self.matrices: list[Any] = []
        self.unread: list[Any] = []

    def cell(self, name: str) -> Cell:
        widths = [H, H, H, K] if self.chance(25) else [H]
        x, *others = inputs = self.inputs()
        count = self.random.choice([1, 1, 2, 2, 3])
        states = [matrix(f"S{n}", B, self.width(widths, n)) for n in range(count)]
        delays = self.delays(states, x)
        states += delays
        previous = [matrix(f"{state.name}_prev", B, state.shape[1]) for state in states]
        gates = self.random.choice([0, 1, 2, 3])
        targets = [matrix(f"G{n}", B, self.width(widths, n + 1)) for n in range(gates)] + states
        before = dict(zip(states, previous, strict=True))
        if self.chance(30):
            self.random.shuffle(targets)
        for there in (*inputs, *previous):
            self.add(there)
        last = next(target for target in reversed(targets) if target not in delays)
        equations = []
        for target in targets:
            if target in delays:
                held = delays[target]
                value = self.read([before.get(held, held)])
            else:
                value = self.value(target.shape[1])
            for there in self.unread if target == last else ():
                if there not in states:
                    value = added(value, self.brought(there, target.shape[1]))
            if target in states and target not in delays and self.chance(80):
                value = self.random.choice(BOUNDED)(value)
            equations.append(Equation(target, value, f"value {target.name}"))
            self.add(target)
        return Cell(
            name=name,
            title="drawn at random",
            source="none",
            inputs=tuple(self.random.sample(inputs, len(inputs))),
            weights=tuple(self.weights),
            states=dict(zip(states, previous, strict=True)),
            equations=tuple(equations),
            output=self.output(states, targets, last),
            constants=self.constants,
            without_gradient=tuple(each for each in others if self.chance(50)),
        )

    def width(self, widths: list[Any], number: int) -> Any:
        """The columns of a matrix: seldom a single one, but for the first state."""
        return Integer(1) if number and self.chance(15) else self.random.choice(widths)

    def brought(self, there: Any, width: Any) -> Any:
        """What is there, as a matrix of this width."""
        if there.shape[1] == 1:
            return there if width == 1 else widened(there, width)
        return multiplied(there, self.weight(there.shape[1], width))

    def inputs(self) -> list[Any]:
        """One input or several, in the end in any order."""
        count = self.random.choice([1, 1, 1, 2, 3])
        widths = [self.random.choice([D, D, D, H]), *self.random.choices([D, H, K], k=count - 1)]
        return [matrix(name, B, n) for name, n in zip("xuv", widths, strict=False)]

    def output(self, states: list[Any], targets: list[Any], last: Any) -> Any:
        """A state or a gate, or several; the last equation first if nothing else can read it."""
        first = last
        if last in states:
            first = self.random.choice(targets) if self.chance(40) else states[0]
        others = [target for target in targets if target != first]
        if not others or not self.chance(40):
            return first
        return (first, *self.random.sample(others, self.random.randint(1, min(2, len(others)))))

    def delays(self, states: list[Any], x: Any) -> dict[Any, Any]:
        """States that are what another state was a step before, or the input: a window of it."""
        found: dict[Any, Any] = {}
        for number in range(self.random.choice([0, 0, 1, 2])):
            held = self.random.choice([*states, *found, *([x] if x.shape[1] == H else [])])
            found[matrix(f"L{number}", B, held.shape[1])] = held
        return found

    def value(self, width: Any) -> Any:
        if self.chance(35):
            return self.gate(width)
        total = self.term(width)
        for _ in range(self.random.choice([0, 1, 1, 2])):
            total = added(total, self.term(width))
        if self.chance(40):
            total = added(total, self.bias(width))
        if self.chance(10):
            total = added(total, scaled(Rational(1, 3), ones(B, width)))
        return self.applied(total) if self.chance(50) else total

    def gate(self, width: Any) -> Any:
        """A function of a sum of products, as most gates are: what passes put together."""
        products = [self.product(width) for _ in range(self.random.choice([2, 3, 4]))]
        total = reduce(added, products)
        return self.applied(added(total, self.bias(width)) if self.chance(50) else total)

    def term(self, width: Any) -> Any:
        kinds = ["product", "product", "elementwise", "elementwise", "factor"]
        kind = self.random.choice(kinds[::-1] if self.shrinks else kinds)
        if kind == "product":
            term = self.product(width)
        elif kind == "elementwise":
            factors = [self.factor(width) for _ in range(self.random.choice([2, 2, 3]))]
            term = reduce(multiplied_elementwise, factors)
        else:
            term = self.factor(width)
        if width != 1 and self.chance(20):
            term = multiplied_elementwise(widened(self.column(), width), term)
        return scaled(self.random.choice(COEFFICIENTS), term) if self.chance(15) else term

    def column(self) -> Any:
        """A number for each sample, or one that is learned; perhaps a function of it."""
        columns = [there for there in self.matrices if there.shape[1] == 1]
        column = self.read(columns) if columns and self.chance(70) else self.bias(Integer(1))
        return self.nested(column) if self.chance(40) else column

    def product(self, width: Any) -> Any:
        operand = self.read([there for there in self.matrices if there.shape[1] != 1])
        if self.chance(15):
            alike = [there for there in self.matrices if there.shape == operand.shape]
            operand = multiplied_elementwise(operand, self.read(alike))
        if self.chance(15):
            operand = self.applied(operand)
        return multiplied(operand, self.matrix_of_weights(operand.shape[1], width))

    def matrix_of_weights(self, rows: Any, columns: Any) -> Any:
        """A weight, seldom the transpose of one, or a product or a sum of two."""
        if columns == 1:
            return self.weight(rows, columns)
        first = self.weight(columns, rows).T if self.chance(10) else self.weight(rows, columns)
        combine = self.random.choice([None] * 7 + [multiplied, added, multiplied_elementwise])
        if combine is None:
            return first
        second = self.weight(columns if combine is multiplied else rows, columns)
        power = second == first and combine is multiplied  # which no declaration has
        return first if power else combine(first, second)

    def factor(self, width: Any) -> Any:
        fitting = [there for there in self.matrices if there.shape[1] == width]
        kinds = ["matrix"] * 5 + ["complement", "complement", "function", "bias", "product"]
        kinds += ["nested", "pole", "delay", "choice"]
        kind = self.random.choice(kinds) if fitting else "product"
        match kind:
            case "matrix":
                return self.read(fitting)
            case "complement":
                return self.complement(self.read(fitting))
            case "function":
                return self.applied(self.read(fitting))
            case "bias":
                return self.bias(width)
            case "choice":
                return self.choice(fitting)
            case "delay":
                return self.delay(fitting)
            case "nested":
                return self.nested(self.read(fitting))
            case "pole":
                bounded = added(scaled(2, ones(B, width)), tanh(self.read(fitting)))
                return self.random.choice(FROM_1_TO_3)(bounded)
        return self.product(width)

    def nested(self, value: Any) -> Any:
        """A chain of functions, complements and products with what is there."""
        for _ in range(self.random.choice([2, 3, 4])):
            fitting = [there for there in self.matrices if there.shape == value.shape]
            match self.random.choice(["function", "complement", "product"][: 2 + bool(fitting)]):
                case "function":
                    value = self.applied(value)
                case "complement":
                    value = self.complement(value)
                case _:
                    value = multiplied_elementwise(value, self.read(fitting))
        return value

    def delay(self, fitting: list[Any]) -> Any:
        """What an input or a computed matrix was up to three steps earlier."""
        now = [there for there in fitting if not there.name.endswith("_prev")]
        return lag(self.read(now), self.random.choice([1, 1, 2, 3])) if now else self.read(fitting)

    def choice(self, fitting: list[Any]) -> Any:
        """One of two matrices, or of one and a number, by a third; or a pole where it is none."""
        condition, first, other = (self.read(fitting) for _ in range(3))
        condition = added(condition, scaled(Rational(1, 7), ones(*condition.shape)))
        match self.random.choice(["two", "number", "pole"]):
            case "number":
                other = scaled(self.random.choice([0, 2, Rational(1, 3)]), ones(*first.shape))
            case "pole":
                argument = added(condition, ones(*condition.shape))
                return where(condition, tanh(self.random.choice(FROM_1_TO_3)(argument)), other)
        return where(condition, self.applied(first), other)

    def applied(self, value: Any) -> Any:
        """A function of `value`; a step is where nothing is by round-off, as sigmoid is at 0."""
        function = self.random.choice(ANYWHERE)
        if function in JUMPS and self.shrinks:
            value = added(value, scaled(Rational(1, 7), ones(*value.shape)))
        return function(value)

    def complement(self, value: Any) -> Any:
        return added(ones(*value.shape), scaled(-1, value))

    def bias(self, width: Any) -> Any:
        return ones(B, 1) * self.weight(1, width)

    def weight(self, *shape: Any) -> Any:
        there = [weight for weight in self.weights if weight.shape == shape]
        if there and self.chance(25):
            return self.random.choice(there)
        if self.weights and self.chance(15):
            constant = matrix(f"C{len(self.constants)}", *shape)
            self.constants[constant] = self.pattern(shape)
            return constant
        self.weights.append(matrix(f"W{len(self.weights)}", *shape))
        return self.weights[-1]

    def pattern(self, shape: Any) -> Pattern | None:
        """How a constant is made, None for one that is given, as a column is."""
        if shape[1] == 1:
            return None
        numbers = {name: int(kind.numbered) for name, kind in PATTERNS.items()}
        patterns = [Pattern(name, number) for name, number in numbers.items()]
        return self.random.choice([None, *(p for p in patterns if not fault_of_pattern(p, shape))])

    def read(self, matrices: list[Any]) -> Any:
        unread = [there for there in matrices if there in self.unread]
        chosen = self.random.choice(unread if unread and self.chance(60) else matrices)
        self.unread = [there for there in self.unread if there != chosen]
        return chosen

    def add(self, there: Any) -> None:
        self.matrices.append(there)
        self.unread.append(there)

    def chance(self, percent: int) -> bool:
        drawn = self.random.randrange(100)
        return drawn >= 100 - percent if self.shrinks else drawn < percent  # 0, the simplest, is no
