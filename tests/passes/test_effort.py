"""The effort of every pass is bounded: deep chains of elementwise functions take no longer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gru_codegen import pipeline
from gru_codegen.parse import load_cell
from gru_codegen.passes import Layout

#: What each link makes of the one before it, Q, and of a gate, A.
LINKS = {
    "sum": "tanh(Q * A + S_prev)",
    "gate": "sigmoid(Q * (1 - A)) * (1 - Q) * S_prev",
    "blend": "tanh((1 - Q) * S_prev + Q * A)",
}
#: Seconds of CPU for derivation, passes and text; a tenth to a half of them is used.
MOST_SECONDS = 3.0


@pytest.mark.parametrize("link", LINKS)
def test_a_deep_chain_is_generated_in_seconds(link: str, tmp_path: Path) -> None:
    cell = load_cell(str(_chain(LINKS[link], 6, tmp_path)))
    layouts: tuple[Layout, ...] = ("columns", "rows", "folded")
    for layout in layouts:
        start = time.process_time()
        pipeline.generate(cell, layout=layout)
        assert time.process_time() - start < MOST_SECONDS


def _chain(link: str, depth: int, folder: Path) -> Path:
    gates = range(depth + 1)
    lines = [f"A{n} = tanh(x @ W{n} + S_prev @ U{n})" for n in gates]
    before = ["A0", *(f"Q{n}" for n in gates)]
    for n in gates[1:]:
        lines.append(f"Q{n} = " + link.replace("A", f"A{n}").replace("Q", before[n - 1]))
        before[n] = f"Q{n}"
    weights = ", ".join(f'W{n} = "(D, H)", U{n} = "(H, H)"' for n in gates)
    file = folder / "chain.toml"
    equations = "\n".join([*lines, f"S = Q{depth}"])
    file.write_text(
        f'name = "chain"\nstates = ["S"]\nweights = {{ {weights} }}\n'
        f'equations = """\n{equations}\n"""\n'
    )
    return file
