"""The code of docs/interop.md runs from top to bottom, as a reader would type it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.peers

PAGE = (Path(__file__).parents[2] / "docs" / "interop.md").read_text(encoding="utf-8")


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", PAGE, re.M | re.S))
    assert len(blocks) >= 5
    for block in blocks:
        above = "\n" * PAGE.count(
            "\n", 0, block.start(1)
        )  # lines of an error are those of the page
        exec(compile(above + block[1], "docs/interop.md", "exec"), names)
    assert list(names["trained"]._fields) == list(names["layer"].state_dict())
    assert names["found"].cell == "lstm-peephole"
    assert all(np.isfinite(weight).all() for weight in names["trained"])
