"""Archives of arrays that are none, damaged, or bombs: refused, and nothing in them is run."""

from __future__ import annotations

import io
import os
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gru_codegen as gc
from gru_codegen.modules import load_source
from tests.strangers.limited import MOST_MEGABYTES, limited, refusal


class Runs:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("it-ran",)


def archive(**members: bytes) -> bytes:
    """An archive of these members, compressed."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return written.getvalue()


def member(array: object, shape: str = "") -> bytes:
    """An array as a file of NumPy, maybe with another shape in its header."""
    written = io.BytesIO()
    np.save(written, np.asarray(array), allow_pickle=True)
    content = written.getvalue()
    if shape:
        start = content.index(b"(")
        end = content.index(b")") + 1
        content = content[:start] + shape.encode().ljust(end - start) + content[end:]
    return content


@cache
def bomb() -> bytes:
    """An archive of half a gigabyte, in half a megabyte."""
    return archive(x=member(np.zeros(1))[:-8] + bytes(2**29))


ARCHIVES = {
    "empty": b"",
    "no archive": b"PK\x03\x04" + bytes(100),
    "pickled": archive(x=member(np.array([Runs()], dtype=object)), y=member(1.0)),
    "a pickle": b"\x80\x04\x95" + bytes(100),
    "a huge shape": archive(x=member(np.zeros((1, 1, 1)), "(9**9,9)"), y=member(1.0)),
    "many numbers": archive(x=member(np.zeros((1000000, 1, 1))[:1], "(999999999999,)")),
    "cut": archive(x=member(np.ones((9, 9, 9))))[:-30],
    "no array": archive(x=b"not an array"),
    "code for a header": archive(x=member(np.zeros(3)).replace(b"(3,)", b"f(3)")),
    "escapes in a name": archive(**{"\x1b[31m": member(1.0)}),
}


@pytest.fixture(scope="module")
def credited() -> str:
    return gc.generate(gc.GRU, unroll=1, extras=["credit"])


@pytest.mark.parametrize("content", [*ARCHIVES.values(), None], ids=[*ARCHIVES, "a bomb"])
def test_archives(content: bytes | None, tmp_path: Path, credited: str) -> None:
    (tmp_path / "k.py").write_text(credited)
    (tmp_path / "m.npz").write_bytes(bomb() if content is None else content)
    said = refusal(["credit", "k.py", "--data", "m.npz"], tmp_path)
    assert said.startswith("m.npz: ")
    assert "allow_pickle" not in said
    kernel = load_source(credited, "k")

    def load() -> int:
        with pytest.raises(ValueError, match=r"^m\.npz: "):
            kernel.params_from_npz("m.npz")
        return 0

    ended = limited(load, tmp_path)
    assert ended.status == 0, ended
    assert sorted(os.listdir(tmp_path)) == ["k.py", "m.npz"]


def test_what_unpacks_to_much_is_said(tmp_path: Path) -> None:
    kernel = load_source(gc.generate(gc.GRU, unroll=1), "k")
    file = tmp_path / "m.npz"
    file.write_bytes(bomb())
    assert file.stat().st_size < 2**20 < MOST_MEGABYTES * 2**20
    with pytest.raises(ValueError, match=r"it unpacks to \d{9} bytes; np\.savez writes arrays as"):
        kernel.params_from_npz(file)


@settings(
    deadline=None,
    max_examples=int(os.environ.get("STRANGERS", "15")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 1500), st.binary(max_size=8))
def test_any_damage(tmp_path: Path, credited: str, place: int, change: bytes) -> None:
    kernel = load_source(credited, "k")
    file = tmp_path / "m.npz"
    params = kernel.init_params(2, 3, rng=0)
    kernel.params_to_npz(params, file)
    content = file.read_bytes()
    file.write_bytes(content[:place] + change + content[place + len(change) :])
    try:
        found = kernel.params_from_npz(file)
    except ValueError as error:
        said = str(error)
    else:
        said = str(file) if found._fields == params._fields else ""
    assert said.startswith(str(file))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((3000, 1, 1), "x has 3000 time steps; of each step the share in each other is kept, so"),
        ((1, 1, 2**21), "x has 2097152 numbers; give at most 1048576, of fewer samples"),
    ],
)
def test_arrays_whose_tables_would_be_large(
    shape: tuple[int, ...], said: str, tmp_path: Path, credited: str
) -> None:
    (tmp_path / "k.py").write_text(credited)
    np.savez_compressed(tmp_path / "m.npz", x=np.zeros(shape), y=np.zeros((*shape[:2], 4)))
    assert refusal(["credit", "k.py", "--data", "m.npz"], tmp_path).startswith(f"m.npz: {said}")
