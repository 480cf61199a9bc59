"""Only what measures everything writes over the committed results."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks import destination, generation, profile, race
from benchmarks.results import RESULTS

TINY = ["--size", "2,1,3,2"]


@click.command()
@click.option("--size", multiple=True)
@click.option("--seconds", default=6)
def command(size: tuple[str, ...], seconds: int) -> None:
    click.echo(destination.destination("race.json", "seconds"))


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        ([], RESULTS),
        (["--seconds", "20"], RESULTS),
        (["--size", "1,1,1,1"], destination.PARTS),
        (["--size", "1,1,1,1", "--seconds", "20"], destination.PARTS),
    ],
)
def test_a_part_has_a_folder_of_its_own(options: list[str], folder: Path) -> None:
    done = CliRunner().invoke(command, options)
    assert done.output == f"{folder / 'race.json'}\n"


def test_parts_are_in_a_folder_that_git_ignores() -> None:
    root = Path(__file__).parents[2]
    assert root / "build" == destination.PARTS
    assert "/build/" in (root / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize(
    ("main", "options"),
    [
        (generation.main, ["--style", "textbook", "--steps", "2"]),
        (profile.main, TINY),
        (race.main, [*TINY, "--contender", "floor", "--threads", "1", "--rounds", "1"]),
    ],
    ids=["generation", "profile", "race"],
)
def test_commands_write_parts_there(
    main: click.Command, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(destination, "PARTS", tmp_path / "build")
    if main is race.main:
        options = [*options, "--no-imports", "--dtype", "float32"]
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 0, done.output
    [written] = tmp_path.rglob("*.json")
    assert written.parent == tmp_path / "build"
