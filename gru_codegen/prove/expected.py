"""The results that a module has to give at a point, by the derivation.

Its equations are evaluated as they stand, with those of the options that a call is given. Then they
are held to the declared equations on dual numbers, with which they share no derivative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gru_codegen.derive import Derivation, NormalEquation
from gru_codegen.evaluate import Evaluation, Expressions, evaluate_declaration
from gru_codegen.outputs import as_tuple
from gru_codegen.prove.dual import along, duals, exact, still
from gru_codegen.prove.points import PADDING, Given, Point

__all__ = ["Backward", "Forward", "Reference"]

Array = Any
Steps = list[dict[Any, Any]]


@dataclass(frozen=True)
class Forward:
    """The values of every step, each output (T, B, n), and the last states by name."""

    steps: Steps
    outputs: tuple[Array, ...]
    states: Mapping[str, Array]


@dataclass(frozen=True)
class Backward:
    """Gradients by the name of a weight, those of inputs (T, B, n), None where there is none, and
    of the first states.

    terms: for each weight its gradient's terms, of the use of the weight at every step.
    """

    terms: Mapping[str, list[Array]]
    weights: Mapping[str, Array]
    inputs: Mapping[str, Array | None]
    states: Mapping[str, Array]


class _Equations:
    """The equations of a derivation at one point, each forward pass made once."""

    def __init__(self, derivation: Derivation, point: Point) -> None:
        self.derivation, self.point = derivation, point
        self.known = Expressions(exact(point.field))
        self.zero, self.one = map(point.field.element, (0, 1))
        self._forward: dict[Any, Forward] = {}

    # --- forward ----------------------------------------------------------------------------

    def forward(self, given: Given) -> Forward:
        """Run the equations in normal form."""
        key = given & {"s0", *PADDING}
        if key not in self._forward:
            self._forward[key] = self._run(key)
        return self._forward[key]

    def _run(self, given: Given) -> Forward:
        point, cell, padding = self.point, self.derivation.cell, self.point.padding(given)
        current = self.first_states(given)
        steps: Steps = []
        for t in range(point.T):
            values = self._given(t)
            values |= {before: current[s.name] for s, before in cell.states.items()}
            for equation in self._of_a_step:
                self._shift(values)
                values[equation.target] = self.known(equation.expression, values)
                if given & PADDING and equation.target in cell.states:
                    self._hold(values, equation.target, padding[t])
            current = {state.name: values[state] for state in cell.states}
            steps.append(values)
        kept = ~padding[:, :, None]
        outputs = (np.array([values[each] for values in steps]) for each in cell.outputs)
        return Forward(steps, tuple(_where(kept, each, self.zero) for each in outputs), current)

    def values(self, given: Given) -> dict[str, Array]:
        """Every value of the equations by name, (T, B, n), 0 for padding but for states."""
        states, kept = self.derivation.cell.states, ~self.point.padding(given)
        values = {}
        for equation in self._of_a_step:
            symbol = equation.target
            found = np.array([step[symbol] for step in self.forward(given).steps])
            if symbol not in states:
                found = _where(kept[:, :, None], found, self.zero)
            values[symbol.name] = found
        return values

    def first_states(self, given: Given) -> dict[str, Array]:
        """The initial states by name, all zero unless they are given."""
        return {n: each * ("s0" in given) for n, each in self.point.states.items()}

    @property
    def _of_a_step(self) -> list[NormalEquation]:
        return [equation for equation in self.derivation.equations if equation.is_timed]

    def _given(self, t: int) -> dict[Any, Any]:
        point, cell = self.point, self.derivation.cell
        inputs = {x: each[t] for x, each in zip(cell.inputs, point.inputs, strict=True)}
        return {**self.fixed, **inputs, self.derivation.loss.target: point.numbers[t]}

    @cached_property
    def fixed(self) -> dict[Any, Any]:
        """All that is the same at every step: weights, what is made of them alone, and sizes."""
        point, cell = self.point, self.derivation.cell
        values: dict[Any, Any] = {w: np.atleast_2d(point.weights[w.name]) for w in cell.fixed}
        symbols = (*cell.inputs, *cell.fixed, *cell.states, *cell.outputs)
        sizes = {n for s in symbols for n in s.shape if n.is_Symbol}
        values |= {n: point.sizes[str(n)] for n in sizes}
        for equation in self.derivation.equations:
            if not equation.is_timed:
                values[equation.target] = self.known(equation.expression, values)
        return values

    def summed(
        self, terms: Mapping[Any, list[Array]]
    ) -> tuple[dict[str, list[Array]], dict[str, Array]]:
        """The `terms` of all steps by the name of a weight, and the gradients; as weights are."""
        values = dict(self.fixed)
        for each in self.derivation.sums:
            once = self.known(each.once, values)
            values[each.target] = np.stack(terms[each.weight]).sum(axis=0) + once
        stored = {g: self.point.weights[g.weight.name].shape for g in self.derivation.gradients}
        return (
            {g.weight.name: [t.reshape(own) for t in terms[g.weight]] for g, own in stored.items()},
            {g.weight.name: values[g.target].reshape(own) for g, own in stored.items()},
        )

    def _shift(self, values: dict[Any, Any]) -> None:
        for shift, above in self.derivation.loss.shifts.items():
            if above in values and shift not in values:
                largest = values[above].max(axis=1, keepdims=True)
                values[shift] = np.broadcast_to(largest, values[above].shape)

    def _hold(self, values: dict[Any, Any], state: Any, padding: Array) -> None:
        hold = self._holds[state]
        given = {
            **values,
            hold.value.mask: self._mask(state, padding),
            hold.computed: values[state],
        }
        values[state] = self.known(hold.value.expression, given)

    @property
    def _holds(self) -> dict[Any, Any]:
        return {hold.state: hold for hold in self.derivation.options.holds}

    def _mask(self, symbol: Any, padding: Array) -> Array:
        """M_t, 1 in the rows of `padding` (B,), over matrices of the shape of `symbol`."""
        columns = self.point.sizes.get(str(symbol.shape[1]), 1)
        return _where(np.repeat(padding[:, None], columns, 1), self.one, self.zero)


class Reference(_Equations):
    """The derivation at one point, each result made once."""

    def __init__(self, derivation: Derivation, point: Point) -> None:
        super().__init__(derivation, point)
        self.duals = duals(point.field)
        self._backward: dict[Any, Backward] = {}
        self._loss: dict[Given, Any] = {}
        self._evaluated: dict[Given, tuple[Evaluation, list[Array]]] = {}

    # --- backward ---------------------------------------------------------------------------

    def backward(self, given: Given, *, pullback: bool = False) -> Backward:
        """Run the adjoint equations; of a `pullback` they begin with what its caller gives."""
        key = given, pullback
        if key not in self._backward:
            self._backward[key] = self._run_back(*key)
        return self._backward[key]

    def _run_back(self, given: Given, pullback: bool) -> Backward:
        derivation, cell = self.derivation, self.derivation.cell
        forward = self.forward(given)
        terms: dict[Any, list[Array]] = {each.weight: [] for each in derivation.sums}
        inputs: dict[Any, list[Array]] = {x: [] for x in cell.differentiated}
        carries = {
            before: self.point.d_states[s.name] * ("d_state" in given)
            for s, before in cell.states.items()
        }
        for t in reversed(range(self.point.T)):
            values = dict(forward.steps[t])
            self._step_back(values, carries, t, given, pullback)
            for gradient in derivation.sums:
                terms[gradient.weight].insert(0, self.known(gradient.summand, values))
            by_variable = {adjoint.of: adjoint.target for adjoint in derivation.adjoints}
            for x, gathered in inputs.items():
                gathered.insert(0, values[by_variable[x]])
            carries = {before: values[by_variable[before]] for before in carries}
        return Backward(
            *self.summed(terms),
            {x.name: np.array(inputs[x]) if x in inputs else None for x in cell.inputs},
            {state.name: carries[before] for state, before in cell.states.items()},
        )

    def _step_back(
        self,
        values: dict[Any, Any],
        carries: Mapping[Any, Array],
        t: int,
        given: Given,
        pullback: bool,
    ) -> None:
        derivation, cell = self.derivation, self.derivation.cell
        held: dict[Any, Array] = {}
        for adjoint in derivation.adjoints:
            if adjoint.carry is not None:
                values[adjoint.carry] = carries[cell.states[adjoint.of]]
            if not (pullback and adjoint.of in derivation.of_loss):
                values[adjoint.target] = self.known(adjoint.factored, values)
            if adjoint.target in derivation.seeds:
                values[adjoint.target] = self._seeded(adjoint.target, values, t, given, pullback)
            if not given & PADDING:
                continue
            if adjoint.of in cell.states:
                hold = self._holds[adjoint.of]
                values[hold.value.mask] = self._mask(adjoint.of, self.point.padding(given)[t])
                held[cell.states[adjoint.of]] = self.known(hold.passed_on.expression, values)
                values[adjoint.target] = self.known(hold.into_step.expression, values)
            elif adjoint.of in held:
                values[adjoint.target] = values[adjoint.target] + held[adjoint.of]

    def _seeded(
        self, seed: Any, values: Mapping[Any, Any], t: int, given: Given, pullback: bool
    ) -> Array:
        """The adjoint of an output of a step, with everything that multiplies it."""
        factor = self.row_weights(given)[t][:, None]
        if pullback:
            rows = np.where(self.point.padding(given)[t], 0, 1)
            return self.point.d_outputs[self.derivation.seeds.index(seed)][t] * rows[:, None]
        return values[seed] * factor / self.count(given)

    def row_weights(self, given: Given) -> Array:
        """The weight of each sample of each step, (T, B), 0 for padding."""
        point = self.point
        weights = np.full((point.T, point.sizes["B"]), point.field.element(1))
        if "loss_weights" in given:
            weights = point.loss_weights
        if "loss_weights by step" in given:
            weights = weights * point.step_weights[:, None]
        if "errors" in given:
            weights = weights * point.errors[:, None]
        return _where(point.padding(given), self.zero, weights)

    def count(self, given: Given) -> Any:
        """The divisor of a mean: the weights of all targets, added up; else 1."""
        loss = self.derivation.loss
        if not loss.mean:
            return 1
        columns = loss.columns(self.point.numbers.shape[2])
        return self.row_weights(given - {"errors"}).sum() * columns

    def loss(self, given: Given) -> Any:
        """The loss: the weighted cost of the derivation, step by step."""
        if given not in self._loss:
            self._loss[given] = self._costs(given)
        return self._loss[given]

    def _costs(self, given: Given) -> Any:
        weighting = self.derivation.options.weighting
        total: Any = self.zero
        steps = self.forward(given).steps
        for values, weights in zip(steps, self.row_weights(given), strict=True):
            columns = self.point.numbers.shape[2]
            rows = np.repeat(weights[:, None], columns, axis=1)
            weighed = {**values, weighting.weights: rows}
            weighed[weighting.target] = self.known(weighting.weighed, weighed)
            total = total + self.known(weighting.cost, weighed)
        return total / self.count(given)

    # --- the declaration --------------------------------------------------------------------

    def runs_as_declared(self, given: Given) -> bool:
        """Return whether the declared equations have the same outputs, states and loss."""
        found, forward = self._declared(given)[0], self.forward(given)
        loss = self._of_costs(found, given)
        outputs = as_tuple(found.outputs)
        pairs: list[tuple[Any, Any]] = list(zip(outputs, forward.outputs, strict=True))
        pairs.append(([loss], [self.loss(given)]))
        pairs += [(found.states[name], last) for name, last in forward.states.items()]
        flat = ((np.ravel(duals), np.ravel(right)) for duals, right in pairs)
        return all(a.value == b for d, e in flat for a, b in zip(d, e, strict=True))

    def differentiates_as_declared(self, given: Given, *, pullback: bool = False) -> bool:
        """Return whether their derivative is the same that the gradients give.

        It is taken along one random direction of all weights, first states, and inputs with a
        gradient.
        """
        found, directions = self._declared(given)
        back = self.backward(given, pullback=pullback)
        of_inputs = (each for each in back.inputs.values() if each is not None)
        gradients = (*back.weights.values(), *of_inputs, *back.states.values())
        slopes = [np.sum(g * d) for g, d in zip(gradients, directions, strict=True)]
        total = self._of_outputs(found) if pullback else self._of_costs(found, given)
        total = total + self._of_states(found) * ("d_state" in given)
        return bool(total.slope == sum(slopes))

    def _of_costs(self, found: Evaluation, given: Given) -> Any:
        return (found.costs * self.row_weights(given)).sum() / self.count(given)

    def _of_outputs(self, found: Evaluation) -> Any:
        """The function of outputs that a pullback differentiates."""
        pairs = zip(as_tuple(found.outputs), self.point.d_outputs, strict=True)
        return sum((output * adjoint).sum() for output, adjoint in pairs)

    def _of_states(self, found: Evaluation) -> Any:
        """The function of last states that is added to it, or to the loss."""
        return sum((last * self.point.d_states[n]).sum() for n, last in found.states.items())

    def _declared(self, given: Given) -> tuple[Evaluation, list[Array]]:
        """The declared equations on dual numbers, and the direction in which these move."""
        given = given & {"s0", *PADDING}
        if given not in self._evaluated:
            moved, directions = self._moved(given)
            found = evaluate_declaration(
                self.derivation.cell,
                self.derivation.loss,
                *moved,
                ended=self.point.padding(given),
                domain=self.duals,
            )
            self._evaluated[given] = found, directions
        return self._evaluated[given]

    def _moved(self, given: Given) -> tuple[tuple[Any, ...], list[Array]]:
        """The arguments as dual numbers, and the direction in which they move."""
        point, directions = self.point, []

        def moved(name: str, values: Array) -> Array:
            directions.append(point.field.drawn(f"direction of {name}", np.shape(values)))
            return along(values, directions[-1])

        learned = {weight.name for weight in point.cell.weights}
        weights = {
            name: moved(name, each) if name in learned else still(each, self.zero)
            for name, each in point.weights.items()
        }
        inputs = [
            moved(f"input {i}", each) if x in point.cell.differentiated else still(each, self.zero)
            for i, (x, each) in enumerate(zip(point.cell.inputs, point.inputs, strict=True))
        ]
        states = {n: moved(f"{n}_0", each) for n, each in self.first_states(given).items()}
        return (weights, inputs, still(point.numbers, self.zero), states), directions


def _where(condition: Array, chosen: Any, other: Any) -> Array:
    """A selection from elements, of which NumPy's types know nothing."""
    return np.where(condition, chosen, other)
