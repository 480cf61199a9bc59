"""The result of an audit: what is right, what is wrong, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from textwrap import TextWrapper
from typing import Any

__all__ = ["Audit", "Fault", "Finding"]

#: The findings that are not of a gradient.
OTHERS = ("loss", "outputs")
NO_FAULT_KNOWN = "differs; none of the known faults explains it"


@dataclass(frozen=True)
class Finding:
    """One thing that a function returns, and whether it is right.

    Attributes
    ----------
    name: loss, outputs, or the gradient of a weight, as dWz.
    error: the largest difference at any point, relative to the largest number.
    fault: what is wrong, in words; empty if it is right.
    remark: what else is to be said of it.
    right_if: what it is right at, though not everywhere: T = 1, s0 = 0, B = 1.
    """

    name: str
    error: float
    fault: str = ""
    remark: str = ""
    right_if: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return not self.fault


@dataclass(frozen=True)
class Fault:
    """A fault of the equations, and the gradients that it makes differ."""

    text: str
    gradients: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """All findings; truthy when everything is right.

    Attributes
    ----------
    subject: the function. against: the cell and the loss that it is compared with.
    faults: those of the equations that explain wrong gradients.
    notes: what else its author should know.
    """

    subject: str
    against: str
    findings: tuple[Finding, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.findings) and all(finding.right for finding in self.findings)

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that are not right."""
        return tuple(finding for finding in self.findings if not finding.right)

    @property
    def verdict(self) -> str:
        """One line: what is right, or what is wrong."""
        gradients = [f for f in self.findings if f.name not in OTHERS]
        others = [f.name for f in (self.findings if self else self.wrong) if f.name in OTHERS]
        if self:
            return f"right: {_and([*others, f'all {len(gradients)} gradients'])}"
        count = sum(not finding.right for finding in gradients)
        parts = [*others, *[f"{count} of {len(gradients)} gradients"] * (count > 0)]
        return f"WRONG: {_and(parts)}"

    def __repr__(self) -> str:
        return f"<Audit of {self.subject} against {self.against}; {self.verdict}>"

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """The report for a notebook."""
        return f"<pre>{escape(self.text())}</pre>"

    def text(self, width: int = 100) -> str:
        """The report in lines of at most `width` columns, but for words that are longer."""
        lines = [f"{self.subject} against {self.against}", ""]
        names = max((len(finding.name) for finding in self.findings), default=0)
        lines += [f"  {'':<{names}}         off by, relative to the largest entry"]
        for finding in self.findings:
            mark = f"  {finding.name:<{names}}  {'right' if finding.right else 'WRONG'}  "
            lines += _folded(mark + f"{finding.error:.0e}  ", _said(finding), width)
        for number, fault in enumerate(self.faults, 1):
            lines += ["", *_folded(f"  fault {number}: ", fault.text, width)]
        for note in self.notes:
            lines += ["", *_folded("  note: ", note, width)]
        return "\n".join([*lines, "", *_folded("", self.verdict, width)])

    def to_dict(self) -> dict[str, Any]:
        """The report in what JSON has; an error without bound is null."""
        findings = [
            {**asdict(f), "right": f.right, "error": f.error if f.error < float("inf") else None}
            for f in self.findings
        ]
        return {**asdict(self), "findings": findings, "right": bool(self), "verdict": self.verdict}


def _said(finding: Finding) -> str:
    also = f"right at {_listed(finding.right_if)}" if finding.right_if else ""
    return "; ".join(part for part in (finding.fault, finding.remark, also) if part)


def _folded(first: str, text: str, width: int) -> list[str]:
    wrapper = TextWrapper(
        width, initial_indent=first, subsequent_indent=" " * min(len(first), width // 3),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return wrapper.wrap(text) or [first.rstrip()]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
