"""A loss: what is minimised, declared in SymPy like a cell.

A loss compares the prediction of one time step with its target. ``O`` is the output size; which
matrix is the prediction, and so what O is, is known when the loss is joined to a cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.trace import Trace

from gru_codegen.cell import B, Equation, check_equations, matrix, size
from gru_codegen.errors import CellError
from gru_codegen.notation import leaves

__all__ = ["L2", "Loss", "losses"]

O = size("O")  # noqa: E741  # the output size is called O throughout


@dataclass(frozen=True, eq=False)
class Loss:
    """The cost of one time step; the loss is its sum over all steps.

    Attributes
    ----------
    name, title: the name on the command line, the name in words.
    prediction, target: what is compared, each (B, O).
    equations: computed in order from the two.
    cost: a rational multiple of one trace, the scalar that a step adds to the loss.

    Raises
    ------
    CellError: names the equation at fault.
    """

    name: str
    title: str
    prediction: MatrixSymbol
    target: MatrixSymbol
    equations: tuple[Equation, ...]
    cost: Any

    def __post_init__(self) -> None:
        where = f"loss {self.name!r}"
        given = (self.prediction, self.target)
        check_equations(where, given, self.equations)
        _, trace = self.cost.as_coeff_Mul()
        if not isinstance(trace, Trace):
            raise CellError(
                f"{where}: the cost {self.cost} is not a rational multiple of one trace"
            )
        known = {*given, *(equation.target for equation in self.equations)}
        for symbol in leaves(trace):
            if symbol not in known:
                raise CellError(f"{where}, cost: {symbol} is not declared")

    def of(self, prediction: MatrixSymbol) -> Loss:
        """The same loss of this `prediction`, which is (B, n): O becomes n."""
        sizes = {O: prediction.shape[1]}
        bound = {self.prediction.subs(sizes): prediction}

        def bind(expression: Any) -> Any:
            return expression.subs(sizes).xreplace(bound)

        equations = (
            replace(e, target=e.target.subs(sizes), expression=bind(e.expression))
            for e in self.equations
        )
        return replace(
            self,
            prediction=prediction,
            target=self.target.subs(sizes),
            equations=tuple(equations),
            cost=bind(self.cost),
        )


P, Y, E = (matrix(name, B, O) for name in ("P", "Y", "E"))

L2 = Loss(
    name="l2",
    title="L2 cost, at every time step",
    prediction=P,
    target=Y,
    equations=(Equation(E, P - Y, "error"),),
    cost=Trace(E.T * E) / 2,
)

#: The losses that come with the package, by name.
losses: dict[str, Loss] = {loss.name: loss for loss in (L2,)}
