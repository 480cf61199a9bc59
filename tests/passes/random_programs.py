"""Random sound programs, of the kind that a cell lowers to and of kinds that none does yet.

Each has the phases of a lowered cell: a forward loop with states, a loss loop, a reverse loop with
carries and gradients, and the adjoint of the input. What stands in them is drawn: which statements
read one another, in what order, which are written twice, copied, read by nobody or run on a
condition only. The forms that passes look for are drawn more often than chance would have them:
shared values, sums with a factor in common, products of inputs, sums over time.

Values stay small and nothing jumps where rounding could decide, so that a pass that merely reorders
arithmetic keeps all values to a few units in the last place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np
from hypothesis import strategies as st

from gru_codegen.interpret import interpret
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Option,
    Phase,
    Program,
    Ref,
    Role,
    Shape,
    Statement,
    Var,
    parts,
    rewrite,
    shape_of,
    statements,
    validate,
    writes,
)
from gru_codegen.plan import Plan
from gru_codegen.plan.memory import run

__all__ = ["SIZES", "arrays", "handed_out", "programs"]

#: All different, from one another and from every number of steps that is tried.
SIZES = {"B": 4, "D": 5, "H": 6, "O": 7}

_Item = TypeVar("_Item")

_LENGTHS: tuple[Option, ...] = ("lengths",)
_X = Ref(Var("x", ("B", "D"), "input", True), Now())
_COUNT = Ref(Var("count", (), "count"))
_SMOOTH = ("sigmoid", "tanh")
_COMPOSED = ("times a number", "softmax", "mean of the batch")
_BENT = ("relu", "clip", "huber", "softplus")  # continuous: rounding moves no value by much


#: The largest expression, counted in parts, that is written again: their sizes multiply.
_WRITTEN_AGAIN = 12

_integers = cache(st.integers)  # made once: making one takes longer than drawing from it


@st.composite
def programs(draw: Callable[[st.SearchStrategy[Any]], Any], most_outputs: int = 1) -> Program:
    """A sound program with the entry points forward, loss, gradients and pullback."""
    outputs = draw(st.integers(1, most_outputs)) if most_outputs > 1 else 1
    return _Author(draw, outputs).program()


class _Author:
    """Writes a program statement by statement.

    `readable` is what may be read at this place, `written` the expressions so far, some of which
    are written again.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], outputs: int) -> None:
        self._draw, self.outputs = draw, outputs
        self.readable: list[Ref] = [_X]
        self.written: list[tuple[Shape, Expr]] = []
        self.weights: dict[str, Var] = {}
        self.taken: dict[str, int] = {}
        self.gate_terms: dict[Ref, list[Expr]] = {}
        self.gate_sums: list[tuple[Ref, Expr]] = []
        self.in_loss = False

    # --- choices ----------------------------------------------------------------------------

    def one_of(self, items: list[_Item]) -> _Item:
        return items[self.number(0, len(items) - 1)]

    def number(self, low: int, high: int) -> int:
        drawn: int = self._draw(_integers(low, high))
        return drawn

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent  # no, when it shrinks

    def name(self, stem: str) -> str:
        self.taken[stem] = self.taken.get(stem, 0) + 1
        return f"{stem}{self.taken[stem]}"

    def rows(self) -> Shape:
        return ("B", self.one_of(["H", "D", "O"]))

    def weight(self, shape: Shape) -> Ref:
        """A weight of this shape, more often than not one that there is already."""
        known = [var for var in self.weights.values() if var.shape == shape]
        if not known or self.chance(40):
            known = [self.new_weight(shape).var]
        return Ref(self.one_of(known))

    def new_weight(self, shape: Shape) -> Ref:
        name = self.name("W" if len(shape) == 2 else "b")
        self.weights[name] = Var(name, shape, "weight")
        return Ref(self.weights[name])

    # --- expressions ------------------------------------------------------------------------

    def expression(self, shape: Shape, depth: int = 3) -> Expr:
        """An expression of `shape`: (B, n), (k, n), (n,) or ()."""
        again = [expression for there, expression in self.written if there == shape]
        if again and self.chance(25):
            return self.one_of(again)
        if shape == ():
            found = self._scalar(depth)
        elif shape[0] != "B":
            found = self._of_a_weights_shape(shape, depth)
        else:
            found = self._rows(shape, depth)
        if isinstance(found, Call) and sum(1 for _ in parts(found)) <= _WRITTEN_AGAIN:
            self.written.append((shape, found))
        return found

    @property
    def divisor(self) -> Expr:
        """The number of targets that count, which the loss alone knows; elsewhere another."""
        return _COUNT if self.in_loss else Const(Fraction(3))

    def leaf(self, shape: Shape) -> Expr:
        known = [ref for ref in self.readable if ref.var.shape == shape]
        if known:
            return self.one_of(known)
        if shape[:1] == ("B",):
            return self._product(shape, 0)
        return self.weight(shape) if shape else self.divisor

    def _rows(self, shape: Shape, depth: int) -> Expr:
        if depth <= 0 or self.chance(15):
            return self.leaf(shape)
        kind = self.one_of(
            ["product", "sum", "multiply", "factored", "function", "biased", "scaled", "other"]
        )

        def a() -> Expr:  # each call draws another one
            return self.expression(shape, depth - 1)

        match kind:
            case "product":
                return self._product(shape, depth - 1)
            case "sum":
                return Call(self.one_of(["add", "subtract"]), (a(), a()))
            case "multiply":
                return Call("multiply", (a(), a()))
            case "factored":
                return self._factored(shape, depth - 1)
            case "function":
                function, argument = self.one_of([*_SMOOTH, *_BENT]), a()
                if function == "tanh" and depth < 3:  # a number where a sample has ended
                    argument = Call("guard", (_ended(shape), Const(Fraction(1)), argument))
                return Call(function, (argument,))
            case "biased":
                bias = Call("rows", (self.expression((shape[1],), 0),))
                return Call("add", (self._product(shape, depth - 1), bias))
            case "scaled":
                return self._scaled(a())
        return self._other(shape, depth - 1)

    def _product(self, shape: Shape, depth: int) -> Expr:
        """A matrix product of something with a weight; often the input."""
        if self.chance(40):
            left: Expr = _X if depth <= 0 or self.chance(60) else self.expression(_X.var.shape, 0)
        else:
            there = self.one_of([ref for ref in self.readable if ref.var.shape[:1] == ("B",)])
            compute = depth > 0 and self.chance(30)
            left = self.expression(there.var.shape, depth - 1) if compute else there
        inner = _width(left)
        if self.chance(25):
            return Call("matmul", (left, Call("transpose", (self.weight((shape[1], inner)),))))
        return Call("matmul", (left, self.weight((inner, shape[1]))))

    def _factored(self, shape: Shape, depth: int) -> Expr:
        """A sum of products with a factor in common, in any order."""
        common = self.expression(shape, depth)
        total: Expr | None = None
        for _ in range(self.number(2, 3)):
            others = [self.leaf(shape) for _ in range(self.number(0, 2))]
            factors = [*others, common] if self.chance(50) else [common, *others]
            term: Expr = factors[0]
            for factor in factors[1:]:
                term = Call("multiply", (term, factor))
            if self.chance(15):
                term = Call("negate", (term,))
            operation = self.one_of(["add", "subtract"])
            total = term if total is None else Call(operation, (total, term))
        assert total is not None  # there are two terms or three
        return total

    def _scaled(self, expression: Expr) -> Expr:
        factor = Const(Fraction(self.one_of([-2, -1, 1, 2, 3]), self.one_of([1, 2, 3])))
        match self.one_of(["negate", "from one", "left", "right"]):
            case "negate":
                return Call("negate", (expression,))
            case "from one":
                return Call("subtract", (Const(Fraction(1)), expression))
            case "left":
                return Call("multiply", (factor, expression))
        return Call("multiply", (expression, factor))

    def _other(self, shape: Shape, depth: int) -> Expr:
        one = Const(Fraction(1))
        a = self.expression(shape, depth)
        match self.one_of(
            ["row_sum", "row_max", "exp", "log", "reciprocal", "divide", "positive", *_COMPOSED]
        ):
            case "row_sum" | "row_max" as operation:  # a column, spread over the matrix
                return a * Call(operation, (a,))
            case "exp":
                return Call("exp", (Call("tanh", (a,)),))
            case "log":
                return Call("log", (Call("add", (one, Call("sigmoid", (a,)))),))
            case "reciprocal":
                return Call("reciprocal", (Call("add", (one, Call("sigmoid", (a,)))),))
            case "divide":
                return Call("divide", (a, self.divisor))
            case "positive":  # it jumps at zero, where no drawn input is
                return Call("multiply", (a, self._positive(shape)))
            case "times a number":
                return Call("multiply", (self.expression((), depth), a))
            case "softmax":
                e = Call("exp", (Call("subtract", (a, Call("row_max", (a,)))),))
                return Call("multiply", (e, Call("reciprocal", (Call("row_sum", (e,)),))))
        mean = Call("rows", (Call("column_sum", (a,)),))
        return Call("subtract", (a, Call("divide", (mean, self.divisor))))

    def _positive(self, shape: Shape) -> Expr:
        given = [r for r in self.readable if r.var.role == "input" and r.var.shape == shape]
        if given:
            return Call("positive", (self.one_of(given),))
        return Call("positive", (Call("rows", (self.weight((shape[1],)),)),))

    def _of_a_weights_shape(self, shape: Shape, depth: int) -> Expr:
        if depth <= 0 or self.chance(10):
            return self.weight(shape)

        def a() -> Expr:  # each call draws another one
            return self.expression(shape, depth - 1)

        match self.one_of(["sum over rows"] * 4 + ["add", "subtract", "multiply", "scaled"]):
            case "add" | "subtract" | "multiply" as operation:
                return Call(operation, (a(), a()))
            case "scaled":
                return self._scaled(a())
        if len(shape) == 1:
            return Call("column_sum", (self.expression(("B", shape[0]), depth - 1),))
        left = self.expression(("B", shape[0]), depth - 1)
        return Call("contract", (left, self.expression(("B", shape[1]), depth - 1)))

    def _scalar(self, depth: int) -> Expr:
        shape = self.rows()
        a, b = self.expression(shape, depth - 1), self.expression(shape, depth - 1)
        if self.chance(30):
            b = Call("weigh", (_loss_weights(shape), b))
        found = Call("inner", (a, b)) if self.chance(60) else Call("total", (b,))
        match self.one_of(["bare", "half", "divide", "sum"]):
            case "half":
                return Call("multiply", (Const(Fraction(1, 2)), found))
            case "divide":
                return Call("divide", (found, self.divisor))
            case "sum":
                return Call("add", (found, Call("total", (a,))))
        return found

    # --- statements -------------------------------------------------------------------------

    def timed(self, stem: str, shape: Shape, role: Role, boundary: Expr | None = None) -> Ref:
        return Ref(Var(self.name(stem), shape, role, True, boundary), Now())

    def statement(
        self, target: Ref, value: Expr, given: tuple[Option, ...] = (), accumulate: bool = False
    ) -> Statement:
        if not accumulate and not given and target not in self.readable:
            self.readable.append(target)
        return Statement(target, value, accumulate=accumulate, given=given)

    def values(self, stem: str, role: Role, low: int, high: int) -> list[Statement]:
        """Statements of one step: new values, copies, values written anew, conditions, scratch."""
        made: list[Statement] = []
        for _ in range(self.number(low, high)):
            shape = self.rows()
            # What is there on a condition alone is not read without it.
            written = [s.target for s in made if not s.given and s.target.var.shape[:1] == ("B",)]
            kind = self.one_of(
                ["new"] * 5 + ["copy", "copy", "anew", "anew", "condition", "scratch"]
            )
            if kind == "new" or (kind in ("anew", "condition") and not written):
                value = self.expression(shape)
                made.append(self.statement(self.timed(stem, shape, role), value))
            elif kind == "copy":
                there = self.one_of([r for r in self.readable if r.var.shape[:1] == ("B",)])
                made.append(self.statement(self.timed(stem, there.var.shape, role), there))
            elif kind == "anew":
                made += self._anew(self.one_of(written), stem, role)
            elif kind == "condition":
                made += self._on_a_condition(self.one_of(written), stem, role)
            else:
                scratch = Ref(Var(self.name("term"), shape, "work"))
                made.append(self.statement(scratch, self.expression(shape, 2)))
        return made

    def gates(self, states: list[Ref]) -> list[Statement]:
        """Functions of sums of products that share their operands, as the gates of a cell are."""
        made: list[Statement] = []
        before = replace(self.one_of(states), when=Now(-1))
        operands = self.one_of([[_X, before], [_X, before], [before], [before, _X]])
        shape = before.var.shape if self.chance(60) else self.rows()
        biased = self.chance(40)
        for _ in range(self.number(0, 3)):
            terms: list[Expr] = [
                Call("matmul", (operand, self.weight((operand.var.shape[1], shape[1]))))
                for operand in (operands if self.chance(90) else operands[:1])
            ]
            if biased:
                terms.append(Call("rows", (self.weight((shape[1],)),)))
            if self.chance(15):
                terms.insert(self.number(0, len(terms)), self.leaf(shape))
            total = terms[0]
            for term in terms[1:]:
                total = Call("subtract" if self.chance(5) else "add", (total, term))
            value = total if self.chance(5) else Call(self.one_of([*_SMOOTH, "sigmoid"]), (total,))
            if self.chance(15):  # computed in between, and perhaps an operand afterwards
                made += self.values("A", "value", 1, 1)
            made.append(self.statement(self.timed("G", shape, "value"), value))
            self.gate_terms[made[-1].target] = terms
            if self.chance(15):
                operands = [*operands[:-1], made[-1].target]
        return made

    def through_gates(self, incoming: list[Ref], carries: list[Ref]) -> dict[Ref, Expr]:
        """Adjoints that are linear in one another, and the carries that sum them up.

        Some are those of gates' arguments, some hand on a single other one elementwise, some are
        products with weights.
        """
        found: dict[Ref, Expr] = {}
        known = list(incoming)
        passed_on: dict[Ref, list[tuple[Ref, Ref]]] = {}
        value: Expr
        for gate, terms in self.gate_terms.items():
            fitting = [ref for ref in incoming if ref.var.shape == gate.var.shape]
            if not fitting or self.chance(10):
                continue
            adjoint = self.timed(f"da{gate.var.name}", gate.var.shape, "adjoint")
            found[adjoint] = Call("multiply", (self.one_of(fitting), self._known(gate.var.shape)))
            known.append(adjoint)
            for term in terms:
                match term:
                    case Call("matmul", (Ref() as operand, Ref() as weight)):
                        value = Call("contract", (operand, adjoint))
                        passed_on.setdefault(replace(operand, when=Now()), []).append(
                            (adjoint, weight)
                        )
                    case Call("rows", (Ref() as weight,)):
                        value = Call("column_sum", (adjoint,))
                    case _:
                        continue
                self.gate_sums.append((weight, value))
        for _ in range(self.number(0 if found else 1, 3)):
            above = self.one_of(known)
            shape = above.var.shape
            if self.chance(20):
                shape = self.rows()
                value = self._through_weights([above], shape)
            else:
                value = Call("multiply", (above, self._known(shape)))
                others = [ref for ref in known if ref.var.shape == shape and ref != above]
                if others and self.chance(30):
                    other = Call("multiply", (self.one_of(others), self._known(shape)))
                    value = Call(self.one_of(["add", "subtract"]), (value, other))
            known.append(self.timed("da", shape, "adjoint"))
            found[known[-1]] = value
        computed = list(found)
        for carry in carries:
            shape = carry.var.shape
            total: Expr | None = None
            for operand, pairs in passed_on.items():
                if operand.var.name == carry.var.name.removeprefix("d").removesuffix("_prev"):
                    for adjoint, weight in pairs:
                        product = Call("matmul", (adjoint, Call("transpose", (weight,))))
                        total = product if total is None else Call("add", (total, product))
            if total is None or self.chance(20):
                some = [ref for ref in computed if self.chance(70)] or computed[:1]
                total = self._through_weights(some, shape)
            for ref in known:
                if ref.var.shape == shape and self.chance(60):
                    total = Call("add", (total, Call("multiply", (ref, self._known(shape)))))
            found[carry] = total
        return found

    def _through_weights(self, adjoints: list[Ref], shape: Shape) -> Expr:
        total: Expr | None = None
        for ref in adjoints:
            weight = Call("transpose", (self.weight((shape[1], ref.var.shape[1])),))
            product = Call("matmul", (ref, weight))
            total = product if total is None else Call("add", (total, product))
        assert total is not None  # there is an adjoint
        return total

    def _known(self, shape: Shape) -> Expr:
        """What the forward pass knows, mostly the derivative of a function."""
        one = Const(Fraction(1))
        values = [r for r in self.readable if r.var.shape == shape and r.var.role == "value"]
        if not values:
            return Call("rows", (self.weight((shape[1],)),))
        value, other = self.one_of(values), self.one_of(values)
        match self.one_of(["bare", "sigmoid", "tanh", "difference"]):
            case "sigmoid":
                return Call("multiply", (value, Call("subtract", (one, value))))
            case "tanh":
                return Call("subtract", (one, Call("multiply", (value, value))))
            case "difference":
                return Call("subtract", (value, other))
        return value

    def _anew(self, target: Ref, stem: str, role: Role) -> list[Statement]:
        """`target` written again, mostly from its old value, between two readers of the same."""
        shape = target.var.shape
        reader = Call("multiply", (target, self.leaf(shape)))
        value = self.expression(shape, 2)
        if self.chance(70):
            value = Call(self.one_of(["add", "multiply"]), (value, reader))
        return [
            self.statement(self.timed(stem, shape, role), reader),
            self.statement(target, value),
            self.statement(self.timed(stem, shape, role), reader),
        ]

    def _on_a_condition(self, target: Ref, stem: str, role: Role) -> list[Statement]:
        """What a sample past its length keeps, or a weighted sample makes of a value."""
        shape, given = target.var.shape, _LENGTHS
        if self.chance(30):
            weighed = Call("multiply", (target, _loss_weights(shape)))
            return [self.statement(target, weighed, ("loss weights",))]
        ended, zero = _ended(shape), _zero()
        other = self.leaf(shape)
        if self.chance(50):
            return [self.statement(target, Call("select", (ended, other, target)), given)]
        held = self.timed(stem, shape, role)
        return [
            self.statement(held, Call("select", (ended, target, zero)), given),
            self.statement(target, Call("select", (ended, zero, target)), given),
            self.statement(target, Call("add", (target, held)), given),
        ]

    def at_once(self) -> list[Statement]:
        """Statements before a loop, for all steps at once or of no step."""
        made = []
        if self.chance(15):
            product = Call("matmul", (_X, self.weight(("D", "H"))))
            target = self.timed("P", ("B", "H"), "value")
            self.readable.append(target)
            made.append(self.statement(_every(target), rewrite(product, _for_every_step)))
            self.readable.remove(_every(target))
        if self.chance(10):
            target = Ref(Var(self.name("C"), ("D", "H"), "value"))
            a, b = self.weight(("D", "H")), self.weight(("D", "H"))
            made.append(self.statement(target, Call("multiply", (a, b))))
        return made

    def gradients(self) -> list[Statement]:
        made = []
        for gate_weight, product in self.gate_sums:
            var = gate_weight.var
            target = Ref(_gradient(f"d{var.name}", var))
            made.append(self.statement(target, product, accumulate=True))
        summed = {s.target.var.name for s in made}
        others = [w for w in self.weights.values() if self.chance(50) or f"d{w.name}" not in summed]
        for weight in self.one_of([[], *map(list, _beginnings(others))]):
            target = Ref(_gradient(f"d{weight.name}", weight))
            conditions: list[tuple[Option, ...]] = self.one_of(
                [[()], [()], [()], [(), ()], [(), _LENGTHS], [_LENGTHS, ()]]
            )
            for given in conditions:
                value = self.expression(weight.shape)
                made.append(self.statement(target, value, given, accumulate=True))
        return made

    # --- phases -----------------------------------------------------------------------------

    def program(self) -> Program:
        forward, states = self.forward()
        values = list(self.readable)
        computed = [r for r in values if r.var.role == "value" and _is_here(r)]
        outputs = [self.one_of(computed)]
        others = [ref for ref in computed if ref != outputs[0]]
        if others and self.outputs > 1:
            outputs.append(self.one_of(others))
        self.in_loss = True
        loss, seeds, cost = self.loss(*outputs)
        self.in_loss = False
        self.readable, self.written = [*values, *seeds], []
        backward, carries, gradients = self.backward(states, seeds)
        inputs, dx = self.inputs()
        put_out, of_them = (tuple(ref.var for ref in refs) for refs in (outputs, seeds))
        entries = {
            "forward": tuple(dict.fromkeys((*put_out, *(state.var for state in states)))),
            "loss": (cost, *of_them),
            "gradients": (*(state.var for state in states), cost, *gradients),
            "pullback": (*gradients, dx),
        }
        phases = (
            Phase("forward", tuple(forward)),
            Phase("loss", tuple(loss)),
            Phase("backward", tuple(backward)),
            Phase("inputs", tuple(inputs)),
        )
        weights = tuple(self.weights.values())
        return validate(Program("random", weights, phases, entries, put_out, of_them, carries))

    def forward(self) -> tuple[list[Block], list[Ref]]:
        blocks: list[Block] = list(self.at_once())
        states = []
        for _ in range(self.number(1, 2)):
            name = self.name("S")
            shape: Shape = ("B", self.one_of(["H", "O"]))
            before = Ref(Var(f"{name.lower()}_0", shape, "initial"))
            states.append(Ref(Var(name, shape, "value", True, before), Now()))
            self.readable.append(replace(states[-1], when=Now(-1)))
        body = [*self.gates(states), *self.values("A", "value", 1, 3)]
        for state in states:
            body.append(self.statement(state, self._bounded(state)))
            if self.chance(40):
                shape = state.var.shape
                ended = Ref(Var(f"ended{shape[1]}", shape, "lengths", True), Now())
                before = replace(state, when=Now(-1))
                kept = Call("select", (ended, before, state))
                body.append(self.statement(state, kept, ("lengths",)))
        body += self.values("F", "value", 0, 2)
        blocks.append(Loop("forward", tuple(body)))
        self._leave()
        if self.chance(15):
            blocks.append(Loop("forward", tuple(self.values("N", "value", 1, 2))))
            self._leave()
        return blocks, states

    def _bounded(self, state: Ref) -> Expr:
        """A next state that does not grow without bound, mostly an interpolation."""
        shape, before = state.var.shape, replace(state, when=Now(-1))
        if self.chance(50):
            return Call("tanh", (self.expression(shape),))
        z, new = Call("sigmoid", (self.leaf(shape),)), Call("tanh", (self.leaf(shape),))
        old = Call("multiply", (Call("subtract", (Const(Fraction(1)), z)), before))
        return Call("add", (old, Call("multiply", (z, new))))

    def _leave(self) -> None:
        """After a loop: scratch and what was there on a condition are gone."""
        self.readable = [ref for ref in self.readable if ref.var.role != "work"]
        self.written = []

    def loss(self, prediction: Ref, *others: Ref) -> tuple[list[Block], list[Ref], Var]:
        """The loss of a prediction, with the adjoints of it and of other outputs: 0, or some."""
        shape = prediction.var.shape
        target = Ref(Var("Y", shape, "target", True), Now())
        error = self.timed("E", shape, "value")
        self.readable.append(target)
        body = [self.statement(error, Call("subtract", (prediction, target)))]
        body += self.values("Q", "value", 0, 2)
        dE, dO = self.timed("dE", shape, "adjoint"), Ref(Var("dO", shape, "adjoint", True), Now())
        body.append(self.statement(dE, error if self.chance(60) else self.expression(shape)))
        body.append(self.statement(dO, dE if self.chance(60) else self.expression(shape)))
        cost = Ref(Var("loss", (), "loss"))
        for _ in range(2 if self.chance(15) else 1):
            body.append(self.statement(cost, self._scalar(2), accumulate=True))
        if self.chance(50):
            weighed = Call("multiply", (dO, _loss_weights(shape)))
            body.append(self.statement(dO, weighed, ("loss weights",)))
        seeds = [dO]
        for other in others:
            of_other = other.var.shape
            seeds.append(Ref(Var(f"dO_{other.var.name}", of_other, "adjoint", True), Now()))
            value = self.expression(of_other) if self.chance(50) else _zero()
            body.append(self.statement(seeds[-1], value))
        return [Loop("forward", tuple(body))], seeds, cost.var

    def backward(self, states: list[Ref], seeds: list[Ref]) -> tuple[list[Block], Any, list[Var]]:
        body: list[Statement] = []
        carries = []
        for state in states:
            name, shape = f"d{state.var.name}_prev", state.var.shape
            last = Ref(Var(f"d{state.var.name}_last", shape, "last"))
            carry = Ref(Var(name, shape, "adjoint", True, last), Now())
            incoming: Expr = replace(carry, when=Now(1))
            if self.chance(20):  # not an addend
                incoming = Call("multiply", (incoming, self.leaf(shape)))
            for seed in (each for each in seeds if each.var.shape == shape):
                pair = (seed, incoming) if self.chance(70) else (incoming, seed)
                incoming = Call("subtract" if self.chance(10) else "add", pair)
            dS = Ref(Var(f"d{state.var.name}", shape, "adjoint", True), Now())
            body.append(self.statement(dS, incoming))
            carries.append(carry)
            if self.chance(20):
                self.readable.append(replace(carry, when=Now(1)))
        linear = self.chance(60)
        through = self.through_gates([s.target for s in body], carries) if linear else {}
        body += [] if linear and self.chance(50) else self.values("dA", "adjoint", 1, 3)
        for adjoint, value in through.items():
            if adjoint not in carries:
                body.append(self.statement(adjoint, value))
        for carry in carries:
            value = through.get(carry) or self._bounded_adjoint(carry.var.shape)
            body.append(self.statement(carry, value))
        body += self.values("dF", "adjoint", 0, 1)
        sums = self.gradients()
        gradients = list(dict.fromkeys(s.target.var for s in sums))
        loop = Loop("reverse", (*body, *sums))
        after = self._summed_at_once({gradient.adjoint_of for gradient in gradients})
        gradients += [s.target.var for s in after]
        self._leave()
        return [loop, *after], tuple(carry.var for carry in carries), gradients

    def _bounded_adjoint(self, shape: Shape) -> Expr:
        value = self.expression(shape)
        return value if self.chance(50) else Call("tanh", (value,))

    def _summed_at_once(self, summed: set[str]) -> list[Statement]:
        """A sum over time that has left its loop already, of a weight that is not `summed` yet."""
        rows = [r for r in self.readable if r.var.role == "adjoint" and _is_here(r)]
        if not rows or not self.chance(20):
            return []
        factor = self.one_of(rows)
        weight = self.weight(("D", factor.var.shape[1]))
        if weight.var.name in summed:
            weight = self.new_weight(weight.var.shape)
        gradient = _gradient(self.name(f"d{weight.var.name}_all"), weight.var)
        value = Call("contract", (_every(_X), _every(factor)))
        return [self.statement(Ref(gradient), value)]

    def inputs(self) -> tuple[list[Block], Var]:
        body = self.values("dI", "adjoint", 0, 1)
        dx = Ref(Var("dx", _X.var.shape, "adjoint", True), Now())
        body.append(self.statement(dx, self.expression(dx.var.shape)))
        direction: Literal["forward", "reverse"] = self.one_of(["forward", "reverse"])
        return [Loop(direction, tuple(body))], dx.var


def _zero() -> Const:
    return Const(Fraction(0))


def _width(expression: Expr) -> str:
    return shape_of(expression)[1]


def _is_here(ref: Ref) -> bool:
    return ref.when == Now()


def _gradient(name: str, weight: Var) -> Var:
    return Var(name, weight.shape, "gradient", adjoint_of=weight.name)


def _every(ref: Ref) -> Ref:
    return replace(ref, when=Every())


def _for_every_step(part: Expr) -> Expr | None:
    return _every(part) if isinstance(part, Ref) and isinstance(part.when, Now) else None


def _ended(shape: Shape) -> Ref:
    return Ref(Var(f"ended{shape[1]}", shape, "lengths", True), Now())


def _loss_weights(shape: Shape) -> Ref:
    return Ref(Var(f"V{shape[1]}", shape, "loss weights", True), Now())


def _beginnings(items: list[_Item]) -> list[list[_Item]]:
    return [items[:n] for n in range(1, len(items) + 1)]


# --- running them ---------------------------------------------------------------------------------


def arrays(program: Program, steps: int, given: tuple[str, ...], seed: int = 0) -> dict[str, Any]:
    """Random values for all that `program` is given, but for the optional arguments it lacks."""
    rng = np.random.default_rng(seed)
    drawn = {"input", "target", "loss weights", "initial", "last", "weight"}
    found: dict[str, Any] = {}
    variables = program.variables()
    for var in [variables[name] for name in sorted(variables)]:
        if var.role not in drawn | {"lengths", "count"} and var not in program.seeds:
            continue  # it is computed
        shape = tuple(SIZES[letter] for letter in var.shape)
        if var.role == "lengths" and "lengths" in given:
            lengths = np.random.default_rng(seed).integers(1, steps + 1, SIZES["B"])
            found[var.name] = np.arange(steps)[:, None, None] >= lengths[:, None]
        elif var.role == "count":
            found[var.name] = steps * SIZES["B"]
        elif var.role in drawn or (var in program.seeds and "pullback" in given):
            value = rng.uniform(-1, 1, (steps, *shape) if var.timed else shape)
            if var.role == "loss weights" and "loss weights" not in given:
                continue
            if var.role == "last" and "pullback" not in given:
                value = 0 * value
            found[var.name] = value
    return found


def handed_out(
    program: Program,
    entry: str,
    values: Mapping[str, Any],
    steps: int,
    given: tuple[Option, ...],
    kept: set[str] | None = None,
    planned: Plan | None = None,
) -> dict[str, Any]:
    """What the entry point hands out, having run the phases up to the last that it needs.

    A pullback brings the seed, which the loss phase computes for the others.
    """
    pullback = "pullback" in given
    wanted = {*program.entries[entry], *(program.carries if pullback else ())}
    written = [
        {ref.var for s in statements(phase.blocks) for ref in writes(s)} for phase in program.phases
    ]
    last = max(i for i, variables in enumerate(written) if variables & wanted)
    phases = [p.name for p in program.phases[: last + 1] if not (pullback and p.name == "loss")]
    if planned is not None:
        found = run(planned, values, steps, given, phases=phases)
    else:
        found = interpret(program, values, steps, given, phases=phases, kept=kept)
    results = {var.name: np.array(found[var.name]) for var in program.entries[entry]}
    if pullback:
        results |= {var.name: np.array(found[var.name][0]) for var in program.carries}
    return results
