"""The function to be audited: found by its name, and called at a point."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections import namedtuple
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Table
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_codegen.audit.mapping import Mapping
from gru_codegen.audit.points import Point
from gru_codegen.errors import VerificationError
from gru_codegen.modules import one_line

__all__ = ["Foreign", "Found", "load_function", "place_of"]

Array = NDArray[Any]
#: What a gradient may be called by a function that calls the weight `{}`.
NAMES = ("d{}", "{}", "d_{}", "grad_{}", "{}_grad", "D{}")


def load_function(spec: str) -> Callable[..., Any]:
    """The function called `spec`, MODULE:FUNCTION or FILE.py:FUNCTION; its module is run.

    MODULE is imported, from the working folder first. FUNCTION may have dots.

    Raises
    ------
    VerificationError: there is no such module or function, or it raises when it is imported.
    """
    place, name = place_of(spec), spec.rpartition(":")[2]
    module = _module(place)
    try:
        function: Any = reduce(getattr, name.split("."), module)
    except AttributeError:
        known = [
            each
            for each, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        listed = ", ".join(each for each in known if each[0] != "_") or "none"
        raise VerificationError(f"{place} has no {name}; its functions: {listed}") from None
    if not callable(function):
        raise VerificationError(f"{spec} is of type {type(function).__name__}; expected a function")
    return function  # type: ignore[no-any-return]


def place_of(spec: str) -> str:
    """The MODULE or the FILE.py of a function called `spec`; nothing is run.

    Raises
    ------
    VerificationError: `spec` is no MODULE:FUNCTION, or there is no such file.
    """
    place, colon, name = spec.rpartition(":")
    if not (colon and place and name):
        raise VerificationError(
            f"there is no function {spec!r}; expected MODULE:FUNCTION or FILE.py:FUNCTION"
        )
    if place.endswith(".py") and not Path(place).is_file():
        raise VerificationError(f"{place} does not exist")
    return place


def _module(place: str) -> Any:
    sys.path.insert(0, "")
    try:
        with redirect_stdout(sys.stderr):
            if not place.endswith(".py"):
                importlib.invalidate_caches()
                return importlib.import_module(place)
            found = importlib.util.spec_from_file_location(Path(place).stem, place)
            assert found is not None
            assert found.loader is not None
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
            return module
    except (Exception, SystemExit) as error:
        raise VerificationError(f"{place} cannot be imported: {one_line(error)}") from error
    finally:
        with suppress(ValueError):
            sys.path.remove("")


class Found(NamedTuple):
    """Everything that a function gives at a point; None for what it does not return.

    outputs: as they are returned. gradients: by the name of the weight, each a matrix, as far as
    its shape lets it be told. changed: the arrays of weights that the call has changed, by name.
    """

    loss: float | None
    outputs: Array | None
    gradients: dict[str, Array]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Foreign:
    """A function, and how it is called."""

    function: Callable[..., Any]
    mapping: Mapping

    @property
    def call(self) -> tuple[tuple[str, str], ...]:
        """The arguments, each after its keyword; s0 is left out if the function takes three."""
        if self.mapping.call is not None:
            return self.mapping.call
        names = ("params", "x", "y", "s0")
        return tuple(("", name) for name in names[: _most_arguments(self.function)])

    @property
    def takes_states(self) -> bool:
        """Return whether initial states are among its arguments."""
        return any(value[-1] == "0" for _, value in self.call)

    def __call__(self, point: Point) -> Found:
        """Call the function at a point.

        Raises
        ------
        VerificationError: it raises, or what it returns is not what the mapping says.
        """
        stored = self.mapping.weights
        arrays = {name: each.join(point.weights).copy() for name, each in stored.items()}
        before = copy.deepcopy(arrays)
        places = _Places(
            holder=_held(self.mapping.params, arrays),
            gradients=_held(self.mapping.params, {n: np.zeros_like(a) for n, a in arrays.items()}),
            globals=getattr(self.function, "__globals__", {}),
        )
        arguments, keywords = self._arguments(point, arrays, places)
        with _set(places.globals, arrays if self.mapping.params == "globals" else {}):
            returned = self._named(_run(self.function, arguments, keywords, point, self._hint))
            gradients = {
                name: value
                for number, theirs in enumerate(stored)
                for name, value in stored[theirs]
                .part(self._gradient(theirs, number, returned, places), point.weights)
                .items()
            }
        changed = [name for name in arrays if not np.array_equal(arrays[name], before[name])]
        outputs = returned.get("outputs")
        loss = None if "loss" not in returned else _array("the loss", returned["loss"])
        if loss is not None and loss.size != 1:
            raise VerificationError(f"the loss has the shape {loss.shape}; expected one number")
        return Found(
            None if loss is None else float(loss.reshape(())),
            None if outputs is None else _array("outputs", outputs),
            gradients,
            tuple(changed),
        )

    def _arguments(
        self, point: Point, arrays: Table[str, Array], places: _Places
    ) -> tuple[list[Any], dict[str, Any]]:
        mapping = self.mapping
        states = {f"{name}0": mapping.s0.of(value) for name, value in point.states.items()}
        known: dict[str, Any] = {**point.sizes, **states, **arrays}
        known |= {"params": places.holder, "gradients": places.gradients}
        known["s0"] = next(iter(states.values())) if len(states) == 1 else tuple(states.values())
        y = point.y[-1] if mapping.at_last else point.y
        known |= {"x": mapping.x.of(point.x), "y": mapping.y.of(y)}
        arguments = [known[value] for keyword, value in self.call if not keyword]
        return arguments, {keyword: known[value] for keyword, value in self.call if keyword}

    def _named(self, returned: Any) -> dict[str, Any]:
        """The values that the function returns, by the names of the mapping."""
        names = self.mapping.returns
        if len(names) == 1:
            return {names[0]: returned}
        if not isinstance(returned, (tuple, list)) or len(returned) < len(names):
            given = (
                f"{len(returned)} values"
                if isinstance(returned, (tuple, list))
                else _kind(returned)
            )
            raise VerificationError(
                f"it returns {given}; expected {', '.join(names)}{self._unmapped}"
            )
        return dict(zip(names, returned, strict=False))

    def _hint(self, error: BaseException) -> str:
        """The likely reason why the function raises, if its own names or arguments are that."""
        if isinstance(error, (KeyError, AttributeError)):
            return "; is it a weight? a mapping says what the function calls each"
        return self._unmapped

    @property
    def _unmapped(self) -> str:
        """The call that was made, if no mapping says which, and the way to say another."""
        if self.mapping.call is not None:
            return ""
        called = f"{_name(self.function)}({', '.join(value for _, value in self.call)})"
        return (
            f"; it was called as {called}: a mapping says how else, --mapping FILE.toml "
            "(docs/audit.md)"
        )

    def _gradient(
        self, theirs: str, number: int, returned: Table[str, Any], places: _Places
    ) -> Array:
        """The gradient of one array, wherever the function leaves it."""
        what = f"the gradient of {theirs}"
        if f"d{theirs}" in returned:
            return _array(what, returned[f"d{theirs}"])
        if "gradients" in returned:
            found = _looked_up(returned["gradients"], number, [n.format(theirs) for n in NAMES])
            where = f"in the gradients that it returns, {_kind(returned['gradients'])}"
        elif any(value == "gradients" for _, value in self.call):
            found = _looked_up(places.gradients, number, [theirs])
            where = "in the gradients that it is given"
        else:
            names = [name.format(theirs) for name in NAMES if name != "{}"]
            found = _looked_up(places.holder, None, names)
            found = _looked_up(places.globals, None, names) if found is None else found
            where = f"as {' or '.join(names[:2])} of params, nor as a global"
        if found is None:
            raise VerificationError(f"{what} is not {where}; say in `returns` where it is")
        return _array(what, found)


class _Places(NamedTuple):
    """The places where weights and gradients are."""

    holder: Any
    gradients: Any
    globals: dict[str, Any]


def _most_arguments(function: Callable[..., Any]) -> int:
    """The number of arguments that a function takes by position; 4 if it does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 4
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 4
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in named for kind in kinds)


def _held(kind: str, arrays: Table[str, Array]) -> Any:
    """Arrays in what a function expects them in."""
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(arrays.values())
    if kind == "namedtuple":
        return namedtuple("Params", list(arrays))(**arrays)
    return SimpleNamespace(**arrays) if kind == "object" else dict(arrays)


@contextmanager
def _set(names: dict[str, Any], arrays: Table[str, Array]) -> Iterator[None]:
    """Let globals have these values for as long as a function runs."""
    before = {name: names[name] for name in arrays if name in names}
    names.update(arrays)
    try:
        yield
    finally:
        for name in arrays:
            names.pop(name)
        names.update(before)


def _run(
    function: Callable[..., Any],
    arguments: list[Any],
    keywords: dict[str, Any],
    point: Point,
    hint: Callable[[BaseException], str],
) -> Any:
    """The value of the function; what it prints goes to standard error."""
    try:
        with redirect_stdout(sys.stderr):
            return function(*arguments, **keywords)
    except (Exception, SystemExit) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        sizes = ", ".join(f"{letter}={size}" for letter, size in point.sizes.items())
        inside = last.filename != __file__  # else the call itself failed, which is ours
        where = f" ({Path(last.filename).name}, line {last.lineno})" if inside else ""
        raise VerificationError(
            f"it raises, at {sizes}: {one_line(error)}{where}{hint(error)}"
        ) from error


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _looked_up(holder: Any, number: int | None, names: list[str]) -> Any:
    """The value under one of the names, or at a place; None if there is none."""
    if isinstance(holder, Table):
        return next((holder[name] for name in names if name in holder), None)
    if isinstance(holder, (tuple, list)) and not hasattr(holder, "_fields"):
        return holder[number] if number is not None and number < len(holder) else None
    return next((getattr(holder, name) for name in names if hasattr(holder, name)), None)


def _array(what: str, value: Any) -> Array:
    try:
        array = np.asarray(value)
        return array if array.dtype.kind == "f" else array.astype(float)
    except (TypeError, ValueError):
        raise VerificationError(f"{what} is {_kind(value)}; expected an array of numbers") from None


def _kind(value: Any) -> str:
    return f"of type {type(value).__name__}"
