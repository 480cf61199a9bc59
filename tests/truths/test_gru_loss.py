from __future__ import annotations

from random import Random

import mpmath
import pytest

from tests.truths import gru_loss
from tests.truths.mp import points


def test_the_complex_step_is_exact_to_the_last_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 digits and a step of 1e-200 give what 100 digits and a step of 1e-300 give."""
    random = Random(3)
    x, y, s0 = points(random, 3, 2, 2), points(random, 3, 2, 3), points(random, 2, 3)
    weights = {name: points(random, 3 if "rec" in name else 2, 3) for name in gru_loss.WEIGHTS}

    def gradients() -> list[mpmath.mpf]:
        found = gru_loss.gradients(
            {name: gru_loss.numbers(weight) for name, weight in weights.items()},
            *map(gru_loss.numbers, (x, y, s0)),
        )
        return [entry for name in weights for row in found[name] for entry in row]

    at_60_digits = gradients()
    finer = mpmath.MPContext()
    finer.dps = 100
    monkeypatch.setattr(gru_loss, "CONTEXT", finer)
    monkeypatch.setattr(gru_loss, "STEP", "1e-300")
    at_100_digits = gradients()

    scale = max(map(abs, at_100_digits))
    errors = [abs(finer.convert(a) - b) for a, b in zip(at_60_digits, at_100_digits, strict=True)]
    assert 0 < max(errors) <= finer.mpf("1e-58") * scale
