"""Derivation -> Program: the one gate out of SymPy.

Every node of a matrix expression has a rule in one table; a node without one is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from itertools import chain, count
from math import prod
from typing import Any

from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import B
from gru_codegen.derive import AdjointEquation, Derivation, NormalEquation
from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    OPERATIONS,
    Call,
    Const,
    Expr,
    Loop,
    Now,
    Origin,
    Phase,
    Program,
    Ref,
    Role,
    Shape,
    Statement,
    Var,
    shape_of,
    validate,
)
from gru_codegen.losses import Loss
from gru_codegen.names import NewNames
from gru_codegen.notation import OverTime, signed

__all__ = ["lower", "mask_name", "shift_rows", "written_loss"]


def lower(derivation: Derivation) -> Program:
    """The program of `derivation`: a forward, a loss and a backward phase, each a time loop.

    Raises
    ------
    ProgramError: a node that the program has no operation for.
    """
    return _Lowering(derivation).program()


def written_loss(derivation: Derivation) -> str:
    """The right side of the equation of the loss, in plain text."""
    loss = derivation.loss
    total = derivation.notation.text(OverTime(loss.cost))
    return f"{_share(loss)} {total}" if loss.mean else total


def mask_name(derivation: Derivation) -> str:
    """What texts call the mask of the samples that have ended: M, or what else is free.

    No symbol and no size of the derivation has that name.
    """
    cell, loss = derivation.cell, derivation.loss
    symbols = (
        *(*cell.inputs, *cell.weights, *cell.states, *cell.states.values()),
        *(loss.prediction, loss.target, *loss.shifts),
        *(equation.target for equation in derivation.equations),
        *(adjoint.target for adjoint in derivation.adjoints),
    )
    taken = {symbol.name for symbol in symbols}
    taken |= {str(size) for symbol in symbols for size in symbol.shape}
    names = chain("MKUJ", (f"M{number}" for number in count(1)))
    return next(name for name in names if name not in taken)


def shift_rows(derivation: Derivation) -> dict[MatrixSymbol, str]:
    """The right side of the equation of every shift of the loss, in plain text."""
    text = derivation.notation.text
    shifts = derivation.loss.shifts
    return {shift: f"largest of each row of {text(above)}" for shift, above in shifts.items()}


def _share(loss: Loss) -> str:
    """What one number has of a mean."""
    return f"1/(T {' '.join(map(str, loss.target.shape))})"


class _Lowering:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.notation = derivation.notation
        self.refs: dict[MatrixSymbol, Ref] = {}
        self.first_shape = _shape(next(iter(derivation.cell.states)))
        self.names = NewNames(_names(derivation))
        self.loss = Var("loss", (), "loss", meaning=derivation.loss.title)
        self.mask = f"{mask_name(derivation)}_t"
        self._declare()

    # --- variables --------------------------------------------------------------------------

    def _declare(self) -> None:
        cell, loss = self.derivation.cell, self.derivation.loss
        for symbol in cell.inputs:
            self._timed(symbol, "input", "input")
        self._timed(loss.target, "target", "target")
        for shift in loss.shifts:
            self._timed(shift, "value", "shift")
        for weight in cell.weights:
            self.refs[weight] = Ref(Var(weight.name, _shape(weight), "weight"))
        for equation in self.derivation.equations:
            initial = None
            if equation.target in cell.states:
                name = self.names.of(
                    ("initial", equation.target), f"{equation.target.name.lower()}0"
                )
                initial = Ref(
                    Var(name, _shape(equation.target), "initial", meaning="initial state")
                )
            self._timed(equation.target, "value", equation.meaning, initial)
        for state, before in cell.states.items():
            self.refs[before] = Ref(self.refs[state].var, Now(-1))
        if loss.prediction != cell.output:  # O = S: O is but another name
            self.refs[loss.prediction] = self.refs[cell.output]
        for adjoint in self.derivation.adjoints:
            carried = adjoint.of in cell.states.values()
            meaning = f"adjoint of {self.notation.text(adjoint.of)}"
            beyond = None
            if carried:
                stem = f"{adjoint.target.name.removesuffix('_prev')}_last"
                last = self.names.of(("last", adjoint.target), stem)
                beyond = Ref(Var(last, _shape(adjoint.of), "last", meaning=meaning))
            self._timed(adjoint.target, "adjoint", meaning, beyond)
        by_source = {adjoint.of: adjoint.target for adjoint in self.derivation.adjoints}
        for adjoint in self.derivation.adjoints:
            if adjoint.carry is not None:
                passed_on = by_source[cell.states[adjoint.of]]
                self.refs[adjoint.carry] = Ref(self.refs[passed_on].var, Now(1))
        for gradient in self.derivation.gradients:
            meaning = f"gradient of {gradient.weight}"
            shape = _shape(gradient.weight)
            self.refs[gradient.target] = Ref(
                Var(gradient.target.name, shape, "gradient", meaning=meaning)
            )

    def _timed(
        self, symbol: MatrixSymbol, role: Role, meaning: str, boundary: Expr | None = None
    ) -> None:
        var = Var(_identifier(symbol.name), _shape(symbol), role, True, boundary, meaning)
        self.refs[symbol] = Ref(var, Now())

    # --- phases -----------------------------------------------------------------------------

    def program(self) -> Program:
        """The phases: forward; loss, down to the adjoint of the outputs; backward; inputs."""
        derivation, cell, loss = self.derivation, self.derivation.cell, self.derivation.loss
        ours = {equation.target for equation in cell.equations}
        forward: list[Statement] = []
        cost: list[Statement] = []
        for shift, above in loss.shifts.items():
            right = shift_rows(derivation)[shift]
            origin = Origin(f"{self.notation.text(shift)} = {right}", "shift")
            largest = Call("row_max", (self.expression(above),))
            cost.append(Statement(self.refs[shift], largest, origin))
        for equation in derivation.forward_equations:
            if equation.target == loss.prediction and equation.target not in ours:
                continue  # O = S: O is but another name
            statement = self._computed(equation)
            (forward if equation.origin.target in ours else cost).append(statement)
            if equation.target in cell.states:
                forward.append(self._hold(equation.target))
        own = {*ours, *cell.states.values()} - {loss.prediction}
        own |= {e.target for e in derivation.equations if e.origin.target in ours}
        own -= {loss.prediction}
        backward: list[Statement] = []
        inputs: list[Statement] = []
        for adjoint in derivation.adjoints:
            phase = inputs if adjoint.of in cell.inputs else backward if adjoint.of in own else cost
            phase.append(self._adjoint(adjoint))
            if adjoint.of in cell.states:
                phase += self._hold_adjoint(adjoint)
            elif adjoint.of in cell.states.values():
                phase.append(self._pass_on_held(adjoint))
        cost += self._loss()
        for gradient in derivation.gradients:
            target = self.refs[gradient.target]
            total = self.notation.text(OverTime(gradient.summand))
            origin = Origin(f"{gradient.target} = {total}", target.var.meaning)
            value = self.expression(gradient.summand)
            backward.append(Statement(target, value, origin, accumulate=True))
        return validate(
            Program(
                cell.name,
                tuple(self.refs[weight].var for weight in cell.weights),
                (
                    Phase("forward", (Loop("forward", tuple(forward)),)),
                    Phase("loss", (Loop("forward", tuple(cost)),)),
                    Phase("backward", (Loop("reverse", tuple(backward)),)),
                    Phase("inputs", (Loop("forward", tuple(inputs)),)),
                ),
                self._entries(),
                self.refs[derivation.seed].var,
                tuple(
                    self.refs[a.target].var
                    for a in derivation.adjoints
                    if a.of in cell.states.values()
                ),
            )
        )

    # A sample past its length keeps its state: S_t = M_t o S_{t-1} + (1 - M_t) o S_t, with M_t = 1
    # where it has ended. That is a blend, whose adjoints are blends as well; each is a selection,
    # since M is 0 or 1, and a selection does not read what it leaves out.

    def _hold(self, state: MatrixSymbol) -> Statement:
        here = self.refs[state]
        text = self.notation.text(state)
        before, mask = f"{state}_{{t-1}}", self.mask
        origin = Origin(f"{text} = {mask} o {before} + (1 - {mask}) o {text}", "past its length")
        kept = Call("select", (self._ended(here.var.shape), replace(here, when=Now(-1)), here))
        return Statement(here, kept, origin, given=("lengths",))

    def _hold_adjoint(self, adjoint: AdjointEquation) -> list[Statement]:
        here = self.refs[adjoint.target]
        text, zero = self.notation.text(adjoint.target), Const(Fraction(0))
        ended, held = self._ended(here.var.shape), self._held(here)
        held_text = text.replace(adjoint.target.name, held.var.name, 1)
        keep = Origin(f"{held_text} = {self.mask} o {text}", "past its length")
        leave = Origin(f"{text} = (1 - {self.mask}) o {text}", "past its length")
        given = ("lengths",)
        return [
            Statement(held, Call("select", (ended, here, zero)), keep, given=given),
            Statement(here, Call("select", (ended, zero, here)), leave, given=given),
        ]

    def _pass_on_held(self, adjoint: AdjointEquation) -> Statement:
        here, text = self.refs[adjoint.target], self.notation.text(adjoint.target)
        state = next(s for s, p in self.derivation.cell.states.items() if p == adjoint.of)
        of = next(a.target for a in self.derivation.adjoints if a.of == state)
        held = self._held(self.refs[of])
        held_text = self.notation.text(of).replace(of.name, held.var.name, 1)
        origin = Origin(f"{text} = {text} + {held_text}", "past its length")
        return Statement(here, Call("add", (here, held)), origin, given=("lengths",))

    def _ended(self, shape: Shape) -> Ref:
        """Which samples have ended; a variable for each shape that this is laid over."""
        if shape == self.first_shape:
            name = "ended"
        else:
            name = self.names.of(("ended", shape), f"ended_{''.join(shape)}")
        return Ref(Var(name, shape, "lengths", True, meaning="which samples have ended"), Now())

    def _held(self, adjoint: Ref) -> Ref:
        name = self.names.of(("held", adjoint.var.name), f"{adjoint.var.name}_held")
        meaning = f"what {adjoint.var.name} is past a sample's length"
        return Ref(Var(name, adjoint.var.shape, "adjoint", True, meaning=meaning), Now())

    def _loss(self) -> list[Statement]:
        """The loss, and what a mean and weights make of the adjoint of the outputs.

        Both are factors of every adjoint, so they enter where the adjoints begin. The weight of a
        sample multiplies its term, and so its row of that adjoint.
        """
        loss, seed = self.derivation.loss, self.refs[self.derivation.seed]
        name = self.notation.text(self.derivation.seed)
        equation = Origin(f"L = {written_loss(self.derivation)}", loss.title)
        value = self._mean(self.expression(loss.cost))
        weighed = Call("multiply", (seed, self._loss_weights(seed.var.shape)))
        weights = Origin(f"{name} = V_t o {name}", "with loss weights V")
        statements = [Statement(Ref(self.loss), value, equation, accumulate=True)]
        if loss.mean:
            mean = Origin(f"{name} = {_share(loss)} {name}", "for the mean")
            statements.append(Statement(seed, self._mean(seed), mean))
        statements.append(Statement(seed, weighed, weights, given=("loss weights",)))
        return statements

    def _mean(self, value: Expr) -> Expr:
        """`value` divided by how many numbers are predicted, if the loss is a mean of them.

        That number is the only thing that depends on how many time steps there are: the step is
        derived for a symbolic t and without any T, the same for every T. So the derivation is that
        of the sum, and the factor is taken in here.
        """
        if not self.derivation.loss.mean:
            return value
        count = Var("count", (), "count", meaning="how many numbers are predicted")
        return Call("divide", (value, Ref(count)))

    def _loss_weights(self, shape: Shape) -> Ref:
        return Ref(Var("V", shape, "loss weights", True, meaning="loss weights"), Now())

    def _computed(self, equation: NormalEquation) -> Statement:
        text = self.notation.text
        origin = Origin(f"{text(equation.target)} = {text(equation.declared)}", equation.meaning)
        return Statement(self.refs[equation.target], self.expression(equation.declared), origin)

    def _adjoint(self, adjoint: AdjointEquation) -> Statement:
        text, target = self.notation.text, self.refs[adjoint.target]
        origin = Origin(f"{text(adjoint.target)} = {text(adjoint.expression)}", target.var.meaning)
        return Statement(target, self.expression(adjoint.expression), origin)

    def _entries(self) -> dict[str, tuple[Var, ...]]:
        derivation, cell = self.derivation, self.derivation.cell
        states = tuple(self.refs[state].var for state in cell.states)
        gradients = tuple(self.refs[g.target].var for g in derivation.gradients)
        inputs = [a.target for a in derivation.adjoints if a.of in cell.inputs]
        return {
            "forward": tuple(dict.fromkeys((self.refs[derivation.loss.prediction].var, *states))),
            "loss": (self.loss, self.refs[derivation.seed].var),
            "gradients": (*states, self.loss, *gradients),
            "pullback": (*gradients, *(self.refs[symbol].var for symbol in inputs)),
        }

    # --- expressions ------------------------------------------------------------------------

    def expression(self, node: Any) -> Expr:
        """The expression of one SymPy node."""
        for kind, rule in _RULES.items():
            if isinstance(node, kind):
                return rule(self, node)
        coefficient, rest = signed(node)
        if rest is not node:
            return _scaled(coefficient, self.expression(rest))
        raise ProgramError(
            f"{type(node).__name__} cannot be lowered: {node}; "
            f"known are {', '.join(kind.__name__ for kind in _RULES)}"
        )

    def _sum(self, node: Any) -> Expr:
        total: Expr | None = None
        for term in node.args:
            coefficient, rest = signed(term)
            part = _scaled(abs(coefficient), self.expression(rest))
            if total is None:
                total = part if coefficient > 0 else _times(Fraction(-1), part)
            else:
                total = Call("add" if coefficient > 0 else "subtract", (total, part))
        assert total is not None  # MatAdd has terms
        return total

    def _hadamard(self, node: Any) -> Expr:
        coefficient, rest = signed(node)
        factors = [self.expression(factor) for factor in rest.args]
        matrices = [factor for factor in factors if not isinstance(factor, Const)]
        numbers = [factor.value for factor in factors if isinstance(factor, Const)]
        number = prod(numbers, start=_fraction(coefficient))
        if not matrices:
            return Const(number)
        return _times(number, reduce(lambda a, b: Call("multiply", (a, b)), matrices))

    def _product(self, node: Any) -> Expr:
        coefficient, factors = node.as_coeff_matrices()
        if isinstance(factors[-1], OneMatrix) and len(factors) == 2:
            if factors[-1].shape[0] != factors[-1].shape[1]:
                raise ProgramError(f"the product {node} cannot be lowered: a row sum is square")
            return _scaled(coefficient, Call("row_sum", (self.expression(factors[0]),)))
        if isinstance(factors[0], OneMatrix):
            return _scaled(coefficient, self._ones_product(node, factors))
        left = self.expression(factors[0])
        for right in factors[1:]:
            operation, first = "matmul", left
            if isinstance(left, Call) and left.operation == "transpose" and _has_rows(left.args[0]):
                operation, first = "contract", left.args[0]
            left = Call(operation, (first, self.expression(right)))
        return _scaled(coefficient, left)

    def _ones_product(self, node: Any, factors: list[Any]) -> Expr:
        """1 b, a vector as every row of a batch, or 1^T A, the sum of the rows."""
        if len(factors) == 2:
            ones, other = factors
            if ones.shape == (B, 1) and other.shape[0] == 1:
                return Call("rows", (self.expression(other),))
            if ones.shape == (1, B):
                return Call("column_sum", (self.expression(other),))
        raise ProgramError(f"the product {node} cannot be lowered: ones stand before one factor")

    def _function(self, node: Any) -> Expr:
        name = getattr(node.function.expr, "func", type(node)).__name__
        if name not in OPERATIONS:
            raise ProgramError(f"the function {name} cannot be lowered: {node}")
        return Call(name, (self.expression(node.expr),))

    def _trace(self, node: Any) -> Expr:
        product = node.arg
        if isinstance(product, MatMul) and len(product.args) == 2:
            left, right = product.args
            value = self.expression(right)
            weighed = Call("weigh", (self._loss_weights(shape_of(value)), value))
            if isinstance(left, Transpose):
                return Call("inner", (self.expression(left.arg), weighed))
            if isinstance(left, OneMatrix):
                return Call("total", (weighed,))
        raise ProgramError(f"the trace {node} cannot be lowered: it must be tr(A^T B)")


def _names(derivation: Derivation) -> set[str]:
    """The names that variables have from the derivation."""
    cell, loss = derivation.cell, derivation.loss
    symbols = [*cell.inputs, *cell.weights, loss.target, *loss.shifts]
    symbols += [equation.target for equation in derivation.equations]
    symbols += [adjoint.target for adjoint in derivation.adjoints]
    symbols += [gradient.target for gradient in derivation.gradients]
    return {_identifier(symbol.name) for symbol in symbols}


def _identifier(name: str) -> str:
    """The name in code; I, O and l alone are too easily taken for numbers."""
    return f"{name}_" if name in ("I", "O", "l") else name


def _has_rows(expression: Expr) -> bool:
    return isinstance(expression, Ref) and expression.var.timed


def _scaled(coefficient: Any, expression: Expr) -> Expr:
    return _times(_fraction(coefficient), expression)


def _fraction(coefficient: Any) -> Fraction:
    return Fraction(int(coefficient.p), int(coefficient.q))


def _times(number: Fraction, expression: Expr) -> Expr:
    if isinstance(expression, Const):
        return Const(number * expression.value)
    if number == 1:
        return expression
    return (
        Call("negate", (expression,))
        if number == -1
        else Call("multiply", (Const(number), expression))
    )


def _shape(symbol: MatrixSymbol) -> Shape:
    """A row (1, n) is declared as a matrix and stored as a vector (n,)."""
    rows, columns = symbol.shape
    return (str(columns),) if rows == 1 else (str(rows), str(columns))


_RULES: dict[type, Callable[[_Lowering, Any], Expr]] = {
    MatrixSymbol: lambda lowering, node: lowering.refs[node],
    OneMatrix: lambda lowering, node: Const(Fraction(1)),
    ZeroMatrix: lambda lowering, node: Const(Fraction(0)),
    MatAdd: _Lowering._sum,
    HadamardProduct: _Lowering._hadamard,
    MatMul: _Lowering._product,
    Transpose: lambda lowering, node: Call("transpose", (lowering.expression(node.arg),)),
    ElementwiseApplyFunction: _Lowering._function,
    Trace: _Lowering._trace,
}
