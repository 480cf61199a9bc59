from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from hashlib import sha256
from importlib import import_module
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.certificate import CertificateError, Statement, check_again, read
from gru_codegen.modules import load_source
from gru_codegen.prove import Proof
from tests.cli.running import Run, refused

again: Any = import_module("gru_codegen.certificate.again")
COMMAND = ("generate", "--unroll", "2", "--output", "k.py", "--certificate")
CERTIFICATE = Path("k.certificate.json")


class MadeAgain(NamedTuple):
    """The proof and the checks of a kernel, and its source."""

    proof: Proof
    report: gc.Report
    source: str


@pytest.fixture(scope="module")
def made_again(written: dict[str, str]) -> MadeAgain:
    kernel = load_source(written["k.py"], "k")
    seed = json.loads(written["k.certificate.json"])["proof"]["seed"]
    return MadeAgain(
        again.prove(kernel, gc.GRU, gc.L2, seed=seed),
        pipeline.check(kernel, gc.GRU),
        pipeline.source(again.Request.of(kernel, gc.GRU, gc.L2)),
    )


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
    assert "vjp with d_state, s0, short lengths" in content["proof"]["calls"]
    assert all(row["passed"] for row in content["checks"])
    assert set(content["versions"]) == {"gru-codegen", "python", "numpy", "sympy"}


def test_every_statement_is_put_to_the_test(certified: Path, run: Run) -> None:
    outcome = run("verify", "k.py", "--certificate")
    runs, *lines = outcome.out.splitlines()
    assert runs == "k.py is run, as an import would run it"
    assert outcome.status == 0
    *lines, verdict = lines
    assert [line.split(": ")[0] for line in lines] == ["holds"] * 9 + ["taken as it is stated"] * 2
    assert verdict == "valid: 9 statements hold, 2 are taken as they are stated"
    Path("elsewhere.json").write_text(CERTIFICATE.read_text())
    CERTIFICATE.unlink()
    none = "cannot read k.certificate.json: there is none; generate --certificate writes one"
    assert refused(run("verify", "k.py", "--certificate")) == none
    assert run("verify", "k.py", "--certificate", "elsewhere.json").status == 0


@pytest.mark.parametrize("place", [0, 2000, -1])
def test_one_changed_byte_makes_it_void(place: int, certified: Path, here: Run) -> None:
    content = bytearray(Path("k.py").read_bytes())
    content[place] ^= 1
    Path("k.py").write_bytes(content)
    outcome = here("verify", "k.py", "--certificate")
    fault = "the file is not the one that it is of: the sha256 differs"
    assert refused(outcome, status=1) == f"k.certificate.json does not hold for k.py: {fault}"
    assert outcome.out == f"FAILS: {fault}\nvoid: 1 of 1 statements fail\n"


@pytest.fixture
def remembered(
    certified: Path, made_again: MadeAgain, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A certificate whose proof and checks have been made again."""
    monkeypatch.setattr(again, "prove", lambda *_, **__: made_again.proof)
    monkeypatch.setattr(again, "check", lambda *_, **__: made_again.report)
    monkeypatch.setattr(again, "source", lambda *_: made_again.source)
    return read(CERTIFICATE.read_bytes())


def failed(content: dict[str, Any]) -> list[str]:
    """What fails of a certificate, or why it is refused."""
    try:
        found = check_again(Path("k.py").read_bytes(), read(json.dumps(content).encode()), "k")
    except CertificateError as error:
        return [str(error)]
    return [each.words for each in found if each.holds is False]


def places(data: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a certificate."""
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in keys:
        yield (*above, key)
        yield from places(data[key], (*above, key))


def is_sample(way: tuple[Any, ...]) -> bool:
    """Return whether a part is tried: of lists the first, of a declaration no more than its keys.

    All of a declaration is in one hash.
    """
    depth = 3 if way[0] == "declaration" else 4
    return len(way) <= depth and not any(part for part in way if isinstance(part, int))


def others(value: Any) -> Iterator[Any]:
    """Values that are not `value`, of its type and of another."""
    yield None if value is not None else 1
    if isinstance(value, bool):
        yield from (not value, int(value))
    elif isinstance(value, (int, float)):
        yield from (value + 1, -1, str(value), [value])
    elif isinstance(value, str):
        yield from (value + "x", "", {value: value})
    elif isinstance(value, list):
        yield from (value[1:], [*value, *value[:1]]) if value else ([1],)
    elif isinstance(value, dict):
        yield {**value, "besides": "x"}


#: What is taken as it is stated: any line of text, any seed, and any error within its tolerance.
TAKEN = {"versions": str, "seed": int}


def test_nothing_that_it_says_is_believed(remembered: dict[str, Any]) -> None:
    """Every part of it in turn is changed, taken out or exchanged, in several ways."""
    assert failed(remembered) == []
    believed = []
    for way in filter(is_sample, list(places(remembered))):
        *above, last = way
        held: Any = reduce(getitem, above, remembered)
        right = held[last]
        for other in others(right):
            held[last] = other
            taken = any(part in TAKEN and type(other) is TAKEN[part] for part in way)
            if not failed(remembered) and not (taken and other not in ("", -1)):
                believed.append((way, other))
        held[last] = right
        if isinstance(held, dict):
            del held[last]
            if not failed(remembered) and "versions" not in way:
                believed.append((way, "nothing"))
            held[last] = right
    assert believed == []
    assert failed(remembered) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"passed": False}, "its 'passed' is False at an error of "),
        ({"passed": False, "worst error": 1}, "it is said to have failed"),
        ({"worst error": 1e5}, "its 'passed' is True at an error of 1.0e+05, 1.0e-07 allowed"),
        ({"worst error": 1e5, "tolerance": 1e9}, "its 'tolerance' is 1000000000.0, and not 1e-07"),
        ({"tolerance": 2e-7}, "its 'tolerance' is 2e-07, and not 1e-07"),
        ({"inaccurate": True, "passed": False}, "its 'inaccurate' is True, and not False"),
        ({"worst error": float("nan")}, "its error or its tolerance is no number"),
        ({"worst error": 10**400}, "its error or its tolerance is no number"),
        ({"step": 1e-3}, "its 'step' is 0.001, and not 0.02"),
        ({"of": "Wr"}, "its 'of' is 'Wr', and not 'Wz'"),
    ],
)
def test_a_row_is_held_to_the_check_that_is_made_again(
    changes: dict[str, Any], said: str, remembered: dict[str, Any]
) -> None:
    remembered["checks"][5].update(changes)
    [fault] = failed(remembered)
    assert fault.startswith(f"check 6 is Wz, central difference: {said}")


def test_tolerances_that_are_measured_may_differ_by_a_factor(remembered: dict[str, Any]) -> None:
    row = remembered["checks"][7]
    assert row["method"] == "float32 against float64"
    for factor in (0.2, 5):
        row["tolerance"] *= factor
        assert failed(remembered) == []
        row["tolerance"] /= factor
    row["tolerance"] *= 11
    assert "its 'tolerance' is " in failed(remembered)[0]


def test_what_it_says_twice_in_one_place_is_refused(certified: Path, here: Run) -> None:
    text = CERTIFICATE.read_text()
    CERTIFICATE.write_text(text.replace('"name": "gru_t2"', '"name": "lstm", "name": "gru_t2"'))
    said = refused(here("verify", "k.py", "--certificate"))
    assert said.endswith("is not a certificate: it says 'name' twice in one place")


def test_the_words_of_what_fails_say_what_is_so(certified: Path, here: Run) -> None:
    changed(["module", "name"], "lstm")
    changed(["checks", 5, "passed"], False)
    outcome = here("verify", "k.py", "--certificate")
    name = "it calls the module 'lstm', and the name of such a module is gru_t2"
    assert refused(outcome, status=1) == f"k.certificate.json does not hold for k.py: {name}"
    assert f"FAILS: {name}\n" in outcome.out
    assert "FAILS: check 6 is Wz, central difference: its 'passed' is False" in outcome.out
    assert outcome.out.endswith("\nvoid: 2 of 11 statements fail\n")


def test_a_check_that_it_does_not_list_is_made_too(certified: Path, here: Run) -> None:
    """Gradients that are doubled in floating point alone, and the rows that do not see it."""
    right = "    return Result(_scalar(total, w), gradients, "
    source = Path("k.py").read_text()
    assert source.count(right) == 1
    doubled = "Params(*(g if w.dtype == object else 2 * g for g in gradients))"
    Path("k.py").write_text(source.replace(right, right.replace("gradients", doubled)))
    changed(["module", "sha256"], sha256(Path("k.py").read_bytes()).hexdigest())
    rows = json.loads(CERTIFICATE.read_text())["checks"]
    changed(["checks"], [row for row in rows if row["method"] == "left unmodified"])
    outcome = here("verify", "k.py", "--certificate")
    assert "holds: the proof" in outcome.out
    assert "the checks, made again, do not all pass: " in refused(outcome, status=1)
    assert "FAILS: it lists 1 checks, and there are " in outcome.out


def test_a_difference_that_is_inaccurate_makes_no_certificate_void(
    certified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inaccurate(*arguments: Any, **options: Any) -> gc.Report:
        report = pipeline.check(*arguments, **options)
        first, *others = report.checks
        off = replace(first, worst_error=2 * first.tolerance, inaccurate=True)
        return replace(report, checks=(off, *others))

    monkeypatch.setattr(again, "check", inaccurate)
    assert all(each.holds is not False for each in statements())


def test_the_proof_at_a_new_point_counts(certified: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuted(*arguments: Any, **options: Any) -> gc.Report:
        report = pipeline.check(*arguments, **options)
        assert isinstance(report.proof, Proof)
        return replace(report, proof=replace(report.proof, refutation="of another point"))

    monkeypatch.setattr(again, "check", refuted)
    wrong = [each.words for each in statements() if each.holds is False]
    assert [words.startswith("there is no proof at a new point, of seed ") for words in wrong] == [
        True
    ]


def statements() -> list[Statement]:
    return check_again(Path("k.py").read_bytes(), read(CERTIFICATE.read_bytes()), "k")


@pytest.mark.parametrize("words", ["2.4\nholds: all of it", 2, "9" * 1000, []])
def test_versions_are_lines_of_text(words: Any, certified: Path, here: Run) -> None:
    changed(["versions", "numpy"], words)
    said = refused(here("verify", "k.py", "--certificate"))
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
    content: bytes, message: str, certified: Path, here: Run
) -> None:
    CERTIFICATE.write_bytes(content)
    assert message in refused(here("verify", "k.py", "--certificate"))


def test_the_equations_of_another_declaration_are_refused(certified: Path, here: Run) -> None:
    import hashlib

    from gru_codegen.certificate.certificate import canonical

    content = json.loads(CERTIFICATE.read_text())
    declaration = content["declaration"]
    [half] = [e for e in declaration["cell"]["equations"] if "CA" in e["target"]]
    half["value"] = {"sigmoid": half["value"]["tanh"]}
    parts = {name: declaration[name] for name in ("cell", "loss", "readout")}
    declaration["sha256"] = hashlib.sha256(canonical(parts)).hexdigest()
    CERTIFICATE.write_text(json.dumps(content))
    outcome = here("verify", "k.py", "--certificate")
    assert "the module does not name this declaration: EQUATIONS is " in refused(outcome, status=1)
    assert "FAILS: there is no proof at its own point: refuted: " in outcome.out


@pytest.mark.parametrize("others", [("--no-verify",), ("--check",), ("--output", "-")])
def test_there_is_none_of_what_is_not_written_or_not_proved(
    others: tuple[str, ...], folder: Path, run: Run
) -> None:
    said = refused(run("generate", "--certificate", *others))
    assert said.startswith("--certificate says what has been proved of a file that is written; ")
