"""The statements of a certificate, put to the test: the file, the declaration, proof and checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gru_codegen.cell import Cell
from gru_codegen.certificate.certificate import (
    CertificateError,
    canonical,
    declaration_of,
    proof_data,
    row_of,
    sha256_of,
)
from gru_codegen.certificate.declaration import data_of
from gru_codegen.errors import GruCodegenError, VerificationError
from gru_codegen.losses import Loss
from gru_codegen.modules import load_source, require_kernel
from gru_codegen.pipeline import check, equations, said_otherwise, source
from gru_codegen.prove import Proof, prove
from gru_codegen.request import Request, complete
from gru_codegen.verify import Check, Report

__all__ = ["Statement", "check_again"]

Row = dict[str, Any]

#: A tolerance that is measured may be so many times as large or small on another machine.
MEASURED = 10


@dataclass(frozen=True)
class Statement:
    """One statement of a certificate.

    words: what it says or, where it fails, what is so instead.
    holds: whether it was found to; None if nobody can look.
    """

    words: str
    holds: bool | None


def check_again(
    module: bytes,
    content: dict[str, Any],
    name: str,
    progress: Callable[[int, int], object] | None = None,
) -> list[Statement]:
    """Every statement of a certificate's `content`, put to the test as far as that is possible.

    module: the bytes of the file. name: of the module. Nothing is taken from the certificate but
    the declaration and the seed: the module is run only if its hash is right, and proved and
    checked against the declaration, at the point of that seed and at a new one.

    Raises CertificateError if the declaration in it is none, or the module no kernel.
    """
    if sha256_of(module) != content["module"].get("sha256"):
        return [Statement("the file is not the one that it is of: the sha256 differs", False)]
    cell, loss = declaration_of(content)
    try:
        kernel = load_source(module.decode(), name)
        require_kernel(kernel)
        request = Request.of(kernel, cell, loss)
        made = load_source(source(request), request.name)
    except (GruCodegenError, UnicodeDecodeError, ValueError) as error:
        raise CertificateError(f"is of no kernel: {error}") from None
    return [
        Statement("the file is the one that it is of, to the byte (sha256)", True),
        _on_name(content, request),
        _on_declaration(content, cell, loss),
        *_on_module(content, kernel, made, request),
        *_done_again(content, kernel, request, progress),
    ]


def _told(holds: bool, right: str, wrong: str) -> Statement:
    return Statement(right if holds else wrong, holds)


# --- the file and the declaration ----------------------------------------------------------------


def _on_name(content: dict[str, Any], request: Request) -> Statement:
    called = content["module"].get("name")
    return _told(
        called == request.name,
        f"the name of such a module is {request.name}",
        f"it calls the module {called!a}, and the name of such a module is {request.name}",
    )


def _on_declaration(content: dict[str, Any], cell: Cell, loss: Loss) -> Statement:
    """That all of the declaration has been read, and is what its hash is of."""
    stated = {part: content["declaration"].get(part) for part in ("cell", "loss", "readout")}
    again = {"cell": data_of(cell), "loss": data_of(loss), "readout": stated["readout"]}
    if canonical(stated) != canonical(again):
        return Statement("the declaration says more than what is read of it", False)
    return _told(
        sha256_of(canonical(stated)) == content["declaration"].get("sha256"),
        "the declaration is the one that its sha256 is of",
        "the declaration has been changed: its sha256 differs",
    )


def _on_module(
    content: dict[str, Any], kernel: ModuleType, made: ModuleType, request: Request
) -> Iterator[Statement]:
    """Compare what the module says of itself with what is made of the declaration now."""
    text, readout = content["declaration"].get("text"), content["declaration"].get("readout")
    said = list(said_otherwise(kernel, made))
    if getattr(kernel, "LOSS", request.loss.name) != request.loss.name or readout != kernel.READOUT:
        said.append("LOSS or READOUT is not that of the declaration")
    if text != equations(request).splitlines():
        said.append("the text of the certificate is not that of the declaration")
    yield _told(
        not said,
        "the module names this declaration, with these equations",
        f"the module does not name this declaration: {', '.join(said)}",
    )
    title = f"the module has its title, {request.cell.title}, and its source"
    yield _told(
        _titles(kernel) == _titles(made), title, "the module has another title, or another source"
    )


def _titles(module: ModuleType) -> list[str]:
    """The paragraphs of a module's docstring that have the title and the source of the cell."""
    first, *others = (module.__doc__ or "").split("\n\n")
    return [first, *(each for each in others if each.startswith("Source of the cell: "))]


# --- the proof and the checks --------------------------------------------------------------------


def _done_again(
    content: dict[str, Any],
    kernel: ModuleType,
    request: Request,
    progress: Callable[[int, int], object] | None,
) -> Iterator[Statement]:
    """The proof and the checks, made again."""
    cell, loss, stated = request.cell, request.loss, content["proof"]
    proof = prove(kernel, complete(cell, kernel.READOUT), loss, seed=stated["seed"])
    try:
        report = check(kernel, cell, loss=loss, progress=progress)
    except VerificationError as error:
        raise CertificateError(f"is of a kernel that cannot be checked: {error}") from None
    again = report.proof
    assert isinstance(again, Proof)
    yield _on_proof(stated, proof)
    new = f"proof at a new point, of seed {again.seed}"
    yield _told(bool(again), f"the {new}", f"there is no {new}: {again.verdict}")
    yield _told(bool(report), f"the checks, made again: {report.verdict}", _failed(report))
    fault = next(_faults(content.get("checks"), report.checks), "")
    yield _told(not fault, "its rows are those of these checks, but for the errors", fault)
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    yield Statement(f"its versions: {versions}", None)
    yield Statement(_taken(report.checks), None)


def _on_proof(stated: Row, proof: Proof) -> Statement:
    """The proof at the point of the certificate, and what is said of it."""
    if not proof:
        return Statement(f"there is no proof at its own point: {proof.verdict}", False)
    made = proof_data(proof)
    other = [key for key in made if canonical(made[key]) != canonical(stated.get(key))]
    return _told(
        not other,
        f"the proof at its own point: {proof.entries} numbers of {proof.calls} calls",
        f"it says other {', '.join(other)} of its proof than the proof at that point has",
    )


def _failed(report: Report) -> str:
    first = next(iter(report.failures), None)
    which = f": {first.weight}, {first.method}" if first else ""
    return f"the checks, made again, do not all pass{which}"


def _faults(rows: Any, checks: tuple[Check, ...]) -> Iterator[str]:
    """Yield the statements on checks that are not so, check by check."""
    if not isinstance(rows, list) or len(rows) != len(checks):
        number = len(rows) if isinstance(rows, list) else "no"
        yield f"it lists {number} checks, and there are {len(checks)}"
        return
    for number, (row, made) in enumerate(zip(rows, checks, strict=True), 1):
        fault = _fault(row, made)
        if fault:
            yield f"check {number} is {made.weight}, {made.method}: {fault}"


def _fault(row: Any, made: Check) -> str:
    """The first thing that a row says and that is not so; "" if there is none."""
    again = row_of(made)
    if not isinstance(row, dict) or row.keys() != again.keys():
        return f"its row does not say {', '.join(map(repr, again))}"
    for key in ("of", "method", "step"):
        if canonical(row[key]) != canonical(again[key]):
            return f"its {key!r} is {row[key]!a}, and not {again[key]!a}"
    inaccurate, passed = row["inaccurate"], row["passed"]
    error: Any = row["worst error"]
    tolerance: Any = row["tolerance"]
    if not (_is_size(error) and _is_size(tolerance)):
        return "its error or its tolerance is no number from 0 on"
    if type(inaccurate) is not bool or (inaccurate and not made.inaccurate):
        return f"its 'inaccurate' is {inaccurate!a}, and not {made.inaccurate!a}"
    if passed is not (error <= tolerance and not inaccurate):
        return f"its 'passed' is {passed!a} at an error of {error:.1e}, {tolerance:.1e} allowed"
    if made.inaccurate:  # then it says nothing
        return ""
    if not passed:
        return "it is said to have failed"
    if not _is_tolerance(tolerance, made.tolerance):
        return f"its 'tolerance' is {tolerance!a}, and not {made.tolerance!a}"
    return ""


def _is_size(number: Any) -> bool:
    return type(number) in (int, float) and 0 <= number < 1e300


def _is_tolerance(stated: float, made: float) -> bool:
    """Return whether a tolerance is the one of this check, or near if that is measured."""
    return stated == made or (_is_measured(made) and made / MEASURED <= stated <= made * MEASURED)


def _is_measured(tolerance: float) -> bool:
    """Return whether a tolerance has more than the one digit of those that are chosen."""
    return math.isfinite(tolerance) and float(f"{tolerance:.0e}") != tolerance


def _taken(checks: tuple[Check, ...]) -> str:
    """The words on numbers that differ from machine to machine."""
    number = sum(_is_measured(each.tolerance) for each in checks)
    measured = f", and {number} tolerances that are measured, to a factor of {MEASURED}"
    return f"the errors of its checks, each at most its tolerance{measured if number else ''}"
