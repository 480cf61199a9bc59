"""The cells that come with the package: every file of this folder is one, in TOML or in Python.

A new file is all that a new cell takes: what it declares is found by its name, by the command line,
by the checks and by the tests that run over all cells. See `gru_codegen.parse.cells`. The names are
known here without an import of SymPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType

__all__ = ["FAMILIES", "FOLDER", "files_by_name"]

#: Where the files are.
FOLDER = Path(__file__).parent
#: The families, each with its cells by name, in the order in which they are listed. A cell that
#: stands in none comes after them.
FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "gated units": (
            "gru",
            "gru1",
            "gru2",
            "gru3",
            "gru-bias",
            "gru-d",
            "gru-reset-after",
            "ligru",
            "mgu",
            "fastgrnn",
            "janet",
            "mut1",
            "recurrent-highway",
            "star",
            "ugrnn",
        ),
        "units with a memory beside their state": (
            "lstm",
            "layernorm-lstm",
            "lstm-coupled",
            "lstm-peephole",
            "lstm-projection",
            "multiplicative-lstm",
            "ran",
            "slstm",
        ),
        "networks without gates": ("rnn", "antisymmetric", "indrnn"),
        "oscillators and networks in continuous time": ("cfc", "cornn", "lem"),
        "recurrences that are linear in the state": (
            "lru",
            "mingru",
            "minlstm",
            "qrnn",
            "rg-lru",
            "sru",
        ),
    }
)


def files_by_name(folder: Path = FOLDER) -> dict[str, Path]:
    """The files of a folder by the names of their cells: `gru-bias` is GRU_BIAS in gru_bias.py.

    They come in the order of the families.
    """
    found = {
        file.stem.replace("_", "-"): file
        for file in sorted(folder.iterdir())
        if file.suffix in (".py", ".toml") and not file.stem.startswith("_")
    }
    listed = [name for name in chain(*FAMILIES.values()) if name in found]
    return {name: found[name] for name in (*listed, *found)}
