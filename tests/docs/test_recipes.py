"""Every recipe of docs/recipes.md runs by itself, and prints what stands behind each `print`."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
BEGINNING, *SECTIONS = re.split(r"^## ", PAGE, flags=re.M)
TITLES = [section.partition("\n")[0] for section in SECTIONS]
#: What recipes import that the tests do not have to bring.
OTHERS = ("safetensors", "scipy", "sklearn")


def blocks(section: str) -> list[str]:
    found: list[str] = re.findall(r"^```python\n(.*?)^```$", section, re.M | re.S)
    return found


def expected(code: str) -> list[str]:
    """The comments behind each `print`."""
    return re.findall(r"^\s*print\(.*\)\s+# (.*)$", code, re.M)


def printed(code: str, known: dict[str, Any]) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "recipe", "exec"), known)
    return out.getvalue().splitlines()


def compare(section: str) -> None:
    """Run the blocks of a section one after the other, behind those that all begin with."""
    known: dict[str, Any] = {"__name__": "recipe"}
    [start] = blocks(BEGINNING)
    assert printed(start, known) == []
    for code in blocks(section):
        imported = re.findall(r"^(?:from|import) (\w+)", code, re.M)
        if any(name in OTHERS and importlib.util.find_spec(name) is None for name in imported):
            pytest.skip(f"takes {' and '.join(imported)}")
        assert printed(code, known) == expected(code)
    assert expected(section)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the kernel of the page that is a file."""
    text = gc.generate("gru", readout="linear", loss="cross-entropy-mean")
    (tmp_path / "my_kernel.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_kernel", raising=False)
    return tmp_path


@pytest.mark.parametrize("section", SECTIONS, ids=TITLES)
def test_a_recipe_prints_what_it_shows(section: str, folder: Path) -> None:
    compare(section)


def test_recipes_are_short() -> None:
    codes = [code for section in SECTIONS for code in blocks(section)]
    assert len(SECTIONS) > 15
    assert {code for code in codes if not 3 <= len(re.findall(r"\S.*", code)) <= 16} == set()


def test_the_file_is_made_by_the_command_that_is_shown() -> None:
    [command] = re.findall(r"^    gru-codegen generate (.*)$", PAGE, re.M)
    assert command == "--readout linear --loss cross-entropy-mean --output my_kernel.py"


@pytest.mark.parametrize(
    "section",
    [
        "A\n\n```python\nprint(x.shape)   # (20, 4, 4)\n```\n",
        "A\n\n```python\nprint(1)  # 1\nprint(2)\n```\n",
        "A\n\n```python\nz = 1\n```\n",
    ],
)
def test_another_output_is_seen(section: str) -> None:
    with pytest.raises(AssertionError):
        compare(section)
