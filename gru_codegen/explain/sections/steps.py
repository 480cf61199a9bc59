"""The sections of time steps that are written out: the last by hand, the others by whose error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive.split import Error, Split
from gru_codegen.derive.unrolled import substitute
from gru_codegen.derive.writing import Prose, Row, listed
from gru_codegen.explain.model import Block, Box, Equations, Errors, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import counted, says
from gru_codegen.ir import EquationId
from gru_codegen.notation import LATEX, Schema, leaves

__all__ = ["MOST_SYMBOLS", "forward_section", "step_section", "steps_shown"]

#: Up to so many time steps all are shown; of more the first, one in general and the last.
_MOST_IN_FULL = 8
#: A formula of more symbols than this is not written out.
MOST_SYMBOLS = 100_000


def steps_shown(steps: int) -> list[int]:
    """The steps that are shown, the last one first."""
    if steps <= _MOST_IN_FULL:
        return list(range(steps, 0, -1))
    return [steps, steps // 2, 1]


def forward_section(part: Part) -> Section:
    """Section of the forward equations of every step, and of the loss as a sum."""
    steps, unrolled = part.steps or 0, part.unrolled
    errors = [
        Row(_loss_at(t), cost, (f"error of time stamp {t}",))
        for t, cost in enumerate(unrolled.costs, start=1)
    ]
    shown = errors if steps <= _MOST_IN_FULL else [errors[0], errors[-1]]
    total = Row(Schema("L", "L"), _sum_of_errors(steps))
    groups = unrolled.forward_rows()[:-1]
    if steps > _MOST_IN_FULL:
        groups = [groups[0], groups[-1]]
    return Section(
        "forward",
        (f"Forward at time stamps 1 to {steps}" if steps > 1 else "Forward at time stamp 1",),
        [
            says("The equations of each step, then the error of each and their sum:"),
            Equations([*groups, [*shown, total]], unrolled.notation, step=0),
        ],
    )


def _sum_of_errors(steps: int) -> Schema:
    names = [1, 2, 3] if steps <= 3 else [1, 2, steps]
    text, latex = [f"L_{t}" for t in names[:steps]], [f"L_{{{t}}}" for t in names[:steps]]
    if steps > 3:
        text[2:2], latex[2:2] = ["..."], [r"\dots"]
    return Schema(" + ".join(text), " + ".join(latex))


def step_section(part: Part, step: int) -> Section:
    """Section on the backward pass of one step."""
    split = part.split(step)
    gradients = [w for w in part.weights if w in split.whole.gradients]
    arriving = bool(split.later.needed(gradients))
    heading = f"Time stamp {step}: "
    if arriving:
        blocks = _two_errors(part, split, gradients)
        heading += "two errors"
    else:
        blocks = _by_hand(part, split, gradients)
        heading += counted(len(gradients), "equation")
    return Section(f"step-{step}", (heading,), list(blocks))


# --- a step to which nothing comes back ----------------------------------------------------------


def _by_hand(part: Part, split: Split, weights: list[MatrixSymbol]) -> Iterator[Block]:
    if not weights:
        yield says("No weight that is shown gets anything of this step.")
        return
    last = split.step == split.steps
    why = "The last step is the easy one: nothing comes back from later. " if last else ""
    yield says(
        f"{why}Each gradient first by the names of the adjoints, then with every adjoint replaced "
        "by what it stands for; names of the forward pass stay."
    )
    yield from _written(part, split, split.whole, weights)


def _written(
    part: Part, split: Split, error: Error, weights: list[MatrixSymbol]
) -> Iterator[Block]:
    """The gradients of a step in symbols and by hand, and the key to what they share."""
    common = _shown(error, weights)
    rows = []
    for weight in weights:
        symbols = error.gradients[weight]
        hand = error.by_hand(symbols, common)
        rows.append(
            Row(
                _of_error(part, split, error, weight),
                symbols,
                equation=EquationId("gradient", weight.name),
                also=tuple(_distinct([symbols, hand, *_in_full(part, error, symbols)])),
            )
        )
    key = {number: symbol for symbol, number in common.items()}
    yield Equations([[row] for row in rows], split.notation, step=0, key=key)
    if common:
        yield from _key(part, split, error, common)


def _distinct(forms: list[Any]) -> list[Any]:
    """The forms after the first, without those that say the same as the one before."""
    return [form for before, form in pairwise(forms) if form != before]


def _shown(error: Error, weights: Iterable[MatrixSymbol]) -> dict[MatrixSymbol, int]:
    """The factors that the gradients share and that those shown read, numbered anew."""
    needed = {symbol for symbol, _ in error.needed(weights)}
    shared = [symbol for symbol in error.common if symbol in needed]
    return {symbol: number for number, symbol in enumerate(shared)}


def _of_error(part: Part, split: Split, error: Error, weight: MatrixSymbol) -> Schema:
    """The name of a share in a gradient: ``dL_2/dWz`` if it is of one error, else ``dL/dWz``."""
    text, latex = part.derivation.notation.text(weight), part.derivation.notation.latex(weight)
    alone = split.step == split.steps or error.whose == "own"
    which = str(split.step) if alone else "2" if split.steps == 2 and error.whose else ""
    if which:
        return Schema(f"dL_{which}/d{text}", rf"\partial L_{{{which}}} / \partial {latex}")
    return Schema(f"dL/d{text}", rf"\partial L / \partial {latex}")


def _in_full(part: Part, error: Error, symbols: Any) -> Iterator[Any]:
    """The gradient with all computed names replaced, if that is asked for and can be written."""
    if not part.full or error.whose:
        return
    counts: dict[Any, int] = {}
    values: dict[Any, Any] = {}
    definitions = (*part.unrolled.forward, *part.unrolled.backward)
    for symbol, expression in definitions:
        counts[symbol] = sum(counts.get(leaf, 1) for leaf in leaves(expression))
    if sum(counts.get(leaf, 1) for leaf in leaves(symbols)) > MOST_SYMBOLS:
        return
    for symbol, expression in definitions:
        values[symbol] = substitute(expression, values)
    yield substitute(symbols, values)


def _key(
    part: Part, split: Split, error: Error, common: dict[MatrixSymbol, int]
) -> Iterator[Block]:
    """The marked expressions: their names, and the line of code that computes each once."""
    values = dict(error.adjoints)
    several = "Each underlined factor is" if len(common) > 1 else "The underlined factor is"
    yield says(f"{several} computed once, under the name of its adjoint:")
    rows = [
        Row(symbol, values[symbol], equation=_equation_of(part, split, symbol)) for symbol in common
    ]
    yield Equations([rows], split.notation, step=0, key={n: s for s, n in common.items()})


def _equation_of(part: Part, split: Split, symbol: MatrixSymbol) -> EquationId | None:
    """The adjoint equation that a symbol of the step belongs to."""
    name = split.notation.steps[symbol][0]
    for adjoint in part.derivation.adjoints:
        if adjoint.target.name == name:
            return EquationId("adjoint", adjoint.of.name)
    return None


# --- a step that has an error of its own, and one that arrives -----------------------------------


def _two_errors(part: Part, split: Split, weights: list[MatrixSymbol]) -> Iterator[Block]:
    step, states = split.step, part.derivation.cell.states
    arrived = "that of step 2" if split.steps == 2 else "those of later steps"
    yield says(
        f"At time stamp {step} {{states}} {_feeds(len(states))}: the loss of this step, and step "
        f"{step + 1}. So two errors arrive: its own, and {arrived}. Each makes its way to the "
        f"weights by the same equations. [own] and [later] say whose error an adjoint carries.",
        states=listed(_at(split, state) for state in states),
    )
    boxes = [
        Box(error.whose, title, _box(part, split, error, weights), f"{error.whose}-{step}")
        for error, title in ((split.own, _own_title(split)), (split.later, _later_title(split)))
        if error.whose and error.needed(weights)
    ]
    yield Errors(boxes, _sum(part, split, weights))
    begin = [symbol for symbol, _ in split.later.needed(weights)][:1]
    if len(boxes) == 2 and begin:
        yield says(
            "Both boxes have the same lines. They differ where they begin: with the error of the "
            "step itself, or with what step {next} passes back.",
            next=(str(step + 1),),
        )
    yield says("Written out, with what the formulas share underlined:")
    yield from _written(part, split, split.whole, weights)


def _feeds(states: int) -> str:
    return "feeds two things" if states == 1 else "feed two things"


def _at(split: Split, state: MatrixSymbol) -> Schema:
    return Schema(
        f"{state.name}_{split.step}", LATEX.symbol(state.name, False, str(split.step), "")
    )


def _own_title(split: Split) -> Prose:
    return ("own error, of ", _loss_at(split.step))


def _later_title(split: Split) -> Prose:
    whose = _loss_at(2) if split.steps == 2 else "later steps"
    return ("arriving error, of ", whose, f", back through step {split.step + 1}")


def _loss_at(step: int) -> Schema:
    return Schema(f"L_{step}", f"L_{{{step}}}")


def _box(part: Part, split: Split, error: Error, weights: list[MatrixSymbol]) -> Equations:
    adjoints = [
        Row(symbol, value, equation=_equation_of(part, split, symbol))
        for symbol, value in error.needed(weights)
    ]
    gradients = [
        Row(
            _of_error(part, split, error, weight),
            error.gradients[weight],
            equation=EquationId("gradient", weight.name),
        )
        for weight in weights
        if weight in error.gradients
    ]
    return Equations([adjoints, gradients], split.notation, step=0)


def _sum(part: Part, split: Split, weights: list[MatrixSymbol]) -> Equations:
    """The share of the step in each gradient: own error and arriving error together."""
    rows = []
    for weight in weights:
        parts = [
            error.gradients[weight]
            for error in (split.own, split.later)
            if weight in error.gradients
        ]
        total = MatAdd(*parts) if len(parts) > 1 else parts[0]
        also = tuple(_distinct([total, split.whole.gradients[weight]]))
        alone = "own error alone" if weight in split.own.gradients else "arriving error alone"
        words = "own and arriving error" if len(parts) > 1 else alone
        rows.append(Row(_share(part, split, weight), total, (words,), also=also))
    return Equations([rows], split.notation, step=0)


def _share(part: Part, split: Split, weight: MatrixSymbol) -> Schema:
    """The part of a gradient that comes from the use of its weight at this step."""
    notation = part.derivation.notation
    text, latex = notation.text(weight), notation.latex(weight)
    step = split.step
    return Schema(f"dL/d{text} at {step}", rf"\partial L / \partial {latex} \text{{ at }} {step}")
