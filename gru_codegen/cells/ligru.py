"""The light gated recurrent unit: no reset gate, a rectified candidate.

Ravanelli, Brakel, Omologo and Bengio, "Light Gated Recurrent Units for Speech Recognition", 2018,
arXiv:1803.10225, without the batch normalisation, whose shift the biases replace. Z = 1
keeps the state. At the kink of the candidate, where its pre-activation is 0, relu is not
differentiable; the derivative is taken as 0 there, one of its subgradients.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import relu, sigmoid

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
Wz, Wrecz, bz = matrix("Wz", D, H), matrix("Wrecz", H, H), matrix("bz", 1, H)
Wca, Wrecca, bca = matrix("Wca", D, H), matrix("Wrecca", H, H), matrix("bca", 1, H)
Z, CA, S = (matrix(name, B, H) for name in ("Z", "CA", "S"))

LIGRU = Cell(
    name="ligru",
    title="light gated recurrent unit",
    source="Ravanelli et al. 2018, arXiv:1803.10225, without batch normalisation",
    inputs=(x,),
    weights=(Wz, Wrecz, bz, Wca, Wrecca, bca),
    states={S: S_prev},
    equations=(
        Equation(Z, sigmoid(x * Wz + S_prev * Wrecz + ones(B, 1) * bz), "update gate"),
        Equation(CA, relu(x * Wca + S_prev * Wrecca + ones(B, 1) * bca), "candidate activation"),
        Equation(S, hadamard(Z, S_prev) + hadamard(ones(B, H) - Z, CA), "state"),
    ),
)
