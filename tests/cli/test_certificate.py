from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.certificate import Statement, check_again, read
from gru_codegen.modules import load_file
from gru_codegen.prove import Proof
from tests.cli.running import Run, refused

#: Not the function of this name, which the package shows.
certificate: Any = import_module("gru_codegen.certificate.certificate")
COMMAND = ("generate", "--unroll", "2", "--output", "k.py", "--certificate")
CERTIFICATE = Path("k.certificate.json")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The text of a kernel and of its certificate, made once."""
    from gru_codegen.cli import main

    folder = tmp_path_factory.mktemp("certified")
    assert main([*COMMAND[:4], str(folder / "k.py"), *COMMAND[5:]]) == 0
    return {name: (folder / name).read_text() for name in ("k.py", "k.certificate.json")}


@pytest.fixture
def certified(written: dict[str, str], folder: Path) -> Path:
    """A folder with a kernel and its certificate."""
    for name, text in written.items():
        (folder / name).write_text(text)
    return folder


def changed(path: list[Any], value: Any) -> None:
    content = json.loads(CERTIFICATE.read_text())
    *above, last = path
    held = content
    for key in above:
        held = held[key]
    held[last] = value
    CERTIFICATE.write_text(json.dumps(content))


def test_a_certificate_says_what_was_proved_of_which_declaration(certified: Path) -> None:
    content = json.loads(CERTIFICATE.read_text())
    assert list(content) == ["format", "module", "declaration", "proof", "checks", "versions"]
    assert content["declaration"]["text"][0].startswith("Z_t  = sigmoid(x_t Wz + S_{t-1} Wrecz)")
    assert content["proof"]["proved"]
    assert "vjp with d_state, lengths, s0" in content["proof"]["calls"]
    assert all(row["passed"] for row in content["checks"])
    assert set(content["versions"]) == {"gru-codegen", "python", "numpy", "sympy"}


def test_every_statement_is_put_to_the_test(certified: Path, run: Run) -> None:
    outcome = run("verify", "k.py", "--certificate")
    runs, *lines = outcome.out.splitlines()
    assert runs == "k.py is run, as an import would run it"
    assert outcome.status == 0
    assert [line.split(": ")[0] for line in lines] == ["holds"] * 6 + ["taken as it is stated"] * 2
    Path("elsewhere.json").write_text(CERTIFICATE.read_text())
    CERTIFICATE.unlink()
    assert "cannot read k.certificate.json" in refused(run("verify", "k.py", "--certificate"))
    assert run("verify", "k.py", "--certificate", "elsewhere.json").status == 0


@pytest.mark.parametrize("place", [0, 2000, -1])
def test_one_changed_byte_makes_it_void(place: int, certified: Path, run: Run) -> None:
    content = bytearray(Path("k.py").read_bytes())
    content[place] ^= 1
    Path("k.py").write_bytes(content)
    outcome = run("verify", "k.py", "--certificate")
    assert "k.certificate.json is void for k.py: " in refused(outcome, status=1)
    assert outcome.out.startswith("FAILS: the module is the one that it is of")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["declaration", "cell", "title"], "another", "the declaration is unchanged"),
        (["declaration", "text"], ["Z_t = 1"], "the module names this declaration"),
        (["proof", "numbers"], 10**6, "the proof: proved: "),
        (["proof", "calls"], [], "the proof: proved: "),
        (["proof", "seed"], 5, None),
        (["checks", 3, "method"], "an oath", "its {number} checks, made again"),
        (["checks"], [], "its 0 checks, made again"),
        (["checks", 0, "of"], [], "its {number} checks, made again"),
        (["checks", 0], {"of": {}, "method": 1}, "its {number} checks, made again"),
    ],
)
def test_nothing_that_it_says_is_believed(
    path: list[Any], value: Any, said: str | None, certified: Path, run: Run
) -> None:
    number = len(pipeline.check(load_file("k.py"), gc.GRU).checks)
    changed(path, value)
    outcome = run("verify", "k.py", "--certificate")
    if said is None:  # any seed will do
        assert outcome.status == 0
    else:
        assert f"not so is that {said.format(number=number)}" in refused(outcome, status=1)


def test_a_check_that_it_does_not_list_is_made_too(certified: Path, run: Run) -> None:
    """Gradients that are doubled in floating point alone, and the rows that do not see it."""
    right = "    return Result(_scalar(total, w), gradients, "
    source = Path("k.py").read_text()
    assert source.count(right) == 1
    doubled = "Params(*(g if w.dtype == object else 2 * g for g in gradients))"
    Path("k.py").write_text(source.replace(right, right.replace("gradients", doubled)))
    changed(["module", "sha256"], sha256(Path("k.py").read_bytes()).hexdigest())
    rows = json.loads(CERTIFICATE.read_text())["checks"]
    changed(["checks"], [row for row in rows if row["method"] == "left unmodified"])
    outcome = run("verify", "k.py", "--certificate")
    assert "holds: the proof" in outcome.out
    assert "not so is that its 1 checks, made again" in refused(outcome, status=1)


def test_a_difference_that_is_inaccurate_makes_no_certificate_void(
    certified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inaccurate(*arguments: Any, **options: Any) -> gc.Report:
        report = pipeline.check(*arguments, **options)
        first, *others = report.checks
        off = replace(first, worst_error=2 * first.tolerance, inaccurate=True)
        return replace(report, checks=(off, *others))

    monkeypatch.setattr(certificate, "check", inaccurate)
    assert all(each.holds is not False for each in statements())


def test_the_proof_at_a_new_point_counts(certified: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuted(*arguments: Any, **options: Any) -> gc.Report:
        report = pipeline.check(*arguments, **options)
        assert isinstance(report.proof, Proof)
        return replace(report, proof=replace(report.proof, refutation="of another point"))

    monkeypatch.setattr(certificate, "check", refuted)
    failed = [each.words for each in statements() if each.holds is False]
    assert [words.startswith("and at a new point") for words in failed] == [True]


def statements() -> list[Statement]:
    return check_again(Path("k.py").read_bytes(), read(CERTIFICATE.read_bytes()), "k")


@pytest.mark.parametrize("words", ["2.4\nholds: all of it", 2, "9" * 1000, []])
def test_versions_are_lines_of_text(words: Any, certified: Path, run: Run) -> None:
    changed(["versions", "numpy"], words)
    said = refused(run("verify", "k.py", "--certificate"))
    assert said.endswith("its versions are no lines of text")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "k.certificate.json is not JSON: it is no certificate"),
        (b"[" * 10**5, "k.certificate.json is not JSON: it is no certificate"),
        (b'{"format": 2}', "is not a certificate: its format is not 'gru_codegen certificate 1'"),
        (b" " * (2**20 + 1), "has more than 1048576 bytes"),
    ],
)
def test_what_is_no_certificate_is_refused(
    content: bytes, message: str, certified: Path, run: Run
) -> None:
    CERTIFICATE.write_bytes(content)
    assert message in refused(run("verify", "k.py", "--certificate"))


def test_the_equations_of_another_declaration_are_refused(certified: Path, run: Run) -> None:
    import hashlib

    from gru_codegen.certificate.certificate import _canonical

    content = json.loads(CERTIFICATE.read_text())
    declaration = content["declaration"]
    [half] = [e for e in declaration["cell"]["equations"] if "CA" in e["target"]]
    half["value"] = {"sigmoid": half["value"]["tanh"]}
    parts = {name: declaration[name] for name in ("cell", "loss", "readout")}
    declaration["sha256"] = hashlib.sha256(_canonical(parts)).hexdigest()
    CERTIFICATE.write_text(json.dumps(content))
    outcome = run("verify", "k.py", "--certificate")
    assert "not so is that the module names this declaration" in refused(outcome, status=1)
    assert "FAILS: the proof: refuted: " in outcome.out


@pytest.mark.parametrize("others", [("--no-verify",), ("--check",), ("--output", "-")])
def test_there_is_none_of_what_is_not_written_or_not_proved(
    others: tuple[str, ...], folder: Path, run: Run
) -> None:
    said = refused(run("generate", "--certificate", *others))
    assert said.startswith("--certificate says what has been proved of a file that is written; ")
