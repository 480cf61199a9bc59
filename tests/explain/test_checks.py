"""The table of checks in a document is that of the kernel which is shown."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import inspection, pipeline
from gru_codegen.cli import main

COMMANDS = ("generate", "verify")


def table(**options: Any) -> list[list[str]]:
    """The rows of the table of checks; none if there is none."""
    data = json.loads(gc.inspect(gc.GRU, format="json", **options))
    blocks = [b for s in data["sections"] if s["id"] == "proofs" for b in s["blocks"]]
    tables = [b["rows"] for b in blocks if b["kind"] == "table" and b["heading"]]
    return tables[0] if tables else []


def test_the_checks_are_those_of_the_kernel() -> None:
    kernel = gc.load(gc.GRU, style="textbook")
    report = pipeline.check(kernel, gc.GRU)
    rows = table()
    assert [row[1] for row in rows] == list(dict.fromkeys(c.method for c in report.checks))
    numbers = [int(row[3].split(" of ")[1]) for row in rows]
    assert sum(numbers) == len(report.checks)
    assert all(row[3].startswith(f"{n} of ") for row, n in zip(rows, numbers, strict=True))
    of = {row[1]: row[0] for row in rows}
    at_most = {row[1]: float(row[2]) for row in rows if row[2] != "exact"}
    tolerance = {c.method: c.tolerance for c in report.checks}
    assert all(tolerance[name] <= at_most[name] <= 10 * tolerance[name] for name in at_most)
    assert of["central difference"] == "each weight, all_gradients"
    assert of["random direction"] == "all weights, loss_weights, lengths"


def test_a_check_that_fails_is_shown_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: Any, **options: Any) -> gc.Report:
        first, *others = pipeline.check(*arguments, **options).checks
        return gc.Report((type(first)("Wz", first.method, None, 1.0, 0.0), *others))

    monkeypatch.setattr(inspection, "check", failing)
    monkeypatch.setattr(inspection, "_report", inspection._report.__wrapped__)
    assert any(" of " in row[3] and row[3][0] < row[3].split(" of ")[1][0] for row in table())
    assert "sha256" not in gc.inspect(gc.GRU, format="html")


def test_a_page_shows_the_certificate_that_its_commands_write(tmp_path: Path) -> None:
    file, html = tmp_path / "gru_textbook.py", gc.inspect(gc.GRU, format="html")
    generate, verify = (
        re.search(rf"gru-codegen {command}[^<]*--certificate", html) for command in COMMANDS
    )
    assert generate
    assert verify
    assert verify.group() == "gru-codegen verify generated/gru_textbook.py --certificate"
    assert main([*shlex.split(generate.group())[1:], "--output", str(file)]) == 0
    written = json.loads((tmp_path / "gru_textbook.certificate.json").read_text())
    assert written["module"]["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert written["module"]["sha256"] in html
    assert written["declaration"]["sha256"] in html
    assert f"{written['proof']['numbers']} numbers" in html
    assert "; ".join(written["proof"]["calls"]) in html


def test_a_cell_that_no_command_names_has_no_certificate_on_its_page() -> None:
    unnamed = replace(gc.GRU, title="A cell of one's own")
    assert "sha256" not in gc.inspect(unnamed, format="html")
    assert "sha256" in gc.inspect(unnamed, format="html", spec="my.toml")


def test_a_text_has_them_and_a_single_step_has_none() -> None:
    text = gc.inspect(gc.GRU)
    assert "What is proved, what is checked\n" in text
    row = r"^    each weight, all_gradients +complex step +1e-12 +7 of 7$"
    assert re.search(row, text, re.MULTILINE)
    assert table(unroll=2, at=1) == []
