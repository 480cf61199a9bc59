"""Equations of the optional arguments of a call, differentiated and proved like all others.

Lengths and mask: where a step is padding, past the length of a sample or masked, it keeps its
states, S_t = M_t o S_{t-1} + (1 - M_t) o S'_t, where S'_t is what the equation of S_t computes and
M_t is 1 in the rows of samples for which step t is padding, else 0. And what a function that is not
finite everywhere is applied to is a number in those rows.

Loss weights: V_t multiplies the row of each sample in the cost. A mean is the weight 1/(T B O) of
every number, or 1/(T B) of every label. The weights of all samples and steps, added up, take the
place of T B, which they are where all are 1.

Pullback: its caller adds to the adjoint of the last state, and takes the place of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace

from gru_codegen.derive.calculus import LocalDerivative, local_derivative
from gru_codegen.derive.formulas import AdjointEquation, Formulas
from gru_codegen.derive.proof import prove_equal, prove_known, prove_row_factor
from gru_codegen.derive.writing import mask_name
from gru_codegen.equations import matrix, size
from gru_codegen.names import free_name
from gru_codegen.notation import Notation, Shown, leaves, signed

__all__ = ["Blend", "Guard", "Hold", "Options", "Weighting", "options_of"]


@dataclass(frozen=True)
class Blend:
    """M o ended + (1 - M) o running: since M is 0 or 1, a selection of rows."""

    mask: MatrixSymbol
    ended: Any
    running: Any

    @property
    def expression(self) -> Any:
        """The blend as a sum, without the part that is zero."""
        rest = MatAdd(OneMatrix(*self.mask.shape), MatMul(-1, self.mask))  # in this order
        parts = [
            HadamardProduct(factor, value)
            for factor, value in ((self.mask, self.ended), (rest, self.running))
            if not isinstance(value, ZeroMatrix)
        ]
        return MatAdd(*parts) if len(parts) > 1 else (*parts, self.ended)[0]

    @classmethod
    def of(cls, where: str, formula: Any, mask: MatrixSymbol) -> Blend:
        """The `formula`, each term of which has the mask once or not at all, as a blend; proved."""
        blend = cls(mask, *(_at(formula, mask, number) for number in (1, 0)))
        prove_equal(where, blend.expression, formula, {})
        return blend


@dataclass(frozen=True, repr=False)
class Hold(Shown):
    """The equation of a state with padding.

    Attributes
    ----------
    state, computed: S_t, and S'_t, which is what its equation computes.
    adjoint, of_computed: the adjoints of the two.
    value: S_t as a blend.
    terms: the proved local derivatives of it, with respect to S_{t-1} and to S'_t.
    passed_on, into_step: the two as blends: what S_{t-1} gets at once, and the adjoint of S'_t.
    """

    state: MatrixSymbol
    computed: MatrixSymbol
    adjoint: MatrixSymbol
    of_computed: MatrixSymbol
    value: Blend
    terms: tuple[LocalDerivative, LocalDerivative]
    passed_on: Blend
    into_step: Blend

    def _sides(self) -> tuple[Any, ...]:
        return (self.state, self.value.expression)


@dataclass(frozen=True, repr=False)
class Guard(Shown):
    """The equation of a', which takes the place of any argument a that would be out of range.

    Attributes
    ----------
    argument, guarded, constant: a, a' and what it is where a step is padding.
    of_argument, of_guarded: the adjoints of a and a'.
    value: a' as a blend.
    term: the proved local derivative with respect to a.
    passed_on: the same as a blend, which is the adjoint of a.
    """

    argument: MatrixSymbol
    guarded: MatrixSymbol
    constant: MatrixSymbol
    of_argument: MatrixSymbol
    of_guarded: MatrixSymbol
    value: Blend
    term: LocalDerivative
    passed_on: Blend

    def _sides(self) -> tuple[Any, ...]:
        return (self.guarded, self.value.expression)


@dataclass(frozen=True, repr=False)
class Weighting(Shown):
    """The loss with weights.

    Attributes
    ----------
    weights: V, whose rows each hold one number.
    target, weighed: V o C, where the cost is a multiple of tr(A^T C), and what that is called.
    cost: the cost that reads it.
    adjoint: that of the target.
    terms: the proved local derivatives of the cost, then of the target.
    share: the weight of every target in a mean where all of `weights` are 1; 1 if the loss is none.
    seeds: for each adjoint of outputs that the loss gives, V o dO in terms of the adjoint without
        weights; proved.
    """

    weights: MatrixSymbol
    target: MatrixSymbol
    weighed: Any
    cost: Any
    adjoint: MatrixSymbol
    terms: tuple[LocalDerivative, ...]
    share: Any
    seeds: Mapping[MatrixSymbol, Any]

    def _sides(self) -> tuple[Any, ...]:
        return (self.target, self.weighed)


@dataclass(frozen=True, repr=False)
class Options:
    """The equations of all options; `notation` writes them.

    Attributes
    ----------
    holds: one for each state, in the declared order.
    guard: of the argument of a function that is not finite everywhere.
    last: for each state the adjoint that a pullback is given, and the proved derivative of
        <it, S_T> with respect to S_T, with which the carry begins.
    """

    holds: tuple[Hold, ...]
    guard: Guard
    weighting: Weighting
    last: Mapping[MatrixSymbol, LocalDerivative]
    notation: Notation

    def __repr__(self) -> str:
        states = ", ".join(str(hold.state) for hold in self.holds)
        return f"<Options: lengths, loss weights and pullback of {states}>"


def options_of(formulas: Formulas) -> Options:
    """Derive the equations of all options.

    Raises
    ------
    DerivationError: a derivative could not be proved, or the loss of a sample depends on others, so
        that it cannot be weighted.
    """
    return _Author(formulas).options()


class _Author:
    def __init__(self, formulas: Formulas) -> None:
        self.formulas = formulas
        self.names_in_use = {symbol.name for symbol in _symbols(formulas)}
        taken = "V" in self.names_in_use
        self.weights = free_name("V", self.names_in_use) if taken else "V"
        self.steps: dict[MatrixSymbol, tuple[str, int]] = {}
        self.adjoints: list[MatrixSymbol] = []
        self.mask = mask_name(formulas)

    def options(self) -> Options:
        """The equations, and a notation that has their symbols too."""
        by_variable = {adjoint.of: adjoint for adjoint in self.formulas.adjoints}
        states = self.formulas.cell.states
        holds = tuple(self._hold(state, before, by_variable) for state, before in states.items())
        guard = self._guard()
        weighting = self._weighting()
        last = {state: self._last(state) for state in states}
        known = self.formulas.notation
        notation = replace(
            known,
            adjoints=(*known.adjoints, *self.adjoints),
            steps={**known.steps, **self.steps},
        )
        return Options(holds, guard, weighting, last, notation)

    # --- lengths ----------------------------------------------------------------------------

    def _hold(
        self,
        state: MatrixSymbol,
        before: MatrixSymbol,
        by_variable: Mapping[MatrixSymbol, AdjointEquation],
    ) -> Hold:
        adjoint = by_variable[state].target
        computed, of_computed = self._timed(f"{state}'", state), self._timed(f"{adjoint}'", state)
        self.adjoints.append(of_computed)
        value = Blend(self._masking(state), before, computed)
        passed_on, into_step = (
            self._derivative(state.name, value, argument, adjoint)
            for argument in (before, computed)
        )
        return Hold(
            state,
            computed,
            adjoint,
            of_computed,
            value,
            (passed_on[0], into_step[0]),
            passed_on[1],
            into_step[1],
        )

    def _guard(self) -> Guard:
        alike = next(iter(self.formulas.cell.states))
        name = next(name for name in ("a", "u", "p", "arg") if name not in self.names_in_use)
        argument, guarded, of_argument, of_guarded = (
            self._timed(each, alike) for each in (name, f"{name}'", f"d{name}", f"d{name}'")
        )
        self.adjoints += [of_argument, of_guarded]
        constant = matrix(
            next(n for n in ("c", "k", "const") if n not in self.names_in_use), *alike.shape
        )
        value = Blend(self._masking(alike), constant, argument)
        term, passed_on = self._derivative(guarded.name, value, argument, of_guarded)
        return Guard(argument, guarded, constant, of_argument, of_guarded, value, term, passed_on)

    def _derivative(
        self, name: str, value: Blend, argument: MatrixSymbol, adjoint: MatrixSymbol
    ) -> tuple[LocalDerivative, Blend]:
        """The derivative of a blend, taken by SymPy of the blend multiplied out, and as a blend."""
        where = f"equation {name} with padding"
        multiplied_out = value.running + HadamardProduct(value.mask, value.ended)
        multiplied_out -= HadamardProduct(value.mask, value.running)
        prove_equal(where, value.expression, multiplied_out, {})
        term = local_derivative(where, multiplied_out, argument, adjoint)
        return term, Blend.of(where, term.expression, value.mask)

    def _masking(self, symbol: MatrixSymbol) -> MatrixSymbol:
        """The mask, laid over matrices of the shape of `symbol`."""
        return self._timed(self.mask, symbol)

    def _timed(self, name: str, alike: MatrixSymbol) -> MatrixSymbol:
        symbol = matrix(name, *alike.shape)
        self.steps[symbol] = (name, 0)
        return symbol

    # --- loss weights -----------------------------------------------------------------------

    def _weighting(self) -> Weighting:
        loss = self.formulas.loss
        where = f"loss {loss.name!r} with weights"
        coefficient, trace = loss.cost.as_coeff_Mul()
        left, right = trace.arg.args
        weights = self._timed(self.weights, right)
        target, adjoint = (
            self._timed(free_name(f"{d}V{right}", self.names_in_use), right) for d in ("", "d")
        )
        self.adjoints.append(adjoint)
        weighed = HadamardProduct(weights, right)
        cost = coefficient * Trace(MatMul(left, target))
        of_cost = [
            local_derivative(where, cost, argument)
            for argument in dict.fromkeys(leaves(cost))
            if argument != loss.target
        ]
        of_weighed = (
            []
            if right == loss.target
            else [local_derivative(where, weighed, right, adjoint, target)]
        )
        values: dict[MatrixSymbol, Any] = {target: weighed}
        values[adjoint] = next(term.expression for term in of_cost if term.argument == target)
        substituted = [
            replace(term, expression=term.expression.xreplace(values))
            for term in (*of_cost, *of_weighed)
        ]
        plain = self._seeds([term for a in self.formulas.adjoints for term in a.terms])
        if loss.known is not None:
            prove_known(where, loss, next(iter(plain.values())))
        multiplied = self._seeds(substituted)
        for seed, value in plain.items():
            prove_row_factor(where, weights, value, multiplied[seed])
        numbers = (size("T"), *loss.numbers)
        return Weighting(
            weights,
            target,
            weighed,
            cost,
            adjoint,
            (*of_cost, *of_weighed),
            1 / sp.Mul(*numbers) if loss.mean else sp.S.One,
            {seed: HadamardProduct(self._timed(self.weights, seed), seed) for seed in plain},
        )

    def _seeds(self, of_cost: list[LocalDerivative]) -> dict[MatrixSymbol, Any]:
        """The adjoints of outputs in forward values alone, with these derivatives of the cost.

        Those of the equations of the loss are what they are.
        """
        adjoints: dict[MatrixSymbol, Any] = {}
        of_loss = self.formulas.of_loss
        for adjoint in (each for each in self.formulas.adjoints if each.of in of_loss):
            terms = [term for term in adjoint.terms if term.of is not None]
            terms += [t for t in of_cost if t.argument == adjoint.of and t not in terms]
            parts = [term.expression.xreplace(adjoints) for term in terms]
            zero = ZeroMatrix(*adjoint.of.shape)
            adjoints[adjoint.target] = MatAdd(*parts) if len(parts) > 1 else (*parts, zero)[0]
        return {seed: adjoints[seed] for seed in self.formulas.seeds_of_loss}

    # --- pullback ---------------------------------------------------------------------------

    def _last(self, state: MatrixSymbol) -> LocalDerivative:
        adjoint = matrix(free_name(f"d_{state}", self.names_in_use), *state.shape)
        self.adjoints.append(adjoint)
        return local_derivative(f"the last {state}", Trace(adjoint.T * state), state)


def _at(formula: Any, mask: MatrixSymbol, number: int) -> Any:
    """The value of a sum of elementwise products where all of the `mask` is 0, or is 1."""
    coefficients: dict[Any, Any] = {}
    for term in formula.args if isinstance(formula, MatAdd) else (formula,):
        coefficient, rest = signed(term)
        factors = list(rest.args if isinstance(rest, HadamardProduct) else (rest,))
        if mask in factors:
            coefficient *= number
            factors.remove(mask)
        product = HadamardProduct(*factors) if len(factors) > 1 else factors[0]
        coefficients[product] = coefficients.get(product, 0) + coefficient
    terms = [
        product if coefficient == 1 else MatMul(coefficient, product)
        for product, coefficient in coefficients.items()
        if coefficient != 0
    ]
    return MatAdd(*terms) if len(terms) > 1 else (*terms, ZeroMatrix(*formula.shape))[0]


def _symbols(formulas: Formulas) -> Iterator[MatrixSymbol]:
    yield from formulas.notation.given
    yield from formulas.notation.computed
    yield from formulas.notation.adjoints
    yield from formulas.cell.fixed
