"""The example of docs/audit.md is run, and prints what the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gru_codegen import cli

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
#: Rounding errors differ from one BLAS to another.
ROUNDING = re.compile(r"\d+e-1\d|(?<= )0e\+00")


def test_the_example_prints_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    files = re.findall(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```$", PAGE, re.M | re.S)
    assert [name for name, _ in files] == ["gru_by_hand.py", "gru_by_hand.toml"]
    for name, text in files:
        Path(name).write_text(text)
    ((command, shown),) = re.findall(
        r"^```\n\$ gru-codegen ([^\n]*)\n(.*?)^```$", PAGE, re.M | re.S
    )
    assert cli.main(shlex.split(command)) == 1
    assert ROUNDING.sub("N", capsys.readouterr().out) == ROUNDING.sub("N", shown)
