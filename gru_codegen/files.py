"""Write a file whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from enum import Enum
from typing import BinaryIO

from gru_codegen.errors import GruCodegenError

try:
    import fcntl
except ImportError:  # Windows, where no file that is open can be removed
    fcntl = None  # type: ignore[assignment]

__all__ = ["WriteError", "require_place", "write_whole"]


class WriteError(GruCodegenError):
    """A file cannot be written; the one that was there is as before."""


def require_place(path: str, *, make_folder: bool = False) -> None:
    """Raise WriteError if no file can be put at `path`: ask before the work of making it.

    With `make_folder` a folder may be missing that can be made.
    """
    if not path:
        raise WriteError("cannot write '': it is no name; name a file")
    if _is_stream(path):
        return
    target = _behind(path)
    folder, name = os.path.split(target)
    folder = folder or "."
    while make_folder and not os.path.lexists(folder):
        folder = os.path.dirname(folder) or "."
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
    elif _is_too_long(target):
        fault = os.strerror(errno.ENAMETOOLONG)
    else:
        return
    raise WriteError(f"cannot write {path}: {fault}")


def write_whole(path: str, text: str | bytes, *, make_folder: bool = False) -> None:
    """Put `text`, as UTF-8, at `path` in one step: readers see the old file or the new one.

    If the disk fills up or the process is killed, the old file survives whole, and whatever was
    written beside it is removed by the next call in that folder. A replaced file keeps its
    permissions, a new one gets those of the umask; a symbolic link stays, and what it points to is
    replaced. A device or a pipe has nothing to keep and is written to directly.

    With `make_folder` a missing folder is made. Raises WriteError, which names the obstacle.
    """
    content = text.encode() if isinstance(text, str) else text
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


def _is_too_long(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _is_stream(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(target: str, content: bytes) -> None:
    # In the same folder, since a rename is one step only within a file system; hidden, since a
    # process that is killed leaves it behind. Not made by `tempfile`, which ignores the umask.
    folder = os.path.dirname(target) or "."
    _remove_unfinished(folder)
    replaced = False
    while not replaced:
        temporary = os.path.join(folder, f".gru_codegen_{os.urandom(8).hex()}.tmp")
        try:
            with open(temporary, "xb") as file:
                # another process may have taken it for one that was left, before it had its lock
                if _lock(file) is _Lock.ELSEWHERE or not os.path.exists(temporary):
                    continue
                _fill(file, content, target)
                if fcntl is not None:  # as long as the file is locked
                    os.replace(temporary, target)
            if fcntl is None:
                os.replace(temporary, target)
            replaced = True
        finally:
            with suppress(OSError):
                os.unlink(temporary)


def _fill(file: BinaryIO, content: bytes, target: str) -> None:
    """Write `content`, with the permissions of `target` if there is one, to the disk."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())  # on the disk before it takes the name, power cuts included
    with suppress(FileNotFoundError):
        os.chmod(file.name, stat.S_IMODE(os.stat(target).st_mode))


# --- temporary files that killed processes have left ----------------------------------------------

_TEMPORARY = re.compile(r"\.gru_codegen_[0-9a-f]{16}\.tmp")


def _remove_unfinished(folder: str) -> None:
    """Remove temporary files that no process has locked: whoever made them is no more."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError), open(entry.path, "rb") as file:
                    if _lock(file) is _Lock.HELD:
                        os.unlink(entry.path)


class _Lock(Enum):
    """The state of a lock that was asked for: there are file systems that know none."""

    HELD, ELSEWHERE, NONE = range(3)


def _lock(file: BinaryIO) -> _Lock:
    """Lock an open file for as long as it is open."""
    if fcntl is None:
        return _Lock.HELD
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _Lock.ELSEWHERE
    except OSError:
        return _Lock.NONE
    return _Lock.HELD
