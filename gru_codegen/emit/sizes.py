"""Sizes: their letters in equations, their names in code, and where a call reads their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gru_codegen.ir import Program, Shape
from gru_codegen.names import public

__all__ = ["Sizes", "added", "in_code", "letters", "multiplied", "parameter", "quoted", "sliced"]

#: What functions and a Workspace call the sizes that every kernel has a place for.
_PARAMETERS = {"B": "batch_size", "D": "input_size", "H": "hidden_size", "O": "output_size"}


def parameter(letter: str) -> str:
    """The name of a size in functions and in a Workspace: P is p_size."""
    return _PARAMETERS.get(letter, f"{letter.lower()}_size")


def in_code(letter: str) -> str:
    """A size in a function: B, D and H as in the equations, any further one by its parameter."""
    return letter if letter in "BDH" or letter.isdigit() else parameter(letter)


def added(sizes: Iterable[str], owner: str = "") -> str:
    """The sum of `sizes` in code, each perhaps a sum itself; of the sizes of `owner` if given."""

    def named(letter: str) -> str:
        return f"{owner}{parameter(letter)}" if owner else in_code(letter)

    counts = Counter(letter for size in sizes for letter in size.split("+"))
    ones = counts.pop("1", 0)
    terms = [named(n) if count == 1 else f"{count} * {named(n)}" for n, count in counts.items()]
    return " + ".join([*terms, *([str(ones)] if ones else [])])


def multiplied(sizes: Iterable[str]) -> str:
    """The product of `sizes` in code, each perhaps a sum."""
    factors = map(added, ([size] for size in sizes))
    return " * ".join(f"({factor})" if " " in factor else factor for factor in factors)


def sliced(low: str, high: str) -> str:
    """A slice, its colon between spaces where a bound is a sum or a product."""
    return f"{low} : {high}".strip() if " " in low + high else f"{low}:{high}"


def letters(shape: Shape) -> str:
    """A shape as a tuple is written."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"


def quoted(shape: Shape) -> str:
    """A shape as a tuple of strings is written."""
    return letters(tuple(f'"{letter}"' for letter in shape))


@dataclass(frozen=True)
class Sizes:
    """The sizes of a program.

    Attributes
    ----------
    letters: B, D, H and O, as far as there are any, then further ones as the weights have them.
    input, state: the columns of an input, D or H if there is one with these, and of the first
    state; 1 where all have one column.
    sources: for each size that no input tells, the weight or constant and the axis that do.
    """

    letters: tuple[str, ...]
    input: str
    state: str
    sources: dict[str, tuple[str, int]]

    @classmethod
    def of(cls, program: Program) -> Sizes:
        """Those of `program`, whose cell has been checked: every size has a source."""
        fixed = (*program.weights, *program.constants)
        variables = [*fixed, *program.variables().values()]
        sizes = (size for var in variables for pack in var.shape for size in pack.split("+"))
        distinct = dict.fromkeys(size for size in sizes if not size.isdigit())
        known = [letter for letter in "BDHO" if letter in distinct]
        given = [var.shape[1] for var in variables if var.role == "input"]
        states = [v.shape[1] for v in program.entries["gradients"] if v.role == "value"]
        sources: dict[str, tuple[str, int]] = {}
        for var in program.given:
            owner = "params" if var in program.weights else "constants"
            for axis, letter in enumerate(var.shape):
                if letter not in given and not letter.isdigit():
                    sources.setdefault(letter, (f"{owner}.{public(var.name)}", axis))
        return cls(
            (*known, *(letter for letter in distinct if letter not in known)),
            next((columns for columns in given if columns in "DH"), _widest(given)),
            _widest(states),
            sources,
        )

    @property
    def further(self) -> list[str]:
        """The parameters of the sizes that not every kernel has: output_size and so on."""
        return [parameter(letter) for letter in self.letters if letter not in "BDH"]

    @property
    def columns(self) -> tuple[str, str]:
        """The letters of input_size and hidden_size: D and H, or what stands for them, maybe 1."""
        return (
            "D" if "D" in self.letters else self.input,
            "H" if "H" in self.letters else self.state,
        )

    @property
    def usual(self) -> tuple[str, str]:
        """The defaults of input_size and hidden_size in a signature: 1 where no other will do."""
        inputs, state = self.columns
        single = " = 1" if state == "1" else ""
        return single if inputs == "1" else "", single

    @property
    def equal(self) -> list[tuple[str, str, str]]:
        """The parameters that must equal another one: their name, what must be equal, the other."""
        inputs, state = self.columns
        subjects = (("input_size", "inputs", inputs), ("hidden_size", "a state", state))
        owners = {"input_size": "its inputs", "hidden_size": "its state"}
        owners |= {name: f"its {name}" for name in self.further}
        return [
            (name, f"{subject} of one column", "1")
            if letter == "1"
            else (name, f"{subject} of the size of {owners[parameter(letter)]}", parameter(letter))
            for name, subject, letter in subjects
            if letter == "1" or parameter(letter) != name
        ]

    def parameters(self, within: set[str]) -> tuple[list[str], list[str]]:
        """Of the sizes `within`, those that code calls by a letter, and their parameters."""
        named = [letter for letter in self.letters if letter in within and letter in "BDH"]
        return named, [parameter(letter) for letter in named]


def _widest(columns: list[str]) -> str:
    """The first of several numbers of columns that is a letter, or 1."""
    return next((each for each in columns if each != "1"), "1")
