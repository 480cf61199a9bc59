"""The result of a verification: one `Check` per row, all of them in a `Report`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from textwrap import wrap

COLUMNS = ("weight", "method", "step", "worst error", "tolerance", "verdict")
#: Words to the left, numbers to the right.
ALIGN = ("<", "<", ">", ">", ">", "<")
METHOD, STEP = COLUMNS.index("method"), COLUMNS.index("step")
LEGEND = (
    "worst error: the largest difference, over the largest entry; tolerance: the largest that "
    "passes; step: of a difference quotient"
)


@dataclass(frozen=True, repr=False)
class Check:
    """One row: how far ``weight`` was off by ``method``, and how far it may be.

    ``weight`` is the name of a weight, ``all`` for all of them at once, or, for the checks that
    are not about a gradient, what is checked. ``worst_error`` is relative to the largest entry
    and NaN if the check could not be finished; ``step`` is that of the difference quotient, if
    there is one. ``detail`` names the place of the worst error, or the fault. A check is
    ``inaccurate`` if what the weight was compared with is: then it says nothing of the kernel.
    """

    weight: str
    method: str
    step: float | None
    worst_error: float
    tolerance: float
    detail: str = ""
    inaccurate: bool = False

    def __repr__(self) -> str:
        weight, method, _, error, tolerance, verdict = self.cells
        return f"<Check {weight}, {method}: {verdict}, {error} of {tolerance}>"

    @property
    def passed(self) -> bool:
        """False too when the worst error is NaN, and when the check says nothing."""
        return self.worst_error <= self.tolerance and not self.inaccurate

    @property
    def failed(self) -> bool:
        """False too when the check says nothing."""
        return not (self.passed or self.inaccurate)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text, one entry for each of `COLUMNS`."""
        return (
            self.weight,
            self.method,
            "" if self.step is None else f"{self.step:.0e}",
            f"{self.worst_error:.1e}" if self.worst_error else "0",
            f"{self.tolerance:.0e}" if self.tolerance else "0",
            "inaccurate" if self.inaccurate else "FAIL" if self.failed else "pass",
        )


@dataclass(frozen=True, repr=False)
class Report:
    """Every check of one kernel, in the order of the table; truthy when none has failed.

    ``subject`` names the kernel and the sizes; ``limits`` says which faults pass unseen;
    ``proof`` is that of the kernel, if it was put to one.
    """

    checks: tuple[Check, ...]
    subject: str = ""
    limits: str = (
        "A file alone can only be checked against its own loss; "
        "`generate` also checks the declaration."
    )
    proof: object = None

    def __bool__(self) -> bool:
        # Nothing checked is nothing shown, so the failures alone will not do.
        return any(check.passed for check in self.checks) and not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.failed)

    @property
    def remarkable(self) -> tuple[Check, ...]:
        """Return the checks whose details are told: those that failed, then those inaccurate."""
        return (*self.failures, *(check for check in self.checks if check.inaccurate))

    @property
    def reasons(self) -> dict[str, tuple[Check, ...]]:
        """The checks that could not be finished for one and the same reason, by that."""
        unfinished = [
            each for each in self.failures if each.detail and each.worst_error != each.worst_error
        ]
        details = [each.detail for each in unfinished]
        return {
            detail: tuple(each for each in unfinished if each.detail == detail)
            for detail in dict.fromkeys(details)
            if details.count(detail) > 1
        }

    @property
    def rows(self) -> tuple[Check, ...]:
        """Return the checks that have a row: those of one reason are one statement instead."""
        told = {each for checks in self.reasons.values() for each in checks}
        return tuple(each for each in self.checks if each not in told)

    @property
    def verdict(self) -> str:
        """One line: how many checks passed or failed."""
        total, failed = len(self.checks), len(self.failures)
        passed = sum(check.passed for check in self.checks)
        if failed:
            return f"FAIL: {failed} of {total} checks"
        if not passed:
            return "FAIL: nothing was checked"
        if passed == total:
            return f"pass: all {total} checks"
        return f"pass: {passed} of {total} checks; {total - passed} inaccurate here"

    def __repr__(self) -> str:
        of = f" of {self.subject.splitlines()[0]}" if self.subject else ""
        return f"<Report{of}: {self.verdict}>"

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        rows = [(COLUMNS, "th"), *((check.cells, "td") for check in self.rows)]
        table = "".join(
            f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
            for cells, tag in rows
        )
        said = (self.subject, self.verdict, *self._reasons())
        lines = "".join(f"<p>{escape(line)}</p>" for line in said if line)
        return f"{lines}<table>{table}</table>"

    def _reasons(self) -> Iterator[str]:
        for detail, checks in self.reasons.items():
            yield f"{len(checks)} checks cannot be made: {detail}"

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int | None = None) -> str:
        """The report in lines of at most `width` columns, but for words that are longer."""
        told = [each for each in self.remarkable if each in self.rows]
        details = [f"  {each.weight}, {each.method}: {each.detail}" for each in told]
        details = [*(f"  {reason}" for reason in self._reasons()), *details]
        table = _table(self.rows, width) if self.rows else []
        legend = [LEGEND] * bool(table)
        parts = [*_filled([self.subject, *legend], width), *table]
        return "\n".join([*parts, *_filled([self.verdict, *details, self.limits], width)])


def _filled(texts: Iterable[str], width: int | None) -> list[str]:
    """Lines of at most `width` columns; those that go on are indented."""
    lines = [line for text in texts if text for line in text.splitlines()]
    if width is None:
        return lines
    return [
        part
        for line in lines
        for part in wrap(
            line,
            width,
            initial_indent=" " * (len(line) - len(line.lstrip())),
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def _table(checks: Sequence[Check], width: int | None) -> list[str]:
    """The rows; in few columns without the step, and with methods that take several lines."""
    rows = [COLUMNS, *(check.cells for check in checks)]
    places, gap = list(range(len(COLUMNS))), 2
    widths = [max(len(row[place]) for row in rows) for place in places]
    if width is not None and sum(widths) + gap * len(COLUMNS) - gap > width:
        longest = max(len(word) for row in rows for word in row[METHOD].split())
        if width - (sum(widths) - widths[METHOD] + gap * len(COLUMNS) - gap) < longest:
            places.remove(STEP)
            gap = 1
            for place in places:
                head = max(map(len, COLUMNS[place].split()))
                widths[place] = max(head, *(len(row[place]) for row in rows[1:]))
        left = width - sum(widths[place] + gap for place in places if place != METHOD)
        widths[METHOD] = max(left, longest)
    return [line for row in rows for line in _lines_of(row, places, widths, " " * gap)]


def _lines_of(
    row: Sequence[str], places: Sequence[int], widths: Sequence[int], gap: str
) -> Iterator[str]:
    """The lines of a row; a cell that is too long for one goes on below."""
    cells = [wrap(row[place], widths[place]) for place in places]
    for parts in zip_longest(*cells, fillvalue=""):
        padded = [f"{p:{ALIGN[at]}{widths[at]}}" for p, at in zip(parts, places, strict=True)]
        yield gap.join(padded).rstrip()
