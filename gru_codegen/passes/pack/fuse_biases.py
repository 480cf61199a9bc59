"""Fusion of biases into products of inputs over all steps, by a column of ones.

Expects such products outside loops (`fission_loops`). Leaves [x 1] [W; b].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    Block,
    Call,
    Every,
    Expr,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    joined,
    rewrite,
    shape_of,
)
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["fuse_biases"]


def fuse_biases(program: Program) -> Program:
    """Compute ``x W + ones b`` over all steps as the product of [x ones] and [W; b].

    The gradients of W and b then come from one product as well, where they need the same adjoint.
    """
    inputs = _Inputs(names_in(program))
    first, *others = program.phases
    changed = [replace(first, blocks=tuple(inputs.products(first)))]
    changed += [replace(phase, blocks=tuple(inputs.gradients(phase))) for phase in others]
    return replace(program, phases=tuple(changed))


class _Inputs:
    """The inputs that have a border, each with the statement that makes it."""

    def __init__(self, names_in_use: set[str]) -> None:
        self.names_in_use = names_in_use
        self.bordered: dict[Ref, Statement] = {}

    def products(self, phase: Phase) -> Iterator[Block]:
        """The blocks of `phase` with the biases in the products."""
        blocks = [self._with_biases(block) for block in phase.blocks]
        yield from (*self.bordered.values(), *blocks)

    def _with_biases(self, block: Block) -> Block:
        def rule(expression: Expr) -> Expr | None:
            if not (isinstance(expression, Call) and expression.operation == "add"):
                return None
            left, right = expression.args
            for product, bias in ((left, right), (right, left)):
                fit = shape_of(product)[-1:] == shape_of(bias)[-1:]
                if fit and _is_product_of_input(product) and _is_operation(bias, "rows"):
                    assert isinstance(product, Call)
                    assert isinstance(bias, Call)
                    source, weights = product.args
                    assert isinstance(source, Ref)
                    stacked = Call("below", (weights, bias.args[0]))
                    return Call("matmul", (self._border(source), stacked))
            return None

        if not isinstance(block, Statement):
            return block
        value = rewrite(block.value, rule)
        return block if value is block.value else replace(block, value=value)

    def _border(self, source: Ref) -> Ref:
        if source not in self.bordered:
            var = source.var
            name = fresh(f"{var.name}_ones", self.names_in_use)
            meaning = f"{var.name} and a column of ones"
            shape = (var.shape[0], joined((var.shape[1], "1")))
            target = Ref(Var(name, shape, "value", True, meaning=meaning), Every())
            self.bordered[source] = Statement(target, Call("bordered", (source,)))
        return self.bordered[source].target

    def gradients(self, phase: Phase) -> Iterator[Block]:
        """The blocks of `phase` with gradients of weights and biases together."""
        sums = [b for b in phase.blocks if isinstance(b, Statement)]
        biases = {
            s.value.args[0]: s
            for s in sums
            if isinstance(s.value, Call) and s.value.operation == "column_sum"
        }
        together: dict[int, Statement] = {}
        gone: set[int] = set()
        for weights in sums:
            value = weights.value
            if not _is_operation(value, "contract") or weights.target.var.role != "gradient":
                continue
            assert isinstance(value, Call)
            source, adjoint = value.args
            bias = biases.get(adjoint)
            if not isinstance(source, Ref) or source not in self.bordered or bias is None:
                continue
            if bias.target.var.role == "gradient" and id(bias) not in gone:
                gone.add(id(bias))
                product = Call("contract", (self.bordered[source].target, adjoint))
                together[id(weights)] = self._together(weights, bias, product)
        for block in phase.blocks:
            if id(block) not in gone:
                yield together.get(id(block), block)

    def _together(self, weights: Statement, bias: Statement, product: Expr) -> Statement:
        """The gradients of weights and of a bias, one below the other."""
        upper, lower = weights.target, bias.target
        shape = (joined((upper.var.shape[0], "1")), upper.var.shape[1])
        name = fresh(f"{upper.var.name}_{lower.var.name}", self.names_in_use)
        meaning = f"gradients of {upper.var.adjoint_of} and {lower.var.adjoint_of}"
        target = Ref(Var(name, shape, "gradient", meaning=meaning, parts=((upper,), (lower,))))
        return Statement(target, product, weights.origin.united(bias.origin))


def _is_operation(expression: Expr, operation: str) -> bool:
    return isinstance(expression, Call) and expression.operation == operation


def _is_product_of_input(expression: Expr) -> bool:
    """Return whether `expression` is an input, at every step, times weights."""
    if not (isinstance(expression, Call) and expression.operation == "matmul"):
        return False
    source = expression.args[0]
    given = isinstance(source, Ref) and source.var.role == "input"
    return given and isinstance(source, Ref) and source.when == Every()
