"""A mapping: what a function calls the weights, how it stores them, and how it is called."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from keyword import iskeyword
from math import prod
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from gru_codegen.audit.arrangement import Arrangement, Vectors, fault_of_blocks
from gru_codegen.cell import Cell
from gru_codegen.errors import CellError, VerificationError
from gru_codegen.known import meant
from gru_codegen.losses import Loss
from gru_codegen.parse.document import Document

__all__ = ["CONTAINERS", "Mapping", "mapping_of", "read_table"]

Array = NDArray[Any]
#: What the weights are in.
CONTAINERS = ("dict", "tuple", "list", "namedtuple", "object", "globals")
_KEYS = (
    *("call", "returns", "params", "x", "y", "s0"),
    *("transposed", "biases", "scale", "loss_at", "sizes", "weights"),
)
_KINDS: dict[type, str] = {dict: "a table", list: "a list of names", str: "a string"}
_STACK = ("stack", "order", "transposed")
#: Bounds that no function comes near: on the weights that are tried in every order, and on the
#: factors of a scale, whose product stays within float64.
MOST_IN_ANY_ORDER = 7
MOST_FACTORS = 8
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True)
class Axes:
    """The axes of an argument, by the letters of their sizes; 1 is an axis of its own.

    feature: the letter of the number of features.
    listed: whether it is a list over the time steps, of arrays with these axes.
    indices: whether it holds indices, of what is one-hot, and not features.
    """

    names: tuple[str, ...]
    feature: str
    listed: bool = False
    indices: bool = False

    def of_outputs(self, feature: str) -> Axes:
        """The axes of outputs, which are those of inputs but for the features."""
        known = (*self.names, self.feature) if self.indices else self.names
        names = tuple(feature if name == self.feature else name for name in known)
        return Axes(names, feature, self.listed)

    def of(self, array: Array) -> Any:
        """An array (T, B, n) or (B, n) as the function has it.

        An axis that the function does not know has the size 1.
        """
        names = ("T", "B", self.feature)[-array.ndim :]
        if self.indices:
            array, names = array.argmax(axis=-1), names[:-1]
        wanted = ("T", *self.names) if self.listed else self.names
        kept = [name for name in names if name in wanted]
        array = array.squeeze(tuple(k for k, name in enumerate(names) if name not in wanted))
        array = array.transpose([kept.index(name) for name in wanted if name != "1"])
        array = np.expand_dims(array, tuple(k for k, name in enumerate(wanted) if name == "1"))
        return [np.array(step) for step in array] if self.listed else np.array(array, order="C")


@dataclass(frozen=True)
class Scale:
    """A factor as a formula: numbers and sizes, and what they are divided by."""

    text: str
    over: tuple[str, ...]
    under: tuple[str, ...]

    @classmethod
    def of(cls, text: str, letters: Collection[str]) -> Scale | None:
        """The factor that a text says, in numbers and `letters`; None if it says none."""
        over, _, under = text.partition("/")
        factors = [part.strip(" ()").split() for part in (over, under)]
        every = factors[0] + factors[1]
        known = all(f in letters or (_NUMBER.fullmatch(f) and float(f) > 0) for f in every)
        if not (known and factors[0] and len(every) <= MOST_FACTORS):
            return None
        return cls(text, tuple(factors[0]), tuple(factors[1]))

    def at(self, sizes: Table[str, int]) -> float:
        """Value for given sizes."""
        over, under = (
            prod(float(sizes[f]) if f in sizes else float(f) for f in factors)
            for factors in (self.over, self.under)
        )
        return over / under


@dataclass(frozen=True)
class Mapping:
    """All that is known of the function to be audited.

    Attributes
    ----------
    call: what it is given, in order; (keyword, value) for what it takes by name. None is params,
        x, y and s0, the last if it takes four arguments.
    returns: what it returns, in order.
    params: the kind of what holds the weights, one of `CONTAINERS`.
    x, y, s0: their axes.
    scale: the loss of the function as a multiple of the declared one.
    at_last: whether the cost of the last step is all of the loss.
    sizes: those that are fixed.
    weights: the arrays of the function by their names there, in order.
    """

    weights: Table[str, Arrangement]
    x: Axes
    y: Axes
    s0: Axes
    call: tuple[tuple[str, str], ...] | None = None
    returns: tuple[str, ...] = ("loss", "gradients")
    params: str = "dict"
    scale: Scale = field(default_factory=lambda: Scale("1", ("1",), ()))
    at_last: bool = False
    sizes: Table[str, int] = field(default_factory=dict)


def read_table(path: str) -> dict[str, Any]:
    """The table in a TOML file.

    Raises VerificationError, one line, if it cannot be read or is not TOML.
    """
    try:
        return Document.open(path, "a mapping", "two dozen lines").table
    except CellError as error:
        raise VerificationError(str(error).partition("\n")[0]) from None


def mapping_of(table: Table[str, Any], cell: Cell, loss: Loss, where: str = "mapping") -> Mapping:
    """The mapping that a table says, with what it leaves out.

    Raises
    ------
    VerificationError: names the key at fault and what is expected there.
    """
    return _Reader(table, cell, loss, where).mapping()


class _Values:
    """The values of a table by their kinds, and errors that say where it is from."""

    def __init__(self, table: Table[str, Any], where: str) -> None:
        self.table, self.where = table, where

    def _texts(self, key: str) -> list[str]:
        values = self._typed(key, list, [])
        if not values or not all(isinstance(value, str) for value in values):
            raise self._error(f"{key} is {values!r}; expected a list of names")
        return list(values)

    def _text(self, key: str, default: str) -> str:
        return str(self._typed(key, str, default))

    def _flag(self, table: Table[str, Any], key: str, default: bool = False) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            raise self._error(f"{key} is {value!r}; expected true or false")
        return value

    def _typed(self, key: str, kind: type, default: Any) -> Any:
        value = self.table.get(key, default)
        if not isinstance(value, kind):
            raise self._error(f"{key} is {value!r}; expected {_KINDS[kind]}")
        return value

    def _one_of(self, what: str, value: str, known: Iterable[str]) -> str:
        if value not in (known := list(known)):
            raise self._error(
                f"{what} {value!r} is not known;{meant(value, known)} expected {', '.join(known)}"
            )
        return value

    def _error(self, message: str) -> VerificationError:
        return VerificationError(f"{self.where}: {message}")


class _Reader(_Values):
    def __init__(self, table: Table[str, Any], cell: Cell, loss: Loss, where: str) -> None:
        super().__init__(table, where)
        self.cell, self.loss = cell, loss
        self.known = [weight.name for weight in cell.weights]
        self.vectors = {weight.name for weight in cell.weights if weight.shape[0] == 1}
        self.letters = {"T", "B", *(str(n) for s in self._symbols() for n in s.shape)} - {"1"}

    def mapping(self) -> Mapping:
        for key in self.table:
            self._one_of("key", key, _KEYS)
        weights = self._weights()
        features, out = (str(s.shape[1]) for s in (self.cell.inputs[0], self.cell.outputs[0]))
        state = str(next(iter(self.cell.states)).shape[1])
        labels = self.loss.targets == "labels"
        steps = () if self._at_last() else ("T",)
        return Mapping(
            weights=weights,
            x=self._axes("x", ("T", "B", features), features),
            y=self._axes("y", (*steps, "B") if labels else (*steps, "B", out), out),
            s0=self._axes("s0", ("B", state), state),
            call=self._call(weights),
            returns=self._returns(weights),
            params=self._params(weights),
            scale=self._scale(),
            at_last=self._at_last(),
            sizes=self._sizes(),
        )

    def _shapes(self) -> dict[str, tuple[Any, ...]]:
        """The shapes of the weights, with numbers for the sizes that are fixed."""
        fixed = self._sizes()
        return {
            weight.name: tuple(fixed.get(str(size), str(size)) for size in weight.shape)
            for weight in self.cell.weights
        }

    def _symbols(self) -> Iterable[Any]:
        cell = self.cell
        return (*cell.inputs, *cell.weights, *cell.states, *cell.outputs)

    # --- weights ----------------------------------------------------------------------------

    def _weights(self) -> dict[str, Arrangement]:
        transposed = self._flag(self.table, "transposed")
        vectors = self._text("biases", "column" if transposed else "vector")
        self._one_of("biases", vectors, get_args(Vectors))
        table = self._typed("weights", dict, {name: name for name in self.known})
        found = {
            theirs: self._arrangement(f"weights.{theirs}", value, transposed, vectors)
            for theirs, value in table.items()
        }
        given = [name for arrangement in found.values() for name in arrangement.names]
        if missing := [name for name in self.known if name not in given]:
            raise self._error(
                f"weights: {', '.join(missing)} of the cell {self.cell.name}: not found here; "
                f"expected each of {', '.join(self.known)} once"
            )
        if twice := [name for name in self.known if given.count(name) > 1]:
            raise self._error(f"weights: {', '.join(twice)} is there twice; expected once")
        return found

    def _arrangement(self, key: str, value: Any, transposed: bool, vectors: Any) -> Arrangement:
        order = None
        if isinstance(value, dict):
            for inner in value:
                self._one_of(f"{key}: key", inner, _STACK)
            transposed = self._flag(value, "transposed", transposed)
            order, value = value.get("order"), value.get("stack")
            if order not in (None, "?"):
                raise self._error(f'{key}.order is {order!r}; expected "?", or no order')
        grid = self._grid(key, value)
        plain = [[name.removesuffix(".T") for name in row] for row in grid]
        for name in (name for row in plain for name in row):
            self._one_of(f"{key}: weight", name, self.known)
        if fault := fault_of_blocks(grid, self._shapes()):
            raise self._error(f"{key}: {fault}; expected blocks that make one matrix")
        most = max(len(grid), len(grid[0]))
        if order == "?" and most > MOST_IN_ANY_ORDER:
            raise self._error(
                f'{key}.order is "?" of {most} weights; expected at most {MOST_IN_ANY_ORDER}, '
                "since every order is tried"
            )
        if all(name in self.vectors for row in plain for name in row) and len(grid) == 1:
            transposed = False
        return Arrangement(grid, transposed, vectors, order == "?")

    def _grid(self, key: str, value: Any) -> tuple[tuple[str, ...], ...]:
        rows = value if isinstance(value, list) else [value]
        if not any(isinstance(row, list) for row in rows):
            rows = [rows]
        texts = all(isinstance(r, list) and all(isinstance(n, str) for n in r) for r in rows)
        if not texts or not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
            raise self._error(
                f"{key} is {value!r}; expected the name of a weight, a list of names side by side, "
                'or a list of rows of names, as [["Wz"], ["Wrecz"]]'
            )
        return tuple(tuple(row) for row in rows)

    # --- the call ---------------------------------------------------------------------------

    def _call(self, weights: Table[str, Any]) -> tuple[tuple[str, str], ...] | None:
        if "call" not in self.table:
            return None
        states = [f"{state}0" for state in self.cell.states]
        known = ["params", "gradients", "x", "y", "s0", *states, *weights, *sorted(self.letters)]
        pairs = []
        for text in self._texts("call"):
            keyword, equals, value = text.rpartition("=")
            self._one_of("call: argument", value, known)
            if equals and not keyword.isidentifier():
                raise self._error(f"call: {text!r} is no keyword=argument")
            pairs.append((keyword, value))
        return tuple(pairs)

    def _params(self, weights: Iterable[str]) -> str:
        kind = self._one_of("params", self._text("params", "dict"), CONTAINERS)
        for name in weights if kind == "namedtuple" else ():
            if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
                raise self._error(f"weights: {name!r} cannot be a field of a namedtuple")
        return kind

    def _returns(self, weights: Table[str, Any]) -> tuple[str, ...]:
        if "returns" not in self.table:
            return ("loss", "gradients")
        known = ["loss", "gradients", "outputs", "_", *(f"d{name}" for name in weights)]
        for text in self._texts("returns"):
            self._one_of("returns", text, known)
        return tuple(self.table["returns"])

    def _axes(self, key: str, default: tuple[str, ...], feature: str) -> Axes:
        """The axes of an argument; where there is no axis of features it holds indices."""
        text = self._text(key, "".join(default))
        listed = text.startswith("[") and text.endswith("]")
        allowed = tuple(dict.fromkeys((*default, feature, "1")))
        inner = text[1:-1] if listed else text
        names = tuple(re.findall("|".join(map(re.escape, allowed)), inner))
        plain = [name for name in (("T", *names) if listed else names) if name != "1"]
        indices = feature not in plain
        if (
            "".join(names) != inner
            or len(set(plain)) != len(plain)
            or ("T" in default and "T" not in plain)
            or (indices and not self._may_be_indices(key))
        ):
            steps = f", as [{feature}] for a list over the steps" if "T" in default else ""
            raise self._error(
                f"{key} is {text!r}; expected axes as {''.join(default)}, each of "
                f"{', '.join(allowed)}{steps}"
            )
        return Axes(names, feature, listed, indices)

    def _may_be_indices(self, key: str) -> bool:
        return key == "x" or (key == "y" and self.loss.targets == "labels")

    def _at_last(self) -> bool:
        return self._one_of("loss_at", self._text("loss_at", "all"), ("all", "last")) == "last"

    # --- numbers ----------------------------------------------------------------------------

    def _scale(self) -> Scale:
        text = self._text("scale", "1")
        scale = Scale.of(text, self.letters)
        if scale is None:
            raise self._error(f"scale is {text!r}; expected a factor such as 1/B or 2/(T B)")
        return scale

    def _sizes(self) -> dict[str, int]:
        sizes: dict[str, Any] = self._typed("sizes", dict, {})
        for letter, number in sizes.items():
            self._one_of("sizes: letter", letter, sorted(self.letters))
            if not (type(number) is int and 0 < number <= 64):
                raise self._error(f"sizes.{letter} is {number!r}; expected a number from 1 to 64")
        return sizes
