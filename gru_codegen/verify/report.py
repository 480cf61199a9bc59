"""The result of a verification: one `Check` per row, all of them in a `Report`."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

COLUMNS = ("weight", "method", "step", "worst error", "tolerance", "verdict")


@dataclass(frozen=True)
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
        rows = [(COLUMNS, "th"), *((check.cells, "td") for check in self.checks)]
        table = "".join(
            f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
            for cells, tag in rows
        )
        lines = "".join(f"<p>{escape(line)}</p>" for line in (self.subject, self.verdict) if line)
        return f"{lines}<table>{table}</table>"

    def __str__(self) -> str:
        details = [f"  {each.weight}, {each.method}: {each.detail}" for each in self.remarkable]
        parts = [self.subject, *_table(self.checks), self.verdict, *details, self.limits]
        return "\n".join(part for part in parts if part)


def _table(checks: tuple[Check, ...]) -> list[str]:
    rows = [COLUMNS, *(check.cells for check in checks)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # Words to the left, numbers to the right.
    align = ("<", "<", ">", ">", ">", "<")
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
