"""Changes are made in a copy of the package; commands print what the page on them shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "changing_the_compiler.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)+)", PAGE, re.M))

#: What differs from one run to the next, or with every check that is added.
VARIES = re.compile(r"(?<=all )\d+(?= checks)|\d+(?= (passed|deselected))|(?<=in )\d+\.\d+s.*")


def change(folder: Path, difference: str) -> None:
    """Make one difference: the lines before it become those after it, and stand there once."""
    name, *lines = difference.splitlines(keepends=True)
    file = folder / name.removeprefix("+++ ").strip()
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    there = file.read_text(encoding="utf-8") if file.exists() else ""
    found = there.count(before) if before else int(not there)
    assert found == 1, f"{file.relative_to(folder)} has these lines {found} times:\n{before}"
    file.write_text(there.replace(before, after) if before else after, encoding="utf-8")


def said(folder: Path, command: str) -> str:
    """What a command prints in `folder`."""
    command = re.sub(r"^gru-codegen ", "python -m gru_codegen ", command)
    done = subprocess.run(
        re.sub(r"^python ", f"'{sys.executable}' ", command),
        shell=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize("section", SECTIONS)
def test_a_change_does_as_it_says(section: str, tmp_path: Path) -> None:
    for part in ("gru_codegen", "templates", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "data", "*.npz")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in SECTIONS.items():
        for difference in re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S):
            change(tmp_path, difference)
        if name == section:
            break
    sessions = re.findall(r"^    \$ (.*)\n((?:    (?!\$ ).*\n)*)", SECTIONS[section], re.M)
    assert sessions
    for command, shown in sessions:
        printed = said(tmp_path, command)
        expected = re.sub(r"^    ", "", shown, flags=re.M)
        assert VARIES.sub("N", printed) == VARIES.sub("N", expected), command


def test_a_difference_that_fits_nowhere_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\ntwo\n")
    with pytest.raises(AssertionError, match=r"a\.py has these lines 2 times"):
        change(tmp_path, "+++ a.py\n two\n+three\n")
    with pytest.raises(AssertionError, match=r"a\.py has these lines 0 times"):
        change(tmp_path, "+++ a.py\n-four\n+three\n")
    with pytest.raises(AssertionError, match=r"a\.py has these lines 0 times"):
        change(tmp_path, "+++ a.py\n+a new file\n")
    change(tmp_path, "+++ a.py\n one\n+and\n")
    assert (tmp_path / "a.py").read_text() == "one\nand\ntwo\ntwo\n"
