"""The lock has what pyproject.toml asks for, in a version that it takes, with hashes of files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def named(extra: str) -> Iterator[str]:
    """What an extra names, and what the extras do that it is made of."""
    for each in EXTRAS[extra]:
        requirement = Requirement(each)
        if requirement.name == PROJECT["name"]:
            for inner in requirement.extras:
                yield from named(inner)
        else:
            yield each


ASKED = [*PROJECT["dependencies"], *named("test"), *named("demo")]
#: Each entry on one line: the requirement, then its hashes.
ENTRIES = [e for e in LOCK.replace("\\\n", "").splitlines() if not e.lstrip().startswith("#")]
LOCKED = [Requirement(entry.partition(" --hash")[0]) for entry in ENTRIES]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("asked", ASKED)
def test_what_is_asked_for_is_locked(asked: str, python: str) -> None:
    wanted = Requirement(asked)
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    if wanted.marker and not wanted.marker.evaluate(here):
        return
    name = canonicalize_name(wanted.name)
    (locked,) = (
        each
        for each in LOCKED
        if canonicalize_name(each.name) == name
        if each.marker is None or each.marker.evaluate(here)
    )
    (version,) = locked.specifier
    assert version.operator == "=="
    assert wanted.specifier.contains(version.version), f"{locked}; renew it by: make lock"


def test_every_file_has_a_hash() -> None:
    assert len(LOCKED) > 40
    for entry in ENTRIES:
        assert re.search(r" --hash=sha256:[0-9a-f]{64}\b", entry), entry


def test_it_names_no_place() -> None:
    """Each machine takes the files from where it takes packages; the hashes say which they are."""
    assert not re.search(r"://|--(extra-)?index-url|--find-links", LOCK)
