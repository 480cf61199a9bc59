"""Docstrings begin with a verb or a noun of the trade; pages name real files; code is short."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: The folders and files in which this holds: all of the package, and what runs it.
ROOMS = (
    "benchmarks",
    "examples",
    *sorted(
        str(each.relative_to(ROOT))
        for each in (ROOT / "gru_codegen").iterdir()
        if each.suffix == ".py" or (each / "__init__.py").exists()
    ),
)

QUESTION = re.compile(r"(What|Whether|How|Where|Who|Why|When)\b")


def docstrings(room: Path) -> Iterator[tuple[str, str]]:
    """The place and the text of every docstring in a file, or in the files of a folder."""
    for file in [room] if room.is_file() else sorted(room.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node)
                if text is not None:
                    line = getattr(node, "lineno", 1)
                    yield f"{file.relative_to(ROOT)}:{line}", text


@pytest.mark.parametrize("room", ROOMS)
def test_no_docstring_begins_with_a_question_word(room: str) -> None:
    texts = dict(docstrings(ROOT / room))
    assert texts, "there is no such room"
    questions = [f"{at}: {t.splitlines()[0]}" for at, t in texts.items() if QUESTION.match(t)]
    assert questions == []


def test_a_question_word_is_seen() -> None:
    assert QUESTION.match("What a check knows.")
    assert QUESTION.match("Whether it holds.")
    assert not QUESTION.match("Whatever else there is.")
    assert not QUESTION.match("The number of steps.")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/glossary.md", "docs/walkthrough.md"])
def test_files_that_pages_name_are_there(page: str) -> None:
    folders = "benchmarks|docs|gru_codegen|templates|tests"
    named = re.findall(rf"`((?:{folders})/[\w/.]*)`", (ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def lengths(kinds: tuple[type[ast.AST], ...], text: str) -> dict[str, int]:
    """The number of lines of each node of these kinds, by its name and line."""
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds))
    return {f"{n.lineno} {n.name}": n.end_lineno - n.lineno + 1 for n in nodes}  # type: ignore[attr-defined]


FILES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "gru_codegen").rglob("*.py")}


def test_no_file_and_no_class_is_long() -> None:
    """At most 400 lines a file and 200 a class."""
    assert {str(path) for path, text in FILES.items() if text.count("\n") > 400} == set()
    classes = {
        f"{p}:{at}": n for p, t in FILES.items() for at, n in lengths((ast.ClassDef,), t).items()
    }
    assert len(classes) > 100
    assert {at for at, number in classes.items() if number > 200} == set()


def test_functions_are_short() -> None:
    """Nine of ten within 21 lines."""
    numbers = [n for text in FILES.values() for n in lengths((ast.FunctionDef,), text).values()]
    assert len(numbers) > 1000
    assert sum(number <= 21 for number in numbers) >= 0.9 * len(numbers)


def test_a_length_counts_every_line() -> None:
    text = "class A:\n    x = 1\n\n    def f(self):\n        return 1\n"
    assert lengths((ast.ClassDef, ast.FunctionDef), text) == {"1 A": 5, "4 f": 2}
