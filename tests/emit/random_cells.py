"""Cells drawn at random: whatever a file may declare, put together as nobody would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import reject
from hypothesis import strategies as st

from gru_codegen.cell import Cell
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.parse import load_cell
from gru_codegen.requirements import require_generable
from tests.emit.random_formulas import ANYWHERE, Formulas, Matrix, bare, shape_text

#: States that are a function of these stay moderate.
BOUNDED = [f for f in ANYWHERE if FUNCTIONS[f].record.bounded and f not in ("positive", "step")]


class Drawn(NamedTuple):
    """A cell, shown as the file that declares it."""

    cell: Cell
    text: str

    def __repr__(self) -> str:
        return f"\n{self.text}\n"


@st.composite
def cells(draw: st.DrawFn, *, short: bool = False) -> Drawn:
    """Cells of one to five states, which shrink to those of few and simple equations.

    short: those of one to three.
    """
    text = _File(draw(st.randoms(use_true_random=False)), short=short).text("drawn")
    try:
        return Drawn(declared(text), text)
    except CellError:
        reject()


def declared(text: str) -> Cell:
    """The cell of a file with this text, of which a kernel can be made."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "drawn.toml"
        file.write_text(text)
        cell = load_cell(str(file))
    require_generable(cell)
    return cell


def random_cell(seed: int, *, outside: bool = True) -> Cell:
    """A cell of one to five states: the first draw that is a sound declaration.

    outside: whether it may have equations of weights alone.
    """
    random = Random(seed)
    while True:
        with suppress(CellError):
            return declared(_File(random, outside=outside).text(f"drawn{seed}"))


class _File(Formulas):
    """Draws equations one by one, from the matrices that there are by then.

    Some states hold what another one was, or what the input was, a step before.

    Weights are read again now and then, states at their own step as well as at the one before, and
    what nothing has read yet comes first: a declaration in which something is never read is none.
    """

    def text(self, name: str) -> str:
        """The text of a file."""
        widths = ["H", "H", "H", "K"] if self.chance(25) else ["H"]
        inputs = self.inputs()
        count = self.random.choice([1, 1, 1, 2] if self.short else [1, 1, 2, 2, 3])
        states = [Matrix(f"S{n}", self.width(widths, n)) for n in range(count)]
        delays = self.delays(states, inputs[0])
        states += delays
        gates = [
            Matrix(f"G{n}", self.width(widths, n + 1))
            for n in range(self.random.choice([0, 0, 1] if self.short else [0, 1, 2, 3]))
        ]
        for there in (*inputs, *(state.before for state in states)):
            self.add(there)
        targets = self.equations(gates + states, states, delays)
        others = self.random.sample(inputs, len(inputs))
        plain = [each.name for each in inputs[1:] if self.chance(50)]
        tables = {
            "inputs": {each.name: f"(B, {each.width})" for each in others},
            "states": {each.name: f"(B, {each.width})" for each in states},
            "weights": {n: shape_text(shape) for n, shape in self.weights.items()},
            "constants": self.constants,
            "numbers": self.numbers,
            "init": {n: self.first(n) for n in self.weights if self.chance(5)},
        }
        written = [f'name = "{name}"', *(_table(*each) for each in tables.items() if each[1])]
        further = self.sizes(inputs, states)
        written += [f"sizes = {_listed(further)}"] if further else []
        written += [f"without_gradient = {_listed(plain)}"] if plain else []
        written += [f"output = {_listed(self.outputs(states, targets, delays))}"]
        written += ['equations = """', *self.lines, '"""']
        ranges = [f"{each.name} = [0.1, 2]" for each in inputs if self.chance(10)]
        written += ["[checks]", *ranges] if ranges else []
        called = [f"{n} = {formula}" for n, formula in self.functions.items()]
        written += ["[functions]", *called] if called else []
        return "\n".join(written)

    def equations(
        self, targets: list[Matrix], states: list[Matrix], delays: Mapping[Matrix, Matrix]
    ) -> list[Matrix]:
        """Draw the equations of these targets; in their order they are returned."""
        if self.chance(30):
            self.random.shuffle(targets)
        last = [target for target in targets if target not in delays][-1]
        for target in targets:
            value = self.held(delays[target]) if target in delays else self.value(target.width)
            for there in list(self.unread) if target == last else ():
                if there not in states:
                    value = f"{value} + {self.brought(there, target.width)}"
            if target in states and target not in delays and self.chance(80):
                value = f"{self.random.choice(BOUNDED)}({bare(value)})"
            self.lines.append(f"{target.name} = {bare(value)}")
            self.add(target)
        return targets

    def held(self, there: Matrix) -> str:
        """What a state holds of another one, or of an input."""
        before = there.before if there.before in self.matrices else there
        return self.read([before])

    def width(self, widths: list[str], number: int) -> str:
        """The columns of a matrix: seldom a single one, but for the first state."""
        return "1" if number and self.chance(15) else self.random.choice(widths)

    def brought(self, there: Matrix, width: str) -> str:
        """What is there, as a matrix of this width or a column."""
        self.unread.remove(there)
        if there.width == "1":
            return there.name
        return f"({there.name} @ {self.of_weights((there.width, width))})"

    def inputs(self) -> list[Matrix]:
        """One input or several, in the end in any order."""
        count = self.random.choice([1, 1, 1, 2, 3])
        widths = [self.random.choice("DDDH"), *self.random.choices("DHK", k=count - 1)]
        return [Matrix(name, n) for name, n in zip("xuv", widths, strict=False)]

    def outputs(
        self, states: list[Matrix], targets: list[Matrix], delays: Mapping[Matrix, Matrix]
    ) -> list[str]:
        """States or gates; the last equation first if nothing else can read it."""
        first = last = [target for target in targets if target not in delays][-1]
        if last in states:
            first = self.random.choice(targets) if self.chance(40) else states[0]
        others = [target.name for target in targets if target != first]
        if not others or not self.chance(40):
            return [first.name]
        return [
            first.name,
            *self.random.sample(others, self.random.randint(1, min(2, len(others)))),
        ]

    def delays(self, states: list[Matrix], x: Matrix) -> dict[Matrix, Matrix]:
        """States that are what another state was a step before, or the input: a window of it."""
        found: dict[Matrix, Matrix] = {}
        for number in range(self.random.choice([0, 0, 0, 1] if self.short else [0, 0, 1, 2])):
            held = self.random.choice([*states, *found, *([x] if x.width == "H" else [])])
            found[Matrix(f"L{number}", held.width)] = held
        return found

    def first(self, weight: str) -> str:
        """How a weight begins."""
        of_any = ["1", "zeros", "ones", "uniform(-1, 1)", "normal(1/10)"]
        of_matrices = ["glorot", "orthogonal"] if len(self.weights[weight]) == 2 else []
        return self.random.choice([*of_any, *of_matrices])

    def sizes(self, *matrices: Iterable[Matrix]) -> list[str]:
        """The letters of further sizes."""
        letters = {each.width for some in matrices for each in some}
        letters |= {letter for shape in self.shapes() for letter in shape}
        return sorted(letters - {*"DH1"})


def _listed(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _table(key: str, entries: Mapping[str, str]) -> str:
    return f"{key} = {{ " + ", ".join(f'{n} = "{text}"' for n, text in entries.items()) + " }"
