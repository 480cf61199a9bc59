"""Proof, entry by entry and exactly, at two sets of sizes.

``docs/proof.md`` says why that settles every size, and what it takes for granted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, reduce
from itertools import pairwise
from operator import add, or_
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace

from gru_codegen.equations import matrix, written
from gru_codegen.errors import DerivationError
from gru_codegen.evaluate import SYMBOLS, Domain, evaluate, one_object_each
from gru_codegen.functions import reciprocal
from gru_codegen.losses import Loss
from gru_codegen.notation import leaves

__all__ = [
    "placeholders",
    "prove_derivative",
    "prove_equal",
    "prove_known",
    "prove_no_matter",
    "prove_of_no_effect",
    "prove_row_factor",
]

#: Numbers for the sizes in the order of their names: all different, at least 2, and each at least 3
#: in one of the two sets. No product of powers of sizes, B*H or B/H**2, is the same in both, since
#: the ratio of a number to the one below it is no product of powers of the other ratios.
_NUMBERS = ((2, 4, 3, 5, 6, 7), (3, 2, 5, 7, 11, 13))
#: Those of the second set where terms sum over so many letters of a type that it takes more. None
#: of these primes divides a number of the first set.
_LARGER = (11, 13, 17, 19, 23, 29)

#: The equalities, in placeholders, that this process has proved.
_PROVED: set[tuple[Any, ...]] = set()

_REMEDY = "name the operand by an equation of its own, or expand the product"


def prove_derivative(
    where: str, value: Any, argument: MatrixSymbol, adjoint: Any, derivative: Any, target: Any
) -> None:
    """Prove that `derivative` is the derivative of <adjoint, value> with respect to `argument`.

    adjoint: the symbol paired with `value`, or 1 when `value` is the scalar cost.
    target: the symbol that may stand for `value` inside `derivative`, or None.

    Raises
    ------
    DerivationError: says at which sizes and entry it fails, or what the proof does not cover.
    """
    letters = _letters(derivative) | _letters_of_derivative(value, argument, adjoint)
    needed = letters + Counter(size for size in argument.shape if size != 1)
    for sizes in _size_sets((value, argument, derivative), needed):
        arrays = _symbolic((value, argument, derivative, adjoint), sizes, without=(target,))
        result = np.asarray(_evaluate(where, value, arrays))
        if target is not None:
            arrays[target] = result
        weights = np.asarray(arrays[adjoint] if adjoint != 1 else sp.S.One)
        claimed = _evaluate(where, derivative, arrays)
        if claimed.shape != arrays[argument].shape:
            raise DerivationError(
                f"{where}: the derivative {written(derivative)} has shape {claimed.shape}, "
                f"{argument} has {arrays[argument].shape}; {_REMEDY}"
            )
        terms = _terms_by_entry(weights, result)
        for index, entry in np.ndenumerate(arrays[argument]):
            actual = sp.Add(*(weight * sp.diff(term, entry) for weight, term in terms[entry]))
            if not _equal(actual, claimed[index]):
                raise DerivationError(
                    f"{where}: SymPy's derivative {written(derivative)} is not the derivative: "
                    f"entry {index} differs at sizes {_listed(sizes)}; {_REMEDY}"
                )
    if None in letters:
        raise DerivationError(
            f"{where}: the derivative {written(derivative)} of {written(value)} has a sum over "
            f"ones alone, which would be a factor of a size; {_REMEDY}"
        )


def prove_equal(
    where: str, declared: Any, normal: Any, definitions: Mapping[MatrixSymbol, Any]
) -> None:
    """Prove that `normal`, its named parts replaced by their `definitions`, equals `declared`.

    Raises
    ------
    DerivationError: says at which sizes and entry they differ.
    """
    parts = _read_by(normal, definitions)
    expressions = (declared, normal, *parts.values())
    places = placeholders(*expressions, *parts)
    form = tuple(each.xreplace(places) for each in (declared, normal, *parts, *parts.values()))
    if form in _PROVED:
        return
    for sizes in _size_sets(expressions):
        arrays = _symbolic(expressions, sizes, without=tuple(parts))
        domain = one_object_each()
        for symbol, expression in parts.items():
            arrays[symbol] = _evaluate(where, expression, arrays, domain)
        left, right = (_evaluate(where, side, arrays, domain) for side in (declared, normal))
        if left.shape != right.shape:
            raise DerivationError(
                f"{where}: the normal form {written(normal)} has shape {right.shape}, "
                f"the declared {written(declared)} has {left.shape}"
            )
        for index, entry in np.ndenumerate(left):
            if not _equal(entry, right[index]):
                raise DerivationError(
                    f"{where}: the normal form {written(normal)} is not the declared "
                    f"{written(declared)}: entry {index} differs at sizes {_listed(sizes)}"
                )
    _PROVED.add(form)


def placeholders(*expressions: Any) -> dict[MatrixSymbol, MatrixSymbol]:
    """A numbered symbol for each of `expressions`: equal then means equal but for names.

    What is proved of a form holds for whatever symbols of the same shapes stand in their places, as
    long as different symbols stay different.
    """
    symbols = dict.fromkeys(leaf for expression in expressions for leaf in leaves(expression))
    return {symbol: matrix(f"place_{i}", *symbol.shape) for i, symbol in enumerate(symbols)}


def _read_by(normal: Any, definitions: Mapping[MatrixSymbol, Any]) -> dict[MatrixSymbol, Any]:
    """Those of the `definitions` that `normal` reads, directly or not, in their order."""
    read, parts = set(leaves(normal)), []
    for symbol in reversed([*definitions]):
        if symbol in read:
            parts.append(symbol)
            read.update(leaves(definitions[symbol]))
    return {symbol: definitions[symbol] for symbol in reversed(parts)}


def prove_no_matter(loss: Loss, shift: MatrixSymbol) -> None:
    """Prove that `loss` does not depend on `shift`, one number for each row.

    Its derivative with respect to each of these numbers is 0, with exp and log opaque but for
    their derivatives, so that nothing needs to be differentiated through the choice of the shift.

    Raises
    ------
    DerivationError: says for which shift it is not.
    """
    expressions = [e.expression for e in loss.equations]
    for sizes in _size_sets(expressions):
        computed = tuple(equation.target for equation in loss.equations)
        arrays = _symbolic(expressions, sizes, without=(shift, *computed))
        rows, columns = (sizes.get(n, n) for n in shift.shape)
        numbers = [sp.Symbol(f"shift_{i}") for i in range(rows)]
        arrays[shift] = np.array([[number] * columns for number in numbers], dtype=object)
        for equation in loss.equations:
            arrays[equation.target] = evaluate(equation.expression, arrays, SYMBOLS)
        cost = evaluate(loss.cost, arrays, SYMBOLS)
        for number in numbers:
            slope = sp.diff(cost, number).replace(reciprocal, lambda a: 1 / a)
            if sp.cancel(sp.together(slope)) != 0:
                raise DerivationError(
                    f"loss {loss.name!r}: it depends on the shift {shift}, "
                    "which would have to be differentiated"
                )


def prove_of_no_effect(equations: Sequence[Any], shift: MatrixSymbol) -> None:
    """Prove that nothing depends on `shift`, one number for each row, but parts of one equation.

    equations: all in normal form, in order. What reads the shift, directly or not, is written out,
    with functions opaque but for their derivatives. A value whose slope is 0 for each of these
    numbers is no longer followed; any other has to be a part that only what is followed reads.

    Raises
    ------
    DerivationError: says what does depend on it.
    """
    for sizes in _size_sets([each.expression for each in equations]):
        rows, columns = (int(n.subs(sizes)) for n in shift.shape)
        numbers = [sp.Symbol(f"shift_{i}") for i in range(rows)]
        followed = {shift: np.array([[number] * columns for number in numbers], dtype=object)}
        for each in equations:
            if not followed.keys() & set(leaves(each.expression)):
                continue
            arrays = _symbolic([each.expression], sizes, without=tuple(followed))
            value = _evaluate(f"equation {each.target}", each.expression, {**arrays, **followed})
            slopes = (sp.diff(entry, number) for entry in value.flat for number in numbers)
            written_out = (slope.replace(reciprocal, lambda a: 1 / a) for slope in slopes)
            if all(sp.cancel(sp.together(slope)) == 0 for slope in written_out):
                continue
            if not each.named_here:
                raise DerivationError(
                    f"equation {each.target}: it depends on {shift}, the largest number of each "
                    "row, which has no derivative here; softmax does not"
                )
            followed[each.target] = value


def prove_known(where: str, loss: Loss, adjoint: Any) -> None:
    """Prove that `adjoint`, that of the outputs in forward values, is the one that is known.

    Row by row, with what the equations of `loss` compute written out but for functions; of labels
    the rows add up to 1.

    Raises
    ------
    DerivationError: says at which sizes and entry it is not.
    """
    assert loss.known is not None
    known = loss.known.value - loss.target
    expressions = [known, adjoint, *(e.expression for e in loss.equations)]
    for sizes in _size_sets(expressions):
        computed = tuple(equation.target for equation in loss.equations)
        arrays = _symbolic(expressions, sizes, without=computed)
        if loss.targets == "labels":
            targets = arrays[loss.target] = arrays[loss.target].copy()
            targets[:, -1] = 1 - targets[:, :-1].sum(axis=1)
        for equation in loss.equations:
            arrays[equation.target] = evaluate(equation.expression, arrays, SYMBOLS)
        left, right = (_evaluate(where, side, arrays) for side in (known, adjoint))
        for index, entry in np.ndenumerate(left - right):
            if sp.cancel(sp.together(entry.replace(reciprocal, lambda a: 1 / a))) != 0:
                raise DerivationError(
                    f"{where}: the adjoint of the outputs is not {loss.known.function}"
                    f"({loss.predictions[0]}) - {loss.target}: entry {index} differs at sizes "
                    f"{_listed(sizes)}"
                )


def prove_row_factor(where: str, factor: MatrixSymbol, plain: Any, multiplied: Any) -> None:
    """Prove that `multiplied` is `factor`, one number for each row, times `plain`.

    Raises
    ------
    DerivationError: says at which sizes and entry it is not.
    """
    for sizes in _size_sets((factor, plain, multiplied)):
        arrays = _symbolic((plain, multiplied), sizes, without=(factor,))
        rows, columns = (int(n.subs(sizes)) for n in factor.shape)
        numbers = [sp.Symbol(f"{factor.name}_{i}") for i in range(rows)]
        arrays[factor] = np.array([[number] * columns for number in numbers], dtype=object)
        left, right = (_evaluate(where, side, arrays) for side in (plain, multiplied))
        for (row, column), entry in np.ndenumerate(left):
            if not _equal(numbers[row] * entry, right[row, column]):
                raise DerivationError(
                    f"{where}: a factor {factor} of its rows is none of {written(plain)}: entry "
                    f"{(row, column)} differs at sizes {_listed(sizes)}; what is computed of one "
                    "sample must not depend on the others"
                )


def _letters(expression: Any) -> Counter[Any]:
    """The most letters, of each type, that an entry of one term of `expression` sums over.

    None stands for a letter of matrices of ones alone: it multiplies the term by a size.
    """
    parts = [part for part in expression.args if isinstance(part, (MatrixExpr, Trace))]
    inner = [_letters(part) for part in parts]
    if isinstance(expression, MatAdd):
        return reduce(or_, inner)
    found: Counter[Any] = reduce(add, inner, Counter())
    if isinstance(expression, MatMul):
        for left, right in pairwise(expression.as_coeff_matrices()[1]):
            if left.shape[1] != 1:
                alone = left.has(OneMatrix) and right.has(OneMatrix)
                found[None if alone else left.shape[1]] += 1
    return found


def _letters_of_derivative(value: Any, argument: MatrixSymbol, adjoint: Any) -> Counter[Any]:
    """The same of the true derivative: the pairing adds sums, the argument's entry fixes some."""
    terms = value.args if isinstance(value, MatAdd) else (value,)
    found: Counter[Any] = Counter()
    for term in terms:
        found |= _letters(term) if term.has(argument) else Counter()
    # the trace of a cost adds the size of its rows
    paired = value.shape if adjoint != 1 else next(iter(value.atoms(Trace))).arg.shape[:1]
    return found + Counter(n for n in paired if n != 1) - Counter(argument.shape)


def _terms_by_entry(weights: NDArray[Any], value: NDArray[Any]) -> dict[Any, list[Any]]:
    """For each scalar symbol the products that depend on it: weight times a term of an entry.

    An entry of `value` that is a sum is taken term by term: all others have the derivative 0.
    """
    terms: dict[Any, list[Any]] = defaultdict(list)
    for weight, entry in zip(weights.flat, value.flat, strict=True):
        for term in sp.Add.make_args(entry):
            for symbol in term.free_symbols:
                terms[symbol].append((weight, term))
    return terms


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right) or sp.expand(left - right) == 0


def _evaluate(
    where: str, expression: Any, arrays: Mapping[Any, Any], domain: Domain = SYMBOLS
) -> Any:
    try:
        return evaluate(expression, arrays, domain)
    except TypeError as error:  # a form that evaluate does not know
        raise DerivationError(f"{where}: {error}; {_REMEDY}") from error
    except ValueError as error:  # from NumPy
        raise DerivationError(
            f"{where}: the shapes in {written(expression)} do not fit together; {_REMEDY}"
        ) from error


def _size_sets(
    expressions: Iterable[Any], needed: Mapping[Any, int] = MappingProxyType({})
) -> Iterator[dict[Any, int]]:
    """Two numbers for each size; in one of the sets as many at least as are `needed` of it."""
    sizes = sorted(
        {
            size
            for expression in expressions
            for matrix in (*leaves(expression), *_ones(expression))
            for size in matrix.shape
            if size.is_Symbol
        },
        key=str,
    )
    if len(sizes) > len(_LARGER):
        raise DerivationError(
            f"{', '.join(map(str, sizes))}: an equation of more than {len(_LARGER)} sizes is not "
            f"proved; {_REMEDY}"
        )
    first, second = (dict(zip(sizes, numbers, strict=False)) for numbers in _NUMBERS)
    if not any(all(found.get(n, 1) >= k for n, k in needed.items()) for found in (first, second)):
        second = dict(zip(sizes, _LARGER, strict=False))
    yield first
    yield second


def _ones(expression: Any) -> set[Any]:
    """The matrices of ones, which alone may have a size."""
    return expression.atoms(OneMatrix) if isinstance(expression, sp.Basic) else set()


def _symbolic(
    expressions: Iterable[Any], sizes: dict[Any, int], without: tuple[Any, ...]
) -> dict[Any, Any]:
    """The numbers of the sizes, and for every matrix symbol an array of scalar symbols."""
    values: dict[Any, Any] = dict(sizes)
    symbols = {s for e in expressions if isinstance(e, sp.Basic) for s in leaves(e)}
    for symbol in symbols - set(without):
        shape = tuple(int(n.subs(sizes)) for n in symbol.shape)
        values[symbol] = _entries(symbol.name, shape)
    return values


@cache
def _entries(name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """A scalar symbol for every entry of a matrix."""
    entries = [sp.Symbol(f"{name}_{i}_{j}") for i, j in np.ndindex(*shape)]
    array = np.array(entries, dtype=object).reshape(shape)
    array.flags.writeable = False  # it serves every proof
    return array


def _listed(sizes: dict[Any, int]) -> str:
    return ", ".join(f"{size}={number}" for size, number in sizes.items())
