"""The symbols that a file declares: sizes, inputs, states and weights, with their shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from reprlib import repr as shortened
from types import MappingProxyType
from typing import Any

import sympy as sp

from gru_codegen.cell import B, D, H, fault_of_symbol, matrix, size, t
from gru_codegen.constants import PATTERNS, Pattern, fault_of_pattern
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.known import meant
from gru_codegen.names import fault_of_name
from gru_codegen.own_functions import fault_of_function
from gru_codegen.parse.document import Document
from gru_codegen.parse.functions import read_function
from gru_codegen.parse.values import Value, letters

__all__ = ["Symbols"]

_NUMBER = re.compile(
    r"\s*(?P<number>-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,2})?)"
    r"(?:\s*/\s*(?P<over>[0-9]{1,30}))?\s*"
)
_PATTERN = re.compile(
    r"(?P<pattern>\w+)\(\s*(?P<rows>[^\W\d]\w*)\s*(,\s*(?P<columns>[^\W\d]\w*)\s*)?"
    r"(,\s*(?P<number>[0-9]{1,9})\s*)?\)"
)
_SHAPE = re.compile(r"\(\s*(\w+)\s*,\s*(\w+)\s*\)|\(\s*(\w+)\s*,\s*\)|(\w+)|\(\s*\)")


class Symbols:
    """The declared symbols, each checked when it is read, a fault with its place in the file.

    Attributes
    ----------
    sizes: by their letters. numbers, functions: by their names. inputs, weights: in the declared
        order.
    without_gradient: those of the inputs that none is derived for. constants: how a kernel makes
        each, None for one that it is given.
    states: the previous value of each state, by the name of the state.
    roles: for every name in use what it is, in words.

    Raises
    ------
    CellError: a name is not valid or has a role already, or a shape is malformed.
    """

    #: What any file may read without a declaration.
    everywhere: Mapping[str, Any] = MappingProxyType({"t": t})

    def __init__(self, document: Document) -> None:
        self.document = document
        self.roles: dict[str, str] = {}
        self.sizes: dict[str, Any] = {}
        self.numbers: dict[str, Any] = {}
        self.functions: dict[str, Any] = {}
        self.inputs: tuple[Any, ...] = ()
        self.without_gradient: tuple[Any, ...] = ()
        self.states: dict[str, Any] = {}
        self.weights: tuple[Any, ...] = ()
        self.constants: dict[Any, Pattern | None] = {}
        self._read()

    def _read(self) -> None:
        """Read what the file declares, in an order in which each may name what is before it."""
        self.sizes |= {symbol.name: symbol for symbol in (B, D, H)}
        self._read_sizes()
        self._read_numbers()
        self._read_functions()
        self.inputs = self._matrices("inputs", "an input")
        self.without_gradient = tuple(self._read_without_gradient())
        self._read_states()
        self.weights = self._matrices("weights", "a weight")
        self.constants |= self._read_constants()

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs: the first state, unless the file says otherwise."""
        declared = self.document.table.get("output", next(iter(self.states), ""))
        return declared if isinstance(declared, list) else [declared]

    def values(self) -> dict[str, Value]:
        """By name all that the first equation may read."""
        symbols = (*self.inputs, *self.states.values(), *self.weights, *self.constants)
        named = {**self.everywhere, **{symbol.name: symbol for symbol in symbols}}
        numbers = {name: Value(number, ()) for name, number in self.numbers.items()}
        return {**{name: Value.of(symbol) for name, symbol in named.items()}, **numbers}

    def fault_of(self, name: str) -> str | None:
        """The reason why `name` cannot have a role, or None."""
        if name in self.roles:
            return f"is {self.roles[name]} already"
        if name.startswith("d") and name[1:] in self.roles:
            return f"is what the adjoint of {name[1:]} is called"
        if f"d{name}" in self.roles:
            return f"would have the adjoint d{name}, which is {self.roles[f'd{name}']} already"
        return fault_of_symbol(name)

    def _give_role(self, name: str, role: str, *path: str | int) -> None:
        if fault := self.fault_of(name) or (fault_of_name(name) if role == "a size" else None):
            raise self.document.error(f"{shortened(name)} {fault}", *path)
        self.roles[name] = role

    def _read_sizes(self) -> None:
        *others, last = self.sizes
        besides = f"those besides {', '.join(others)} and {last}"
        for index, letter in enumerate(self.document.table.get("sizes", [])):
            if letter in self.sizes:
                fault = f"{letter} is a size already; sizes lists {besides}"
                raise self.document.error(fault, "sizes", index)
            self._give_role(letter, "a size", "sizes", index)
            self.sizes[letter] = size(letter)

    def _read_numbers(self) -> None:
        for name, written in self.document.table.get("numbers", {}).items():
            self._give_role(name, "a number", "numbers", name)
            match = _NUMBER.fullmatch(str(written)) if type(written) in (str, int, float) else None
            if match is None or not int(match["over"] or 1):
                fault = f'{shortened(written)} is no number; write 3, 0.1 or "1/10"'
                raise self.document.value_error(fault, "numbers", name)
            number = Fraction(match["number"]) / int(match["over"] or 1)
            if max(abs(number.numerator), number.denominator) >= 2**63:
                fault = f"{name} is {number}, and no array of integers holds that"
                raise self.document.value_error(fault, "numbers", name)
            self.numbers[name] = sp.Rational(number.numerator, number.denominator)

    def _read_without_gradient(self) -> Iterator[Any]:
        inputs = {symbol.name: symbol for symbol in self.inputs}
        declared = self.document.table.get("without_gradient", [])
        for index, name in enumerate(declared):
            if name not in inputs:
                fault = f"there is no input {shortened(name)};{meant(name, inputs)} "
                fault += f"known: {', '.join(inputs)}"
                raise self.document.error(fault, "without_gradient", index)
            if name in declared[:index]:
                raise self.document.error(f"{name} stands here twice", "without_gradient", index)
            yield inputs[name]

    def _read_functions(self) -> None:
        numbers = {name: Value(number, ()) for name, number in self.numbers.items()}
        for name in self.document.table.get("functions", {}):
            if fault := fault_of_function(name):
                raise self.document.error(f"{shortened(name)} {fault}", "functions", name)
            self._give_role(name, "a function", "functions", name)
            self.functions[name] = read_function(self.document, name, numbers, self.functions)

    @property
    def callable(self) -> dict[str, Any]:
        """The functions of one argument that equations may call, by name."""
        return {**FUNCTIONS, **self.functions}

    def place_of(self, state: str) -> tuple[str, str | int]:
        """The path to a state in the document: the key of a table, or the place in an array."""
        declared = self.document.table["states"]
        return "states", state if isinstance(declared, dict) else declared.index(state)

    def _read_states(self) -> None:
        declared = self.document.table["states"]
        for index, state in enumerate(declared):
            place = state if isinstance(declared, dict) else index
            previous = f"{state}_prev"
            self._give_role(state, "a state", "states", place)
            self._give_role(previous, f"the previous value of {state}", "states", place)
            shape = (B, H)
            if isinstance(declared, dict):
                shape = self._shape_in("states", state, declared[state])
            self.states[state] = matrix(previous, *shape)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The weights, and the constants that a call is given."""
        return (*self.weights, *(each for each, made in self.constants.items() if made is None))

    def _read_constants(self) -> Iterator[tuple[Any, Pattern | None]]:
        """The constants, each with the pattern that it is made by, if it has no shape instead."""
        for name, written in self.document.table.get("constants", {}).items():
            self._give_role(name, "a constant", "constants", name)
            match = _PATTERN.fullmatch(written.strip())
            pattern = None if match is None else _pattern_of(self.document, name, match)
            shape = written if match is None else _shape_of(match)
            sizes = self._sizes_of(shape, "constants", name)
            symbol = matrix(name, *(sp.S.One, sp.S.One, *sizes)[-2:])
            fault = _fault_of_shape("constants", name, sizes)
            if fault is None and pattern is not None:
                wrong = fault_of_pattern(pattern, symbol.shape)
                fault = f"{pattern.name} {wrong}" if wrong else None
            if fault:
                raise self.document.value_error(fault, "constants", name)
            yield symbol, pattern

    def _matrices(self, section: str, role: str) -> tuple[Any, ...]:
        """The matrices of a table of names and shapes."""
        symbols = []
        for name, written in self.document.table.get(section, {"x": "(B, D)"}).items():
            self._give_role(name, role, section, name)
            sizes = self._shape_in(section, name, written)
            symbols.append(matrix(name, *(sp.S.One, sp.S.One, *sizes)[-2:]))
        return tuple(symbols)

    def _shape_in(self, section: str, name: str, written: str) -> tuple[Any, ...]:
        """The sizes of the shape of a name in a table, as `_sizes_of` has them, if it can be so."""
        sizes = self._sizes_of(written, section, name)
        if fault := _fault_of_shape(section, name, sizes):
            raise self.document.value_error(fault, section, name)
        return sizes

    def _sizes_of(self, written: str, section: str, name: str) -> tuple[Any, ...]:
        """The sizes of a shape as it is written: one for a vector, none for a number."""
        error = self.document.value_error
        match = _SHAPE.fullmatch(written.strip())
        if match is None:
            fault = f"{shortened(written)} is not a shape"
            shapes = '"(D, H)", "(H,)" for a vector, or "()" for a number'
            raise error(f"{fault}; write {shapes}", section, name)
        found = list(filter(None, match.groups()))
        if found[:1] == ["1"]:
            fault = f"{written.strip()} has one row"
            meant = '"()" for a number' if found[-1] == "1" else f'"({found[-1]},)" for a vector'
            raise error(f"{fault}; write {meant}", section, name)
        for letter in found:
            if letter not in (*self.sizes, "1"):
                fault = f"there is no size {letter}; known: {', '.join(self.sizes)}"
                remedy = f'declare it: sizes = ["{letter}"]' if letter.isidentifier() else ""
                remedy = remedy or "a shape has letters for its sizes"
                raise error(f"{fault}; {remedy}", section, name)
        return tuple(self.sizes.get(letter, sp.S.One) for letter in found)


def _pattern_of(document: Document, name: str, match: re.Match[str]) -> Pattern:
    pattern, number = match["pattern"], match["number"]
    if pattern not in PATTERNS:
        fault = f"there is no pattern {shortened(pattern)};{meant(pattern, PATTERNS)} "
        fault += f"known: {', '.join(PATTERNS)}"
        raise document.value_error(fault, "constants", name)
    if PATTERNS[pattern].numbered and number is None:
        fault = f"{pattern} takes a number, as in {pattern}(H, 1)"
        raise document.value_error(fault, "constants", name)
    try:
        return Pattern(pattern, int(number or 0))
    except CellError as error:
        raise document.value_error(str(error), "constants", name) from None


def _shape_of(match: re.Match[str]) -> str:
    """The shape of a constant that is made by a pattern, as it would be written."""
    sizes = [match["rows"], *([match["columns"]] if match["columns"] else [])]
    if PATTERNS[match["pattern"]].shape == "square":
        sizes = [*sizes, sizes[0]][:2]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def _fault_of_shape(section: str, name: str, sizes: tuple[Any, ...]) -> str | None:
    """The reason why an input, a state, a prediction or a weight cannot have a shape, or None."""
    role = section.removesuffix("s")
    if role in ("input", "state", "prediction"):
        if len(sizes) < 2 or sizes[0] != B or sizes[1] == B:
            a_role = f"an {role}" if role == "input" else f"a {role}"
            return f"the {role} {name} is {letters(sizes)}; {a_role} has one row per sample, (B, n)"
    elif B in sizes:
        return f"the {role} {name} is {letters(sizes)}; a {role} serves every sample and has no B"
    return None
