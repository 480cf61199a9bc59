"""A cell as a layer of a library: its weights from the layer's blocks, and back.

Of every block of the layer the cell says which of its weights that is. Biases that are merely added
are one weight. Blocks that are the same weight have to agree, a block that is none has to be zero:
else the layer computes more than the cell can, and the conversion is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gru_codegen.interop.arrays import Arrays, Blocks, OtherLayerError, floating, join, split
from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.layouts import CELLS, NO_LAYER, AsLayer, Framework, Layer
from gru_codegen.interop.packing import written
from gru_codegen.known import none_called

if TYPE_CHECKING:
    from gru_codegen.cell import Cell

__all__ = ["READOUT", "CellOrName", "Correspondence", "correspondence", "from_arrays", "to_arrays"]

_WORDS = {
    "W": "input weights",
    "Wrec": "recurrent weights",
    "b": "biases",
    "brec": "recurrent biases",
    "p": "peepholes",
}

#: What a readout adds to Params: a layer of its own, for which a recurrent layer has no place.
READOUT = {"Wout", "bout"}


CellOrName: TypeAlias = "str | Cell"


class ValuesError(InteropError):
    """The layer computes more than the cell can; another cell may be that very layer."""


@dataclass(frozen=True)
class Correspondence:
    """A cell and the layer that computes it."""

    name: str
    cell: AsLayer
    layer: Layer

    def weight(self, kind: str, gate: str) -> tuple[str | None, bool]:
        """Which weight of the cell a block of the layer is, and whether it is minus that weight."""
        source = self.cell.gates[gate]
        if source is None:
            return None, False
        gate = source.removeprefix("-")
        # A recurrent bias that is merely added to the input bias is one weight with it.
        names = (kind + gate, "b" + gate) if kind == "brec" else (kind + gate,)
        weight = next((name for name in names if name in self.cell.weights), None)
        return weight, source.startswith("-")

    def weights(self, blocks: Blocks) -> Arrays:
        """The weights of the cell in its order; ValuesError if the cell cannot have them."""
        by_name: dict[str, tuple[str, Any]] = {}
        for gate in self.layer.gates:
            if gate in self.layer.unread or self.cell.gates[gate] is None:
                continue
            for name, value in self._merged(blocks, gate).items():
                first, known = by_name.setdefault(name, (gate, value))
                if not np.array_equal(known, value, equal_nan=True):
                    same = self.cell.gates[first] == self.cell.gates[gate]
                    raise ValuesError(
                        f"{self.layer.title}: gate {gate} would have to have "
                        f"{'' if same else 'minus '}the weights of gate {first}, since {self.name} "
                        f"computes both from {name}; it has others"
                    )
        return {name: np.array(by_name[name][1], order="C") for name in self.cell.weights}

    def _merged(self, blocks: Blocks, gate: str) -> Arrays:
        """The weights that the blocks of one gate are, added where several are one."""
        merged: Arrays = {}
        for kind, words in _WORDS.items():
            if (kind, gate) in blocks:
                block = blocks[kind, gate]
                name, minus = self.weight(kind, gate)
                if name is not None:
                    value = -block if minus else block
                    merged[name] = merged[name] + value if name in merged else value
                elif np.any(block):
                    array = next(a for a in self.layer.arrays if kind in a.kinds)
                    raise ValuesError(
                        f"{array.name}: the {words} of gate {gate} of {self.layer.title} would "
                        f"have to be zero, since {self.name} has none; they are not"
                    )
        return merged

    def blocks(self, weights: Arrays) -> Blocks:
        """The blocks that are not zero; of several that are one weight, the input bias has it."""
        blocks: Blocks = {}
        for array in self.layer.arrays:
            for kind in array.kinds:
                for gate in array.gates:
                    name, minus = self.weight(kind, gate)
                    if name is not None and (kind != "brec" or name.startswith("brec")):
                        blocks[kind, gate] = -weights[name] if minus else weights[name]
        return blocks


def correspondence(framework: Framework, cell: CellOrName) -> Correspondence:
    """The layer of `framework` that computes `cell`; InteropError if there is none."""
    name = cell if isinstance(cell, str) else _name_of(cell)
    convertible = ", ".join(_cells_of(framework))
    if name in NO_LAYER:
        raise InteropError(
            f"{name}: {NO_LAYER[name]}, which no layer of {framework.name} does; "
            f"the cells that have a layer there are {convertible}"
        )
    if name not in CELLS:
        if isinstance(cell, str):
            _require_cell(name)
        raise InteropError(
            f"{name}: no layer of {framework.name} is known to compute this cell; "
            f"the cells that have a layer there are {convertible}"
        )
    form = CELLS[name].form
    if form not in framework.layers:
        raise InteropError(f"{name}: {framework.lacks[form].format(cell=name)}")
    return Correspondence(name, CELLS[name], framework.layers[form])


def _require_cell(name: str) -> None:
    from gru_codegen.parse import cells  # SymPy, which names of layers do not need

    if name not in cells:
        raise InteropError(none_called("cell", name, cells))


def _name_of(cell: Cell) -> str:
    """The name of a cell, which has to be the package's own if its name is."""
    from gru_codegen.cell import Cell
    from gru_codegen.parse import cells  # SymPy, which names alone do not need

    if not isinstance(cell, Cell):
        raise InteropError(f"cell: expected a Cell or its name, got {type(cell).__name__}")
    if cells.get(cell.name, cell) is not cell:
        raise InteropError(
            f"{cell.name}: this is another cell than the one of that name that comes with the "
            f"package; if their equations are the same, give the name, {cell.name!r}"
        )
    return cell.name


def from_arrays(framework: Framework, cell: CellOrName, arrays: Mapping[str, Any]) -> Arrays:
    """The weights of `cell` from the arrays of its layer."""
    match = correspondence(framework, cell)
    checked = floating(arrays)
    try:
        return match.weights(split(match.layer, checked))
    except (OtherLayerError, ValuesError) as error:
        layer = match.layer if isinstance(error, ValuesError) else None
        others = _cells_for(framework, checked, layer)
        advice = f"; {' or '.join(others)} would do" if others else ""
        raise InteropError(f"{match.name}: {error}{advice}") from None


def to_arrays(framework: Framework, cell: CellOrName, params: Any) -> Arrays:
    """The arrays of the layer that computes `cell`, from its weights."""
    match = correspondence(framework, cell)
    weights, lengths = _checked_weights(match, params)
    return join(match.layer, match.blocks(weights), lengths)


def _cells_of(framework: Framework) -> list[str]:
    return [name for name, cell in CELLS.items() if cell.form in framework.layers]


def _cells_for(framework: Framework, arrays: Arrays, layer: Layer | None) -> list[str]:
    """The cells that `arrays` make, those of one layer if it is given."""
    cells = []
    for name in _cells_of(framework):
        match = correspondence(framework, name)
        if layer is None or match.layer is layer:
            try:
                match.weights(split(match.layer, arrays))
            except InteropError:
                continue
            cells.append(name if layer else f"{name} ({match.layer.title})")
    return cells


def _checked_weights(match: Correspondence, params: Any) -> tuple[Arrays, dict[str, int]]:
    """The weights by name, checked, with D and H."""
    if hasattr(params, "_asdict"):
        params = params._asdict()
    if not isinstance(params, Mapping):
        raise InteropError(
            f"params: expected the Params of a kernel of {match.name}, or a mapping by its names, "
            f"got {type(params).__name__}"
        )
    names = match.cell.weights
    if set(params) - READOUT != set(names):
        raise InteropError(
            f"params: expected the weights of {match.name}, {', '.join(names)}; "
            f"got {', '.join(params)}"
        )
    weights = floating({name: params[name] for name in names}, "params.")
    lengths: dict[str, int] = {}
    # The recurrent weights first: they are square, so that a transposed W cannot set H.
    for name in sorted(names, key=lambda name: not name.startswith("Wrec")):
        letters = "HH" if name.startswith("Wrec") else "DH" if name.startswith("W") else "H"
        given = weights[name].shape
        pairs = zip(letters, given, strict=False)
        if len(given) != len(letters) or any(lengths.setdefault(c, n) != n for c, n in pairs):
            known = set(letters) <= set(lengths)
            numbers = f" = {written(lengths[c] for c in letters)}" if known else ""
            raise InteropError(
                f"params.{name}: expected shape {written(letters)}{numbers}, got {given}"
            )
    return weights, lengths
