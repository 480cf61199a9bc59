"""The kernels that the contract is put to, and data for them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gru_codegen as gc
from gru_codegen.passes import DEFAULT_LAYOUT, LAYOUTS, Layout
from gru_codegen.verify.targets import LOSSES

Array = NDArray[Any]

#: B, D and H; with any T used in these tests all sizes differ.
SIZES = (4, 2, 5)


class Form(NamedTuple):
    """One of the modules that a cell can be generated as; `unroll` None is `any`."""

    cell: str
    style: Any
    unroll: int | None
    layout: Layout | None = None

    def __str__(self) -> str:
        layout = "" if self.layout in (None, DEFAULT_LAYOUT) else f"-{self.layout}"
        length = "any" if self.unroll is None else f"t{self.unroll}"
        return f"{self.cell}-{self.style}{layout}-{length}"

    @property
    def steps(self) -> int:
        """The T to call it with."""
        return 3 if self.unroll is None else self.unroll


#: The reference cell in every layout, of any length, unrolled, and of one step; and one that has
#: all that it has not: two states, vectors.
FORMS = [
    *(Form("gru", "fast", None, layout) for layout in LAYOUTS),
    Form("gru", "fast", 1, "folded"),
    Form("gru", "fast", 3, "rows"),
    Form("gru", "fast", 3, "columns"),
    Form("gru", "textbook", None),
    Form("gru", "textbook", 1),
    Form("lstm-peephole", "fast", None, "rows"),
    Form("lstm-peephole", "fast", 3, "folded"),
    Form("lstm-peephole", "textbook", 3),
]


@functools.cache
def source(form: Form) -> str:
    return gc.generate(
        gc.cells[form.cell], unroll=form.unroll, style=form.style, layout=form.layout
    )


@functools.cache
def load(form: Form) -> ModuleType:
    return gc.load(gc.cells[form.cell], unroll=form.unroll, style=form.style, layout=form.layout)


@dataclass(frozen=True)
class Call:
    """A kernel and arguments for it, in float64 unless changed, all of order one."""

    kernel: ModuleType
    params: Any
    x: Any
    y: Any
    s0: Any

    @classmethod
    def draw(cls, kernel: ModuleType, T: int, *, seed: int = 0) -> Call:
        B, D, H = SIZES
        rng = np.random.default_rng([seed, T])
        drawn = kernel.init_params(D, H, rng=rng)
        return cls(
            kernel,
            # Redrawn, since biases may well begin at zero.
            type(drawn)(*(rng.normal(0, 0.5, weight.shape) for weight in drawn)),
            rng.normal(size=(T, B, D)),
            LOSSES[kernel.LOSS].targets(rng, (T, B, H)),
            mapped(lambda _: rng.normal(size=(B, H)), states_of(kernel)),
        )

    def replace(self, **arguments: Any) -> Call:
        return replace(self, **arguments)

    def weight(self, name: str, value: Any) -> Call:
        """The same with another value for one weight."""
        return self.replace(params=self.params._replace(**{name: value}))

    def cast(self, dtype: Any) -> Call:
        """The same with every real number in `dtype`."""

        def change(array: Any) -> Any:
            return array.astype(dtype) if array.dtype.kind in "fc" else array

        return self.replace(
            **{name: mapped(change, getattr(self, name)) for name in ("params", "x", "y", "s0")}
        )

    def workspace(self, dtype: Any = np.float64) -> Any:
        return self.kernel.Workspace(*SIZES, dtype)

    def forward(self, workspace: Any = None) -> Any:
        return self.kernel.forward(self.params, self.x, self.s0, workspace=workspace)

    def loss(self, workspace: Any = None) -> Any:
        return self.kernel.loss(self.params, self.x, self.y, self.s0, workspace=workspace)

    def loss_and_gradients(self, workspace: Any = None) -> Any:
        return self.kernel.loss_and_gradients(
            self.params, self.x, self.y, self.s0, workspace=workspace
        )

    def all(self, workspace: Any = None) -> tuple[Any, ...]:
        """What every function returns."""
        return (
            self.loss_and_gradients(workspace),
            self.forward(workspace),
            self.loss(workspace),
        )


def states_of(kernel: ModuleType) -> Any:
    """The shape of a state: one name, or a State of names."""
    return kernel.State(*kernel.STATES) if len(kernel.STATES) > 1 else kernel.STATES[0]


def mapped(change: Any, value: Any) -> Any:
    """`value` with every array in it changed: an array, or tuples of them at any depth."""
    if isinstance(value, tuple):
        parts = [mapped(change, part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return change(value)


def arrays(value: Any, name: str = "result") -> Iterator[tuple[str, Any]]:
    """Every array and number in `value`, with the path to it."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", range(len(value)))
        for field, part in zip(fields, value, strict=True):
            yield from arrays(part, f"{name}.{field}")
    else:
        yield name, value


def assert_equal(found: Any, expected: Any, tolerance: float = 0.0) -> None:
    """Compare results part by part, relative to the largest entry of each array."""
    pairs = zip(arrays(found), arrays(expected), strict=True)
    for (name, one), (other_name, other) in pairs:
        assert name == other_name
        assert np.shape(one) == np.shape(other), name
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype, name
        if other.size:
            assert np.max(np.abs(one - other)) <= tolerance * np.max(np.abs(other)), name
