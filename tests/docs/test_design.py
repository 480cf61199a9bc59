"""The tables of docs/design.md say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gru_codegen.cli.commands import program
from gru_codegen.passes import LAYOUTS, passes

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gru_codegen"
PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the rows of the table with this heading."""
    _, found, rest = PAGE.partition(f"\n| {heading}")
    assert found, f"there is no table with the heading {heading!r}"
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!`)\|(?!`)", row)[1:-1]] for row in rows]


def test_every_module_stands_on_its_floor() -> None:
    layers = re.search(
        r"^layers = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S
    )
    assert layers is not None
    floors = [re.findall(r"\w+", line) for line in layers[1].splitlines()]
    declared = [
        f"| {len(floors) - 1 - i} | `{name}{'/' * (PACKAGE / name).is_dir()}` |"
        for i, names in enumerate(floors)
        for name in names
    ]
    written = [f"| {number} | {name} |" for number, name, _ in table("floor | module")]
    assert written == declared, "docs/design.md: the rows of the floors begin so"


@pytest.mark.parametrize(
    "room", ["lower", "ir", "plan", "emit", "emit/numpy", "runtime", "audit", "grade"]
)
def test_every_file_of_a_room_is_named(room: str) -> None:
    (text,) = (files for name, files in table("room | files") if name == f"`{room}/`")
    there = {file.stem for file in (PACKAGE / room).glob("*.py")} - {"__init__"}
    there |= {file.parent.name for file in (PACKAGE / room).glob("*/__init__.py")}
    named = set(re.findall(r"`(\w+)`", text))
    assert named == there, f"docs/design.md: the row of {room}/ names its files"


def test_every_pass_has_its_layouts() -> None:
    used = {"textbook": [each.__name__ for each in passes("textbook", None)]}
    for layout in LAYOUTS:
        used[layout] = [each.__name__ for each in passes("fast", None, layout)]
    names = {name for found in used.values() for name in found}
    declared = {
        f"`{name}`": [" ".join("x" * found.count(name)) for found in used.values()]
        for name in names
    }
    heading = f"pass | what it does | {' | '.join(used)} |"
    written = {name: marks for name, _, *marks in table(heading)}
    assert written == declared, "docs/design.md: the rows of the passes"


def test_every_command_is_named() -> None:
    (said,) = (what for _, name, what in table("floor | module") if name == "`cli/`")
    assert set(re.findall(r"`(\w+)`", said)) == set(program.commands)
