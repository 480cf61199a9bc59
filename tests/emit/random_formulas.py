"""Formulas drawn at random, and with them the weights, constants and functions that they read."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from gru_codegen.constants import PATTERNS, Pattern, fault_of_pattern
from gru_codegen.functions import FUNCTIONS

#: Those that are applied to numbers from 1 to 3 alone.
FROM_1_TO_3 = [n for n, f in FUNCTIONS.items() if f.record.poles or f.record.overflows]
#: The others, the simplest first, which are drawn most.
ANYWHERE = ["tanh", "sigmoid", *(n for n in FUNCTIONS if n not in FROM_1_TO_3)]
JUMPS = ("positive", "step")
SMOOTH = [n for n in ANYWHERE if n not in JUMPS]
ROWS = ("row_sum", "row_mean", "row_max")
COEFFICIENTS = ("2", "1/3", "-3/2", "0.1")

Shape = tuple[str, ...]


class Matrix(NamedTuple):
    """A matrix with one row per sample, (B, width)."""

    name: str
    width: str

    @property
    def before(self) -> Matrix:
        """It, a state, one step earlier."""
        return Matrix(f"{self.name}_prev", self.width)


def shape_text(shape: Shape) -> str:
    """A shape as files have it."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"


def bare(text: str) -> str:
    """A formula without brackets around the whole of it."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text


class Words:
    """What the formulas of a declaration read, each drawn when it is read first."""

    def __init__(self, random: Random, *, outside: bool = True, short: bool = False) -> None:
        self.random, self.outside, self.short = random, outside, short
        self.weights: dict[str, Shape] = {}
        self.constants: dict[str, str] = {}
        self.fixed: dict[str, Shape] = {}
        self.functions: dict[str, str] = {}
        self.numbers: dict[str, str] = {}
        self.matrices: list[Matrix] = []
        self.unread: list[Matrix] = []
        self.lines: list[str] = []
        self._constant_shapes: list[Shape] = []

    def chance(self, percent: int) -> bool:
        """True so often; 0, to which draws shrink, is no."""
        return self.random.randrange(100) >= 100 - percent

    def add(self, there: Matrix) -> None:
        """Let formulas read a matrix from now on."""
        self.matrices.append(there)
        self.unread.append(there)

    def read(self, matrices: list[Matrix]) -> str:
        """The name of one of these, most often of one that nothing has read."""
        unread = [there for there in matrices if there in self.unread]
        chosen = self.random.choice(unread if unread and self.chance(60) else matrices)
        self.unread = [there for there in self.unread if there != chosen]
        return chosen.name

    def shapes(self) -> list[Shape]:
        """The shapes of all that is the same at every step."""
        return [*self.weights.values(), *self._constant_shapes, *self.fixed.values()]

    # --- weights ----------------------------------------------------------------------------

    def weight(self, shape: Shape) -> str:
        """A weight, one that is there already or a new one, or a constant."""
        there = [n for n, own in (self.weights | self.fixed).items() if own == shape]
        if there and self.chance(25):
            return self.random.choice(there)
        if self.weights and self.chance(15):
            return self.constant(shape)
        name = f"W{len(self.weights)}"
        self.weights[name] = shape
        return name

    def constant(self, shape: Shape) -> str:
        """A constant that is given, or made where its shape can be."""
        name = f"C{len(self.constants)}"
        rows, columns = (1 if n == "1" else n for n in ("1", "1", *shape)[-2:])
        patterns = [Pattern(each, int(kind.numbered)) for each, kind in PATTERNS.items()]
        made = [p for p in patterns if not fault_of_pattern(p, (rows, columns)) and columns != 1]
        pattern = self.random.choice([None, *made])
        self.constants[name] = shape_text(shape) if pattern is None else pattern.of(shape)
        self._constant_shapes.append(shape)
        return name

    def of_weights(self, shape: Shape) -> str:
        """A weight or what is made of some, here or in an equation outside the time loop."""
        if not self.chance(35):
            return self.weight(shape)
        kinds = {0: self._number, 1: self._vector, 2: self._matrix}
        written = kinds[len(shape)](shape)
        if not self.outside or written.endswith(".T") or not self.chance(40):
            return written
        return self.outside_of(shape, written)

    def outside_of(self, shape: Shape, written: str) -> str:
        """The name of what an equation of weights alone computes."""
        name = f"U{len(self.fixed)}"
        self.fixed[name] = shape
        self.lines.append(f"{name} = {bare(written)}")
        return name

    def _number(self, shape: Shape) -> str:
        if not self.outside:
            return self.weight(shape)
        return self.random.choice([self._function_of, self._product_of])(shape)

    def _vector(self, shape: Shape) -> str:
        if not self.outside:
            return self.weight(shape)
        match self.random.choice(["function", "product", "number", "softmax", "rows"]):
            case "number":
                return f"({self.weight(())} * {self.weight(shape)})"
            case "softmax":
                return f"softmax({self.weight(shape)})"
            case "rows":
                column = f"{self.random.choice(ROWS)}({self.weight((*shape, 'H'))})"
                return f"{self.outside_of((*shape, '1'), column)}.T"
            case "function":
                return self._function_of(shape)
        return self._product_of(shape)

    def _matrix(self, shape: Shape) -> str:
        rows, columns = shape
        kinds = ["sum", "elementwise", *["product", "transpose"] * (columns != "1")]
        more = ["function", "vector", "column", "difference", "softmax", "choice"]
        match self.random.choice(kinds + more * self.outside * (columns != "1")):
            case "transpose":
                return f"{self.weight((columns, rows))}.T"
            case "product":
                first, last = self.weight(shape), self.weight((columns, columns))
                return first if first == last else f"({first} @ {last})"  # no power is written
            case "sum":
                return f"({self.weight(shape)} + {self.weight(shape)})"
            case "difference":
                return f"({self.weight(shape)} - {self.weight((columns, rows))}.T)"
            case "function":
                return self._function_of(shape)
            case "vector":
                return f"({self.weight((columns,))} * {self.weight(shape)})"
            case "column":
                return f"({self.weight((rows, '1'))} * {self.weight(shape)})"
            case "softmax":
                return f"softmax({self.weight(shape)})"
            case "choice":
                first, other = self.weight(shape), self.weight(shape)
                other = "1/3" if first == other else other
                return f"where({first} > 1/7, {first}, {other})"
        return self._product_of(shape)

    def _function_of(self, shape: Shape) -> str:
        return f"{self.function(SMOOTH)}({self.weight(shape)})"

    def _product_of(self, shape: Shape) -> str:
        return f"({self.weight(shape)} * {self.weight(shape)})"

    # --- functions and numbers --------------------------------------------------------------

    def number(self) -> str:
        """A number, with a name now and then."""
        if not self.chance(20):
            return self.random.choice(COEFFICIENTS)
        name = f"n{len(self.numbers)}"
        self.numbers[name] = self.random.choice(COEFFICIENTS)
        return name

    def function(self, package: list[str] = ANYWHERE) -> str:
        """The name of a function: of these of the package, or of the author's own."""
        if not self.chance(15):
            return self.random.choice(package)
        if self.functions and self.chance(40):
            return self.random.choice(list(self.functions))
        value = bare(self._formula(2))
        own = f'"{value}"'
        if self.chance(30):
            derivative = self.random.choice(["1", "1 / (1 + a * a)", bare(self._formula(1))])
            own = f'{{ value = "{value}", derivative = "{derivative}" }}'
        name = f"f{len(self.functions)}"
        self.functions[name] = own
        return name

    def _formula(self, depth: int) -> str:
        """A formula of the argument a, bounded where that is."""
        if depth == 0:
            return "a"
        inner, other = (self._formula(self.random.randrange(depth)) for _ in range(2))
        if self.functions and self.chance(30):
            return f"{self.random.choice([*self.functions])}({bare(inner)})"
        match self.random.choice(["function", "product", "sum", "power", "quotient", "choice"]):
            case "function":
                return f"{self.random.choice(SMOOTH)}({bare(inner)})"
            case "product":
                return f"({inner} * {self.random.choice(SMOOTH)}({bare(other)}))"
            case "sum":
                return f"({self.random.choice(COEFFICIENTS)} * {inner} + tanh({bare(other)}))"
            case "power":
                return f"{inner} ** 2" if inner == "a" else f"({inner}) ** 2"
            case "quotient":
                return f"({inner} / (2 + tanh({bare(other)})))"
        return f"where(a > 1/7, {bare(inner)}, {self.random.choice(COEFFICIENTS)} * {other})"


class Formulas(Words):
    """Draws formulas of matrices; each has as many columns as it is asked for."""

    def value(self, width: str) -> str:
        """The right side of an equation."""
        if self.chance(35):
            return self.gate(width)
        terms = [self.term(width) for _ in range(self.random.choice([1, 2, 2, 3]))]
        terms += [self.bias(width)] if self.chance(40) else []
        terms += ["1/3"] if self.chance(10) else []
        names = {there.name for there in self.matrices}
        if not any(name in "".join(terms) for name in names):  # it would be of weights alone
            terms.append(self.product(width))
        total = f"({self.random.choice([' + ', ' + ', ' - ']).join(terms)})"
        return self.applied(total) if self.chance(50) else total

    def gate(self, width: str) -> str:
        """A function of a sum of products, as most gates are: what passes put together."""
        products = [self.product(width) for _ in range(self.random.choice([2, 3, 4]))]
        products += [self.bias(width)] if self.chance(50) else []
        return self.applied(f"({' + '.join(products)})")

    def term(self, width: str) -> str:
        """A summand."""
        kinds = ["factor", "elementwise", "elementwise", "product", "product"]
        match self.random.choice(kinds):
            case "product":
                term = self.product(width)
            case "elementwise":
                factors = [self.factor(width) for _ in range(self.random.choice([2, 2, 3]))]
                term = f"({' * '.join(factors)})"
            case _:
                term = self.factor(width)
        if width != "1" and self.chance(20):
            term = f"({self.column()} * {term})"
        return f"({self.number()} * {term})" if self.chance(15) else term

    def column(self) -> str:
        """A number for each sample, or one that is learned; perhaps a function of it."""
        columns = [there for there in self.matrices if there.width == "1"]
        match self.random.choice(["there", "there", "rows", "rows", "time", "weight"]):
            case "there" if columns:
                column = self.read(columns)
            case "rows":
                column = f"{self.random.choice(ROWS)}({self.read(self.wide())})"
            case "time":
                column = "t"
            case _:
                return self.of_weights(())
        return self.nested(column, "1") if self.chance(40) else column

    def wide(self) -> list[Matrix]:
        """The matrices of more than one column."""
        return [there for there in self.matrices if there.width != "1"]

    def product(self, width: str) -> str:
        """A matrix product with weights."""
        name = self.read(self.wide())
        own = next(there.width for there in self.matrices if there.name == name)
        operand = name
        if self.chance(15):
            alike = [there for there in self.matrices if there.width == own]
            operand = f"({name} * {self.read(alike)})"
        if self.chance(15):
            operand = self.applied(operand)
        return f"({operand} @ {self.of_weights((own, width))})"

    def factor(self, width: str) -> str:
        """A factor of an elementwise product, or a summand."""
        fitting = [there for there in self.matrices if there.width == width]
        kinds = ["matrix"] * 5 + ["complement", "complement", "function", "bias", "product"]
        kinds += ["nested", "pole", "delay", "choice", "quotient", "power", "larger"]
        kinds += ["softmax", "norm"] if width != "1" else []
        kind = self.random.choice(kinds) if fitting else "product"
        match kind:
            case "matrix":
                return self.read(fitting)
            case "bias":
                return self.bias(width)
            case "choice":
                return self.choice(fitting)
            case "delay":
                return self.delay(fitting)
            case "nested":
                return self.nested(self.read(fitting), width)
            case "product":
                return self.product(width)
        return self.word(kind, fitting, width)

    def word(self, kind: str, fitting: list[Matrix], width: str) -> str:
        """A word of the language, of one or of two matrices."""
        first = self.read(fitting)
        match kind:
            case "complement":
                return f"(1 - {first})"
            case "function":
                return self.applied(first)
            case "quotient":
                return f"({first} / (2 + tanh({self.read(fitting)})))"
            case "power":
                return self.random.choice([f"{first} ** 2", f"(2 + tanh({first})) ** -1"])
            case "larger":
                of_two = self.random.choice(["maximum", "minimum"])
                other = f"{self.read(fitting)} + 1/7" if self.chance(50) else "1/7"
                return f"{of_two}({first}, {other})"
            case "softmax":
                return f"softmax({first})"
            case "norm":
                return f"layer_norm({first}, {self.bias(width)}, {self.bias(width)})"
        return f"{self.random.choice(FROM_1_TO_3)}(2 + tanh({first}))"

    def nested(self, value: str, width: str) -> str:
        """A chain of functions, complements and products with what is there."""
        for _ in range(self.random.choice([2, 3, 4])):
            fitting = [there for there in self.matrices if there.width == width]
            match self.random.choice(["function", "complement", "product"][: 2 + bool(fitting)]):
                case "function":
                    value = self.applied(value)
                case "complement":
                    value = f"(1 - {value})"
                case _:
                    value = f"({value} * {self.read(fitting)})"
        return value

    def delay(self, fitting: list[Matrix]) -> str:
        """What a state, an input or a computed matrix was up to three steps earlier."""
        name = self.read(fitting)
        steps = self.random.choice([1, 1, 2, 3])
        return f"lag({name.removesuffix('_prev')}, {steps})"

    def choice(self, fitting: list[Matrix]) -> str:
        """One of two matrices, or of one and a number, by a third; or a pole where it is none."""
        condition, first = self.read(fitting), self.read(fitting)
        holds = f"{condition} {self.random.choice(['> 1/7', '< 1/7', '>= 1/7', '+ 1/7'])}"
        kind = self.random.choice(["two", "number", "pole", "both"])
        other = self.random.choice(["0", "2", "1/3"]) if kind == "number" else self.read(fitting)
        if kind == "pole":
            chosen = f"tanh({self.random.choice(FROM_1_TO_3)}({condition} + 1)) * {first}"
            return f"where({condition} > 1/7, {chosen}, {other})"
        if kind == "both":
            holds = f"({condition} > 1/7) * ({other} < {first} + 2/7)"
        return f"where({holds}, {self.applied(first)}, {other})"

    def applied(self, value: str) -> str:
        """A function of `value`; a step is where nothing is by round-off, as sigmoid is at 0."""
        function = self.function()
        argument = f"{value} + 1/7" if function in JUMPS else bare(value)
        return f"{function}({argument})"

    def bias(self, width: str) -> str:
        """A vector, or a number."""
        return self.of_weights(() if width == "1" else (width,))
