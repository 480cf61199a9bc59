"""The picture of what reads what: its nodes, and the ways back of an error."""

from __future__ import annotations

import pytest

import gru_codegen as gc
from gru_codegen.cell import Cell
from gru_codegen.explain.model import Graph
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections import explained
from tests.cells.sample import SAMPLE
from tests.derive import declarations


def graph(cell: Cell, loss: gc.Loss = gc.L2, wrt: str = "") -> Graph:
    part = Part.of(gc.derive(cell, loss), (wrt,) if wrt else (), 2)
    (section,) = [section for section in explained(part).sections if section.id == "graph"]
    (found,) = [block for block in section.blocks if isinstance(block, Graph)]
    return found


def named(found: Graph) -> dict[tuple[str, str], str]:
    """Each edge by the names of its ends, and the path that it belongs to."""
    write = found.notation.text
    return {(write(e.start, 0), write(e.end, 0)): e.path for e in found.edges}


def test_the_paths_of_the_reference_cell() -> None:
    found = graph(gc.GRU, wrt="Wr")
    edges = named(found)
    own = ["R_1 RS_1", "RS_1 CA_1", "CA_1 S_1", "S_1 O_1", "O_1 L_1"]
    assert [" ".join(edge) for edge, path in edges.items() if path == "own"] == own
    assert edges["Z_1", "S_1"] == ""
    assert {b for (a, b), path in edges.items() if a == "S_1" and path == "later"} == {
        "Z_2",
        "R_2",
        "RS_2",
        "S_2",
    }
    layers = {found.notation.text(s, 0): layer for s, (step, layer) in found.nodes.items()}
    assert [layers[name] for name in ("Z_1", "R_1", "RS_1", "CA_1", "S_1", "O_1", "L_1")] == [
        *(0, 0, 1, 2, 3, 4, 5)
    ]


@pytest.mark.parametrize("loss", [*gc.losses.values(), *declarations.LOSSES], ids=lambda x: x.name)
def test_a_loss_is_one_node_a_step(loss: gc.Loss) -> None:
    found = graph(gc.GRU, loss)
    names = [found.notation.text(symbol, 0) for symbol in found.nodes]
    assert [name for name in names if name.startswith("L")] == ["L_1", "L_2"]
    assert ("O_1", "L_1") in named(found)
    assert not {"E_1", "N_1", "cost_1"} & set(names)


@pytest.mark.parametrize("cell", [*SAMPLE.values(), *declarations.CELLS], ids=lambda x: x.name)
def test_edges_go_forward_and_stand_once(cell: Cell) -> None:
    found = graph(cell)
    pairs = [(edge.start, edge.end) for edge in found.edges]
    assert len(pairs) == len(set(pairs))
    for start, end in pairs:
        assert found.nodes[start] < found.nodes[end], "by step, then by layer"
