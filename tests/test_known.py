"""The name that was meant: by slips, of which two letters that have changed places are one."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

import gru_codegen as gc
from gru_codegen.known import closest, meant, require_arguments, require_known

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
        ("cros", "cross-entropy"),
        ("MSE", "l2-mean"),
        ("bce-with-logits", "bce"),
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


def test_a_value_of_an_option_has_to_be_known() -> None:
    known = ("fast", "textbook")
    require_known("style", "fast", known)
    for value, said in {
        "fats": "'fats'; did you mean fast? there are fast, textbook",
        "x": "'x'; there are fast, textbook",
        3: "3; there are fast, textbook",
    }.items():
        with pytest.raises(ValueError, match=f"^{re.escape(f'style: there is no {said}')}$"):
            require_known("style", value, known)


def test_an_argument_has_to_be_known() -> None:
    require_arguments("f", ["loss"], ["loss", "unroll"])
    said = "there is no argument 'los'; did you mean loss? f has loss, unroll"
    with pytest.raises(TypeError, match=f"^{re.escape(said)}$"):
        require_arguments("f", ["unroll", "los"], ["loss", "unroll"])
    with pytest.raises(TypeError, match=r"'formt'; did you mean format\? inspect has loss, "):
        gc.inspect("gru", formt="html")
