"""The simple recurrent network with tanh.

Elman, "Finding Structure in Time", Cognitive Science 14, 1990. Elman's units are logistic; tanh is
what is used today, and what PyTorch's RNN computes.
"""

from __future__ import annotations

from gru_codegen.cell import B, Cell, D, Equation, H, matrix, ones
from gru_codegen.functions import tanh

x, S_prev, S = matrix("x", B, D), matrix("S_prev", B, H), matrix("S", B, H)
W, Wrec, b = matrix("W", D, H), matrix("Wrec", H, H), matrix("b", 1, H)

RNN = Cell(
    name="rnn",
    title="simple recurrent network",
    source="Elman 1990, Cognitive Science 14, with tanh",
    inputs=(x,),
    weights=(W, Wrec, b),
    states={S: S_prev},
    equations=(Equation(S, tanh(x * W + S_prev * Wrec + ones(B, 1) * b), "state"),),
)
