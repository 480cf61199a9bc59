"""Weights as they are made and as they tell sizes: `init_params` and `Workspace.of`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from gru_codegen.emit.header import Heading
from gru_codegen.emit.lines import WIDTH, signature
from gru_codegen.emit.lines import listed as on_lines
from gru_codegen.emit.sizes import Sizes, in_code, letters, parameter
from gru_codegen.emit.wording import listed
from gru_codegen.ir import Program, Var
from gru_codegen.names import public

__all__ = ["compared", "draws", "helpers_of_draws", "of_weights", "sources"]

#: The ends of the usual distribution.
_ENDS = "[-1/sqrt(H), 1/sqrt(H))"


def draws(program: Program, heading: Heading) -> dict[str, Any]:
    """The expression that draws each weight, and what the docstring of `init_params` says of it."""
    drawn = {}
    for weight in program.weights:
        shape = letters(tuple(map(in_code, weight.shape)))
        given = heading.init.get(public(weight.name))
        usual = f"rng.uniform(-bound, bound, {shape})"
        drawn[weight.name] = usual if given is None else given.code(shape)
    return {"drawn": drawn, "init_doc": _said(heading, len(drawn))}


def _said(heading: Heading, number: int) -> str:
    """The first sentence of the docstring."""
    if not heading.init:
        return f"Draw every weight from the uniform distribution on {_ENDS}."
    alike: dict[str, list[str]] = {}
    for name, each in heading.init.items():
        alike.setdefault(each.words, []).append(name)
    parts = [f"{listed(n)} {'is' if len(n) == 1 else 'are'} {words}" for words, n in alike.items()]
    if number > len(heading.init):
        parts.append(f"all others are uniform on {_ENDS}")
    indent = "    "
    text = textwrap.fill(
        f"Draw the weights: {'; '.join(parts)}.",
        WIDTH,
        initial_indent=indent + " " * len('"""'),
        subsequent_indent=indent,
    )
    return text.strip()


def helpers_of_draws(heading: Heading) -> Iterator[str]:
    """The functions of `gru_codegen/runtime` that draws call."""
    for name in ("glorot", "orthogonal"):
        if any(each.kind == name for each in heading.init.values()):
            yield f"_{name}"


def of_weights(program: Program, sizes: Sizes) -> dict[str, Any]:
    """The signature of `Workspace.of`, and what it makes one of: sizes that weights tell or not."""
    told: dict[str, str] = {}
    for weight in program.weights:
        for axis, letter in enumerate(weight.shape):
            told.setdefault(letter, f"params.{public(weight.name)}.shape[{axis}]")
    others = [letter for letter in sizes.letters if letter not in "BDH"]
    told["1"] = "1"
    required = [parameter(letter) for letter in (*sizes.columns, *others) if letter not in told]
    taken = [f"{name}: int" for name in dict.fromkeys(required)]
    numbers = [told.get(letter, parameter(letter)) for letter in (*sizes.columns, *others)]
    further = [f"{n}={number}" for n, number in zip(sizes.further, numbers[2:], strict=True)]
    arguments = ["cls", "params: Params", "batch_size: int", *(["*", *taken] if taken else [])]
    return {
        "of_weights": textwrap.indent(signature("of", arguments, "Workspace"), " " * 4),
        "told": ["batch_size", *numbers[:2], "params[0].dtype", *further],
    }


def sources(sizes: Sizes, inputs: dict[str, str]) -> dict[str, str]:
    """The code of each size that is not that of the first input: from another, or a weight."""
    (_, first), *others = inputs.items()
    told = {first, "1"}
    of_inputs = {n: f"{name}.shape[2]" for name, n in reversed(others) if n not in told}
    of_fixed = {n: f"_size({name}, {axis})" for n, (name, axis) in sizes.sources.items()}
    return {**of_inputs, **of_fixed}


def compared(program: Program, inputs: Sequence[Var]) -> dict[str, Any]:
    """The shapes that a call compares, and those that they have to be, as code.

    The first input tells sizes; one of a single column has none to tell and is compared as well.
    """
    told, several = inputs[0].shape[1] != "1", len(inputs) > 1
    others = inputs[1:] if told else inputs
    shapes = [var.shape for var in program.given] + [("T", *var.shape) for var in others]
    first, rest = (["*x"], ["*x[1:]"]) if several else (["x"], [])
    owners = ["*params", *(["*constants"] if program.given_constants else [])]
    return {
        "input_number": in_code(inputs[0].shape[1]) if told else "_",
        "in_shapes": [*owners, *(rest if told else first)],
        "weight_shapes": on_lines(
            [letters(tuple(map(_number, shape))) for shape in shapes], "if shapes != ", ":"
        ),
    }


def _number(letter: str) -> str:
    """A size in the function that computes it."""
    return "steps" if letter == "T" else in_code(letter)
