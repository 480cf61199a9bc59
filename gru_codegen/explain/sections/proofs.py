"""The sections on what is proved and checked, on the code, and on the reader's own derivation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gru_codegen.derive.writing import Prose
from gru_codegen.explain.model import Additions, Block, Certified, Checked, Listing, Section, Table
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import counted, says
from gru_codegen.notation import Verbatim

__all__ = ["code_section", "proofs_section"]


def code_section(part: Part) -> list[Section]:
    """Section with the lines of the module that compute; none, if no module is shown."""
    if part.code is None:
        return []
    of_options = ", whose equations are in the next section" if part.is_all else ""
    return [
        Section(
            "code",
            ("The code",),
            [
                says(
                    "The generated module, in the style textbook, computes exactly this; the "
                    "comment above a line says which equations. Further lines are for sequences "
                    f"that end early and for loss weights{of_options}."
                ),
                Listing(part.code),
            ],
        )
    ]


def proofs_section(part: Part, additions: Additions) -> Section:
    """Section on the proofs that the derivation has taken, counted from its own objects.

    additions: the checks of the module that is shown, and its certificate.
    """
    heading = "What is proved, what is checked" if additions.checks else "What is proved"
    blocks = [*_proofs(part), *_checks(additions.checks), *_certificate(additions.certified)]
    return Section("proofs", (heading,), blocks)


def _checks(checks: Sequence[Checked]) -> Iterator[Block]:
    """The table of the checks that the module of the code has been put to."""
    if not checks:
        return
    number = sum(each.number for each in checks)
    yield says(
        f"These proofs are of the formulas. The module is put to the {counted(number, 'check')} "
        "that {generate} makes of every module that it writes: a proof of its own lines, of which "
        "docs/trust.md says what it means, and checks in floating point.",
        generate=(Verbatim("gru-codegen generate"),),
    )
    rows: list[tuple[Prose, ...]] = [
        (
            (each.of,),
            (each.method,),
            (_at_most(each.tolerance),),
            (f"{each.passed} of {each.number}",),
        )
        for each in checks
    ]
    yield Table(rows, [("of",), ("method",), ("off by at most",), ("passed",)])


def _certificate(certified: Certified | None) -> Iterator[Block]:
    """The statements of the certificate, and the commands to have it and to doubt it."""
    if certified is None:
        return
    yield says(
        "A certificate says so to others. It lies beside the module, and is void when one byte of "
        "the module changes. Nobody has to believe it: the second command proves and checks all of "
        "it again."
    )
    yield Table(
        [
            (("written by",), (Verbatim(certified.generate),)),
            (("checked by",), (Verbatim(certified.verify),)),
            (("sha256 of the module",), (Verbatim(certified.module),)),
            (("sha256 of the declaration",), (Verbatim(certified.declaration),)),
            (("proof",), (certified.proof,)),
            (("calls",), ("; ".join(certified.calls),)),
        ]
    )


def _at_most(tolerance: float) -> str:
    """A power of ten: some tolerances are measured, and differ a little between machines."""
    return f"{10.0 ** math.ceil(math.log10(tolerance)):.0e}" if tolerance else "exact"


def _proofs(part: Part) -> Iterator[Block]:
    derivation = part.derivation
    changed = [a for a in derivation.adjoints if a.factored != a.expression]
    renamed = [e for e in derivation.equations if e.expression != e.declared]
    options = [term for hold in derivation.options.holds for term in hold.terms]
    options += [*derivation.options.weighting.terms, *derivation.options.last.values()]
    of_sympy = "SymPy's answers are right in every entry"
    facts = (
        (derivation.local_derivatives, "local derivative", "", of_sympy),
        (renamed, "equation", " in normal form", "equal to what is declared; see the appendix"),
        (changed, "factored sum", "", "equal to what is derived"),
        (options, "derivative", " of options", of_sympy),
        (derivation.loss.shifts, "shift", "", "the loss does not depend on it"),
    )
    rows = {counted(len(of), noun) + more: fact for of, noun, more, fact in facts if of}
    if derivation.loss.known is not None:
        rows["the known adjoint of the outputs"] = "equal to the derived one"
    yield says(
        "Each of these is proved when it is taken: exactly, with a symbol for every entry, at two "
        "sets of sizes that are all different. docs/proof.md says why that settles every size."
    )
    yield Table([((words,), (fact,)) for words, fact in rows.items()])
