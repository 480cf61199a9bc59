"""minGRU: a gated recurrent unit in which nothing but the state recurs.

Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, "Were RNNs All We Needed?", 2024, arXiv:2410.01201,
section 3.1. The paper writes linear layers and leaves their biases open; here there are none. The
candidate has no activation, and Z = 1 writes it; the paper's variant for a scan over logarithms,
which keeps the candidate positive, is another cell.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
Wz, Wca = matrix("Wz", D, H), matrix("Wca", D, H)
Z, CA, S = (matrix(name, B, H) for name in ("Z", "CA", "S"))

MINGRU = Cell(
    name="mingru",
    title="minimal gated recurrent unit",
    source="Feng et al. 2024, arXiv:2410.01201",
    inputs=(x,),
    weights=(Wz, Wca),
    states={S: S_prev},
    equations=(
        Equation(Z, sigmoid(x * Wz), "update gate"),
        Equation(CA, x * Wca, "candidate activation"),
        Equation(S, hadamard(ones(B, H) - Z, S_prev) + hadamard(Z, CA), "state"),
    ),
)
