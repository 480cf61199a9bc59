"""Statements of optional arguments: lengths, loss weights, as in `derive.options`.

A state and what its equation computes, S_t and S'_t, have one variable, and so do their adjoints:
where a step is padding one is written over the other. Where lengths, mask or weights are not given,
nothing is done. ``A <- B`` in the text of an equation: A is changed in place.
"""

from __future__ import annotations

from dataclasses import replace

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.constants import stored_shape
from gru_codegen.derive import AdjointEquation, Blend, Derivation, Hold
from gru_codegen.derive.writing import mean_factor, written_loss
from gru_codegen.ir import Call, Expr, Formula, Ref, Statement
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
        self.holds = {hold.state: hold for hold in derivation.options.holds}
        self.notation = derivation.options.notation

    # --- lengths ----------------------------------------------------------------------------

    def hold(self, state: MatrixSymbol) -> Statement:
        """The state of a sample where a step is padding: the one before."""
        return self._selected(self.variables.refs[state], self.holds[state].value, state)

    def hold_adjoint(self, adjoint: AdjointEquation) -> list[Statement]:
        """Split the adjoint of a held state: one part is passed on, one goes into the step."""
        ref, hold = self.variables.refs[adjoint.target], self.holds[adjoint.of]
        held = self.variables.held(ref)
        return [
            self._selected(held, hold.passed_on, self._held_symbol(held, hold)),
            self._selected(ref, hold.into_step, hold.of_computed),
        ]

    def pass_on(self, adjoint: AdjointEquation) -> Statement:
        """Add to the carry the part that a sample passes on where a step is padding."""
        states = self.derivation.cell.states
        hold = next(self.holds[state] for state, before in states.items() if before == adjoint.of)
        ref = self.variables.refs[adjoint.target]
        held = self.variables.held(self.variables.refs[hold.adjoint])
        text, added = map(self.notation.text, (adjoint.target, self._held_symbol(held, hold)))
        return self._past_length(ref, Call("add", (ref, held)), f"{text} <- {text} + {added}")

    def _selected(self, target: Ref, blend: Blend, symbol: MatrixSymbol) -> Statement:
        """Blend by a mask of zeros and ones, as a selection: only the chosen side is read."""
        sides = (lowered(side, self.of_loss) for side in (blend.ended, blend.running))
        value = Call("select", (self.variables.ended(stored_shape(blend.mask)), *sides))
        text = f"{self.notation.text(symbol)} = {self.notation.text(blend.expression)}"
        return self._past_length(target, value, text)

    def _past_length(self, target: Ref, value: Expr, text: str) -> Statement:
        formula = Formula(text, "where a step is padding", target, value)
        return self.stated.statement("lengths", target.var.name, formula, given=("lengths",))

    def _held_symbol(self, held: Ref, hold: Hold) -> MatrixSymbol:
        """Symbol, in the text of equations, of the part of an adjoint held for the carry."""
        symbol = MatrixSymbol(held.var.name, *hold.adjoint.shape)
        steps = {**self.notation.steps, symbol: (held.var.name, 0)}
        self.notation = replace(self.notation, steps=steps)
        return symbol

    # --- the loss ---------------------------------------------------------------------------

    def loss(self) -> list[Statement]:
        """The loss, then the factors of a mean and of weights in the adjoints of outputs.

        Both are factors of every adjoint, so they enter where the adjoints begin. The weight of a
        sample multiplies its term, and so its row of those adjoints.
        """
        loss, state = self.derivation.loss, self.stated.statement
        value, text = self._mean(self._cost()), f"L = {written_loss(self.derivation)}"
        formula = Formula(text, loss.title, Ref(self.variables.loss), value)
        statements = [state("loss", "L", formula, accumulate=True)]
        for seed, weighted in self.derivation.options.weighting.seeds.items():
            target, name = self.variables.refs[seed], self.notation.text(seed)
            if loss.mean:
                text = f"{name} <- {mean_factor(loss)} {name}"
                mean = Formula(text, "for the mean", target, self._mean(target))
                statements.append(state("mean", target.var.name, mean))
            text = f"{name} <- {self.notation.text(weighted)}"
            value = lowered(self.notation.arrange(weighted), self.of_loss)
            weights = Formula(text, "with loss weights V", target, value)
            of_weights = state("loss weights", target.var.name, weights, given=("loss weights",))
            statements.append(of_weights)
        return statements

    def _cost(self) -> Expr:
        """The weighted cost of a step, which is the plain one where no weights are given."""
        weighting, variables = self.derivation.options.weighting, self.variables
        weights, weighed = weighting.weighed.args
        factors = (variables.refs[weights], lowered(weighed, self.of_loss))
        variables.inlined[weighting.target] = Call("weigh", factors)
        return lowered(weighting.cost, self.of_loss)

    def _mean(self, value: Expr) -> Expr:
        """`value` times the share of one number in a mean, which is none where it is a sum.

        That share alone depends on how many time steps there are: all else is the same for every T.
        """
        if self.derivation.options.weighting.share == 1:
            return value
        return Call("divide", (value, self.variables.count()))
