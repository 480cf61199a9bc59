"""Checks that everything a file declares is used."""

from __future__ import annotations

from reprlib import repr as shortened

from gru_codegen.known import meant
from gru_codegen.parse.document import Document
from gru_codegen.parse.equations import Written
from gru_codegen.parse.functions import used_names
from gru_codegen.parse.symbols import Symbols

__all__ = ["check_use"]


def check_use(document: Document, symbols: Symbols, written: Written) -> None:
    """Check that every state has its next value, and that everything declared is read.

    Raises CellError, pointing at the first declaration that is not used.
    """
    _check_states(document, symbols, written)
    _check_outputs(document, symbols, written)
    _check_arguments(document, symbols, written)
    _check_sizes(document, symbols)
    _check_left_sides(symbols, written)


def _check_states(document: Document, symbols: Symbols, written: Written) -> None:
    for state, before in symbols.states.items():
        place = symbols.place_of(state)
        if state not in written.targets:
            fault = f"the state {state} has no next value; add an equation {state} = ..."
            raise document.error(fault, *place)
        if before.name not in written.read and state not in written.delayed:
            fault = f"no equation reads {before}, what {state} was one step earlier"
            raise document.error(f"{fault}; without it {state} is no state", *place)


def _check_outputs(document: Document, symbols: Symbols, written: Written) -> None:
    outputs, targets = symbols.outputs, written.targets
    several = isinstance(document.table.get("output"), list)
    for index, output in enumerate(outputs):
        place = ("output", index) if several else ("output",)
        if output not in targets:
            fault, known = f"the output {shortened(output)}", f"known: {', '.join(targets)}"
            if output in symbols.roles:
                fault += f", {symbols.roles[output]}, is the left side of no equation; {known}"
            else:
                fault += f" is the left side of no equation;{meant(output, targets)} {known}"
            raise document.value_error(fault, *place)
        if output in outputs[:index]:
            raise document.value_error(f"the output {output} stands here twice", *place)


def _check_arguments(document: Document, symbols: Symbols, written: Written) -> None:
    declared = {
        "inputs": symbols.inputs,
        "weights": symbols.weights,
        "constants": symbols.constants,
    }
    for section, arguments in declared.items():
        for symbol in arguments:
            if symbol.name not in written.read:
                remedy = _remedy(document, symbols, section)
                fault = f"no equation reads {symbol}; {remedy}"
                raise document.error(fault, section, symbol.name)
    in_functions = used_names(document)
    for name in symbols.functions:
        if name not in written.read | in_functions:
            fault = f"no equation calls {name}; use it or remove it"
            raise document.error(fault, "functions", name)
    for name in symbols.numbers:
        if name not in written.read | in_functions:
            raise document.error(f"no equation reads {name}; use it or remove it", "numbers", name)


def _remedy(document: Document, symbols: Symbols, section: str) -> str:
    """The remedy for an input or a weight that is not read."""
    if section == "inputs" and section not in document.table:
        example = 'inputs = { u = "(B, D)" }'
        return f"the input is x, (B, D), unless a file says otherwise, as {example} does"
    return "use it or remove it"


def _check_sizes(document: Document, symbols: Symbols) -> None:
    arguments = (*symbols.inputs, *symbols.arguments)
    used = {str(extent) for symbol in arguments for extent in symbol.shape}
    for index, letter in enumerate(document.table.get("sizes", [])):
        if letter not in used:
            fault = f"no input and no weight has the size {letter}; use it or remove it"
            raise document.error(fault, "sizes", index)


def _check_left_sides(symbols: Symbols, written: Written) -> None:
    for name, target in written.targets.items():
        if name not in (*written.read, *symbols.states, *symbols.outputs):
            fault = f"no equation reads {name}, and it is no state and no output"
            raise written.error(f"{fault}; use it or remove it", target, target)
