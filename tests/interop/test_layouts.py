"""The tables of cells and layers: complete, and in agreement with the declared cells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.interop.layouts import CELLS, KERAS, NO_LAYER, ONNX, TORCH, Framework

FRAMEWORKS = (TORCH, KERAS, ONNX)
by_framework = pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda f: f.name)


def test_the_tables_name_cells_of_the_package() -> None:
    # Not all of them: a cell without a word here is refused by name, so that adding one stays easy.
    assert set(CELLS) | set(NO_LAYER) <= set(gc.cells)
    assert not set(CELLS) & set(NO_LAYER)


@pytest.mark.parametrize("name", CELLS)
def test_the_weights_are_those_declared(name: str) -> None:
    assert CELLS[name].weights == tuple(weight.name for weight in gc.cells[name].weights)


@by_framework
def test_every_form_has_a_layer_or_a_reason(framework: Framework) -> None:
    forms = {cell.form for cell in CELLS.values()}
    assert set(framework.layers) | set(framework.lacks) == forms
    assert not set(framework.layers) & set(framework.lacks)


@by_framework
@pytest.mark.parametrize("name", CELLS)
def test_every_gate_and_every_weight_of_a_cell_has_its_place(
    framework: Framework, name: str
) -> None:
    cell = CELLS[name]
    if cell.form in framework.lacks:
        return
    layer = framework.layers[cell.form]
    assert set(layer.gates) == set(cell.gates)
    sources = {gate.removeprefix("-") for gate in cell.gates.values() if gate is not None}
    kinds = {kind for array in layer.arrays for kind in array.kinds}
    assert set(cell.weights) <= {kind + gate for kind in kinds for gate in sources}


def test_the_documentation_lists_the_layers() -> None:
    text = (Path(__file__).parents[2] / "docs" / "interop.md").read_text()
    table = text[text.index("| cell | torch.nn | keras.layers | ONNX |") :].split("\n\n")[0]
    listed = {}
    for row in table.splitlines()[2:]:
        names, *layers = (column.strip() for column in row.strip("|").split("|"))
        for name in re.findall(r"`(\S+)`", names):
            listed[name] = [bool(layer) for layer in layers]
    assert listed == {
        name: [cell.form in framework.layers for framework in FRAMEWORKS]
        for name, cell in CELLS.items()
    }
