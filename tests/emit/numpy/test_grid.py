"""Matrices side by side and one below the other: which blocks there are, and where."""

from __future__ import annotations

import pytest

from gru_codegen.emit.numpy.grid import Grid, Region, cut
from gru_codegen.ir import Call, Expr
from tests.emit.programs import op, weight, whole

W, U, v = weight("W", "D", "H"), weight("U", "H", "H"), weight("v", "H")
wide = weight("wide", "H", "D")
beside, below = op("beside"), op("below")


def half(matrix: Expr) -> Call:
    return op("multiply")(whole("1/2"), matrix)


@pytest.mark.parametrize(
    ("value", "halved"),
    [
        (beside(U, U), []),
        (beside(half(U), U, half(U)), [(0, 0, 1, 1), (0, 2, 1, 3)]),
        (below(half(W), half(U), v, half(v)), [(0, 0, 2, 1), (3, 0, 4, 1)]),
        (below(beside(half(W), half(W), W), beside(half(U), half(U), U)), [(0, 0, 2, 2)]),
        (below(beside(half(W), W), beside(half(U), half(U))), [(0, 0, 1, 1), (1, 0, 2, 2)]),
        # not one below the other, as the first is narrower
        (below(beside(half(U), wide), beside(half(wide), U)), [(0, 0, 1, 1), (1, 0, 2, 1)]),
        # a third is no half
        (beside(op("multiply")(whole("1/3"), U), half(U)), [(0, 1, 1, 2)]),
    ],
    ids=str,
)
def test_halves_that_are_neighbours(value: Call, halved: list[tuple[int, ...]]) -> None:
    assert Grid.of(value).halved() == [Region(*edges) for edges in halved]


def test_where_blocks_are() -> None:
    grid = Grid.of(below(beside(W, W), beside(U, U), beside(v, v)))
    assert [grid.index(region) for region, _ in grid.matrices()] == [
        ":D, :H",
        ":D, H:",
        "D : D + H, :H",
        "D : D + H, H:",
        "D + H, :H",
        "D + H, H:",
    ]
    assert grid.index(Region(1, 0, 3, 2)) == "D:, :"
    assert grid.index(Region(0, 0, 2, 1)) == ": D + H, :H"
    assert grid.index(grid.whole) == ":, :"
    assert grid.index(Region(0, 1, 1, 2), turned=True) == "H:, :D"


def test_what_stands_alone_is_a_grid_too() -> None:
    [(region, matrix)] = Grid.of(below(W)).matrices()
    assert (region, matrix) == (Region(0, 0, 1, 1), W)


def test_slices() -> None:
    sizes = ["D", "H", "1"]
    found = [cut(sizes, n, n + 1, str.lower) for n in range(3)]
    assert found == [":d", "d:d+h", "d+h:"]
    assert cut(sizes, 0, 3, str.lower) == ":"
    assert cut(sizes, 2, 3, str.lower, single=True) == "d+h"
    assert cut(["1"], 0, 1, str.lower, single=True) == "0"
