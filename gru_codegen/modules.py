"""Make modules of generated source, and of generated files on disk.

Neither function puts its module into ``sys.modules``. Nothing in a kernel needs it (its classes
are NamedTuples and plain classes), a kernel can so be garbage-collected and can never stand in the
way of an ``import``. What a kernel returns can be pickled all the same: see ``pickles``.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import os
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from reprlib import repr as shortened
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from . import pickles
from .errors import ProgramError, VerificationError
from .regular import open_regular

CONTRACT = 1


def load_source(source: str, name: str) -> ModuleType:
    """Execute generated ``source`` as a new module called ``name``.

    The lines are registered with ``linecache`` under a name made of their content, as attrs does,
    so that debuggers step through them and tracebacks show them.

    Raises ProgramError if the source does not compile or raises: it is the compiler's own.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    # The angle brackets tell pdb and linecache that there is no such file to look for.
    filename = f"<gru_codegen {name} {digest}>"
    # Without a modification time, linecache.checkcache keeps the entry.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        return _execute(source, filename, name)
    except _SourceError as error:
        raise ProgramError(f"the source generated for {name} {error}") from error.__cause__


def load_file(path: str | os.PathLike[str]) -> ModuleType:
    """Execute the generated kernel at ``path`` as a new module.

    Any path will do: ``sys.path`` is not consulted and no ``__pycache__`` is written. The code of
    the file runs, as in any import.

    Raises VerificationError if the file cannot be read, is not Python, raises, or is not a kernel.
    """
    path = Path(path)
    try:
        source = _read(path)
        try:
            module = _execute(source, os.path.abspath(path), path.stem)
        except _SourceError as error:
            if _names_none(source):  # no kernel that fails here, but something else
                raise _SourceError(f"{_fault(None)}, and {error}") from error.__cause__
            raise
        if fault := _fault(module):
            raise _SourceError(fault)
    except _SourceError as error:
        raise VerificationError(f"{path} {error}") from error.__cause__
    return module


def python_source(path: str | os.PathLike[str]) -> str:
    """Return the text of the file of Python at ``path``, which does not run.

    Raises VerificationError if the file cannot be read or is not Python.
    """
    try:
        source = _read(Path(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are for whoever runs it
            _compiled(source, os.fspath(path))
    except _SourceError as error:
        raise VerificationError(f"{Path(path)} {error}") from error.__cause__
    return source


def require_kernel(module: Any) -> ModuleType:
    """Return ``module``, which defines all that every generated kernel does.

    Raises VerificationError if it does not.
    """
    if not (isinstance(module, ModuleType) or hasattr(module, "CONTRACT")):
        raise VerificationError(
            "kernel: expected a module, as gru_codegen.load or the import of a generated file "
            f"makes, got {shortened(module)}"
        )
    if fault := _fault(module):
        raise VerificationError(f"{getattr(module, '__name__', repr(module))} {fault}")
    kernel: ModuleType = module
    return kernel


def one_line(error: BaseException) -> str:
    """Return an exception as one line: its class and its message."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def raised_in_kernel(error: BaseException) -> str:
    """Return an exception as one line, with the last line of a kernel that ran before it."""
    ran = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if "UNROLL" in frame.f_globals  # which every kernel defines
    ]
    if not ran:
        return one_line(error)
    filename, line = ran[-1]
    file = "" if filename.startswith("<") else f"{os.path.basename(filename)}, "
    code = linecache.getline(filename, line).strip()
    return f"{one_line(error)}, in {file}line {line}: {code}"


class _SourceError(Exception):
    """A fault of a source, said as the rest of a sentence that begins with its name."""


def _read(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise _SourceError("does not exist") from None
    except IsADirectoryError:
        raise _SourceError("is a folder, not the file of a generated kernel") from None
    except UnicodeDecodeError as error:
        raise _SourceError(
            f"is not a generated kernel: byte {error.start} is not UTF-8 text"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _SourceError(f"cannot be read: {reason}") from None


def _compiled(source: str, filename: str) -> CodeType:
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise _SourceError(f"is not Python: {where}{error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise _SourceError(f"is not Python: {one_line(error)}") from error


class _Kernel(ModuleType):
    """A module that shows which kernel it is."""

    def __repr__(self) -> str:
        said = vars(self)
        if not {"CELL", "LAYOUT", "READOUT", "STYLE", "UNROLL"} <= said.keys():
            return super().__repr__()
        parts = [
            said["CELL"],
            said.get("LOSS") or "forward alone",
            *([f"{said['READOUT']} readout"] if said["READOUT"] != "none" else []),
            "any T" if said["UNROLL"] is None else f"T = {said['UNROLL']}",
            "textbook" if said["STYLE"] == "textbook" else said["LAYOUT"],
        ]
        return f"<kernel {self.__name__}: {', '.join(map(str, parts))}>"


def _execute(source: str, filename: str, name: str) -> ModuleType:
    module = _Kernel(name)
    module.__file__ = filename
    code = _compiled(source, filename)
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        raise _SourceError(
            f"cannot be imported: {_place(error, filename)}{one_line(error)}"
        ) from error
    pickles.enable(module, source, load_source)
    return module


def _place(error: BaseException, filename: str) -> str:
    """Return the line of ``filename`` that was running when ``error`` was raised."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""


class _Promise(NamedTuple):
    """A name that every kernel defines, and the condition on its value."""

    kind: str
    kept: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_unroll(value: Any) -> bool:
    return value is None or (type(value) is int and value > 0)


def _is_names(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(map(_is_text, value))


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields")


_PROMISES = {
    "UNROLL": _Promise("None or a number of time steps", _is_unroll),
    **dict.fromkeys(
        ("CELL", "LOSS", "READOUT", "STYLE", "OUTPUT", "EQUATIONS"), _Promise("a string", _is_text)
    ),
    **dict.fromkeys(("SIZES", "STATES"), _Promise("a tuple of names", _is_names)),
    **dict.fromkeys(("Params", "Result"), _Promise("a NamedTuple", _is_named_tuple)),
    **dict.fromkeys(
        ("init_params", "forward", "loss", "loss_and_gradients", "Workspace"),
        _Promise("callable", callable),
    ),
}


_EXPECTED = ("CONTRACT", *_PROMISES)
#: What those alone have that compute a loss and its gradients.
_OF_TRAINING = ("LOSS", "Result", "loss", "loss_and_gradients")


def is_forward_alone(module: Any) -> bool:
    """Return whether a kernel says that it has no loss and no gradients: one for inference."""
    said = getattr(module, "ENTRY_POINTS", _OF_TRAINING)
    return isinstance(said, Mapping) and "forward" in said and "loss_and_gradients" not in said


def _names_none(source: str) -> bool:
    """Return whether ``source`` is Python that defines or imports none of a kernel's names."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    named = {getattr(node, field, None) for node in nodes for field in ("id", "name", "asname")}
    return named.isdisjoint((*_EXPECTED, "*"))


def _fault(module: Any) -> str | None:
    """Return why ``module`` is not a kernel of this contract, or None."""
    apart = _OF_TRAINING if is_forward_alone(module) else ()
    expected = [name for name in _EXPECTED if name not in apart]
    missing = [name for name in expected if not hasattr(module, name)]
    if missing:
        which = "none of" if len(missing) == len(expected) else "no"
        return f"is not a generated kernel: it defines {which} {', '.join(missing)}"
    if module.CONTRACT != CONTRACT:
        return (
            f"is a kernel of contract {module.CONTRACT!r}, and this gru_codegen knows contract "
            f"{CONTRACT}: generate it again with this version"
        )
    for name, promise in _PROMISES.items():
        if name not in apart and not promise.kept(getattr(module, name)):
            return (
                f"is not a generated kernel: {name} has to be {promise.kind}, "
                f"not {getattr(module, name)!r}"
            )
    if len(module.STATES) > 1 and not _is_named_tuple(getattr(module, "State", None)):
        return "is not a generated kernel: with several states it has to define a NamedTuple State"
    return None
