"""Prove kernels of every kind: how many there are, which are refuted, what a proof takes.

    python -m benchmarks.proofs steps     all cells, styles and layouts, for any T and up to T = 128
    python -m benchmarks.proofs losses    all cells, losses, readouts, styles and layouts

A refutation is printed and makes the exit status 1: each of these kernels is right. docs/trust.md
has the figures.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import gru_codegen as gc
from gru_codegen.losses import losses
from gru_codegen.passes import LAYOUTS
from gru_codegen.prove import Proof, prove
from gru_codegen.request import complete

#: None is a time loop for any number of steps.
STEPS = (None, 1, 2, 8, 32, 128)
MANNERS: tuple[dict[str, Any], ...] = (
    {"style": "textbook"},
    *({"layout": layout} for layout in LAYOUTS),
)


class Form(NamedTuple):
    """A kernel: a cell by its name, and the choices for `gru_codegen.load`."""

    cell: str
    choices: dict[str, Any]

    def proof(self) -> Proof:
        """Generate it and prove it, at a point that is drawn."""
        cell, loss = gc.cells[self.cell], self.choices.get("loss", gc.L2)
        whole = complete(cell, self.choices.get("readout", "none"))
        return prove(gc.load(cell, **self.choices), whole, loss)


def steps() -> Iterator[tuple[str, list[Form]]]:
    """For every number of steps all cells in every manner."""
    for T in STEPS:
        forms = [Form(cell, {**manner, "unroll": T}) for cell in gc.cells for manner in MANNERS]
        yield f"T = {T or 'any'}", forms


def of_losses() -> Iterator[tuple[str, list[Form]]]:
    """For every loss and readout all cells in every manner, for any number of steps."""
    for name, loss in losses.items():
        for readout in ("none", "linear"):
            chosen = {"loss": loss, "readout": readout}
            forms = [Form(cell, {**how, **chosen}) for cell in gc.cells for how in MANNERS]
            yield f"loss {name}, readout {readout}", forms


def run(groups: Iterator[tuple[str, list[Form]]]) -> int:
    """Prove them, and return how many are not proved."""
    start, kernels, refuted, numbers = time.monotonic(), 0, 0, 0
    for name, forms in groups:
        longest, seconds = "", 0.0
        for form in forms:
            proof = form.proof()
            if not proof:
                refuted += 1
                print(f"{form.cell} {form.choices}: {proof}", flush=True)
            kernels, numbers = kernels + 1, numbers + proof.entries
            if proof.seconds > seconds:
                longest, seconds = proof.subject, proof.seconds
        print(
            f"{name}: up to {seconds:.2f} s of CPU a proof, {longest}; by now {kernels} kernels, "
            f"{refuted} refuted, {numbers} numbers, {time.monotonic() - start:.0f} s",
            flush=True,
        )
    return refuted


if __name__ == "__main__":
    [asked] = sys.argv[1:] or ["steps"]
    sys.exit(1 if run({"steps": steps, "losses": of_losses}[asked]()) else 0)
