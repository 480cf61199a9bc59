"""Comments: the equations that statements compute, as they were derived and as they are computed.

A comment says each equation that its statements complete, those of eliminated variables before
the one that their values enter. Where another form of it is computed than was derived, that stands
behind it: ``dZ_t = dS_t o CA_t - dS_t o S_{t-1} = dS_t o (CA_t - S_{t-1})``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby

from gru_codegen.emit.lines import WIDTH
from gru_codegen.emit.wording import equation, listed, wording
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Definition,
    EquationId,
    Expr,
    Formula,
    Now,
    Origin,
    Ref,
    Statement,
    parts,
    reads,
    refs,
    rewrite,
    unpacked,
)

__all__ = ["Comments", "groups"]

#: How many operations and operands two forms may have that are compared.
_LARGEST_COMPARED = 500


def groups(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Consecutive statements that stand under one comment; loops and steps one by one."""
    for _, group in groupby(blocks, key=_common):
        yield list(group)


def _common(block: Block) -> object:
    """The common part of the statements of a group: their equations.

    Those that compute from weights alone have in common what they are for, those of lengths the
    condition.
    """
    if not isinstance(block, Statement):
        return id(block)
    if {each.kind for each in block.origin.equations} == {"lengths"}:
        return block.given
    if not block.origin.equations:
        operands = reads(block.value)
        if operands and all(ref.var.is_fixed for ref in operands):
            return block.target.var.meaning
    return block.origin if _is_shared(block.origin) else id(block)


def _is_shared(origin: Origin) -> bool:
    """True if several statements may have `origin` in common, and with it their values."""
    return bool(origin.equations or origin.computed)


#: A variable and its step, from the surrounding one on.
_Name = tuple[str, int]


@dataclass
class _Entry:
    """A line of a comment, in pieces between which it may be broken.

    before: equations of eliminated variables. own: the one that is completed, as it was derived and
    as it is computed. of: its identity; None for an intermediate.
    """

    meaning: str
    own: list[str]
    before: list[str] = field(default_factory=list)
    of: EquationId | None = None

    def pieces(self, alone: bool) -> list[str]:
        """All of it; the only entry of a comment says its meaning."""
        first, *others = self.own
        named = f"{self.meaning}: {first}" if alone and self.meaning else first
        return [*self.before, named, *others]


@dataclass
class Comments:
    """The comments of one body of statements.

    equations: all of the derivation. said: those that a comment of this body has said.
    """

    equations: Mapping[EquationId, Formula]
    said: set[EquationId] = field(default_factory=set)

    def lines(self, group: Sequence[Statement], indent: str, remark: str = "") -> Iterator[str]:
        """The comment above `group`: ``# update gate: Z_t = ...``, and `remark` behind it."""
        ids = dict.fromkeys(each for statement in group for each in statement.origin.equations)
        made = list(_definitions(group))
        entries = list(self._entries(list(ids), made))
        entries = entries or [_intermediate(*definition) for definition in made]
        entries[-1].own[-1] += remark
        alone = len(entries) == 1
        at_once = _is_shared(group[0].origin) and group[0].origin == group[-1].origin
        heading = "" if alone else _heading(entries, at_once)
        yield from _lines(heading, [entry.pieces(alone) for entry in entries], indent)

    def _entries(self, ids: Sequence[EquationId], made: Sequence[Definition]) -> Iterator[_Entry]:
        """The equations of what is `made`, each behind those that enter into it."""
        by_name = {part.var.name: d for d in reversed(made) for part in unpacked(d[0])}
        last = {self.equations[each].target.var.name: each for each in ids}
        before: list[str] = []
        for each in ids:
            formula = self.equations[each]
            name, meaning = formula.target.var.name, _meaning(each, formula)
            if name in by_name and last[name] == each:
                own = list(self._stated(each, formula, *by_name[name]))
                yield _Entry(meaning, own, [f"{said};" for said in before], each)
                before = []
            elif each not in self.said:
                before.append(f"{meaning}: {formula.text}" if meaning else formula.text)
            self.said.add(each)
        if before:
            *others, last_one = before
            yield _Entry("", [last_one], [f"{said};" for said in others])

    def _stated(
        self, each: EquationId, formula: Formula, target: Ref, value: Expr
    ) -> Iterator[str]:
        """The equation as it was derived, then what is computed, if that is not the same."""
        held = _with_added(target)
        if each.kind in ("loss", "gradient") or self._alike(formula.value, value):
            yield formula.text
        elif held is None:
            yield from (formula.text, f"= {wording(rewrite(value, _with_added))}")
        else:
            yield from (f"{formula.text};", f"{wording(held)} = {wording(value)}")

    def _alike(self, derived: Expr, computed: Expr) -> bool:
        """True if both are the same but for the order of operands and the meaning of names."""
        if derived == computed:
            return True
        sides = [derived, computed]
        for _ in self._values:  # so many names at most stand for others, one within the other
            first, second = ({_name(ref) for ref in reads(side)} for side in sides)
            if not second <= self._names:
                return False  # what a pass has added is in no equation
            alone = (first ^ second) & self._values.keys()
            if any(sum(1 for _ in parts(side)) > _LARGEST_COMPARED for side in sides):
                return False  # names within names come to more than anybody would compare
            if not alone:
                return _ordered(sides[0]) == _ordered(sides[1])

            def meant(part: Expr, alone: set[_Name] = alone) -> Expr | None:
                if isinstance(part, Ref) and _name(part) in alone:
                    return self._values[_name(part)]
                return None

            sides = [rewrite(side, meant) for side in sides]
        return False  # a name stands for itself, by way of others

    @cached_property
    def _values(self) -> dict[_Name, Expr]:
        """The values that variables stand for, at their own step."""
        return {
            _name(formula.target): formula.value
            for each, formula in self.equations.items()
            if each.kind in ("forward", "adjoint")
        }

    @cached_property
    def _names(self) -> set[_Name]:
        """The variables of equations, each with its step."""
        formulas = self.equations.values()
        return {_name(ref) for f in formulas for ref in (f.target, *reads(f.value))}


def _name(ref: Ref) -> _Name:
    return ref.var.name, 0 if ref.when is None else ref.when.offset


def _definitions(group: Sequence[Statement]) -> Iterator[Definition]:
    """The definitions in `group`; statements that share their origin say theirs once."""
    said: set[int] = set()
    for statement in group:
        computed = statement.origin.computed
        if not computed:
            yield statement.target, statement.value
        elif id(computed) not in said:
            said.add(id(computed))
            yield from computed


def _with_added(part: Expr) -> Expr | None:
    """A carry plus what the loop has added to it one step before, if anything.

    The addend is that of its boundary, with which it begins beyond the last step.
    """
    if not (isinstance(part, Ref) and isinstance(part.var.boundary, Call)):
        return None
    total: Expr = part
    for ref in refs(part.var.boundary):
        if isinstance(ref.when, Now) and isinstance(part.when, Now):
            now = replace(ref, when=Now(ref.when.offset + part.when.offset))
            total = Call("add", (total, now))
    return total


def _meaning(each: EquationId, formula: Formula) -> str:
    """The words before an equation; adjoints have none, since their names say it."""
    return "" if each.kind == "adjoint" else formula.meaning


def _intermediate(target: Ref, value: Expr) -> _Entry:
    """The entry of a value that a pass has added."""
    meanings = dict.fromkeys(ref.var.meaning for ref in unpacked(target))
    return _Entry(listed(list(meanings)), [equation(target, rewrite(value, _with_added))])


# --- lines ---------------------------------------------------------------------------------------


def _heading(entries: Sequence[_Entry], at_once: bool) -> str:
    """The words before several equations: ``update gate and reset gate at once: ``."""
    kinds = {entry.of.kind if entry.of else None for entry in entries}
    if kinds == {"gradient"}:
        words = "gradients"  # their names are in the equations
    elif kinds == {"adjoint"}:
        words = f"adjoints of {listed([entry.of.subject for entry in entries if entry.of])}"
    else:
        words = listed([*dict.fromkeys(entry.meaning for entry in entries if entry.meaning)])
    return f"{words}{' at once' if at_once else ''}: ".lstrip()


def _lines(heading: str, entries: Sequence[list[str]], indent: str) -> Iterator[str]:
    """A comment on one line, or else on one for each of its entries."""
    line = f"{indent}# {heading}{'; '.join(map(' '.join, entries))}"
    start, further = f"{indent}# ", f"{indent}#     "
    if len(line) <= WIDTH:
        yield line
    elif len(entries) == 1:
        ((first, *others),) = entries
        yield from _filled([heading + first, *others], start, further)
    else:
        if heading:
            yield from _broken(f"{start}{heading}", start)
            start, further = further, f"{further}    "
        if all(len(pieces) == 1 for pieces in entries):  # several of them on a line
            pieces = [piece for (piece,) in entries]
            entries = [[*(f"{piece};" for piece in pieces[:-1]), pieces[-1]]]
            further = start
        for pieces in entries:
            yield from _filled(pieces, start, further)


def _filled(pieces: Sequence[str], start: str, further: str) -> Iterator[str]:
    """Pieces on as few lines as they fit on; one that is too long is broken where it has to be."""
    line = start + pieces[0]
    for piece in pieces[1:]:
        if len(line) + 1 + len(piece) <= WIDTH:
            line = f"{line} {piece}"
        else:
            yield from _broken(line, further)
            line = further + piece
    yield from _broken(line, further)


def _broken(line: str, further: str) -> list[str]:
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


# --- expressions, whatever the order of their operands -------------------------------------------


def _ordered(expression: Expr) -> str:
    """`expression` with the operands of sums and of elementwise products in a fixed order."""
    return " + ".join(sorted(f"{number} {rest}" for number, rest in _terms(expression)))


def _terms(expression: Expr) -> Iterator[tuple[Fraction, str]]:
    """The terms of a sum, each a number and what it is multiplied with."""
    match expression:
        case Call("add", (left, right)):
            yield from (*_terms(left), *_terms(right))
        case Call("subtract", (left, right)):
            yield from (*_terms(left), *((-number, rest) for number, rest in _terms(right)))
        case Call("negate", (argument,)):
            yield from ((-number, rest) for number, rest in _terms(argument))
        case Call("guard", (_, _, argument)):
            yield from _terms(argument)
        case _:
            number, factors = _factors(expression)
            yield number, " o ".join(sorted(factors))


def _factors(expression: Expr) -> tuple[Fraction, list[str]]:
    """The factors of an elementwise product, the number among them apart."""
    match expression:
        case Const(value):
            return value, []
        case Ref():
            return Fraction(1), [wording(expression)]
        case Call("multiply", (left, right)):
            (a, some), (b, others) = _factors(left), _factors(right)
            return a * b, [*some, *others]
        case Call("guard", (_, _, Call("multiply") as product)):
            return _factors(product)
        case Call("add" | "subtract" | "negate" | "guard"):
            return Fraction(1), [f"({_ordered(expression)})"]
    return Fraction(1), [f"{expression.operation}({', '.join(map(_ordered, expression.args))})"]
