"""The gated recurrent unit with a bias for every gate.

Chung, Gulcehre, Cho and Bengio 2014, arXiv:1412.3555, section 3.2, leave the biases out of their
equations; here they are added where every implementation adds them, inside each activation.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
Wz, Wca, Wr = (matrix(name, D, H) for name in ("Wz", "Wca", "Wr"))
Wrecz, Wrecca, Wrecr = (matrix(name, H, H) for name in ("Wrecz", "Wrecca", "Wrecr"))
bz, bca, br = (matrix(name, 1, H) for name in ("bz", "bca", "br"))
Z, R, CA, S = (matrix(name, B, H) for name in ("Z", "R", "CA", "S"))

GRU_BIAS = Cell(
    name="gru-bias",
    title="gated recurrent unit with biases",
    source="Chung, Gulcehre, Cho and Bengio 2014, arXiv:1412.3555, section 3.2",
    inputs=(x,),
    weights=(Wz, Wrecz, bz, Wca, Wrecca, bca, Wr, Wrecr, br),
    states={S: S_prev},
    equations=(
        Equation(Z, sigmoid(x * Wz + S_prev * Wrecz + ones(B, 1) * bz), "update gate"),
        Equation(R, sigmoid(x * Wr + S_prev * Wrecr + ones(B, 1) * br), "reset gate"),
        Equation(
            CA,
            tanh(x * Wca + hadamard(R, S_prev) * Wrecca + ones(B, 1) * bca),
            "candidate activation",
        ),
        Equation(S, hadamard(ones(B, H) - Z, S_prev) + hadamard(Z, CA), "state"),
    ),
)
