"""Weights in files: written whole, read back to the bit, and nothing else taken for them."""

from __future__ import annotations

import os
import pickle
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.parse import load_cell
from tests.contract.kernels import Call, mapped


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "weights.npz"


def refusal(call: Call, file: Path) -> str:
    """What is said of a file that is not one of these weights; it begins with the file."""
    with pytest.raises(ValueError, match=r"\S") as raised:
        call.kernel.params_from_npz(file)
    message = str(raised.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    return message.removeprefix(f"{file}: ")


# --- round trips ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, np.longdouble, np.complex128]
)
def test_what_is_written_is_read(call: Call, file: Path, dtype: Any) -> None:
    params = call.cast(dtype).params
    call.kernel.params_to_npz(params, file)
    found = call.kernel.params_from_npz(file)
    assert type(found) is call.kernel.Params
    for one, other in zip(found, params, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["weights.npz", "weights", "weights.bin"])
def test_the_file_is_called_as_it_is_told(call: Call, tmp_path: Path, name: str) -> None:
    """A string or a path; NumPy alone would append .npz."""
    for file in (tmp_path / name, str(tmp_path / name)):
        call.kernel.params_to_npz(call.params, file)
        assert os.listdir(tmp_path) == [name]
        call.kernel.params_from_npz(file)
        os.unlink(file)


def test_it_is_an_archive_of_plain_arrays(call: Call, file: Path) -> None:
    call.kernel.params_to_npz(call.params, file)
    with np.load(file, allow_pickle=False) as archive:
        assert tuple(archive.files) == call.params._fields


def test_any_tuple_with_the_names_is_written(call: Call, file: Path) -> None:
    names = call.params._fields[::-1]
    other: Any = namedtuple("other", names)  # type: ignore[misc]
    call.kernel.params_to_npz(other(*(getattr(call.params, name) for name in names)), file)
    for one, weight in zip(call.kernel.params_from_npz(file), call.params, strict=True):
        np.testing.assert_array_equal(one, weight)


def test_another_byte_order_is_read(call: Call, file: Path) -> None:
    swapped = {name: w.astype(w.dtype.newbyteorder()) for name, w in call.params._asdict().items()}
    np.savez(file, **swapped)
    for one, weight in zip(call.kernel.params_from_npz(file), call.params, strict=True):
        assert one.dtype == weight.dtype
        np.testing.assert_array_equal(one, weight)


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["folder", "missing/weights.npz"])
def test_a_place_that_is_none_is_named_as_it_was_asked_for(
    call: Call, tmp_path: Path, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"^\[Errno \d+\] ") as raised:
        call.kernel.params_to_npz(call.params, tmp_path / place)
    assert str(raised.value).endswith(f": '{tmp_path / place}'")


def test_a_write_that_fails_leaves_what_was_there(
    call: Call, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call.kernel.params_to_npz(call.params, file)
    before = file.read_bytes()

    def half(stream: Any, **arrays: Any) -> None:
        stream.write(before[: len(before) // 2])
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="No space left"):
        call.kernel.params_to_npz(call.params, file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_object_arrays_are_not_written(call: Call, file: Path) -> None:
    objects = call.replace(params=mapped(lambda w: w.astype(object), call.params))
    with pytest.raises(TypeError, match=r"^params: object arrays would have to be pickled"):
        call.kernel.params_to_npz(objects.params, file)
    assert not file.exists()


def test_weights_that_do_not_fit_are_not_written(call: Call, file: Path) -> None:
    name = call.params._fields[0]
    wrong = call.weight(name, getattr(call.params, name)[..., :1])
    with pytest.raises(ValueError, match=rf"^params\.{name}: expected shape "):
        call.kernel.params_to_npz(wrong.params, file)
    assert not file.exists()


def test_the_name_that_was_asked_for(call: Call, tmp_path: Path) -> None:
    """Not that of the unfinished file which nobody knows of."""
    missing, folder = tmp_path / "missing" / "weights.npz", tmp_path / "folder"
    folder.mkdir()
    for path in (missing, folder):
        with pytest.raises((FileNotFoundError, IsADirectoryError)) as raised:
            call.kernel.params_to_npz(call.params, path)
        assert raised.value.filename == str(path)
        assert "part" not in str(raised.value).removesuffix(f"{str(path)!r}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


# --- reading --------------------------------------------------------------------------------------


def test_no_file(call: Call, file: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"weights\.npz"):
        call.kernel.params_from_npz(file)


def test_a_truncated_file(call: Call, file: Path) -> None:
    call.kernel.params_to_npz(call.params, file)
    whole = file.read_bytes()
    for length in {*range(0, len(whole), 97), len(whole) - 1}:
        file.write_bytes(whole[:length])
        assert refusal(call, file).startswith("not a whole .npz archive of plain arrays")


def test_a_damaged_file(call: Call, file: Path) -> None:
    """A byte of the numbers, which the archive has a checksum of."""
    name = call.params._fields[0]
    call.kernel.params_to_npz(call.params, file)
    content = file.read_bytes()
    place = content.index(getattr(call.params, name).tobytes())
    file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert refusal(call, file).startswith("not a whole .npz archive of plain arrays: ")


@pytest.mark.parametrize("content", [b"", b"weights", pickle.dumps([1.0]), b"PK\x03\x04rest"])
def test_a_foreign_file(call: Call, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    said = refusal(call, file)
    assert said.startswith("not a whole .npz archive of plain arrays")
    assert "pickle" not in said  # NumPy's advice is to unpickle what it does not know


def test_a_single_array(call: Call, file: Path) -> None:
    with open(file, "wb") as stream:
        np.save(stream, np.zeros(3))
    assert refusal(call, file).endswith("plain arrays: it is a single array")


class Bomb:
    """What unpickling would call."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("it was unpickled",)


def test_nothing_is_unpickled(call: Call, file: Path) -> None:
    bomb: Any = np.array([Bomb()], dtype=object)
    arrays = dict.fromkeys(call.params._fields, bomb)
    np.savez(file, **arrays)
    assert refusal(call, file) == "not a whole .npz archive of plain arrays"


def test_other_names(call: Call, file: Path) -> None:
    *others, last = call.params._fields
    arrays = {name: getattr(call.params, name) for name in others}
    expected = f"expected the weights {', '.join(call.params._fields)}; it has "
    np.savez(file, **arrays)
    assert refusal(call, file) == f"{expected}{', '.join(sorted(others))}"
    np.savez(file, **arrays, **{last: call.params[-1], "zz": np.zeros(3)})
    assert refusal(call, file) == f"{expected}{', '.join(sorted([*others, last]))}, zz"
    np.savez(file)
    assert refusal(call, file) == f"{expected}none"


def test_another_shape(call: Call, file: Path) -> None:
    for name, weight in call.params._asdict().items():
        np.savez(file, **call.weight(name, weight[..., None]).params._asdict())
        assert refusal(call, file).startswith(f"params.{name}: expected shape ")


def test_another_dtype(call: Call, file: Path) -> None:
    name = call.params._fields[-1]
    single = call.weight(name, getattr(call.params, name).astype(np.float32)).params
    np.savez(file, **single._asdict())
    assert refusal(call, file).startswith(f"params.{name}: all weights must have one dtype")
    integers: Any = {name: np.ones(w.shape, int) for name, w in call.params._asdict().items()}
    np.savez(file, **integers)
    assert refusal(call, file).startswith("params: the weights must be floating")


def test_a_weight_of_more_than_its_one_column(file: Path) -> None:
    """No other weight says how many columns there are, and the functions would refuse it."""
    kernel = gc.load(load_cell("tests/verify/cells/columns.toml"))
    params = kernel.init_params(3, 4, rng=0)
    columns = {name: getattr(params, name) for name in ("wi", "ui", "wf")}
    wide = params._replace(**{name: np.repeat(c, 2, axis=1) for name, c in columns.items()})
    np.savez(file, **wide._asdict())
    with pytest.raises(ValueError, match=r"params\.wi: expected shape .*, 1\), got .*, 2\)$"):
        kernel.params_from_npz(file)
    with pytest.raises(ValueError, match=r"^params\.wi: expected shape .*, 1\), got .*, 2\)$"):
        kernel.params_to_npz(wide, file)
