"""Derivations that would be searched for slips for ever: graded soon, in little memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from gru_codegen import cli
from tests.strangers.limited import limited

NAMES = ["S_t", "Z_t", "R_t", "CA_t", "dS_t", "dZ_t", "dCA_t"]
LEFT = ["dZ", "dCA", "dR", "dS", "dS_prev", "daZ", "daCA", "daR"]


def products(shift: int, terms: int) -> str:
    """A sum of products, none of which belongs anywhere."""
    some = ((i + shift, 3 * i + shift, 5 * i + 1) for i in range(terms))
    return " + ".join(" * ".join(NAMES[k % 7] for k in each) for each in some)


FORMULAS = {
    "long": [f'{left} = "{products(k, 30)}"' for k, left in enumerate(LEFT)],
    "own": [f'n{k} = "{products(k, 30)}"' for k in range(15)],
    "a chain of own": ['n0 = "S_t"', *(f'n{k} = "n{k - 1} * n{k - 1}"' for k in range(1, 40))],
    "own in one": [
        *(f'n{k} = "{products(k, 2)}"' for k in range(30)),
        f'dZ = "{" + ".join(f"n{k}" for k in range(30))}"',
    ],
}


@pytest.mark.parametrize("formulas", FORMULAS.values(), ids=FORMULAS)
def test_formulas_that_no_slip_explains(formulas: list[str], tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text("\n".join(['cell = "gru"', "[formulas]", *formulas]))
    ended = limited(lambda: cli.main(["grade", "m.toml"]), tmp_path)
    assert ended.status in (0, 1), ended
    assert "lines" in ended.said
    if formulas is FORMULAS["long"]:
        assert ended.said.count("no slip is looked for in so many names") == len(LEFT)
