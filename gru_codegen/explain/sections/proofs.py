"""The sections on what is proved and checked, on the code, and on the reader's own derivation."""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.explain.model import Block, Listing, Section, Table
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import counted, says

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
                    "The generated module, in the style textbook, computes exactly this, one line "
                    "for each equation. Further lines are for sequences that end early and for "
                    f"loss weights{of_options}."
                ),
                Listing(part.code),
            ],
        )
    ]


def proofs_section(part: Part) -> Section:
    """Section on the proofs that the derivation has taken, counted from its own objects."""
    return Section("proofs", ("What is proved",), list(_proofs(part)))


def _proofs(part: Part) -> Iterator[Block]:
    derivation = part.derivation
    changed = [a for a in derivation.adjoints if a.factored != a.expression]
    renamed = [e for e in derivation.equations if e.expression != e.declared]
    options = [term for hold in derivation.options.holds for term in hold.terms]
    options += [*derivation.options.weighting.terms, *derivation.options.last.values()]
    of_sympy = "SymPy's answers are right in every entry"
    rows = {
        counted(len(derivation.local_derivatives), "local derivative"): of_sympy,
        counted(len(renamed), "equation")
        + " in normal form": "equal to the declared ones; the appendix has them",
        counted(len(changed), "factored sum"): "equal to the sums that were derived",
        counted(len(options), "derivative") + " of options": of_sympy,
    }
    if derivation.loss.shifts:
        rows[counted(len(derivation.loss.shifts), "shift")] = "the loss does not depend on it"
    if derivation.loss.known is not None:
        rows["the known adjoint of the outputs"] = "equal to the derived one"
    yield says(
        "Each of these is proved when it is taken: exactly, with a symbol for every entry, at two "
        "sets of sizes that are all different. docs/proof.md says why that settles every size."
    )
    yield Table([((words,), (fact,)) for words, fact in rows.items()])
