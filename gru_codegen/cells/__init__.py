"""The cells that come with the package, by name."""

from __future__ import annotations

from gru_codegen.cell import Cell
from gru_codegen.cells.gru import GRU
from gru_codegen.cells.gru1 import GRU1
from gru_codegen.cells.gru2 import GRU2
from gru_codegen.cells.gru3 import GRU3
from gru_codegen.cells.gru_bias import GRU_BIAS
from gru_codegen.cells.gru_reset_after import GRU_RESET_AFTER
from gru_codegen.cells.ligru import LIGRU
from gru_codegen.cells.lstm import LSTM
from gru_codegen.cells.lstm_coupled import LSTM_COUPLED
from gru_codegen.cells.lstm_peephole import LSTM_PEEPHOLE
from gru_codegen.cells.mgu import MGU
from gru_codegen.cells.mingru import MINGRU
from gru_codegen.cells.rnn import RNN
from gru_codegen.cells.sru import SRU

__all__ = [
    "GRU",
    "GRU1",
    "GRU2",
    "GRU3",
    "GRU_BIAS",
    "GRU_RESET_AFTER",
    "LIGRU",
    "LSTM",
    "LSTM_COUPLED",
    "LSTM_PEEPHOLE",
    "MGU",
    "MINGRU",
    "RNN",
    "SRU",
    "cells",
]

#: Every cell of the package by its name: the reference cell, then the rest of the family.
cells: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        GRU,
        GRU_BIAS,
        GRU_RESET_AFTER,
        RNN,
        LSTM,
        LSTM_PEEPHOLE,
        LSTM_COUPLED,
        MGU,
        GRU1,
        GRU2,
        GRU3,
        MINGRU,
        SRU,
        LIGRU,
    )
}
