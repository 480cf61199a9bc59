"""Names that symbols of a declaration may have, and new names beside those that are taken.

Each symbol becomes a name in a kernel. Whatever else needs one there gets a name that is free, so
that a symbol may be called what a kernel would have called something of its own.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Hashable, Iterable
from itertools import count
from typing import Any

from gru_codegen.errors import CellError
from gru_codegen.ir import ELEMENTWISE

__all__ = [
    "RESERVED",
    "SHARED",
    "NewNames",
    "check_file_name",
    "fault_of_name",
    "free_name",
    "identifier",
    "outputs_name",
    "public",
]

#: The sizes, the number of time steps and the loss, as equations and kernels write them.
_LETTERS = frozenset({"B", "D", "H", "O", "T", "L"})
# fmt: off
#: What a kernel defines, and what stands in its functions beside the symbols of the cell.
_KERNEL = frozenset({
    "CELL", "CONTRACT", "ENTRY_POINTS", "EQUATIONS", "LAYOUT", "LOSS", "MADE", "OUTPUT", "OUTPUTS",
    "READOUT", "SIZES", "STATES", "STYLE", "TARGETS", "UNROLL", "WITHOUT_GRADIENT",
    "AllGradients", "Array", "Constants", "Inputs", "Outputs", "Params", "Result", "State",
    "Trace", "Workspace",
    "all_gradients", "constants", "forward", "init_params", "loss", "loss_and_gradients", "vjp",
    "Any", "Callable", "DTypeLike", "NDArray", "NamedTuple", "annotations", "np",
    "V", "admit", "batch_size", "begin", "calls", "capacity", "dO", "dtype", "ended", "gradients",
    "hidden_size", "input_size", "last", "latest", "output_size", "params", "self", "steps", "t",
    "total", "w",
    "Mapping", "MappingProxyType", "SHAPES", "params_from_npz", "params_to_npz", "allow_pickle",
    "file", "os", "sizes", "suppress",
    "allocate", "copies", "of", "room", "show",
    "count", "index",  # what every tuple has
})
# fmt: on
#: Those of them that symbols may have all the same: code calls these O_, V_ and w_.
SHARED = frozenset({"O", "V", "w"})
#: The names that no symbol may have, beside those of functions, Python's keywords and what every
#: Python module knows.
RESERVED = _LETTERS | _KERNEL
_BUILTINS = frozenset(dir(builtins))


def free_name(stem: str, names_in_use: Collection[str]) -> str:
    """`stem`, or that with the first number with which it is free: ``xWz``, or else ``xWz_2``.

    Free is a name not in use, and neither Python's nor a kernel's own; sizes end in ``_size``.
    """
    names = (stem if n == 1 else f"{stem}_{n}" for n in count(1))
    return next(name for name in names if name not in names_in_use and not _is_reserved(name))


class NewNames:
    """New names beside `names_in_use`; a thing that is asked about again keeps its own."""

    def __init__(self, names_in_use: Iterable[str]) -> None:
        self.names_in_use = set(names_in_use)
        self.given: dict[Hashable, str] = {}

    def of(self, thing: Hashable, stem: str) -> str:
        """The name of `thing`: `stem`, or that with a number."""
        if thing not in self.given:
            self.given[thing] = free_name(stem, self.names_in_use)
            self.names_in_use.add(self.given[thing])
        return self.given[thing]


def check_file_name(where: str, name: Any) -> None:
    """Check that `name` can be part of the name of a file and of a module."""
    if not (isinstance(name, str) and re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", name)):
        raise CellError(
            f"{where}: its name must begin with a letter and go on with ASCII letters, digits, "
            "hyphens and underscores; files are named by it"
        )


def fault_of_name(name: str) -> str | None:
    """Say why `name` cannot be the name of a symbol, or return None if it can.

    The reason continues a sentence that begins with the name.
    """
    if not (name.isascii() and name.isidentifier()):
        return "is not a name: it takes ASCII letters, digits and underscores, a letter first"
    if keyword.iskeyword(name):
        return "is a keyword of Python"
    if keyword.iskeyword(f"d{name}"):
        return f"would have the adjoint d{name}, which is a keyword of Python"
    if name.startswith("_") or name.endswith("_") or "__" in name:
        return "is not a name: underscores stand one by one, between letters and digits"
    if name in _LETTERS:
        return "is a letter that kernels need: B, D, H and O are sizes, T the steps, L the loss"
    if _is_kernels(name) or _is_kernels(f"d{name}"):  # dA is the adjoint of A
        return "is a name that kernels use themselves"
    if name in _BUILTINS:
        return "is a name of Python's own"
    if f"d{name}" in _BUILTINS:
        return f"would have the adjoint d{name}, which is a name of Python's own"
    if name.endswith("_t"):
        return "ends in _t, with which equations write the value at step t: leave that out"
    return None


def outputs_name(names: Collection[str]) -> str:
    """The name of the outputs in equations, beside `names`."""
    return next(name for name in ("O", "OUT", "output", "outputs_") if name not in names)


def identifier(name: str) -> str:
    """The name of a symbol in code; I, O and l alone are too easily taken for numbers."""
    return f"{name}_" if name in ("I", "l", *SHARED) else name


def public(name: str) -> str:
    """A name in code as callers know it: without the underscore that keeps it apart from others."""
    return name.removesuffix("_")


def _is_kernels(name: str) -> bool:
    return name in RESERVED or name in ELEMENTWISE  # functions have helpers of their name


def _is_reserved(name: str) -> bool:
    own = _is_kernels(name) or name.endswith("_size")
    return own or name in _BUILTINS or keyword.iskeyword(name)
