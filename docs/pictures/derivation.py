"""Draw the README's picture: an equation, where its gradient comes from, and the lines of code.

    python docs/pictures/derivation.py

Every formula is what the derivation says, and every line of code stands in the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from sympy.matrices.expressions.matexpr import MatrixSymbol

import gru_codegen as gc
from gru_codegen.derive.split import Error, Split
from gru_codegen.explain.code import Code
from gru_codegen.ir import EquationId
from gru_codegen.notation import UNICODE

PLACE = Path(__file__).with_suffix(".svg")

_STYLE = """
text { font: 15px ui-monospace, 'DejaVu Sans Mono', Consolas, monospace; fill: #1d1d1f; }
.title { font: 600 16px system-ui, sans-serif; }
.small { font: 13px system-ui, sans-serif; fill: #6a6a70; }
.box { fill: none; stroke-width: 2; }
.own { stroke: #b3261e; } .later { stroke: #1b6e3c; stroke-dasharray: 7 4; }
.owned { fill: #b3261e; } .arrived { fill: #1b6e3c; }
.paper { fill: #fffdfa; }
@media (prefers-color-scheme: dark) {
  text { fill: #e7e5e1; } .paper { fill: #17181b; } .small { fill: #a09da3; }
  .own { stroke: #ff8a80; } .later { stroke: #7fd69b; }
  .owned { fill: #ff8a80; } .arrived { fill: #7fd69b; }
}
"""
_LINE, _LEFT, _WIDTH = 24, 24, 1000


def picture() -> str:
    """The picture as SVG."""
    split = Split.of(gc.derive(gc.GRU), 2, 1)
    code = Code(gc.source_map(gc.GRU, style="textbook", spec="gru"))
    elements = [*_declared(), *_derived(split), *_generated(code)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} 526" role="img">\n'
        "<title>The state equation of the GRU, its own and its arriving error at time step 1, "
        "and the lines of code that compute both</title>\n"
        f"<style>{_STYLE}</style>\n"
        f'<rect class="paper" width="{_WIDTH}" height="526" rx="10"/>\n'
        + "\n".join(elements)
        + "\n</svg>\n"
    )


def _text(x: int, y: int, words: str, kind: str = "") -> str:
    of = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{of} xml:space="preserve">{escape(words)}</text>'


def _lines(x: int, y: int, lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield _text(x, y + number * _LINE, line)


def _declared() -> Iterator[str]:
    notation = gc.derive(gc.GRU).notation
    yield _text(_LEFT, 36, "1  Declare the cell", "title")
    equations = [e for e in gc.GRU.equations if e.target.name in ("Z", "S")]
    lines = [
        f"{notation.write(e.target, UNICODE)} = {notation.write(e.expression, UNICODE)}"
        for e in equations
    ]
    yield from _lines(_LEFT, 66, lines)


def _derived(split: Split) -> Iterator[str]:
    yield _text(
        _LEFT, 146, "2  See where the gradient of Wz comes from, at time step 1 of 2", "title"
    )
    (weight,) = [w for w in split.whole.gradients if w.name == "Wz"]
    boxes = (
        (split.own, 1, "own error, of L_1", _LEFT, "own", "owned"),
        (split.later, 2, "arriving error, of L_2, back through step 2", 512, "later", "arrived"),
    )
    for error, step, title, x, box, words in boxes:
        yield f'<rect class="box {box}" x="{x}" y="166" width="464" height="142" rx="8"/>'
        yield _text(x + 16, 192, title, f"title {words}")
        yield from _lines(x + 16, 222, _of_error(split, error, step, weight))
    total = split.notation.write(split.whole.gradients[weight], UNICODE, 0)
    sentence = f"Both follow the same equations; together they are {total}."
    yield _text(_LEFT, 338, sentence, "small")


def _of_error(split: Split, error: Error, step: int, weight: MatrixSymbol) -> list[str]:
    write = split.notation.write
    rows = [(write(symbol, UNICODE, 0), value) for symbol, value in error.needed([weight])]
    rows.append((f"dL_{step}/d{weight} at 1", error.gradients[weight]))
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}} = {write(value, UNICODE, 0)}" for name, value in rows]


def _generated(code: Code) -> Iterator[str]:
    yield _text(_LEFT, 400, "3  Ship the code: one file that imports NumPy alone", "title")
    wanted = [
        EquationId("adjoint", "S"),
        EquationId("adjoint", "Z"),
        EquationId("adjoint", "aZ"),
        EquationId("gradient", "Wz"),
    ]
    found = [code.line_of(each) for each in wanted]
    lines = [f"{line.number}  {line.text}" for line in found if line is not None]
    yield from _lines(_LEFT, 430, lines)


if __name__ == "__main__":
    PLACE.write_text(picture(), encoding="utf-8")
