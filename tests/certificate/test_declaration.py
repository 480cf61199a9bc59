from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.certificate.declaration import cell_of, data_of, loss_of
from gru_codegen.errors import CellError
from gru_codegen.parse import load_cell
from tests.derive.declarations import CELLS

FIXED = load_cell("tests/verify/cells/legendre.toml")
SEVERAL = load_cell("tests/verify/cells/several_outputs.toml")
PLAIN = replace(gc.GRU, name="plain", without_gradient=gc.GRU.inputs)


@pytest.mark.parametrize(
    "cell", [*gc.cells.values(), *CELLS, PLAIN, FIXED, SEVERAL], ids=lambda cell: cell.name
)
def test_a_cell_comes_back_whole(cell: gc.Cell) -> None:
    again = cell_of(json.loads(json.dumps(data_of(cell))))
    parts = ("name", "title", "source", "inputs", "weights", "equations", "output")
    for part in (*parts, "without_gradient"):
        assert getattr(again, part) == getattr(cell, part)
    assert dict(again.states) == dict(cell.states)
    assert dict(again.checks) == dict(cell.checks)
    assert dict(again.constants) == dict(cell.constants)


@pytest.mark.parametrize("loss", gc.losses.values(), ids=lambda loss: loss.name)
def test_a_loss_comes_back_whole(loss: gc.Loss) -> None:
    again = loss_of(json.loads(json.dumps(data_of(loss))))
    for part in ("name", "title", "prediction", "target", "equations", "cost", "mean", "targets"):
        assert getattr(again, part) == getattr(loss, part)
    assert dict(again.shifts) == dict(loss.shifts)
    assert again.known == loss.known


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["weights"], None, "has no weights where there has to be one"),
        (["weights", "Wz"], ["D"], r"the shape \['D'\] of Wz is not two letters of sizes"),
        (["weights", "Wz"], ["D + 1", "H"], "is not two letters of sizes"),
        (["equations", 0, "value"], {"eval": "x"}, "no operation 'eval'"),
        (["equations", 0, "value"], {"sigmoid": "nothing"}, "has no 'nothing', which it reads"),
        (["equations", 0, "value"], {"add": ["x"]}, "no operation 'add'"),
        (["equations", 0, "value"], {"product": ["1/0", "x"]}, "'1/0' in a certificate is no"),
        (["equations", 0, "value"], ["x"], "has no value where there has to be one"),
        (["output"], "Q", "has no 'Q', which it reads"),
        (["output"], ["S", "Q"], "has no 'Q', which it reads"),
        (["output"], [], "output is empty"),
        (["output"], 1, "has no output where there has to be one"),
        (["states"], [["S"]], r"has no \['S'\], which it reads"),
        (["title"], 'of "quotes"', "without double quotes"),
        (["constants"], {"C": ["D"]}, "is not two letters of sizes"),
        (["made"], None, "has no made where there has to be one"),
        (["without_gradient"], ["Wz"], "has no 'Wz', which it reads"),
        (["without_gradient"], "x", "has no without_gradient where there has to be one"),
        (["checks"], {"x": 1}, "the range 1 in a certificate is not a pair"),
    ],
)
def test_what_is_no_declaration_is_refused(path: list[Any], value: Any, message: str) -> None:
    data: Any = json.loads(json.dumps(data_of(gc.GRU)))
    *above, last = path
    held = data
    for key in above:
        held = held[key]
    held[last] = value
    with pytest.raises(CellError, match=message):
        cell_of(data)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("identity", "'identity' in a certificate is no pattern and its number"),
        (["identity", 0, 1], "is no pattern and its number"),
        (["identity", {}], "is no pattern and its number"),
        (["unit", 0], "there is no pattern 'unit'"),
        (["band", -1], "band takes a whole number"),
    ],
)
def test_what_makes_no_constant_is_refused(made: Any, message: str) -> None:
    data = json.loads(json.dumps(data_of(FIXED)))
    data["made"]["past"] = made
    with pytest.raises(CellError, match=message):
        cell_of(data)
