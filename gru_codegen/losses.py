"""A loss, which is minimised, declared in SymPy like a cell.

A loss compares the prediction of one time step with its target, or several predictions, which are
the outputs of a cell in order. ``O`` is the output size; which matrices the predictions are, and so
the size O, is known when the loss is joined to a cell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType
from typing import Any, Literal, get_args

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import (
    check_equations,
    check_file_name,
    check_names,
    check_rows,
    check_symbols,
    check_tuple,
    fault_of_range,
)
from gru_codegen.equations import (
    B,
    Equation,
    check_text,
    hadamard,
    letters,
    matrix,
    not_rational,
    shape_of,
    size,
    written,
)
from gru_codegen.errors import CellError
from gru_codegen.forms import without_single_ones
from gru_codegen.functions import exp, huber, log, reciprocal, sigmoid, softplus
from gru_codegen.known import Known
from gru_codegen.notation import Declared, Notation, OverTime, Schema, leaves
from gru_codegen.outputs import as_tuple, one_or_several
from gru_codegen.own_functions import applied_in
from gru_codegen.rows import share

__all__ = [
    "L2",
    "TARGETS",
    "KnownAdjoint",
    "Loss",
    "Targets",
    "fault_of_draw",
    "losses",
    "require_other_name",
]

O = size("O")  # noqa: E741  # the output size is called O throughout

Targets = Literal["numbers", "positive", "fractions", "labels"]
#: What y may hold: any numbers, positive ones, fractions from 0 to 1, or labels.
TARGETS: tuple[Targets, ...] = get_args(Targets)


@dataclass(frozen=True)
class KnownAdjoint:
    """function(prediction) - target, as ``softmax(O) - Y``; `value` is that of the function."""

    function: str
    value: Any


@dataclass(frozen=True, eq=False, repr=False)
class Loss(Declared):
    """The cost of one time step; the loss is its sum over all steps.

    Attributes
    ----------
    name, title: the name on the command line, the name in words.
    prediction, target: the matrices that are compared, (B, O) each. A tuple of several predictions
        are the first outputs of a cell, as many, and the target has the shape of the first. Sizes
        stand for those of the outputs: those that differ have letters of their own.
    equations: computed in order from these, of their sizes, or (B, 1) as sums of rows are.
    cost: a rational multiple of one trace, the scalar that a step adds to the loss.
    targets: the kind of y, one of `TARGETS`; a label's target is one-hot.
    shifts: symbols whose every row is the largest entry of that row of another, and which the loss
        does not depend on: they keep exponentials in range. That it does not is proved.
    mean: whether the sum is divided by the number of targets: T B O numbers, or T B labels. With
        loss weights or lengths the weights of all targets, added up, are that number.
    known: what everyone knows the adjoint of the first prediction as, if it is derived in another
        form: that it is the same is proved, for rows of the target that add up to 1 if it holds
        labels.
    checks: the lowest and the highest number, ``{Y: (0.1, 2)}``, that checks of kernels draw for
        the target; without it, numbers of order one of its kind.

    Raises
    ------
    CellError: names the equation at fault.
    """

    name: str
    title: str
    prediction: MatrixSymbol | tuple[MatrixSymbol, ...]
    target: MatrixSymbol
    equations: tuple[Equation, ...]
    cost: Any
    mean: bool = False
    targets: Targets = "numbers"
    shifts: Mapping[MatrixSymbol, MatrixSymbol] = field(default_factory=dict)
    known: KnownAdjoint | None = None
    checks: Mapping[MatrixSymbol, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"loss {self.name!r}"
        prediction = one_or_several(where, "prediction", self.prediction)
        object.__setattr__(self, "prediction", prediction)
        given = (*self.predictions, self.target)
        check_file_name(where, self.name)
        check_text(where, "title", self.title)
        check_tuple(where, "equations", self.equations, Equation)
        object.__setattr__(self, "equations", tuple(self.equations))
        check_symbols(where, given)
        for symbol in given:
            check_rows(where, symbol)
        first = self.predictions[0]
        if self.target.shape != first.shape:
            raise CellError(
                f"{where}: the target {self.target} is {letters(self.target)}, and {first}, which "
                f"is predicted, {letters(first)}; the two have one shape"
            )
        computed = [equation.target for equation in self.equations]
        check_names(where, (*given, *computed))
        given = (*given, *self.shifts)
        read = check_equations(where, given, self.equations)
        for equation in self.equations:
            _check_sizes(where, equation, given)
        if own := applied_in(equation.expression for equation in self.equations):
            raise CellError(f"{where}: {own[0].__name__} is not a function of the package")
        read |= _check_cost(where, self.cost, {*given, *computed})
        for symbol in (*given, *computed):
            if symbol not in read:
                raise CellError(f"{where}: {symbol} is read by nothing; use it or remove it")
        _check_targets(self)
        object.__setattr__(self, "checks", MappingProxyType(dict(self.checks)))

    @property
    def predictions(self) -> tuple[MatrixSymbol, ...]:
        """The predictions, one or several."""
        return as_tuple(self.prediction)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """The sizes of the targets of one step, which a mean is taken over."""
        shape = tuple(self.target.shape)
        return shape[:1] if self.targets == "labels" else shape

    @property
    def notation(self) -> Notation:
        """The order and the writing of its symbols."""
        given = (*self.predictions, self.target, *self.shifts)
        computed = tuple(equation.target for equation in self.equations)
        now = {symbol: (symbol.name, 0) for symbol in (*given, *computed)}
        return Notation(given, computed, steps=now)

    def _rows(self) -> list[tuple[Any, Any]]:
        sizes = ("T", *map(str, self.numbers)) if self.mean else ()
        left = Schema(" ".join([*sizes, "L"]), r"\,".join([*sizes, "L"]))
        return [*super()._rows(), (left, OverTime(self.cost))]

    def columns(self, outputs: int) -> int:
        """The number of targets of a sample and a step with so many `outputs`: a label is one."""
        return outputs if len(self.numbers) > 1 else 1

    def of(
        self, outputs: MatrixSymbol | Sequence[MatrixSymbol], names: Collection[str] = ()
    ) -> Loss:
        """The same loss of the first of these `outputs`, which are (B, n): O becomes n.

        names: those of a cell's symbols; symbols of the loss that have one get another.

        Raises CellError where there are too few outputs, or their shapes are others.
        """
        predictions = as_tuple(outputs)[: len(self.predictions)]
        bound: dict[Any, Any] = dict(zip(self.predictions, predictions, strict=False))
        for letter, columns in self.check_outputs(as_tuple(outputs)).items():
            bound[letter] = columns
            bound[share(letter)] = OneMatrix(1, 1) if columns == 1 else share(columns)
        for old, new in self._renamed(names).items():
            bound[old] = matrix(new, *(size.xreplace(bound) for size in old.shape))

        def bind(expression: Any) -> Any:
            return without_single_ones(expression.xreplace(bound))

        equations = (
            replace(e, target=bind(e.target), expression=bind(e.expression)) for e in self.equations
        )
        return replace(
            self,
            prediction=predictions,
            target=bind(self.target),
            checks={bind(symbol): ends for symbol, ends in self.checks.items()},
            shifts={bind(s): bind(above) for s, above in self.shifts.items()},
            equations=tuple(equations),
            cost=bind(self.cost),
            known=self.known and replace(self.known, value=bind(self.known.value)),
        )

    def check_outputs(self, outputs: Sequence[MatrixSymbol]) -> dict[Any, Any]:
        """The number of columns that each size of the loss stands for with a cell's outputs.

        Raises CellError where there are too few outputs, or their shapes are others.
        """
        where, own = f"loss {self.name!r}", " and ".join(map(str, self.predictions))
        if len(outputs) < len(self.predictions):
            raise CellError(
                f"{where}: it reads {len(self.predictions)} outputs, as {own}, and the cell puts "
                f"out {len(outputs)}, {' and '.join(map(str, outputs))}; name more as its output"
            )
        sizes: dict[Any, Any] = {}
        for declared, output in zip(self.predictions, outputs, strict=False):
            letter, columns = declared.shape[1], output.shape[1]
            if sizes.setdefault(letter, columns) != columns or (letter == 1 and columns != 1):
                read, found = (
                    " and ".join(f"{each} {letters(each)}" for each in some)
                    for some in (self.predictions, outputs[: len(self.predictions)])
                )
                fault = f"{where}: it reads {read}, and the cell puts out {found}"
                raise CellError(f"{fault}; sizes that differ have letters of their own in a loss")
        sizes.pop(sp.S.One, None)
        return sizes

    def _renamed(self, names: Collection[str]) -> dict[MatrixSymbol, str]:
        """Other names for the symbols that share theirs, or that of an adjoint, with a cell."""
        own = [self.target, *self.shifts, *(equation.target for equation in self.equations)]
        taken = {*names, *(f"d{name}" for name in names)}
        used = taken.union(symbol.name for symbol in own)
        found: dict[MatrixSymbol, str] = {}
        for symbol in own:
            if {symbol.name, f"d{symbol.name}"} & taken:
                free = (f"{symbol.name}_{number}" for number in count(2))
                found[symbol] = next(new for new in free if not {new, f"d{new}"} & used)
                used |= {found[symbol], f"d{found[symbol]}"}
        return found


def _check_sizes(where: str, equation: Equation, given: Collection[MatrixSymbol]) -> None:
    """Check that an equation has no columns but one, or as many as what the loss reads has."""
    sizes = {size for symbol in given for size in symbol.shape}
    for part in (equation.target, *sp.preorder_traversal(equation.expression)):
        for extent in part.shape if isinstance(part, (MatrixSymbol, OneMatrix)) else ():
            if extent != 1 and extent not in sizes:
                raise CellError(
                    f"{where}, equation {equation.target}: there is no size {extent}; a loss has "
                    f"the sizes of what it reads, {', '.join(map(str, sorted(sizes, key=str)))}"
                )


def _check_cost(where: str, cost: Any, known: set[MatrixSymbol]) -> set[MatrixSymbol]:
    """Check that `cost` is a rational multiple of one tr(A^T B); return the symbols it reads."""
    at = f"{where}, cost"
    coefficient, trace = cost.as_coeff_Mul() if isinstance(cost, sp.Expr) else (sp.S.One, cost)
    pair: tuple[Any, ...] = trace.arg.args if isinstance(trace, Trace) else ()
    bilinear = len(pair) == 2 and isinstance(pair[0], (OneMatrix, Transpose))
    if not bilinear or trace.has(ElementwiseApplyFunction):
        raise CellError(
            f"{at}: {cost} must be a rational multiple of one trace of two factors, "
            "Trace(A.T * B) / 2 for example; compute A and B by equations"
        )
    if not coefficient.is_Rational:
        raise CellError(f"{at}: {not_rational(coefficient, cost)}")
    left, right = pair
    left = OneMatrix(*right.shape) if isinstance(left, OneMatrix) else left.arg
    read = {*leaves(left), *leaves(right)}
    for symbol in sorted(read - known, key=str):
        raise CellError(f"{at}: {symbol} is not declared")
    first, second = shape_of(at, left), shape_of(at, right)
    if first != second:
        raise CellError(
            f"{at}: {written(left)} is {letters(first)}, {written(right)} is {letters(second)}; "
            "the factors of Trace(A.T * B) must have one shape"
        )
    return read


def _check_targets(loss: Loss) -> None:
    where = f"loss {loss.name!r}"
    if loss.targets not in TARGETS:
        raise CellError(
            f"{where}: there are no targets {loss.targets!r}; there are {', '.join(TARGETS)}"
        )
    if not isinstance(loss.checks, Mapping):
        raise CellError(f"{where}, checks: they must be a mapping such as {{Y: (0.1, 2)}}")
    for symbol, given in loss.checks.items():
        if symbol != loss.target:
            raise CellError(f"{where}, checks: {symbol} is not the target, {loss.target}")
        if fault := fault_of_range(given) or fault_of_draw(loss.targets, given):
            raise CellError(f"{where}, checks: the range of {symbol} {fault}")


def fault_of_draw(targets: str, given: tuple[float, float]) -> str | None:
    """Say why targets of a kind cannot be drawn from a range, as the rest of a sentence."""
    low, high = given
    if targets == "labels":
        return "is not drawn from: labels are as many as there are outputs"
    if targets == "positive" and low <= 0:
        return f"must be of positive numbers, as the targets are, not [{low}, {high}]"
    if targets == "fractions" and not 0 <= low < high <= 1:
        return f"must be from 0 to 1, as the targets are, not [{low}, {high}]"
    return None


def require_other_name(loss: Loss) -> None:
    """Refuse a loss under the name of one of the package, for which files and reports take it.

    Raises CellError.
    """
    if losses.get(loss.name, loss) is not loss:
        raise CellError(f"loss {loss.name!r}: the package has a loss of that name; take another")


P, Y, E = (matrix(name, B, O) for name in ("P", "Y", "E"))

L2 = Loss(
    name="l2",
    title="L2 cost, at every time step",
    prediction=P,
    target=Y,
    equations=(Equation(E, P - Y, "error"),),
    cost=Trace(E.T * E) / 2,
)

L2_MEAN = replace(L2, name="l2-mean", title="mean squared error", cost=Trace(E.T * E), mean=True)

C = matrix("cost", B, O)

HUBER = Loss(
    name="huber",
    title="Huber cost with delta = 1, at every time step",
    prediction=P,
    target=Y,
    equations=(Equation(E, P - Y, "error"), Equation(C, huber(E), "cost of each number")),
    cost=Trace(OneMatrix(O, B) * C),
)

BCE = Loss(
    name="bce",
    title="binary cross-entropy on sigmoid(O), at every time step",
    prediction=P,
    target=Y,
    equations=(Equation(C, softplus(P) - hadamard(Y, P), "cost of each number"),),
    cost=Trace(OneMatrix(O, B) * C),
    targets="fractions",
    known=KnownAdjoint("sigmoid", sigmoid(P)),
)

M, N, EXP, Q, LOG = (matrix(name, B, O) for name in ("M", "N", "EXP", "Q", "LOG"))

CROSS_ENTROPY = Loss(
    name="cross-entropy",
    title="cross-entropy on softmax(O), at every time step",
    prediction=P,
    target=Y,
    equations=(
        Equation(N, P - M, "logits below the largest"),
        Equation(EXP, exp(N), "exponentials"),
        Equation(Q, EXP * OneMatrix(O, O), "their sum"),
        Equation(LOG, log(Q), "its logarithm"),
        Equation(C, hadamard(Y, LOG) - hadamard(Y, N), "cost of each number"),
    ),
    cost=Trace(OneMatrix(O, B) * C),
    targets="labels",
    shifts={M: P},
    known=KnownAdjoint("softmax", hadamard(EXP, reciprocal(Q))),
)

CROSS_ENTROPY_MEAN = replace(
    CROSS_ENTROPY,
    name="cross-entropy-mean",
    title="mean cross-entropy on softmax(O)",
    mean=True,
)

_ALL = (L2, L2_MEAN, HUBER, BCE, CROSS_ENTROPY, CROSS_ENTROPY_MEAN)
#: The losses that come with the package, by name.
losses: dict[str, Loss] = Known("loss", {loss.name: loss for loss in _ALL})
