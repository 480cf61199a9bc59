"""The type of kernels, for editors and type checkers: what every generated module has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from types import ModuleType
from typing import Any, Protocol

__all__ = ["AllGradientsLike", "Kernel", "KernelModule", "ResultLike"]


class ResultLike(Protocol):
    """The result of `loss_and_gradients`: a NamedTuple of these three, in this order."""

    @property
    def loss(self) -> Any:
        """The loss, a number."""

    @property
    def gradients(self) -> Any:
        """Its gradients, a `Params`."""

    @property
    def state(self) -> Any:
        """The last state."""

    def __iter__(self) -> Iterator[Any]: ...


class AllGradientsLike(Protocol):
    """The result of `all_gradients`: a NamedTuple of these six, in this order."""

    @property
    def loss(self) -> Any:
        """The loss, a number."""

    @property
    def params(self) -> Any:
        """The gradients of the weights, a `Params`."""

    @property
    def x(self) -> Any:
        """The gradient of the input."""

    @property
    def s0(self) -> Any:
        """The gradient of the initial state."""

    @property
    def outputs(self) -> Any:
        """The outputs."""

    @property
    def state(self) -> Any:
        """The last state."""

    def __iter__(self) -> Iterator[Any]: ...


class Kernel(Protocol):
    """The functions of a generated module, loaded or imported.

    It is a type for annotations: ``def train(kernel: Kernel) -> None``. What differs from one
    kernel to another is left open, such as the fields of `Params` and further sizes. The constants
    of a cell stand behind the weights. All keywords are optional; README.md has their shapes.
    A kernel of the forward pass alone has no loss and no gradients, and is none.
    """

    @property
    def Params(self) -> type[Any]:
        """The NamedTuple of the weights, and of their gradients."""

    @property
    def Result(self) -> type[Any]:
        """The NamedTuple of loss, gradients and state."""

    @property
    def AllGradients(self) -> type[Any]:
        """The NamedTuple of all gradients."""

    @property
    def Workspace(self) -> Any:
        """The arrays that calls use again: ``Workspace.of(params, batch_size)``."""

    def init_params(self, *args: Any, **kwargs: Any) -> Any:
        """Draw weights: ``init_params(input_size, hidden_size, *, rng=None, dtype=np.float64)``."""

    def forward(
        self, params: Any, x: Any, s0: Any = None, *args: Any, **kwargs: Any
    ) -> tuple[Any, Any]:
        """Return the outputs (T, B, n) and the last state.

        Keywords: lengths, mask, workspace.
        """
        ...

    def loss(self, params: Any, x: Any, y: Any, s0: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return the loss. Keywords: loss_weights, lengths, mask, workspace."""

    def loss_and_gradients(
        self, params: Any, x: Any, y: Any, s0: Any = None, *args: Any, **kwargs: Any
    ) -> ResultLike:
        """Return the loss, its gradients and the last state. Keywords: as for `loss`."""
        ...

    def all_gradients(
        self, params: Any, x: Any, y: Any, s0: Any = None, *args: Any, **kwargs: Any
    ) -> AllGradientsLike:
        """Return all gradients at once. Keywords: as for `loss`, and d_state."""
        ...

    def vjp(
        self, params: Any, x: Any, s0: Any = None, *args: Any, **kwargs: Any
    ) -> tuple[Any, Any, Any]:
        """Return the outputs, the last state, and the function `pullback`.

        Keywords: lengths, mask, workspace.
        """
        ...

    def params_to_npz(self, params: Any, file: str | PathLike[str]) -> None:
        """Write the weights to a file."""

    def params_from_npz(self, file: str | PathLike[str]) -> Any:
        """Read the weights from a file."""


class KernelModule(ModuleType, Kernel):
    """The result of `load`, to type checkers: a module with these functions, and constants."""

    CELL: str
    LOSS: str
    READOUT: str
    STYLE: str
    LAYOUT: str
    #: The number of time steps; None is any.
    UNROLL: int | None
    #: The declared equations, a line each.
    EQUATIONS: str
    #: The names of the states.
    STATES: tuple[str, ...]
    #: The shape of every argument in letters, by the name that errors give it.
    SHAPES: Mapping[str, tuple[str, ...]]
