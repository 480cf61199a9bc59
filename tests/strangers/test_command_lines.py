"""Any command line on any file: done, refused in a line, or a check that failed; and soon."""

from __future__ import annotations

import os
import string
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gru_codegen import cli
from tests.parse.test_fuzz import HOSTILE
from tests.strangers.limited import CELL, limited

COMMANDS = [
    "generate",
    "verify",
    "check",
    "inspect",
    "program",
    "cells",
    "audit",
    "grade",
    "credit",
]
OPTIONS = [
    *("--cell", "--unroll", "--loss", "--style", "--readout", "--layout", "--with", "--tune"),
    *("--check", "--no-verify", "--wrt", "--at", "--expand", "--format", "--fragment", "--ascii"),
    *("--after", "--every-pass", "--no-origins", "--mapping", "--template", "--data", "--certify"),
    *("--help", "--version", "--force", "-o", "--output", "--", "-"),
]
VALUES = [
    *("gru", "m.toml", "g.toml", "a.toml", "k.py", "m.npz", "missing", "folder", "any", "1", "2"),
    *("0", "-1", "9" * 40, "1e9", "nan", "l2", "fast", "linear", "rows", "credit", "2,3,4", "Wz"),
    *("html", "latex", "json", "os:system", "os:getcwd", "a\x1bb", "a\nb", "\udcff", "", " ", "é"),
]
FILES = {
    "m.toml": CELL,
    "g.toml": 'cell = "m.toml"\n[names]\nh = "S"\n[formulas]\ndS = "dS_t"\ndW = "x_t^T dh_t"\n',
    "a.toml": 'params = "dict"\nx = "TBD"\nscale = "2/(T B)"\n[sizes]\nD = 3\n',
    "k.py": "x = 1\n",
    "m.npz": "no archive",
}
arguments = st.lists(
    st.one_of(
        st.sampled_from(OPTIONS),
        st.sampled_from(VALUES),
        st.text(string.printable, max_size=8),
        st.sampled_from(HOSTILE),
    ),
    max_size=7,
)
reused = settings(
    deadline=None,
    max_examples=int(os.environ.get("STRANGERS", "15")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(command: list[str], folder: Path) -> None:
    """Run a command line where there is a file of each kind, and see what it leaves."""
    (folder / "folder").mkdir(exist_ok=True)
    for name, content in FILES.items():
        if not (folder / name).exists():
            (folder / name).write_text(content)
    kept = {name: (folder / name).read_bytes() for name in FILES if name not in command}
    ended = limited(lambda: cli.main(command), folder)
    assert ended.status in (0, 1, 2), (command, ended)
    assert "Traceback" not in ended.said, (command, ended)
    assert "Warning" not in ended.said, (command, ended)
    if ended.status == 2:
        assert "gru-codegen: error: " in ended.said, (command, ended)
    for name, before in kept.items():  # what is not named is not written
        assert (folder / name).read_bytes() == before, (command, name)


@reused
@given(st.sampled_from(COMMANDS), arguments)
@example("generate", ["--tune", "99999,99999,99999"])
@example("inspect", ["--unroll", "2", "--at", "9" * 30])
@example("audit", ["os:abort", "--mapping", "missing"])
def test_any_command_line(tmp_path: Path, command: str, rest: list[str]) -> None:
    check([command, *rest], tmp_path)


def mutated(text: str) -> st.SearchStrategy[str]:
    """A file with a few pieces exchanged for others."""
    pieces = [*HOSTILE, *'"=[]{}()\n', "9" * 20, "'''", '"""', "S", "W", "\\u0000", "# ", "-", " "]
    change = st.tuples(st.integers(0, len(text)), st.integers(0, 12), st.sampled_from(pieces))

    def apply(changes: list[tuple[int, int, str]]) -> str:
        found = text
        for start, length, piece in changes:
            found = found[:start] + piece + found[start + length :]
        return found

    return st.lists(change, min_size=1, max_size=3).map(apply)


@reused
@given(mutated(FILES["m.toml"]), mutated(FILES["g.toml"]), mutated(FILES["a.toml"]))
def test_any_file(tmp_path: Path, cell: str, sheet: str, mapping: str) -> None:
    for name, content in {"m.toml": cell, "g.toml": sheet, "a.toml": mapping}.items():
        (tmp_path / name).write_text(content)
    for command in (
        ["cells", "m.toml"],
        ["grade", "g.toml"],
        ["audit", "os:getcwd", "--cell", "m.toml", "--mapping", "a.toml"],
        ["generate", "--no-verify", "--unroll", "1", "--cell", "m.toml", "-o", "out.py"],
    ):
        check(command, tmp_path)
