"""Source maps: which lines of a module compute which equation, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gru_codegen.ir import EquationId

__all__ = ["SourceMap"]


@dataclass(frozen=True, repr=False)
class SourceMap:
    """The lines of a module that compute each equation; prints as a table.

    The lines of an equation are those of its statements, of the comments above them, and of the
    intermediates that its value is made of. A line may be of several. Lines count from 1, and
    equations may be given as they print: ``adjoint R``.

    Attributes
    ----------
    source: the module.
    texts: every equation in plain text, as it was derived.
    ranges: its lines, in runs.
    """

    source: str
    texts: Mapping[EquationId, str]
    ranges: Mapping[EquationId, tuple[range, ...]]

    @classmethod
    def of(
        cls,
        source: str,
        texts: Mapping[EquationId, str],
        lines: Iterable[tuple[int, Sequence[EquationId]]],
    ) -> SourceMap:
        """The map of `source`; `lines` are numbers in order, each with its equations."""
        numbers: dict[EquationId, list[int]] = {each: [] for each in texts}
        for number, equations in lines:
            for each in equations:
                numbers[each].append(number)
        return cls(source, texts, {each: _runs(own) for each, own in numbers.items()})

    @property
    def equations(self) -> tuple[EquationId, ...]:
        """Every equation, in the order of the derivation."""
        return tuple(self.texts)

    def lines_of(self, equation: EquationId | str) -> tuple[range, ...]:
        """The lines that compute `equation`, in runs.

        Raises
        ------
        KeyError: the module has no such equation.
        """
        if isinstance(equation, str):
            return {str(each): runs for each, runs in self.ranges.items()}[equation]
        return self.ranges[equation]

    def equations_of(self, line: int) -> tuple[EquationId, ...]:
        """The equations that `line` helps to compute, if any."""
        return tuple(each for each, runs in self.ranges.items() if any(line in run for run in runs))

    def as_json(self) -> dict[str, Any]:
        """The same in dictionaries and lists: of each run the first line and the last."""
        return {
            str(each): {
                "equation": text,
                "lines": [[run[0], run[-1]] for run in self.ranges[each]],
            }
            for each, text in self.texts.items()
        }

    def __repr__(self) -> str:
        lines = self.source.count("\n")
        return f"<SourceMap: {len(self.texts)} equations in {lines} lines>"

    def __str__(self) -> str:
        width = max(len(str(each)) for each in self.texts)
        return "\n".join(
            f"{each!s:<{width}}  {', '.join(map(_written, self.ranges[each])) or 'no line'}\n"
            f"{'':<{width}}      {text}"
            for each, text in self.texts.items()
        )


def _runs(numbers: Sequence[int]) -> tuple[range, ...]:
    """Rising numbers as runs of neighbours."""
    groups = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    runs = ([number for _, number in group] for _, group in groups)
    return tuple(range(run[0], run[-1] + 1) for run in runs)


def _written(run: range) -> str:
    return str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"
