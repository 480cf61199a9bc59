from __future__ import annotations

import errno
import fcntl
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gru_codegen.files import WriteError, require_place, write_whole

OLD, NEW = "old\n", "new: σ\r\n" * 1000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, so that messages name files without their temporary folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(path: str | Path) -> str:
    return Path(path).read_bytes().decode()


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def refusal(path: str, ask: Callable[[str], object] | None = None) -> str:
    """Return why `path` is refused; asking beforehand and writing say the same."""
    with pytest.raises(WriteError) as raised:
        (ask or (lambda path: write_whole(path, NEW)))(path)
    message = str(raised.value)
    assert "\n" not in message
    prefix = f"cannot write {path or repr(path)}: "
    assert message.startswith(prefix)
    return message.removeprefix(prefix)


# --- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["k.py", "./k.py", "folder/k.py", "no suffix, but spaces"])
@pytest.mark.parametrize("text", ["", OLD, NEW])
def test_the_bytes_are_those_of_the_text(path: str, text: str, folder: Path) -> None:
    os.mkdir("folder")
    write_whole(str(folder / path), OLD)
    write_whole(path, text)
    assert Path(path).read_bytes() == text.encode()
    assert [entry.name for entry in Path(path).parent.iterdir() if entry.is_file()] == [
        Path(path).name
    ]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(umask: int) -> None:
    before = os.umask(umask)
    try:
        write_whole("k.py", NEW)
    finally:
        os.umask(before)
    assert mode("k.py") == 0o666 & ~umask


@pytest.mark.parametrize("permissions", [0o600, 0o644, 0o755, 0o664])
def test_a_replaced_file_keeps_its_permissions(permissions: int) -> None:
    Path("k.py").write_text(OLD)
    os.chmod("k.py", permissions)
    write_whole("k.py", NEW)
    assert content("k.py") == NEW
    assert mode("k.py") == permissions


def test_who_has_the_old_file_open_reads_on_in_it() -> None:
    Path("k.py").write_text(OLD)
    with open("k.py") as reader:
        write_whole("k.py", NEW)
        assert reader.read() == OLD


def test_folders_are_made_when_asked() -> None:
    write_whole("a/b/k.py", NEW, make_folder=True)
    write_whole("a/b/k.py", OLD, make_folder=True)
    write_whole("k.py", NEW, make_folder=True)
    assert content("a/b/k.py") == OLD
    assert content("k.py") == NEW


def test_a_folder_that_cannot_be_made() -> None:
    Path("generated").write_text(OLD)
    with pytest.raises(WriteError, match=r"^cannot write generated/k\.py: generated is not a fol"):
        write_whole("generated/k.py", NEW, make_folder=True)
    assert content("generated") == OLD


# --- links, devices, pipes ------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_replaced(exists: bool) -> None:
    os.mkdir("folder")
    if exists:
        Path("folder/k.py").write_text(OLD)
    os.symlink("folder/k.py", "one.py")
    os.symlink("one.py", "two.py")
    write_whole("two.py", NEW)
    assert os.readlink("two.py") == "one.py"
    assert os.readlink("one.py") == "folder/k.py"
    assert not os.path.islink("folder/k.py")
    assert content("folder/k.py") == NEW
    assert os.listdir("folder") == ["k.py"]


def test_a_link_to_a_folder_is_a_folder() -> None:
    os.mkdir("folder")
    os.symlink("folder", "link")
    assert refusal("link") == "it is a folder; name a file in it"
    write_whole("link/k.py", NEW)
    assert content("folder/k.py") == NEW


def test_a_link_into_a_missing_folder() -> None:
    os.symlink("folder/k.py", "link")
    message = refusal("link")
    assert message == (
        f"the folder {os.path.realpath('folder')} does not exist; make it first, or name another"
    )


def test_a_link_to_itself(folder: Path) -> None:
    os.symlink("loop", "loop")
    assert refusal("loop") == "Too many levels of symbolic links"
    assert os.listdir(folder) == ["loop"]


# Pipes stand for devices as well: were /dev/null itself tried, a fault would replace it for good.


@pytest.mark.parametrize("path", ["pipe", "link"])
def test_a_pipe_is_written_to_and_stays(path: str) -> None:
    os.mkfifo("pipe")
    os.symlink("pipe", "link")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    require_place(path)
    write_whole(path, NEW)
    assert os.read(reader, 100_000).decode() == NEW
    os.close(reader)
    assert stat.S_ISFIFO(os.lstat("pipe").st_mode)
    assert os.path.islink("link")


def test_a_pipe_in_a_folder_that_is_not_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    # As /dev is to most: the pipe has its own permissions.
    os.mkfifo("pipe")
    monkeypatch.setattr(os, "access", lambda *_: False)
    require_place("pipe")


# --- where no file can be put ---------------------------------------------------------------------


@pytest.mark.parametrize("ask", [require_place, None], ids=["asked before", "when writing"])
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "it is no name; name a file"),
        (".", "it is a folder; name a file in it"),
        ("folder", "it is a folder; name a file in it"),
        ("folder/", "it is a folder; name a file in it"),
        ("missing/", "it is a folder; name a file in it"),
        (
            "missing/k.py",
            "the folder missing does not exist; make it first, or name another",
        ),
        (
            "missing/too/k.py",
            "the folder missing/too does not exist; make it first, or name another",
        ),
        ("file/k.py", "file is not a folder"),
    ],
)
def test_no_place_for_a_file(
    path: str, message: str, ask: Callable[[str], object] | None, folder: Path
) -> None:
    os.mkdir("folder")
    Path("file").write_text(OLD)
    assert refusal(path, ask) == message
    assert sorted(os.listdir(folder)) == ["file", "folder"]
    assert content("file") == OLD


def test_a_name_that_is_too_long(folder: Path) -> None:
    assert refusal("k" * 300) == "File name too long"
    assert os.listdir(folder) == []


def test_the_longest_name_that_a_file_can_have() -> None:
    write_whole("k" * 255, NEW)
    assert content("k" * 255) == NEW


PROTECTED = {
    "folder/k.py": ("folder", "the folder folder is not writable"),
    "k.py": ("k.py", "the file there is write-protected"),
}


@pytest.mark.parametrize("path", PROTECTED)
def test_what_may_not_be_written(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkdir("folder")
    for existing in PROTECTED:
        Path(existing).write_text(OLD)
    protected, message = PROTECTED[path]
    monkeypatch.setattr(os, "access", lambda place, _: place != protected)
    assert refusal(path, require_place) == message
    assert refusal(path) == message
    assert content(path) == OLD


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("path", PROTECTED)
def test_what_the_system_does_not_let_be_written(path: str) -> None:
    os.mkdir("folder")
    for existing in PROTECTED:
        Path(existing).write_text(OLD)
    protected, message = PROTECTED[path]
    os.chmod(protected, mode(protected) & ~0o222)
    assert refusal(path) == message
    os.chmod(protected, 0o700)
    assert content(path) == OLD


# --- what goes wrong on the way -------------------------------------------------------------------


def stop(raised: BaseException) -> Callable[..., None]:
    def stop(*_: object) -> None:
        raise raised

    return stop


@pytest.mark.parametrize("at", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EDQUOT, "Disk quota exceeded"),
        (errno.EIO, "Input/output error"),
        (errno.EACCES, "Permission denied"),
    ],
)
def test_a_disk_that_refuses_leaves_the_old_file(
    at: str, number: int, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("k.py").write_text(OLD)
    monkeypatch.setattr(os, at, stop(OSError(number, os.strerror(number))))
    assert refusal("k.py") == message
    assert content("k.py") == OLD
    assert os.listdir(folder) == ["k.py"]


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_an_interruption_leaves_the_old_file(
    at: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("k.py").write_text(OLD)
    monkeypatch.setattr(os, at, stop(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_whole("k.py", NEW)
    assert content("k.py") == OLD
    assert os.listdir(folder) == ["k.py"]


def python(code: str, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    """Start a process that runs `code` after importing what it needs."""
    prelude = "import os, resource, signal, sys\nfrom gru_codegen.files import write_whole\n"
    root = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *arguments],
        env={**os.environ, "PYTHONPATH": root},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file(folder: Path) -> None:
    Path("k.py").write_text(OLD)
    process = python(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_whole('k.py', 'x' * 1_000_000)\n"
    )
    _, errors = process.communicate(timeout=60)
    assert errors.endswith("WriteError: cannot write k.py: File too large\n")
    assert content("k.py") == OLD
    assert os.listdir(folder) == ["k.py"]


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_process_killed_while_writing_leaves_the_old_file(at: str, folder: Path) -> None:
    Path("k.py").write_text(OLD)
    process = python(
        f"os.{at} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole('k.py', 'x' * 1_000_000)\n"
    )
    assert process.wait(timeout=60) == -signal.SIGKILL
    process.communicate()
    assert content("k.py") == OLD
    # What it had written so far is hidden, in nobody's way, and gone with the next file.
    (left,) = (name for name in os.listdir(folder) if name != "k.py")
    assert left.startswith(".gru_codegen_")
    write_whole("other.py", NEW)
    assert sorted(os.listdir(folder)) == ["k.py", "other.py"]


def test_only_what_is_ours_and_unfinished_is_removed(folder: Path) -> None:
    unfinished = ".gru_codegen_0123456789abcdef.tmp"
    kept = {
        "mine.tmp",
        ".gru_codegen_notes.tmp",
        f"{unfinished}.py",
        ".gru_codegen_0000000000000001.tmp",
        ".gru_codegen_0000000000000002.tmp",
    }
    for name in (unfinished, f"{unfinished}.py", "mine.tmp", ".gru_codegen_notes.tmp"):
        Path(name).write_text(OLD)
    os.mkdir(".gru_codegen_0000000000000001.tmp")
    os.symlink("mine.tmp", ".gru_codegen_0000000000000002.tmp")
    write_whole("k.py", NEW)
    assert {*os.listdir(folder)} == {*kept, "k.py"}
    assert content("mine.tmp") == OLD


def test_what_another_process_is_writing_is_left_alone(folder: Path) -> None:
    waiting = python(
        "def wait(file):\n    print('written', flush=True)\n    sys.stdin.readline()\n"
        "os.fsync = wait\n"
        "write_whole('slow.py', 'x')\n",
        stdin=subprocess.PIPE,
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "written\n"
    write_whole("k.py", NEW)
    assert len(os.listdir(folder)) == 2
    assert waiting.communicate("go on\n", timeout=60) == ("", "")
    assert sorted(os.listdir(folder)) == ["k.py", "slow.py"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks(
    number: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing says there whether a process is still writing a file, and all are left alone."""
    monkeypatch.setattr(fcntl, "flock", stop(OSError(number, os.strerror(number))))
    left = Path(".gru_codegen_0123456789abcdef.tmp")
    left.write_text(OLD)
    write_whole("k.py", NEW)
    assert content("k.py") == NEW
    assert sorted(os.listdir(folder)) == [left.name, "k.py"]


def test_a_temporary_file_that_is_taken_away_before_its_lock(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, taken = fcntl.flock, list[str]()

    def late(file: int, operation: int) -> None:
        if not taken:
            taken.extend(os.listdir(folder))
            os.unlink(taken[0])
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    write_whole("k.py", NEW)
    assert len(taken) == 1
    assert content("k.py") == NEW
    assert os.listdir(folder) == ["k.py"]


def test_killed_again_and_again(folder: Path) -> None:
    """At random moments: the old file or the new one, and no more than one that is left."""
    rng = random.Random(0)
    whole = {letter * 200_000 for letter in "ab"}
    write_whole("k.py", "a" * 200_000)
    code = (
        "print(flush=True)\nwhile True:\n"
        "    for letter in 'ab':\n        write_whole('k.py', letter * 200_000)\n"
    )
    left = 0
    for _ in range(8):
        writer = python(code)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0, 0.02))
        writer.kill()
        writer.communicate()
        assert content("k.py") in whole
        others = {*os.listdir(folder)} - {"k.py"}
        assert len(others) <= 1
        left += len(others)
    assert left > 0  # otherwise the moments were none that matter
    write_whole("k.py", NEW)
    assert os.listdir(folder) == ["k.py"]


def test_processes_that_write_one_file_at_once_leave_it_whole(folder: Path) -> None:
    letters = "abcdefghijklmnop"
    texts = {letter * 300_000 for letter in letters}
    write_whole("k.py", "a" * 300_000)
    code = "for _ in range(10):\n    write_whole('k.py', sys.argv[1] * 300_000)\n"
    processes = [python(code, letter) for letter in letters]
    reads = 0
    while any(process.poll() is None for process in processes):
        assert content("k.py") in texts
        reads += 1
    for process in processes:
        assert process.communicate() == ("", "")
        assert process.returncode == 0
    assert reads > 10
    assert content("k.py") in texts
    assert os.listdir(folder) == ["k.py"]
