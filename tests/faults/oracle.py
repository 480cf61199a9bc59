"""Whether a kernel computes what another computes, decided without the checks that are on trial."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import copy
from functools import cache, partial
from itertools import zip_longest
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gru_codegen as gc
from gru_codegen.verify.entry_points import size_keyword
from gru_codegen.verify.targets import LOSSES

Array = NDArray[Any]

#: None is a size that the gradient checks of `verify` have; O is of a readout.
SIZES = {"B": 9, "D": 4, "H": 11, "O": 12}
#: T for a kernel that takes any: a workspace has to grow, and then to do with less.
STEPS = (2, 4, 3)
#: Of an array's largest entry: a million times round-off, and a thousand times what `verify` lets
#: pass.
TOLERANCE = 1e-9
#: The same for weights in float32.
SINGLE = 1e-3


class _Part(NamedTuple):
    """An array or number of a result, and by how much of its largest entry it may differ."""

    array: Array
    tolerance: float


class Oracle:
    """Holds what the right kernel computes, and compares."""

    def __init__(self, kernel: ModuleType) -> None:
        steps = STEPS if kernel.UNROLL is None else (kernel.UNROLL,)
        of = getattr(kernel.Workspace, "of", None)
        self._of_weights = of is not None and len(inspect.signature(of).parameters) == 2
        self._problems = [_Problem(kernel, T) for T in steps]
        if not self._are_defined(kernel):  # a cell that takes logarithms or roots
            self._problems = [_Problem(kernel, T, positive=True) for T in steps]
        self._right = [_Part(part.array.copy(), part.tolerance) for part in self.results(kernel)]

    def _are_defined(self, kernel: ModuleType) -> bool:
        with np.errstate(all="ignore"):
            return all(np.isfinite(part.array).all() for part in self.results(kernel))

    def agrees(self, kernel: ModuleType, *, exactly: bool = False) -> bool:
        """Whether every output, state, loss and gradient is what it should be, and stays so.

        The first that is not settles it. Raises whatever the kernel raises until then.
        exactly: only as far as exact numbers would show it: neither weights in float32 count, nor
        what is not finite, as the logarithm of -1 is not.
        """
        with np.errstate(all="ignore"):
            found = []
            rights = [part for part in self._right if not exactly or part.tolerance != SINGLE]
            for part, right in zip_longest(self.results(kernel, single=not exactly), rights):
                if not _same(part, right, finite=exactly):
                    return False
                found.append((part.array, part.array.copy()))
            # All calls have had one workspace, which a result must not be a part of: it is NaN now.
            return all(np.array_equal(*pair, equal_nan=True) for pair in found)

    def results(self, kernel: ModuleType, *, single: bool = True) -> Iterator[_Part]:
        """All that `kernel` returns, for several arguments and ways of calling."""
        sizes = {size_keyword(letter): size for letter, size in _sizes(kernel).items()}
        needed = inspect.signature(kernel.Workspace).parameters
        arguments = {
            name: sizes.get(name, sizes["hidden_size"]) for name in needed if name != "dtype"
        }
        workspace = kernel.Workspace(**arguments)
        if self._of_weights:
            made = kernel.Workspace.of(kernel.Params(*self._problems[0].weights), SIZES["B"])
            yield _Part(np.array(made.sizes, float), TOLERANCE)
            yield _Part(np.empty(0, made.dtype), TOLERANCE)
        for some in self._problems:
            yield from _parts(some.trained(kernel, workspace), TOLERANCE)
        for result in self._problems[-1].everything(kernel, workspace):
            yield from _parts(result, TOLERANCE)
        _spoil(workspace)
        if not single:
            return
        workspace = kernel.Workspace(**arguments, dtype=np.float32)
        for result in self._problems[0].in_single().everything(kernel, workspace):
            yield from _parts(result, SINGLE)


class _Problem:
    """Read-only arguments in float64 for T steps of kernels of one kind."""

    def __init__(self, kernel: ModuleType, T: int, positive: bool = False) -> None:
        self.abilities = {*inspect.signature(kernel.loss_and_gradients).parameters, *vars(kernel)}
        rng, sizes = np.random.default_rng([20140612, T]), {**_sizes(kernel), "T": T, "1": 1}
        shapes, least, B = _shapes(kernel), 0.1 if positive else -1, SIZES["B"]

        def shape(name: str) -> tuple[int, ...]:
            return tuple(sizes[letter] for letter in shapes[name])

        def drawn(name: str, least: float = -1) -> Array:
            return _locked(rng.uniform(least, 1, shape(name)))

        def named(first: str, least: float = -1) -> list[Array]:
            """The array of that name, or those of its fields."""
            found = [name for name in shapes if name.split(".")[0] == first]
            return [drawn(name, least) for name in found]

        self.weights = named("params")
        given = named("constants")
        self.constants = [kernel.Constants(*given)] if given else []
        self.x, self.s0 = _Inputs(kernel, named("x", least)), named("s0", least)
        _, _, columns = shape("outputs")
        self.y = _locked(LOSSES[kernel.LOSS].targets(rng, (T, B, columns)))
        self.d_outputs, self.d_state = drawn("outputs"), named("s0")
        # A target of weight 0 is not read, nor is what is past the length of a sample.
        self.loss_weights = _locked(np.maximum(rng.uniform(-1, 1, (T, B)), 0))
        self.lengths = _locked(np.arange(B) % (T + 1))
        self.read = np.arange(T)[:, None] < self.lengths
        self.mask = _locked(np.add.outer(np.arange(T), np.arange(B)) % 3 != 1)

    def in_single(self) -> _Problem:
        """The same with weights in float32: so is every result then, whatever the data are in."""
        single = copy(self)
        single.weights = [weight.astype(np.float32) for weight in self.weights]
        return single

    def trained(self, kernel: ModuleType, workspace: Any) -> Any:
        """Loss, gradients and state, after which the workspace has grown for the next call."""
        call = next(self._calls(kernel))
        return call(workspace=None), call(workspace=workspace)

    def everything(self, kernel: ModuleType, workspace: Any) -> Iterator[Any]:
        """All that `kernel` returns, if all that it finds in the workspace is NaN."""
        for call in self._calls(kernel):
            _spoil(workspace)
            yield call(workspace=workspace)

    def _calls(self, kernel: ModuleType) -> Iterator[Callable[..., Any]]:
        s0, fixed = _state(kernel, self.s0), (kernel.Params(*self.weights), *self.constants)
        loss_and_gradients = partial(kernel.loss_and_gradients, *fixed)
        loss, forward = partial(kernel.loss, *fixed), partial(kernel.forward, *fixed)
        data = self.x(), self.y, s0
        yield partial(loss_and_gradients, *data)
        yield partial(loss_and_gradients, *data[:2])
        yield partial(loss, *data)
        yield partial(forward, self.x(), s0)

        if "loss_weights" in self.abilities:
            weighted = self.x(), _unread(self.y, self.loss_weights == 0), s0
            for function in (loss_and_gradients, loss):
                yield partial(function, *weighted, loss_weights=self.loss_weights)
            yield partial(loss_and_gradients, *data, loss_weights=self.loss_weights[:, -1])
        if "lengths" in self.abilities:
            x, y = self.x(~self.read), _unread(self.y, ~self.read)
            for function in (loss_and_gradients, loss):
                yield partial(function, x, y, s0, lengths=self.lengths)
            yield partial(forward, x, s0, lengths=self.lengths)
            if "loss_weights" in self.abilities:
                both = {"lengths": self.lengths, "loss_weights": self.loss_weights}
                yield partial(loss_and_gradients, x, y, s0, **both)
        if "mask" in self.abilities:
            x, y = self.x(~self.mask), _unread(self.y, ~self.mask)
            yield partial(loss_and_gradients, x, y, s0, mask=self.mask)
            read = self.read & self.mask
            both = {"lengths": self.lengths, "mask": self.mask}
            yield partial(forward, self.x(~read), s0, **both)
        if "all_gradients" in self.abilities:
            call = partial(kernel.all_gradients, *fixed)
            yield partial(call, *data, d_state=_state(kernel, self.d_state))
            if {"lengths", "loss_weights"} <= self.abilities:
                x, y = self.x(~self.read), _unread(self.y, ~self.read)
                yield partial(call, x, y, lengths=self.lengths, loss_weights=self.loss_weights)
        if "vjp" in self.abilities:
            given = self.d_outputs, _state(kernel, self.d_state)
            yield partial(_vjp, kernel, given, *fixed, self.x(), s0)
            if "lengths" in self.abilities:
                padded = _unread(self.d_outputs, ~self.read), given[1]
                x = self.x(~self.read)
                yield partial(_vjp, kernel, padded, *fixed, x, s0, lengths=self.lengths)
            yield partial(_vjp, kernel, given[:1], *fixed, self.x(), s0)
            if "all_gradients" in self.abilities:
                yield partial(_without_inputs, kernel, given, *fixed, self.x(), s0)


class _Inputs:
    """The inputs as a kernel takes them, NaN in the places (T, B) that it may not read."""

    def __init__(self, kernel: ModuleType, arrays: list[Array]) -> None:
        self.kernel, self.arrays = kernel, arrays

    def __call__(self, unread: Array | None = None) -> Any:
        some = [each if unread is None else _unread(each, unread) for each in self.arrays]
        return some[0] if len(some) == 1 else self.kernel.Inputs(*some)


def _vjp(kernel: ModuleType, given: Any, *arguments: Any, **keywords: Any) -> Any:
    outputs, state, pullback = kernel.vjp(*arguments, **keywords)
    return outputs, state, pullback(*given)


def _without_inputs(kernel: ModuleType, given: Any, *arguments: Any, **keywords: Any) -> Any:
    *_, pullback = kernel.vjp(*arguments, **keywords)
    d_params, d_x, d_s0 = pullback(*given, inputs=False)
    assert d_x is None or not any(each is not None for each in d_x)
    return d_params, d_s0


def _sizes(kernel: ModuleType) -> dict[str, int]:
    """The number of every size by its letter, each another, those of this cell alone included."""
    return {letter: SIZES.get(letter, 13 + place) for place, letter in enumerate(kernel.SIZES)}


@cache
def _of_gru() -> Any:
    return gc.load(gc.GRU).SHAPES


def _shapes(kernel: ModuleType) -> Any:
    """The letters of every argument's shape; of kernels that do not say, those of the GRU."""
    return getattr(kernel, "SHAPES", None) or _of_gru()


def _state(kernel: ModuleType, arrays: list[Array]) -> Any:
    return arrays[0] if len(arrays) == 1 else kernel.State(*arrays)


def _locked(array: Array) -> Array:
    array.setflags(write=False)
    return array


def _unread(array: Array, where: Array) -> Array:
    """NaN where nothing may be read, if there is a NaN of this type."""
    if array.dtype.kind != "f":
        return array
    mask = where.reshape(where.shape + (1,) * (array.ndim - where.ndim))
    return _locked(np.where(mask, np.nan, array))


def _spoil(workspace: Any) -> None:
    """Fill every array with NaN, every mask with True: what is read before it is written shows.

    Constants are 0-d or read-only.
    """
    for value in vars(workspace).values():
        is_filled = isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fb"
        if is_filled and value.flags.writeable:
            value.fill(np.nan)


def _parts(value: Any, tolerance: float) -> Iterator[_Part]:
    if isinstance(value, tuple):
        for part in value:
            yield from _parts(part, tolerance)
    elif value is not None:  # the gradient of an input that has none
        yield _Part(np.asarray(value), tolerance)


def _same(found: _Part | None, right: _Part | None, *, finite: bool) -> bool:
    """Whether both are there, of one shape and dtype, and close; or close where `finite`."""
    if found is None or right is None:
        return False
    one, other = found.array, right.array
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    errors = np.abs(one - other)
    if finite:
        errors = errors[np.isfinite(one)]
    scale = np.max(np.abs(other), initial=0)
    return bool(np.max(errors, initial=0) <= right.tolerance * scale)
