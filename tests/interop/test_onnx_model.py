"""ONNX models without the package onnx; with it they are tested in tests/peers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gru_codegen.interop import export_onnx, from_onnx_model, to_onnx_model
from tests.interop.cases import random_params


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    expected = r"^an ONNX model needs the package onnx: pip install 'gru-codegen\[onnx\]'$"
    with pytest.raises(ImportError, match=expected):
        to_onnx_model("gru", random_params("gru"))
    with pytest.raises(ImportError, match=expected):
        export_onnx(tmp_path / "gru.onnx", "gru", random_params("gru"))
    with pytest.raises(ImportError, match=expected):
        from_onnx_model(tmp_path / "gru.onnx")
    assert not list(tmp_path.iterdir())
