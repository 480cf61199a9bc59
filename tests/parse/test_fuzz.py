"""Whatever a file holds: a cell or a CellError, soon, and nothing of it is ever run."""

from __future__ import annotations

import ast
import builtins
import os
import string
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sympy.parsing.sympy_parser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gru_codegen.cell import Cell
from gru_codegen.errors import CellError
from gru_codegen.parse import load_cell
from tests.parse.files import EXAMPLE

TEXT = EXAMPLE.read_text()
BEFORE, EQUATIONS = TEXT.removesuffix('"""\n').split('"""\n')

#: Called by any text that is run, and noticed.
SENTINEL = "sentinel_of_the_fuzzer"
HOSTILE = [
    f"{SENTINEL}()",
    f"{SENTINEL}(x)",
    f"__import__('builtins').{SENTINEL}()",
    f'__import__("builtins").{SENTINEL}()',
    f"(lambda: {SENTINEL}())()",
    f"[{SENTINEL}() for x in (1,)]",
    f"f'{{{SENTINEL}()}}'",
    f"eval('{SENTINEL}()')",
    f"exec('{SENTINEL}()')",
    f"().__class__.__base__.__subclasses__()[0]({SENTINEL}())",
    f"x.__class__.__init__.__globals__['{SENTINEL}']()",
    f"getattr(x, '{SENTINEL}')",
    f"@{SENTINEL}",
    f"(y := {SENTINEL}())",
    f"x if {SENTINEL}() else x",
    f"tanh(x={SENTINEL}())",
    f"tanh(*{SENTINEL}())",
    f"import {SENTINEL}",
    f"{{{{ {SENTINEL}() }}}}",
    f"\n{SENTINEL}()\n",
]


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the sentinel has been called with: nothing, in the end."""
    calls: list[Any] = []
    monkeypatch.setattr(builtins, SENTINEL, lambda *a, **k: calls.append(a), raising=False)
    yield calls
    assert not calls


def outcome(folder: Path, content: str | bytes) -> Cell | str:
    """The cell, or what is said of the file; anything else that happens is raised."""
    path = folder / "cell.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.perf_counter()
    try:
        return load_cell(str(path))
    except CellError as error:
        first = str(error).split("\n")[0]
        assert first.isprintable()
        assert first.startswith(str(path))
        return str(error)
    finally:
        assert time.perf_counter() - started < 10


fuzzed = settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # a folder, reused
)
words = st.sampled_from(
    [
        *["CA", "Z", "S", "S_prev", "x", "Wca", "bca", "Wrecz", "Wz", "bz", "tanh", "sigmoid", "Q"],
        *["(", ")", "(", ")", "+", "-", "*", "/", "@", "=", ",", ".", "**", "#", "\n", " ", "\t"],
        *["0", "1", "2.5", "1e5", "'", '"', '"""', "[", "]", "{", "}", ":", ";", "\\", "\r", "\0"],
        *["lambda", "if", "for", "import", "__import__", "σ", "\u2028", "\x85", *HOSTILE],
    ]
)


@fuzzed
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
@example("")
@example("\0")
@example("\ufeff")
def test_any_file(tmp_path: Path, content: str | bytes) -> None:
    try:
        content = content if isinstance(content, bytes) else content.encode()
    except UnicodeEncodeError:  # half of a surrogate pair is no text
        return
    outcome(tmp_path, content)


@fuzzed
@given(st.lists(words, max_size=40).map("".join))
def test_any_equations(tmp_path: Path, equations: str) -> None:
    outcome(tmp_path, f"{BEFORE}'''\n{equations}'''\n")
    outcome(tmp_path, f'{BEFORE}"""\n{equations}"""\n')


@fuzzed
@given(
    st.integers(0, len(TEXT)),
    st.integers(0, 8),
    st.one_of(words, st.text(alphabet=string.printable, max_size=3)),
)
def test_any_change_of_a_good_file(tmp_path: Path, start: int, length: int, new: str) -> None:
    outcome(tmp_path, TEXT[:start] + new + TEXT[start + length :])


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    "place", ["tanh(x @ Wca + bca)", "x @ Wca", "CA = ", "minimal-rnn", "(H,)", "S", "state", "Wz"]
)
def test_code_in_any_place_is_refused(tmp_path: Path, place: str, hostile: str) -> None:
    assert place in TEXT
    content = TEXT.replace(place, hostile)
    if place == "state":  # a comment, and so words for a reader
        cell = outcome(tmp_path, content)
        assert isinstance(cell, str) or hostile.strip().startswith(cell.equations[-1].meaning[:3])
    else:
        assert isinstance(outcome(tmp_path, content), str)


def test_nothing_evaluates_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ast.parse` calls `compile`, which only parses then; nothing else may see user text."""
    compiled = compile

    def only_parses(*arguments: Any, **keywords: Any) -> Any:
        flags = arguments[3] if len(arguments) > 3 else keywords["flags"]
        assert flags & ast.PyCF_ONLY_AST
        return compiled(*arguments, **keywords)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("text is evaluated")

    assert isinstance(outcome(tmp_path, TEXT), Cell)  # whatever is imported late is imported now
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "eval", never)
        patch.setattr(builtins, "exec", never)
        patch.setattr(builtins, "compile", only_parses)
        patch.setattr(builtins, "__import__", _imports_but(never))
        patch.setattr(sympy.parsing.sympy_parser, "parse_expr", never)
        patch.setattr(os, "system", never)
        assert isinstance(outcome(tmp_path, TEXT), Cell)
        for hostile in HOSTILE:
            assert isinstance(outcome(tmp_path, TEXT.replace("x @ Wca", hostile)), str)
            assert isinstance(outcome(tmp_path, TEXT.replace("(H,)", hostile)), str)


def _imports_but(never: Any) -> Any:
    imported = builtins.__import__

    def imports(name: str, *arguments: Any, **keywords: Any) -> Any:
        return never() if SENTINEL in name else imported(name, *arguments, **keywords)

    return imports


def test_text_that_is_run_would_be_noticed(calls: list[Any]) -> None:
    """The sentinel works: otherwise the tests above could not fail."""
    eval(f"{SENTINEL}(1)", {})
    assert calls == [(1,)]
    calls.clear()
