"""The minimal gated unit: one gate forgets and resets.

Zhou, Wu, Zhang and Zhou, "Minimal Gated Unit for Recurrent Neural Networks", 2016,
arXiv:1603.09420. The forget gate at 1 writes the candidate: the sense of an update gate, whatever
its name. The biases are the paper's.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
Wf, Wrecf, bf = matrix("Wf", D, H), matrix("Wrecf", H, H), matrix("bf", 1, H)
Wca, Wrecca, bca = matrix("Wca", D, H), matrix("Wrecca", H, H), matrix("bca", 1, H)
FG, CA, S = (matrix(name, B, H) for name in ("FG", "CA", "S"))

MGU = Cell(
    name="mgu",
    title="minimal gated unit",
    source="Zhou, Wu, Zhang and Zhou 2016, arXiv:1603.09420",
    inputs=(x,),
    weights=(Wf, Wrecf, bf, Wca, Wrecca, bca),
    states={S: S_prev},
    equations=(
        Equation(FG, sigmoid(x * Wf + S_prev * Wrecf + ones(B, 1) * bf), "forget gate"),
        Equation(
            CA,
            tanh(x * Wca + hadamard(FG, S_prev) * Wrecca + ones(B, 1) * bca),
            "candidate activation",
        ),
        Equation(S, hadamard(ones(B, H) - FG, S_prev) + hadamard(FG, CA), "state"),
    ),
)
