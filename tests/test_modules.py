from __future__ import annotations

import gc
import importlib
import inspect
import linecache
import os
import pickle
import sys
import traceback
import weakref
from pathlib import Path

import numpy as np
import pytest

from gru_codegen.errors import ProgramError, VerificationError
from gru_codegen.modules import load_file, load_source, require_kernel

BY_HAND = Path(__file__).parent / "kernels" / "by_hand.py"
SOURCE = BY_HAND.read_text()


# --- source ---------------------------------------------------------------------------------------


def test_a_traceback_shows_the_generated_line() -> None:
    kernel = load_source(SOURCE, "gru")
    with pytest.raises(ValueError, match="x must have shape") as raised:
        kernel.forward(kernel.init_params(2, 3), np.zeros((2, 2)))
    shown = "".join(traceback.format_exception(raised.value))
    assert 'raise ValueError(f"x must have shape' in shown
    linecache.checkcache()
    assert inspect.getsource(kernel.forward).startswith("def forward(")


def test_two_sources_of_one_name_keep_their_own_lines() -> None:
    one = load_source("def f():\n    return 1\n", "same")
    two = load_source("def f():\n    return 2\n", "same")
    assert inspect.getsource(one.f).endswith("return 1\n")
    assert inspect.getsource(two.f).endswith("return 2\n")


def test_loading_again_does_not_fill_linecache() -> None:
    load_source("x = 1\n", "again")
    before = set(linecache.cache)
    load_source("x = 1\n", "again")
    assert set(linecache.cache) == before


def test_the_loader_s_future_imports_are_not_inherited() -> None:
    assert load_source("def f(a: int) -> int: ...\n", "f").f.__annotations__["a"] is int


def test_a_module_stays_out_of_sys_modules_and_can_be_collected() -> None:
    kernel = load_source(SOURCE, "gru_of_this_test")
    assert "gru_of_this_test" not in sys.modules
    pickle.dumps(kernel.init_params(2, 3))
    alive = weakref.ref(kernel)
    del kernel
    gc.collect()
    assert alive() is None


def test_source_that_does_not_compile_is_the_compiler_s_fault() -> None:
    with pytest.raises(ProgramError) as raised:
        load_source("x = 1\ny = = 2\n", "gru_t8")
    assert str(raised.value) == (
        "the source generated for gru_t8 is not Python: line 2: invalid syntax"
    )
    assert isinstance(raised.value.__cause__, SyntaxError)


def test_source_that_raises_is_the_compiler_s_fault() -> None:
    with pytest.raises(ProgramError) as raised:
        load_source("x = 1\n\ny = z\n", "gru_t8")
    assert str(raised.value) == (
        "the source generated for gru_t8 cannot be imported: "
        "line 3: NameError: name 'z' is not defined"
    )


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_loaded_from_anywhere_and_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "not an identifier.txt"
    path.write_text(SOURCE)
    paths = list(sys.path)
    kernel = load_file(str(path))
    assert kernel.CELL == "gru"
    assert kernel.__name__ == "not an identifier"
    assert kernel.__file__ == str(path)
    assert kernel not in sys.modules.values()
    assert sys.path == paths
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_with_a_byte_order_mark_and_other_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "gru.py"
    path.write_bytes(b"\xef\xbb\xbf" + SOURCE.replace("\n", "\r\n").encode())
    assert load_file(path).CELL == "gru"


def test_a_file_that_was_edited_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "gru.py"
    path.write_text(SOURCE)
    load_file(path)
    path.write_text(SOURCE.replace('CELL = "gru"', 'CELL = "mgu"'))
    importlib.invalidate_caches()
    assert load_file(path).CELL == "mgu"


def refusal(path: Path) -> str:
    """Return what is said of ``path``, without the path it begins with."""
    with pytest.raises(VerificationError) as raised:
        load_file(path)
    message = str(raised.value)
    assert message.startswith(f"{path} ")
    assert "\n" not in message
    return message.removeprefix(f"{path} ")


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gru.py") == "does not exist"


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "is a folder, not the file of a generated kernel"


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "gru.py") == "cannot be read: Not a directory"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    assert refusal(tmp_path / "gru.py") == "cannot be read: Permission denied"


def test_a_path_that_cannot_be(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a\0b").startswith("cannot be read: embedded null")


NO_KERNEL = (
    "is not a generated kernel: it defines none of CONTRACT, UNROLL, CELL, LOSS, READOUT, "
    "STYLE, OUTPUT, EQUATIONS, SIZES, STATES, Params, Result, init_params, forward, loss, "
    "loss_and_gradients, Workspace"
)

FILES = {
    "binary": (b"x = 1\n\xff\xfe", "is not a generated kernel: byte 6 is not UTF-8 text"),
    "prose": (b"x = 1\nThis is prose.\n", "is not Python: line 2: invalid syntax"),
    "unclosed": (b"x = (\n", "is not Python: line 1: '(' was never closed"),
    "raises": (
        b"import math\n\ndef f():\n    return math.sqrt(-1)\n\nf()\n",
        f"{NO_KERNEL}, and cannot be imported: line 4: ValueError: math domain error",
    ),
    "imports what is not there": (
        b"import no_such_module\n",
        f"{NO_KERNEL}, and cannot be imported: line 1: ModuleNotFoundError: No module named "
        "'no_such_module'",
    ),
    "exits": (
        b"raise SystemExit(3)\n",
        f"{NO_KERNEL}, and cannot be imported: line 1: SystemExit: 3",
    ),
    "raises in several lines": (
        b"raise ValueError('a\\n  b')\n",
        f"{NO_KERNEL}, and cannot be imported: line 1: ValueError: a b",
    ),
    "asserts": (
        b"assert False\n",
        f"{NO_KERNEL}, and cannot be imported: line 1: AssertionError",
    ),
    "a kernel that raises": (
        b"CONTRACT = 1\nassert False\n",
        "cannot be imported: line 2: AssertionError",
    ),
    "a kernel from elsewhere": (
        b"from no_such_module import *\n",
        "cannot be imported: line 1: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "empty": (
        b"",
        NO_KERNEL,
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_kernel(name: str, tmp_path: Path) -> None:
    content, message = FILES[name]
    path = tmp_path / "gru.py"
    path.write_bytes(content)
    assert refusal(path) == message


@pytest.mark.parametrize("content", ["x = 1\0", "(" * 10_000, "-" * 1_000_000 + "1"])
def test_a_file_that_the_parser_gives_up_on(content: str, tmp_path: Path) -> None:
    path = tmp_path / "gru.py"
    path.write_text(content)
    assert refusal(path).startswith("is not Python: ")


EDITS = {
    "a name is gone": (
        "class Workspace:",
        "class Buffers:",
        "is not a generated kernel: it defines no Workspace",
    ),
    "other contract": (
        "CONTRACT = 1",
        "CONTRACT = 2",
        "is a kernel of contract 2, and this gru_codegen knows contract 1: "
        "generate it again with this version",
    ),
    "UNROLL is text": (
        "UNROLL: int | None = None",
        "UNROLL = '8'",
        "is not a generated kernel: UNROLL has to be None or a number of time steps, not '8'",
    ),
    "UNROLL is zero": (
        "UNROLL: int | None = None",
        "UNROLL = 0",
        "is not a generated kernel: UNROLL has to be None or a number of time steps, not 0",
    ),
    "STATES is text": (
        'STATES = ("S",)',
        'STATES = ("S")',
        "is not a generated kernel: STATES has to be a tuple of names, not 'S'",
    ),
    "LOSS is a number": (
        'LOSS = "l2"',
        "LOSS = 2",
        "is not a generated kernel: LOSS has to be a string, not 2",
    ),
    "Params is a tuple": (
        "class Params(NamedTuple):",
        "class Params(tuple):",
        "is not a generated kernel: Params has to be a NamedTuple, not <class 'gru.Params'>",
    ),
    "forward is not callable": (
        "def forward(",
        "forward = 1\ndef backward(",
        "is not a generated kernel: forward has to be callable, not 1",
    ),
    "State is missing": (
        'STATES = ("S",)',
        'STATES = ("S", "C")',
        "is not a generated kernel: with several states it has to define a NamedTuple State",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_kernel_that_was_edited(name: str, tmp_path: Path) -> None:
    old, new, message = EDITS[name]
    assert SOURCE.count(old) == 1
    path = tmp_path / "gru.py"
    path.write_text(SOURCE.replace(old, new))
    assert refusal(path) == message


def test_require_kernel_takes_any_module() -> None:
    require_kernel(load_source(SOURCE, "gru"))
    with pytest.raises(VerificationError, match=r"^gru is not a generated kernel: it defines no S"):
        require_kernel(load_source(SOURCE.replace("STYLE =", "MANNER ="), "gru"))
