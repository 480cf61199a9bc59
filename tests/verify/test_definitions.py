"""What a kernel says of itself by its names fails one check if it is not so, and is named."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.errors import VerificationError
from gru_codegen.modules import load_file, load_source
from gru_codegen.verify import definitions, verify
from gru_codegen.verify.configuration import Problem, small
from tests.verify.faults import edited


def said(kernel: ModuleType) -> str:
    """What the check of the names finds; nothing if they are right."""
    return definitions.claim(Problem(kernel, small(kernel)[0], seed=0)).check().detail


def changed(old: str, new: str, **options: Any) -> ModuleType:
    """A generated kernel with one change in its text."""
    source = gc.generate(gc.GRU, unroll=2, **options)
    assert source.count(old) >= 1
    return load_source(source.replace(old, new), "changed")


@pytest.mark.parametrize("loss", ["l2", "cross-entropy"])
@pytest.mark.parametrize("readout", ["none", "linear"])
@pytest.mark.parametrize("layout", [None, "rows", "blocked", "columns", "folded"])
def test_generated_kernels_say_what_is_so(loss: str, readout: str, layout: Any) -> None:
    style: Any = "fast" if layout else "textbook"
    kernel = gc.load(
        gc.cells["lstm"], loss=gc.losses[loss], readout=readout, style=style, layout=layout
    )
    assert said(kernel) == ""


def test_a_kernel_by_hand_may_lack_what_goes_together() -> None:
    two_states = load_file(Path(__file__).with_name("two_states.py"))
    for kernel in (edited(), two_states):
        assert definitions.missing(kernel) == []
        assert said(kernel) == ""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("\ndef vjp(", "\ndef pulled(", "it defines no vjp"),
        ("\ndef params_to_npz(", "\ndef params_to(", "it defines no params_to_npz"),
        ("\ndef params_from_npz(", "\ndef params_from(", "it defines no params_from_npz"),
        ('\nLAYOUT = "columns"', "\n", "it defines no LAYOUT"),
        ('OUTPUT = "S"', 'OUTPUT = "Q"', "OUTPUT is 'Q', which is on no left side of EQUATIONS"),
        ('STYLE = "fast"', 'STYLE = "fancy"', "STYLE is 'fancy', expected one of fast, textbook"),
        (
            'STYLE = "fast"',
            'STYLE = "textbook"',
            "LAYOUT is 'columns', expected one of rows",
        ),
        (
            'LAYOUT = "columns"',
            'LAYOUT = "turned"',
            "LAYOUT is 'turned', expected one of rows, blocked, columns, folded",
        ),
        (
            'LAYOUT = "columns"',
            'LAYOUT = "rows"',
            "LAYOUT is 'rows', but a Workspace keeps a sample in each column",
        ),
    ],
)
def test_what_is_not_so(old: str, new: str, fault: str) -> None:
    assert said(changed(old, new)) == fault


def test_a_sample_in_each_row() -> None:
    kernel = changed('LAYOUT = "rows"', 'LAYOUT = "folded"', layout="rows")
    assert said(kernel) == "LAYOUT is 'folded', but a Workspace keeps a sample in each row"


def test_one_check_fails() -> None:
    report = verify(changed("\ndef vjp(", "\ndef pulled("))
    assert [(check.weight, check.method) for check in report.failures] == [
        ("module", "names and what they say")
    ]


def test_an_entry_point_that_is_said_to_be_there() -> None:
    [failure] = verify(
        changed('"forward": (', '"trace": ("state",),\n        "forward": (')
    ).failures
    assert failure.detail == "ENTRY_POINTS names trace, which it does not define"


def test_without_shapes_nothing_can_be_checked() -> None:
    kernel = changed("SHAPES: Mapping", "FORMS: Mapping")
    fault = "changed is not a generated kernel: it defines no SHAPES"
    with pytest.raises(VerificationError, match=f"^{re.escape(fault)}$"):
        verify(kernel)
