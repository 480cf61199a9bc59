"""Weights in .npz archives."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gru_codegen.runtime.kernel import Params
from gru_codegen.runtime.npz import params_from_npz, params_to_npz

PARAMS = Params(np.ones((2, 5)), np.ones((5, 5)), np.arange(5.0))


def test_there_and_back(tmp_path: Path) -> None:
    file = tmp_path / "weights"  # no .npz is appended
    params_to_npz(PARAMS, file)
    found = params_from_npz(file)
    assert type(found) is Params
    assert found.b.tolist() == PARAMS.b.tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_what_was_there_stays_if_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights.npz"
    file.write_text("before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="No space left"):
        params_to_npz(PARAMS, file)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_the_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "weights.npz"
    with pytest.raises(FileNotFoundError) as raised:
        params_to_npz(PARAMS, file)
    assert raised.value.filename == str(file)


def test_objects_are_not_pickled(tmp_path: Path) -> None:
    exact = Params(*(np.full(weight.shape, Fraction(1, 2)) for weight in PARAMS))
    with pytest.raises(TypeError, match="object arrays would have to be pickled"):
        params_to_npz(exact, tmp_path / "weights.npz")
    file = tmp_path / "pickled.npz"
    np.savez(file, **exact._asdict())
    with pytest.raises(ValueError, match=r"not a whole .npz archive of plain arrays$"):
        params_from_npz(file)


def test_files_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    file.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"not a whole .npz archive of plain arrays"):
        params_from_npz(file)
    with file.open("wb") as stream:
        np.save(stream, PARAMS.b)
    with pytest.raises(ValueError, match=r"it is a single array$"):
        params_from_npz(file)
    np.savez(file, b=PARAMS.b)
    with pytest.raises(ValueError, match=r"expected the weights W, Wrec, b; it has b$"):
        params_from_npz(file)
    np.savez(file, **PARAMS._replace(b=np.ones(6))._asdict())
    with pytest.raises(
        ValueError, match=r": params.b: expected shape \(H,\) = \(5,\), got \(6,\)$"
    ):
        params_from_npz(file)
