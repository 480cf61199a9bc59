"""The result of `derive`: every equation of the derivation, open to inspection."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from html import escape

from gru_codegen.derive.formulas import Formulas
from gru_codegen.derive.options import Options, options_of
from gru_codegen.derive.unrolled import Unrolled
from gru_codegen.derive.writing import (
    Row,
    adjoint_rows,
    aligned,
    forward_rows,
    gradient_rows,
    html_table,
    listed,
    loss_row,
    normal_rows,
    text_lines,
)
from gru_codegen.errors import CellError
from gru_codegen.notation import TEXT

__all__ = ["Derivation"]


class Derivation(Formulas):
    """The derivation of a cell's gradients; prints as text, in a notebook as LaTeX."""

    def unroll(self, steps: int) -> Unrolled:
        """The same derivation written out for time steps 1 .. `steps`, with subscripts."""
        return Unrolled.of(self, steps)

    @cached_property
    def options(self) -> Options:
        """The equations of lengths, loss weights and pullbacks, derived and proved likewise."""
        return options_of(self)

    def require_in_steps(self, what: str) -> None:
        """Raise CellError if something is computed outside the time loop, which `what` takes apart.

        what: a use of the derivation that knows equations of time steps alone.
        """
        once = [equation for equation in self.equations if not equation.is_timed]
        for equation in sorted(once, key=lambda equation: equation.named_here):
            raise CellError(
                f"cell {self.cell.name!r}: {what} is of the equations of time steps alone, and "
                f"{equation.target} is computed once, of weights alone"
            )

    # --- writing ----------------------------------------------------------------------------

    def __repr__(self) -> str:
        gradients = ", ".join(str(gradient.target) for gradient in self.gradients)
        return f"<Derivation of {self.cell.name}, {self.loss.name}: {gradients}>"

    def __str__(self) -> str:
        factors = {self.notation.text(s.factor): s.readers for s in self.shared}
        width = max(map(len, factors), default=0)
        shared = [
            f"{factor:<{width}}   read by {self.notation.prose(listed(readers), TEXT)}"
            for factor, readers in factors.items()
        ]
        sections = {heading: self._lines(rows) for heading, rows in self._sections().items()}
        sections["Shared factors, each computed once"] = shared
        blocks = [f"{self.cell.title}, {self.loss.title}"]
        for heading, lines in sections.items():
            if lines:
                blocks.append("\n".join([heading, "", *(f"    {line}" for line in lines)]))
        return "\n\n".join(blocks)

    def _sections(self) -> dict[str, Sequence[Row]]:
        """The equations by their headings."""
        return {
            "Forward equations": forward_rows(self),
            "Normal form, which SymPy differentiates": normal_rows(self),
            "Loss": [loss_row(self)],
            "Adjoint equations, for t = T .. 1": adjoint_rows(self, self.adjoints),
            "Adjoints outside the time loop": gradient_rows(self.outside),
            "Gradients": gradient_rows(self.gradients),
        }

    def _lines(self, rows: Sequence[Row]) -> list[str]:
        return list(text_lines([rows], self.notation))

    def _repr_html_(self) -> str:
        """The sections as tables of MathML, which needs nothing else to be shown."""
        tables = [
            f"<h4>{escape(heading)}</h4>{html_table(rows, self.notation)}"
            for heading, rows in self._sections().items()
            if rows
        ]
        return f"<p>{escape(self.cell.title)}, {escape(self.loss.title)}</p>{''.join(tables)}"

    def _repr_latex_(self) -> str:
        """LaTeX for a notebook: every name that the formulas use is defined in it."""
        declared = {e.target for e in self.cell.equations}
        return aligned(
            (
                forward_rows(self),
                [row for row in normal_rows(self) if row.left not in declared],
                [loss_row(self)],
                adjoint_rows(self, self.adjoints),
                gradient_rows(self.sums),
            ),
            self.notation,
        )
