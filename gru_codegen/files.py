"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress

from gru_codegen.errors import GruCodegenError

__all__ = ["WriteError", "require_place", "write_whole"]


class WriteError(GruCodegenError):
    """A file cannot be written; the one that was there is as before."""


def require_place(path: str) -> None:
    """Raise WriteError if no file can be put at `path`: ask before the work of making it."""
    if not path:
        raise WriteError("cannot write '': it is no name; name a file")
    if _is_stream(path):
        return
    target = _behind(path)
    folder, name = os.path.split(target)
    folder = folder or "."
    if not name or os.path.isdir(target):
        fault = "it is a folder; name a file in it"
    elif not os.path.lexists(folder):
        fault = f"the folder {folder} does not exist; make it first, or name another"
    elif not os.path.isdir(folder):
        fault = f"{folder} is not a folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        fault = f"the folder {folder} is not writable"
    elif os.path.exists(target) and not os.access(target, os.W_OK):
        fault = "the file there is write-protected"
    else:
        return
    raise WriteError(f"cannot write {path}: {fault}")


def write_whole(path: str, text: str, *, make_folder: bool = False) -> None:
    """Put `text`, as UTF-8, at `path` in one step: readers see the old file or the new one.

    If the disk fills up or the process is killed, the old file survives whole. A replaced file
    keeps its permissions, a new one gets those of the umask; a symbolic link stays, and what it
    points to is replaced. A device or a pipe has nothing to keep and is written to directly.

    With `make_folder` a missing folder is made. Raises WriteError, which names the obstacle.
    """
    content = text.encode()
    try:
        if make_folder:
            with suppress(FileExistsError):
                os.makedirs(os.path.dirname(path) or ".")
        require_place(path)
        if _is_stream(path):
            with open(path, "wb") as stream:
                stream.write(content)
        else:
            _replace(_behind(path), content)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}") from error


def _behind(path: str) -> str:
    """The file that `path` stands for: the target of a symbolic link, or itself."""
    return os.path.realpath(path) if os.path.islink(path) else path


def _is_stream(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(target: str, content: bytes) -> None:
    # In the same folder, since a rename is one step only within a file system; hidden, since a
    # process that is killed leaves it behind. Not made by `tempfile`, which ignores the umask.
    name = f".gru_codegen_{secrets.token_hex(8)}.tmp"
    temporary = os.path.join(os.path.dirname(target), name)
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it takes the name, power cuts included
        with suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
