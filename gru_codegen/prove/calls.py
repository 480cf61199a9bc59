"""The calls of a module's functions at one point, and the results that each has to give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gru_codegen.modules import is_forward_alone
from gru_codegen.prove.expected import Reference
from gru_codegen.prove.points import Given, Point

__all__ = ["Call", "calls"]

#: The optional arguments of the calls of each entry point, in the order in which they are made.
#: Those that compute gradients share their lines: of these, of those with "d_state" and of those
#: with "s0", some reach every step with a sample that is real and one that is padding, by lengths
#: and by masks; and with a weight that is not 0.
GIVEN: dict[str, tuple[Given, ...]] = {
    "loss_and_gradients": (
        frozenset({"s0"}),
        frozenset({"s0", "loss_weights", "short lengths"}),
        frozenset({"loss_weights by step", "mask"}),
    ),
    "loss": (
        frozenset({"s0", "short lengths"}),
        frozenset({"s0", "loss_weights"}),
        frozenset({"s0"}),
        frozenset({"s0", "loss_weights by step", "lengths", "mask"}),
    ),
    "forward": (
        frozenset({"s0", "short lengths"}),
        frozenset({"s0"}),
        frozenset({"mask by twos"}),
    ),
    "all_gradients": (
        frozenset({"s0", "d_state", "loss_weights", "lengths"}),
        frozenset({"d_state", "loss_weights by step", "mask by twos"}),
        frozenset({"s0", "d_state"}),
        frozenset({"s0"}),
    ),
    "vjp": (
        frozenset({"s0", "short lengths", "d_state"}),
        frozenset({"s0"}),
        frozenset({"s0", "d_state", "no inputs", "mask"}),
    ),
    "credit": (frozenset({"s0"}), frozenset({"s0", "loss_weights", "lengths", "mask"})),
    "trace": (frozenset({"s0", "lengths"}), frozenset({"s0"}), frozenset({"mask"})),
}
#: The entry points that not every kernel has.
_OPTIONAL = ("all_gradients", "credit", "trace")


class Call(NamedTuple):
    """A call of an entry point with the optional arguments that are `given`.

    run: makes the call, with a workspace if it is given one, and returns its results by name.
    expected: the same results, from the derivation.
    """

    entry_point: str
    given: Given
    run: Callable[[Any], dict[str, Any]]
    expected: Callable[[], dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.entry_point} with {', '.join(sorted(self.given))}"


def calls(module: Any, reference: Reference) -> Iterator[Call]:
    """Every entry point of `module` with every kind of optional argument."""
    made = _Calls(module, reference)
    needed = ("forward",) if is_forward_alone(module) else set(GIVEN) - set(_OPTIONAL)
    names = [name for name in GIVEN if name in needed or hasattr(module, name)]
    return (getattr(made, name)(given) for name in names for given in GIVEN[name])


class _Calls:
    def __init__(self, module: Any, reference: Reference) -> None:
        self.module, self.reference = module, reference
        self.point: Point = reference.point
        self.inputs = [symbol.name for symbol in self.point.cell.inputs]

    # --- entry points -----------------------------------------------------------------------

    def forward(self, given: Given) -> Call:
        def run(workspace: Any) -> dict[str, Any]:
            made = self.module.forward(*self._run(given), **self._options(given, workspace))
            return self._ran(*made)

        return Call("forward", given, run, lambda: self._expected_run(given))

    def loss(self, given: Given) -> Call:
        def run(workspace: Any) -> dict[str, Any]:
            loss = self.module.loss(*self._trained(given), **self._options(given, workspace))
            return {"loss": loss}

        return Call("loss", given, run, lambda: {"loss": self.reference.loss(given)})

    def loss_and_gradients(self, given: Given) -> Call:
        def run(workspace: Any) -> dict[str, Any]:
            loss, gradients, state = self.module.loss_and_gradients(
                *self._trained(given), **self._options(given, workspace)
            )
            return {"loss": loss, **_gradients(gradients._asdict()), **self._states("state", state)}

        def expected() -> dict[str, Any]:
            back, last = self.reference.backward(given), self.reference.forward(given).states
            return {
                "loss": self.reference.loss(given),
                **_gradients(back.weights),
                **_named("state", last),
            }

        return Call("loss_and_gradients", given, run, expected)

    def all_gradients(self, given: Given) -> Call:
        def run(workspace: Any) -> dict[str, Any]:
            options = self._options(given, workspace)
            if "d_state" in given:
                options["d_state"] = self._state(self.point.d_states)
            loss, gradients, d_x, first, outputs, state = self.module.all_gradients(
                *self._trained(given), **options
            )
            return {
                "loss": loss,
                **self._ran(outputs, state),
                **_pulled(gradients._asdict(), self._by_input(d_x)),
                **self._states("d_s0", first),
            }

        def expected() -> dict[str, Any]:
            back = self.reference.backward(given)
            return {
                "loss": self.reference.loss(given),
                **self._expected_run(given),
                **_pulled(back.weights, back.inputs),
                **_named("d_s0", back.states),
            }

        return Call("all_gradients", given, run, expected)

    def vjp(self, given: Given) -> Call:
        def run(workspace: Any) -> dict[str, Any]:
            *made, pullback = self.module.vjp(*self._run(given), **self._options(given, workspace))
            hidden = [
                self._hidden(each, self.point.padding(given)) for each in self.point.d_outputs
            ]
            d_outputs = self.module.Outputs(*hidden) if hidden[1:] else hidden[0]
            d_state = (self._state(self.point.d_states),) if "d_state" in given else ()
            which = {"inputs": False} if "no inputs" in given else {}
            gradients, d_x, first = pullback(d_outputs, *d_state, **which)
            return {
                **self._ran(*made),
                **_pulled(gradients._asdict(), self._by_input(d_x)),
                **self._states("d_s0", first),
            }

        def expected() -> dict[str, Any]:
            back = self.reference.backward(given, pullback=True)
            inputs = self._by_input(None) if "no inputs" in given else back.inputs
            return {
                **self._expected_run(given),
                **_pulled(back.weights, inputs),
                **_named("d_s0", back.states),
            }

        return Call("vjp", given, run, expected)

    def credit(self, given: Given) -> Call:
        """The terms of gradients, those of all errors as one sum with random factors."""

        def run(workspace: Any) -> dict[str, Any]:
            terms, gradients = self.module.credit(
                *self._trained(given), **self._options(given, workspace)
            )
            factors = self.point.errors
            sums = {(name, t): np.tensordot(factors[t : t + len(E)], E, 1) for t, name, E in terms}
            return {
                **_gradients(gradients._asdict()),
                **{_term(name, t): each for (name, t), each in sums.items()},
            }

        def expected() -> dict[str, Any]:
            of_errors = self.reference.backward(given | {"errors"}).terms
            return {
                **_gradients(self.reference.backward(given).weights),
                **{
                    _term(n, t): each
                    for n, terms in of_errors.items()
                    for t, each in enumerate(terms)
                },
            }

        return Call("credit", given, run, expected)

    def trace(self, given: Given) -> Call:
        """Every value of the equations, those that are declared among them."""

        def run(workspace: Any) -> dict[str, Any]:
            found = self.module.trace(*self._run(given), **self._options(given, workspace))
            return {name.removesuffix("_"): each for name, each in found._asdict().items()}

        def expected() -> dict[str, Any]:
            values = self.reference.values(given)
            declared = {equation.target.name for equation in self.point.cell.equations}
            named = {name.removesuffix("_") for name in self.module.Trace._fields}
            return {name: each for name, each in values.items() if name in declared | named}

        return Call("trace", given, run, expected)

    # --- results ----------------------------------------------------------------------------

    def _ran(self, outputs: Any, state: Any) -> dict[str, Any]:
        names = [output.name for output in self.point.cell.outputs]
        several = {name: getattr(outputs, name, None) for name in names}
        by_name = several if names[1:] else {names[0]: outputs}
        return {**_named("outputs", by_name), **self._states("state", state)}

    def _expected_run(self, given: Given) -> dict[str, Any]:
        found = self.reference.forward(given)
        names = (output.name for output in self.point.cell.outputs)
        by_name = dict(zip(names, found.outputs, strict=True))
        return {**_named("outputs", by_name), **_named("state", found.states)}

    def _by_input(self, d_x: Any) -> dict[str, Any]:
        """The gradient of each input by its name, None where there is none."""
        several = len(self.inputs) > 1 and d_x is not None
        return dict(zip(self.inputs, d_x if several else [d_x] * len(self.inputs), strict=True))

    def _states(self, name: str, state: Any) -> dict[str, Any]:
        names = self.module.STATES
        arrays = {n: getattr(state, n) for n in names} if len(names) > 1 else {names[0]: state}
        return _named(name, arrays)

    # --- arguments --------------------------------------------------------------------------

    def _run(self, given: Given) -> tuple[Any, ...]:
        """The arguments of a run, new arrays in each call; NumPy's NaN where nothing is read."""
        cell, values = self.point.cell, self.point.weights
        params = self.module.Params(**{w.name: _copy(values[w.name]) for w in cell.weights})
        constants = [_copy(values[each.name]) for each in cell.arguments[len(cell.weights) :]]
        fixed = (params, self.module.Constants(*constants)) if constants else (params,)
        inputs = [self._hidden(each, self.point.padding(given)) for each in self.point.inputs]
        x = self.module.Inputs(*inputs) if len(inputs) > 1 else inputs[0]
        return (*fixed, x, *self._first(given))

    def _trained(self, given: Given) -> tuple[Any, ...]:
        unread = self.reference.row_weights(given) == self.reference.zero  # as those of padding are
        targets = self._hidden(self.point.targets, unread)
        run, first = self._run(given), self._first(given)
        return (*run[: len(run) - len(first)], targets, *first)

    def _first(self, given: Given) -> tuple[Any, ...]:
        return (self._state(self.point.states),) if "s0" in given else ()

    def _state(self, values: Any) -> Any:
        copies = {name: _copy(each) for name, each in values.items()}
        return self.module.State(**copies) if len(copies) > 1 else next(iter(copies.values()))

    def _options(self, given: Given, workspace: Any) -> dict[str, Any]:
        options = {"workspace": workspace}
        if (lengths := self.point.lengths(given)) is not None:
            options["lengths"] = _locked(lengths)
        if (mask := self.point.mask(given)) is not None:
            options["mask"] = _locked(mask)
        if "loss_weights" in given:
            options["loss_weights"] = _copy(self.point.loss_weights)
        if "loss_weights by step" in given:
            options["loss_weights"] = _copy(self.point.step_weights)
        return options

    def _hidden(self, array: Any, unread: Any) -> Any:
        """A copy of `array`, (T, B, n) or labels, with what `unread` (T, B) says hidden."""
        array = array.copy()
        array[unread] = self.point.field.unread() if array.dtype == object else -1
        return _locked(array)


def _copy(array: Any) -> Any:
    """A copy that no call can change."""
    return _locked(array.copy())


def _locked(array: Any) -> Any:
    array.setflags(write=False)
    return array


def _gradients(weights: Any) -> dict[str, Any]:
    return {f"d{name}": each for name, each in weights.items()}


def _pulled(weights: Any, inputs: Any) -> dict[str, Any]:
    return {**_gradients(weights), **{f"d_{x}": each for x, each in inputs.items()}}


def _term(name: str, t: int) -> str:
    return f"E of d{name} at step {t + 1}"


def _named(name: str, states: Any) -> dict[str, Any]:
    """Each state under the name that errors give it."""
    if len(states) == 1:
        return {name: next(iter(states.values()))}
    return {f"{name}.{each}": value for each, value in states.items()}
