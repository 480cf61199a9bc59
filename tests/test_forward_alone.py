"""Kernels for inference: the forward pass alone, smaller, with less memory, and checked as far."""

from __future__ import annotations

import ast
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cli import main
from gru_codegen.modules import load_source
from gru_codegen.passes import LAYOUTS
from gru_codegen.prove import prove
from tests.planted import planted
from tests.shares import in_turn

FORMS: list[dict[str, Any]] = [
    *({"layout": layout, "unroll": unroll} for layout in LAYOUTS for unroll in (None, 3)),
    {"style": "textbook"},
    {"style": "textbook", "unroll": 1},
]


def alone(cell: str, **form: Any) -> Any:
    return gc.load(gc.cells[cell], only="forward", **form)


@pytest.mark.parametrize(("form", "cell"), in_turn(FORMS, ["gru", "lstm-peephole"]), ids=str)
def test_it_computes_what_the_whole_kernel_does_and_passes_its_checks(
    form: dict[str, Any], cell: str
) -> None:
    kernel, whole = alone(cell, readout="linear", **form), gc.load(gc.cells[cell], readout="linear")
    rng, T = np.random.default_rng(0), kernel.UNROLL or 4
    params = kernel.init_params(2, 5, output_size=3, rng=0)
    x, lengths = rng.normal(size=(T, 6, 2)), [T, 0, 1, T, T, 0]
    found = kernel.forward(params, x, lengths=lengths)
    right = whole.forward(params, x, lengths=lengths)
    for one, other in zip((found[0], *found[1]), (right[0], *right[1]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    report = pipeline.check(kernel, gc.cells[cell])
    assert report, report
    assert "forward pass alone" in str(report)
    assert report.proof is not None


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_nothing_is_left_of_loss_and_gradients(form: dict[str, Any]) -> None:
    source, whole = (gc.generate(gc.GRU, only=only, **form) for only in ("forward", None))
    assert len(source) < 0.75 * len(whole)
    kernel = load_source(source, "kernel")
    assert list(kernel.ENTRY_POINTS) == ["forward"]
    assert {"LOSS", "Result", "AllGradients", "loss", "vjp"}.isdisjoint(vars(kernel))
    tree = ast.parse(source)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    read |= {node.value.id for node in ast.walk(tree)
             if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}  # fmt: skip
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert {name for name in functions if name.startswith("_")} <= read
    imported = [a for n in tree.body if isinstance(n, ast.ImportFrom | ast.Import) for a in n.names]
    annotations = {a.asname or a.name for a in imported} - {"annotations"}
    assert all(source.count(name) > 1 for name in annotations)
    assert "y" not in kernel.SHAPES
    assert "\n    L " not in source


def numbers(kernel: Any) -> int:
    """How many numbers a Workspace holds for many steps."""
    workspace = kernel.Workspace(2, 3, 4)
    workspace.begin(1000)
    arrays = {id(each): each for each in vars(workspace).values() if isinstance(each, np.ndarray)}
    return sum(each.size for each in arrays.values() if each.base is None)


@pytest.mark.parametrize("form", [each for each in FORMS if each.get("unroll") is None], ids=str)
def test_its_workspace_holds_no_history_that_only_gradients_read(form: dict[str, Any]) -> None:
    assert numbers(alone("lstm", **form)) < 0.8 * numbers(gc.load(gc.cells["lstm"], **form))


FAULTS = {
    "a sign": ("(1 - Z) * S_prev[t]", "(1 + Z) * S_prev[t]"),
    "another gate": ("R * S_prev[t]", "Z * S_prev[t]"),
    "a state not held": ("S[t] = np.where(ended[t], S_prev[t], S[t])", "pass"),
    "padding read": ("x = _zeroed(x, w.ended)", "pass"),
    "outputs past the lengths": (
        "outputs.copy() if w.ended is None else",
        "outputs.copy() if True else",
    ),
    "a result in the Workspace": ("w), w.S_last.copy()", "w), w.S_last"),
    "zeros for s0": ('_start(w.S_first, "s0", SHAPES["s0"], s0)', "w.S_first[...] = 0"),
    "float64 for every dtype": (
        "B, H, dtype = self.batch_size, self.hidden_size, self.dtype",
        "B, H, dtype = self.batch_size, self.hidden_size, np.dtype(float)",
    ),
    "lengths of any size": ('_check_shape("lengths", lengths, ("B",), (batch_size,))', "pass"),
}
#: Those that change no output, or that only a comparison with the declaration can see.
DECLARED = {"a sign", "another gate", "padding read"}
#: Those of errors, which proofs make none of.
UNPROVED = {"lengths of any size"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_by_checks_and_proof(fault: str) -> None:
    source = gc.generate(gc.GRU, only="forward", style="textbook")
    old, new = FAULTS[fault]
    kernel = planted(source, old, new)
    assert not pipeline.check(kernel, gc.GRU)
    if fault not in DECLARED:
        assert not gc.verify(kernel)
    if fault not in UNPROVED:
        assert not prove(kernel, gc.GRU, gc.L2)


def test_the_command_in_its_header_makes_it_again_and_verify_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = "generate --cell lstm --only forward --with trace --layout rows --certificate"
    assert main(command.split()) == 0
    file = tmp_path / "generated" / "lstm_rows_forward_trace.py"
    source = file.read_text()
    said = source.split("made by\n\n")[1].split("\n\n")[0].replace("\\\n", " ")
    again = shlex.split(said)[1:]
    assert main([*again, "--no-verify", "--output", "again.py"]) == 0
    assert Path("again.py").read_text() == source
    capsys.readouterr()
    assert main(["verify", str(file)]) == 0
    assert "forward pass alone" in capsys.readouterr().out
    certificate = file.with_suffix(".certificate.json")
    calls = json.loads(certificate.read_text())["proof"]["calls"]
    assert {call.split()[0] for call in calls} == {"forward", "trace"}
    assert main(["verify", str(file), "--certificate", str(certificate)]) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"only": "backward"}, "only: there is no 'backward'; there is 'forward'"),
        ({"only": "forward", "extras": ["credit"]}, "extras: credit is of gradients"),
        ({"only": "forward", "loss": gc.losses["huber"]}, "loss: a kernel of the forward pass"),
    ],
)
def test_what_inference_has_not_is_refused(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        gc.generate(gc.GRU, **given)


@pytest.mark.parametrize("options", ["--loss huber", "--with credit", "--tune 2,2,2"])
def test_the_command_line_refuses_it(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--only", "forward", *options.split()]) == 2
    assert options.split()[0] in capsys.readouterr().err


def test_bounds_of_gradients_are_refused() -> None:
    with pytest.raises(gc.VerificationError, match="no loss and no gradients"):
        gc.verify(alone("gru"), certify=True)
    with pytest.raises(ValueError, match="no all_gradients"):
        gc.checkpointed(alone("gru"), None, np.zeros((2, 1, 1)), np.zeros((2, 1, 1)))
