"""Commands that the pages show are there, and have the options that they are given."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gru_codegen.cli import program

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    ROOT / "benchmarks" / "README.md",
]
#: A command begins a line of code, or is code within a line; two blanks end it, or a pipe does.
COMMAND = re.compile(
    r"(?:^ *(?:\$ )?|`)((?:[A-Z_]+=\S+ )*(?:gru-codegen|make|python -m) .*?)(?=  | \| |`|$)", re.M
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def commands(page: str) -> list[str]:
    """The commands on a page, without the variables that are set before them."""
    page = re.sub(r"(?<!`)`[^`\n]*\n[^`\n]*`(?!`)", lambda code: code[0].replace("\n", " "), page)
    return [re.sub(r"^(?:[A-Z_]+=\S+ )*", "", found) for found in COMMAND.findall(page)]


def faults(command: str) -> Iterator[str]:
    """The words of a command that nothing takes."""
    first, *rest = shlex.split(re.sub(r"[\[\]]", "", command))
    if first == "make":
        yield from (word for word in rest if "=" not in word and word not in TARGETS)
    elif first == "python":
        name = rest[1]
        if name.startswith(("benchmarks.", "tests.")) and importlib.util.find_spec(name) is None:
            yield name
    else:
        yield from faults_of_options(*rest)


def _context(command: click.Command) -> click.Context:
    """With -h, since a command keeps the option for help with which it has been asked first."""
    return click.Context(command, help_option_names=["-h", "--help"])


def faults_of_options(name: str, *words: str) -> Iterator[str]:
    command = program.commands.get(name)
    if command is None:
        yield name
        return
    try:
        command.make_parser(_context(command)).parse_args([*words])
    except click.UsageError as error:
        yield error.format_message()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_there(page: Path) -> None:
    shown = commands(page.read_text(encoding="utf-8"))
    assert {each: found for each in shown if (found := [*faults(each)])} == {}


def test_the_pages_have_commands() -> None:
    found = [each for page in PAGES for each in commands(page.read_text(encoding="utf-8"))]
    assert {each.split()[0] for each in found} == {"gru-codegen", "make", "python"}
    assert len(found) > 90


def test_what_is_not_there_is_seen() -> None:
    page = """
    OMP_NUM_THREADS=1 gru-codegen generate --tune 8,16,32     B,D,H
    $ gru-codegen generate --style fast -o k.py | tail -1
Run `make test`, `gru-codegen credit FILE [-o credit.png]` or `python -m benchmarks.race`.

    gru-codegen generate --styles fast
    gru-codegen verify FILE --prove
    gru-codegen genrate
    make tset           the tests
    python -m benchmarks.rice
"""
    shown = commands(page)
    assert shown[:2] == [
        "gru-codegen generate --tune 8,16,32",
        "gru-codegen generate --style fast -o k.py",
    ]
    assert [len([*faults(each)]) for each in shown] == [0] * 5 + [1] * 5
