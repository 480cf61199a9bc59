"""The page as text: what it is made of, and where its links lead."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.explain import document
from gru_codegen.explain.html import blocks
from gru_codegen.explain.html.graph import lanes
from gru_codegen.explain.model import Block, Graph
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections import explained
from gru_codegen.functions import tanh
from gru_codegen.inspection import inspect
from gru_codegen.pipeline import source_map
from tests.cells.sample import SAMPLE
from tests.explain.html.math_font import CHARACTERS, FONT
from tests.explain.html.pages import PAGES, awkward, classes, elements, page


def assert_sound(markup: str) -> None:
    """The page is well-formed and complete, its links lead somewhere, its headings nest."""
    root = elements(markup)
    assert markup.startswith('<!DOCTYPE html>\n<html lang="en">\n')
    ids = [each.get("id") for each in root.iter() if "id" in each.attrib]
    assert len(ids) == len(set(ids))
    links = [each.attrib["href"] for each in root.iter() if "href" in each.attrib]
    assert {link[:1] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(ids)
    assert not [each.tag for each in root.iter() if each.tag in ("script", "link", "img")]
    assert not re.search(r'\b(src|srcset|on\w+)="|@import|https?:', markup)
    assert set(re.findall(r"url\((.{5})", markup)) == {"data:", "#arro"} - (
        set() if "<svg" in markup else {"#arro"}
    )
    levels = [int(each.tag[1]) for each in root.iter() if re.fullmatch("h[1-6]", each.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert missing(root) == set()


def missing(root: Element) -> set[str]:
    """What formulas show that the font of the page does not have."""
    shown: set[str] = set()
    for math in root.iter("math"):
        for element in math.iter():
            text = element.text or ""
            slanted = element.tag == "mi" and len(text) == 1 and "mathvariant" not in element.attrib
            shown |= {italic(text)} if slanted else set(text)
    return shown - CHARACTERS


def italic(letter: str) -> str:
    """A letter as a browser draws it in an `mi` of its own."""
    name = {"h": "PLANCK CONSTANT", "∂": "MATHEMATICAL ITALIC PARTIAL DIFFERENTIAL"}.get(letter)
    if name is None and letter.isalpha():
        word = unicodedata.name(letter).removeprefix("LATIN ").removeprefix("GREEK ")
        name = "MATHEMATICAL ITALIC " + word.replace("LETTER ", "")
    return unicodedata.lookup(name) if name else letter


@pytest.mark.parametrize(("cell", "readout", "loss"), PAGES)
def test_every_cell_loss_and_readout_has_a_sound_page(cell: str, readout: str, loss: str) -> None:
    assert_sound(page(cell, readout, loss))


@pytest.mark.parametrize("cell", awkward(), ids=lambda cell: cell.name)
def test_cells_of_other_forms_have_sound_pages(cell: Cell) -> None:
    """Without what is run of a kernel, which is of the same form for all."""
    assert_sound(document(gc.derive(cell), unroll=2, format="html"))


def test_a_symbol_may_be_called_as_a_section_is() -> None:
    """Two places of a page would have one id."""
    x, weight = matrix("x", B, D), matrix("code", D, H)
    recurrent, before, state = matrix("U", H, H), matrix("cell_prev", B, H), matrix("cell", B, H)
    equation = Equation(state, tanh(x * weight + before * recurrent), "state")
    cell = Cell(
        "named", "a cell", "nowhere", (x,), (weight, recurrent), {state: before}, (equation,)
    )
    markup = inspect(cell, unroll=2, format="html")
    assert_sound(markup)
    assert '<li id="cell-"' in markup


@pytest.mark.parametrize(("steps", "at"), [(None, None), (1, None), (12, None), (2, 1), (2, 2)])
def test_any_number_of_steps_has_a_sound_page(steps: int | None, at: int | None) -> None:
    assert_sound(page("gru", "none", "l2", steps, at))


def test_a_page_is_small_enough_to_send() -> None:
    for of, steps in ((("gru", "none", "l2"), 4), (("lstm", "linear", "cross-entropy"), 2)):
        assert len(page(*of, steps).encode()) < 400_000


def test_the_page_says_what_it_is_of_and_how_it_is_made() -> None:
    root = elements(page("lstm", "linear", "cross-entropy"))
    names = [each.text for each in root.iter("dt")]
    facts = dict(zip(names, (each.text for each in root.iter("dd")), strict=True))
    assert facts["cell"] == "long short-term memory (lstm)"
    assert facts["made by"] == (
        "gru-codegen inspect --cell lstm --loss cross-entropy --readout linear --unroll 2 "
        "--format html"
    )


def test_a_command_is_named_for_cells_that_the_command_line_knows() -> None:
    cell = awkward()[0]
    assert "made by" not in inspect(cell, format="html")
    assert "inspect --cell a.b:C --wrt " in inspect(
        cell, wrt=str(cell.weights[0]), spec="a.b:C", format="html"
    )


# --- formulas and lines of code ------------------------------------------------------------------


def test_a_formula_leads_to_its_line_and_the_line_back() -> None:
    """For each equation that is shown first here: its id, its line, and the link of the number."""
    root = elements(page("gru", "none", "l2"))
    at = {each.get("id"): each for each in root.iter() if "id" in each.attrib}
    code = source_map(gc.GRU, style="textbook")
    lines = code.source.splitlines()
    for name, equation in {
        "Z": "forward Z",
        "L": "loss L",
        "dZ": "adjoint Z",
        "dS_prev": "adjoint S_prev",
        "dWz": "gradient Wz",
    }.items():
        (link,) = [each for each in at[name] if "code" in classes(each)]
        assert link.get("href") == f"#code-{name}"
        number, shown = list(at[f"code-{name}"])
        assert number.get("href") == f"#{name}"
        assert link[0].text == number.text
        assert any(int(number.text or "") in run for run in code.lines_of(equation))
        assert "".join(shown.itertext()) == lines[int(number.text or "") - 1].strip()


def test_the_listing_is_the_code() -> None:
    root = elements(page("lstm", "linear", "cross-entropy"))
    lines = source_map(
        gc.cells["lstm"], loss=gc.losses["cross-entropy"], readout="linear", style="textbook"
    ).source.splitlines()
    shown = [each for each in root.iter("div") if "line" in classes(each)]
    assert len(shown) > 80
    for number, code in shown:
        text = lines[int(number.text or "") - 1]
        assert "".join(code.itertext()) == text.strip()
        assert code.get("style", "--in:0") == f"--in:{len(text) - len(text.lstrip())}"


def test_lines_of_options_and_comments_are_dimmed() -> None:
    root = elements(page("gru", "none", "l2"))
    dimmed = {"".join(each[1].itertext()) for each in root.iter("div") if "dim" in classes(each)}
    assert {"if ended is not None:", "dO[t] = dO[t] * V[t]", "# dCA_t = dS_t o Z_t"} <= dimmed
    assert not {"dCA = dS * Z[t]", "return loss.sum()"} & dimmed


# --- marks, boxes, the picture -------------------------------------------------------------------


def test_what_formulas_share_has_the_mark_of_its_name() -> None:
    """The key of the last step: each mark is on one name, and on the factors that it stands for."""
    root = elements(page("gru", "none", "l2"))
    (section,) = [each for each in root.iter("section") if each.get("id") == "step-2"]
    names = [e for e in section.iter("div") if "left" in classes(e)]
    key = {each[0].get("class"): text(each) for each in names if "mark" in classes(each[0])}
    assert key == {"mark mark-0": "daZ_2", "mark mark-1": "daCA_2", "mark mark-2": "daR_2"}
    every = [each for each in section.iter() if "mark" in classes(each)]
    assert all(
        each.get("class") == f"mark mark-{int(each.attrib['data-label']) - 1}" for each in every
    )
    factors = [e for e in section.iter("div") if "right" in classes(e)]
    marked = [
        [each.get("class") for each in right.iter() if "mark" in classes(each)] for right in factors
    ]
    assert marked[:6] == [
        ["mark mark-0"],
        ["mark mark-0"],
        ["mark mark-1"],
        ["mark mark-1"],
        ["mark mark-2", "mark mark-1"],
        ["mark mark-2", "mark mark-1"],
    ]


def test_no_two_marks_of_a_display_have_one_label() -> None:
    """There are more of them than kinds of lines."""
    root = elements(page("lstm", "linear", "cross-entropy"))
    (section,) = [each for each in root.iter("section") if each.get("id") == "step-1"]
    names = [e[0] for e in section.iter("div") if "left" in classes(e)]
    labels = [each.attrib["data-label"] for each in names if "mark" in classes(each)]
    assert labels == [str(number) for number in range(1, 8)]
    assert len({each.get("class") for each in names if "mark" in classes(each)}) < len(labels)


def test_the_candidate_activation_is_boxed() -> None:
    root = elements(page("gru", "none", "l2"))
    (boxed,) = [each for each in root.iter() if "boxed" in classes(each)]
    assert text(boxed) == "tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)"
    assert "boxed" not in {
        c for e in elements(page("rnn", "none", "l2")).iter() for c in classes(e)
    }


def text(element: Element) -> str:
    """The label of the first formula in an element."""
    return next(each.attrib["aria-label"] for each in element.iter() if "aria-label" in each.attrib)


def test_an_own_and_an_arriving_error_are_told_apart_without_colour() -> None:
    root = elements(page("gru", "none", "l2"))
    boxes = {each.get("id"): each for each in root.iter("div") if "box" in classes(each)}
    assert list(boxes) == ["own-1", "later-1"]
    style = next(root.iter("style")).text or ""
    for whose, border in (("own", "solid"), ("later", "dashed")):
        box = boxes[f"{whose}-1"]
        assert whose in classes(box)
        assert f".box.{whose} {{ border: 2px {border}" in style
        assert {(e.text or "").strip() for e in box.iter("mtext")} == {whose, "at"}


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_words_say_labels_as_formulas_show_them(cell: str) -> None:
    """The marks of plain text, as in dS_1[own], stand nowhere that a reader sees."""
    shown = "".join(elements(page(cell, "none", "l2")).itertext())
    assert "is the adjoint with the error of its step" in shown
    assert "[own]" not in shown
    assert "[later]" not in shown


def test_each_picture_has_the_same_edges_and_its_paths() -> None:
    root = elements(page("gru", "none", "l2"))
    wide, narrow = root.iter("svg")
    for picture in (wide, narrow):
        edges = [each for each in picture.iter("path") if "edge" in classes(each)]
        assert len(edges) == 16
        assert sum("own" in classes(each) for each in edges) == 3
        assert sum("later" in classes(each) for each in edges) == 10
        assert "S_1 is read by O_1, Z_2, R_2" in picture.attrib["aria-label"]
    assert len({each.get("id") for each in root.iter("marker")}) == 6


@pytest.mark.parametrize("cell", [*SAMPLE.values(), *awkward()], ids=lambda cell: cell.name)
def test_no_node_is_on_another_or_in_the_way_of_an_edge_of_its_step(cell: Cell) -> None:
    sections = explained(Part.of(gc.derive(cell), steps=2)).sections
    (picture,) = [b for section in sections for b in section.blocks if isinstance(b, Graph)]
    lane = lanes(picture)
    places = {(*picture.nodes[node], lane[node]): node for node in picture.nodes}
    assert len(places) == len(picture.nodes)
    for edge in picture.edges:
        (step, first), (of, last) = picture.nodes[edge.start], picture.nodes[edge.end]
        if step == of:
            way = {(step, layer, lane[edge.start]) for layer in range(first + 1, last)}
            assert not way & set(places)


def test_every_symbol_is_lit_everywhere() -> None:
    markup = page("gru", "none", "l2")
    lit = set(re.findall(r"body:has\(\.(\S+):hover\) \.\1(?=[, ])", markup))
    assert {"v-Z", "v-dS_prev", "v-Wz", "v-S"} <= lit
    used = {c for each in elements(markup).iter() for c in classes(each) if c.startswith("v-")}
    assert used == lit


# --- what comes with the page --------------------------------------------------------------------


def test_every_kind_of_block_is_drawn() -> None:
    assert set(blocks._BLOCKS) == set(Block.__args__)


def test_the_font_has_the_characters_that_it_is_said_to_have() -> None:
    pytest.importorskip("brotli")
    font = pytest.importorskip("fontTools.ttLib").TTFont(FONT)
    assert set(map(chr, font.getBestCmap())) == CHARACTERS
    assert "MATH" in font


def test_the_licence_of_the_font_is_beside_it() -> None:
    licence = FONT.with_name("OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "The STIX Fonts Project Authors" in licence
    assert Path(FONT).stat().st_size < 60_000
