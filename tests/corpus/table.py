"""The table of docs/corpus.md: every cell of the corpus, and how plainly it is declared.

python -m tests.corpus.table
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gru_codegen as gc
from gru_codegen.cells import FAMILIES
from tests.corpus.cells import FILES, cell

__all__ = ["CONTORTED", "MISSING", "PAGE", "page"]

PAGE = Path(__file__).parents[2] / "docs" / "corpus.md"
#: The families of the package, with the folders here; and those that it has no cell of.
FOLDERS = {
    "gated units": "gated",
    "units with a memory beside their state": "memory",
    "networks without gates": "ungated",
    "oscillators and networks in continuous time": "continuous",
    "recurrences that are linear in the state": "linear",
    "filters and models of time series": "statistics",
}
#: Cells that are not declared as their papers write them, and how they are.
CONTORTED = {
    "damped-ema": "one dimension a channel: several are a matrix for each sample",
    "mamba": "one state a channel: several are a matrix for each sample",
    "mamba2": "one state a channel: several are a matrix for each sample",
    "retention": "keys of one dimension: several are a matrix for each sample",
    "s4d-real": "one state a channel: several are a matrix for each sample",
}
#: Cells that cannot be declared, with what is missing.
MISSING = {
    "clockwork network (Koutnik et al. 2014, arXiv:1402.3511)": "the remainder of the step index",
    "delta rule (Schlag et al. 2021, arXiv:2102.11174)": "a matrix for each sample as a state",
    "fast weights (Ba et al. 2016, arXiv:1610.06258)": "a matrix for each sample as a state",
    "gated linear attention (Yang et al. 2023, arXiv:2312.06635)": "a matrix for each sample "
    "as a state",
    "linear attention (Katharopoulos et al. 2020, arXiv:2006.16236)": "a matrix for each sample "
    "as a state",
    "matrix memory of xLSTM (Beck et al. 2024, arXiv:2405.04517)": "a matrix for each sample "
    "as a state",
    "neural controlled differential equation (Kidger et al. 2020, arXiv:2005.08926)": "a matrix "
    "for each sample",
    "neural Turing machine (Graves et al. 2014, arXiv:1410.5401)": "a matrix for each sample "
    "as a state",
    "network with an exponential parametrisation (Lezcano-Casado and Martinez-Rubio 2019, "
    "arXiv:1901.08428)": "the exponential of a matrix",
    "phased LSTM (Neil et al. 2016, arXiv:1610.09513)": "the remainder of a quotient",
    "unitary network (Arjovsky et al. 2015, arXiv:1511.06464)": "complex numbers and the Fourier "
    "transform",
}

_INTRODUCTION = """\
# Published cells

This page lists {number} recurrent cells from the literature, each declared as its paper writes
it. Those in bold come with the package, and `gru-codegen cells NAME` shows one. The files of the
others are in `tests/corpus`. They show what [a declaration](own_cell.md) can say.

Each file has a second writing of one step, in plain NumPy, which knows nothing of the
declaration. Kernels in both styles and in every layout are compared with it, for any number of
time steps and for three. Outputs, states, loss and gradients agree to 1e-12 of the largest entry.
The gradients are those of every weight, of the inputs and of the initial states. `make
test-corpus` does all of that, and `make test` a share of it.

{plainly} are declared plainly: with the equations of the paper and nothing besides.

Generation takes up to 1.1 s of CPU time, for GRU-D. With all checks it takes up to 3.2 s, for the
LSTM with layer normalisation. The medians are 0.2 s and 0.7 s.
"""


def page() -> str:
    """The text of the page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    assert {*CONTORTED} <= {*FILES}
    assert not {*MISSING} & {*FILES}
    families = {family: list(FAMILIES.get(family, ())) for family in FOLDERS}
    for family, names in families.items():
        names += sorted(n for n, file in FILES.items() if file.parent.name == FOLDERS[family])
    number = sum(map(len, families.values()))
    yield _INTRODUCTION.format(number=number, plainly=number - len(CONTORTED))
    for family, names in families.items():
        yield f"## {family.capitalize()}\n"
        yield "| cell | in words | source |"
        yield "|---|---|---|"
        for name in names:
            found = gc.cells[name] if name in gc.cells else cell(name)
            yield f"| {_shown(name)} | {found.title} | {found.source} |"
        yield ""
    if CONTORTED:
        yield "## Not declared plainly\n"
        yield from _rows("declared with", CONTORTED)
    if MISSING:
        yield "## What a declaration cannot say\n"
        yield from _rows("missing is", MISSING)


def _shown(name: str) -> str:
    return f"**`{name}`**" if name in gc.cells else f"`{name}`"


def _rows(head: str, told: dict[str, str]) -> Iterator[str]:
    yield f"| cell | {head} |"
    yield "|---|---|"
    yield from (f"| {name} | {words} |" for name, words in told.items())
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
