"""A document before it has a format: its formulas are expressions still.

A format is one function of `Document`, so that every format shows the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gru_codegen.derive.writing import Prose, Row
from gru_codegen.explain.code import Code
from gru_codegen.notation import Notation

__all__ = [
    "Additions",
    "Block",
    "Box",
    "Certified",
    "Checked",
    "Document",
    "Edge",
    "Equations",
    "Errors",
    "Fold",
    "Graph",
    "Listing",
    "Paragraph",
    "Section",
    "Table",
    "Travel",
]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of words and formulas."""

    prose: Prose


@dataclass(frozen=True)
class Equations:
    """Groups of equations, aligned with each other; their symbols count from `step`.

    key: for marked expressions, by their numbers, the symbol that each is the value of.
    """

    groups: Sequence[Sequence[Row]]
    notation: Notation
    step: str | int = "t"
    key: Mapping[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Rows of as many cells each; `heading` names the columns."""

    rows: Sequence[Sequence[Prose]]
    heading: Sequence[Prose] = ()


@dataclass(frozen=True)
class Box:
    """Equations in a frame with a title: those of an own error or of one that arrives."""

    whose: Literal["own", "later"]
    title: Prose
    equations: Equations
    id: str = ""


@dataclass(frozen=True)
class Errors:
    """The boxes of one time step, side by side where there is room, and their sum."""

    boxes: Sequence[Box]
    sum: Equations


@dataclass(frozen=True)
class Edge:
    """A value that an equation reads: `path` says whether an error comes back along it."""

    start: Any
    end: Any
    path: Literal["", "own", "later"] = ""


@dataclass(frozen=True)
class Graph:
    """Equations as nodes, by time step and by layer, each with an edge to all that reads it.

    nodes: each symbol with its time step and its layer, the longest path to it within its step.
    """

    nodes: Mapping[Any, tuple[int, int]]
    edges: Sequence[Edge]
    notation: Notation

    def reads(self) -> Iterator[tuple[Any, list[Edge]]]:
        """Each node that anything reads, with the edges to what reads it."""
        for node in self.nodes:
            if edges := [edge for edge in self.edges if edge.start == node]:
                yield node, edges


@dataclass(frozen=True)
class Listing:
    """The functions of the generated module that compute, line by line."""

    code: Code


@dataclass(frozen=True)
class Fold:
    """Blocks that a reader may skip, under a summary."""

    summary: Prose
    blocks: Sequence[Block]


Block = Paragraph | Equations | Table | Errors | Graph | Listing | Fold


@dataclass(frozen=True)
class Section:
    """Heading and its content; `id` is where links lead."""

    id: str
    heading: Prose
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Travel:
    """Measures of the error of time step `step`, in one run; by weight, then by steps.

    reached: the norm of its term so many steps back, relative to that at its own step.
    left_out: the norm of what back-propagation of so many steps leaves out of the gradient.
    source: the numbers that it was measured with, in words.
    """

    step: int
    reached: Mapping[str, Mapping[int, float]]
    left_out: Mapping[str, Mapping[int, float]]
    source: str


@dataclass(frozen=True)
class Checked:
    """Checks of one method that a kernel was put to, and of what.

    number, passed: how many there were, and how many passed.
    tolerance: the largest of them, as an error relative to the largest entry.
    """

    of: str
    method: str
    number: int
    passed: int
    tolerance: float


@dataclass(frozen=True)
class Certified:
    """The statements of the certificate of the module that is shown.

    module, declaration: their sha256. proof: its verdict, and of which calls it is.
    generate, verify: the commands that write the module with its certificate, and check both.
    """

    module: str
    declaration: str
    proof: str
    calls: Sequence[str]
    generate: str
    verify: str


@dataclass(frozen=True)
class Additions:
    """Parts of a document from elsewhere than the derivation.

    command: what makes the document again. exercise: what writes a blank file to be graded.
    travel: how far errors travel, as it was measured. checks, certified: those of the module that
        is shown.
    """

    command: str = ""
    exercise: str = ""
    travel: Travel | None = None
    checks: Sequence[Checked] = ()
    certified: Certified | None = None


@dataclass(frozen=True)
class Document:
    """A title and sections; `notation` writes the formulas in headings, paragraphs and tables.

    code: the module whose lines stand beside equations; None if there is none.
    facts: what is shown under the title: of what cell, of which loss, by which command.
    """

    title: Prose
    sections: Sequence[Section]
    notation: Notation
    code: Code | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
