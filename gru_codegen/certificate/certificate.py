"""A certificate: what has been proved and checked of a module, so that others can do it again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gru_codegen.cell import Cell
from gru_codegen.certificate.declaration import cell_of, data_of, loss_of
from gru_codegen.errors import CellError, GruCodegenError, VerificationError
from gru_codegen.losses import Loss
from gru_codegen.modules import load_source, require_kernel
from gru_codegen.pipeline import check, equations
from gru_codegen.prove import Proof, prove
from gru_codegen.readouts import readouts
from gru_codegen.request import Request, complete
from gru_codegen.verify import Report

__all__ = [
    "MOST_BYTES",
    "CertificateError",
    "Statement",
    "certificate",
    "check_again",
    "content_of",
    "is_of",
    "read",
]

FORMAT = "gru_codegen certificate 1"
#: Far more than any certificate has: what a stranger gives is not read without end.
MOST_BYTES = 1 << 20


class CertificateError(GruCodegenError):
    """A certificate that cannot be read, or that is void."""


@dataclass(frozen=True)
class Statement:
    """One statement of a certificate. holds: whether it was found to; None if nobody looked."""

    words: str
    holds: bool | None


def certificate(source: str, request: Request, report: Report) -> str:
    """The certificate of a module as JSON text; see `content_of`."""
    content = content_of(source, request, report)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def content_of(source: str, request: Request, report: Report) -> dict[str, Any]:
    """The content of the certificate of a module.

    source: the module. request: what was asked for. report: of `pipeline.check`, with its proof.
    """
    proof = report.proof
    assert isinstance(proof, Proof)
    declared = {
        "cell": data_of(request.cell),
        "loss": data_of(request.loss),
        "readout": request.readout,
    }
    return {
        "format": FORMAT,
        "module": {"name": request.name, "sha256": _sha256(source.encode())},
        "declaration": {
            "text": equations(request).splitlines(),
            "sha256": _sha256(_canonical(declared)),
            **declared,
        },
        "proof": _proof_data(proof),
        "checks": [
            {
                "of": each.weight,
                "method": each.method,
                "worst error": each.worst_error,
                "tolerance": each.tolerance,
                "passed": each.passed,
            }
            for each in report.checks
        ],
        "versions": _versions(),
    }


def _proof_data(proof: Proof) -> dict[str, Any]:
    return {
        "field": "GF(2^61 - 1)",
        "seed": proof.seed,
        "points": proof.points,
        "steps": list(proof.steps),
        "calls": list(proof.kinds),
        "numbers": proof.entries,
        "proved": bool(proof),
    }


def _versions() -> dict[str, str]:
    try:
        own = version("gru-codegen")
    except PackageNotFoundError:
        own = "a source tree"
    others = {name: version(name) for name in ("numpy", "sympy")}
    return {"gru-codegen": own, "python": platform.python_version(), **others}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(data: Any) -> bytes:
    """The bytes that the hash of a declaration is of."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


# --- checking again ------------------------------------------------------------------------------


def read(text: bytes) -> dict[str, Any]:
    """The content of a certificate.

    Raises CertificateError if it is none.
    """
    if len(text) > MOST_BYTES:
        raise CertificateError(f"has more than {MOST_BYTES} bytes: it is no certificate")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise CertificateError("is not JSON: it is no certificate") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CertificateError(f"is not a certificate: its format is not {FORMAT!r}")
    parts = ("module", "declaration", "proof", "versions")
    if not all(isinstance(content.get(part), dict) for part in parts):
        raise CertificateError(f"is not a whole certificate: it has no {' or no '.join(parts)}")
    words = [word for pair in content["versions"].items() for word in pair]
    if not all(isinstance(word, str) and word.isprintable() and len(word) < 100 for word in words):
        raise CertificateError("is not a whole certificate: its versions are no lines of text")
    seed = content["proof"].get("seed")
    if type(seed) is not int or not 0 <= seed < 2**64:
        raise CertificateError("is not a whole certificate: the seed of its proof is no integer")
    return content


def is_of(content: dict[str, Any], module: bytes) -> bool:
    """Return whether a certificate is of `module`, to the byte: only then is the module run.

    Raises CertificateError if it is, and the declaration in it is none.
    """
    if _sha256(module) != content["module"].get("sha256"):
        return False
    _declaration(content["declaration"])
    return True


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
    same = _sha256(module) == content["module"].get("sha256")
    statements = [Statement("the module is the one that it is of, to the byte (sha256)", same)]
    if not same:
        return statements
    cell, loss = _declaration(content["declaration"])
    declared = {part: content["declaration"].get(part) for part in ("cell", "loss", "readout")}
    whole = _sha256(_canonical(declared)) == content["declaration"].get("sha256")
    statements.append(Statement("the declaration is unchanged (sha256)", whole))
    request = Request(cell, loss, declared["readout"])
    try:
        kernel = load_source(module.decode(), name)
        require_kernel(kernel)
    except (GruCodegenError, UnicodeDecodeError) as error:
        raise CertificateError(f"is of no kernel: {error}") from None
    said = (kernel.CELL, kernel.LOSS, kernel.READOUT, kernel.EQUATIONS)
    right = (cell.name, loss.name, request.readout, equations(request))
    text = content["declaration"].get("text") == kernel.EQUATIONS.splitlines()
    statements.append(
        Statement("the module names this declaration, with these equations", said == right and text)
    )
    return [*statements, *_done_again(kernel, cell, loss, content, progress)]


def _declaration(data: dict[str, Any]) -> tuple[Cell, Loss]:
    try:
        cell, loss = cell_of(data.get("cell")), loss_of(data.get("loss"))
    except (CellError, RecursionError, TypeError, ValueError) as error:
        raise CertificateError(f"has no declaration that can be read: {error}") from None
    readout = data.get("readout")
    if not isinstance(readout, str) or readout not in readouts:
        raise CertificateError(f"has an unknown readout, {readout!r}")
    return cell, loss


def _done_again(
    kernel: Any,
    cell: Cell,
    loss: Loss,
    content: dict[str, Any],
    progress: Callable[[int, int], object] | None,
) -> list[Statement]:
    """The proof and the checks, made again."""
    stated = content["proof"]
    whole = complete(cell, kernel.READOUT)
    proof = prove(kernel, whole, loss, seed=stated["seed"])
    try:
        report = check(kernel, cell, loss=loss, progress=progress)
    except VerificationError as error:
        raise CertificateError(f"is of a kernel that cannot be checked: {error}") from None
    again = report.proof
    assert isinstance(again, Proof)
    made = [[each.weight, each.method] for each in report.checks]
    listed = [[row.get("of"), row.get("method")] for row in _rows(content.get("checks"))]
    return [
        Statement(
            f"the proof: {proof.verdict}, at the point of the certificate",
            bool(proof) and _proof_data(proof) == stated,
        ),
        Statement(f"and at a new point, of seed {again.seed}", bool(again)),
        Statement(f"its {len(listed)} checks, made again", bool(report) and listed == made),
        Statement(f"its versions: {_listed(content['versions'])}", None),
        Statement("the errors that the checks have found", None),
    ]


def _rows(table: Any) -> list[dict[str, Any]]:
    return [row for row in table if isinstance(row, dict)] if isinstance(table, list) else []


def _listed(versions: dict[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
