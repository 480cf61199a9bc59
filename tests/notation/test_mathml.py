"""MathML against its text, and against another converter of the same LaTeX."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

import gru_codegen as gc
from gru_codegen.explain.model import Block, Document, Equations, Errors, Fold, Paragraph, Table
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections import explained
from gru_codegen.functions import FUNCTIONS
from gru_codegen.notation import CLASSED, LATEX, Notation, Verbatim, bare, mathml
from gru_codegen.notation.layout import kept
from gru_codegen.readouts import readouts
from tests.cells.sample import SAMPLE

MINUS = '<mo form="infix">−</mo>'
PRIME = '<mo lspace="0" rspace="0">′</mo>'
TOP = "<mo>\N{DOWN TACK}</mo>"


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("Z_{t}", "<msub><mi>Z</mi><mi>t</mi></msub>"),
        ("A^T", "<msup><mi>A</mi><mi>T</mi></msup>"),
        (r"\mathrm{d}W", '<mi mathvariant="normal">d</mi><mi>W</mi>'),
        (
            r"\class{v-dS own}{\mathrm{d}S^{\text{own}}_{1}}",
            '<mrow class="v-dS own"><mi mathvariant="normal">d</mi>'
            "<msubsup><mi>S</mi><mn>1</mn><mtext>own</mtext></msubsup></mrow>",
        ),
        # what is transposed keeps its subscript below the T
        (
            r"\class{v-x}{x_{t}}^{\top}",
            f'<msubsup class="v-x"><mi>x</mi><mi>t</mi>{TOP}</msubsup>',
        ),
        (r"{a^{Z}}^{\top}", f"<msup><msup><mi>a</mi><mi>Z</mi></msup>{TOP}</msup>"),
        (
            r"\mathit{CA}",
            "<mi>\N{MATHEMATICAL ITALIC CAPITAL C}\N{MATHEMATICAL ITALIC CAPITAL A}</mi>",
        ),
        (r"\mathit{h\_1}", "<mi>\N{PLANCK CONSTANT}_1</mi>"),
        # the glyph of a prime is raised already
        (r"S^{\prime}_{t}", f"<msub><mrow><mi>S</mi>{PRIME}</mrow><mi>t</mi></msub>"),
        (r"Z \circ S", "<mi>Z</mi><mo>∘</mo><mi>S</mi>"),
        (r"W_{\mathrm{rec}}", "<msub><mi>W</mi><mi>rec</mi></msub>"),
        (r"\operatorname{a\_b}", "<mi>a_b</mi>"),
        (r"\mathbf{1}", "<mn>\N{MATHEMATICAL BOLD DIGIT ONE}</mn>"),
        (r"\text{ at }", "<mtext>\N{NO-BREAK SPACE}at\N{NO-BREAK SPACE}</mtext>"),
        ("1 - Z", f"<mn>1</mn>{MINUS}<mi>Z</mi>"),
        (" - Z", f"{MINUS}<mi>Z</mi>"),
        ("-Z", '<mo lspace="0" rspace="0">−</mo><mi>Z</mi>'),
        (
            r"\sum_{v}^{T} v",
            '<munderover><mo movablelimits="false">∑</mo><mi>v</mi><mi>T</mi></munderover>'
            "<mi>v</mi>",
        ),
        (
            r"\tfrac{1}{2} x",
            '<mfrac><mn>1</mn><mn>2</mn></mfrac><mspace width=".17em"/><mi>x</mi>',
        ),
        (r"\left(D\right)", '<mo stretchy="false">(</mo><mi>D</mi><mo stretchy="false">)</mo>'),
    ],
)
def test_a_form(latex: str, expected: str) -> None:
    assert mathml(latex) == expected


@pytest.mark.parametrize("latex", [r"\frac{1}{2}", "a}", "{a", "a_b_c", "a & b", r"\mathrm{d", "#"])
def test_what_the_notation_does_not_write_is_refused(latex: str) -> None:
    with pytest.raises(ValueError, match="no notation has this form as MathML"):
        mathml(latex)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_form(name: str) -> None:
    A = gc.cell.matrix("A", gc.cell.B, gc.cell.H)
    latex = Notation((), ()).write(FUNCTIONS[name](A), LATEX)
    assert "<mi>A</mi>" in mathml(latex)


def test_a_class_takes_no_room() -> None:
    for latex in ("x_{t}", r"\mathrm{d}S^{\text{own}}_{1}"):
        assert CLASSED.width(rf"\class{{v-a own}}{{{latex}}}") == LATEX.width(latex)


# --- all formulas of a report, against latex2mathml ----------------------------------------------

PAIRS = [(cell, "none", "l2") for cell in SAMPLE] + [("gru", "linear", loss) for loss in gc.losses]
UNMARKED = replace(LATEX, marks=kept)


def formulas(document: Document) -> Iterator[tuple[Any, Notation, str | int]]:
    """Every formula of a document, with the notation and the step that it is written with."""
    for section in document.sections:
        for block in section.blocks:
            yield from _of_block(block, document.notation)


def _of_block(block: Block, notation: Notation) -> Iterator[tuple[Any, Notation, str | int]]:
    if isinstance(block, (Paragraph, Table)):
        cells = (
            [block.prose] if isinstance(block, Paragraph) else [c for r in block.rows for c in r]
        )
        parts = (part for cell in cells for part in cell)
        yield from ((p, notation, "t") for p in parts if not isinstance(p, (str, Verbatim)))
    elif isinstance(block, Equations):
        for row in (row for group in block.groups for row in group):
            yield from ((e, block.notation, block.step) for e in (row.left, row.right, *row.also))
    elif isinstance(block, Errors):
        for each in (*(box.equations for box in block.boxes), block.sum):
            yield from _of_block(each, notation)
    elif isinstance(block, Fold):
        for inner in block.blocks:
            yield from _of_block(inner, notation)


def symbols(markup: str) -> str:
    """The text of MathML in the order of reading, without alphabets and invisible signs."""
    text = unicodedata.normalize("NFKC", "".join(ElementTree.fromstring(markup).itertext()))
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


@pytest.mark.parametrize(("cell", "readout", "loss"), PAIRS)
def test_another_converter_reads_the_same_symbols_in_the_same_order(
    cell: str, readout: str, loss: str
) -> None:
    convert = pytest.importorskip("latex2mathml.converter").convert
    derivation = gc.derive(readouts[readout](gc.cells[cell]), gc.losses[loss])
    seen = set()
    for expression, notation, step in formulas(explained(Part.of(derivation, steps=2))):
        latex = bare(notation.write(expression, UNMARKED, step))
        if latex not in seen:
            ours = mathml(bare(notation.write(expression, CLASSED, step)))
            # a prime alone is no script here: it stands behind its base, before the subscript
            theirs = convert(latex.replace(r"^{\prime}", r"\prime"))
            assert symbols(f"<math>{ours}</math>") == symbols(theirs), latex
            seen.add(latex)
    assert len(seen) > 50
