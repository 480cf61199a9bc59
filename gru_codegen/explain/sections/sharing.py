"""The section on what formulas share: what it saves, counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix

from gru_codegen.derive import Unrolled
from gru_codegen.derive.writing import Prose, listed
from gru_codegen.explain.model import Block, Section, Table
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import counted, says
from gru_codegen.notation import Schema, leaves, signed

__all__ = ["Count", "counts", "sharing_section"]

_STEPS = (1, 2, 3, 4)
_MOST = 10_000  # operations; more say nothing to anyone


class Count(NamedTuple):
    """Matrix products, and operations entry by entry: of two matrices, or of one and a number."""

    products: int
    entrywise: int

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(self.products + other.products, self.entrywise + other.entrywise)


def sharing_section(part: Part) -> Section:
    """Section on the shared factors: who reads them, and the work with and without them."""
    shown = {a.target for a in part.adjoints} | {g.target for g in part.gradients}
    shared: list[tuple[Prose, Prose]] = []
    for each in part.derivation.shared:
        readers = [reader for reader in each.readers if reader in shown]
        if len(readers) > 1:
            shared.append(((each.factor,), ("read by ", *listed(readers))))
    blocks: list[Block] = []
    if shared:
        blocks += [
            says("Several formulas read the same factor. It is computed once:"),
            Table(shared),
        ]
    return Section("shared", ("What is shared is computed once",), [*blocks, *_work(part)])


def _work(part: Part) -> Iterable[Block]:
    weights = part.weights
    unrolled = [part.derivation.unroll(steps) for steps in _STEPS]
    work = [counts(each, weights) for each in unrolled]
    rows: list[list[Prose]] = [
        [(str(steps),), _in_words(alone), _in_words(shared)]
        for steps, (alone, shared) in zip(_STEPS, work, strict=True)
    ]
    several = "the gradients, each alone" if len(weights) > 1 else "the gradient, written out"
    yield says("Operations for the gradients of a sequence of T steps:")
    yield Table(rows, [("T",), (several,), ("with shared factors",)])
    yield says(" ".join(_growth(work)))
    if flops := _flops(unrolled[-2], unrolled[-1], weights):
        yield says(
            "The matrix products of a further step take {flops} floating-point operations.",
            flops=(flops,),
        )


def _growth(work: list[tuple[Count, Count]]) -> Iterable[str]:
    """Sentences on the operations that a further step adds."""
    (alone_before, before), (alone, last) = work[-2:]
    added = _parts(Count(*(b - a for a, b in zip(before, last, strict=True))))
    yield f"With names for what they share, every further step adds {' and '.join(added)}."
    if alone != last:
        factor = sum(alone) / sum(alone_before)
        yield (
            f"Written out, going from T = {_STEPS[-2]} to T = {_STEPS[-1]} multiplies the number "
            f"of operations by {factor:.1f}."
        )


def _parts(count: Count) -> list[str]:
    """The numbers that are not zero, in words."""
    parts = (
        (count.products, "matrix product"),
        (count.entrywise, "entrywise operation"),
    )
    return [counted(number, noun) for number, noun in parts if number] or ["no operation"]


def _in_words(count: Count) -> Prose:
    if max(count) > _MOST:
        return ("not worth writing",)
    products = "matrix product" if count.products == 1 else "matrix products"
    return (f"{count.products:,} {products}, {count.entrywise:,} entrywise",)


def counts(unrolled: Unrolled, weights: Iterable[MatrixSymbol]) -> tuple[Count, Count]:
    """The operations of the gradients of `weights`: each written out alone, and with names.

    What the forward pass computes counts as given.
    """
    gradients = [unrolled.gradients[weight] for weight in weights]
    whole: dict[Any, Count] = {}
    for symbol, value in (*unrolled.backward, *unrolled.behind):
        whole[symbol] = _all(value, whole)
    alone = [_all(value, whole) for value in gradients]
    return _sum(alone), _sum(map(_operations, _needed(unrolled, weights)))


def _needed(unrolled: Unrolled, weights: Iterable[MatrixSymbol]) -> list[Any]:
    """The gradients of `weights`, and the adjoints that they need: one formula each."""
    formulas = [unrolled.gradients[weight] for weight in weights]
    read = {leaf for value in formulas for leaf in leaves(value)}
    for symbol, value in reversed((*unrolled.backward, *unrolled.behind)):
        if symbol in read:
            read.update(leaves(value))
            formulas.append(value)
    return formulas


def _all(value: Any, whole: dict[Any, Count]) -> Count:
    """The operations of `value` and of all that stands in it."""
    return _sum([_operations(value), *(whole[leaf] for leaf in leaves(value) if leaf in whole)])


def _sum(parts: Iterable[Count]) -> Count:
    total = Count(0, 0)
    for part in parts:
        total = total.plus(part)
    return total


def _operations(value: Any) -> Count:
    """The operations that `value` itself is written with."""
    _, rest = signed(value)
    inner = _sum(_operations(part) for part in getattr(rest, "args", ()) if part.is_Matrix)
    if isinstance(rest, MatMul):
        ones = any(isinstance(factor, OneMatrix) for factor in rest.args)
        number = len(rest.args) - 1
        return inner.plus(Count(0, number) if ones else Count(number, 0))
    if isinstance(rest, (HadamardProduct, MatAdd)):
        return inner.plus(Count(0, len(rest.args) - 1))
    return inner


def _flops(before: Unrolled, after: Unrolled, weights: Iterable[MatrixSymbol]) -> Schema | None:
    """The flops of the matrix products that a further step adds; None if it adds none."""
    less, more = (_products(each, weights) for each in (before, after))
    letters = sp.factor(sp.expand(more - less))
    if letters == 0:
        return None
    return Schema(str(letters).replace("*", " "), sp.latex(letters))


def _products(unrolled: Unrolled, weights: Iterable[MatrixSymbol]) -> Any:
    formulas = _needed(unrolled, weights)
    products = [p for formula in formulas for p in sp.preorder_traversal(formula)]
    return sp.Add(
        *(
            2 * sp.Mul(left.shape[0], left.shape[1], right.shape[1])
            for product in products
            if isinstance(product, MatMul) and not product.has(OneMatrix)
            for left, right in zip(_matrices(product), _matrices(product)[1:], strict=False)
        )
    )


def _matrices(product: Any) -> list[Any]:
    return list(product.as_coeff_matrices()[1])
