"""Common factors of several products, equal but for the variables that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from gru_codegen.ir import Call, Expr, Ref
from gru_codegen.passes.support.algebra import factors_of, passes_taken

__all__ = ["Parted", "parted"]

#: How many factors may be tried as the one that is like those of other products.
_MOST_TRIED = 1000


@dataclass(frozen=True)
class Parted:
    """Products split into factors of their own and common ones.

    own: the factors that each of them has alone. shared: factors, one of each product, that are
    alike. saved: the number of operations saved by one call for each shared factor.
    """

    own: list[Expr]
    shared: list[list[Expr]]
    saved: int


def parted(
    products: list[Expr], alike: Callable[[list[Expr]], bool], known: Mapping[Ref, Expr]
) -> Parted | None:
    """Split `products` into the factors of each alone and those that all share.

    ``(C - S) o Z o (1 - Z)`` and ``S o R o (1 - R)`` have two factors in common, which neighbours Z
    and R are done at once. None if there are none, or if nothing is left as a product's own.

    alike: whether factors, one of each product, can be computed at once. known: what variables
    stand for, as which they may be alike.
    """
    first, *others = [list(factors_of(product)) for product in products]
    own, factors_left = [], [list(factors) for factors in others]
    shared: list[list[Expr]] = []
    tries = iter(range(_MOST_TRIED))
    for factor in first:
        matches = _matches([factor], factors_left, alike, known, tries)
        if matches is None:
            own.append(factor)
            continue
        column, places = matches
        shared.append(column)
        for remaining, index in zip(factors_left, places, strict=True):
            del remaining[index]
    own_factors = [own, *factors_left]
    if not shared or not all(own_factors):
        return None
    owns = [reduce(lambda a, b: Call("multiply", (a, b)), factors) for factors in own_factors]
    before = sum(_operations(product) for product in products)
    beginning = sum(max(1, _operations(product)) for product in owns)
    together = sum(1 + _operations(column[0]) for column in shared)
    return Parted(owns, shared, before - beginning - together)


def _matches(
    column: list[Expr],
    factors_left: list[list[Expr]],
    alike: Callable[[list[Expr]], bool],
    known: Mapping[Ref, Expr],
    tries: Iterator[int],
) -> tuple[list[Expr], list[int]] | None:
    """A factor of each of `factors_left` that is like those of `column`, and where they stand.

    None as well once there are no `tries` left.
    """
    if not factors_left:
        return column, []
    for index, factor in enumerate(factors_left[0]):
        for longer in _readings(column, factor, known):
            if next(tries, None) is None:
                return None
            if alike(longer):
                matches = _matches(longer, factors_left[1:], alike, known, tries)
                if matches is not None:
                    return matches[0], [index, *matches[1]]
    return None


def _readings(column: list[Expr], factor: Expr, known: Mapping[Ref, Expr]) -> Iterator[list[Expr]]:
    """`column` and `factor` as they are, then with variables replaced by their values."""
    yield [*column, factor]
    yield [*(_meant(c, known) for c in column), _meant(factor, known)]


def _meant(expression: Expr, known: Mapping[Ref, Expr]) -> Expr:
    return known.get(expression, expression) if isinstance(expression, Ref) else expression


def _operations(expression: Expr) -> int:
    return passes_taken(expression)[0]
