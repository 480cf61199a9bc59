"""The table of docs/corpus.md: every cell of the corpus, and how plainly it is declared.

python -m tests.corpus.table
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.corpus.cells import FILES, cell

__all__ = ["CONTORTED", "MISSING", "PAGE", "page"]

PAGE = Path(__file__).parents[2] / "docs" / "corpus.md"
#: The families, by their folders.
FAMILIES = {
    "simple": "Without gates, or with few",
    "gated": "Gated units with one state",
    "memory": "Units with a memory beside their state",
    "oscillating": "Oscillating networks",
    "continuous": "Networks in continuous time",
    "linear": "Linear in the state: state spaces, linear attention",
    "statistics": "Filters and models of time series",
}
#: Cells that are not declared as their papers write them, and how they are.
CONTORTED = {
    "damped-ema": "one dimension a channel: several are a matrix for each sample",
    "retention": "keys of one dimension: several are a matrix for each sample",
    "s4d-real": "one state a channel: several are a matrix for each sample",
}
#: Cells that cannot be declared, with what is missing.
MISSING: dict[str, str] = {}

_INTRODUCTION = """\
# Published cells

{number} recurrent cells from the literature, each declared in a TOML file as its paper writes it.
The files are in `tests/corpus`; they show what [a declaration](own_cell.md) can say. For each there
is a second writing of one step, in plain NumPy, which knows nothing of the declaration. Kernels in
both styles, in every layout, for any number of time steps and for three, are compared with it:
outputs, states, loss, and the gradient by every weight, by the inputs and by the initial states,
to 1e-12 of the largest entry (`make test-corpus`; a share of it is in `make test`).

{plainly} are declared plainly: with the equations of the paper and nothing besides.
"""


def page() -> str:
    """The text of the page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    assert {*CONTORTED} <= {*FILES}
    assert not {*MISSING} & {*FILES}
    number = len(FILES)
    yield _INTRODUCTION.format(number=number, plainly=number - len(CONTORTED))
    for folder, family in FAMILIES.items():
        yield f"## {family}\n"
        yield "| cell | in words | source |"
        yield "|---|---|---|"
        for name, file in FILES.items():
            if file.parent.name == folder:
                found = cell(name)
                yield f"| `{name}` | {found.title} | {found.source} |"
        yield ""
    if CONTORTED:
        yield "## Not declared plainly\n"
        yield from _rows("declared with", CONTORTED)
    if MISSING:
        yield "## What a declaration cannot say\n"
        yield from _rows("missing is", MISSING)


def _rows(head: str, told: dict[str, str]) -> Iterator[str]:
    yield f"| cell | {head} |"
    yield "|---|---|"
    yield from (f"| {name} | {words} |" for name, words in told.items())
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
