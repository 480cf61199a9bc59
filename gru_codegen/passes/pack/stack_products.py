"""Packing of products: those of a step with common operands become one GEMM.

Expects loops without the statements that need no step before them (`fission_statements`). Leaves
packs of operands, weights stacked as blocks, and copies of inputs beside their neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from gru_codegen.ir import (
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Program,
    Ref,
    Shape,
    Statement,
    Var,
    reads,
    rewrite,
    shape_of,
    statements,
    writes,
)
from gru_codegen.passes.pack.neighbours import Packs
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["stack_products"]


def stack_products(program: Program) -> Program:
    """Stack the products of every time loop.

    ``x Wz + S_prev Wrecz`` is the product of [x S_prev] and [Wz; Wrecz], and with the same operands
    ``x Wr + S_prev Wrecr`` is its right neighbour, so one GEMM gives both. The operands become
    neighbours in a pack, an input by way of a copy, a bias by way of a column of ones.
    """
    names_in_use = names_in(program)
    operands = _Operands(Packs(program, names_in_use), names_in_use)
    program = program.with_loops(lambda loop: _stacked(loop, operands))
    first = program.phases[0]
    return program.with_blocks(
        lambda phase: (*operands.made, *phase.blocks) if phase is first else phase.blocks
    )


def _stacked(loop: Loop, operands: _Operands) -> Iterator[Loop]:
    body = list(statements(loop.body))
    computed = {ref.var for statement in body for ref in writes(statement)}
    sums = [
        operands.ordered(total, computed)
        for index, statement in enumerate(body)
        for total in _sums(index, statement, computed)
    ]
    groups: dict[tuple[object, ...], list[_Sum]] = {}
    for total in sums:
        groups.setdefault(total.key, []).append(total)
    before: dict[int, list[Statement]] = {}
    answers: dict[tuple[int, Expr], Expr] = {}
    for group in groups.values():
        for members in _movable(group, body):
            product = operands.product(members)
            if product is not None:
                before.setdefault(members[0].index, []).append(product)
                targets = product.target.var.parts[0] if len(members) > 1 else (product.target,)
                for member, target in zip(members, targets, strict=True):
                    answers[member.index, member.whole] = member.with_product(target)
    changed: list[Statement] = []
    for index, statement in enumerate(body):

        def rule(expression: Expr, index: int = index) -> Expr | None:
            return answers.get((index, expression))

        value = _rewritten(statement.value, rule)
        products = before.get(index, [])
        if len(products) == 1 and value == products[0].target:  # the product is the whole value
            changed.append(replace(statement, value=products[0].value))
            continue
        changed += [*products, replace(statement, value=value)]
    yield replace(loop, body=tuple(changed))


def _rewritten(value: Expr, rule: Callable[[Expr], Expr | None]) -> Expr:
    """Rewrite `value` by `rule` until nothing changes: answers of `rule` are rewritten too."""
    changed = rewrite(value, rule)
    while changed != value:
        value, changed = changed, rewrite(changed, rule)
    return changed


@dataclass(frozen=True)
class _Sum:
    """A sum with matrix products in it, in the statement at `index`."""

    index: int
    target: Var
    whole: Expr
    operands: tuple[Ref, ...]
    weights: tuple[Expr, ...]
    bias: Expr | None
    rest: tuple[tuple[bool, Expr], ...]
    shape: Shape
    structure: str

    @property
    def key(self) -> tuple[object, ...]:
        return (self.operands, self.bias is not None)

    def with_product(self, product: Expr) -> Expr:
        """The sum with `product` in the place of its products and its bias."""
        total = product
        for negative, addend in self.rest:
            total = Call("subtract" if negative else "add", (total, addend))
        return total


def _sums(index: int, statement: Statement, computed: set[Var]) -> Iterator[_Sum]:
    """The sums of `statement` in which a product waits for the step before."""
    if statement.accumulate or statement.given:
        return
    waiting: list[Expr] = [statement.value]
    while waiting:
        expression = waiting.pop()
        if not isinstance(expression, Call):
            continue
        addends = list(_addends(expression))
        products = dict(_products(addends))
        if not any(ref.var in computed for ref in products):
            waiting += expression.args
            continue
        own = [Call("matmul", (operand, weight)) for operand, weight in products.items()]
        shape = shape_of(own[0])
        fitting = [a for negative, a in addends if not negative and shape_of(a) == shape]
        biases = list(filter(_is_bias, fitting))[:1]
        rest = list(addends)
        for addend in (*own, *biases):
            rest.remove((False, addend))  # once, even if it occurs twice
        waiting += [addend for _, addend in rest]
        yield _Sum(
            index,
            statement.target.var,
            expression,
            tuple(products),
            tuple(products.values()),
            next((b.args[0] for b in biases if isinstance(b, Call)), None),
            tuple(rest),
            shape,
            _structure(statement.value),
        )


def _addends(expression: Expr, negative: bool = False) -> Iterator[tuple[bool, Expr]]:
    if isinstance(expression, Call) and expression.operation in ("add", "subtract"):
        left, right = expression.args
        yield from _addends(left, negative)
        yield from _addends(right, negative != (expression.operation == "subtract"))
    else:
        yield negative, expression


def _products(addends: list[tuple[bool, Expr]]) -> Iterator[tuple[Ref, Expr]]:
    """The operand and the weights of each product of a matrix of this step and of weights.

    All are of the shape of the first.
    """
    shapes: list[Shape] = []
    for negative, addend in addends:
        if isinstance(addend, Call) and addend.operation == "matmul" and not negative:
            operand, weights = addend.args
            if isinstance(operand, Ref) and operand.var.timed and _is_of_weights(weights):
                shapes.append(shape_of(addend))
                if shapes[-1] == shapes[0]:
                    yield operand, weights


def _is_bias(expression: Expr) -> bool:
    rows = isinstance(expression, Call) and expression.operation == "rows"
    return rows and _is_of_weights(expression)


def _is_of_weights(expression: Expr) -> bool:
    return all(ref.var.is_fixed for ref in reads(expression))


def _structure(expression: Expr) -> str:
    """Operations of `expression` without its variables: like functions become neighbours."""
    if isinstance(expression, Call):
        return f"{expression.operation}({','.join(map(_structure, expression.args))})"
    return str(expression) if isinstance(expression, Const) else "."


def _movable(group: list[_Sum], body: list[Statement]) -> Iterator[list[_Sum]]:
    """Parts of `group` that can be computed together, at the first of them.

    Like structures come first, so that later passes can compute them all at once.
    """
    first = group[0]
    ready = {first.index}
    for member in group[1:]:
        between = body[first.index : member.index]
        written = {ref for statement in between for ref in writes(statement)}
        if not written & set(first.operands):
            ready.add(member.index)
    together = [member for member in group if member.index in ready]
    order = list(dict.fromkeys(member.structure for member in together))
    yield sorted(together, key=lambda member: order.index(member.structure))
    for member in group:
        if member.index not in ready:
            yield [member]


@dataclass
class _Operands:
    """The operands of stacked products as neighbours; a variable is in one run alone.

    An input can be wanted in several runs, so each gets a copy of it. A bias is multiplied by ones.

    weights: those stacked so far, side by side in this order.
    """

    packs: Packs
    names_in_use: set[str]
    weights: list[Ref] = field(default_factory=list)
    runs: list[tuple[_Part, ...]] = field(default_factory=list)
    made: list[Statement] = field(default_factory=list)

    def ordered(self, total: _Sum, computed: set[Var]) -> _Sum:
        """Order the products of `total` as their weights are stacked elsewhere.

        Adjoints that come back through weights are then in the order in which values went forward.
        """

        def order(pair: tuple[Ref, Expr]) -> tuple[bool, int]:
            operand, weights = pair
            stacked = [self.weights.index(ref) for ref in reads(weights) if ref in self.weights]
            return operand.var in computed, stacked[0] if stacked else len(self.weights)

        pairs = sorted(zip(total.operands, total.weights, strict=True), key=order)
        operands, weights = zip(*pairs, strict=True)
        return replace(total, operands=operands, weights=weights)

    def product(self, members: list[_Sum]) -> Statement | None:
        """The GEMM that computes `members`, or None where there is nothing to stack."""
        first = members[0]
        refs = (*first.operands, *([None] if first.bias is not None else []))
        if len(refs) == 1 and len(members) == 1:
            return None
        operand = self._side_by_side(refs)
        if operand is None:
            return None
        bands = [[member.weights[n] for member in members] for n in range(len(first.operands))]
        if first.bias is not None:
            bands.append([member.bias for member in members if member.bias is not None])
        self.weights += [ref for band in bands for weights in band for ref in reads(weights)]
        value = Call("matmul", (operand, _below([_beside(band) for band in bands])))
        target = self.packs.of(tuple(self._target(member) for member in members))
        return Statement(target, value)

    def _side_by_side(self, refs: tuple[Ref | None, ...]) -> Ref | None:
        """The pack of `refs`, None for ones; None if some of them have other neighbours."""
        for run in self.runs:
            for start in range(len(run) - len(refs) + 1):
                window = run[start : start + len(refs)]
                if tuple(part.source for part in window) == refs:
                    return self.packs.of(tuple(part.stored for part in window))
        held = {part.stored.var for run in self.runs for part in run}
        stored = [ref.var for ref in refs if ref is not None and ref.var.role != "input"]
        if held.intersection(stored) or len(set(stored)) < len(stored):
            return None  # a variable is in one run alone, whatever the step
        run = tuple(_Part(ref, self._stored(ref)) for ref in refs)
        if len(run) > 1:
            self.runs.append(run)
        return self.packs.of(tuple(part.stored for part in run))

    def _stored(self, ref: Ref | None) -> Ref:
        """Variable that stands for `ref` in a pack: itself, a copy of an input, or ones."""
        if ref is None:
            meaning = "ones, which biases are multiplied with"
            var = Var(fresh("ones", self.names_in_use), ("B", "1"), "value", True, meaning=meaning)
            return self._filled(var, Const(Fraction(1)))
        if ref.var.role != "input":
            return ref
        meaning = f"copy of {ref.var.name}"
        name = fresh(f"{ref.var.name}_copy", self.names_in_use)
        copy = replace(ref.var, name=name, role="value", meaning=meaning)
        return self._filled(copy, replace(ref, when=Every()))

    def _filled(self, var: Var, value: Expr) -> Ref:
        every = Ref(var, Every())
        self.made.append(Statement(every, value))
        return Ref(var, Now())

    def _target(self, member: _Sum) -> Ref:
        target = member.target
        stem = f"a{target.name}" if target.role == "value" else f"{target.name}_products"
        meaning = "matrix products"
        return Ref(Var(fresh(stem, self.names_in_use), member.shape, "work", meaning=meaning))


class _Part(NamedTuple):
    """Part of a run: the matrix packed, None for ones, and the variable stored for it."""

    source: Ref | None
    stored: Ref


def _beside(weights: list[Expr]) -> Expr:
    return weights[0] if len(weights) == 1 else Call("beside", tuple(weights))


def _below(weights: list[Expr]) -> Expr:
    """Weights one below the other; of transposed ones, the transpose of their row."""
    if len(weights) == 1:
        return weights[0]
    turned = [w.args[0] for w in weights if isinstance(w, Call) and w.operation == "transpose"]
    if len(turned) == len(weights):
        return Call("transpose", (Call("beside", tuple(turned)),))
    return Call("below", tuple(weights))
