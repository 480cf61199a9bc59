"""A cell from a text file: TOML, with the equations as they are written in NumPy.

    name = "rnn"
    states = ["S"]
    weights = { W = "(D, H)", Wrec = "(H, H)", b = "(H,)" }
    equations = '''
    S = tanh(x @ W + S_prev @ Wrec + b)     # state
    '''

The value of a state S one step earlier is S_prev; a state is (B, H), and the left side of any other
equation has the shape of its right side. What is left out is the usual: `inputs` is one x (B, D),
`output` the first state, `title` the name and `source` the file. `sizes` lists letters of shapes
other than B, D and H.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from reprlib import repr as shortened
from typing import Any

import sympy as sp

from gru_codegen.cell import (
    B,
    Cell,
    D,
    Equation,
    H,
    check_file_name,
    fault_of_symbol,
    matrix,
    size,
)
from gru_codegen.equations import check_text
from gru_codegen.errors import CellError
from gru_codegen.parse.algebra import Value, letters, read
from gru_codegen.parse.document import Document, kind_of
from gru_codegen.parse.syntax import Statement, statements
from gru_codegen.parse.text import Text, meant

__all__ = ["read_cell"]


def read_cell(path: str) -> Cell:
    """The cell that the TOML file at `path` declares; nothing in the file is evaluated.

    Raises CellError, which points at the line and column where there is one.
    """
    return _Declaration(Document.open(path)).cell()


#: What a file may say: for each key an example of its value, of the kind that it must have.
_KEYS: dict[str, Any] = {
    "name": "gru",
    "title": "gated recurrent unit",
    "source": "Author 2014, arXiv:1412.3555",
    "sizes": ["K"],
    "inputs": {"x": "(B, D)"},
    "states": ["S"],
    "weights": {"W": "(D, H)", "b": "(H,)"},
    "output": "S",
    "equations": "S = tanh(x @ W + b)",
}
_REQUIRED = ("name", "states", "weights", "equations")
_SHAPE = re.compile(r"\(\s*(\w+)\s*,\s*(\w+)\s*\)|\(\s*(\w+)\s*,\s*\)|(\w+)")


class _Declaration:
    """The declaration of a file, checked part by part, each fault with its place."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.table = document.table
        self.check_kinds()
        self.taken: dict[str, str] = {}
        self.sizes = {symbol.name: symbol for symbol in (B, D, H)}
        for place, letter in enumerate(self.table.get("sizes", [])):
            if letter in self.sizes:
                fault = f"{letter} is a size already; sizes lists those besides"
                raise document.error(f"{fault} B, D and H", "sizes", place)
            self.take(letter, "a size", "sizes", place)
            self.sizes[letter] = size(letter)
        self.inputs = self.symbols("inputs", "an input")
        self.states: dict[str, Any] = {}
        for place, state in enumerate(self.table["states"]):
            self.take(state, "a state", "states", place)
            self.take(f"{state}_prev", f"the previous value of {state}", "states", place)
            self.states[state] = matrix(f"{state}_prev", B, H)
        self.weights = self.symbols("weights", "a weight")
        self.known = {
            symbol.name: Value.of(symbol)
            for symbol in (*self.inputs, *self.states.values(), *self.weights)
        }

    # --- what is declared -------------------------------------------------------------------

    def check_kinds(self) -> None:
        error = self.document.error
        for key, value in self.table.items():
            if key not in _KEYS:
                raise error(f"there is no {key};{meant(key, _KEYS)} known: {', '.join(_KEYS)}", key)
            example = _KEYS[key]
            if type(value) is not type(example):
                expected = f"{kind_of(example)} such as {_toml(example)}"
                raise error(f"{key} must be {expected}, not {kind_of(value)}", key)
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            for part, word in parts if not isinstance(value, str) else ():
                if not isinstance(word, str):
                    fault = f"{key} holds strings, as in {_toml(example)}, not {kind_of(word)}"
                    raise error(fault, key, part)
        for key in _REQUIRED:
            if not self.table.get(key):
                fault = "is empty" if key in self.table else "is missing"
                raise error(f"the key {key} {fault}; write it as {key} = {_toml(_KEYS[key])}", key)

    def take(self, name: str, role: str, *path: str | int) -> None:
        """Give `name` a `role`; it must be a good name, and have none yet."""
        if fault := self.fault_of(name):
            raise self.document.error(f"{shortened(name)} {fault}", *path)
        self.taken[name] = role

    def fault_of(self, name: str) -> str | None:
        if name in self.taken:
            return f"is {self.taken[name]} already"
        if name.startswith("d") and name[1:] in self.taken:
            return f"is what the adjoint of {name[1:]} is called"
        if f"d{name}" in self.taken:
            return f"would have the adjoint d{name}, which is {self.taken[f'd{name}']} already"
        return fault_of_symbol(name)

    def symbols(self, section: str, role: str) -> tuple[Any, ...]:
        """The matrices of a table of names and shapes."""
        symbols = []
        for name, shape in self.table.get(section, {"x": "(B, D)"}).items():
            self.take(name, role, section, name)
            symbols.append(matrix(name, *self.shape(shape, section, name)))
        return tuple(symbols)

    def shape(self, written: str, section: str, name: str) -> tuple[Any, Any]:
        """Rows and columns of a shape in letters; a vector has one row."""
        error = self.document.value_error
        match = _SHAPE.fullmatch(written.strip())
        if match is None:
            fault = f"{shortened(written)} is not a shape"
            raise error(f'{fault}; write "(D, H)", or "(H,)" for a vector', section, name)
        sizes = []
        for letter in filter(None, match.groups()):
            if letter not in self.sizes:
                fault = f"there is no size {letter}"
                raise error(f"{fault}; known: {', '.join(self.sizes)}", section, name)
            sizes.append(self.sizes[letter])
        if section == "inputs" and (len(sizes) == 1 or sizes[0] != B):
            fault = f"the input {name} is {letters(tuple(sizes))}"
            raise error(f"{fault}; an input has one row per sample, (B, n)", section, name)
        if section == "weights" and B in sizes:
            fault = f"the weight {name} is {letters(tuple(sizes))}"
            raise error(f"{fault}; a weight serves every sample and has no B", section, name)
        return (sp.S.One, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])

    # --- equations --------------------------------------------------------------------------

    def cell(self) -> Cell:
        """The cell; Cell itself has the last word on the whole."""
        text, found = self.statements()
        equations = self.equations(text, found)
        self.check_use(text, found)
        table = self.table
        name = table["name"]
        title = table.get("title", name)
        source = table.get("source", os.path.basename(self.document.text.path))
        with self.blaming("name"):
            check_file_name(f"cell {name!r}", name)
        with self.blaming("title"):
            check_text(f"cell {name!r}", "title", title)
        with self.blaming("source"):
            check_text(f"cell {name!r}", "source", source)
        targets = {equation.target.name: equation.target for equation in equations}
        states = {targets[state]: before for state, before in self.states.items()}
        output = targets[self.output()]
        try:
            return Cell(name, title, source, self.inputs, self.weights, states, equations, output)
        except CellError as error:
            raise CellError(f"{text.path}: {error}") from None

    @contextmanager
    def blaming(self, key: str) -> Iterator[None]:
        """Give the place of the value of `key` to a fault that is found in it."""
        try:
            yield
        except CellError as error:
            raise self.document.value_error(str(error), key) from None

    def statements(self) -> tuple[Text, list[Statement]]:
        """The equations as they are written, and the text that their places are in."""
        written, text = self.table["equations"], self.document.text
        start = self.document.place("equations")
        if start is None:  # it is written with escapes: then places are those in the string
            start, text = 0, Text(f"{text.path}, equations", written)
        found = statements(text, start, start + len(written))
        if not found:
            fault = f"there is no equation here; write one such as {_KEYS['equations']}"
            raise self.document.error(fault, "equations")
        return text, found

    def equations(self, text: Text, found: list[Statement]) -> tuple[Equation, ...]:
        """The equations in SymPy, each with only those before it to read from."""
        known = dict(self.known)
        result: list[Equation] = []
        for statement in found:
            target, right = statement.target, statement.right
            name = target.text
            earlier = [equation.target.name for equation in result]
            fault = "has an equation already" if name in earlier else None
            if name not in self.states:
                fault = fault or self.fault_of(name)
            if fault is not None:
                raise text.error(f"{name} {fault}", target.start, target.end)
            missing = partial(self.missing, text, found, name, known)
            value = read(text, statement, known, missing)
            symbol = matrix(name, B, value.shape[-1])
            if name in self.states and symbol.shape != (B, H):
                fault = f"{name} is a state, (B, H), and the right-hand side is"
                fault += f" {letters(symbol.shape)}"
                raise text.error(fault, right[0].start, right[-1].end)
            meaning = statement.meaning or ("state" if name in self.states else name)
            try:
                result.append(Equation(symbol, value.expression, meaning))
            except CellError as error:
                raise text.error(str(error), target.start, right[-1].end) from None
            known[name] = Value.of(symbol)
            self.taken[name] = "a left side"
        return tuple(result)

    def missing(
        self, text: Text, found: list[Statement], target: str, known: Iterable[str], name: str
    ) -> str:
        """The reason why the equation of `target` cannot read `name`."""
        equations = {statement.target.text: statement for statement in found}
        base = name.removesuffix("_prev")
        if name in equations:
            line = text.line(equations[name].target.start)
            fault = f"{name} is computed only in line {line}"
            if name in self.states:
                return f"{fault}; its value one step earlier is {name}_prev"
            if name == target:
                return f"{name} is computed from itself"
            if target in _leading_to(name, equations):
                return f"{target} and {name} are computed from each other"
            return f"{fault}; move its equation up"
        if base != name and base in equations:
            return f"there is no {name}, since {base} is no state; states: {', '.join(self.states)}"
        return f"there is no name {name};{meant(name, known)} known: {', '.join(known)}"

    def check_use(self, text: Text, found: list[Statement]) -> None:
        """Check that every state has its next value and that everything is read."""
        error, output = self.document.error, self.output()
        read = {token.text for statement in found for token in statement.right}
        targets = {statement.target.text: statement.target for statement in found}
        for place, (state, before) in enumerate(self.states.items()):
            if state not in targets:
                fault = f"the state {state} has no next value; add an equation {state} = ..."
                raise error(fault, "states", place)
            if before.name not in read:
                fault = f"no equation reads {before}, what {state} was one step earlier"
                raise error(f"{fault}; without it {state} is no state", "states", place)
        if output not in targets:
            fault = f"the output {shortened(output)} is the left side of no equation;"
            fault += f"{meant(output, targets)} known: {', '.join(targets)}"
            raise self.document.value_error(fault, "output")
        for section, symbols in {"inputs": self.inputs, "weights": self.weights}.items():
            for symbol in symbols:
                if symbol.name not in read:
                    fault = f"no equation reads {symbol}; {self.remedy(section)}"
                    raise error(fault, section, symbol.name)
        used = {str(n) for symbol in (*self.inputs, *self.weights) for n in symbol.shape}
        for place, letter in enumerate(self.table.get("sizes", [])):
            if letter not in used:
                fault = f"no input and no weight has the size {letter}; use it or remove it"
                raise error(fault, "sizes", place)
        for name, target in targets.items():
            if name not in (*read, *self.states, output):
                fault = f"no equation reads {name}, and it is no state and not the output"
                raise text.error(f"{fault}; use it or remove it", target.start, target.end)

    def remedy(self, section: str) -> str:
        """The remedy for an input or a weight that is not read."""
        if section == "inputs" and section not in self.table:
            usual = (
                'the input is x, (B, D), unless a file says otherwise, as inputs = { u = "(B, D)" }'
            )
            return f"{usual} does"
        if section == "inputs" and len(self.inputs) > 1:
            return "a kernel takes one input, so remove it"
        return "use it or remove it"

    def output(self) -> str:
        return str(self.table.get("output", self.table["states"][0]))


def _leading_to(name: str, equations: Mapping[str, Statement]) -> set[str]:
    """Everything that the equation of `name` reads, and the equations of that, and so on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        statement = equations.get(waiting.pop())
        words = {token.text for token in statement.right} if statement else set()
        waiting += words - found
        found |= words
    return found


def _toml(value: Any) -> str:
    """A string, an array of strings or a table of them in TOML, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(word)}' for key, word in value.items())} }}"
    return f'"{value}"'
