"""Weights in .npz archives."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import numpy as np

from gru_codegen.runtime.kernel import Array, Params
from gru_codegen.runtime.weights import _check_fit, _checked


def params_to_npz(params: Params, file: str | os.PathLike[str]) -> None:
    """Write the weights, as arrays by name, to an .npz archive called exactly `file`.

    It is written whole: until it is, whatever was there stays. No .npz is appended to the name.
    Object arrays are a TypeError: they would have to be pickled.
    """
    params = _checked(params)
    if params[0].dtype == object:
        raise TypeError("params: object arrays would have to be pickled; cast them first")
    _check_fit(params)
    target = os.path.realpath(file)
    unfinished = f"{target}.{os.urandom(4).hex()}.part"
    try:
        with open(unfinished, "xb") as stream:
            np.savez(stream, **params._asdict())
        os.replace(unfinished, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(unfinished)
        if isinstance(error, OSError) and error.filename == unfinished:  # not what was asked for
            raise OSError(error.errno, error.strerror, os.fspath(file)) from error
        raise


def params_from_npz(file: str | os.PathLike[str]) -> Params:
    """Read the weights from an .npz archive called exactly `file`; nothing is unpickled.

    A file that is no whole archive of plain arrays, or one of other weights, is a ValueError that
    says so.
    """
    with open(file, "rb") as stream:
        arrays = _unpacked(stream, file)
    if set(arrays) != set(Params._fields):
        raise ValueError(
            f"{file}: expected the weights {', '.join(Params._fields)}; "
            f"it has {', '.join(sorted(arrays)) or 'none'}"
        )
    try:
        params = _checked(Params(**arrays))
        _check_fit(params)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    return params


def _unpacked(stream: Any, file: str | os.PathLike[str]) -> dict[str, Array]:
    """Return the arrays of an .npz archive by name; nothing is unpickled.

    A file that is no whole archive of plain arrays is a ValueError that says so; so is one that
    unpacks to very much more than it is.
    """
    try:
        archive = np.load(stream, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        members: Any = archive.zip
        size = sum(member.file_size for member in members.infolist())
        if size > max(2**28, 20 * os.fstat(stream.fileno()).st_size):
            raise ValueError(f"it unpacks to {size} bytes; np.savez writes arrays as they are")
        return {name: archive[name] for name in archive.files}
    except Exception as error:  # whatever NumPy and zipfile say of a damaged file
        what = "not a whole .npz archive of plain arrays"
        unsafe = "allow_pickle" in str(error)  # what NumPy advises then runs what is in it
        raise ValueError(f"{file}: {what}{'' if unsafe else f': {error}'}") from error
