"""The contenders. Each library has a module of its own here, which only its worker imports.

Such a module has functions `prepare(problem, cell, **options)` that do all that is not timed and
return two functions: the call that is timed, and one that reads from what the call returned the
arrays by the names of the problem's truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, TypeAlias

from benchmarks.sizes import FAMILY, LAYOUTS

__all__ = ["CONTENDERS", "EVERYONE", "Contender", "Prepared", "contender", "entrants"]

Prepared: TypeAlias = "tuple[Callable[[], Any], Callable[[Any], Mapping[str, Any]]]"


@dataclass(frozen=True)
class Contender:
    """One way to compute the loss and all gradients of the weights.

    name, title: on the command line and in results, and in tables.
    home: "module:function" that prepares it. package: the one to be installed for that.
    cells: in whose races it runs.
    omits: those names in the truth that it does not compute.
    everywhere: whether it runs in every dtype and on any number of threads; if not, only in
        float32 on one, where the goals are.
    stands_in: for cells that the library does not have, the one that it has instead, without
        biases; the contender is then held to the truth of that one.
    """

    name: str
    title: str
    home: str
    package: str = "numpy"
    cells: frozenset[str] = frozenset({"gru"})
    options: Mapping[str, Any] = field(default_factory=dict)
    omits: frozenset[str] = frozenset()
    everywhere: bool = True
    stands_in: Mapping[str, str] = field(default_factory=dict)

    @property
    def prepare(self) -> Callable[..., Prepared]:
        """The function that prepares it; importing it imports the library."""
        module, function = self.home.split(":")
        prepare: Callable[..., Prepared] = getattr(
            import_module(f"benchmarks.contenders.{module}"), function
        )
        return prepare


_EVERY = frozenset({"gru", *FAMILY})


def _kernel(name: str, title: str, cells: frozenset[str], *, style: str, unroll: bool) -> Contender:
    options = {"style": style, "unroll": unroll}
    return Contender(
        name, title, "kernels:prepare", cells=cells, options=options, everywhere=unroll
    )


CONTENDERS = {
    one.name: one
    for one in (
        _kernel("fast", "fast, unrolled", _EVERY, style="fast", unroll=True),
        _kernel("fast-any", "fast, any T", _EVERY, style="fast", unroll=False),
        _kernel(
            "textbook", "textbook, unrolled", frozenset({"gru"}), style="textbook", unroll=True
        ),
        _kernel(
            "textbook-any", "textbook, any T", frozenset({"gru"}), style="textbook", unroll=False
        ),
        Contender("hand-written", "hand-written NumPy", "by_hand:prepare"),
        Contender(
            "torch-nn",
            "torch.nn layer",
            "torch_layers:prepare",
            package="torch",
            cells=_EVERY,
            # torch.nn.GRU resets after the recurrent product: one product does for all three gates.
            stands_in={"gru": "gru-reset-after"},
        ),
        Contender("torch-loop", "torch, looped", "torch_loop:prepare", package="torch"),
        Contender("jax-scan", "JAX, jit of scan", "jax_scan:prepare", package="jax"),
        Contender(
            "autograd",
            "HIPS autograd",
            "hips_autograd:prepare",
            package="autograd",
            omits=frozenset({"S"}),
        ),
        Contender("floor", "GEMM floor", "gemm_floor:prepare", omits=frozenset({"loss", "S"})),
    )
}


def contender(name: str) -> Contender:
    """A contender by its name; that of a generated kernel may end in a layout: fast@LAYOUT.

    Without one it has the layout that the package takes unless told otherwise. Raises KeyError if
    there is no such contender.
    """
    base, at, layout = name.partition("@")
    found = CONTENDERS[base]
    if not at:
        return found
    if found.home != "kernels:prepare" or not layout:
        raise KeyError(name)
    options = {**found.options, "layout": layout}
    # `blocked` is `rows` but for products: where there are no goals, one of them is enough.
    everywhere = found.everywhere and layout != "blocked"
    title = f"{found.title}, {layout}"
    return replace(found, name=name, title=title, options=options, everywhere=everywhere)


def _names() -> Iterator[str]:
    for name, one in CONTENDERS.items():
        if one.options.get("style") == "fast":
            yield from (f"{name}@{layout}" for layout in LAYOUTS)
        else:
            yield name


#: Who runs unless somebody is chosen: the fast kernels in every layout, and all others.
EVERYONE = tuple(_names())


def entrants(cell: str, names: tuple[str, ...]) -> list[Contender]:
    """Those of the named contenders, or of all, that run in the races of `cell`."""
    everyone = [contender(name) for name in names or EVERYONE]
    return [one for one in everyone if cell in one.cells]
