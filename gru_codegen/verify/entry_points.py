"""Entry points of a kernel: the arguments and the results that it says they have."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import FunctionType, ModuleType

from ..modules import is_forward_alone

#: The results of entry points, by name, where a kernel does not say.
USUAL = {
    "forward": ("outputs", "state"),
    "loss": ("loss",),
    "loss_and_gradients": ("loss", "gradients", "state"),
    "vjp": ("outputs", "state", "pullback"),
}
#: Read anew for every call of an entry point, signatures would take a quarter of all checks.
_signature = lru_cache(maxsize=8)(inspect.signature)
#: The extras, which have checks of their own.
_APART = ("credit", "trace")
#: What `forward` of a kernel whose functions show no signature has to be given.
_RUN = ("params", "x")


def entry_points(kernel: ModuleType) -> Mapping[str, tuple[str, ...]]:
    """Return the results of every entry point that ``kernel`` has, by name; not of `credit`."""
    said = {**getattr(kernel, "ENTRY_POINTS", USUAL)}
    names = [name for name in said if name not in _APART and hasattr(kernel, name)]
    return {name: said[name] for name in names}


def main(kernel: ModuleType) -> str:
    """Return the entry point that checks call first: that with gradients, if there is one."""
    return "forward" if is_forward_alone(kernel) else "loss_and_gradients"


def inputs(kernel: ModuleType) -> tuple[str, ...]:
    """Return the names of the inputs: ``x``; ``x.u`` and so on if there are several."""
    x = _run(kernel)[-1]
    fields = getattr(getattr(kernel, "Inputs", None), "_fields", ())
    return tuple(f"{x}.{field}" for field in fields) or (x,)


def constants(kernel: ModuleType) -> tuple[str, ...]:
    """Return the names of the constants that a call is given: ``constants.A`` and so on."""
    fields = getattr(getattr(kernel, "Constants", None), "_fields", ())
    return tuple(f"constants.{field}" for field in fields)


def usual_input(kernel: ModuleType) -> str:
    """Return the input whose columns are `input_size`: D, or else H, if one has them."""
    shapes, names = getattr(kernel, "SHAPES", {}), inputs(kernel)
    usual = (name for name in names if shapes.get(name, "D")[-1] in ("D", "H"))
    return next(usual, _widest(shapes, names))


def usual_state(kernel: ModuleType) -> str:
    """Return the state whose columns are `hidden_size`, where no size is called H."""
    return _widest(getattr(kernel, "SHAPES", {}), starts(kernel))


def _widest(shapes: Mapping[str, tuple[str, ...]], names: Sequence[str]) -> str:
    """The first of these arguments whose columns have a letter, or the first of all."""
    return next((name for name in names if shapes.get(name, "D")[-1] != "1"), names[0])


def differentiated(kernel: ModuleType) -> tuple[str, ...]:
    """Return the names of the inputs that have a gradient."""
    return tuple(name for name in inputs(kernel) if name not in _without_gradient(kernel))


def _without_gradient(kernel: ModuleType) -> tuple[str, ...]:
    return tuple(getattr(kernel, "WITHOUT_GRADIENT", ()))


def starts(kernel: ModuleType) -> tuple[str, ...]:
    """Return the names of the initial states: ``s0``; ``s0.S`` and so on if there are several."""
    names = kernel.STATES
    return tuple(f"s0.{name}" for name in names) if len(names) > 1 else ("s0",)


def outputs(kernel: ModuleType) -> tuple[str, ...]:
    """Return the names of what a step puts out, of several all, as equations have them."""
    return tuple(getattr(kernel, "OUTPUTS", (kernel.OUTPUT,)))


def size_keyword(letter: str) -> str:
    """Return the argument of `init_params` and `Workspace` for a size."""
    known = {"B": "batch_size", "D": "input_size", "H": "hidden_size", "O": "output_size"}
    return known.get(letter, f"{letter.lower()}_size")


def untold(kernel: ModuleType) -> tuple[str, ...]:
    """Return the sizes that no weight tells: what `Workspace.of` has to be given besides."""
    return tuple(inspect.signature(kernel.Workspace.of).parameters)[2:]


def takes_targets(kernel: ModuleType, name: str) -> bool:
    """Return whether an entry point has to be given more than `forward`: targets."""
    required = _required(kernel, name)
    return len(required) > len(_run(kernel)) if required else "loss" in USUAL.get(name, ())


def takes(kernel: ModuleType, name: str, argument: str) -> bool:
    """Return whether an entry point has an argument of that name."""
    return argument in _parameters(kernel, name)


def _run(kernel: ModuleType) -> tuple[str, ...]:
    """The arguments that `forward` has to be given, the inputs last."""
    return _required(kernel, "forward") or _RUN


def _required(kernel: ModuleType, name: str) -> tuple[str, ...]:
    """The arguments that an entry point has to be given; none where it takes any number."""
    parameters = _parameters(kernel, name).values()
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return ()
    return tuple(each.name for each in parameters if each.default is each.empty)


def _parameters(kernel: ModuleType, name: str) -> Mapping[str, inspect.Parameter]:
    """The parameters of an entry point; none where it is no function of Python."""
    try:
        function = getattr(kernel, name)
        read = _signature if isinstance(function, FunctionType) else inspect.signature
        return read(function).parameters
    except (AttributeError, TypeError, ValueError):
        return {}
