"""docs/grade.md shows what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gru_codegen as gc

PAGE = (Path(__file__).parents[2] / "docs" / "grade.md").read_text(encoding="utf-8")


def test_the_first_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = re.search(r"```toml\n(cell.*?)```", PAGE, re.S)
    shown = re.search(r"\$ gru-codegen grade mine\.toml\n(.*?)\n\n(?=\S)", PAGE, re.S)
    assert file is not None
    assert shown is not None
    Path("mine.toml").write_text(file[1])
    assert str(gc.grade("mine.toml")) == re.sub(r"^    ", "", shown[1], flags=re.M)
