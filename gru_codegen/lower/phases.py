"""The phases of a program, and the equations of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import ZeroMatrix

from gru_codegen.derive import AdjointEquation, Derivation, Gradient, NormalEquation
from gru_codegen.derive.writing import known_adjoint, shift_rows
from gru_codegen.ir import (
    INTERMEDIATE,
    Call,
    Formula,
    Loop,
    Phase,
    Program,
    Statement,
    Var,
    validate,
)
from gru_codegen.lower.bounds import guard_products
from gru_codegen.lower.expressions import Scope, lowered
from gru_codegen.lower.options import Options
from gru_codegen.lower.stated import Stated
from gru_codegen.lower.variables import Variables

__all__ = ["lower"]


def lower(derivation: Derivation) -> Program:
    """The program of `derivation`: a forward, a loss and a backward phase, each a time loop.

    Raises
    ------
    ProgramError: a node that the program has no operation for.
    """
    return _Lowering(derivation).program()


class _Lowering:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.cell, self.loss = derivation.cell, derivation.loss
        self.text = derivation.notation.text
        self.variables = Variables(derivation)
        self.refs = self.variables.refs
        self.of_cell = Scope(self.variables, self.variables.ended)
        # A shift keeps what it is subtracted from in range.
        self.of_loss = Scope(self.variables, None if self.loss.shifts else self.variables.weights)
        self.outside = Scope(self.variables, None)
        self.stated = Stated()
        self.options = Options(derivation, self.of_loss, self.stated)
        self.ours = {equation.target for equation in self.cell.equations}

    def program(self) -> Program:
        """The phases: forward; loss, down to the adjoints of outputs; backward; inputs."""
        derivation, cell = self.derivation, self.cell
        own = self._own()
        of_inputs = [a for a in derivation.adjoints if a.of in cell.inputs]
        of_the_cell = [a for a in derivation.adjoints if a.of in own]
        of_the_loss = [a for a in derivation.adjoints if a.of not in {*own, *cell.inputs}]
        bodies = {
            "forward": tuple(guard_products(self._forward(), self.variables.ended)),
            "loss": (
                *self._cost(),
                *self._adjoints(of_the_loss, self.of_loss),
                *self.options.loss(),
            ),
            "backward": (
                *self._adjoints(of_the_cell, self.of_cell),
                *self._sums(),
            ),
            "inputs": tuple(self._adjoints(of_inputs, self.of_cell)),
        }
        outside = {"forward": tuple(self._fixed())}
        behind = {"backward": tuple(self._added_once())}
        phases = (
            Phase(
                name,
                (
                    *outside.get(name, ()),
                    Loop("reverse" if name == "backward" else "forward", body),
                    *behind.get(name, ()),
                ),
            )
            for name, body in bodies.items()
            if body  # no input may have a gradient
        )
        return validate(
            Program(
                cell.name,
                tuple(self.refs[weight].var for weight in cell.weights),
                tuple(phases),
                self._entries(),
                tuple(self.refs[output].var for output in cell.outputs),
                tuple(self.refs[seed].var for seed in derivation.seeds),
                tuple(
                    self.refs[a.target].var
                    for a in derivation.adjoints
                    if a.of in cell.states.values()
                ),
                equations=self.stated.table,
                constants=tuple(self.refs[constant].var for constant in cell.constants),
                made={
                    self.refs[constant].var.name: (made.name, made.numbers)
                    for constant, made in cell.constants.items()
                    if made is not None
                },
            )
        )

    def _own(self) -> set[MatrixSymbol]:
        """Symbols of the cell, not the loss: their adjoints are computed in the backward loop."""
        computed = {e.target for e in self.derivation.equations if e.origin.target in self.ours}
        return {*self.ours, *self.cell.states.values(), *computed} - self.derivation.of_loss

    # --- statements -------------------------------------------------------------------------

    def _fixed(self) -> Iterator[Statement]:
        """Statements of weights alone, before the time loop."""
        for equation in self.derivation.forward_equations:
            if not equation.is_timed:
                yield self._computed(equation, self.outside)

    def _forward(self) -> Iterator[Statement]:
        for equation in self.derivation.forward_equations:
            if equation.is_timed and equation.origin.target in self.ours:
                yield self._computed(equation, self.of_cell)
                if equation.target in self.cell.states:
                    yield self.options.hold(equation.target)

    def _cost(self) -> Iterator[Statement]:
        computed = [
            self._computed(equation, self.of_loss)
            for equation in self.derivation.forward_equations
            if equation.origin.target not in self.ours
        ]
        # O = S: O is but another name, and what is computed first reads that
        names = [statement for statement in computed if statement.target == statement.value]
        first, *others = (*self._shifts(), *computed[len(names) :])
        yield replace(first, origin=INTERMEDIATE.united(*(s.origin for s in names), first.origin))
        yield from others

    def _shifts(self) -> Iterator[Statement]:
        for shift, right in shift_rows(self.derivation).items():
            largest = Call("row_max", (lowered(self.loss.shifts[shift], self.of_loss),))
            text = f"{self.text(shift)} = {right}"
            formula = Formula(text, "shift", self.refs[shift], largest)
            yield self.stated.statement("forward", shift.name, formula)

    def _adjoints(self, adjoints: list[AdjointEquation], scope: Scope) -> Iterator[Statement]:
        for adjoint in adjoints:
            yield self._adjoint(adjoint, scope)
            if adjoint.of in self.cell.states:
                yield from self.options.hold_adjoint(adjoint)
            elif adjoint.of in self.cell.states.values():
                yield self.options.pass_on(adjoint)

    def _computed(self, equation: NormalEquation, scope: Scope) -> Statement:
        target, value = equation.target, equation.declared
        formula = self._formula(target, value, equation.meaning, scope)
        return self.stated.statement("forward", target.name, formula)

    def _adjoint(self, adjoint: AdjointEquation, scope: Scope) -> Statement:
        meaning = self.refs[adjoint.target].var.meaning
        formula = self._formula(adjoint.target, adjoint.factored, meaning, scope)
        known = known_adjoint(self.derivation)
        if known is not None and adjoint.target == self.derivation.seeds[0]:
            formula = replace(formula, text=f"{formula.text} = {known.text}")
        # passes choose how sums are factored, so the statement has its terms one by one
        value = lowered(adjoint.expression, scope)
        return self.stated.statement("adjoint", adjoint.of.name, formula, value)

    def _sums(self) -> Iterator[Statement]:
        """Sums in the loop: gradients, and adjoints of what is outside it."""
        for gradient in self.derivation.sums:
            if gradient.is_summed:
                yield self._gradient(gradient, gradient.summand, self.of_cell, accumulate=True)

    def _added_once(self) -> Iterator[Statement]:
        """Addends of them behind the time loop."""
        for gradient in self.derivation.sums:
            if not isinstance(gradient.once, ZeroMatrix):
                summed = gradient.is_summed
                yield self._gradient(gradient, gradient.once, self.outside, accumulate=summed)

    def _gradient(
        self, gradient: Gradient, part: Any, scope: Scope, *, accumulate: bool
    ) -> Statement:
        """The statement that computes a part of a gradient, under the equation of all of it."""
        target, total = self.refs[gradient.target], self.text(gradient.total)
        text = f"{self.text(gradient.target)} = {total}"
        formula = Formula(text, target.var.meaning, target, lowered(part, scope))
        subject = gradient.weight.name
        return self.stated.statement("gradient", subject, formula, accumulate=accumulate)

    def _formula(self, target: MatrixSymbol, value: Any, meaning: str, scope: Scope) -> Formula:
        text = f"{self.text(target)} = {self.text(value)}"
        return Formula(text, meaning, self.refs[target], lowered(value, scope))

    # --- entry points -----------------------------------------------------------------------

    def _entries(self) -> dict[str, tuple[Var, ...]]:
        derivation, cell = self.derivation, self.cell
        states = tuple(self.refs[state].var for state in cell.states)
        outputs = tuple(self.refs[output].var for output in cell.outputs)
        gradients = tuple(self.refs[g.target].var for g in derivation.gradients)
        inputs = [a.target for a in derivation.adjoints if a.of in cell.inputs]
        return {
            "forward": tuple(dict.fromkeys((*outputs, *states))),
            "loss": (self.variables.loss, *(self.refs[seed].var for seed in derivation.seeds)),
            "gradients": (*states, self.variables.loss, *gradients),
            "pullback": (*gradients, *(self.refs[symbol].var for symbol in inputs)),
        }
