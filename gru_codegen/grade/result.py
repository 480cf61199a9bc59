"""The result of grading: a verdict for each line, as objects, as text and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import escape
from typing import Literal

__all__ = ["Grade", "Line", "Verdict"]

Verdict = Literal["right", "wrong", "own", "missing"]
_WIDTH = 100


@dataclass(frozen=True, repr=False)
class Line:
    """The verdict on one line.

    Attributes
    ----------
    name, formula: its two sides, as they are written.
    number: of the line in the file; None where that cannot be told.
    verdict: right; wrong; own, for a name of the reader's own that is nothing the derivation has;
        missing, for a blank.
    remarks: what is wrong, or which part of the derivation it is.
    better: the formula that is right, where the remarks make one of it, or where they cannot.
    """

    name: str
    formula: str
    number: int | None
    verdict: Verdict
    remarks: tuple[str, ...] = ()
    better: str = ""

    def __repr__(self) -> str:
        return f"<Line {self.name}: {self.verdict}>"

    def __str__(self) -> str:
        """The line on one line: verdict, formula, remarks."""
        better = (f"right is {self.name} = {self.better}",) if self.better else ()
        said = "; ".join((*self.remarks, *better))
        head = f"{self.verdict}: {self.name} = {self.formula}".rstrip()
        return f"{head}  ({said})" if said else head


@dataclass(frozen=True, repr=False)
class Grade:
    """The verdicts on a file, line by line; true when nothing is wrong and nothing is missing.

    Attributes
    ----------
    subject: the file, the cell and the loss.
    notes: what holds for the whole.
    """

    subject: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines) and all(line.verdict in ("right", "own") for line in self.lines)

    def of(self, verdict: Verdict) -> tuple[Line, ...]:
        """The lines with this verdict."""
        return tuple(line for line in self.lines if line.verdict == verdict)

    @property
    def verdict(self) -> str:
        """One line: how many lines are right."""
        right, wrong, missing, own = (
            len(self.of(verdict)) for verdict in ("right", "wrong", "missing", "own")
        )
        total = len(self.lines)
        verb = "line is" if total == 1 else "lines is" if right == 1 else "lines are"
        said = [f"{right} of {total} {verb} right"]
        said += [f"{wrong} wrong"] if wrong else []
        said += [f"{missing} missing"] if missing else []
        said += [f"{own} of your own"] if own else []
        return ", ".join(said)

    def __repr__(self) -> str:
        return f"<Grade of {self.subject}: {self.verdict}>"

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        return f"<pre>{escape(self.text())}</pre>"

    def text(self, width: int = _WIDTH) -> str:
        """A table of at most `width` columns, and below it what is to be said on the whole."""
        names = max((len(line.name) for line in self.lines), default=0)
        parts = [*_filled(self.subject, width, ""), ""]
        for line in self.lines:
            parts += _rows(line, min(names, width // 3), width)
        parts += ["", *_filled(self.verdict, width, "")]
        for note in self.notes:
            parts += _filled(note, width, "")
        return "\n".join(parts)

    def json(self) -> str:
        """The same as a JSON object, with a list of lines."""
        found = {
            "subject": self.subject,
            "verdict": self.verdict,
            "passed": bool(self),
            "notes": list(self.notes),
            "lines": [asdict(line) for line in self.lines],
        }
        return json.dumps(found, indent=2, ensure_ascii=False)


def _rows(line: Line, names: int, width: int) -> Iterator[str]:
    """The rows of a line: its name and verdict, then what is to be said below each other."""
    head = f"{line.name:<{names}}  {line.verdict:<7}  "
    said = [line.formula, *line.remarks] if line.verdict == "wrong" else list(line.remarks)
    if line.verdict == "right":
        said = ["; ".join(line.remarks)] if line.remarks else []
    if line.better:
        said.append(f"right is {line.better}")
    if line.verdict == "own":
        said = [line.formula, *line.remarks]
    indent = " " * len(head)
    if not said:
        yield head.rstrip()
    for place, words in enumerate(said):
        rows = _filled(words, width, indent)
        if place == 0:
            rows[0] = head + rows[0].lstrip()
        yield from rows


def _filled(words: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        words,
        max(width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent + "  " * bool(indent),
        break_on_hyphens=False,
    ) or [indent]
