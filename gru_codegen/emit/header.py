"""The text at the head of a module: what it says of itself before any code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gru_codegen.emit.lines import WIDTH
from gru_codegen.emit.sizes import letters
from gru_codegen.emit.wording import listed
from gru_codegen.initial import Distribution
from gru_codegen.ir import Call, Ref, Var, parts, reads
from gru_codegen.names import public
from gru_codegen.plan import Plan

__all__ = ["Heading", "aligned", "shapes_in_words", "storage_in_words"]


@dataclass(frozen=True)
class Heading:
    """The words of a module about itself.

    Attributes
    ----------
    version: that of this package.
    cell, title, source: name, name in words and publication of the cell.
    loss, loss_title: the same of the loss; readout: of the readout.
    own_loss: whether the loss does not come with the package.
    style: "fast" or "textbook".
    layout: how matrices are stored, by name.
    again: the parts of the command that makes the module again, or the call in Python.
    equations: rows (left side, right side, shape, meaning) in plain text.
    inputs, target: the names of the cell's inputs and of the loss's target.
    targets: what y holds: "numbers", "positive", "fractions" or "labels"; None for a kernel of the
    forward pass alone.
    mask: what the equations call the mask of steps that are padding.
    loss_weights: what they call those.
    checks: rows (argument, lowest, highest) of the ranges that checks draw from, if it gives any.
    init: how those weights begin that the cell says it of, by their names.
    derivatives: rows (function, derivative) of the functions whose derivative is declared.
    """

    version: str
    cell: str
    title: str
    source: str
    loss: str
    loss_title: str
    readout: str
    style: str
    layout: str
    again: tuple[str, ...]
    equations: tuple[tuple[str, str, str, str], ...]
    inputs: tuple[str, ...]
    target: str
    targets: str | None
    mask: str
    loss_weights: str
    checks: tuple[tuple[str, float, float], ...] = ()
    init: Mapping[str, Distribution] = field(default_factory=dict)
    own_loss: bool = False
    derivatives: tuple[tuple[str, str], ...] = ()


def aligned(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """Equations with their shapes and meanings in columns, or below them if that is too wide."""
    left, right, shape, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"{a:<{left}} = {b:<{right}}   {c:<{shape}}   {d}" for a, b, c, d in rows]
    if max(map(len, lines)) <= WIDTH - 4:
        return lines
    found = []
    for a, b, c, d in rows:
        first, *others = _broken(b, WIDTH - 4 - left - len(" = "))
        found += [f"{a:<{left}} = {first}", *(f"{'':<{left}}   {each}" for each in others)]
        found.append(f"    {c}   {d}")
    return found


def _broken(formula: str, width: int) -> list[str]:
    """The lines of a formula, which begin with operators but for the first."""
    first, *others = re.split(r" (?=(?:[-+]|o) )", formula)
    lines = [first]
    for part in others:
        if len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


def shapes_in_words(
    inputs: Iterable[Var], weights: Iterable[Var], made: Iterable[tuple[Var, str]] = ()
) -> str:
    """The shapes of inputs and weights: "x_t is (B, D); Wz and Wr are (D, H)".

    made: the constants that are made of sizes, each with its pattern: "I is identity (H, H)".
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for weight in weights:
        groups.setdefault(weight.shape, []).append(public(weight.name))
    phrases = [f"{public(var.name)}_t is {letters(var.shape)}" for var in inputs]
    for shape, names in groups.items():
        phrases.append(f"{listed(names)} {'are' if len(names) > 1 else 'is'} {letters(shape)}")
    phrases += [f"{public(var.name)} is {pattern} {letters(var.shape)}" for var, pattern in made]
    return "; ".join(phrases)


def storage_in_words(plan: Plan) -> str:
    """The order of matrices in the fast style and the meaning of its names, in words."""
    return " ".join((*_order(plan), *_packs(plan), *_weights(plan), *_copies(plan)))


def _order(plan: Plan) -> Iterator[str]:
    """Sentences on the order of matrices, of the arguments of NumPy and of products in blocks."""
    if plan.program.orientation == "columns":
        yield (
            "Arrays have a sample per column: a matrix (B, n) of the equations is kept as (n, B), "
            "its transpose, and x W is W.T.dot(x)."
        )
    else:
        yield "Arrays have a sample per row, as the equations have."
    if plan.program.by_row:
        yield (
            "Where rows are needed they are gathered: A_rows has those of all time steps of A, one "
            "below the other."
        )
    yield (
        "The last argument of a function of NumPy says where the result goes: np.add(a, b, c) is "
        "c = a + b."
    )
    if "matmul_in_blocks" in _operations(plan):
        yield "Products take few samples at a time: A_blocks has the rows of A, block by block."


def _packs(plan: Plan) -> Iterator[str]:
    packs = [array.name for array in plan.arrays if len(array.shapes) > 1]
    if packs:
        columns = plan.program.orientation == "columns"
        where = "one above the other" if columns else "one behind the other"
        yield f"A name of several, as {packs[0]}, is one array of them all, {where}."


def _weights(plan: Plan) -> Iterator[str]:
    """Sentences on arrays that are made of weights."""
    operations = {
        statement.target.var.name: statement.value.operation
        for statement in plan.program.statements()
        if statement.target.var.is_of_weights and isinstance(statement.value, Call)
    }
    stacked = [name for name, operation in operations.items() if operation in ("beside", "below")]
    for statement in plan.program.statements():
        product = statement.target.var
        read = [ref.var.name for ref in reads(statement.value) if ref.var.name in stacked]
        if read and not product.is_of_weights:
            yield f"{read[0]} has the weights of the product {product.name}, in one matrix."
            break
    if names := [name for name, operation in operations.items() if operation == "multiply"]:
        yield f"{names[0]} is half of a weight."
    if "identity" in _operations(plan):
        yield "identity(A) is the identity matrix with as many rows as A."


def _copies(plan: Plan) -> Iterator[str]:
    """Sentences on copies of inputs that lie beside other variables."""
    originals: dict[Var, Var] = {}
    for statement in plan.program.statements():
        target, value = statement.target.var, statement.value
        if isinstance(value, Ref) and target.role == "value":
            original = originals.get(value.var, value.var)
            if original.role == "input":
                originals[target] = original
    for given in dict.fromkeys(originals.values()):
        copies = [copy.name for copy, original in originals.items() if original == given]
        kind = "are copies" if copies[1:] else "is a copy"
        yield f"{listed(copies)} {kind} of {given.name}."


def _operations(plan: Plan) -> set[str]:
    values = [statement.value for statement in plan.program.statements()]
    return {part.operation for v in values for part in parts(v) if isinstance(part, Call)}
