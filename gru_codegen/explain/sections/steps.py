"""The sections of time steps that are written out: the last by hand, the others by whose error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive.split import Error, Split
from gru_codegen.derive.writing import Prose, Row, listed, mean_number
from gru_codegen.explain.model import Block, Box, Equations, Errors, Paragraph, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import at, counted, says
from gru_codegen.ir import EquationId
from gru_codegen.notation import LATEX, Schema

__all__ = ["MOST_SYMBOLS", "forward_section", "step_section", "steps_shown"]

#: Up to so many time steps all are shown; of more the first, one in general and the last.
_MOST_IN_FULL = 8
#: A formula of more symbols than this is not written out.
MOST_SYMBOLS = 100_000
_READ_AT = (
    "{at} is what a gradient gets from the use of its weight at time step `t`; over all `t` these "
    "add up to the gradient. "
)


def steps_shown(steps: int) -> list[int]:
    """The steps that are shown, the last one first."""
    if steps <= _MOST_IN_FULL:
        return list(range(steps, 0, -1))
    return [steps, steps // 2, 1]


def forward_section(part: Part) -> Section:
    """Section of the forward equations of every step, and of the loss as a sum."""
    steps, unrolled = part.steps or 0, part.unrolled
    errors = [
        Row(_loss_at(t), cost, (f"loss of time step {t}",))
        for t, cost in enumerate(unrolled.costs, start=1)
    ]
    shown = errors if steps <= _MOST_IN_FULL else [errors[0], errors[-1]]
    total = Row(Schema("L", "L"), _sum_of_errors(steps))
    each = "each step" if steps <= _MOST_IN_FULL else "the first and of the last step"
    groups = unrolled.forward_rows()[:-1]
    if steps > _MOST_IN_FULL:
        groups = [groups[0], groups[-1]]
    return Section(
        "forward",
        (f"Forward at time steps 1 to {steps}" if steps > 1 else "Forward at time step 1",),
        [
            says(f"The equations of {each}, then the loss of each step and their sum:"),
            Equations([*groups, [*shown, total]], unrolled.notation, step=0),
            *_mean(part),
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
    gradients = [each.weight for each in part.sums if each.weight in split.whole.gradients]
    heading = f"Time step {step}: "
    if _gets(split.later, gradients):
        blocks = _two_errors(part, split, gradients)
        heading += "two errors" if _gets(split.own, gradients) else "an arriving error"
    else:
        blocks = _by_hand(part, split, gradients)
        heading += counted(len(gradients), "equation")
    return Section(f"step-{step}", (heading,), [*blocks, *_mean(part)])


def _mean(part: Part) -> Iterator[Block]:
    if part.derivation.loss.mean:
        yield says(
            "The loss is a mean: all of these are still to be divided by {number}.",
            number=(mean_number(part.derivation.loss),),
        )


def _gets(error: Error, weights: list[MatrixSymbol]) -> bool:
    """True if any of `weights` gets something of `error`."""
    return any(weight in error.gradients for weight in weights)


# --- a step to which nothing comes back ----------------------------------------------------------


def _by_hand(part: Part, split: Split, weights: list[MatrixSymbol]) -> Iterator[Block]:
    if not weights:
        yield says("No weight that is shown gets anything of this step.")
        return
    last = split.step == split.steps
    why = "The last step is the easy one: nothing comes back from later. " if last else ""
    yield says(
        f"{why}{_READ_AT}Each is written first with the name of an adjoint, then with that "
        "replaced by what it stands for, until names of the forward pass are left.",
        at=(_share_of("L", Schema("W", "W"), "t"),),
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
    if part.full and any(_is_too_long(part, error.gradients[weight]) for weight in weights):
        yield says(f"In full, a formula of more than {MOST_SYMBOLS:,} symbols is not written.")
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
    """The name of a share in a gradient, by whose error it is of: ``dL_2/dWz at 1``."""
    losses: tuple[int, int] | None = None
    if error.whose == "later":
        losses = (split.step + 1, split.steps)
    elif error.whose == "own" or weight not in split.later.gradients:
        losses = (split.step, split.step)
    return _share(part, split, weight, losses)


def _share(
    part: Part, split: Split, weight: MatrixSymbol, losses: tuple[int, int] | None = None
) -> Schema:
    """The share of the step in the gradient of `weight`; that of some `losses`, or of all."""
    notation = part.derivation.notation
    written = Schema(notation.text(weight), notation.latex(weight))
    return _share_of(_losses(*losses) if losses else "L", written, split.step)


def _losses(first: int, last: int) -> str | Schema:
    """The losses of some steps together: L_5, or L_{6..9}."""
    if first == last:
        return _loss_at(first)
    return Schema(f"L_{{{first}..{last}}}", rf"L_{{{first} \dots {last}}}")


def _share_of(loss: str | Schema, weight: Schema, step: int | str) -> Schema:
    text, latex = (loss, loss) if isinstance(loss, str) else (loss.text, loss.latex)
    return Schema(
        f"d{text}/d{weight.text} at {step}",
        rf"\partial {latex} / \partial {weight.latex} \text{{ at }} {step}",
    )


def _in_full(part: Part, error: Error, symbols: Any) -> Iterator[Any]:
    """The gradient with all computed names replaced, if that is asked for and can be written."""
    if not part.full or error.whose or _is_too_long(part, symbols):
        return
    yield part.unrolled.in_full(symbols)


def _is_too_long(part: Part, symbols: Any) -> bool:
    """True if `symbols` with all computed names replaced would fill pages."""
    return part.unrolled.symbols_in_full(symbols) > MOST_SYMBOLS


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
    yield _arriving(part, split, weights)
    boxes = [
        Box(error.whose, title, _box(part, split, error, weights), f"{error.whose}-{split.step}")
        for error, title in ((split.own, _own_title(split)), (split.later, _later_title(split)))
        if error.whose and _gets(error, weights)
    ]
    yield Errors(boxes, _sum(part, split, weights))
    different = split.different(weights) if len(boxes) == 2 else []
    if different:
        line = "line" if len(different) == 1 else "lines"
        yield says(
            f"Of the adjoints, the boxes differ in the {line} of {{different}} alone: there the "
            "error of the step itself comes in, or what step {next} passes back: {carries}, taken "
            "apart in the section on the ways back. Every line is linear in the adjoints that it "
            "reads. So the two errors may be added there and go on as one: the code does that.",
            different=listed(_now(split, symbol) for symbol in different),
            next=(str(split.step + 1),),
            carries=listed(
                at(part.derivation, adjoint.target, split.step + 1)
                for adjoint in part.derivation.adjoints
                if adjoint.of in part.derivation.cell.states.values()
            ),
        )
    yield says("Written out, with what the formulas share underlined:")
    yield from _written(part, split, split.whole, weights)


def _arriving(part: Part, split: Split, weights: list[MatrixSymbol]) -> Paragraph:
    """Paragraph on the errors that come to the step."""
    step, states = split.step, part.derivation.cell.states
    subject = "the state {states} feeds" if len(states) == 1 else "the states {states} feed"
    if _gets(split.own, weights):
        arrived = (
            f"that of step {split.steps}" if split.steps == step + 1 else "those of later steps"
        )
        words = (
            f"At time step {step} {subject} two things: the loss of this step, and step "
            f"{step + 1}. So two errors come back: its own, and {arrived}, which is said to "
            "arrive. Each makes its way to the weights by the same equations. "
        )
    else:
        words = f"What is shown gets its error at time step {step} from later steps alone. "
    return says(
        f"{words}{{own}} is the adjoint with the error of its step, {{later}} that with what "
        f"arrives. {_READ_AT}".rstrip(),
        own=(_for_error(split, states, "own"),),
        later=(_for_error(split, states, "later"),),
        states=listed(_at(split, state) for state in states),
        at=(_share_of("L", Schema("W", "W"), "t"),),
    )


def _now(split: Split, symbol: MatrixSymbol) -> Schema:
    """A symbol of the step, for a sentence."""
    return Schema(split.notation.text(symbol, 0), split.notation.latex(symbol, 0))


def _at(split: Split, state: MatrixSymbol) -> Schema:
    return Schema(
        f"{state.name}_{split.step}", LATEX.symbol(state.name, False, str(split.step), "")
    )


def _for_error(split: Split, states: Iterable[MatrixSymbol], whose: str) -> Schema:
    """The adjoint of the first state, with the label of an error."""
    name = next(iter(states)).name
    text = f"d{name}_{split.step}[{whose}]"
    return Schema(text, LATEX.symbol(name, True, str(split.step), whose))


def _own_title(split: Split) -> Prose:
    return ("own error, of ", _loss_at(split.step))


def _later_title(split: Split) -> Prose:
    first, last = split.step + 1, split.steps
    others = () if first == last else (" to ", _loss_at(last))
    return ("arriving error, of ", _loss_at(first), *others, f", back through step {first}")


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
    groups = [group for group in (adjoints, gradients) if group]
    return Equations(groups, split.notation, step=0)


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
        words = () if len(parts) > 1 else (alone,)
        rows.append(Row(_share(part, split, weight), total, words, also=also))
    return Equations([rows], split.notation, step=0)
