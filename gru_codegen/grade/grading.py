"""Grading a file: every line by its value, each slip reported where it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations

import numpy as np

from gru_codegen.grade.circles import Circles
from gru_codegen.grade.conventions import turned
from gru_codegen.grade.diagnosis import Finding, diagnosed, shape_fault
from gru_codegen.grade.edits import Editor, Words
from gru_codegen.grade.evaluation import points
from gru_codegen.grade.judge import Judge
from gru_codegen.grade.parts import Parts
from gru_codegen.grade.result import Grade, Line, Verdict
from gru_codegen.grade.sheet import Entry, Sheet
from gru_codegen.grade.stamps import labelled
from gru_codegen.grade.terms import Term, leaves, name, over_time, weight
from gru_codegen.grade.writing import CODE, Writer

__all__ = ["Grading", "graded"]


#: Slips are looked for in lines of so many names at most, and in so many names of all lines: the
#: time that it takes grows with the square of the first.
MOST_NAMES, MOST_NAMES_OF_ALL = 40, 400

#: Edits that bring nothing new: with another symbol or factor much becomes a part of something.
_IN_PLACE = ("sign", "complement", "transpose", "order", "superfluous", "number")


def graded(sheet: Sheet, progress: Callable[[int, int], object] | None = None) -> Grade:
    """The verdicts on the lines of `sheet`; `progress(done, total)` is called by the line."""
    with np.errstate(all="ignore"):  # a wrong formula may be of any size
        return Grading(sheet).grade(progress)


@dataclass
class _Found:
    """A verdict before it has words."""

    verdict: Verdict
    findings: list[Finding]
    better: Term | None = None


class _Verdicts:
    """The verdicts on the lines of one file, each line for itself."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.points = points(sheet.symbols)
        self.judge = Judge.at(*self.points)
        for entry in self.own:
            if entry.term is not None:
                self.judge.know(entry.key, entry.term)
        self.circles = Circles(sheet.entries, sheet.symbols.by_key)
        self.found: dict[str, _Found] = {}
        self.names_left = MOST_NAMES_OF_ALL

    @property
    def own(self) -> list[Entry]:
        """The lines of names of the reader's own."""
        return [entry for entry in self.sheet.entries if entry.own]

    @cached_property
    def parts(self) -> Parts:
        """The values that are recognised."""
        return Parts.of(self.judge)

    @property
    def editor(self) -> Editor:
        return Editor(self.judge.symbols, self.judge.floats, self.judge.names)

    def verdict(self, entry: Entry) -> _Found:
        if entry.term is None:
            return _Found("missing", [])
        if entry.own:
            found = self.of_own(entry, entry.term)
            return (self.of_circle(entry) or found) if found.verdict == "right" else found
        if self.judge.equal(entry.term, name(entry.key)):
            return self.of_circle(entry) or _Found("right", [])
        if self.is_right_at_the_last_step(entry, entry.term):
            words = "at the last step, to which nothing comes back"
            return _Found("right", [Finding((words,))])
        if not self.may_search(entry.term):
            fault = shape_fault(self.judge, entry.term, entry.key)
            said = Finding(fault or ("no slip is looked for in so many names",))
            return _Found("wrong", [said], self.judge.symbols.by_key[entry.key].definition)
        findings = list(diagnosed(self.judge, entry.term, entry.key))
        if findings and findings[-1].term is not None:
            return _Found("wrong", findings, findings[-1].term)
        return _Found("wrong", findings, self.judge.symbols.by_key[entry.key].definition)

    def of_circle(self, entry: Entry) -> _Found | None:
        """The verdict on a line that is true since it states a quantity in terms of itself."""
        way = self.circles.way(entry)
        if way is None:
            return None
        words: Words = ("it is stated in terms of itself",)
        for place, key in enumerate(way):
            words = (*words, " and " if place else ", by way of ", name(key))
        right = None if entry.own else self.judge.symbols.by_key[entry.key].definition
        return _Found("wrong", [Finding((*words, ": that says nothing"))], right)

    def may_search(self, term: Term, *readers: Entry) -> bool:
        """Return whether a slip is looked for in `term`: not in very long ones, nor in too many.

        readers: the lines that are evaluated anew with each edit of it.
        """
        names = weight(term)
        anew = [each.term for each in readers if each.term]
        own = {key for each in anew for key in self.reached(each)}
        anew += [self.judge.floats.own[key] for key in own]
        self.names_left -= names + sum(map(weight, anew))
        return names <= MOST_NAMES and self.names_left >= 0

    def is_right_at_the_last_step(self, entry: Entry, term: Term) -> bool:
        """Return whether a line of one step holds for its own error, where no other is named."""
        known = self.sheet.symbols.by_key
        one_error = any(leaf.value[0].endswith("]") for leaf in leaves(term))
        if entry.stamp is None or one_error or f"{entry.key}[own]" not in known:
            return False
        adjoints = [key for key in known if f"{key}[own]" in known]
        return self.judge.equal(labelled(term, adjoints, "own"), name(f"{entry.key}[own]"))

    def of_own(self, entry: Entry, term: Term) -> _Found:
        """The verdict on a name of the reader's own: its value is recognised, or kept."""
        if self.judge.floats.fits(term) is None:
            fault = shape_fault(self.judge, term, None)
            return _Found("wrong", [Finding(fault)] if fault else [])
        if part := self.parts.recognised(term):
            return _Found("right", [Finding(part.words)])
        if self.readers(entry) or not self.may_search(term):
            return _Found("own", [])
        return self.repaired(entry, term) or _Found("own", [])

    def repaired(self, entry: Entry, term: Term) -> _Found | None:
        """One edit that makes a part of the backward pass of a value that nothing reads."""
        for edit in sorted(self.editor.edits(term, None), key=lambda edit: edit.rank):
            part = self.parts.same(edit.term) if edit.slip in _IN_PLACE else None
            if part is not None and part.backward:
                self.judge.know(entry.key, edit.term)
                words = (*edit.words, "; then it is ", *part.words)
                return _Found("wrong", [Finding(words, edit.term)], edit.term)
        return None

    def readers(self, entry: Entry) -> list[Entry]:
        """The lines that read a name of the reader's own."""
        return [
            other
            for other in self.sheet.entries
            if other.term and any(leaf.value[0] == entry.key for leaf in leaves(other.term))
        ]

    def reached(self, term: Term) -> set[str]:
        """The names of the reader's own that a term reads, also by way of others."""
        own = self.judge.floats.own
        found, waiting = set[str](), [term]
        while waiting:
            new = {leaf.value[0] for leaf in leaves(waiting.pop())} & own.keys() - found
            waiting += [own[key] for key in new]
            found |= new
        return found

    def by_its_readers(self, entry: Entry) -> None:
        """A value that is not recognised is wrong if one edit of it rights what reads it."""
        if self.found[entry.called].verdict != "own" or entry.term is None:
            return
        readers = [other for other in self.readers(entry) if not other.own]
        wrong = [other for other in readers if self.found[other.called].verdict == "wrong"]
        if not wrong or len(wrong) < len(readers) or not self.may_search(entry.term, *wrong):
            return
        for edit in sorted(self.editor.edits(entry.term, None), key=lambda edit: edit.rank):
            if entry.key in self.reached(edit.term):  # it would be computed from itself
                continue
            self.judge.know(entry.key, edit.term)
            if all(o.term and self.judge.equal(o.term, name(o.key)) for o in wrong):
                finding = Finding(edit.words, edit.term)
                self.found[entry.called] = _Found("wrong", [finding], edit.term)
                for other in wrong:
                    words: Words = ("with the right ", name(entry.key))
                    self.found[other.called] = _Found("right", [Finding(words)])
                return
        self.judge.know(entry.key, entry.term)


class Grading(_Verdicts):
    """One grading of one file."""

    def grade(self, progress: Callable[[int, int], object] | None) -> Grade:
        """The verdicts, in the order of the file."""
        lines, notes = self.sheet.entries, []
        by_convention = self.convention()
        if by_convention is not None:
            gate, right = by_convention
            notes = list(self.on_convention(gate, len(right)))
        order = [*_in_order(self.own), *(entry for entry in lines if not entry.own)]
        for done, entry in enumerate(order):
            if progress is not None:
                progress(done, len(order))
            self.found[entry.called] = self.verdict(entry)
            self.judge.forget()  # the values of all that was tried
        for entry in self.own:
            self.by_its_readers(entry)
        wrong = [entry for entry in lines if self.found[entry.called].verdict == "wrong"]
        for first, second in _exchanged(self.judge, wrong):
            slip = Finding((f"the formulas of {first.called} and {second.called} are exchanged",))
            for entry in (first, second):
                better = self.found[entry.called].better
                self.found[entry.called] = _Found("wrong", [slip], better)
        if by_convention is not None:
            for entry in by_convention[1]:
                found = self.found[entry.called]
                if found.verdict == "wrong":
                    words = ("right with ", *self.complement(by_convention[0]))
                    self.found[entry.called] = _Found("wrong", [Finding(words)])
        return Grade(self.subject, tuple(map(self.line, lines)), tuple(notes))

    # --- conventions ------------------------------------------------------------------------

    def convention(self) -> tuple[str, list[Entry]] | None:
        """The gate for whose other convention most lines are right, and those lines."""
        lines = [entry for entry in self.sheet.entries if entry.term is not None and not entry.own]
        right = self.right_at(self.judge, lines)
        for gate in self.sheet.symbols.gates:
            judge = Judge.at(*(turned(point, gate) for point in self.points))
            for entry in self.own:
                if entry.term is not None:
                    judge.know(entry.key, entry.term)
            there = self.right_at(judge, lines)
            if len(there) >= len(right) + 2 and 2 * len(there) > len(lines):
                return gate, there
        return None

    def right_at(self, judge: Judge, lines: Iterable[Entry]) -> list[Entry]:
        return [e for e in lines if e.term is not None and judge.equal(e.term, name(e.key))]

    def complement(self, gate: str) -> Words:
        return ("1 - ", name(gate), " for ", name(gate))

    def on_convention(self, gate: str, right: int) -> Iterator[str]:
        write = self.written
        lines = sum(entry.term is not None and not entry.own for entry in self.sheet.entries)
        yield (
            f"These formulas are for the other convention: with {write(self.complement(gate))}, "
            f"{right} of {lines} are right."
        )

    # --- words ------------------------------------------------------------------------------

    @property
    def subject(self) -> str:
        sheet = self.sheet
        loss = sheet.symbols.derivation.loss
        readout = f", readout {sheet.readout}" if sheet.readout != "none" else ""
        return f"{sheet.document.text.path}: {sheet.cell.title}, {loss.title}{readout}"

    def written(self, words: Words, entry: Entry | None = None) -> str:
        """Words, and the terms between them as the entry writes formulas."""
        stamp = None if entry is None else entry.stamp
        write = Writer(partial(self.sheet.naming.called, stamp=stamp))
        manner = (entry or self.sheet.entries[0]).manner or CODE
        text = "".join(part if isinstance(part, str) else write(part, manner) for part in words)
        silent = stamp and entry and "[" not in entry.called + entry.text  # on whose error it is
        return text.replace(f"[{stamp.whose}]", "") if stamp and silent else text

    def line(self, entry: Entry) -> Line:
        found = self.found[entry.called]
        remarks = [self.written(finding.words, entry) for finding in found.findings]
        better = ""
        if found.better is not None:
            term = over_time(found.better) if entry.summed else found.better
            better = self.written((term,), entry)
        if found.verdict == "missing" and not entry.own:
            symbol = self.sheet.symbols.by_key[entry.key]
            remarks.append(f"({', '.join(symbol.shape)})")
        number = self.sheet.line(entry)
        return Line(entry.called, entry.text, number, found.verdict, tuple(remarks), better)


def _exchanged(judge: Judge, wrong: list[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Two wrong lines of which each is right for the other: that is one slip."""
    for first, second in combinations((entry for entry in wrong if not entry.own), 2):
        pairs = ((first.term, second.key), (second.term, first.key))
        if first.key != second.key and all(t and judge.equal(t, name(key)) for t, key in pairs):
            yield first, second


def _in_order(entries: list[Entry]) -> list[Entry]:
    """Names of the reader's own, each after those that it reads."""
    by_key = {entry.key: entry for entry in entries}
    order: dict[str, Entry] = {}

    def visit(entry: Entry) -> None:
        for leaf in leaves(entry.term) if entry.term else ():
            other = by_key.get(leaf.value[0])
            if other is not None and other.key not in order:
                visit(other)
        order.setdefault(entry.key, entry)

    for entry in entries:
        visit(entry)
    return list(order.values())
