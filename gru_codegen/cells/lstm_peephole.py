"""Long short-term memory with peepholes.

Graves, "Generating Sequences With Recurrent Neural Networks", 2013, arXiv:1308.0850, equations 7 to
11. Graves writes peepholes as diagonal matrices; here each is a vector, one weight per unit. The
input and the forget gate see the previous cell state, the output gate the new one.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev, C_prev = matrix("x", B, D), matrix("S_prev", B, H), matrix("C_prev", B, H)
Wi, Wf, Wca, Wo = (matrix(name, D, H) for name in ("Wi", "Wf", "Wca", "Wo"))
Wreci, Wrecf, Wrecca, Wreco = (matrix(name, H, H) for name in ("Wreci", "Wrecf", "Wrecca", "Wreco"))
pi, pf, po = (matrix(name, 1, H) for name in ("pi", "pf", "po"))
bi, bf, bca, bo = (matrix(name, 1, H) for name in ("bi", "bf", "bca", "bo"))
IG, FG, OG, CA = (matrix(name, B, H) for name in ("IG", "FG", "OG", "CA"))
S, C = matrix("S", B, H), matrix("C", B, H)
every = ones(B, 1)

LSTM_PEEPHOLE = Cell(
    name="lstm-peephole",
    title="long short-term memory with peepholes",
    source="Graves 2013, arXiv:1308.0850, equations 7 to 11",
    inputs=(x,),
    weights=(Wi, Wreci, pi, bi, Wf, Wrecf, pf, bf, Wca, Wrecca, bca, Wo, Wreco, po, bo),
    states={S: S_prev, C: C_prev},
    equations=(
        Equation(
            IG,
            sigmoid(x * Wi + S_prev * Wreci + hadamard(every * pi, C_prev) + every * bi),
            "input gate",
        ),
        Equation(
            FG,
            sigmoid(x * Wf + S_prev * Wrecf + hadamard(every * pf, C_prev) + every * bf),
            "forget gate",
        ),
        Equation(CA, tanh(x * Wca + S_prev * Wrecca + every * bca), "candidate activation"),
        Equation(C, hadamard(FG, C_prev) + hadamard(IG, CA), "cell state"),
        Equation(
            OG,
            sigmoid(x * Wo + S_prev * Wreco + hadamard(every * po, C) + every * bo),
            "output gate",
        ),
        Equation(S, hadamard(OG, tanh(C)), "state"),
    ),
)
