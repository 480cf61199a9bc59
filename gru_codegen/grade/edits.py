"""Formulas that differ from a reader's in one place: the slips that people make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from gru_codegen.grade.evaluation import Evaluator
from gru_codegen.grade.symbols import Shape, Symbols
from gru_codegen.grade.terms import (
    Term,
    applied,
    elementwise,
    leaves,
    name,
    negative,
    nodes,
    number,
    ones,
    product,
    substituted,
    summands,
    total,
    transposed,
    weight,
)

__all__ = ["Edit", "Editor"]

#: Words, and terms between them.
Words = tuple[str | Term, ...]

#: The slips, those first that are to be said first where several would explain a formula.
SLIPS = (
    *("sign", "complement", "transpose", "order", "symbol", "exchange", "product", "function"),
    *("superfluous", "number", "missing term", "missing factor", "slope"),
)


@dataclass(frozen=True)
class Edit:
    """A formula after one edit.

    Attributes
    ----------
    term: the formula.
    slip: which of `SLIPS` it undoes.
    words: what it does, in words.
    replaced: how many names of the reader's it replaces or removes.
    """

    term: Term
    slip: str
    words: Words
    replaced: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """The smaller, the sooner it is said."""
        return SLIPS.index(self.slip), self.replaced


@dataclass(frozen=True)
class Editor:
    """Makes the edits of formulas whose values are known at a point.

    Attributes
    ----------
    names: every name that a formula can read, with its shape.
    any_shape: whether a name may stand for one of another shape: where the shapes do not fit.
    """

    symbols: Symbols
    evaluate: Evaluator
    names: tuple[tuple[Term, Shape], ...]
    any_shape: bool = False

    def edits(self, term: Term, right: Term | None) -> Iterator[Edit]:
        """All formulas that differ from `term` in one place; `right` lends its terms."""
        for part in summands(right) if right is not None else ():
            shown = part.parts[0] if part.kind == "negative" else part
            yield Edit(total((term, part)), "missing term", ("the term ", shown, " is missing"))
        for first, second in combinations(dict.fromkeys(leaves(term)), 2):
            exchanged = substituted(term, {first: second, second: first})
            words = ("", first, " and ", second, " are exchanged")
            yield Edit(exchanged, "exchange", words, 2)
        yield from self._everywhere(term)
        yield from self._below(term, True)

    def _everywhere(self, term: Term) -> Iterator[Edit]:
        """One edit of a name or a function that stands at several places, at all of them."""
        for node, count in Counter(nodes(term)).items():
            if count > 1 and node.kind in ("name", "apply"):
                for edit in self._here(node, False):
                    whole = substituted(term, {node: edit.term})
                    words = (*edit.words, ", everywhere")
                    yield Edit(whole, edit.slip, words, count * edit.replaced)

    def _below(self, term: Term, is_summand: bool) -> Iterator[Edit]:
        """The edits of a term and of its parts."""
        yield from self._here(term, is_summand)
        through = is_summand and term.kind in ("sum", "negative")
        for place, part in enumerate(term.parts):
            for edit in self._below(part, through):
                whole = term.with_part(place, edit.term)
                yield Edit(whole, edit.slip, edit.words, edit.replaced)

    def _here(self, term: Term, is_summand: bool) -> Iterator[Edit]:
        if rule := _RULES.get(term.kind):
            yield from rule(self, term)
        if is_summand and term.kind not in ("sum", "negative"):
            yield Edit(transposed(term), "transpose", ("transpose ", term))
            for factor in (Fraction(2), Fraction(1, 2)):
                words = (f"the factor {factor} is missing",)
                yield Edit(elementwise((number(factor), term)), "number", words)
            yield from self._multiplied(term)
        if is_summand or term.kind in ("name", "elementwise", "product"):
            yield from self._with_factor(term)

    # --- names and numbers ------------------------------------------------------------------

    def name(self, term: Term) -> Iterator[Edit]:
        key, offset = term.value
        shape = self._shape(term)
        for other, of_other in self.names:
            if (of_other == shape or self.any_shape) and other != term:
                yield Edit(other, "symbol", ("write ", other, " for ", term), 1)
        for step in (-1, 0, 1):
            if step != offset and (name(key, step), shape) not in self.names:
                other = name(key, step)
                yield Edit(other, "symbol", ("write ", other, " for ", term), 1)
        yield Edit(transposed(term), "transpose", ("transpose ", term))
        complement = total((number(1), negative(term)))
        yield Edit(complement, "complement", ("write ", complement, " for ", term))
        if slope := self.symbols.slopes.get(key):
            yield Edit(slope, "slope", ("write the slope ", slope, " for ", term), 1)

    def number(self, term: Term) -> Iterator[Edit]:
        for other in (Fraction(1), Fraction(2), Fraction(1, 2), -term.value):
            if other != term.value:
                yield Edit(number(other), "number", (f"write {other} for {term.value}",))

    def transpose(self, term: Term) -> Iterator[Edit]:
        inner = term.parts[0]
        if inner.kind != "ones":
            yield Edit(inner, "transpose", ("", inner, " is not transposed"))

    def apply(self, term: Term) -> Iterator[Edit]:
        for other in self.symbols.functions:
            if other != term.value:
                words = (f"write {other} for {term.value}",)
                yield Edit(applied(other, term.parts[0]), "function", words)
        yield Edit(term.parts[0], "function", (f"{term.value} is too much",))

    # --- sums and products ------------------------------------------------------------------

    def negative(self, term: Term) -> Iterator[Edit]:
        yield Edit(term.parts[0], "sign", ("the sign of ", term.parts[0], " is wrong"))

    def sum(self, term: Term) -> Iterator[Edit]:
        first, *others = term.parts
        if first == number(1) and len(others) == 1 and others[0].kind == "negative":
            plain = others[0].parts[0]
            yield Edit(plain, "complement", ("write ", plain, " for ", term))
        if self.symbols.is_slope(term):
            yield from self._other_slope(term)
        for place, part in enumerate(term.parts):
            shown = part.parts[0] if part.kind == "negative" else part
            without = term.without_part(place)
            words = ("the term ", shown, " does not belong here")
            yield Edit(without, "superfluous", words, weight(part))
            if part.kind != "negative":  # of those that are, the part itself says so
                flipped = term.with_part(place, negative(part))
                yield Edit(flipped, "sign", ("the sign of ", shown, " is wrong"))

    def elementwise(self, term: Term) -> Iterator[Edit]:
        yield from self._dropped(term)
        for place in range(1, len(term.parts)):
            halves = elementwise(term.parts[:place]), elementwise(term.parts[place:])
            words = _between(*halves, "the matrix product")
            yield Edit(product(halves), "product", words)
            pair = term.parts[place - 1 : place + 1]
            if self.symbols.is_slope(elementwise(pair)):
                others = (*term.parts[: place - 1], *term.parts[place + 1 :])
                yield from self._other_slope(elementwise(pair), others)
        yield Edit(transposed(term), "transpose", ("transpose ", term))

    def _other_slope(self, slope: Term, others: tuple[Term, ...] = ()) -> Iterator[Edit]:
        """The slope of a function for what is the slope of another, beside `others`."""
        for key, other in self.symbols.slopes.items():
            words = ("write ", other, ", the slope of ", name(key), ", for ", slope)
            yield Edit(elementwise((*others, other)), "slope", words, 1)

    def product(self, term: Term) -> Iterator[Edit]:
        yield from self._dropped(term)
        for place in range(1, len(term.parts)):
            halves = product(term.parts[:place]), product(term.parts[place:])
            words = _between(*halves, "the elementwise product")
            yield Edit(elementwise(halves), "product", words)
            left, right = term.parts[place - 1], term.parts[place]
            swapped = (*term.parts[: place - 1], right, left, *term.parts[place + 1 :])
            order = ("", left, " and ", right, " stand in the wrong order")
            yield Edit(term.with_parts(swapped), "order", order)

    def _dropped(self, term: Term) -> Iterator[Edit]:
        for place, part in enumerate(term.parts):
            words = ("the factor ", part, " does not belong here")
            yield Edit(term.without_part(place), "superfluous", words, weight(part))

    # --- factors that are missing -----------------------------------------------------------

    def _with_factor(self, term: Term) -> Iterator[Edit]:
        """An elementwise factor more: a value, 1 minus it, or the slope of a function."""
        shape = self._shape(term)
        if not shape or shape == ("1",):
            return
        for other, of_other in self.names:
            if of_other != shape or other.value[0] not in self.symbols.by_key:
                continue
            if self.symbols.by_key[other.value[0]].role not in ("given", "forward"):
                continue
            complement = total((number(1), negative(other)))
            for factor in (other, complement):
                words = ("the factor ", factor, " is missing")
                yield Edit(elementwise((term, factor)), "missing factor", words)
        for key, slope in self.symbols.slopes.items():
            if self.symbols.by_key[key].shape == shape:
                missing = ("the slope of ", name(key), ", ", slope, ", is missing")
                yield Edit(elementwise((term, slope)), "slope", missing)

    def _multiplied(self, term: Term) -> Iterator[Edit]:
        """A matrix factor more: a weight on the right, a transposed value on the left."""
        shape = self._shape(term)
        if len(shape) != 2:
            return
        for other, of_other in self.names:
            for factor, of_factor in ((other, of_other), (transposed(other), of_other[::-1])):
                words = ("the factor ", factor, " is missing")
                if shape[1] == of_factor[0]:
                    yield Edit(product((term, factor)), "missing factor", words)
                if of_factor[1] == shape[0]:
                    yield Edit(product((factor, term)), "missing factor", words)
        column = transposed(ones)
        added = ("the sum over the samples is missing: the factor ", column, " before ", term)
        yield Edit(product((column, term)), "missing factor", added)

    def _shape(self, term: Term) -> Shape:
        value = self.evaluate.fits(term)
        return value.shape if value is not None else ()


_RULES: dict[str, Callable[[Editor, Term], Iterator[Edit]]] = {
    kind: getattr(Editor, kind)
    for kind in ("name", "number", "transpose", "apply", "negative", "sum", "elementwise")
} | {"product": Editor.product}


def _between(left: Term, right: Term, operation: str) -> Words:
    return ("between ", left, " and ", right, f" belongs {operation}")
