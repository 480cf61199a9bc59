"""What `derive` returns: every equation of the derivation, open to inspection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.cell import Cell
from gru_codegen.derive.calculus import LocalDerivative
from gru_codegen.derive.normal_form import NormalEquation
from gru_codegen.losses import Loss
from gru_codegen.notation import LATEX, TEXT, Notation, Spelling, leaves

if TYPE_CHECKING:
    from gru_codegen.derive.unrolled import Unrolled

__all__ = ["AdjointEquation", "Derivation", "Gradient", "Shared"]


@dataclass(frozen=True)
class AdjointEquation:
    """dL/dv = 0 for one variable of the step: its adjoint as a sum over what reads it.

    Attributes
    ----------
    target: the adjoint, of the shape of `of`.
    of: the variable of the forward pass.
    carry: for a state, the adjoint that the next time step passes on; else None.
    terms: one proved local derivative for each equation of the step that reads `of`.
    expression: their sum, in natural order.
    """

    target: MatrixSymbol
    of: MatrixSymbol
    carry: MatrixSymbol | None
    terms: tuple[LocalDerivative, ...]
    expression: Any


@dataclass(frozen=True)
class Gradient:
    """The gradient of one weight: the sum over all time steps of `summand`."""

    target: MatrixSymbol
    weight: MatrixSymbol
    terms: tuple[LocalDerivative, ...]
    summand: Any


@dataclass(frozen=True)
class Shared:
    """A factor that more than one formula of the backward pass reads: computed once."""

    factor: Any
    readers: tuple[MatrixSymbol, ...]


@dataclass(frozen=True)
class Derivation:
    """The derivation of a cell's gradients, for a symbolic time step.

    Attributes
    ----------
    cell, loss: the declaration; the loss is already joined to the cell's output.
    equations: cell and loss in normal form, in the order of computation.
    adjoints: the adjoint equations in the order in which the backward pass computes them.
    carries: for each previous state and input its adjoint equation: what a step passes on.
    gradients: one for each weight, in the declared order.
    shared: the factors that several formulas read.
    notation: how all the symbols are ordered and written.
    """

    cell: Cell
    loss: Loss
    equations: tuple[NormalEquation, ...]
    adjoints: tuple[AdjointEquation, ...]
    gradients: tuple[Gradient, ...]
    shared: tuple[Shared, ...]
    notation: Notation

    def unroll(self, steps: int) -> Unrolled:
        """The same derivation written out for time steps 1 .. `steps`, with subscripts."""
        from gru_codegen.derive.unrolled import Unrolled

        return Unrolled.of(self, steps)

    @property
    def forward_equations(self) -> tuple[NormalEquation, ...]:
        """What a forward pass computes: the declared equations, and the parts of them that the
        backward pass reads; read their `declared` side."""
        formulas = [a.expression for a in self.adjoints] + [g.summand for g in self.gradients]
        read = {symbol for formula in formulas for symbol in leaves(formula)}
        return tuple(e for e in self.equations if not e.named_here or e.target in read)

    @property
    def local_derivatives(self) -> tuple[LocalDerivative, ...]:
        """Every derivative that SymPy took, each proved when it was taken."""
        terms = [a.terms for a in self.adjoints] + [g.terms for g in self.gradients]
        return tuple(term for some in terms for term in some)

    # --- writing ----------------------------------------------------------------------------

    def formulas(
        self, spelling: Spelling = TEXT
    ) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
        """Sections of the derivation: a heading, then rows (left side, right side, remark)."""

        def write(expression: Any) -> str:
            return self.notation.write(expression, spelling)

        sigma = {id(TEXT): "sum_t {}", id(LATEX): r"\sum_{{t=1}}^{{T}} {}"}[id(spelling)]
        yield (
            "Forward equations",
            [(write(e.target), write(e.expression), e.meaning) for e in self.cell.equations],
        )
        yield (
            "Normal form, which SymPy differentiates",
            [(write(e.target), write(e.expression), e.meaning) for e in self.equations],
        )
        cost = self.notation.write(self.loss.cost, spelling)
        yield "Loss", [("L", sigma.format(cost), self.loss.title)]
        yield (
            "Adjoint equations, for t = T .. 1",
            [
                (write(a.target), write(a.expression), f"adjoint of {self.notation.text(a.of)}")
                for a in self.adjoints
            ],
        )
        yield (
            "Gradients",
            [
                (write(g.target), sigma.format(write(g.summand)), f"gradient of {g.weight}")
                for g in self.gradients
            ],
        )
        yield (
            "Shared factors, each computed once",
            [
                (
                    write(s.factor),
                    "",
                    "read by " + ", ".join(self.notation.text(reader) for reader in s.readers),
                )
                for s in self.shared
            ],
        )

    def __str__(self) -> str:
        return _as_text(f"{self.cell.title}, {self.loss.title}", self.formulas())

    def _repr_latex_(self) -> str:
        """LaTeX for a notebook."""
        return _as_latex(self.formulas(LATEX))


def _as_text(title: str, sections: Iterator[tuple[str, list[tuple[str, str, str]]]]) -> str:
    blocks = [title]
    for heading, rows in sections:
        if not rows:
            continue
        left = max(len(row[0]) for row in rows)
        right = max(len(row[1]) for row in rows)
        lines = [
            f"    {target:<{left}} {'=' if value else ' '} {value:<{right}}   {remark}".rstrip()
            for target, value, remark in rows
        ]
        blocks.append("\n".join([heading, "", *lines]))
    return "\n\n".join(blocks)


def _as_latex(sections: Iterator[tuple[str, list[tuple[str, str, str]]]]) -> str:
    rows = [rf"{target} &= {value}" for _, lines in sections for target, value, _ in lines if value]
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"
