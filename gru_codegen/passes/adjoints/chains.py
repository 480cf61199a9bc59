"""Sums of products for chains: statements multiplied out, and products by their prefixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from gru_codegen.ir import Call, Const, Expr, Now, Ref, Statement, Var, reads, shape_of
from gru_codegen.passes.adjoints.linear import LinearBody
from gru_codegen.passes.support.algebra import MOST_TERMS, Term, factors_of, summed
from gru_codegen.passes.support.naming import fresh

__all__ = ["Chains", "Product", "Rest", "Sum", "contains", "sums", "times", "without"]

#: A product: an adjoint and what it is multiplied by, in any order.
Product = frozenset[tuple[Expr, int]]


@dataclass
class Sum:
    """Statement multiplied out: products with their coefficients, and other terms in `rest`."""

    statement: Statement
    products: list[tuple[Fraction, Product]] = field(default_factory=list)
    rest: list[Expr] = field(default_factory=list)


@dataclass(frozen=True)
class Rest:
    """Remainder product - product o `factor`, which is the product times 1 - `factor`."""

    product: Product
    factor: Expr

    @property
    def other(self) -> Product:
        """The subtracted product."""
        return times(self.product, self.factor)


def sums(body: tuple[Statement, ...], linear: LinearBody) -> list[Sum]:
    """Statements of `body` multiplied out, without the adjoints that `linear` substitutes."""
    return [_sum(s, linear) for s in body if s.target.var not in linear.passed_over]


def _sum(statement: Statement, linear: LinearBody) -> Sum:
    linear_form = linear.of(statement)
    if linear_form is None:
        return Sum(statement, rest=[statement.value])
    total: dict[Product, Fraction] = {}
    for adjoint, known in linear_form.known.items():
        for coefficient, factors in _multiplied_out(known):
            product = times(frozenset({(adjoint, 1)}), *factors)
            total[product] = total.get(product, Fraction(0)) + coefficient
    products = [(coefficient, product) for product, coefficient in total.items() if coefficient]
    return Sum(replace(statement, origin=linear.origin(statement)), products, linear_form.rest)


def times(product: Product, *factors: Expr) -> Product:
    """`product` times `factors`."""
    return frozenset((Counter(dict(product)) + Counter(factors)).items())


def contains(product: Product, part: Product) -> bool:
    """Return whether `part` is a divisor of `product`."""
    counts = dict(product)
    return all(counts.get(factor, 0) >= count for factor, count in part)


def without(product: Product, part: Product) -> list[Expr]:
    """Factors of `product` that `part` lacks, in a fixed order."""
    rest = (Counter(dict(product)) - Counter(dict(part))).elements()
    return sorted(rest, key=lambda factor: (isinstance(factor, Call), str(factor)))


class Chains:
    """Statements of a backward step, with the links of each chain before their first reader.

    A product is computed from the longest one that it begins with. `rests` has the remainders by
    their variables; the adjoints are `roots`.
    """

    def __init__(
        self, sums: list[Sum], roots: set[Var], rests: dict[Ref, Rest], names_in_use: set[str]
    ) -> None:
        self.sums, self.roots, self.rests, self.names_in_use = sums, roots, rests, names_in_use
        self.products_of_sums = [product for each in sums for _, product in each.products]
        for ref, rest in reversed(list(rests.items())):  # a rest may be of another one
            if any(factor == ref for product in self.products_of_sums for factor, _ in product):
                self.products_of_sums += [rest.product, rest.other]
        self.parent: dict[Product, tuple[Product, Expr]] = {}
        for product in sorted(set(self.products_of_sums), key=self._order):
            self._link(product)
        self.uses = Counter(self.products_of_sums)
        self.uses.update(before for before, _ in self.parent.values())
        self.made: dict[Product, Expr] = {}
        self.done: set[int] = set()

    def _order(self, product: Product) -> tuple[int, int]:
        """Sort key: short products first, then in the order of the sums."""
        return _length(product), self.products_of_sums.index(product)

    def _root(self, product: Product) -> Ref:
        (root,) = (f for f, _ in product if isinstance(f, Ref) and f.var in self.roots)
        return root

    def _link(self, product: Product) -> None:
        """Give `product` a chain from its longest prefix that has one."""
        known = [p for p in self.parent if contains(product, p)]
        prefix: Product = max(known, key=_length, default=frozenset({(self._root(product), 1)}))
        while missing := without(product, prefix):
            factor = max(missing, key=lambda f: self._use(times(prefix, f)))
            longer = times(prefix, factor)
            self.parent[longer] = (prefix, factor)
            prefix = longer

    def _use(self, part: Product) -> int:
        """Number of products that have `part` as a divisor."""
        return sum(contains(product, part) for product in self.products_of_sums)

    # --- statements -------------------------------------------------------------------------

    def body(self) -> Iterator[Statement]:
        for index, each in enumerate(self.sums):
            if index not in self.done:
                yield from self._written(each, index)
            if index not in self.done:
                self._forget(each.statement.target)

    def _forget(self, target: Ref) -> None:
        """Drop the products whose value changes now that `target` is written."""
        stale = [
            product
            for product, value in self.made.items()
            if target in self._factors(product) or target in reads(value)
        ]
        for product in stale:
            del self.made[product]

    def _factors(self, product: Product) -> set[Ref]:
        """Operands of `product`; of a remainder, those of the product subtracted as well."""
        operands = {ref for factor, _ in product for ref in reads(factor)}
        rest = self.rests.get(self._root(product))
        return operands if rest is None else operands | self._factors(rest.other)

    def _written(self, each: Sum, index: int) -> Iterator[Statement]:
        terms: list[Term] = []
        for coefficient, product in each.products:
            yield from self._made(product, index)
            if index in self.done:
                return
            terms.append(Term(coefficient, (self.made[product],)))
        terms += [Term(Fraction(1), (part,)) for part in each.rest]
        value = summed(terms) if terms else Const(Fraction(0))  # products may cancel
        yield replace(each.statement, value=value)

    def _made(self, product: Product, index: int) -> Iterator[Statement]:
        """Statements that compute `product`, once: a variable if it is read more than once."""
        if product in self.made:
            return
        root = self._root(product)
        if product in self.parent:
            before, factor = self.parent[product]
            yield from self._made(before, index)
            value: Expr = Call("multiply", (self.made[before], factor))
            stem = "_".join(dict.fromkeys(ref.var.name for ref in reads(value)))
            meaning = "a product that several adjoints read"
        elif root in self.rests:
            rest = self.rests[root]
            yield from self._made(rest.product, index)
            yield from self._made(rest.other, index)
            value = Call("subtract", (self.made[rest.product], self.made[rest.other]))
            stem, meaning = root.var.name, root.var.meaning
        else:
            self.made[product] = root
            return
        if self.uses[product] < 2:
            self.made[product] = value
            return
        single = self._single_product(product, index)
        if single is not None:
            statement = self.sums[single].statement
            self.done.add(single)
            self._forget(statement.target)
            if statement.target not in self._factors(product):
                self.made[product] = statement.target
            yield replace(statement, value=value)
            return
        name = fresh(stem, self.names_in_use)
        var = Var(name, shape_of(value), "adjoint", True, meaning=meaning)
        self.made[product] = target = Ref(var, Now())
        yield Statement(target, value)

    def _single_product(self, product: Product, index: int) -> int | None:
        """Index of a later sum that is `product` alone and can move to `index`."""
        for number in range(index, len(self.sums)):
            each = self.sums[number]
            alone = each.products == [(Fraction(1), product)] and not each.rest
            if alone and self._can_move(each.statement.target, product, index, number):
                return number
        return None

    def _can_move(self, target: Ref, product: Product, index: int, number: int) -> bool:
        """Return whether sum `number`, which is `product`, can move to `index`.

        No sum in between may use its target or write an operand of the product.
        """
        between = self.sums[index:number]
        if any(target.var in self._variables(each) for each in between):
            return False
        return not self._factors(product) & {each.statement.target for each in between}

    def _variables(self, each: Sum) -> set[Var]:
        factors = [factor for _, product in each.products for factor, _ in product]
        expressions = (each.statement.target, each.statement.value, *each.rest, *factors)
        return {ref.var for expression in expressions for ref in reads(expression)}


def _multiplied_out(expression: Expr) -> Iterator[tuple[Fraction, tuple[Expr, ...]]]:
    """Terms of `expression`; only a sum with a number is multiplied out.

    Any other sum is one factor, and so is a product of so many sums that the terms would take more
    than the sums save.
    """
    if isinstance(expression, Const):
        yield expression.value, ()
        return
    if isinstance(expression, Call):
        numbers = any(isinstance(argument, Const) for argument in expression.args)
        match expression.operation:
            case "multiply":
                left, right = (list(_multiplied_out(argument)) for argument in expression.args)
                if len(left) * len(right) > MOST_TERMS:
                    yield Fraction(1), tuple(factors_of(expression))
                    return
                for a, some in left:
                    yield from ((a * b, (*some, *others)) for b, others in right)
                return
            case "negate":
                yield from ((-a, some) for a, some in _multiplied_out(expression.args[0]))
                return
            case "add" | "subtract" if numbers:
                sign = 1 if expression.operation == "add" else -1
                yield from _multiplied_out(expression.args[0])
                yield from ((sign * a, some) for a, some in _multiplied_out(expression.args[1]))
                return
    yield Fraction(1), (expression,)


def _length(product: Product) -> int:
    return sum(count for _, count in product)
