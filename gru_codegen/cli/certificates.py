"""Certificates beside modules: written by `generate`, put to the test by `verify`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gru_codegen.cli.errors import BadInput, CheckFailed
from gru_codegen.cli.terminal import tell, working
from gru_codegen.files import write_whole
from gru_codegen.regular import open_regular

if TYPE_CHECKING:
    from gru_codegen.request import Request
    from gru_codegen.verify import Report

__all__ = [
    "BESIDE",
    "beside",
    "is_certified",
    "require_file",
    "verify_certificate",
    "write_certificate",
]

#: The value of --certificate without a name: the certificate beside the file.
BESIDE = "(beside the file)"

#: What came of a statement.
_WORDS = {True: "holds", False: "FAILS", None: "taken as it is stated"}


def beside(path: str) -> str:
    """The place of the certificate of the module at `path`."""
    return f"{os.path.splitext(path)[0]}.certificate.json"


def require_file(output: str | None, check: bool, no_verify: bool) -> None:
    """Refuse --certificate where there is no file that it could be of, or nothing was proved."""
    other = "--check" if check else "--no-verify" if no_verify else "--output -"
    if check or no_verify or output == "-":
        raise BadInput(
            f"--certificate says what has been proved of a file that is written; leave it or "
            f"{other} out"
        )


def write_certificate(path: str, source: str, request: Request, report: Report) -> str:
    """Write the certificate of the module at `path`, and return its own path."""
    from gru_codegen.certificate import certificate

    place = beside(path)
    write_whole(place, certificate(source, request, report))
    return place


def is_certified(file: str, named: str) -> bool:
    """Return whether the certificate of `file` is of it, to the byte; nothing is run.

    Raises BadInput if one of them cannot be read, or is no certificate.
    """
    from gru_codegen.certificate import CertificateError, is_of, read

    place, module, text = _both(file, named)
    try:
        return is_of(read(text), module)
    except CertificateError as error:
        raise BadInput(f"{place} {error}") from error


def verify_certificate(file: str, named: str) -> None:
    """Put every statement of the certificate of `file` to the test, and say what came of each."""
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen.certificate import CertificateError, check_again, read

        place, module, text = _both(file, named)
        checking: Callable[[int, int], object] = partial(progress, f"checking {file}")
        name = os.path.splitext(os.path.basename(file))[0]
        try:
            statements = check_again(module, read(text), name, checking)
        except CertificateError as error:
            raise BadInput(f"{place} {error}") from error
    for each in statements:
        tell(f"{_WORDS[each.holds]}: {each.words}")
    failed = [each for each in statements if each.holds is False]
    if failed:
        tell(f"void: {len(failed)} of {len(statements)} statements fail")
        raise CheckFailed(f"{place} does not hold for {file}: {failed[0].words}")
    held = sum(each.holds is True for each in statements)
    taken = len(statements) - held
    tell(f"valid: {held} statements hold, {taken} are taken as they are stated")


def _both(file: str, named: str) -> tuple[str, bytes, bytes]:
    """The place of a certificate, the module that it may be of, and its own text."""
    from gru_codegen.certificate import MOST_BYTES

    place = beside(file) if named == BESIDE else named
    module = _bytes(file)
    if not os.path.lexists(place):
        raise BadInput(f"cannot read {place}: there is none; generate --certificate writes one")
    return place, module, _bytes(place, MOST_BYTES + 1)


def _bytes(path: str, most: int = -1) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(most)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
