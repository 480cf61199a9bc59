"""The committed numbers of torch autograd against torch as it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.truths.test_torch import CASES

pytestmark = pytest.mark.peers


def test_torch_still_gives_the_committed_numbers() -> None:
    from tests.data.make_torch_cells import cases

    made = cases()
    assert set(made) == set(CASES)
    for label, case in CASES.items():
        assert made[label].dtype.names == tuple(case)
        for name, expected in case.items():
            scale = np.nanmax(np.abs(expected))
            found = made[label][name]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * scale, err_msg=label)
