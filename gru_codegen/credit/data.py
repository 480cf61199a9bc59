"""The arguments of `credit`: arrays of a file, or seeded random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from gru_codegen.errors import DataError
from gru_codegen.regular import open_regular
from gru_codegen.runtime.npz import _unpacked
from gru_codegen.verify.configuration import Problem, Sizes, fitting
from gru_codegen.verify.entry_points import (
    constants,
    inputs,
    size_keyword,
    starts,
    usual_input,
    usual_state,
)

__all__ = ["Data", "from_file", "random_data", "require_credit", "require_data"]

#: T where the kernel takes any, B, D and H of random data, and the seed of all that is drawn.
_SIZES = Sizes(50, 16, 4, 32)
_SEED = 0
#: Bounds on arrays of a file.
MOST_STEPS, MOST_NUMBERS = 2000, 2**20
_OPTIONS = ("lengths", "mask", "loss_weights")


@dataclass(frozen=True)
class Data:
    """The arguments of `credit`, and where they come from, in words."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]
    source: str

    def measured(self, kernel: ModuleType) -> Any:
        """Call `credit` of `kernel` with them.

        Raises
        ------
        DataError: they do not fit the kernel, or give gradients that are not finite.
        """
        try:
            with np.errstate(all="ignore"):  # what is not finite is told
                found = kernel.credit(*self.arguments, **self.options)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.source}: {' '.join(str(error).split())}") from error
        for name, gradient in found.gradients._asdict().items():
            if not np.isfinite(gradient).all():
                raise DataError(f"{self.source}: the gradient of {name} is not finite")
        return found


def require_credit(kernel: ModuleType, name: str) -> None:
    """Refuse a kernel without `credit`.

    Raises
    ------
    DataError: it has none.
    """
    if not hasattr(kernel, "credit"):
        raise DataError(f"{name} has no credit(); generate it again with --with credit")


def random_data(kernel: ModuleType) -> Data:
    """Seeded random inputs, targets and initial states, and weights as `init_params` draws them."""
    sizes = fitting(kernel, _SIZES._replace(T=kernel.UNROLL or _SIZES.T))
    problem = Problem(kernel, sizes, _SEED)
    _, *others = problem.arguments.trained
    params = kernel.init_params(sizes.D, sizes.H, rng=_SEED, **problem.keywords)
    source = f"random numbers, seed {_SEED}: {problem}; for your own: --data FILE.npz"
    return Data((params, *others), {}, source)


def from_file(kernel: ModuleType, file: str) -> Data:
    """The arrays of an .npz archive: the weights by name, x, y, s0, lengths, mask, loss_weights.

    Several inputs are x.u and so on, several initial states s0.S, constants constants.A and so on.
    Without any weight they are drawn.

    Raises
    ------
    DataError: it is no such archive, lacks an array, or has one that is too large or no argument.
    """
    arrays = _read(file)
    weights, given = kernel.Params._fields, inputs(kernel)
    several = len(kernel.STATES) > 1
    states = starts(kernel)
    fixed = constants(kernel)
    known = [*weights, *fixed, *given, "y", *states, *_OPTIONS]
    if unknown := [name for name in arrays if name not in known]:
        raise DataError(
            f"{file}: there is no argument {', '.join(unknown)}; there are {', '.join(known)}"
        )
    has_weights = any(name in arrays for name in weights)
    has_state = any(name in arrays for name in states)
    needed = [
        *fixed,
        *given,
        "y",
        *(weights if has_weights else ()),
        *(states if has_state else ()),
    ]
    if missing := [name for name in needed if name not in arrays]:
        raise DataError(f"{file}: it has no {', '.join(missing)}")
    _check_sizes(file, {name: arrays[name] for name in (*given, "y")})
    _check_numbers(file, arrays, given)
    state = tuple(arrays[name] for name in states) if has_state else None
    s0 = state and (kernel.State(*state) if several else state[0])
    drawn = "" if has_weights else f"; weights drawn with seed {_SEED}"
    params = kernel.Params(*(arrays[name] for name in weights)) if has_weights else None
    x = kernel.Inputs(*(arrays[name] for name in given)) if given[1:] else arrays[given[0]]
    others = (kernel.Constants(*(arrays[name] for name in fixed)),) if fixed else ()
    arguments = (*others, x, arrays["y"], s0)
    options = {name: array for name, array in arrays.items() if name in _OPTIONS}
    return Data((params or _drawn(kernel, arrays, file), *arguments), options, f"{file}{drawn}")


def require_data(file: str) -> None:
    """Refuse a file that cannot be the data of any kernel; none is run for that.

    Raises
    ------
    DataError: it is no archive of arrays, or has one that is too large.
    """
    arrays = _read(file)
    data = {name: array for name, array in arrays.items() if name.split(".")[0] in ("x", "y")}
    _check_sizes(file, data)


def _check_sizes(file: str, arrays: Mapping[str, Any]) -> None:
    """Refuse so many steps or samples that their tables would not fit into memory."""
    for name, array in arrays.items():
        if array.ndim and len(array) > MOST_STEPS:
            raise DataError(
                f"{file}: {name} has {len(array)} time steps; of each step the share in each "
                f"other is kept, so give at most {MOST_STEPS}"
            )
        if array.size > MOST_NUMBERS:
            raise DataError(
                f"{file}: {name} has {array.size} numbers; give at most {MOST_NUMBERS}, of fewer "
                "samples"
            )


def _check_numbers(file: str, arrays: Mapping[str, Any], inputs: Sequence[str]) -> None:
    """Refuse NaN where it is read: padding, and targets of the weight 0, may hold anything."""
    samples = arrays["y"].shape[:2]
    try:
        steps = np.arange(samples[0])[:, None]
        within = steps < arrays.get("lengths", np.inf)
        there = np.broadcast_to(within & (arrays.get("mask", True) != 0), samples)
        weights = _by_sample(arrays.get("loss_weights", 1.0))
        counts = there & np.broadcast_to(weights != 0, samples)
    except (IndexError, TypeError, ValueError):  # the kernel says which shape is wrong
        return
    masks = {**dict.fromkeys(inputs, there), "y": counts}
    for name, array in arrays.items():
        if array.dtype.kind not in "fc":
            continue
        spoilt, mask = np.isnan(array), masks.get(name)
        if mask is not None and array.shape[:2] == mask.shape:
            spoilt &= mask.reshape(mask.shape + (1,) * (array.ndim - 2))
        if spoilt.any():
            index = ", ".join(map(str, np.argwhere(spoilt)[0]))
            raise DataError(f"{file}: {name} holds NaN, at [{index}]")


def _by_sample(weights: Any) -> Any:
    """Loss weights (T,) or (T, B) as (T, 1) or (T, B)."""
    return weights[:, None] if np.ndim(weights) == 1 else weights


def _drawn(kernel: ModuleType, arrays: dict[str, Any], file: str) -> Any:
    """Weights for the sizes of the arrays; H and further sizes that they do not tell are usual."""
    numbers = {"1": 1}
    for name in (*constants(kernel), *inputs(kernel), "y"):
        shape = arrays[name].shape
        if len(shape) != len(kernel.SHAPES[name]):
            letters = ", ".join(kernel.SHAPES[name])
            raise DataError(f"{file}: {name}: expected shape ({letters}), got {shape}")
        numbers |= dict(zip(kernel.SHAPES[name], shape, strict=True))
    usual = Problem(kernel, _SIZES, _SEED).numbers
    columns = numbers[kernel.SHAPES[usual_input(kernel)][-1]]
    state = usual["H"] if "H" in kernel.SIZES else numbers[kernel.SHAPES[usual_state(kernel)][-1]]
    keywords = {
        size_keyword(letter): numbers.get(letter, usual.get(letter, 0))
        for letter in kernel.SIZES
        if letter not in "BDH"
    }
    return kernel.init_params(columns, numbers.get("H", state), rng=_SEED, **keywords)


def _read(file: str) -> dict[str, Any]:
    try:
        with open_regular(file) as stream:
            arrays: dict[str, Any] = _unpacked(stream, file)
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(" ".join(str(error).split())) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DataError(f"{file}: {ascii(name)[1:-1]} is no array; np.savez writes arrays")
    return arrays
