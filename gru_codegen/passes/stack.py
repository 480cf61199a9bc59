"""Products of a step that share their operands become one GEMM with the weights stacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Origin,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    reads,
    rewrite,
    shape_of,
    statements,
    writes,
)
from gru_codegen.passes.neighbours import pack
from gru_codegen.passes.wording import equation

__all__ = ["stack"]


def stack(program: Program) -> Program:
    """Stack the products of every time loop.

    ``x Wz + S_prev Wrecz`` is the product of [x S_prev] and [Wz; Wrecz], and with the same operands
    ``x Wr + S_prev Wrecr`` is its right neighbour, so one GEMM gives both. The operands become
    neighbours in a pack, an input by way of a copy, a bias by way of a column of ones.
    """
    packs = _Packs(set(program.variables()))
    program = program.with_blocks(
        lambda phase: tuple(part for block in phase.blocks for part in _stacked(block, packs))
    )
    return program.with_blocks(lambda phase: (*packs.copies(phase), *phase.blocks))


def _stacked(block: Block, packs: _Packs) -> Iterator[Block]:
    if not isinstance(block, Loop):
        yield block
        return
    body = list(statements(block.body))
    computed = {ref.var for statement in body for ref in writes(statement)}
    sums = [s for place, statement in enumerate(body) for s in _sums(place, statement, computed)]
    groups: dict[tuple[object, ...], list[_Sum]] = {}
    for found in sums:
        groups.setdefault(found.key, []).append(found)
    before: dict[int, list[Statement]] = {}
    answers: dict[tuple[int, Expr], Expr] = {}
    for group in groups.values():
        for members in _movable(group, body):
            product = packs.product(members, body)
            if product is not None:
                before.setdefault(members[0].place, []).append(product)
                targets = product.target.var.parts[0] if len(members) > 1 else (product.target,)
                for member, target in zip(members, targets, strict=True):
                    answers[member.place, member.whole] = member.with_product(target)
    changed: list[Statement] = []
    for place, statement in enumerate(body):

        def rule(expression: Expr, place: int = place) -> Expr | None:
            return answers.get((place, expression))

        value = _rewritten(statement.value, rule)
        products = before.get(place, [])
        if len(products) == 1 and value == products[0].target:  # it is all that there is
            changed.append(replace(statement, value=products[0].value))
            continue
        changed += [*products, replace(statement, value=value)]
    yield replace(block, body=tuple(changed))


def _rewritten(value: Expr, rule: Callable[[Expr], Expr | None]) -> Expr:
    """`value` rewritten by `rule`, and what `rule` answers as well."""
    changed = rewrite(value, rule)
    while changed != value:
        value, changed = changed, rewrite(changed, rule)
    return changed


@dataclass(frozen=True)
class _Sum:
    """A sum with matrix products in it, in the statement at `place`."""

    place: int
    target: Var
    whole: Expr
    operands: tuple[Ref, ...]
    weights: tuple[Expr, ...]
    bias: Expr | None
    rest: tuple[tuple[bool, Expr], ...]
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


def _sums(place: int, statement: Statement, computed: set[Var]) -> Iterator[_Sum]:
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
        own = {Call("matmul", (operand, weight)) for operand, weight in products.items()}
        biases = [a for negative, a in addends if not negative and _is_bias(a)][:1]
        taken: set[Expr] = {*own, *biases}
        rest = tuple((n, a) for n, a in addends if n or a not in taken)
        waiting += [addend for _, addend in rest]
        ordered = sorted(products, key=lambda ref: ref.var in computed)
        yield _Sum(
            place,
            statement.target.var,
            expression,
            tuple(ordered),
            tuple(products[operand] for operand in ordered),
            next((b.args[0] for b in biases if isinstance(b, Call)), None),
            rest,
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
    """The operand and the weights of each product of a matrix of this step and of weights."""
    for negative, addend in addends:
        if isinstance(addend, Call) and addend.operation == "matmul" and not negative:
            operand, weights = addend.args
            if isinstance(operand, Ref) and operand.var.timed and _is_of_weights(weights):
                yield operand, weights


def _is_bias(expression: Expr) -> bool:
    rows = isinstance(expression, Call) and expression.operation == "rows"
    return rows and _is_of_weights(expression)


def _is_of_weights(expression: Expr) -> bool:
    return all(ref.var.role == "weight" for ref in reads(expression))


def _structure(expression: Expr) -> str:
    """What is done, without what it is done to: like functions shall be neighbours."""
    if isinstance(expression, Call):
        return f"{expression.operation}({','.join(map(_structure, expression.args))})"
    return str(expression) if isinstance(expression, Const) else "."


def _movable(group: list[_Sum], body: list[Statement]) -> Iterator[list[_Sum]]:
    """Parts of `group` that can be computed together, where the first of them stands.

    Like structures come first, so that what follows can be done for all of them at once.
    """
    first = group[0]
    ready = {first.place}
    for member in group[1:]:
        between = body[first.place : member.place]
        written = {ref for statement in between for ref in writes(statement)}
        if not written & set(first.operands):
            ready.add(member.place)
    together = [member for member in group if member.place in ready]
    order = list(dict.fromkeys(member.structure for member in together))
    yield sorted(together, key=lambda member: order.index(member.structure))
    for member in group:
        if member.place not in ready:
            yield [member]


@dataclass
class _Packs:
    """The packs of a program; a variable belongs to one run of neighbours alone."""

    taken: set[str]
    runs: list[tuple[Ref, ...]] = field(default_factory=list)
    made: dict[str, list[Statement]] = field(default_factory=dict)
    copied: dict[tuple[Ref, int], Ref] = field(default_factory=dict)

    def copies(self, phase: Phase) -> list[Statement]:
        """What the forward phase begins with: inputs and ones in their places."""
        return self.made.get(phase.name, [])

    def product(self, members: list[_Sum], body: list[Statement]) -> Statement | None:
        """The GEMM that computes `members`, or None where nothing is gained."""
        first = members[0]
        if len(first.operands) == 1 and len(members) == 1 and first.bias is None:
            return None
        operand = self._operand(first)
        if operand is None:
            return None
        rows = [
            _beside([member.weights[n] for member in members]) for n in range(len(first.operands))
        ]
        if first.bias is not None:
            rows.append(_beside([m.bias for m in members if m.bias is not None]))
        weights = _below(rows)
        targets = [self._target(member) for member in members]
        target = pack(tuple(targets))
        value = Call("matmul", (operand, weights))
        meaning = "the products of " + " and ".join(m.target.name for m in members)
        return Statement(target, value, Origin(equation(target, value), meaning))

    def _operand(self, first: _Sum) -> Ref | None:
        """The operands of a sum as neighbours, None if some of them have others already."""
        wanted = first.operands
        length = len(wanted) + (first.bias is not None)
        for run in self.runs:
            originals = [self._original(ref) for ref in run]
            for start in range(len(run) - length + 1):
                window = originals[start : start + length]
                ones = window[len(wanted) :]
                if tuple(window[: len(wanted)]) == wanted and all(r is None for r in ones):
                    return pack(run[start : start + length])
        if any(self._original(r) == ref for ref in wanted for run in self.runs for r in run):
            held = {self._original(r) for run in self.runs for r in run}
            if any(ref in held and ref.var.role != "input" for ref in wanted):
                return None
        parts = [self._copy(ref, len(self.runs)) if _is_input(ref) else ref for ref in wanted]
        if first.bias is not None:
            parts.append(self._ones(len(self.runs)))
        if len(parts) > 1:
            self.runs.append(tuple(parts))
        return pack(tuple(parts))

    def _original(self, ref: Ref) -> Ref | None:
        """What a part of a pack is a copy of; None for ones."""
        if ref.var.name.startswith("ones"):
            return None
        copies = {copy: source for (source, _), copy in self.copied.items()}
        return copies.get(ref, ref)

    def _copy(self, ref: Ref, run: int) -> Ref:
        var = ref.var
        name = self._name(f"{var.name}_copy")
        meaning = f"{var.name}, beside what it is multiplied with"
        copy = Ref(replace(var, name=name, role="value", meaning=meaning), ref.when)
        self.copied[ref, run] = copy
        every = replace(copy, when=Every())
        earlier = [other for (original, _), other in self.copied.items() if original == ref]
        source = replace(earlier[0] if len(earlier) > 1 else ref, when=Every())
        self._make(Statement(every, source, Origin(equation(every, source), meaning)))
        return copy

    def _ones(self, run: int) -> Ref:
        meaning = "ones, which biases are multiplied with"
        ref = Ref(Var(self._name("ones"), ("B", "1"), "value", True, meaning=meaning), Every())
        self._make(Statement(ref, Const(Fraction(1)), Origin(f"{ref.var.name}_t = 1", meaning)))
        return replace(ref, when=Now())

    def _make(self, statement: Statement) -> None:
        self.made.setdefault("forward", []).append(statement)

    def _target(self, member: _Sum) -> Ref:
        target = member.target
        stem = f"a{target.name}" if target.role == "value" else f"{target.name}_products"
        meaning = f"the products of {target.name}"
        return Ref(Var(self._name(stem), shape_of(member.whole), "work", meaning=meaning))

    def _name(self, stem: str) -> str:
        names = (stem if n == 1 else f"{stem}_{n}" for n in range(1, len(self.taken) + 2))
        name = next(name for name in names if name not in self.taken)
        self.taken.add(name)
        return name


def _is_input(ref: Ref) -> bool:
    return ref.var.role == "input"


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
