"""First weights begin as they are declared, in files and in Python; what cannot be is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.certificate.declaration import cell_of, data_of
from gru_codegen.initial import KINDS, distribution
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from tests.planted import planted

TEXT = """
name = "rnn-init"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)", b = "(H,)", c = "(H,)", Wo = "(H, K)" }
sizes = ["K"]
output = "Out"
init = { b = "1", U = "orthogonal" }
equations = '''
S = tanh(x @ W + S_prev @ U + b * c)
Out = S @ Wo
'''
"""
D, H, K = 30, 50, 60


def declared(tmp_path: Path, init: str) -> gc.Cell:
    file = tmp_path / "rnn_init.toml"
    file.write_text(TEXT.replace('{ b = "1", U = "orthogonal" }', init))
    return load_cell(str(file))


def drawn(cell: gc.Cell, **keywords: Any) -> Any:
    kernel: Any = gc.load(cell, style="textbook")
    return kernel.init_params(D, H, k_size=K, rng=0, **keywords)


@pytest.mark.parametrize(
    ("given", "written", "numbers"),
    [
        ("1", "1", [1]),
        (1, "1", [1]),
        (0.5, "1/2", [Fraction(1, 2)]),
        (" -1/10 ", "-1/10", [Fraction(-1, 10)]),
        ("0.1", "1/10", [Fraction(1, 10)]),
        ("zeros", "zeros", []),
        ("ones", "ones", []),
        ("uniform(-0.1, 1/10)", "uniform(-1/10, 1/10)", [Fraction(-1, 10), Fraction(1, 10)]),
        ("normal( 1/50 )", "normal(1/50)", [Fraction(1, 50)]),
        ("glorot", "glorot", []),
        ("orthogonal", "orthogonal", []),
        ("identity()", "identity", []),
    ],
)
def test_what_is_declared_is_read_and_written(given: Any, written: str, numbers: Any) -> None:
    found = distribution(given)
    assert str(found) == written
    assert list(found.numbers) == numbers
    assert distribution(written) == found == distribution(found)


def test_every_kind_is_drawn_and_recognised(tmp_path: Path) -> None:
    texts = {
        "number": ("b", "1/3"), "zeros": ("W", "zeros"), "ones": ("Wo", "ones"),
        "uniform": ("b", "uniform(-1, 3)"), "normal": ("U", "normal(1/50)"),
        "glorot": ("Wo", "glorot"), "orthogonal": ("W", "orthogonal"),
        "identity": ("U", "identity"),
    }  # fmt: skip
    assert texts.keys() == KINDS.keys()
    made = {}
    for kind, (weight, text) in texts.items():
        cell = declared(tmp_path, f'{{ {weight} = "{text}" }}')
        made[kind] = np.atleast_2d(getattr(drawn(cell), weight))
        assert distribution(text).fault(made[kind]) == ""
        others = [distribution(each) for _, each in texts.values() if each != text]
        assert all(each.fault(made[kind]) for each in others if fits(each, made[kind]))
    assert (made["number"] == 1 / 3).all()
    assert (made["zeros"] == 0).all()
    assert (made["ones"] == 1).all()
    np.testing.assert_allclose(made["orthogonal"].dot(made["orthogonal"].T), np.eye(D), atol=1e-14)
    assert (made["identity"] == np.eye(H)).all()
    bound = (6 / (H + K)) ** 0.5
    assert 0.99 * bound < made["glorot"].max() < bound
    assert made["uniform"].min() < 0
    assert made["uniform"].max() > 2
    assert made["normal"].std() == pytest.approx(0.02, rel=0.05)


def fits(one: Any, array: Any) -> bool:
    return not one.misfit((2, 2) if array.shape[0] == array.shape[1] else (1, 2))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_every_orthogonal_matrix_is_as_likely_as_its_mirror(shape: tuple[int, int]) -> None:
    from gru_codegen.runtime.draws import _orthogonal

    signs = [np.sign(_orthogonal(np.random.default_rng(n), shape)[0, 0]) for n in range(200)]
    assert abs(sum(signs)) < 80


def test_the_docstring_says_it_and_the_rest_is_as_usual(tmp_path: Path) -> None:
    cell = declared(tmp_path, '{ b = "1", U = "orthogonal", c = "1" }')
    kernel: Any = gc.load(cell)
    said = " ".join(kernel.init_params.__doc__.split())
    assert said.startswith(
        "Draw the weights: b and c are 1; U is orthogonal, or as many orthonormal rows or columns "
        "as it can have; all others are uniform on [-1/sqrt(H), 1/sqrt(H))."
    )
    usual = drawn(declared(tmp_path, "{}")).W
    assert np.abs(usual).max() < 1 / H**0.5
    assert (usual == drawn(cell).W).all()  # what is drawn before it is the same
    every = '{ W = "glorot", b = "0", U = "identity", c = "ones", Wo = "zeros" }'
    source = gc.generate(declared(tmp_path, every))
    assert "bound = 1 / max(hidden_size, 1)" not in source
    assert "all others" not in source


def test_one_seed_gives_the_same_weights_in_every_dtype(tmp_path: Path) -> None:
    cell = declared(tmp_path, '{ b = "1/3", U = "orthogonal", W = "normal(0.1)", Wo = "glorot" }')
    double, single = drawn(cell), drawn(cell, dtype=np.float32)
    for one, other in zip(double, single, strict=True):
        assert other.dtype == np.float32
        assert (one.astype(np.float32) == other).all()


def test_in_python_with_a_readout_and_in_a_certificate() -> None:
    Wrecz, Wz = gc.GRU.weights[1], gc.GRU.weights[0]
    cell = replace(gc.GRU, init={Wrecz: "orthogonal", Wz: 0})
    assert data_of(cell)["init"] == {"Wrecz": "orthogonal", "Wz": "0"}
    assert data_of(cell_of(data_of(cell))) == data_of(cell)
    assert "init" not in data_of(gc.GRU)
    kernel: Any = gc.load(cell, readout="linear")
    assert (kernel.init_params(2, 3, output_size=4).Wz == 0).all()
    assert pipeline.check(kernel, cell)


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ('{ V = "1" }', 'init: there is no weight V; known: W, U, b, c, Wo'),
        ('{ b = "orthogonal" }', "init: b: orthogonal is for matrices, and this is a vector"),
        ('{ b = "glorot" }', "init: b: glorot is for matrices"),
        ('{ W = "identity" }', "init: W: identity is for square matrices, and this is (D, H)"),
        ('{ U = "orthogonl" }', "init: U must be a number, zeros, ones"),
        ('{ U = "number(1)" }', "init: U must be a number, zeros, ones"),
        ('{ U = "uniform(1)" }', "init: U must be written as uniform(low, high)"),
        ('{ U = "zeros(1)" }', "init: U must be written as zeros"),
        ('{ U = "uniform(1, 1)" }', "low has to be less than high"),
        ('{ U = "normal(-1)" }', "std has to be more than 0"),
        ('{ U = "normal(a)" }', "init: U has 'a', which is no number"),
        ('{ U = "normal(1/0)" }', "init: U has '1/0', which is no number"),
        ('{ U = "1e999999999" }', "init: U has '1e999999999', which is no number"),
        ('{ U = "10000000" }', "init: U has 10000000, which is more than 1000000"),
        ('{ U = "nan" }', "init: U must be a number, zeros"),
        ('{ U = "__import__(1)" }', "init: U must be a number, zeros"),
        ('{ U = 1 }', "init holds strings"),
        ('"orthogonal"', "init must be a table"),
    ],
)  # fmt: skip
def test_what_a_file_cannot_mean_is_refused_at_its_place(
    tmp_path: Path, init: str, said: str
) -> None:
    with pytest.raises(gc.CellError) as raised:
        declared(tmp_path, init)
    first, line, mark, *_ = str(raised.value).splitlines()
    assert said in first
    assert ":7:" in first
    assert "init = " in line
    assert set(mark) <= set(" ^~")


def test_in_python_it_is_refused_by_name() -> None:
    W = gc.GRU.weights[0]
    x = gc.GRU.inputs[0]
    for given, said in (
        ({W: "identity"}, "cell 'gru', init: Wz: identity is for square matrices"),
        ({x: "1"}, "cell 'gru', init: x is no weight of the cell"),
        ({W: None}, "cell 'gru', init: Wz must be a number, zeros"),
        ({W: True}, "cell 'gru', init: Wz must be a number, zeros"),
        ({W: float("nan")}, "cell 'gru', init: Wz has 'nan', which is no number"),
        (["orthogonal"], "cell 'gru', init: it must be a mapping"),
    ):
        init: Any = given
        with pytest.raises(gc.CellError) as raised:
            replace(gc.GRU, init=init)
        assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("init", "old", "new"),
    [
        ('{ U = "orthogonal" }', "U=_orthogonal(rng, (H, H))", "U=2 * _orthogonal(rng, (H, H))"),
        ('{ b = "1" }', "b=np.full((H,), 1)", "b=np.full((H,), 2)"),
        ('{ b = "1", c = "0" }', "c=np.full((H,), 0)", "c=np.full((H,), 1)"),
        ('{ Wo = "glorot" }', "Wo=_glorot(", "Wo=2 * _glorot("),
        ('{ W = "normal(1/10)" }', "normal(0, 1 / 10,", "normal(0, 1 / 9,"),
        ('{ W = "uniform(0, 1)" }', "uniform(0, 1,", "uniform(0, 2,"),
        ('{ U = "identity" }', "np.eye(H, H)", "np.eye(H, H)[::-1]"),
    ],
)  # fmt: skip
def test_a_kernel_that_draws_otherwise_fails(tmp_path: Path, init: str, old: str, new: str) -> None:
    cell = declared(tmp_path, init)
    source = gc.generate(cell)
    right, wrong = load_source(source, "right"), planted(source, old, new)
    assert pipeline.check(right, cell)
    failures = {(each.weight, each.method) for each in pipeline.check(wrong, cell).failures}
    assert failures == {("init_params", "as declared")}
