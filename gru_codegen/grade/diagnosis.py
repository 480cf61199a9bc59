"""The reason why a formula is wrong, in the words of whoever wrote it.

In this order: shapes; a factor of the whole; one edit; terms that are left over; two edits. An
explanation that replaces more than half of what was written is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, islice

import numpy as np

from gru_codegen.grade.edits import Editor, Words
from gru_codegen.grade.evaluation import EvaluationError, ShapeError, Value
from gru_codegen.grade.judge import Judge
from gru_codegen.grade.symbols import letters
from gru_codegen.grade.terms import (
    Term,
    elementwise,
    name,
    negative,
    number,
    summands,
    total,
    weight,
)

__all__ = ["Finding", "diagnosed", "shape_fault"]

#: How many pairs of edits are tried.
MOST_PAIRS = 4_000


@dataclass(frozen=True)
class Finding:
    """Words about a formula, and the formula that is right, if they make one of it."""

    words: Words
    term: Term | None = None


def diagnosed(judge: Judge, term: Term, key: str) -> Iterator[Finding]:
    """The faults of `term`, which is not the symbol `key`: its shapes, then the explanation."""
    if fault := shape_fault(judge, term, key):
        yield Finding(fault)
    target, right = name(key), judge.symbols.by_key[key].definition
    value = judge.floats.fits(term)
    any_shape = value is None or value.shape != judge.floats(target).shape
    editor = Editor(judge.symbols, judge.floats, judge.names, any_shape)
    found = (
        _factor(judge, editor, term, target)
        or one_edit(judge, editor, term, target, right)
        or (right and _left_over(judge, term, right))
        or _two_edits(judge, editor, term, target, right)
    )
    if found:
        yield found


# --- shapes and factors --------------------------------------------------------------------------


def shape_fault(judge: Judge, term: Term, key: str | None) -> Words | None:
    """Words on shapes that do not fit, within the formula or with its left side."""
    try:
        value = judge.floats(term)
    except ShapeError as error:
        left, right = (_unsigned(error.term.parts[place]) for place in error.places)
        first, second = error.shapes
        shapes = ("", left, f" is {letters(first)}, ", right, f" is {letters(second)}; ")
        if error.who:
            return (*shapes, f"{error.who} must have one shape")
        if not (first and second):
            return (*shapes, "a matrix product takes two matrices")
        inner = f"{first[1]} and {second[0]}"
        return (*shapes, f"the inner sizes of a product, {inner}, must be the same")
    except EvaluationError as error:
        return ("", error.term, f": {error.message}")
    shape = judge.symbols.by_key[key].shape if key else value.shape
    if value.shape in ((), shape):
        return None
    return (f"the formula is {letters(value.shape)}, ", name(key or ""), f" is {letters(shape)}")


def _unsigned(term: Term) -> Term:
    return term.parts[0] if term.kind == "negative" else term


def _factor(judge: Judge, editor: Editor, term: Term, target: Term) -> Finding | None:
    """A number that the whole is multiplied with."""
    value, right = judge.floats.fits(term), judge.floats(target)
    if value is None or not value.shape or value.shape != right.shape:
        return None
    factor = _ratio(value, right)
    if not factor or not judge.equal(term, elementwise((number(factor), target))):
        return None
    if factor == -1:
        return Finding(("the sign of the whole is wrong",), negative(term))
    shorter = one_edit(judge, editor, term, target, None)
    corrected = shorter.term if shorter else elementwise((number(1 / factor), term))
    if factor.numerator == 1:
        return Finding((f"the whole lacks the factor {factor.denominator}",), corrected)
    return Finding((f"the whole is {factor} times what it should be",), corrected)


def _ratio(value: Value, right: Value) -> Fraction | None:
    size = float((right.array**2).sum())
    ratio = float((value.array * right.array).sum()) / size if size else 0.0
    return Fraction(ratio).limit_denominator(12) if np.isfinite(ratio) else None


# --- edits ---------------------------------------------------------------------------------------


def one_edit(
    judge: Judge, editor: Editor, term: Term, target: Term, right: Term | None
) -> Finding | None:
    """The one edit that makes `term` equal to `target`, that which is said first if several do."""
    found = [
        edit
        for edit in editor.edits(term, right)
        if _is_small(edit.replaced, term) and judge.equal(edit.term, target)
    ]
    best = min(found, key=lambda edit: edit.rank, default=None)
    return None if best is None else Finding(best.words, best.term)


def _is_small(replaced: int, term: Term) -> bool:
    return 2 * replaced <= weight(term)


def _two_edits(
    judge: Judge, editor: Editor, term: Term, target: Term, right: Term | None
) -> Finding | None:
    """Two edits, in either order: the second is none that would have been said sooner."""
    editor = replace(editor, any_shape=False)
    firsts = sorted(editor.edits(term, right), key=lambda edit: edit.rank)
    pairs = (
        (first, second)
        for first in firsts
        if _is_small(first.replaced, term)
        for second in editor.edits(first.term, right)
        if first.rank <= second.rank
    )
    for first, second in islice(pairs, MOST_PAIRS):
        if _is_small(first.replaced + second.replaced, term) and judge.equal(second.term, target):
            return Finding((*first.words, "; ", *second.words), second.term)
    return None


# --- terms that are left over --------------------------------------------------------------------


def _left_over(judge: Judge, term: Term, right: Term) -> Finding | None:
    """Terms that do not belong, and terms that are missing, where the others are right."""
    missing, kept, surplus = list(summands(right)), list[Term](), list[Term]()
    for part in summands(term):
        same = _sum_among(judge, part, missing)
        (kept if same else surplus).append(part)
        missing = [other for other in missing if other not in same]
    replaced = sum(map(weight, surplus))
    if not kept or not _is_small(replaced, term):
        return None
    words: Words = ()
    if surplus:
        words = (f"{_terms(surplus)} ", *_listed(surplus), _verb(surplus, " does", " do"))
        words = (*words, " not belong here")
    if missing:
        words = (*words, "; " if words else "", f"{_terms(missing)} ", *_listed(missing))
        words = (*words, _verb(missing, " is", " are"), " missing")
    return Finding(words, total((*kept, *missing)))


def _sum_among(judge: Judge, part: Term, others: list[Term]) -> tuple[Term, ...]:
    """Those of `others` whose sum is `part`; () if there are none."""
    for count in range(1, min(4, len(others) + 1)):
        for some in combinations(others, count):
            if judge.equal(part, total(some)):
                return some
    return ()


def _terms(terms: list[Term]) -> str:
    return "the term" if len(terms) == 1 else "the terms"


def _verb(terms: list[Term], one: str, many: str) -> str:
    return one if len(terms) == 1 else many


def _listed(terms: list[Term]) -> Words:
    return tuple(part for term in terms for part in (", ", term))[1:]
