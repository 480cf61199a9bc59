"""Fusion of additions into products, by identity blocks among the weights.

Expects products of packs by transposed, stacked weights (`stack_products`) and elementwise
products as their addends. Leaves those addends as neighbours of the operands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from gru_codegen.ir import (
    Call,
    Expr,
    Loop,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    reads,
    shape_of,
    statements,
)
from gru_codegen.passes.pack.neighbours import Neighbours
from gru_codegen.passes.support.algebra import added_up
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["fuse_additions", "grown"]


def fuse_additions(program: Program) -> Program:
    """Let the products of backward loops do the additions behind them.

    ``dS_prev = [daR daZ] [Wrecr Wrecz]^T + dS o F + dRS o R`` is one product with two neighbours
    more, dS o F and dRS o R, and two identities. That pays where calls cost more than
    multiplications: for very small batches and states.
    """
    names_in_use = names_in(program)
    neighbours = Neighbours(program, names_in_use)
    readers = Counter(ref for s in program.statements() for ref in reads(s.value))

    def change(loop: Loop) -> Iterator[Loop]:
        if loop.direction == "reverse":
            body = tuple(_fused(list(statements(loop.body)), neighbours, names_in_use, readers))
            loop = replace(loop, body=body)
        yield loop

    return program.with_loops(change)


def _fused(
    body: list[Statement], neighbours: Neighbours, names_in_use: set[str], readers: Counter[Ref]
) -> Iterator[Statement]:
    products = {s.target: s for s in body if _is_stacked_product(s)}
    gone: set[Ref] = set()
    changed: list[list[Statement]] = []
    for statement in body:
        addends = list(added_up(statement.value))
        stacked = [a for a in addends if isinstance(a, Ref) and a in products]
        own = statement.target.var.shape
        terms = [a for a in addends if _is_elementwise_product(a) and shape_of(a) == own]
        same_shape = {own}
        if (
            len(stacked) != 1
            or len(stacked) + len(terms) < len(addends)
            or not terms
            or readers[stacked[0]] != 1
            or not _can_grow(products[stacked[0]], neighbours)
            or {products[stacked[0]].target.var.shape} != same_shape
        ):
            changed.append([statement])
            continue
        ordered = sorted(terms, key=_order(products[stacked[0]], body))
        made = [_term(statement, term, names_in_use) for term in ordered]
        product = grown(products[stacked[0]], [s.target for s in made], neighbours)
        gone.add(stacked[0])
        changed.append([*made, replace(product, target=statement.target, origin=statement.origin)])
    for statements_of_one in changed:
        yield from (s for s in statements_of_one if s.target not in gone)


def _is_stacked_product(statement: Statement) -> bool:
    value = statement.value
    if not (isinstance(value, Call) and value.operation == "matmul"):
        return False
    operand, weights = value.args
    packed = isinstance(operand, Ref) and len(operand.var.parts) == 1
    if statement.target.var.role != "work":
        return False
    turned = isinstance(weights, Call) and weights.operation == "transpose"
    return packed and turned and not statement.given


def _is_elementwise_product(expression: Expr) -> bool:
    if not (isinstance(expression, Call) and expression.operation == "multiply"):
        return False
    return all(isinstance(argument, Ref) and argument.var.timed for argument in expression.args)


def _can_grow(product: Statement, neighbours: Neighbours) -> bool:
    """Return whether the operands of `product` are a whole run, which neighbours can join."""
    assert isinstance(product.value, Call)
    operand = product.value.args[0]
    assert isinstance(operand, Ref)
    return neighbours.can_grow(operand.var.parts[0])


def _order(product: Statement, body: list[Statement]) -> Callable[[Expr], int]:
    """The order of the adjoints that the operands of `product` are made of."""
    made_of = {s.target: next(iter(reads(s.value)), None) for s in body}
    order = [made_of.get(ref) for ref in reads(product.value)]

    def index(term: Expr) -> int:
        adjoint = next(iter(reads(term)))
        return order.index(adjoint) if adjoint in order else len(order)

    return index


def _term(statement: Statement, term: Expr, names_in_use: set[str]) -> Statement:
    target = statement.target
    (adjoint, *_) = reads(term)
    stem = f"{target.var.name}_via_{adjoint.var.name}"
    name = fresh(stem, names_in_use)
    meaning = f"part of {target.var.name} by way of {adjoint.var.name}"
    ref = Ref(Var(name, target.var.shape, "adjoint", True, meaning=meaning), Now())
    return Statement(ref, term)


def grown(product: Statement, terms: list[Ref], neighbours: Neighbours) -> Statement:
    """`product` with more neighbours, and an identity for each among its weights."""
    assert isinstance(product.value, Call)
    operand, weights = product.value.args
    assert isinstance(operand, Ref)
    assert isinstance(weights, Call)
    run = operand.var.parts[0] if operand.var.parts else (operand,)
    (stacked,) = weights.args
    beside = isinstance(stacked, Call) and stacked.operation == "beside"
    blocks = stacked.args if isinstance(stacked, Call) and beside else (stacked,)
    identities = [Call("identity", (blocks[0],)) for _ in terms]
    if run in neighbours.runs:
        neighbours.runs.remove(run)  # it goes on, with more of them
    grown = neighbours.make((*run, *terms))
    turned = Call("transpose", (Call("beside", (*blocks, *identities)),))
    return replace(product, value=Call("matmul", (grown, turned)))
