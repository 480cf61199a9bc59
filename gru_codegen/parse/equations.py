"""The equations of a file in SymPy, each read with the names that are known before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from gru_codegen.cell import B, Equation, matrix
from gru_codegen.equations import is_timed
from gru_codegen.errors import CellError
from gru_codegen.forms import with_rows
from gru_codegen.known import meant
from gru_codegen.lags import held
from gru_codegen.parse.algebra import read
from gru_codegen.parse.document import Document
from gru_codegen.parse.keys import KEYS
from gru_codegen.parse.symbols import Symbols
from gru_codegen.parse.syntax import Statement, Token, statements
from gru_codegen.parse.text import Text
from gru_codegen.parse.values import Value, letters

__all__ = ["Written", "read_equations"]


@dataclass(frozen=True)
class Written:
    """The equations as they are written, and the text that their places are in."""

    text: Text
    statements: list[Statement]

    @classmethod
    def of(cls, document: Document, example: str = KEYS["equations"]) -> Written:
        """The equations of `document`; CellError if there are none or one is malformed."""
        written, text = document.table["equations"], document.text
        start = document.place("equations")
        if start is None:  # it is written with escapes: then places are those in the string
            start, text = 0, Text(f"{text.path}, equations", written)
        found = statements(text, start, start + len(written))
        if not found:
            fault = f"there is no equation here; write one such as {example}"
            raise document.error(fault, "equations")
        return cls(text, found)

    @cached_property
    def targets(self) -> dict[str, Token]:
        """The left sides, by name."""
        return {statement.target.text: statement.target for statement in self.statements}

    @cached_property
    def read(self) -> set[str]:
        """The names that some equation reads."""
        return {token.text for statement in self.statements for token in statement.right}

    @cached_property
    def delayed(self) -> set[str]:
        """The names of which some equation reads earlier values, by lag(S, 2)."""
        return {name for each in self.statements for name in each.names(delayed=True)}

    def error(self, message: str, first: Token, last: Token) -> CellError:
        """An error about the words from `first` to `last`."""
        return self.text.error(message, first.start, last.end)


def read_equations(written: Written, symbols: Symbols) -> tuple[Equation, ...]:
    """The equations in SymPy; every left side gets a role in `symbols`.

    Raises CellError, pointing at the place, for a left side that is no new name, and for a right
    side that is no matrix expression of names before it, or of another shape than a state has.
    """
    known = symbols.values()
    equations: list[Equation] = []
    for statement in written.statements:
        name = statement.target.text
        _check_target(written, statement.target, symbols, [e.target.name for e in equations])
        missing = partial(_why_missing, written, symbols, known, name)
        delayed = partial(_delayed, written, symbols, known, name)
        value = read(written.text, statement, known, missing, delayed, symbols.callable)
        equations.append(_equation(written, statement, value, symbols))
        known[name] = Value.of(equations[-1].target)
        symbols.roles[name] = "a left side"
    return tuple(equations)


def _check_target(
    written: Written, target: Token, symbols: Symbols, earlier: Iterable[str]
) -> None:
    name = target.text
    fault = "has an equation already" if name in earlier else None
    if name not in symbols.states:
        fault = fault or symbols.fault_of(name)
    if fault is not None:
        raise written.error(f"{name} {fault}", target, target)


def _equation(written: Written, statement: Statement, value: Value, symbols: Symbols) -> Equation:
    """The equation of a statement: of weights alone, unless its target has one row per sample."""
    target, right = statement.target, statement.right
    before, is_output = symbols.states.get(target.text), target.text in symbols.outputs
    is_vector, expression = len(value.shape) == 1, value.expression
    rows = B if is_vector else value.shape[0]
    if is_vector and before is None and not is_output:
        rows, expression = 1, with_rows(expression, 1)
    symbol = matrix(target.text, rows, value.shape[-1])
    if before is not None and symbol.shape != before.shape:
        fault = f"{target.text} is a state, {letters(before.shape)}, and the right-hand side is"
        raise written.error(f"{fault} {letters(symbol.shape)}", right[0], right[-1])
    if is_output and not is_timed(symbol):
        article = "an" if symbols.outputs[1:] else "the"
        fault = f"{target.text} is {article} output, one row per sample, and the right-hand side is"
        raise written.error(f"{fault} {letters(symbol.shape)}", right[0], right[-1])
    meaning = statement.meaning or ("state" if before is not None else target.text)
    try:
        return Equation(symbol, expression, meaning)
    except CellError as error:
        raise written.error(str(error), target, right[-1]) from None


def _delayed(
    written: Written,
    symbols: Symbols,
    known: Mapping[str, Value],
    target: str,
    name: str,
    steps: int,
) -> Any:
    """The symbol of which the equation of `target` reads an earlier value, or why it cannot.

    The states that hold it get their roles.
    """
    inputs = {symbol.name: symbol for symbol in symbols.inputs}
    state, before = name.removesuffix("_prev"), symbols.states.get(name)
    if name in inputs:
        symbol: Any = inputs[name]
    elif before is not None:
        symbol = matrix(name, *before.shape)
    elif symbols.roles.get(name) == "a left side":
        symbol = known[name].expression
        if not known[name].is_timed:
            return f"{name} is of weights alone, and the same at every step; write {name}"
    elif name != state and state in symbols.states:
        return f"{name} is {state} one step earlier; write lag({state}, {steps + 1})"
    elif name in written.targets:
        return (
            f"{name} is computed only in line {written.text.line(written.targets[name].start)}; "
            f'move its equation up, or declare its shape, as states = {{ {name} = "(B, H)" }}'
        )
    elif name in symbols.roles:
        return f"{name} is {symbols.roles[name]}; a delay is of what changes from step to step"
    else:
        return _why_missing(written, symbols, known, target, name)
    role = f"what lag({name}, ...) needs"
    own = {name, f"{name}_prev"} if name in symbols.states else {name}
    for each in held(symbol, steps, given=name in inputs):
        for new in sorted({each.state.name, each.before.name} - own):
            fault = symbols.roles.get(new) != role and symbols.fault_of(new)
            if fault:
                return f"lag({name}, {steps}) needs the name {new}, which {fault}"
            symbols.roles[new] = role
    return symbol


def _why_missing(
    written: Written, symbols: Symbols, known: Iterable[str], target: str, name: str
) -> str:
    """The reason why the equation of `target` cannot read `name`."""
    equations = {statement.target.text: statement for statement in written.statements}
    base = name.removesuffix("_prev")
    if name in equations:
        line = written.text.line(equations[name].target.start)
        fault = f"{name} is computed only in line {line}"
        if name in symbols.states:
            return f"{fault}; its value one step earlier is {name}_prev"
        if name == target:
            return f"{name} is computed from itself"
        if target in _ancestors(name, equations):
            return f"{target} and {name} are computed from each other"
        return f"{fault}; move its equation up"
    if base != name and base in equations and base not in symbols.states:
        fault = f"there is no {name}, since {base} is no state; states: {', '.join(symbols.states)}"
        return f"{fault}; {base} one step earlier is lag({base}, 1)"
    steps, first = 0, name
    while first.endswith("_prev"):
        first, steps = first.removesuffix("_prev"), steps + 1
    if steps and first in (*equations, *(symbol.name for symbol in symbols.inputs)):
        count = "one step" if steps == 1 else f"{steps} steps"
        return f"there is no name {name}; {first} {count} earlier is lag({first}, {steps})"
    if name in symbols.sizes:
        return f"{name} is a size, and no number of an equation; declare it under numbers"
    own = [each for each in known if each not in symbols.everywhere]
    return f"there is no name {name};{meant(name, own)} known: {', '.join(own)}"


def _ancestors(name: str, equations: Mapping[str, Statement]) -> set[str]:
    """Every name that the equation of `name` reads, directly or by way of other equations."""
    ancestors: set[str] = set()
    waiting = [name]
    while waiting:
        statement = equations.get(waiting.pop())
        words = statement.names(delayed=False) if statement else set()
        waiting += words - ancestors
        ancestors |= words
    return ancestors
