"""Long short-term memory with coupled input and forget gate.

Greff, Srivastava, Koutnik, Steunebrink and Schmidhuber, "LSTM: A Search Space Odyssey", 2015,
arXiv:1503.04069, variant CIFG: f = 1 - i. Their vanilla LSTM has peepholes; here there are none, as
in the frameworks that offer the coupling.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev, C_prev = matrix("x", B, D), matrix("S_prev", B, H), matrix("C_prev", B, H)
Wi, Wca, Wo = (matrix(name, D, H) for name in ("Wi", "Wca", "Wo"))
Wreci, Wrecca, Wreco = (matrix(name, H, H) for name in ("Wreci", "Wrecca", "Wreco"))
bi, bca, bo = (matrix(name, 1, H) for name in ("bi", "bca", "bo"))
IG, OG, CA = (matrix(name, B, H) for name in ("IG", "OG", "CA"))
S, C = matrix("S", B, H), matrix("C", B, H)

LSTM_COUPLED = Cell(
    name="lstm-coupled",
    title="long short-term memory with coupled gates",
    source="Greff et al. 2015, arXiv:1503.04069, variant CIFG, without peepholes",
    inputs=(x,),
    weights=(Wi, Wreci, bi, Wca, Wrecca, bca, Wo, Wreco, bo),
    states={S: S_prev, C: C_prev},
    equations=(
        Equation(IG, sigmoid(x * Wi + S_prev * Wreci + ones(B, 1) * bi), "input gate"),
        Equation(OG, sigmoid(x * Wo + S_prev * Wreco + ones(B, 1) * bo), "output gate"),
        Equation(CA, tanh(x * Wca + S_prev * Wrecca + ones(B, 1) * bca), "candidate activation"),
        Equation(C, hadamard(ones(B, H) - IG, C_prev) + hadamard(IG, CA), "cell state"),
        Equation(S, hadamard(OG, tanh(C)), "state"),
    ),
)
