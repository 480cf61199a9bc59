"""The name that was meant: by slips, of which two letters that have changed places are one."""

from __future__ import annotations

from itertools import pairwise

import pytest

import gru_codegen as gc
from gru_codegen.known import closest, meant

NAMES = [*gc.cells, *gc.losses]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gur", "gru"),
        ("rgu", "gru"),
        ("GUR", "gru"),
        ("ltsm", "lstm"),
        ("lstn", "lstm"),
        ("grru", "gru"),
        ("hubre", "huber"),
        ("crossentropy", "cross-entropy"),
        ("--gur", "gru"),
        ("nothing-of-the-kind", None),
        ("", None),
    ],
)
def test_what_was_meant(name: str, expected: str | None) -> None:
    assert closest(name, ["rnn", "mgu", "gru", "lstm", *gc.losses]) == expected


@pytest.mark.parametrize("name", [name for name in NAMES if len(name) > 2])
def test_letters_that_have_changed_places(name: str) -> None:
    for place, (first, second) in enumerate(pairwise(name)):
        slip = name[:place] + second + first + name[place + 2 :]
        if slip not in NAMES:
            assert meant(slip, [name, "mgu", "gruu", "lst"]) == f" did you mean {name}?"


def test_the_tables_of_the_package_say_it_too() -> None:
    with pytest.raises(KeyError, match=r"there is no cell 'gur'; did you mean gru[?] known: gru, "):
        gc.cells["gur"]
