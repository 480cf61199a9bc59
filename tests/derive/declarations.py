"""Cells and losses that are there to be derived: each has a form that the GRU does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Rational, Trace

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import sigmoid, tanh
from gru_codegen.losses import Loss, O

x = matrix("x", B, D)
S, S_prev, C, C_prev = (matrix(name, B, H) for name in ("S", "S_prev", "C", "C_prev"))
F, G, IG, OG, Z = (matrix(name, B, H) for name in ("F", "G", "IG", "OG", "Z"))
Wf, Wg, Wi, Wo = (matrix(f"W{gate}", D, H) for gate in "fgio")
Uf, Ug, Ui, Uo = (matrix(f"U{gate}", H, H) for gate in "fgio")
bf, bg, pf = (matrix(name, 1, H) for name in ("bf", "bg", "pf"))
ONE, ROW = ones(B, H), ones(B, 1)


def cell(
    name: str,
    weights: tuple[Any, ...],
    equations: Mapping[Any, Any],
    states: Mapping[Any, Any] | None = None,
    output: Any = None,
) -> Cell:
    """A cell of input x, and of state S unless said otherwise."""
    return Cell(
        name=name,
        title=name,
        source="a test",
        inputs=(x,),
        weights=weights,
        states={S: S_prev} if states is None else states,
        equations=tuple(
            Equation(target, expression, f"matrix {target}")
            for target, expression in equations.items()
        ),
        output=output,
    )


CELLS = (
    cell(
        "two-states",
        (Wi, Ui, Wf, Uf, Wo, Uo, Wg, Ug),
        {
            IG: sigmoid(x * Wi + S_prev * Ui),
            F: sigmoid(x * Wf + S_prev * Uf),
            OG: sigmoid(x * Wo + S_prev * Uo),
            G: tanh(x * Wg + S_prev * Ug),
            C: hadamard(F, C_prev) + hadamard(IG, G),
            S: hadamard(OG, tanh(C)),
        },
        {S: S_prev, C: C_prev},
    ),
    cell(
        "minimal-gated",
        (Wf, Uf, Wg, Ug),
        {
            F: sigmoid(x * Wf + S_prev * Uf),
            G: tanh(x * Wg + hadamard(F, S_prev) * Ug),
            S: hadamard(ONE - F, S_prev) + hadamard(F, G),
        },
    ),
    cell(
        "several-outputs",  # nothing but the last one reads Wo
        (Wf, Uf, Wg, Wo),
        {
            F: sigmoid(x * Wf + S_prev * Uf),
            S: hadamard(F, S_prev) + hadamard(ONE - F, tanh(x * Wg)),
            OG: tanh(S * Uf + x * Wo),
        },
        output=(F, S, OG),
    ),
    cell("elman", (Wg, Ug), {S: tanh(x * Wg + S_prev * Ug)}),
    cell("linear", (Wg, Ug), {S: x * Wg + S_prev * Ug}),
    cell("coefficients", (Wg, Ug), {G: tanh((x * Wg + S_prev * Ug) / 2), S: S_prev / 2 - 3 * G}),
    cell(
        "three-factors",
        (Wf, Uf, Wg),
        {F: sigmoid(x * Wf + S_prev * Uf), G: tanh(x * Wg), S: hadamard(F, G, S_prev) + G},
    ),
    cell(
        "sums-in-a-product",
        (Wf, Uf, Wg),
        {
            F: sigmoid(x * Wf + S_prev * Uf),
            G: tanh(x * Wg),
            S: hadamard(F - G / 2, S_prev + G, ONE - F),
        },
    ),
    cell("a-square", (Wg, Ug), {G: tanh(x * Wg + S_prev * Ug), S: hadamard(G, G)}),
    cell(
        "powers",
        (Wg, Ug),
        {G: tanh(x * Wg + S_prev * Ug), S: hadamard(S_prev, G, S_prev) - hadamard(G, G, G)},
    ),
    cell(
        "product-of-a-sum",
        (Wf, Uf, Wg, Ug),
        {F: sigmoid(x * Wf + S_prev * Uf), S: tanh(x * Wg + (F - S_prev / 3) * Ug)},
    ),
    cell("sum-of-weights", (Wg, Uf, Ug), {S: tanh(x * Wg + S_prev * (Uf - Ug / 2) + S_prev * Uf)}),
    cell("product-of-weights", (Wg, Uf, Ug), {S: tanh(x * Wg * Uf + S_prev * Uf * Ug)}),
    cell("masked-weight", (Wg, Uf, Ug), {S: tanh(x * Wg + S_prev * hadamard(Uf, Ug))}),
    cell(
        "functions-of-functions",
        (Wf, Uf, Wg, Ug),
        {G: tanh(sigmoid(x * Wf + S_prev * Uf)), S: G + tanh(S_prev * Ug + sigmoid(x * Wg))},
    ),
    cell(
        "function-of-a-product",
        (Wg, Ug),
        {G: sigmoid(x * Wg), S: tanh(hadamard(G, S_prev * Ug, sigmoid(x * Wg)))},
    ),
    cell(
        "functions-in-a-product",
        (Wf, Uf, Wg),
        {
            S: hadamard(sigmoid(x * Wf + S_prev * Uf), S_prev)
            + hadamard(ONE - sigmoid(x * Wf + S_prev * Uf), tanh(x * Wg))
        },
    ),
    cell(
        "one-product-two-gates",
        (Wf, Uf),
        {
            F: sigmoid(x * Wf + S_prev * Uf),
            G: tanh(x * Wf + S_prev * Uf),
            S: hadamard(F, S_prev) + hadamard(ONE - F, G),
        },
    ),
    cell(
        "biases",
        (Wf, Uf, bf, Wg, Ug, bg),
        {
            F: sigmoid(x * Wf + S_prev * Uf + ROW * bf),
            G: tanh(x * Wg + hadamard(F, S_prev * Ug + ROW * bg)),
            S: hadamard(ONE - F, S_prev) + hadamard(F, G),
        },
    ),
    cell(
        "peephole",
        (Wf, Uf, pf, bf, Wg),
        {
            F: sigmoid(x * Wf + S_prev * Uf + hadamard(ROW * pf, C_prev) + ROW * bf),
            G: tanh(x * Wg),
            C: hadamard(F, C_prev) + hadamard(ONE - F, G),
            S: tanh(C + hadamard(ROW * pf, C)),
        },
        {S: S_prev, C: C_prev},
    ),
    cell(
        "output-is-no-state",
        (Wf, Wg),
        {F: sigmoid(x * Wf), C: hadamard(F, C_prev) + x * Wg, G: hadamard(F, tanh(C))},
        {C: C_prev},
        output=G,
    ),
)

P, Y, E, Q = (matrix(name, B, O) for name in ("P", "Y", "E", "Q"))


def loss(name: str, equations: Mapping[Any, Any], cost: Any) -> Loss:
    """A loss of prediction P and target Y."""
    return Loss(
        name=name,
        title=name,
        prediction=P,
        target=Y,
        equations=tuple(
            Equation(target, expression, f"matrix {target}")
            for target, expression in equations.items()
        ),
        cost=cost,
    )


LOSSES = (
    loss("inner", {}, -Trace(P.T * Y)),
    loss("two-thirds", {E: P - Y}, Rational(2, 3) * Trace(E.T * E)),
    loss("squashed", {E: tanh(P - Y), Q: hadamard(E, E)}, Trace(Q.T * E) + 0),
)
