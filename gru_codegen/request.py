"""A request for a kernel, and the names that follow from it: its file, its command, its call."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, signature
from os import PathLike
from reprlib import repr as shortened
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from gru_codegen.cell import Cell
from gru_codegen.known import require_arguments, require_known
from gru_codegen.losses import L2, Loss, losses, require_other_name
from gru_codegen.modules import is_forward_alone
from gru_codegen.parse import declared_cell, declared_loss
from gru_codegen.passes import DEFAULT_LAYOUT, LAYOUTS, STYLES, Layout, Style
from gru_codegen.readouts import readouts
from gru_codegen.steps import MOST_STEPS, fault_of_steps, whole

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing from Python 3.11 on

__all__ = ["EXTRAS", "Choices", "Request", "complete", "names_its_choices"]

#: What a kernel may have besides what all have: `credit`, whose error acts at which step, and
#: `trace`, every matrix of every step.
EXTRAS = ("credit", "trace")

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Choices(TypedDict, total=False):
    """The choices of a `Request` besides the cell, as keywords of the functions that make one."""

    loss: Loss | str | PathLike[str]
    readout: str
    unroll: int | Literal["any"] | None
    style: Style
    layout: Layout | None
    extras: Collection[str]
    only: str | None


@dataclass(frozen=True)
class Request:
    """A kernel as it is asked for: the arguments of `pipeline.generate`, which describes them.

    Raises
    ------
    ValueError: `unroll` is not a number of steps from 1 to 65536, or there is no such style,
        readout, layout or extra, or what is asked for is no part of the forward pass alone.
    """

    cell: Cell
    loss: Loss = L2
    readout: str = "none"
    unroll: int | None = None
    style: Style = "fast"
    layout: Layout | None = None
    extras: Collection[str] = ()
    only: str | None = None

    @classmethod
    def asked(cls, cell: Cell | str | PathLike[str], **choices: Unpack[Choices]) -> Request:
        """The request for a cell and a loss that may be given by their names.

        Raises TypeError for an argument that there is not, and as `declared_cell` does.
        """
        require_arguments("a kernel", choices, Choices.__annotations__)
        given: dict[str, Any] = {**choices, "loss": declared_loss(choices.get("loss", L2))}
        return cls(declared_cell(cell), **given)

    @classmethod
    def of(cls, kernel: ModuleType, cell: Cell, loss: Loss) -> Request:
        """The request for a kernel such as `kernel`, by what that says of itself.

        Raises ValueError if it says what no request has.
        """
        layout = None if kernel.STYLE == "textbook" else getattr(kernel, "LAYOUT", None)
        extras = [each for each in EXTRAS if hasattr(kernel, each)]
        only = "forward" if is_forward_alone(kernel) else None
        return cls(cell, loss, kernel.READOUT, kernel.UNROLL, kernel.STYLE, layout, extras, only)

    def __post_init__(self) -> None:
        require_other_name(self.loss)
        object.__setattr__(self, "extras", _known_extras(self.extras))
        _check_known(self.style, self.readout, self.layout)
        _check_only(self.only, self.loss, self.extras)
        object.__setattr__(self, "unroll", _steps(self.unroll))

    @property
    def complete(self) -> Cell:
        """The cell together with its readout."""
        return complete(self.cell, self.readout)

    @property
    def stored(self) -> Layout:
        """The layout that the kernel has."""
        return "rows" if self.style == "textbook" else self.layout or DEFAULT_LAYOUT

    @property
    def name(self) -> str:
        """The module's name: the cell's, and whatever is not the default."""
        parts = [self.cell.name]
        for option, value in self._chosen():
            parts.append(f"t{value}" if option == "unroll" else value)
        return "_".join(parts).replace("-", "_")

    def command(self, spec: str, loss_spec: str | None = None) -> tuple[str, ...]:
        """The command that generates the kernel of the cell that the command line calls `spec`.

        It comes in parts, to be joined by spaces: the program, then each option with its value.
        loss_spec: what it calls the loss, if that does not come with the package.
        """
        chosen = dict(self._chosen())
        options = {
            "cell": _in_command(spec),
            "unroll": "any" if self.unroll is None else self.unroll,
            "loss": None if self.only else self._loss_in_command(loss_spec),
            "readout": chosen.get("readout"),
            "style": self.style,
            "layout": chosen.get("layout"),
            "only": self.only,
        }
        given = (f"--{name} {value}" for name, value in options.items() if value is not None)
        extras = (f"--with {extra}" for extra in self.extras)
        return ("gru-codegen generate", *given, *extras)

    def _loss_in_command(self, spec: str | None) -> str:
        return _in_command(self.loss.name if self.is_known_loss else spec or "LOSS")

    @property
    def is_known_loss(self) -> bool:
        """Return whether the loss comes with the package, so that its name is enough."""
        return self.loss.name in losses

    @property
    def call(self) -> str:
        """The call that makes the kernel of what the command line has no name for."""
        chosen = {option: _in_code(option, value) for option, value in self._chosen()}
        if not self.is_known_loss:
            chosen["loss"] = "loss"
        given = [f"{option}={code}" for option, code in chosen.items()]
        return f"gru_codegen.generate({', '.join(['cell', *given])})"

    def _chosen(self) -> Iterator[tuple[str, str]]:
        """The choices that are not the default, by the names of their options."""
        if self.loss.name != L2.name:
            yield "loss", self.loss.name
        if self.readout != "none":
            yield "readout", self.readout
        if self.unroll is not None:
            yield "unroll", str(self.unroll)
        if self.style != "fast":
            yield "style", self.style
        if self.layout not in (None, DEFAULT_LAYOUT):
            yield "layout", str(self.layout)
        if self.only is not None:
            yield "only", self.only
        if self.extras:
            yield "extras", "_".join(self.extras)


def names_its_choices(function: _Function) -> _Function:
    """Show every one of the `Choices` that `function` takes in its signature, with its default."""
    types = Choices.__annotations__
    choices = [
        parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=types[name].__forward_arg__)
        for name, parameter in signature(Request).parameters.items()
        if name in types
    ]
    first, *others = signature(function).parameters.values()
    own = [parameter for parameter in others if parameter.kind is Parameter.KEYWORD_ONLY]
    shown = signature(function).replace(parameters=[first, *choices, *own])
    vars(function)["__signature__"] = shown
    return function


@cache  # one cell for one cell and readout, since `derive` remembers by identity
def complete(cell: Cell, readout: str) -> Cell:
    """The cell together with its readout."""
    return readouts[readout](cell)


def _in_command(spec: str) -> str:
    return shlex.quote(spec.replace(os.sep, "/"))


def _in_code(option: str, value: str) -> str:
    if option == "unroll":
        return value
    if option == "extras":
        return repr(value.split("_"))
    return f"gru_codegen.losses[{value!r}]" if option == "loss" else repr(value)


def _check_known(style: str, readout: str, layout: str | None) -> None:
    require_known("readout", readout, readouts)
    if layout is not None:
        require_known("layout", layout, LAYOUTS)
    if style == "textbook" and layout is not None:
        raise ValueError(f"layout: {layout!r} is for the fast style; leave it out for textbook")
    require_known("style", style, STYLES)


def _check_only(only: str | None, loss: Loss, extras: Collection[str]) -> None:
    if only is None:
        return
    if only != "forward":
        raise ValueError(f"only: there is no {only!r}; there is 'forward'")
    if loss is not L2:
        raise ValueError(f"loss: a kernel of the forward pass alone has none, not {loss.name!r}")
    if "credit" in extras:
        raise ValueError("extras: credit is of gradients, and the forward pass alone has none")


def _known_extras(extras: Collection[str]) -> tuple[str, ...]:
    """The extras that are asked for, each once and in the order of `EXTRAS`."""
    asked = (extras,) if isinstance(extras, str) else extras
    if not isinstance(asked, Collection):
        raise TypeError(f"extras: expected a collection of names, got {shortened(extras)}")
    for extra in asked:
        require_known("extras", extra, EXTRAS)
    return tuple(extra for extra in EXTRAS if extra in asked)


def _steps(unroll: Any) -> int | None:
    """The number of time steps, checked; None is any number."""
    steps = whole(unroll)
    fault = None if steps is None else fault_of_steps(steps)
    if fault is not None:
        raise ValueError(
            f"unroll: {shortened(steps)} {fault}; give a whole number from 1 to {MOST_STEPS}, or "
            "None for a time loop of any length"
        )
    return steps
