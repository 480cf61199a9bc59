"""Proof, entry by entry and exactly, at two sets of sizes.

``docs/proof.md`` says why two sets of sizes, all different and at least 2, settle every size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.errors import DerivationError
from gru_codegen.evaluate import evaluate
from gru_codegen.notation import leaves

__all__ = ["prove_derivative", "prove_equal"]

#: Numbers for the sizes in the order of their names: all different and at least 2, and no product
#: of sizes that is the same in both, so that a stray factor B*H cannot pass for a constant.
_NUMBERS = ((2, 3, 4, 5, 6, 7), (3, 5, 2, 7, 4, 9))


def prove_derivative(
    where: str, value: Any, argument: MatrixSymbol, adjoint: Any, derivative: Any, target: Any
) -> None:
    """Prove that `derivative` is the derivative of <adjoint, value> with respect to `argument`.

    adjoint: the symbol paired with `value`, or 1 when `value` is the scalar cost.
    target: the symbol that may stand for `value` inside `derivative`, or None.

    Raises
    ------
    DerivationError: says at which sizes and entry it fails.
    """
    for sizes in _size_sets((value, argument, derivative)):
        arrays = _symbolic((value, argument, derivative, adjoint), sizes, without=(target,))
        result = evaluate(value, arrays)
        if target is not None:
            arrays[target] = result
        weights = arrays[adjoint] if adjoint != 1 else np.array(1, dtype=object)
        claimed = evaluate(derivative, arrays)
        if claimed.shape != arrays[argument].shape:
            raise DerivationError(
                f"{where}: the derivative {derivative} has shape {claimed.shape}, "
                f"{argument} has {arrays[argument].shape}; {_REMEDY}"
            )
        for index, entry in np.ndenumerate(arrays[argument]):
            if not _equal(_derivative(np.asarray(result), weights, entry), claimed[index]):
                raise DerivationError(
                    f"{where}: SymPy's derivative {derivative} is not the derivative: "
                    f"entry {index} differs at sizes {_written(sizes)}; {_REMEDY}"
                )


def prove_equal(
    where: str, declared: Any, normal: Any, definitions: Mapping[MatrixSymbol, Any]
) -> None:
    """Prove that `normal`, its named parts replaced by their `definitions`, equals `declared`.

    Raises
    ------
    DerivationError: says at which sizes and entry they differ.
    """
    for sizes in _size_sets((declared, normal, *definitions.values())):
        arrays = _symbolic(
            (declared, normal, *definitions.values()), sizes, without=tuple(definitions)
        )
        for symbol, expression in definitions.items():
            arrays[symbol] = evaluate(expression, arrays)
        left, right = evaluate(declared, arrays), evaluate(normal, arrays)
        for index, entry in np.ndenumerate(left):
            if not _equal(entry, right[index]):
                raise DerivationError(
                    f"{where}: the normal form {normal} is not the declared {declared}: "
                    f"entry {index} differs at sizes {_written(sizes)}"
                )


_REMEDY = "name the operand by an equation of its own, or expand the product"


def _derivative(value: Any, weights: Any, entry: Any) -> Any:
    """d/d entry of the sum of weights o value; entries of `value` without `entry` give 0."""
    return sp.Add(
        *(
            w * sp.diff(v, entry)
            for w, v in zip(weights.flat, value.flat, strict=True)
            if entry in v.free_symbols
        )
    )


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right) or sp.expand(left - right) == 0


def _size_sets(expressions: Iterable[Any]) -> Iterator[dict[Any, int]]:
    sizes = sorted(
        {
            size
            for expression in expressions
            for symbol in leaves(expression)
            for size in symbol.shape
            if size.is_Symbol
        },
        key=str,
    )
    for numbers in _NUMBERS:
        yield dict(zip(sizes, numbers, strict=False))


def _symbolic(
    expressions: Iterable[Any], sizes: dict[Any, int], without: tuple[Any, ...]
) -> dict[Any, Any]:
    """The numbers of the sizes, and for every matrix symbol an array of scalar symbols."""
    values: dict[Any, Any] = dict(sizes)
    symbols = {s for e in expressions if isinstance(e, sp.Basic) for s in leaves(e)}
    for symbol in symbols - set(without):
        shape = tuple(int(n.subs(sizes)) for n in symbol.shape)
        entries = [sp.Symbol(f"{symbol.name}_{i}_{j}") for i, j in np.ndindex(*shape)]
        values[symbol] = np.array(entries, dtype=object).reshape(shape)
    return values


def _written(sizes: dict[Any, int]) -> str:
    return ", ".join(f"{size}={number}" for size, number in sizes.items())
