"""What the symbols of a declaration may be called: each becomes a name in a kernel."""

from __future__ import annotations

import builtins
import keyword

__all__ = ["RESERVED", "fault_of_name"]

#: The sizes, the number of time steps and the loss, as equations and kernels write them.
_LETTERS = frozenset({"B", "D", "H", "O", "T", "L"})
# fmt: off
#: What a kernel defines, and what stands in its functions beside the symbols of the cell.
_KERNEL = frozenset({
    "CELL", "CONTRACT", "EQUATIONS", "LAYOUT", "LOSS", "OUTPUT", "READOUT", "SIZES", "STATES",
    "STYLE", "UNROLL", "Array", "Params", "Result", "State", "Workspace",
    "forward", "init_params", "loss", "loss_and_gradients", "vjp",
    "clip", "huber", "sigmoid", "softplus",
    "Any", "Callable", "DTypeLike", "NDArray", "NamedTuple", "annotations", "np",
    "V", "batch_size", "begin", "calls", "capacity", "dO", "dtype", "ended", "gradients",
    "hidden_size", "input_size", "last", "output_size", "params", "self", "steps", "t", "total",
    "w", "zero", "one", "two", "three", "four",
    "Mapping", "MappingProxyType", "SHAPES", "params_from_npz", "params_to_npz", "allow_pickle",
    "file", "os", "sizes", "suppress",
    "copies", "mask", "ones", "room",
    "count", "index",  # what every tuple has
})
# fmt: on
#: The names that no symbol may have, beside Python's keywords and what every Python module knows.
RESERVED = _LETTERS | _KERNEL
_BUILTINS = frozenset(dir(builtins))
#: What kernels append to a name: a step, or another form or place of the same array.
_SUFFIXES = (
    "_t",
    "_next",
    "_held",
    "_last",
    "_first",
    "_steps",
    "_T",
    "_turned",
    "_gathered",
    "_rows",
    "_blocks",
    "_column",
    "_copy",
    "_ones",
    "_products",
)


def fault_of_name(name: str) -> str | None:
    """Say why `name` cannot be the name of a symbol, or return None if it can.

    What is said continues a sentence that begins with the name.
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
    # dA is the adjoint of A, term and terms_BH are scratch, number_5 is a constant
    if name in RESERVED or f"d{name}" in RESERVED or name.startswith(("term", "number_")):
        return "is a name that kernels use themselves"
    if name in _BUILTINS:
        return "is a name of Python's own"
    if f"d{name}" in _BUILTINS:
        return f"would have the adjoint d{name}, which is a name of Python's own"
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return f"ends in {suffix}, with which kernels name what they make of it: leave that out"
    return None
