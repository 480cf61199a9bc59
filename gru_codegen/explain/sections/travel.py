"""The section on how far an error travels, in numbers of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gru_codegen.derive.writing import Prose
from gru_codegen.explain.model import Block, Section, Table, Travel
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import says
from gru_codegen.notation import Verbatim

__all__ = ["travel_section"]


def travel_section(part: Part, travel: Travel | None) -> list[Section]:
    """Section on the error of the last step at earlier ones; none without numbers."""
    if travel is None:
        return []
    blocks = list(_blocks(part, travel))
    return [Section("travel", ("How far an error travels",), blocks)]


def _blocks(part: Part, travel: Travel) -> Iterator[Block]:
    yield says(
        "A gradient is a sum over the errors of all steps and over the steps at which the weight "
        "is used. {credit} measures each term. Below is the error of step {last}: the "
        "norm of its term at earlier steps, relative to that at its own step. The numbers are "
        "those of untrained weights ({source}); gates learn to carry an error, they do not do it "
        "by themselves.",
        credit=(Verbatim("gru-codegen credit"),),
        last=(str(travel.step),),
        source=(travel.source,),
    )
    weights = [weight for weight in part.weights if weight.name in travel.reached]
    back = list(dict.fromkeys(n for weight in weights for n in travel.reached[weight.name]))
    yield Table(
        [
            [(weight,), *_numbers(travel.reached[weight.name], back, _relative)]
            for weight in weights
        ],
        [("at step",), *((str(travel.step - n),) for n in back)],
    )
    yield says(
        "Back-propagation cut to n steps leaves out all terms of steps further back: so much of "
        "the gradient, by its norm."
    )
    cut = list(dict.fromkeys(n for weight in weights for n in travel.left_out[weight.name]))
    yield Table(
        [[(weight,), *_numbers(travel.left_out[weight.name], cut, _percent)] for weight in weights],
        [("n",), *((str(n),) for n in cut)],
    )


def _numbers(
    of: Mapping[int, float], places: list[int], written: Callable[[float], str]
) -> Iterator[Prose]:
    yield from ((written(of[place]),) for place in places)


def _relative(number: float) -> str:
    return f"{number:.0e}" if 0 < number < 0.001 else f"{number:.2g}"


def _percent(number: float) -> str:
    """A share of the whole; one that rounds to nothing is below a bound."""
    return "< 0.01 %" if 0 < number < 0.0001 else f"{100 * number:.2g} %"
