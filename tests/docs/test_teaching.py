"""The commands of docs/teaching.md print what it shows of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gru_codegen import cli

PAGE = (Path(__file__).parents[2] / "docs" / "teaching.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^    \$ gru-codegen (.*)\n((?:    (?!\$ ).*\n)+)", PAGE, re.M)


def has(printed: str, shown: str) -> bool:
    """True if the passages between the lines `...` of `shown` follow one another in `printed`."""
    at = 0
    for passage in re.split(r"^ *\.\.\.\n", shown, flags=re.M):
        at = printed.find(passage, at)
        if at < 0:
            return False
        at += len(passage)
    return True


@pytest.mark.parametrize(("command", "shown"), SESSIONS, ids=range(len(SESSIONS)))
def test_a_command_prints_what_is_shown(
    command: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert cli.main(command.split()) == 0
    assert has(capsys.readouterr().out, re.sub(r"^    ", "", shown, flags=re.M)), command


def test_there_are_commands() -> None:
    assert len(SESSIONS) == PAGE.count("    $ gru-codegen") > 2


def test_other_output_is_seen() -> None:
    printed = "one\ntwo\nthree\nfour\n"
    assert has(printed, "one\n...\nthree\nfour\n")
    for shown in ("one\nthree\n", "three\n...\none\n", "five\n", "one\n...\ntwo\n...\ntwo\n"):
        assert not has(printed, shown)
