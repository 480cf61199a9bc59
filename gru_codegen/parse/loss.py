"""A loss from a text file: TOML, with equations from a prediction and its target to a cost.

    name = "pinball"
    numbers = { level = "9/10" }
    equations = '''
    ERR = Y - P                                         # error
    COST = maximum(level * ERR, (level - 1) * ERR)      # cost of each number
    '''

P is the prediction and Y the target, both (B, O), or what `prediction` and `target` call them. An
array of predictions are the first outputs of a cell, ``prediction = ["MEAN", "LOGVAR"]``, or a
table where they have shapes of their own, ``{ MEAN = "(B, O)", LOGVAR = "(B, 1)" }``. The
numbers of the last matrix are added up, or those of the matrix that `cost` names. `targets` says
what y holds, and ``[checks]`` from where to draw some, as ``Y = [0.1, 2]``.
"""

from __future__ import annotations

from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace

from gru_codegen.cell import B, D, H, check_file_name, fault_of_range, matrix
from gru_codegen.equations import check_text
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.known import meant
from gru_codegen.losses import TARGETS, Loss, O, Targets, fault_of_draw, losses
from gru_codegen.own_functions import written_out
from gru_codegen.parse.document import Document
from gru_codegen.parse.equations import Written, read_equations
from gru_codegen.parse.functions import used_names
from gru_codegen.parse.keys import check_keys
from gru_codegen.parse.symbols import Symbols
from gru_codegen.parse.text import Text

__all__ = ["read_loss"]

#: The keys that a file may have, each with an example of its value, of the kind that it must have.
KEYS: dict[str, Any] = {
    "name": "pinball",
    "title": "pinball cost of the ninth decile, at every time step",
    "sizes": ["K"],
    "numbers": {"level": "9/10"},
    "functions": {"bump": "exp(-a * a)"},
    "prediction": "P",
    "target": "Y",
    "targets": "numbers",
    "equations": "COST = (P - Y) ** 2 / 2",
    "cost": "COST",
    "mean": True,
    "checks": {"Y": [0.1, 2.0]},
}
_REQUIRED = ("name", "equations")


@lru_cache(maxsize=64)  # one loss for one text, since `derive` remembers by identity
def read_loss(text: Text) -> Loss:
    """The loss that a TOML `text` declares; nothing in it is evaluated.

    Raises CellError, which points at the line and column where there is one.
    """
    document = Document.of(text)
    check_keys(document, KEYS, _REQUIRED)
    table = document.table
    name, title = _words(document)
    symbols = _Names(document)
    written = Written.of(document, KEYS["equations"])
    _check_step(written)
    equations = read_equations(written, symbols)
    cost = table.get("cost", equations[-1].target.name)
    _check_use(document, symbols, written, cost)
    summed = next(e.target for e in equations if e.target.name == cost)
    *predictions, target = symbols.inputs
    targets, ranges = _targets(document), _ranges(document, target)
    try:
        return Loss(
            name=name,
            title=title,
            prediction=tuple(predictions),
            target=target,
            equations=equations,
            cost=Trace(OneMatrix(*reversed(summed.shape)) * summed),
            mean=table.get("mean", False),
            targets=targets,
            checks=ranges,
        )
    except CellError as error:  # Loss itself has the last word on the whole
        raise CellError(f"{written.text.path}: {error}") from None


class _Names(Symbols):
    """The names that the equations of a loss may read: prediction, target, numbers."""

    everywhere = MappingProxyType({})

    def _read(self) -> None:
        self.sizes |= {symbol.name: symbol for symbol in (B, D, H, O)}
        self._read_sizes()
        table = self.document.table  # what it names is at fault, where the rest is as usual
        found = {place: self._matrix(*place) for place in self.places if place[0] not in table}
        self._read_numbers()
        found |= {place: self._matrix(*place) for place in self.places if place[0] in table}
        self._read_functions()
        self.inputs = tuple(found[place] for place in self.places)

    @property
    def callable(self) -> dict[str, Any]:
        """The functions that equations may call; those of the file are written out in them."""
        own = {name: partial(written_out, each) for name, each in self.functions.items()}
        return {**FUNCTIONS, **own}

    def _read_functions(self) -> None:
        super()._read_functions()
        for name, each in self.functions.items():
            if each.declared is not None:
                fault = f"{name} has a derivative that is declared; a loss has that of its values"
                raise self.document.error(fault, "functions", name)

    @property
    def places(self) -> list[tuple[str, ...] | tuple[str, int]]:
        """The place in the file of each prediction, then of the target."""
        several = self.document.table.get("prediction")
        if not isinstance(several, (list, dict)):
            return [("prediction",), ("target",)]
        places = several if isinstance(several, dict) else range(len(several))
        return [*(("prediction", place) for place in places), ("target",)]

    def _matrix(self, key: str, *place: str | int) -> Any:
        """The prediction or target at a place: (B, O), or of the shape in a table of predictions.

        A target has the shape of the first.
        """
        name: Any = self.document.table.get(key, KEYS[key])
        for each in place:
            name = each if isinstance(name, dict) else name[each]
        self._give_role(name, f"{'a' if place else 'the'} {key}", key, *place)
        given = self.document.table.get("prediction")
        if not isinstance(given, dict):
            return matrix(name, B, O)
        own = name if place else next(iter(given))
        return matrix(name, *self._shape_in("prediction", own, given[own]))


def _words(document: Document) -> tuple[str, str]:
    """Name and title of the loss."""
    name = document.table["name"]
    title = document.table.get("title", name)
    try:
        check_file_name(f"loss {name!r}", name)
        if name in losses:
            raise CellError(f"the package has a loss {name!r}; take another name")
    except CellError as error:
        raise document.value_error(str(error), "name") from None
    try:
        check_text(f"loss {name!r}", "title", title)
    except CellError as error:
        raise document.value_error(str(error), "title") from None
    return name, title


def _targets(document: Document) -> Targets:
    named = document.table.get("targets", KEYS["targets"])
    for known in TARGETS:
        if named == known:
            return known
    fault = f"there are no targets {named!r};{meant(named, TARGETS)} known: {', '.join(TARGETS)}"
    raise document.value_error(fault, "targets")


def _ranges(document: Document, target: Any) -> dict[Any, tuple[float, float]]:
    """The range of the targets that checks draw, if the file gives one."""
    kind, ranges = _targets(document), {}
    for name, given in document.table.get("checks", {}).items():
        if name != target.name:
            fault = f"targets are drawn, so the one range is that of {target.name}, not of {name}"
            raise document.error(fault, "checks", name)
        if fault_of_this := fault_of_range(given) or fault_of_draw(kind, given):
            raise document.error(f"the range of {name} {fault_of_this}", "checks", name)
        low, high = given
        ranges[target] = (float(low), float(high))
    return ranges


def _check_step(written: Written) -> None:
    """Refuse what is of other steps."""
    for token in (token for statement in written.statements for token in statement.right):
        if token.text == "lag":
            raise written.error("a loss reads one time step; lag has no place in it", token, token)


def _check_use(document: Document, symbols: _Names, written: Written, cost: str) -> None:
    """Check that everything declared is read, and that the cost is computed."""
    if cost not in written.targets:
        fault = f"the cost {cost} is the left side of no equation;"
        fault += f"{meant(cost, written.targets)} known: {', '.join(written.targets)}"
        raise document.value_error(fault, "cost")
    for place, symbol in zip(symbols.places, symbols.inputs, strict=True):
        if symbol.name not in written.read:
            fault = f"no equation reads {symbol}, {symbols.roles[symbol.name]}"
            raise document.error(fault, *(place if place[0] in document.table else ("equations",)))
    in_functions = used_names(document)
    for name in symbols.functions:
        if name not in written.read | in_functions:
            fault = f"no equation calls {name}; use it or remove it"
            raise document.error(fault, "functions", name)
    letters = {str(size) for symbol in symbols.inputs for size in symbol.shape}
    for index, letter in enumerate(document.table.get("sizes", [])):
        if letter not in letters:
            fault = f"no prediction has the size {letter}; use it or remove it"
            raise document.error(fault, "sizes", index)
    for name in symbols.numbers:
        if name not in written.read | in_functions:
            raise document.error(f"no equation reads {name}; use it or remove it", "numbers", name)
    for name, left in written.targets.items():
        if name not in (*written.read, cost):
            fault = f"no equation reads {name}, and the cost is {cost}; use it or remove it"
            raise written.error(fault, left, left)
