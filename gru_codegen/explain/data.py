"""A document as data: dictionaries, lists and strings, for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gru_codegen.derive.writing import Prose, Row
from gru_codegen.explain.code import Code
from gru_codegen.explain.model import (
    Block,
    Document,
    Equations,
    Errors,
    Fold,
    Graph,
    Listing,
    Paragraph,
    Table,
)
from gru_codegen.notation import LATEX, TEXT, Notation, bare

__all__ = ["as_data"]

Data = dict[str, Any]


def as_data(document: Document) -> Data:
    """The whole document; every formula in plain text and in LaTeX."""
    notation = document.notation
    return {
        "title": _words(document.title, notation),
        "facts": dict(document.facts),
        "sections": [
            {
                "id": section.id,
                "heading": _words(section.heading, notation),
                "blocks": [_block(block, document) for block in section.blocks],
            }
            for section in document.sections
        ],
    }


def _words(prose: Prose, notation: Notation, step: str | int = "t") -> str:
    return bare(notation.prose(prose, TEXT, step))


def _block(block: Block, document: Document) -> Data:
    notation, code = document.notation, document.code
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": _words(block.prose, notation)}
    if isinstance(block, Equations):
        return {"kind": "equations", "groups": _groups(block, code)}
    if isinstance(block, Table):
        rows = [[_words(cell, notation) for cell in row] for row in block.rows]
        return {
            "kind": "table",
            "heading": [_words(cell, notation) for cell in block.heading],
            "rows": rows,
        }
    if isinstance(block, Errors):
        boxes = [
            {
                "whose": box.whose,
                "id": box.id,
                "title": _words(box.title, notation),
                "groups": _groups(box.equations, code),
            }
            for box in block.boxes
        ]
        return {"kind": "errors", "boxes": boxes, "sum": _groups(block.sum, code)}
    if isinstance(block, Graph):
        return {"kind": "graph", **_graph(block)}
    if isinstance(block, Listing):
        return {"kind": "code", "functions": _functions(block.code)}
    assert isinstance(block, Fold)
    return {
        "kind": "fold",
        "summary": _words(block.summary, notation),
        "blocks": [_block(each, document) for each in block.blocks],
    }


def _groups(block: Equations, code: Code | None) -> list[list[Data]]:
    return [[_row(row, block, code) for row in group] for group in block.groups]


def _row(row: Row, block: Equations, code: Code | None) -> Data:
    line = code.line_of(row.equation) if code is not None else None
    shape = getattr(row.left, "shape", None)
    return {
        "left": _formula(row.left, block),
        "right": [_formula(each, block) for each in (row.right, *row.also)],
        "boxed": row.boxed,
        "remark": _words(row.remark, block.notation, block.step),
        "shape": None if shape is None else list(map(str, shape)),
        "equation": None if row.equation is None else str(row.equation),
        "line": None if line is None else line.number,
        "code": None if line is None else line.text,
    }


def _formula(formula: Any, block: Equations) -> Data:
    text = block.notation.write(formula, TEXT, block.step)
    return {"text": bare(text), "latex": block.notation.write(formula, LATEX, block.step)}


def _graph(graph: Graph) -> Data:
    def name(symbol: Any) -> str:
        return graph.notation.text(symbol, 0)

    nodes = {
        name(symbol): {"step": step, "layer": layer}
        for symbol, (step, layer) in graph.nodes.items()
    }
    edges = [
        {"from": name(edge.start), "to": name(edge.end), "path": edge.path} for edge in graph.edges
    ]
    return {"nodes": nodes, "edges": edges}


def _functions(code: Code) -> list[Data]:
    def lines(of: Iterable[Any]) -> list[Data]:
        return [
            {"number": line.number, "text": line.text, "equations": list(map(str, line.equations))}
            for line in of
        ]

    return [{"name": name, "lines": lines(of)} for name, of in code.functions.items()]
