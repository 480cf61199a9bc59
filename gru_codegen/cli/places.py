"""The place of a kernel: what is there already, and what its name would stand in the way of."""

from __future__ import annotations

import keyword
import os
import re
import shlex
import sys
import sysconfig
from importlib.util import find_spec

from gru_codegen.cli.errors import BadInput
from gru_codegen.cli.options import require_output
from gru_codegen.cli.recorded import is_generated, other_declaration
from gru_codegen.cli.terminal import warn
from gru_codegen.regular import open_regular

__all__ = ["require_own", "require_place_of_kernel", "text_at", "warn_of_name"]

#: The modules that no file may hide: kernels import some of them, and these import others.
_TAKEN = {"numpy", "gru_codegen", *sys.stdlib_module_names}


def require_place_of_kernel(path: str, force: bool, *declared: str) -> None:
    """Refuse a place where no kernel can be written, or should be without --force.

    declared: the names of what it is the kernel of, which may be files.
    """
    require_output(path, *declared)
    if path == "-" or force:
        return
    stem, ending = os.path.splitext(os.path.basename(path))
    if ending == ".py" and _is_taken(stem):
        raise BadInput(
            f"{path} would stand in the way of {stem}, which Python imports by that name; name "
            "another file with --output, or write it with --force"
        )
    on_disk = text_at(path)
    if on_disk and not on_disk.isspace() and not is_generated(on_disk):
        raise BadInput(
            f"{path} is no generated kernel; name another file with --output, or write over it "
            "with --force"
        )


def _is_taken(name: str) -> bool:
    """Return whether Python, this package or another that is installed imports it by that name."""
    if name in _TAKEN or not name.isidentifier():
        return name in _TAKEN
    try:
        found = find_spec(name)  # which imports nothing
    except ValueError:  # of a module that nothing was imported for, as __main__ is one
        return False
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    places = [found.origin, *(found.submodule_search_locations or ())] if found else []
    inside = tuple(folder + os.sep for folder in installed)
    return any(place.startswith(inside) for place in places if place)


def require_own(path: str, source: str) -> None:
    """Refuse to write `source` over the kernel of another declaration that nobody named."""
    if other := other_declaration(text_at(path), source):
        raise BadInput(
            f"{path} is the kernel of another declaration, --cell {shlex.quote(other)}; remove it, "
            "or name another file with --output"
        )


def warn_of_name(path: str) -> None:
    """Say of a module that no `import` can name it: it is read by its path alone."""
    stem, ending = os.path.splitext(os.path.basename(path))
    if ending != ".py" and os.path.isfile(path):
        warn(f"{path} has a name that no import finds; one that ends in .py is found")
    elif ending == ".py" and (keyword.iskeyword(stem) or not stem.isidentifier()):
        other = re.sub(r"\W", "_", stem)
        other = other if other.isidentifier() and not keyword.iskeyword(other) else f"k_{other}"
        warn(f"{path} has a name that no import can write; {other}.py has one")


def text_at(path: str) -> str:
    """The text at `path`; none if nothing is there that can be read, as writing it will say."""
    try:
        with open_regular(path) as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""
