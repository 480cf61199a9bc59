"""What every pass has to leave as it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gru_codegen.ir import Program, validate
from tests.passes.storage import run_in_storage
from tests.programs import OPTIONAL, results

__all__ = ["assert_same_results"]


def assert_same_results(
    before: Program,
    after: Program,
    steps: int,
    optional: Sequence[str] = OPTIONAL,
    *,
    in_place: bool = False,
) -> None:
    """`after` is sound and gives its callers what `before` gave them, also in a kernel's storage.

    The values are residues modulo a prime and have to be equal. optional: the optional arguments
    that the callers give. in_place: as in `run_in_storage`.
    """
    validate(after)
    assert dict(after.entries) == dict(before.entries)
    assert after.carries == before.carries
    expected = results(before, steps, optional)
    stored = run_in_storage(after, steps, optional, in_place=in_place)
    for found in (results(after, steps, optional), stored):
        for name, value in expected.items():
            assert np.array_equal(found[name], value), f"{name} has changed:\n{before}\n\n{after}"
