"""Views of the arrays of all time steps."""

from __future__ import annotations

import numpy as np
import pytest

from gru_codegen.runtime.views import _blocks, _rows, _turned


@pytest.mark.parametrize("shape", [(3, 4, 2), (3, 4, 0), (0, 4, 2)])
def test_rows_are_a_view_with_one_row_for_each_sample_of_each_step(
    shape: tuple[int, int, int],
) -> None:
    a = np.arange(np.prod(shape), dtype=float).reshape(shape)
    rows = _rows(a)
    assert rows.shape == (shape[0] * shape[1], shape[2])
    assert not a.size or np.shares_memory(rows, a)


def test_turned_twice_is_as_before() -> None:
    a = np.arange(24.0).reshape(3, 4, 2)
    assert _turned(a).shape == (3, 2, 4)
    assert _turned(_turned(a)).tolist() == a.tolist()


@pytest.mark.parametrize(("entries", "sizes"), [(62_500, [16, 4]), (0, [20]), (10**6, [20])])
def test_blocks_hold_every_row_once(entries: int, sizes: list[int]) -> None:
    a = np.arange(40.0).reshape(20, 2)
    blocks = _blocks(a, entries)
    assert [len(block) for block in blocks] == sizes
    assert np.concatenate(blocks).tolist() == a.tolist()
