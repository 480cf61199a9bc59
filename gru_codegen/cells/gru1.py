"""GRU1: a gated recurrent unit whose gates see the previous state and a bias.

Dey and Salem, "Gate-Variants of Gated Recurrent Unit (GRU) Neural Networks", 2017,
arXiv:1701.05923, variant 1. The candidate is that of the full unit, and Z = 1 writes it.
The paper leaves the activation of the candidate open, as a g; here it is tanh.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev, Wca = matrix("x", B, D), matrix("S_prev", B, H), matrix("Wca", D, H)
Wrecz, Wrecca, Wrecr = (matrix(name, H, H) for name in ("Wrecz", "Wrecca", "Wrecr"))
bz, bca, br = (matrix(name, 1, H) for name in ("bz", "bca", "br"))
Z, R, CA, S = (matrix(name, B, H) for name in ("Z", "R", "CA", "S"))

GRU1 = Cell(
    name="gru1",
    title="gated recurrent unit, gates of the previous state and a bias",
    source="Dey and Salem 2017, arXiv:1701.05923, variant 1",
    inputs=(x,),
    weights=(Wrecz, bz, Wca, Wrecca, bca, Wrecr, br),
    states={S: S_prev},
    equations=(
        Equation(Z, sigmoid(S_prev * Wrecz + ones(B, 1) * bz), "update gate"),
        Equation(R, sigmoid(S_prev * Wrecr + ones(B, 1) * br), "reset gate"),
        Equation(
            CA,
            tanh(x * Wca + hadamard(R, S_prev) * Wrecca + ones(B, 1) * bca),
            "candidate activation",
        ),
        Equation(S, hadamard(ones(B, H) - Z, S_prev) + hadamard(Z, CA), "state"),
    ),
)
