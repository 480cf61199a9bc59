"""The other convention of a gate: formulas that are right for 1 - Z where the cell has Z."""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.grade.evaluation import Point, Value
from gru_codegen.grade.symbols import Symbols
from gru_codegen.grade.terms import leaves, summands

__all__ = ["turned"]


def turned(point: Point, gate: str) -> Point:
    """The same network with 1 - Z for the gate Z, and -W for the weights that lead to it alone.

    For sigmoid(-a) is 1 - sigmoid(a): Z computed from -a is 1 - Z, and all else keeps its value.
    """
    symbols = point.symbols
    argument = symbols.gates[gate]
    negative = set(_leading_to(symbols, argument)) | {argument}
    negative |= {f"d{key}" for key in (gate, *negative)}
    values = {}
    for (key, step), value in point.values.items():
        array = value.array
        if key == gate:
            array = 1 - array
        elif key in negative:
            array = -array
        values[key, step] = Value(value.shape, array)
    return Point(symbols, values)


def _leading_to(symbols: Symbols, key: str) -> Iterator[str]:
    """Weights, and parts made of them, that nothing else reads; one for each term of `key`."""
    right = symbols.by_key[key].definition
    for term in summands(right) if right is not None else ():
        for leaf in leaves(term):
            other = leaf.value[0]
            role = symbols.by_key[other].role
            is_part = role == "forward" and other.count("_part")
            if (role == "weight" or is_part) and _readers(symbols, other) == 1:
                yield other
                yield from _leading_to(symbols, other) if is_part else ()
                break


def _readers(symbols: Symbols, key: str) -> int:
    return sum(
        any(leaf.value[0] == key for leaf in leaves(symbol.definition))
        for symbol in symbols.of_role("forward")
        if symbol.definition is not None
    )
