"""The gated recurrent unit whose reset gate acts after the recurrent product.

The variant of Cho et al. 2014, arXiv:1406.1078v1, that cuDNN computes, and so PyTorch, and Keras by
default: one recurrent product serves all gates. The update gate keeps the state (Z = 1 keeps it),
the opposite of Chung et al. 2014. The candidate has a recurrent bias of its own, brecca, inside the
reset; the two biases of the other gates only ever occur as a sum, so there is one.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
Wz, Wca, Wr = (matrix(name, D, H) for name in ("Wz", "Wca", "Wr"))
Wrecz, Wrecca, Wrecr = (matrix(name, H, H) for name in ("Wrecz", "Wrecca", "Wrecr"))
bz, bca, brecca, br = (matrix(name, 1, H) for name in ("bz", "bca", "brecca", "br"))
Z, R, CA, S = (matrix(name, B, H) for name in ("Z", "R", "CA", "S"))

GRU_RESET_AFTER = Cell(
    name="gru-reset-after",
    title="gated recurrent unit, reset after the product",
    source="cuDNN's variant of Cho et al. 2014, arXiv:1406.1078v1",
    inputs=(x,),
    weights=(Wz, Wrecz, bz, Wca, Wrecca, bca, brecca, Wr, Wrecr, br),
    states={S: S_prev},
    equations=(
        Equation(Z, sigmoid(x * Wz + S_prev * Wrecz + ones(B, 1) * bz), "update gate"),
        Equation(R, sigmoid(x * Wr + S_prev * Wrecr + ones(B, 1) * br), "reset gate"),
        Equation(
            CA,
            tanh(x * Wca + ones(B, 1) * bca + hadamard(R, S_prev * Wrecca + ones(B, 1) * brecca)),
            "candidate activation",
        ),
        Equation(S, hadamard(Z, S_prev) + hadamard(ones(B, H) - Z, CA), "state"),
    ),
)
