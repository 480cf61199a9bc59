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
    there is one. ``detail`` names the place of the worst error, or the fault.
    """

    weight: str
    method: str
    step: float | None
    worst_error: float
    tolerance: float
    detail: str = ""

    @property
    def passed(self) -> bool:
        """False too when the worst error is NaN."""
        return self.worst_error <= self.tolerance

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text, one entry for each of `COLUMNS`."""
        return (
            self.weight,
            self.method,
            "" if self.step is None else f"{self.step:.0e}",
            f"{self.worst_error:.1e}" if self.worst_error else "0",
            f"{self.tolerance:.0e}" if self.tolerance else "0",
            "pass" if self.passed else "FAIL",
        )


@dataclass(frozen=True, repr=False)
class Report:
    """Every check of one kernel, in the order of the table; truthy when all have passed.

    ``subject`` names the kernel and the sizes; ``limits`` says which faults pass unseen.
    """

    checks: tuple[Check, ...]
    subject: str = ""
    limits: str = (
        "A file alone can only be checked against its own loss; "
        "`generate` also checks the declaration."
    )

    def __bool__(self) -> bool:
        # Nothing checked is nothing shown, so `all` alone will not do.
        return bool(self.checks) and not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def verdict(self) -> str:
        """One line: how many checks passed or failed."""
        total, failed = len(self.checks), len(self.failures)
        if not total:
            return "FAIL: nothing was checked"
        return f"FAIL: {failed} of {total} checks" if failed else f"pass: all {total} checks"

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
        details = [f"  {check.weight}, {check.method}: {check.detail}" for check in self.failures]
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
