"""All kernels of a cell compute the same: every layout and every unrolling.

The textbook loop is held to the declaration, all others to it: outputs, loss, gradients, states and
pullbacks, with lengths and loss weights, in a workspace that is used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

import gru_codegen as gc
from gru_codegen.compare import compare
from gru_codegen.passes import LAYOUTS
from gru_codegen.verify.configuration import Problem, Sizes

__all__ = ["SIZES", "assert_all_agree"]

#: All different; all 1; and so many samples that products go in blocks, not all of them in as many.
SIZES = (Sizes(3, 2, 5, 4), Sizes(1, 1, 1, 1), Sizes(2, 150, 3, 90))
_MANNERS: list[dict[str, Any]] = [{"style": "textbook"}, *({"layout": name} for name in LAYOUTS)]


def assert_all_agree(
    cell: gc.Cell,
    unrolls: Iterable[int | None] = (None, 1, 2),
    sizes: Iterable[Sizes] = SIZES,
    seed: int = 0,
) -> ModuleType:
    """Compare all kernels of `cell` with its textbook loop, which is returned."""
    reference = gc.load(cell, style="textbook")
    assert all(check.passed for check in compare(reference, cell, gc.L2))
    asked: dict[Sizes, Problem] = {}
    expected: dict[Sizes, list[Any]] = {}
    apart = {"D", "H"} <= set(reference.SIZES)  # else inputs have the size of the state
    drawn = [size if apart else size._replace(D=size.H) for size in sizes]
    for unroll in unrolls:
        for manner in _MANNERS:
            kernel = gc.load(cell, unroll=unroll, **manner)
            for some in {size._replace(T=unroll or size.T) for size in drawn}:
                if some not in expected:
                    asked[some] = Problem(reference, some, seed)
                    expected[some] = list(_results(asked[some]))
                # a kernel would choose other arguments by its own noise
                found = list(_results(Problem(kernel, some, seed, given=asked[some].domain)))
                _assert_close(found, expected[some], f"{manner}, unroll {unroll}, {some}")
    return reference


def _results(problem: Problem) -> Iterator[Any]:
    """Whatever the kernel computes, the last time without padding and loss weights."""
    kernel, arguments = problem.kernel, problem.arguments
    workspace, rng = problem.workspace(), problem.drawn(1)
    T, B, *_ = problem.sizes
    lengths, weights = rng.integers(0, T + 1, size=B), rng.random((T, B))
    mask = np.random.default_rng(T).random((T, B)) < 0.7
    d_outputs, scale = problem.drawn_like_outputs(rng), 1 / np.sqrt(problem.sizes.H)
    params = type(arguments.params)(*(weight * scale for weight in arguments.params))
    arguments = arguments._replace(params=params)
    for some in ({"lengths": lengths}, {"mask": mask}, {}):
        there: dict[str, Any] = {**some, "workspace": workspace}
        outputs, state, pullback = kernel.vjp(*arguments.run, **there)
        yield from _arrays((outputs, state))
        yield from _arrays(pullback(d_outputs, state))
        weighed = {"loss_weights": weights} if some else {}
        yield from _arrays(kernel.loss_and_gradients(*arguments.trained, **weighed, **there))
        yield np.array(kernel.loss(*arguments.trained, **weighed, **there))


def _arrays(results: Any) -> Iterator[Any]:
    """The arrays of tuples of tuples, copied: a workspace may hold them."""
    for result in results:
        if isinstance(result, tuple):
            yield from _arrays(result)
        elif result is not None:
            yield np.array(result)


def _assert_close(found: list[Any], expected: list[Any], where: str) -> None:
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        size = np.abs(theirs[np.isfinite(theirs)]).max(initial=1)
        np.testing.assert_allclose(ours, theirs, 0, 1e-11 * size, err_msg=f"{where}: {number}")
