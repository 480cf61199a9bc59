"""Long short-term memory with a forget gate.

Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997, with the forget
gate of Gers, Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12, 2000. They let
cell input and output pass through scaled logistic functions; here it is tanh, as in every
framework. No peepholes.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev, C_prev = matrix("x", B, D), matrix("S_prev", B, H), matrix("C_prev", B, H)
Wi, Wf, Wca, Wo = (matrix(name, D, H) for name in ("Wi", "Wf", "Wca", "Wo"))
Wreci, Wrecf, Wrecca, Wreco = (matrix(name, H, H) for name in ("Wreci", "Wrecf", "Wrecca", "Wreco"))
bi, bf, bca, bo = (matrix(name, 1, H) for name in ("bi", "bf", "bca", "bo"))
IG, FG, OG, CA = (matrix(name, B, H) for name in ("IG", "FG", "OG", "CA"))
S, C = matrix("S", B, H), matrix("C", B, H)

LSTM = Cell(
    name="lstm",
    title="long short-term memory",
    source="Hochreiter and Schmidhuber 1997; forget gate of Gers, Schmidhuber and Cummins 2000",
    inputs=(x,),
    weights=(Wi, Wreci, bi, Wf, Wrecf, bf, Wca, Wrecca, bca, Wo, Wreco, bo),
    states={S: S_prev, C: C_prev},
    equations=(
        Equation(IG, sigmoid(x * Wi + S_prev * Wreci + ones(B, 1) * bi), "input gate"),
        Equation(FG, sigmoid(x * Wf + S_prev * Wrecf + ones(B, 1) * bf), "forget gate"),
        Equation(OG, sigmoid(x * Wo + S_prev * Wreco + ones(B, 1) * bo), "output gate"),
        Equation(CA, tanh(x * Wca + S_prev * Wrecca + ones(B, 1) * bca), "candidate activation"),
        Equation(C, hadamard(FG, C_prev) + hadamard(IG, CA), "cell state"),
        Equation(S, hadamard(OG, tanh(C)), "state"),
    ),
)
