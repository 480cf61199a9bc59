"""Certificates beside modules: written by `generate`, put to the test by `verify`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gru_codegen.cli.errors import BadInput, CheckFailed
from gru_codegen.cli.terminal import say, working
from gru_codegen.files import write_whole
from gru_codegen.regular import open_regular

if TYPE_CHECKING:
    from gru_codegen.request import Request
    from gru_codegen.verify import Report

__all__ = ["BESIDE", "beside", "require_file", "verify_certificate", "write_certificate"]

#: The value of --certificate without a name: the certificate beside the file.
BESIDE = "(beside the file)"


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


def verify_certificate(file: str, named: str) -> None:
    """Put every statement of the certificate of `file` to the test, and say what came of each."""
    from gru_codegen.certificate import (
        MOST_BYTES,
        CertificateError,
        Statement,
        check_again,
        read,
    )

    place = beside(file) if named == BESIDE else named
    with working() as progress:
        progress("importing SymPy")
        module, text = _bytes(file), _bytes(place, MOST_BYTES + 1)
        checking: Callable[[int, int], object] = partial(progress, f"checking {file}")
        name = os.path.splitext(os.path.basename(file))[0]
        try:
            statements = check_again(module, read(text), name, checking)
        except CertificateError as error:
            raise BadInput(f"{place} {error}") from error
    words = {True: "holds", False: "FAILS", None: "taken as it is stated"}

    def line(each: Statement) -> str:
        return f"{words[each.holds]}: {each.words}"

    say("\n".join(map(line, statements)))
    failed = [each for each in statements if each.holds is False]
    if failed:
        raise CheckFailed(f"{place} is void for {file}: not so is that {failed[0].words}")


def _bytes(path: str, most: int = -1) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(most)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
