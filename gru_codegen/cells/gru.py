"""The gated recurrent unit: the reference cell.

Chung, Gulcehre, Cho and Bengio, "Empirical Evaluation of Gated Recurrent Neural Networks on
Sequence Modeling", 2014, arXiv:1412.3555, section 3.2. The reset gate acts before the recurrent
product, and Z = 1 writes the candidate. The paper writes no biases, and there are none here.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
Wz, Wca, Wr = (matrix(name, D, H) for name in ("Wz", "Wca", "Wr"))
Wrecz, Wrecca, Wrecr = (matrix(name, H, H) for name in ("Wrecz", "Wrecca", "Wrecr"))
Z, R, CA, S = (matrix(name, B, H) for name in ("Z", "R", "CA", "S"))

GRU = Cell(
    name="gru",
    title="gated recurrent unit",
    source="Chung, Gulcehre, Cho and Bengio 2014, arXiv:1412.3555, section 3.2",
    inputs=(x,),
    weights=(Wz, Wrecz, Wca, Wrecca, Wr, Wrecr),
    states={S: S_prev},
    equations=(
        Equation(Z, sigmoid(x * Wz + S_prev * Wrecz), "update gate"),
        Equation(R, sigmoid(x * Wr + S_prev * Wrecr), "reset gate"),
        Equation(CA, tanh(x * Wca + hadamard(R, S_prev) * Wrecca), "candidate activation"),
        Equation(S, hadamard(ones(B, H) - Z, S_prev) + hadamard(Z, CA), "state"),
    ),
)
