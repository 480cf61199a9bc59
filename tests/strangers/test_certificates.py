"""Certificates that are none, or say what no certificate says: refused, whatever it is."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gru_codegen as gc
from gru_codegen.certificate import CertificateError, read
from gru_codegen.certificate.certificate import declaration_of
from gru_codegen.certificate.declaration import data_of
from tests.strangers.limited import refusal

DECLARED = {
    "cell": data_of(gc.cells["lstm"]),
    "loss": data_of(gc.losses["cross-entropy"]),
    "readout": "none",
}
JUNK: list[Any] = [
    *(None, True, 0, -1, 10**30, 1.5, float("nan"), "", "x", "W", "1/0", "1/3", "9" * 50, "1e400"),
    *("a\nb", '"""', "__import__('os')", [], {}, ["x"], {"add": []}, {"product": ["x", "x"]}),
    *({"elementwise": ["x"]}, {"tanh": "x"}, {"ones": ["B", "H"]}, {"ones": ["B"]}, {"trace": "x"}),
    *({"multiple": ["1/2"]}, {"transpose": ["x"]}, ["B", "H"], ["0", "1"], {"S": ["B", "H"]}),
]


def paths(data: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a declaration."""
    parts: Any = data.items() if isinstance(data, dict) else ()
    for key, part in enumerate(data) if isinstance(data, list) else parts:
        yield (*above, key)
        yield from paths(part, (*above, key))


change = st.tuples(
    st.sampled_from(list(paths(DECLARED))), st.sampled_from(JUNK), st.sampled_from("vnd")
)


@settings(deadline=None, max_examples=10 * int(os.environ.get("STRANGERS", "15")))
@given(st.lists(change, min_size=1, max_size=2))
def test_any_declaration(changes: list[tuple[tuple[Any, ...], Any, str]]) -> None:
    """A value, a name or nothing in the place of some part: it is read, or refused."""
    data: Any = copy.deepcopy(DECLARED)
    for (*above, last), junk, kind in changes:
        part = data
        try:
            for key in above:
                part = part[key]
            if kind == "v":
                part[last] = copy.deepcopy(junk)
            elif kind == "d" or isinstance(part, list):
                del part[last]
            else:
                part[str(junk)] = part.pop(last)
        except (KeyError, IndexError, TypeError):  # it went with the change before
            continue
    try:
        cell, loss = declaration_of({"declaration": data})
    except CertificateError:
        return
    assert data_of(cell)
    assert data_of(loss)


TEXTS = {
    "nested": b"[" * 10**6,
    "many digits": b'{"a": ' + b"9" * 10**5 + b"}",
    "large": b" " * (1 << 20) + b"{}",
    "no text": b"\xff\xfe\x00",
    "a number": b"1",
    "a seed of its own": json.dumps(
        {"format": "gru_codegen certificate 1"}
        | {part: {} for part in ("module", "declaration", "versions")}
        | {"proof": {"seed": -1}}
    ).encode(),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(CertificateError):
        read(text)
    (tmp_path / "k.py").write_text("1 / 0")
    (tmp_path / "k.certificate.json").write_bytes(text)
    said = refusal(["verify", "k.py", "--certificate"], tmp_path)
    assert said.startswith("k.certificate.json ")


def test_what_is_no_declaration_is_not_run(tmp_path: Path) -> None:
    module = "open('it-ran', 'w')\n"
    content = {
        "format": "gru_codegen certificate 1",
        "module": {"sha256": hashlib.sha256(module.encode()).hexdigest()},
        "declaration": {"cell": {"name": "x"}},
        "proof": {"seed": 1},
        "versions": {},
    }
    (tmp_path / "k.py").write_text(module)
    (tmp_path / "k.certificate.json").write_text(json.dumps(content))
    assert "no declaration that can be read" in refusal(
        ["verify", "k.py", "--certificate"], tmp_path
    )
    assert not (tmp_path / "it-ran").exists()
