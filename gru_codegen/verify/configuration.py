"""The sizes and the random data that a kernel is checked with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .difference import error_of
from .domain import GOOD, Domain, choose, noise_of
from .entry_points import (
    constants,
    differentiated,
    inputs,
    main,
    outputs,
    size_keyword,
    starts,
    takes_targets,
    usual_input,
    usual_state,
)
from .targets import Loss, known_loss

Array = NDArray[Any]
#: The largest state size at which products of long numbers, which no BLAS has, take no time.
MOST_LONG = 64


class Sizes(NamedTuple):
    """T time steps, batch B, input size D and state size H.

    All are different, so that none can stand for another, and B, D and H are at least 2, where
    a transposed or broadcast array shows.
    """

    T: int
    B: int
    D: int
    H: int


class Arguments(NamedTuple):
    """Data for all entry points: params, inputs x (T, B, D), targets y (T, B, H), s0 (B, H).

    These columns are those of most kernels; some have others, several inputs or several states.
    """

    params: Any
    x: Any
    y: Array
    s0: Any
    constants: Any = ()  # Constants, where a kernel takes some

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The array of each input."""
        return parts(self.x)

    def with_inputs(self, arrays: Iterable[Array]) -> Arguments:
        """Return them with other inputs."""
        return self._replace(x=like(self.x, arrays))

    @property
    def fixed(self) -> tuple[Any, ...]:
        """The weights and, if the kernel takes any, the constants."""
        return (self.params, self.constants) if self.constants else (self.params,)

    @property
    def run(self) -> tuple[Any, ...]:
        """Arguments of `forward` and `vjp`."""
        return (*self.fixed, self.x, self.s0)

    @property
    def trained(self) -> tuple[Any, ...]:
        """Arguments of `loss` and `loss_and_gradients`."""
        return (*self.fixed, self.x, self.y, self.s0)

    def cut(self, steps: slice, samples: slice | Array = slice(None)) -> Arguments:
        """Return them for these steps and samples alone; s0 stays as it is."""
        cut = self.with_inputs(array[steps, samples] for array in self.inputs)
        return cut._replace(y=self.y[steps, samples])

    def of(self, kernel: ModuleType, entry_point: str) -> tuple[Any, ...]:
        """Return the arguments of that entry point of ``kernel``."""
        return self.trained if takes_targets(kernel, entry_point) else self.run


def step_counts(kernel: ModuleType) -> tuple[int, ...]:
    """Return the T to check at: the kernel's own or, if it takes any, two that differ."""
    return (3, 7) if kernel.UNROLL is None else (kernel.UNROLL,)


def small(kernel: ModuleType) -> list[Sizes]:
    """Return sizes that entrywise checks can afford: some fifty weight entries for the GRU."""
    return _sizes(kernel, (4, 2, 3), spare=5)


def large(kernel: ModuleType) -> list[Sizes]:
    """Return other sizes, in another order: for checks that cost a few evaluations in all."""
    return _sizes(kernel, (7, 5, 6), spare=8)


def _sizes(kernel: ModuleType, others: tuple[int, int, int], *, spare: int) -> list[Sizes]:
    """Return one `Sizes` for every T, all with one B, D and H, so that a workspace serves all."""
    steps = step_counts(kernel)
    numbers = [spare if size in steps else size for size in others]
    return [fitting(kernel, Sizes(T, *numbers)) for T in steps]


def fitting(kernel: ModuleType, sizes: Sizes) -> Sizes:
    """Return them as a kernel needs them: D is H where it has but one of them, or 1 of a column."""
    shapes = getattr(kernel, "SHAPES", {})
    arguments = {"D": usual_input(kernel), "H": usual_state(kernel)}
    others = {n: shapes[each][-1] for n, each in arguments.items() if n not in kernel.SIZES}
    single = [letter for letter, columns in others.items() if columns == "1"]
    if len(others) > len(single):
        sizes = sizes._replace(D=sizes.H)
    return sizes._replace(**dict.fromkeys(single, 1))


@dataclass(frozen=True)
class Problem:
    """A kernel, sizes, and the random data that ``seed`` gives for them.

    Nothing is drawn before it is asked for, so that a kernel that raises while it makes its
    weights fails the checks that need them. The data are those of ``given``, the domain that is
    chosen for the problem if None. ``like`` is a problem of other sizes, whose domain is tried
    first. ``definition`` is that of the kernel's loss, if it is none that is known by its name.
    """

    kernel: ModuleType
    sizes: Sizes
    seed: int
    given: Domain | None = None
    like: Problem | None = field(default=None, compare=False, repr=False)
    definition: Loss | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Else each check would fail where it draws, and a right kernel with them.
        if not isinstance(self.seed, int | np.integer) or self.seed < 0:
            raise ValueError(f"seed: expected a whole number, 0 or more, got {self.seed!r}")

    def __str__(self) -> str:
        return ", ".join(f"{name}={size}" for name, size in self.sizes._asdict().items())

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of every size by its letter, those that only this kernel has included.

        These differ from all others.
        """
        numbers = self.sizes._asdict()
        shapes, used = self._shapes, {*step_counts(self.kernel), *self.sizes}
        arguments = {"D": usual_input(self.kernel), "H": usual_state(self.kernel)}
        for letter, argument in arguments.items():
            if letter not in self.kernel.SIZES:  # then these columns are what stands for it
                numbers[shapes[argument][-1]] = numbers[letter]
        for letter in self.kernel.SIZES:
            if letter not in numbers:
                numbers[letter] = next(n for n in range(6, 7 + len(used)) if n not in used)
                used.add(numbers[letter])
        return {**numbers, "1": 1}

    @property
    def loss(self) -> Loss:
        """The loss of the kernel, by its definition."""
        return self.definition or known_loss(self.kernel)

    @property
    def output_size(self) -> int:
        """The columns of the first output, which targets are for."""
        return self.numbers[self._shapes[self.output_names[0]][-1]]

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs in errors: ``outputs``, or ``outputs.S`` and so on."""
        names = outputs(self.kernel)
        return tuple(f"outputs.{name}" for name in names) if names[1:] else ("outputs",)

    def drawn_like_outputs(self, rng: np.random.Generator) -> Any:
        """Draw normal numbers for the outputs: an array (T, B, n), or Outputs of several."""
        columns = [self.numbers[self._shapes[name][-1]] for name in self.output_names]
        arrays = [rng.standard_normal((*self.sizes[:2], n)) for n in columns]
        return self.kernel.Outputs(*arrays) if arrays[1:] else arrays[0]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs in errors."""
        return inputs(self.kernel)

    def differentiated(self, inputs: Sequence[Any]) -> list[Any]:
        """Return those of the arrays of all inputs whose inputs have a gradient."""
        have = differentiated(self.kernel)
        named = zip(self.input_names, inputs, strict=True)
        return [array for name, array in named if name in have]

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of the initial states in errors."""
        return starts(self.kernel)

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each state."""
        shapes = (self._shapes[name] for name in self.state_names)
        return tuple(tuple(self.numbers.get(n, 1) for n in shape) for shape in shapes)

    @property
    def _shapes(self) -> dict[str, tuple[str, ...]]:
        """The shapes that the kernel states, in letters; the usual ones if it states none."""
        columns = "O" if "O" in self.kernel.SIZES else "H"
        return {
            **dict.fromkeys(self.input_names, ("T", "B", "D")),
            **dict.fromkeys(self.output_names, ("T", "B", columns)),
            **dict.fromkeys(self.state_names, ("B", "H")),
            **getattr(self.kernel, "SHAPES", {}),
        }

    @property
    def keywords(self) -> dict[str, int]:
        """The arguments of `init_params` and `Workspace` besides the sizes of every kernel."""
        return {
            size_keyword(letter): self.numbers[letter]
            for letter in self.kernel.SIZES
            if letter not in Sizes._fields
        }

    def other(self, **changes: Any) -> Problem:
        """Return a problem of other ``sizes`` or another ``seed``, like this one."""
        return replace(self, like=self, **changes)

    @cached_property
    def domain(self) -> Domain:
        """The way in which the data are drawn."""
        if self.given is not None:
            return self.given
        return choose(self.noise, None if self.like is None else self.like.domain)

    @cached_property
    def arguments(self) -> Arguments:
        """The data in float64, read-only."""
        arguments = self.drawn_in(self.domain)
        _lock(arguments)
        return arguments

    @cached_property
    def made(self) -> Any:
        """Weights as the kernel makes them itself."""
        _, _, D, H = self.sizes
        return self.kernel.init_params(D, H, rng=0, **self.keywords)

    def drawn_in(self, domain: Domain) -> Arguments:
        """Draw the data from a domain, and from the ranges that the kernel states.

        The usual weights have a standard deviation of 1/2, less for many columns, whatever
        `init_params` makes of them: gates are then neither linear nor saturated, and no weight
        (a bias, say) is zero. The state is never zero, which would hide every recurrent fault
        of the first step.
        """
        (T, B, _, H), kernel = self.sizes, self.kernel
        rng = self.drawn(*([8, domain.draw] if domain.draw else []))
        ranges = getattr(kernel, "CHECKS", {})

        def draw(kind: str, name: str, shape: tuple[int, ...], scale: float = 1) -> Array:
            if name in ranges:
                low, high = ranges[name]
                return rng.uniform(low, high, shape)
            return np.asarray(scale * domain.numbers(rng, kind, shape))

        scale, made = min(1 / 2, 1 / np.sqrt(H)), self.made._asdict().items()
        drawn = (draw("weights", f"params.{name}", np.shape(each), scale) for name, each in made)
        params = type(self.made)(*drawn)
        columns = {name: self.numbers[self._shapes[name][-1]] for name in self.input_names}
        given = [draw("inputs", name, (T, B, n)) for name, n in columns.items()]
        x = given[0] if len(given) == 1 else kernel.Inputs(*given)
        y = self.loss.drawn(rng, (T, B, self.output_size), ranges.get("y"))
        shapes = zip(self.state_names, self.state_shapes, strict=True)
        start = [draw("states", name, shape) for name, shape in shapes]
        s0 = start[0] if len(start) == 1 else kernel.State(*start)
        fixed = [draw("weights", name, shape, scale) for name, shape in self._constants.items()]
        return Arguments(params, x, y, s0, kernel.Constants(*fixed) if fixed else ())

    @property
    def _constants(self) -> dict[str, tuple[int, ...]]:
        """The shape of each constant that is given, by its name in errors."""
        shapes = {name: self._shapes[name] for name in constants(self.kernel)}
        return {n: tuple(self.numbers.get(k, 1) for k in shape) for n, shape in shapes.items()}

    def noise(self, domain: Domain) -> float:
        """Return by what part round-off changes the results at such data.

        That is what a unit in the last place of the data does, and what the digits of a longer
        type do, where there is one: they show what is lost inside, as by 1 - tanh(20).
        """
        unit, arguments = float(np.finfo(np.float64).eps), self.drawn_in(domain)
        run = partial(_everything, self)
        results = run(arguments)
        found = noise_of(run, arguments, results, unit, self.drawn(6))
        if found > GOOD and error_of(run(arguments), results) > GOOD:
            raise ArithmeticError("two results of the same data; no other data would help")
        if not math.isfinite(found) or self.sizes.H > MOST_LONG:
            return found
        return max(found, error_of(results, run(cast(arguments, np.longdouble))))

    @cached_property
    def result(self) -> Any:
        """The kernel's own loss, gradients and state on `arguments`, without a workspace."""
        return self.kernel.loss_and_gradients(*self.arguments.trained)

    def workspace(self, dtype: type[np.generic] = np.float64) -> Any:
        """Return a new workspace of the kernel for these sizes."""
        _, B, D, H = self.sizes
        return self.kernel.Workspace(B, D, H, dtype=dtype, **self.keywords)

    def drawn(self, *stream: int) -> np.random.Generator:
        """A generator of its own for one check."""
        return np.random.default_rng([self.seed, *self.sizes, *stream])


def problems(
    kernel: ModuleType, sizes: Sequence[Sizes], seed: int, loss: Loss | None = None
) -> list[Problem]:
    """Return a problem for each of ``sizes``, each like the first; ``loss`` is its definition."""
    first = Problem(kernel, sizes[0], seed, definition=loss)
    return [first, *(first.other(sizes=some) for some in sizes[1:])]


def _everything(problem: Problem, arguments: Arguments) -> Any:
    """The results at other arguments: those of training and, if there is one, the pullback."""
    kernel = problem.kernel
    trained = tuple(getattr(kernel, main(kernel))(*arguments.of(kernel, main(kernel))))
    if not hasattr(kernel, "vjp"):
        return trained
    *made, pullback = kernel.vjp(*arguments.run)
    return (*trained, *made, pullback(problem.drawn_like_outputs(problem.drawn(7))))


def _lock(value: Any) -> None:
    """Make arrays, or a tuple of them, read-only: no check may spoil the data of the others."""
    if isinstance(value, tuple):
        for entry in value:
            _lock(entry)
    else:
        value.setflags(write=False)


def parts(value: Any) -> tuple[Array, ...]:
    """Return the arrays of inputs, or of their gradients: those that there are."""
    return tuple(array for array in states(value) if array is not None)


def like(value: Any, arrays: Iterable[Array]) -> Any:
    """Return the arrays as a state, or as inputs or outputs, like ``value``."""
    if hasattr(value, "_fields"):
        return type(value)(*arrays)
    return tuple(arrays) if isinstance(value, tuple) else next(iter(arrays))


def states(value: Any) -> tuple[Array, ...]:
    """Return the arrays of a state: the fields of a State, or the one array of a cell with one.

    So it does those of outputs.
    """
    return value if isinstance(value, tuple) else (value,)


def mapped(change: Callable[..., Any], value: Any, *others: Any) -> Any:
    """Return an array changed, or each of a tuple of them, with those of `others` in its place."""
    rows = zip(*map(states, (value, *others)), strict=True)
    return like(value, [change(*row) for row in rows])


def joined(first: Any, rest: Any) -> Any:
    """Return the outputs of two windows one behind the other."""
    return mapped(lambda *both: np.concatenate(both), first, rest)


def inner(value: Any, other: Any) -> Any:
    """Return the sum of the products of all entries of two arrays, or of tuples of them."""
    return sum((a * b).sum() for a, b in zip(states(value), states(other), strict=True))


def cast(value: Any, dtype: type[np.generic]) -> Any:
    """Return a copy of an array, or of a tuple of them, in ``dtype``; labels stay integers."""
    if isinstance(value, tuple):
        entries = [cast(entry, dtype) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else tuple(entries)
    return value.astype(dtype) if value.dtype.kind in "fc" else value.copy()
