"""Files that are none, or far too much of one: refused at once, by every command that reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import cli
from tests.strangers.limited import CELL, limited, refusal

#: A command line by the kind of the file that it reads, and the way to say what that is.
READERS = {
    "cells": (["cells", "m.toml"], "a cell"),
    "generate": (["generate", "--cell", "m.toml"], "a cell"),
    "inspect": (["inspect", "--cell", "m.toml"], "a cell"),
    "program": (["program", "--cell", "m.toml"], "a cell"),
    "grade": (["grade", "m.toml"], "a derivation"),
    "grade --template": (["grade", "--template", "m.toml"], "a cell"),
    "audit": (["audit", "os:getcwd", "--mapping", "m.toml"], "a mapping"),
    "verify": (["verify", "m.toml"], "a generated kernel"),
    "credit": (["credit", "m.toml"], "a generated kernel"),
    "check": (["generate", "--check", "--no-verify", "-o", "m.toml"], ""),
    "certificate": (["verify", "k.py", "--certificate", "m.toml"], ""),
    "data": (["credit", "k.py", "--data", "m.toml"], ""),
}
KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": os.mkdir,
    "missing": lambda path: None,
    "loop": lambda path: path.symlink_to(path),
}


@pytest.fixture(scope="module")
def credited() -> str:
    return gc.generate(gc.GRU, unroll=1, extras=["credit"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file(reader: str, kind: str, tmp_path: Path, credited: str) -> None:
    (tmp_path / "k.py").write_text(credited)
    KINDS[kind](tmp_path / "m.toml")
    arguments, _ = READERS[reader]
    if (reader, kind) == ("check", "missing"):
        return  # that is a check that fails
    said = refusal(arguments, tmp_path)
    assert "m.toml" in said
    if kind in ("pipe", "device"):
        assert "it is a pipe or a device, not a file" in said


@pytest.mark.parametrize("reader", [name for name, (_, holds) in READERS.items() if "a " in holds])
def test_a_hundred_megabytes_of_toml(reader: str, tmp_path: Path) -> None:
    with open(tmp_path / "m.toml", "wb") as file:
        file.write(CELL.encode())
        file.truncate(100 * 2**20)  # zeros, of which the disk stores none
    arguments, holds = READERS[reader]
    assert ("has more than 16384 bytes" in refusal(arguments, tmp_path)) == ("kernel" not in holds)


BOMBS = {
    "nested arrays": "a = " + "[" * 900,
    "nested tables": "a = " + "{ a = " * 160,
    "a dotted key": ".".join("a" * 400) + " = 1",
    "many dotted keys": "\n".join(f"{'.'.join('a' * 70)}.b{k} = 1" for k in range(90)),
    "many tables": "\n".join(f"[{'.'.join('a' * 70)}.b{k}]" for k in range(90)),
    "a number of 900 digits": "a = " + "9" * 900,
    "a float of 900 digits": "a = " + "9" * 900 + "e999",
    "half a character": 'a = "\\ud800"',
    "no end": 'a = """',
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("reader", ["cells", "grade", "audit"])
def test_toml_that_is_hard_to_read(reader: str, bomb: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(bomb)
    refusal(READERS[reader][0], tmp_path)


def pairs(number: int) -> str:
    """Equations each of which reads all before it."""
    lines = [f"Z{i} = {' + '.join(f'tanh(Z{j})' for j in range(i))}" for i in range(1, number)]
    return "\n".join(["Z0 = x @ W + S_prev @ U + b", *lines, f"S = Z{number - 1}"])


EQUATIONS = {
    "a power of powers": "S = 2**2**2**2**2 * tanh(x @ W + S_prev @ U + b)",
    "a huge number": f"S = {'9' * 900} * tanh(x @ W + S_prev @ U + b)",
    "a tiny number": "S = 1e-400 * tanh(x @ W + S_prev @ U + b)",
    "numbers that grow": f"S = {'9999 * ' * 90} tanh(x @ W + S_prev @ U + b)",
    "brackets": f"S = {'(' * 400}x @ W + S_prev @ U + b{')' * 400}",
    "functions": f"S = {'tanh(' * 150}x @ W + S_prev @ U + b{')' * 150}",
    "signs": f"S = {'-' * 900}tanh(x @ W + S_prev @ U + b)",
    "a chain of products": f"S = S_prev{' @ U' * 150} + x @ W + b",
    "many equations": "\n".join(f"Z{i} = x @ W" for i in range(900)),
    "all pairs": pairs(30),
    "a bracket over a thousand lines": "S = (" + "\n" * 9000 + "x @ W)",
}


@pytest.mark.parametrize("equations", EQUATIONS.values(), ids=EQUATIONS)
def test_equations_that_are_hard_to_read(equations: str, tmp_path: Path) -> None:
    content = CELL.replace("S = tanh(x @ W + S_prev @ U + b)  # state", equations)
    (tmp_path / "m.toml").write_text(content)
    assert refusal(["generate", "--cell", "m.toml"], tmp_path).startswith("m.toml:")
    (tmp_path / "g.toml").write_text('cell = "m.toml"\n[formulas]\ndS = "1"\n')
    assert refusal(["grade", "g.toml"], tmp_path).startswith("./m.toml:"[2:])


@pytest.mark.parametrize("shape", ["(D, 1000000000)", "(B, 10**9)", "(D, " + "9" * 900 + ")"])
def test_sizes_that_are_numbers(shape: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(CELL.replace("(D, H)", shape))
    refusal(["generate", "--cell", "m.toml"], tmp_path)


def test_an_inspection_of_numbers_that_overflow(tmp_path: Path) -> None:
    """There is nothing to say of how far errors travel: a report or a refusal, no traceback."""
    grown = "\n".join(
        ["Z0 = x @ W + S_prev @ U + b", *(f"Z{i + 1} = Z{i} * Z{i}" for i in range(9))]
    )
    content = CELL.replace("S = tanh(x @ W + S_prev @ U + b)  # state", f"{grown}\nS = Z9")
    (tmp_path / "m.toml").write_text(content)
    ended = limited(lambda: cli.main(["inspect", "--cell", "m.toml"]), tmp_path)
    assert "dZ9_t" in ended.said or ended.status == 2, ended
    assert "Warning" not in ended.said
