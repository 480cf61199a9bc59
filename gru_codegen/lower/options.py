"""Statements of what a caller may give or leave out: lengths, loss weights; and of a mean.

A sample past its length keeps its state: S_t = M_t o S_{t-1} + (1 - M_t) o S_t, with M_t = 1 where
it has ended. That is a blend, whose adjoints are blends as well; each is a selection, since M is 0
or 1, and a selection does not read what it leaves out.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import AdjointEquation, Derivation
from gru_codegen.derive.writing import mask_name, mean_factor, written_loss
from gru_codegen.ir import Call, Const, Expr, Formula, Now, Ref, Statement
from gru_codegen.lower.expressions import Scope, lowered
from gru_codegen.lower.stated import Stated

__all__ = ["Options"]


class Options:
    """The statements that options add to those of `derivation`."""

    def __init__(self, derivation: Derivation, of_loss: Scope, stated: Stated) -> None:
        self.derivation = derivation
        self.of_loss = of_loss
        self.variables = of_loss.variables
        self.stated = stated
        self.text = derivation.notation.text
        self.mask = f"{mask_name(derivation)}_t"

    def hold(self, state: MatrixSymbol) -> Statement:
        """The state of a sample past its length: the one before."""
        here = self.variables.refs[state]
        text = self.text(state)
        before, mask = f"{state}_{{t-1}}", self.mask
        ended = self.variables.ended(here.var.shape)
        kept = Call("select", (ended, replace(here, when=Now(-1)), here))
        return self._past_length(here, kept, f"{text} = {mask} o {before} + (1 - {mask}) o {text}")

    def hold_adjoint(self, adjoint: AdjointEquation) -> list[Statement]:
        """The adjoint of a held state in two: what is passed on, what goes into the step."""
        here = self.variables.refs[adjoint.target]
        text, zero = self.text(adjoint.target), Const(Fraction(0))
        ended, held = self.variables.ended(here.var.shape), self.variables.held(here)
        held_text = text.replace(adjoint.target.name, held.var.name, 1)
        keep, leave = Call("select", (ended, here, zero)), Call("select", (ended, zero, here))
        return [
            self._past_length(held, keep, f"{held_text} = {self.mask} o {text}"),
            self._past_length(here, leave, f"{text} = (1 - {self.mask}) o {text}"),
        ]

    def pass_on(self, adjoint: AdjointEquation) -> Statement:
        """The carry with what a sample past its length passes on."""
        here, text = self.variables.refs[adjoint.target], self.text(adjoint.target)
        state = next(s for s, p in self.derivation.cell.states.items() if p == adjoint.of)
        of = next(a.target for a in self.derivation.adjoints if a.of == state)
        held = self.variables.held(self.variables.refs[of])
        held_text = self.text(of).replace(of.name, held.var.name, 1)
        return self._past_length(here, Call("add", (here, held)), f"{text} = {text} + {held_text}")

    def _past_length(self, target: Ref, value: Expr, text: str) -> Statement:
        formula = Formula(text, "past its length", target, value)
        return self.stated.statement("lengths", target.var.name, formula, given=("lengths",))

    def loss(self) -> list[Statement]:
        """The loss, and what a mean and weights make of the adjoint of the outputs.

        Both are factors of every adjoint, so they enter where the adjoints begin. The weight of a
        sample multiplies its term, and so its row of that adjoint.
        """
        loss, seed = self.derivation.loss, self.variables.refs[self.derivation.seed]
        state, name = self.stated.statement, self.text(self.derivation.seed)
        value = self._mean(lowered(loss.cost, self.of_loss))
        text = f"L = {written_loss(self.derivation)}"
        formula = Formula(text, loss.title, Ref(self.variables.loss), value)
        statements = [state("loss", "L", formula, accumulate=True)]
        if loss.mean:
            text = f"{name} = {mean_factor(loss)} {name}"
            mean = Formula(text, "for the mean", seed, self._mean(seed))
            statements.append(state("mean", seed.var.name, mean))
        weighed = Call("multiply", (seed, self.variables.weights(seed.var.shape)))
        weights = Formula(f"{name} = V_t o {name}", "with loss weights V", seed, weighed)
        statements.append(state("loss weights", seed.var.name, weights, given=("loss weights",)))
        return statements

    def _mean(self, value: Expr) -> Expr:
        """`value` divided by how many numbers are predicted, if the loss is a mean of them.

        That number is the only thing that depends on how many time steps there are: the step is
        derived for a symbolic t and without any T, the same for every T. So the derivation is that
        of the sum, and the factor is taken in here.
        """
        if not self.derivation.loss.mean:
            return value
        return Call("divide", (value, self.variables.count()))
