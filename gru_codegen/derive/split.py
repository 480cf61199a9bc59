"""The backward pass of one time step, taken apart by whose error it carries.

The adjoint equations are linear, so each adjoint is a sum: what the error of its own time step
gives, and what arrives with the carries from later ones. Both follow the same equations. They
differ where they begin: with the derivative of the step's own loss, or with the carry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix

from gru_codegen.derive.formulas import AdjointEquation, Formulas
from gru_codegen.derive.sums import factored, total
from gru_codegen.derive.unrolled import Definition, Indexed, substitute
from gru_codegen.notation import Common, Notation, RowFunction, leaves

__all__ = ["Error", "Split", "Whose"]

#: The error that an adjoint carries: that of its own time step, of later ones, or all.
Whose = Literal["own", "later", ""]
_EACH: tuple[Whose, ...] = ("own", "later", "")


@dataclass(frozen=True)
class Error:
    """The adjoint equations of a time step for the error of one kind, and what weights get of it.

    Attributes
    ----------
    whose: own, later, or "" for both together.
    adjoints: (symbol, expression) in the order of computation; without copies and zeros.
    gradients: what this step adds to the gradient of each weight, and to the adjoint of what is
        computed of weights alone; without those that get nothing.
    """

    whose: Whose
    adjoints: tuple[Definition, ...]
    gradients: Mapping[MatrixSymbol, Any]

    def needed(self, weights: Iterable[MatrixSymbol]) -> tuple[Definition, ...]:
        """The adjoint equations that the gradients of `weights` need."""
        read = {leaf for w in weights if w in self.gradients for leaf in leaves(self.gradients[w])}
        needed = []
        for symbol, value in reversed(self.adjoints):
            if symbol in read:
                needed.append((symbol, value))
                read.update(leaves(value))
        return tuple(reversed(needed))

    def by_hand(self, expression: Any, marks: Mapping[MatrixSymbol, int] | None = None) -> Any:
        """`expression` with every adjoint of the step replaced by what it is in forward values.

        Carries from later steps stay, and so do the names of the forward pass. The adjoints in
        `marks` are marked by their numbers wherever they come to stand.
        """
        values: dict[Any, Any] = {}
        for symbol, value in self.adjoints:
            written = substitute(value, values)
            number = None if marks is None else marks.get(symbol)
            values[symbol] = written if number is None else Common(written, number)
        return substitute(expression, values)

    @property
    def common(self) -> dict[MatrixSymbol, int]:
        """The adjoints that several of the gradients need, numbered as they come."""
        lines = self.needed(self.gradients)
        readers: Counter[MatrixSymbol] = Counter()
        for formula in (*(value for _, value in lines), *self.gradients.values()):
            readers.update(set(leaves(formula)))
        composed = {symbol for symbol, value in lines if not isinstance(value, MatrixSymbol)}
        needed = [leaf for formula in self.gradients.values() for leaf in self._within(formula)]
        shared = [s for s in dict.fromkeys(needed) if s in composed and readers[s] > 1]
        return {symbol: number for number, symbol in enumerate(shared)}

    def _within(self, formula: Any) -> Iterator[MatrixSymbol]:
        """The symbols of `formula`, each followed by those of its own equation."""
        values = dict(self.adjoints)
        for leaf in leaves(formula):
            yield leaf
            if leaf in values:
                yield from self._within(values[leaf])


@dataclass(frozen=True)
class Split:
    """The backward pass of step `step` of `steps`: own error, what arrives, and both together.

    `notation` writes all of it, at ``step=0``.
    """

    step: int
    steps: int
    own: Error
    later: Error
    whole: Error
    notation: Notation

    @classmethod
    def of(cls, derivation: Formulas, steps: int, step: int) -> Split:
        """Take the backward pass of `derivation` at `step` of `steps` apart.

        Raises
        ------
        ValueError: there is no such step.
        """
        if not 1 <= step <= steps:
            raise ValueError(f"step: expected 1 to {steps}, got {step}")
        author = _Author(derivation, steps, step)
        own, later, whole = (author.error(whose) for whose in _EACH)
        return cls(step, steps, own, later, whole, author.notation)

    def different(self, weights: Iterable[MatrixSymbol]) -> list[MatrixSymbol]:
        """The adjoints, for `weights`, whose equations are not the same for both errors."""
        own, later = (self._unlabelled(error.needed(weights)) for error in (self.own, self.later))
        return [symbol for symbol in {**own, **later} if own.get(symbol) != later.get(symbol)]

    def _unlabelled(self, lines: Iterable[Definition]) -> dict[MatrixSymbol, Any]:
        names = {
            symbol: MatrixSymbol(symbol.name.removesuffix(f"[{whose}]"), *symbol.shape)
            for symbol, whose in self.notation.labels.items()
        }
        return {names[symbol]: substitute(value, names) for symbol, value in lines}


class _Author:
    def __init__(self, derivation: Formulas, steps: int, step: int) -> None:
        self.derivation, self.step = derivation, step
        self.indexed = Indexed(derivation, steps)
        self.labels: dict[MatrixSymbol, str] = {}
        self.labelled: dict[tuple[MatrixSymbol, Whose], MatrixSymbol] = {}

    def error(self, whose: Whose) -> Error:
        """The equations of the step for the error of one kind."""
        derivation = self.derivation
        values: dict[Any, Any] = {}  # of what is not a line of its own
        lines: dict[MatrixSymbol, Any] = {}
        of_loss, seeds = derivation.of_loss, derivation.seeds
        for adjoint in derivation.adjoints:
            labelled = self.symbol(adjoint.target, whose)
            value = _without_ones(substitute(self.value(adjoint, whose), values))
            if adjoint.target == seeds[0] and whose != "later":
                value = self.seed(value)
            is_name = isinstance(value, (MatrixSymbol, ZeroMatrix)) and adjoint.carry is None
            within_loss = adjoint.of in of_loss and adjoint.target not in seeds
            if within_loss or is_name or _is_zero(value):
                values[labelled] = value
            else:
                lines[labelled] = value
        gradients = {
            g.weight: substitute(self.labelled_at(g.summand, whose), values)
            for g in derivation.sums
        }
        gradients = {weight: value for weight, value in gradients.items() if not _is_zero(value)}
        return Error(whose, tuple(_without_copies(lines, gradients)), gradients)

    def value(self, adjoint: AdjointEquation, whose: Whose) -> Any:
        """The sum of an adjoint equation, without the terms of the error that is not meant."""
        if not whose:
            return self.labelled_at(adjoint.factored, whose)
        parts = [t.expression for t in adjoint.terms if whose != "later" or t.of is not None]
        if adjoint.carry is not None and whose == "later":
            parts.append(adjoint.carry)
        notation = self.derivation.notation
        arranged = notation.arrange(total(parts, adjoint.of.shape))
        form = factored(arranged, frozenset(notation.adjoints), notation)
        return self.labelled_at(form, whose)

    def seed(self, derived: Any) -> Any:
        """The adjoint of the first output: as it is derived, or as everyone knows it."""
        loss = self.derivation.loss
        if loss.known is None:
            return derived
        minus = MatMul(-1, loss.target)
        known = MatAdd(RowFunction(loss.known.function, loss.predictions[0]), minus)
        return self.indexed.at(known, self.step)

    def labelled_at(self, expression: Any, whose: Whose) -> Any:
        """`expression` at the step, its adjoints those of the error of one kind."""
        now = self.indexed.at(expression, self.step)
        names = {
            self.indexed.symbols[a.target, self.step]: self.symbol(a.target, whose)
            for a in self.derivation.adjoints
        }
        return substitute(now, names)

    def symbol(self, adjoint: MatrixSymbol, whose: Whose) -> MatrixSymbol:
        """The symbol of an adjoint at the step, for the error of one kind."""
        plain = self.indexed.symbols[adjoint, self.step]
        if not whose:
            return plain
        symbol = MatrixSymbol(f"{plain.name}[{whose}]", *plain.shape)
        self.labels[symbol] = whose
        self.labelled[adjoint, whose] = symbol
        return symbol

    @property
    def notation(self) -> Notation:
        """The notation of the symbols of all steps, and of the labelled ones."""
        known, source = self.indexed.notation, self.derivation.notation
        steps = dict(known.steps)
        for (adjoint, _), symbol in self.labelled.items():
            name, offset = source.steps[adjoint]
            steps[symbol] = (name, self.step + offset)
        adjoints = (*known.adjoints, *self.labelled.values())
        return replace(known, adjoints=adjoints, steps=steps, labels=self.labels)


def _without_copies(
    lines: Mapping[MatrixSymbol, Any], gradients: Mapping[MatrixSymbol, Any]
) -> Iterator[Definition]:
    """The lines, but for one that only a copy reads: the copy takes its value."""
    formulas = (*lines.values(), *gradients.values())
    values: dict[Any, Any] = {}
    for symbol, value in lines.items():
        value = substitute(value, values)
        readers = [formula for formula in formulas if symbol in set(leaves(formula))]
        if readers and all(formula == symbol for formula in readers):
            values[symbol] = value
        else:
            yield symbol, value


def _without_ones(value: Any) -> Any:
    """`value`, its elementwise products without the ones that come with a derivative of a sum."""
    if not isinstance(value, (MatAdd, MatMul, HadamardProduct)):
        return value
    arguments = [_without_ones(a) if a.is_Matrix else a for a in value.args]
    if isinstance(value, HadamardProduct):
        arguments = [a for a in arguments if not isinstance(a, OneMatrix)] or arguments[:1]
    return value.func(*arguments) if len(arguments) > 1 else arguments[0]


def _is_zero(value: Any) -> bool:
    return isinstance(value, ZeroMatrix)
