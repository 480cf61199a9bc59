"""A certificate: what has been proved and checked of a module, so that others can do it again."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from reprlib import repr as shortened
from typing import Any

from gru_codegen.cell import Cell
from gru_codegen.certificate.declaration import cell_of, data_of, loss_of
from gru_codegen.errors import CellError, GruCodegenError
from gru_codegen.losses import Loss
from gru_codegen.pipeline import equations
from gru_codegen.prove import Proof
from gru_codegen.readouts import readouts
from gru_codegen.request import Request
from gru_codegen.verify import Check, Report
from gru_codegen.version import __version__

__all__ = [
    "MOST_BYTES",
    "CertificateError",
    "canonical",
    "certificate",
    "content_of",
    "declaration_of",
    "is_of",
    "proof_data",
    "read",
    "row_of",
    "sha256_of",
]

FORMAT = "gru_codegen certificate 1"
#: Far more than any certificate has: what a stranger gives is not read without end.
MOST_BYTES = 1 << 20
#: The keys of a certificate, of its parts and of a row of its checks.
_PARTS = {
    "module": ("name", "sha256"),
    "declaration": ("text", "sha256", "cell", "loss", "readout"),
    "proof": ("field", "seed", "points", "steps", "calls", "numbers", "proved"),
    "versions": ("gru-codegen", "python", "numpy", "sympy"),
}
_KEYS = ("format", *_PARTS, "checks")
_ROW = ("of", "method", "step", "worst error", "tolerance", "passed", "inaccurate")


class CertificateError(GruCodegenError):
    """A certificate that cannot be read, or that is void."""


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
        "module": {"name": request.name, "sha256": sha256_of(source.encode())},
        "declaration": {
            "text": equations(request).splitlines(),
            "sha256": sha256_of(canonical(declared)),
            **declared,
        },
        "proof": proof_data(proof),
        "checks": [row_of(check) for check in report.checks],
        "versions": _versions(),
    }


def row_of(check: Check) -> dict[str, Any]:
    """A row of the checks; `step` is null where there is none."""
    return {
        "of": check.weight,
        "method": check.method,
        "step": check.step,
        "worst error": check.worst_error,
        "tolerance": check.tolerance,
        "passed": check.passed,
        "inaccurate": check.inaccurate,
    }


def proof_data(proof: Proof) -> dict[str, Any]:
    """A proof, but for what differs from run to run."""
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
    others = {name: version(name) for name in ("numpy", "sympy")}
    return {"gru-codegen": __version__, "python": platform.python_version(), **others}


def sha256_of(content: bytes) -> str:
    """The hash of a module or a declaration, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def canonical(data: Any) -> bytes:
    """The bytes that the hash of a declaration is of."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


# --- reading -------------------------------------------------------------------------------------


def read(text: bytes) -> dict[str, Any]:
    """The content of a certificate.

    Raises CertificateError if it is none.
    """
    if len(text) > MOST_BYTES:
        raise CertificateError(f"has more than {MOST_BYTES} bytes: it is no certificate")
    try:
        content = json.loads(text, object_pairs_hook=_table)
    except (ValueError, RecursionError):
        raise CertificateError("is not JSON: it is no certificate") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CertificateError(f"is not a certificate: its format is not {FORMAT!r}")
    if not all(isinstance(content.get(part), dict) for part in _PARTS):
        raise CertificateError(f"is not a whole certificate: it has no {' or no '.join(_PARTS)}")
    _refuse_others(content)
    words = [word for pair in content["versions"].items() for word in pair]
    if not all(
        isinstance(word, str) and word.isprintable() and 0 < len(word) < 100 for word in words
    ):
        raise CertificateError("is not a whole certificate: its versions are no lines of text")
    seed = content["proof"].get("seed")
    if type(seed) is not int or not 0 <= seed < 2**64:
        raise CertificateError("is not a whole certificate: the seed of its proof is no integer")
    return content


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table of JSON; of two values of one key a reader may see the one and a program the other.

    Raises CertificateError if a key stands there twice.
    """
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in table if keys.count(key) > 1)
        raise CertificateError(f"is not a certificate: it says {twice!a} twice in one place")
    return table


def _refuse_others(content: dict[str, Any]) -> None:
    """Refuse what no certificate says: nobody would look whether it is so."""
    checks = content.get("checks")
    rows = checks if isinstance(checks, list) else []
    tables = [("", content, _KEYS), *(("checks.", row, _ROW) for row in rows)]
    tables += [(f"{part}.", content[part], keys) for part, keys in _PARTS.items()]
    for place, table, keys in tables:
        for key in table if isinstance(table, dict) else ():
            if key not in keys:
                raise CertificateError(f"says {shortened(place + key)}, which no certificate says")


def is_of(content: dict[str, Any], module: bytes) -> bool:
    """Return whether a certificate is of `module`, to the byte: only then is the module run.

    Raises CertificateError if it is, and the declaration in it is none.
    """
    if sha256_of(module) != content["module"].get("sha256"):
        return False
    declaration_of(content)
    return True


def declaration_of(content: dict[str, Any]) -> tuple[Cell, Loss]:
    """The cell and the loss that a certificate is about.

    Raises CertificateError if they cannot be read.
    """
    data = content["declaration"]
    try:
        cell, loss = cell_of(data.get("cell")), loss_of(data.get("loss"))
    except (CellError, RecursionError, TypeError, ValueError) as error:
        raise CertificateError(f"has no declaration that can be read: {error}") from None
    readout = data.get("readout")
    if not isinstance(readout, str) or readout not in readouts:
        raise CertificateError(f"has an unknown readout, {readout!r}")
    return cell, loss
