"""Exact gradients of sequences whose history does not fit into memory: window by window.

A first run keeps the states between windows alone. Then each window, the last one first, is run
again and differentiated, and the gradient of its initial state goes to the last state of the window
before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.kernel import Kernel
from gru_codegen.modules import is_forward_alone, require_kernel
from gru_codegen.verify.entry_points import inputs, size_keyword, untold

__all__ = ["checkpointed"]

Array = NDArray[Any]


def checkpointed(
    kernel: ModuleType | Kernel,
    params: Any,
    x: Any,
    y: Any,
    s0: Any = None,
    *,
    window: int = 100,
    constants: Any = None,
    loss_weights: Any = None,
    lengths: Any = None,
    mask: Any = None,
) -> Any:
    """The Result of ``kernel.loss_and_gradients``, with the history of one window at a time.

    Arguments are those of that function, for any number of steps T; the constants of a kernel that
    takes some are given by name. Beside them it takes the memory of so many steps as `window` has,
    and of a state for each window; and one more forward pass.
    The windows of a kernel that is unrolled are its own steps, and T is a multiple of them.
    What is several arrays by name may be a mapping: weights, constants, inputs and states. Several
    states may be a tuple in their order.

    Raises
    ------
    TypeError, ValueError: an argument is none for `loss_and_gradients`, or `window` is no number
        of steps, or the kernel has no `all_gradients`.
    VerificationError: `kernel` is no generated kernel.
    """
    kernel = require_kernel(kernel)
    params, x = _by_name(kernel, "Params", params), _by_name(kernel, "Inputs", x)
    s0, constants = _by_name(kernel, "State", s0), _by_name(kernel, "Constants", constants)
    fixed = (params,) if constants is None else (params, constants)
    run = _Run(kernel, fixed, x, np.asarray(y), loss_weights, lengths, mask)
    starts = run.starts(window)
    if len(starts) < 2:
        return kernel.loss_and_gradients(
            *fixed, x, y, s0, loss_weights=loss_weights, lengths=lengths, mask=mask
        )
    states = [s0]
    for start in starts[:-1]:
        states.append(run.forward(start, states[-1]))
    found = run.backward(starts[-1], states.pop(), None)
    total, gradients, last = found.loss, found.params, found.state
    for start in reversed(starts[:-1]):
        found = run.backward(start, states.pop(), found.s0)
        total = total + found.loss
        for gradient, more in zip(gradients, found.params, strict=True):
            gradient += more
    return run.kernel.Result(total, gradients, last)


class _Run:
    """A kernel and its arguments, of which each call gets those of one window."""

    def __init__(
        self,
        kernel: ModuleType,
        fixed: tuple[Any, ...],
        x: Any,
        y: Array,
        loss_weights: Any,
        lengths: Any,
        mask: Any,
    ) -> None:
        if not hasattr(kernel, "all_gradients"):
            remedy = "generate it again"
            if is_forward_alone(kernel):
                remedy = "make one without --only forward"
            raise ValueError(f"{kernel.__name__} has no all_gradients; {remedy}")
        self.kernel, self.fixed, self.y = kernel, fixed, y
        self.x = _each(np.asarray, x)
        self.loss_weights = None if loss_weights is None else np.asarray(loss_weights)
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.mask = None if mask is None else np.asarray(mask)
        first, *_ = self.inputs = self.x if isinstance(self.x, tuple) else (self.x,)
        self.steps = self.size = len(first) if first.ndim else 0
        self.workspace = self._workspace()
        #: Whether the loss is a mean, and so a Workspace counts what it is over.
        self.mean = hasattr(self.workspace, "count")

    def _workspace(self) -> Any:
        """The Workspace that serves all windows; None where arguments do not tell its sizes."""
        if any(array.ndim != 3 for array in self.inputs):
            return None
        given = dict(zip(inputs(self.kernel), self.inputs, strict=True))
        for constants in self.fixed[1:]:
            fields: dict[str, Any] = getattr(constants, "_asdict", dict)()
            given |= {f"constants.{name}": np.asarray(array) for name, array in fields.items()}
        numbers = {}
        for name, array in given.items():
            letters = self.kernel.SHAPES.get(name, ())
            for letter, number in zip(letters, array.shape, strict=False):
                numbers[size_keyword(letter)] = number
        if not numbers.keys() >= {*untold(self.kernel)}:
            return None
        sizes = {name: numbers[name] for name in untold(self.kernel)}
        return self.kernel.Workspace.of(self.fixed[0], self.inputs[0].shape[1], **sizes)

    def starts(self, window: Any) -> range:
        """The first step of each window, once all arguments have the steps of x."""
        own = self.kernel.UNROLL
        if isinstance(window, bool) or not isinstance(window, int | np.integer) or window < 1:
            raise ValueError(f"window: expected a number of time steps, 1 or more, got {window!r}")
        self.size = int(window) if own is None else own
        if self.steps % self.size and own is not None:
            raise ValueError(
                f"x: this kernel is unrolled to T = {own}: {self.steps} steps are no windows of it"
            )
        of_steps = {"y": self.y, "loss_weights": self.loss_weights, "mask": self.mask}
        for name, array in of_steps.items():
            if array is not None and array.shape[:1] != (self.steps,):
                raise ValueError(f"{name}: expected {self.steps} time steps, got {array.shape}")
        if self.lengths is not None and self.lengths.size:
            least, most = self.lengths.min(), self.lengths.max()
            if not 0 <= least <= most <= self.steps:
                raise ValueError(f"lengths: expected 0 to T = {self.steps}, got {least} to {most}")
        if any(len(array) != self.steps for array in self.inputs):
            raise ValueError("x: expected the same number of time steps in every input")
        return range(0, self.steps, self.size)

    def forward(self, start: int, state: Any) -> Any:
        """The state after the window that begins at `start`."""
        options = self._padding(start)
        _, last = self.kernel.forward(*self.fixed, self._cut(self.x, start), state, **options)
        return last

    def backward(self, start: int, state: Any, d_state: Any) -> Any:
        """All gradients of it; `d_state` is that of what comes after it."""
        x, y = self._cut(self.x, start), self._cut(self.y, start)
        weights = None if self.loss_weights is None else self._cut(self.loss_weights, start)
        share = self._share(start) if self.mean else 1
        if share != 1 and d_state is not None:  # all that comes out of it is multiplied again
            d_state = _each(lambda array: array / share, d_state)
        found = self.kernel.all_gradients(
            *self.fixed,
            x,
            y,
            state,
            d_state=d_state,
            loss_weights=weights,
            **self._padding(start),
        )
        if share == 1:
            return found
        params, s0 = (
            _each(lambda array: np.asarray(array * share), each)
            for each in (found.params, found.s0)
        )
        return found._replace(loss=found.loss * share, params=params, s0=s0)

    def _share(self, start: int) -> Any:
        """The divisor of a mean over the window at `start`, over that of all windows."""
        samples = self.inputs[0].shape[1]
        counts: Array = np.ones((self.steps, samples), int)
        if self.loss_weights is not None:
            counts = counts * self.loss_weights.reshape(self.steps, -1)
        if self.lengths is not None:
            counts = np.where(np.arange(self.steps)[:, None] < self.lengths, counts, 0)
        if self.mask is not None:
            counts = np.where(self.mask, counts, 0)
        columns = self.y.shape[2] if self.y.ndim == 3 else 1
        own, whole = (each.sum() * columns or 1 for each in (self._cut(counts, start), counts))
        return np.asarray(own / whole).item()

    def _cut(self, given: Any, start: int) -> Any:
        """The steps of an array, or of each input."""
        return _each(lambda array: array[start : start + self.size], given)

    def _padding(self, start: int) -> dict[str, Any]:
        steps = min(self.size, self.steps - start)
        left = None if self.lengths is None else np.clip(self.lengths - start, 0, steps)
        mask = None if self.mask is None else self._cut(self.mask, start)
        return {"lengths": left, "mask": mask, "workspace": self.workspace}


#: Arguments by the classes of a kernel that they have.
_ARGUMENTS = {"Params": "params", "Inputs": "x", "State": "s0", "Constants": "constants"}


def _by_name(kernel: ModuleType, kind: str, given: Any) -> Any:
    """A NamedTuple of a kernel, from a mapping by its names; anything else as it is.

    A tuple will do for states alone: weights of one shape would be taken for each other.
    """
    made = getattr(kernel, kind, None)
    if made is None or not isinstance(given, (Mapping, tuple)):
        return given
    if type(given) is tuple and kind == "State" and len(given) == len(made._fields):
        return made(*given)
    if not isinstance(given, Mapping):
        return given
    if given.keys() != {*made._fields}:
        expected, got = (", ".join(map(str, each)) for each in (made._fields, given))
        raise TypeError(f"{_ARGUMENTS[kind]}: expected {expected} by name, got {got}")
    return made(**given)


def _each(change: Callable[[Any], Any], given: Any) -> Any:
    """An array changed, or each of several inputs."""
    return type(given)(*map(change, given)) if hasattr(given, "_fields") else change(given)
