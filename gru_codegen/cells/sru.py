"""The simple recurrent unit: light recurrence with a highway connection.

Lei, Zhang, Wang, Dai and Artzi, "Simple Recurrent Units for Highly Parallelizable Recurrence",
2018, arXiv:1709.02755, equations 1 to 4. It carries C and puts out S. The highway adds the input to
the output, so the input size is the hidden size. The paper scales the highway by a constant at
initialisation, alpha; here alpha = 1. Its first versions had an activation on C in the output, and
gates without C_prev; these are the equations of the last.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid

x, C_prev = matrix("x", B, H), matrix("C_prev", B, H)
W, Wf, Wr = (matrix(name, H, H) for name in ("W", "Wf", "Wr"))
pf, bf, pr, br = (matrix(name, 1, H) for name in ("pf", "bf", "pr", "br"))
FG, C, R, S = (matrix(name, B, H) for name in ("FG", "C", "R", "S"))
every = ones(B, 1)

SRU = Cell(
    name="sru",
    title="simple recurrent unit",
    source="Lei et al. 2018, arXiv:1709.02755, equations 1 to 4",
    inputs=(x,),
    weights=(W, Wf, pf, bf, Wr, pr, br),
    states={C: C_prev},
    equations=(
        Equation(FG, sigmoid(x * Wf + hadamard(every * pf, C_prev) + every * bf), "forget gate"),
        Equation(C, hadamard(FG, C_prev) + hadamard(ones(B, H) - FG, x * W), "cell state"),
        Equation(R, sigmoid(x * Wr + hadamard(every * pr, C_prev) + every * br), "reset gate"),
        Equation(S, hadamard(R, C) + hadamard(ones(B, H) - R, x), "output"),
    ),
    output=S,
)
