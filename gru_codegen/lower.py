"""Derivation -> Program: the one gate out of SymPy.

Every node of a matrix expression has a rule in one table; a node without one is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
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
from gru_codegen.derive import Derivation
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
    validate,
)
from gru_codegen.notation import signed

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
        self.notation = derivation.notation
        self.refs: dict[MatrixSymbol, Ref] = {}
        self.loss = Var("loss", (), "loss", meaning=derivation.loss.title)
        self._declare()

    # --- variables --------------------------------------------------------------------------

    def _declare(self) -> None:
        cell, loss = self.derivation.cell, self.derivation.loss
        for symbol in cell.inputs:
            self._timed(symbol, "input", "input")
        self._timed(loss.target, "target", "target")
        for weight in cell.weights:
            self.refs[weight] = Ref(Var(weight.name, _shape(weight), "weight"))
        for equation in self.derivation.equations:
            initial = None
            if equation.target in cell.states:
                name = f"{equation.target.name.lower()}0"
                initial = Ref(
                    Var(name, _shape(equation.target), "initial", meaning="initial state")
                )
            self._timed(equation.target, "value", equation.meaning, initial)
        for state, before in cell.states.items():
            self.refs[before] = Ref(self.refs[state].var, Now(-1))
        for adjoint in self.derivation.adjoints:
            carried = adjoint.of in cell.states.values()
            meaning = f"adjoint of {self.notation.text(adjoint.of)}"
            boundary = Const(Fraction(0)) if carried else None
            self._timed(adjoint.target, "adjoint", meaning, boundary)
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
        var = Var(symbol.name, _shape(symbol), role, True, boundary, meaning)
        self.refs[symbol] = Ref(var, Now())

    # --- phases -----------------------------------------------------------------------------

    def program(self) -> Program:
        cell, loss = self.derivation.cell, self.derivation.loss
        text = self.notation.text
        ours = {equation.target for equation in cell.equations}
        forward: list[Statement] = []
        cost: list[Statement] = []
        for equation in self.derivation.forward_equations:
            origin = Origin(
                f"{text(equation.target)} = {text(equation.declared)}", equation.meaning
            )
            statement = Statement(
                self.refs[equation.target], self.expression(equation.declared), origin
            )
            (forward if equation.origin.target in ours else cost).append(statement)
        cost.append(
            Statement(
                Ref(self.loss),
                self.expression(loss.cost),
                Origin(f"L = sum_t {text(loss.cost)}", loss.title),
                accumulate=True,
            )
        )
        backward = []
        for adjoint in self.derivation.adjoints:
            target = self.refs[adjoint.target]
            origin = Origin(
                f"{text(adjoint.target)} = {text(adjoint.expression)}", target.var.meaning
            )
            backward.append(Statement(target, self.expression(adjoint.expression), origin))
        for gradient in self.derivation.gradients:
            target = self.refs[gradient.target]
            origin = Origin(
                f"{gradient.target} = sum_t {text(gradient.summand)}", target.var.meaning
            )
            value = self.expression(gradient.summand)
            backward.append(Statement(target, value, origin, accumulate=True))
        states = tuple(self.refs[state].var for state in cell.states)
        outputs = tuple(dict.fromkeys((self.refs[cell.output].var, *states)))
        gradients = tuple(self.refs[g.target].var for g in self.derivation.gradients)
        return validate(
            Program(
                cell.name,
                tuple(self.refs[weight].var for weight in cell.weights),
                (
                    Phase(
                        "forward",
                        "the states of all time steps",
                        (Loop("forward", tuple(forward)),),
                    ),
                    Phase("loss", loss.title, (Loop("forward", tuple(cost)),)),
                    Phase(
                        "backward",
                        "the adjoints, last time step first, and the gradients",
                        (Loop("reverse", tuple(backward)),),
                    ),
                ),
                {
                    "forward": outputs,
                    "loss": (self.loss,),
                    "gradients": (*states, self.loss, *gradients),
                },
            )
        )

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
                total = part if coefficient > 0 else Call("negate", (part,))
            else:
                total = Call("add" if coefficient > 0 else "subtract", (total, part))
        assert total is not None  # MatAdd has terms
        return total

    def _hadamard(self, node: Any) -> Expr:
        coefficient, rest = signed(node)
        factors = [self.expression(factor) for factor in rest.args]
        return _scaled(coefficient, reduce(lambda a, b: Call("multiply", (a, b)), factors))

    def _product(self, node: Any) -> Expr:
        coefficient, factors = node.as_coeff_matrices()
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
        if not (
            isinstance(product, MatMul)
            and len(product.args) == 2
            and isinstance(product.args[0], Transpose)
        ):
            raise ProgramError(f"the trace {node} cannot be lowered: it must be tr(A^T B)")
        left, right = product.args
        return Call("inner", (self.expression(left.arg), self.expression(right)))


def _has_rows(expression: Expr) -> bool:
    return isinstance(expression, Ref) and expression.var.timed


def _scaled(coefficient: Any, expression: Expr) -> Expr:
    if coefficient == 1:
        return expression
    if coefficient == -1:
        return Call("negate", (expression,))
    factor = Const(Fraction(int(coefficient.p), int(coefficient.q)))
    return Call("multiply", (factor, expression))


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
