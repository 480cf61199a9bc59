"""Symbols of a derivation as variables of a program."""

from __future__ import annotations

from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.constants import stored_shape
from gru_codegen.derive import AdjointEquation, Derivation, NormalEquation
from gru_codegen.ir import Expr, Now, Ref, Role, Shape, Var
from gru_codegen.names import NewNames, identifier

__all__ = ["Variables"]


class Variables:
    """References of every symbol of `derivation`, and the variables that only programs have.

    Attributes
    ----------
    refs: the reference of every symbol.
    inlined: expressions of the symbols without a variable.
    loss: the variable that the loss is summed up in.
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.refs: dict[MatrixSymbol, Ref] = {}
        self.inlined: dict[MatrixSymbol, Expr] = {}
        self.loss = Var("loss", (), "loss", meaning=derivation.loss.title)
        self._first_shape = stored_shape(next(iter(derivation.cell.states)))
        self._names = NewNames(_names(derivation))
        self._declare_given()
        self._declare_computed()
        self._declare_adjoints()
        self._declare_gradients()
        self._declare_options()

    # --- what the derivation has ------------------------------------------------------------

    def _declare_given(self) -> None:
        cell, loss = self.derivation.cell, self.derivation.loss
        for symbol in cell.inputs:
            self._timed(symbol, "input", "input")
        self._timed(loss.target, "target", "target")
        for shift in loss.shifts:
            self._timed(shift, "value", "shift")
        for weight in cell.fixed:  # a constant is a weight, but for its gradient
            self.refs[weight] = Ref(Var(identifier(weight.name), stored_shape(weight), "weight"))

    def _declare_computed(self) -> None:
        cell = self.derivation.cell
        for equation in self.derivation.equations:
            if not equation.is_timed:
                self._fixed(equation)
                continue
            initial = self._initial(equation.target) if equation.target in cell.states else None
            self._timed(equation.target, "value", equation.meaning, initial)
        for state, before in cell.states.items():
            self.refs[before] = Ref(self.refs[state].var, Now(-1))
        for link, output in zip(self.derivation.seeded, cell.outputs, strict=True):
            self.refs[link] = self.refs[output]  # O = S: O is but another name

    def _initial(self, state: MatrixSymbol) -> Ref:
        name = self._names.of(("initial", state), f"{state.name.lower()}0")
        return Ref(Var(name, stored_shape(state), "initial", meaning="initial state"))

    def _declare_adjoints(self) -> None:
        derivation, states = self.derivation, self.derivation.cell.states
        for adjoint in derivation.adjoints:
            meaning = f"adjoint of {derivation.notation.text(adjoint.of)}"
            beyond = None
            if adjoint.of in states.values():
                beyond = self._last(adjoint, meaning)
            self._timed(adjoint.target, "adjoint", meaning, beyond, adjoint.of)
        by_source = {adjoint.of: adjoint.target for adjoint in derivation.adjoints}
        for adjoint in derivation.adjoints:
            if adjoint.carry is not None:
                passed_on = by_source[states[adjoint.of]]
                self.refs[adjoint.carry] = Ref(self.refs[passed_on].var, Now(1))

    def _last(self, adjoint: AdjointEquation, meaning: str) -> Ref:
        """The carry beyond the last step: the argument of a pullback, as derived."""
        state = next(s for s, p in self.derivation.cell.states.items() if p == adjoint.of)
        given = self.derivation.options.last[state].expression
        stem = f"{adjoint.target.name.removesuffix('_prev')}_last"
        name = self._names.of(("last", adjoint.target), stem)
        self.refs[given] = Ref(Var(name, stored_shape(adjoint.of), "last", meaning=meaning))
        return self.refs[given]

    def _declare_gradients(self) -> None:
        for gradient in self.derivation.sums:
            meaning, name = f"gradient of {gradient.weight}", gradient.target.name
            shape, weight = stored_shape(gradient.weight), identifier(gradient.weight.name)
            if gradient in self.derivation.outside:
                meaning = f"adjoint of {gradient.weight}"
            var = Var(name, shape, "gradient", meaning=meaning, adjoint_of=weight)
            self.refs[gradient.target] = Ref(var)

    def _declare_options(self) -> None:
        """S_t and S'_t, what its equation computes, share a variable, and so do their adjoints."""
        options = self.derivation.options
        for hold in options.holds:
            self.refs[hold.computed] = self.refs[hold.state]
            self.refs[hold.of_computed] = self.refs[hold.adjoint]
        weighting = options.weighting
        for weights in (weighting.weights, *(each.args[0] for each in weighting.seeds.values())):
            self.refs[weights] = self.weights(stored_shape(weights))

    def _fixed(self, equation: NormalEquation) -> None:
        symbol = equation.target
        name, shape = identifier(symbol.name), stored_shape(symbol)
        self.refs[symbol] = Ref(Var(name, shape, "fixed", meaning=equation.meaning))

    def _timed(
        self,
        symbol: MatrixSymbol,
        role: Role,
        meaning: str,
        boundary: Expr | None = None,
        adjoint_of: MatrixSymbol | None = None,
    ) -> None:
        name, shape = identifier(symbol.name), stored_shape(symbol)
        subject = "" if adjoint_of is None else identifier(adjoint_of.name)
        var = Var(name, shape, role, True, boundary, meaning, adjoint_of=subject)
        self.refs[symbol] = Ref(var, Now())

    # --- what options add -------------------------------------------------------------------

    def ended(self, shape: Shape) -> Ref:
        """Mask of the steps that are padding; a variable for each shape that it is laid over."""
        if shape == self._first_shape:
            name = "ended"
        else:
            name = self._names.of(("ended", shape), f"ended_{''.join(shape)}")
        return Ref(Var(name, shape, "lengths", True, meaning="which steps are padding"), Now())

    def held(self, adjoint: Ref) -> Ref:
        """The part of `adjoint` that a sample passes on where a step is padding."""
        name = self._names.of(("held", adjoint.var.name), f"{adjoint.var.name}_held")
        meaning = f"part of {adjoint.var.name} where a step is padding"
        return Ref(Var(name, adjoint.var.shape, "adjoint", True, meaning=meaning), Now())

    def weights(self, shape: Shape) -> Ref:
        """The weights of samples in the loss; a variable for each shape they are laid over."""
        own = shape == stored_shape(self.derivation.options.weighting.weights)
        name = "V" if own else self._names.of(("weights", shape), f"V_{''.join(shape)}")
        return Ref(Var(name, shape, "loss weights", True, meaning="loss weights"), Now())

    def size(self, size: Any) -> Ref:
        """A size, as a number."""
        name = self._names.of(("size", size), f"size_{size}")
        return Ref(Var(name, (), "size", meaning=f"the size {size}", adjoint_of=str(size)))

    def count(self) -> Ref:
        """The number of targets that count."""
        return Ref(Var("count", (), "count", meaning="how many targets count"))


def _names(derivation: Derivation) -> set[str]:
    """The names that variables have from the derivation."""
    cell, loss = derivation.cell, derivation.loss
    symbols = [*cell.inputs, *cell.fixed, loss.target, *loss.shifts]
    symbols += [equation.target for equation in derivation.equations]
    symbols += [adjoint.target for adjoint in derivation.adjoints]
    symbols += [gradient.target for gradient in derivation.sums]
    return {identifier(symbol.name) for symbol in symbols}
