"""The cells that come with the package: every file of this folder is one, in TOML or in Python.

A new file is all that a new cell takes: what it declares is found by its name, by the command line,
by the checks and by the tests that run over all cells. See `gru_codegen.parse.cells`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from gru_codegen.cells.gru import GRU

__all__ = ["FAMILIES", "FOLDER", "GRU"]

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
