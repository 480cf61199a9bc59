"""The file of a derivation: TOML with a cell, a loss, names, and formulas; nothing is evaluated."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from reprlib import repr as shortened
from typing import Any, TypeVar

from gru_codegen.cell import Cell
from gru_codegen.derive import derive
from gru_codegen.errors import CellError
from gru_codegen.grade.naming import Naming
from gru_codegen.grade.reading import FormulaError, Reader
from gru_codegen.grade.stamps import Stamp, are_stamped, is_share, whole_gradient
from gru_codegen.grade.symbols import Symbols, symbols_of
from gru_codegen.grade.terms import Term, leaves, nodes, total
from gru_codegen.grade.writing import CODE, Manner
from gru_codegen.known import is_in_module, meant
from gru_codegen.losses import Loss
from gru_codegen.parse import cell_called, loss_called
from gru_codegen.parse.document import Document, kind_of
from gru_codegen.readouts import readouts
from gru_codegen.request import complete

__all__ = ["Entry", "Sheet"]

Declared = TypeVar("Declared", Cell, Loss)

MOST_FORMULAS = 200
MOST_NESTED = 40
_KEYS: dict[str, Any] = {
    "cell": "gru",
    "loss": "l2",
    "readout": "none",
    "names": {"h": "S"},
    "formulas": {"dZ": "dS * (CA - S_prev)"},
}


@dataclass(frozen=True)
class Entry:
    """A line of the file.

    Attributes
    ----------
    called: its left side, as it is written.
    text: its right side.
    key: the symbol that it is to be, or a name of the reader's own.
    own: whether it is that.
    term: the right side, of a gradient without its sum_t; None if it is blank.
    summed: whether it had one.
    manner: how it is written; if that does not show, as the first line of which it does.
    stamp: of a line of one time step, its number.
    """

    called: str
    text: str
    key: str
    own: bool
    term: Term | None
    summed: bool
    manner: Manner | None
    stamp: Stamp | None = None


@dataclass(frozen=True)
class Sheet:
    """A file that has been read."""

    document: Document
    cell: Cell
    loss: str
    readout: str
    symbols: Symbols
    naming: Naming
    entries: tuple[Entry, ...]

    @classmethod
    def open(cls, path: str) -> Sheet:
        """Read the file at `path`.

        Raises CellError, which points at the line and column where there is one.
        """
        document = Document.open(path, "a derivation", "a hundred lines")
        _check_kinds(document)
        table = document.table
        loss, readout = table.get("loss", "l2"), table.get("readout", "none")
        if readout not in readouts:
            fault = f"there is no readout {shortened(readout)};{meant(readout, readouts)}"
            raise document.value_error(f"{fault} known: {', '.join(readouts)}", "readout")
        cost = _declared(document, "loss", loss, loss_called)
        cell = complete(_declared(document, "cell", table["cell"], cell_called), readout)
        by_error = are_stamped(table["formulas"])
        symbols = symbols_of(derive(cell, cost), by_error)
        naming = Naming(symbols)
        _give_names(document, naming)
        entries = _entries(document, naming)
        _check_nesting(document, entries)
        return cls(document, cell, loss, readout, symbols, naming, entries)

    def line(self, entry: Entry) -> int | None:
        """The number of the line in which an entry stands, if that can be told."""
        start = self.document.place("formulas", entry.called)
        return None if start is None else self.document.text.line(start)


def _check_kinds(document: Document) -> None:
    table = document.table
    for key, value in table.items():
        if key not in _KEYS:
            fault = f"there is no {shortened(key)};{meant(key, _KEYS)} known: {', '.join(_KEYS)}"
            raise document.error(fault, key)
        if type(value) is not type(_KEYS[key]):
            raise document.error(f"{key} must be {kind_of(_KEYS[key])}, not {kind_of(value)}", key)
        for part, word in value.items() if isinstance(value, dict) else ():
            if not isinstance(word, str):
                raise document.error(f"{key} holds strings, not {kind_of(word)}", key, part)
    for key in ("cell", "formulas"):
        if not table.get(key):
            raise document.error(f"the key {key} is {'empty' if key in table else 'missing'}", key)
    if len(table["formulas"]) > MOST_FORMULAS:
        raise document.error(f"more than {MOST_FORMULAS} formulas", "formulas")


def _declared(document: Document, key: str, spec: str, load: Callable[[str], Declared]) -> Declared:
    """The cell or the loss of a file: one of the package, or a file of text beside this one.

    An object in a module is refused: to import it would run what the file names.
    """
    if is_in_module(spec):
        fault = f"{shortened(spec)} would be imported; a {key} is a name or a FILE.toml"
        raise document.value_error(fault, key)
    if spec.lower().endswith(".toml"):
        return load(os.path.join(os.path.dirname(document.text.path), spec))
    try:
        return load(spec)
    except CellError as error:
        raise document.value_error(str(error), key) from None


def _give_names(document: Document, naming: Naming) -> None:
    found = {}
    for called, ours in document.table.get("names", {}).items():
        if fault := naming.fault_of(called):
            raise document.error(f"{shortened(called)}: {fault}", "names", called)
        at = naming.find(ours)
        if at is None:
            close = meant(ours, naming.symbols.spelled)
            fault = f"the derivation has no name {shortened(ours)};{close} inspect shows them all"
            raise document.value_error(fault, "names", called)
        found[called] = at
    naming.give(found)


def _entries(document: Document, naming: Naming) -> tuple[Entry, ...]:
    targets: dict[str, str] = {}
    stamps: dict[str, Stamp | None] = {}
    of_steps = any("[" in each or " at " in each for each in document.table["formulas"])
    for called in document.table["formulas"]:
        whole = whole_gradient(called)
        at = naming.find(whole)
        # among lines of single steps dU_2 is dU at step 2, though there may be a name dU_2
        has_step = at is None or (of_steps and whole == called)
        stamps[called] = _stamp(document, naming, called) if has_step else None
        if stamp := stamps[called]:
            at = naming.find(stamp.called, stamp, with_step=False)
        if at is None:
            plain = called.removesuffix("_t")
            if fault := naming.fault_of(plain):
                raise document.error(f"{shortened(called)}: {fault}", "formulas", called)
            naming.own.add(plain)
            at = plain, 0
        if at[1]:
            fault = f"{called} is of step t{at[1]:+d}; a left side is of step t"
            raise document.error(fault, "formulas", called)
        targets[called] = at[0]
    for called, key in targets.items():
        if key in naming.symbols.by_key and naming.symbols.by_key[key].definition is None:
            raise document.error(f"{called} is given, nothing computes it", "formulas", called)
    entries = [
        _entry(document, naming, called, key, stamps[called]) for called, key in targets.items()
    ]
    manner = next((entry.manner for entry in entries if entry.manner), CODE)
    return tuple(replace(entry, manner=entry.manner or manner) for entry in entries)


def _stamp(document: Document, naming: Naming, called: str) -> Stamp | None:
    """The stamp of a left side that is of one time step of something that there is."""
    try:
        stamp = Stamp.of(called)
    except ValueError as error:
        raise document.error(str(error), "formulas", called) from None
    if stamp is None or naming.find(stamp.called, stamp, with_step=False):
        return stamp
    if is_share(called):
        weight, weights = stamp.called[1:], naming.symbols.of_role("weight")
        known = [each.key for each in weights]
        fault = f"there is no weight {weight};{meant(weight, known)} known: {', '.join(known)}"
        raise document.error(fault, "formulas", called)
    return None


def _entry(document: Document, naming: Naming, called: str, key: str, stamp: Stamp | None) -> Entry:
    text = document.table["formulas"][called]
    own = key in naming.own
    if not text.strip():
        return Entry(called, "", key, own, None, False, None, stamp)
    read = Reader(partial(naming.resolve, stamp=stamp), naming.symbols.records.keys() | {"softmax"})
    try:
        term, manner = read(text)
        is_gradient = not own and naming.symbols.by_key[key].role == "gradient"
        plain = _without_sum(term) if is_gradient else term
    except FormulaError as error:
        start = document.place("formulas", called)
        if start is None:  # written with escapes: places in it are none in the file
            raise document.error(f"{called}: {error.message}", "formulas", called) from None
        raise document.text.error(error.message, start + error.start, start + error.end) from None
    if any(part.kind == "over_time" for part in nodes(plain)):
        fault = "sum_t stands before the whole of a gradient, or before each of its terms"
        raise document.value_error(f"{called}: {fault}", "formulas", called)
    return Entry(called, " ".join(text.split()), key, own, plain, plain != term, manner, stamp)


def _without_sum(term: Term) -> Term:
    """The summand of a gradient; the same term if the sum is nowhere, or not everywhere."""
    if term.kind == "over_time":
        return term.parts[0]
    if term.kind == "negative":
        return term.with_parts([_without_sum(term.parts[0])])
    if term.kind == "sum":
        parts = [_without_sum(part) for part in term.parts]
        if all(new != old for new, old in zip(parts, term.parts, strict=True)):
            return total(parts)
    return term


def _check_nesting(document: Document, entries: tuple[Entry, ...]) -> None:
    """Check that no name of the reader's own is computed from itself, or by way of too many."""
    depths = dict.fromkeys((entry.key for entry in entries if entry.own), 0)
    for _ in range(MOST_NESTED):
        changed = False
        for entry in entries:
            read = leaves(entry.term) if entry.own and entry.term is not None else ()
            depth = 1 + max((depths.get(leaf.value[0], 0) for leaf in read), default=0)
            changed = changed or (entry.own and depth != depths[entry.key])
            depths[entry.key] = depth
        if not changed:
            return
    deepest = max((entry for entry in entries if entry.own), key=lambda entry: depths[entry.key])
    fault = f"{deepest.called} is computed from itself, or by way of more than {MOST_NESTED} others"
    raise document.error(fault, "formulas", deepest.called)
