"""Certificates: what has been proved and checked of a module, and the same done again by others.

declaration  a cell and a loss as data, and back
certificate  the JSON of a module, made and read
again        its statements, put to the test
"""

from __future__ import annotations

from gru_codegen.certificate.again import Statement, check_again
from gru_codegen.certificate.certificate import (
    MOST_BYTES,
    CertificateError,
    certificate,
    content_of,
    is_of,
    read,
)

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
