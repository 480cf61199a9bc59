from __future__ import annotations

import json
from pathlib import Path

import pytest

import gru_codegen as gc
from tests.audit import by_hand
from tests.cli.running import Outcome, Run, refused

BY_HAND = Path(by_hand.__file__).read_text()
FAULT = ('g["Wrecz"] += s_prev.T', 'g["Wrecz"] += S[t + 1].T')
AUDIT = ("audit", "own.py:gru", "--cell", "gru-bias")
RUNS = "own.py is run, as an import and a call would run it"
FAILED = "own.py:gru: WRONG: 1 of 9 gradients"


@pytest.fixture
def own(folder: Path) -> Path:
    """The file of a function with a fault."""
    path = folder / "own.py"
    path.write_text(BY_HAND.replace(*FAULT))
    return path


def test_a_right_function(run: Run, own: Path) -> None:
    own.write_text(BY_HAND)
    audit = gc.audit(by_hand.gru, cell=gc.cells["gru-bias"], name="own.py:gru")
    assert run(*AUDIT) == Outcome(0, f"{RUNS}\n{audit}\n", "")
    assert str(audit).splitlines()[-1] == "right: loss and all 9 gradients"
    assert repr(audit) == (
        "<Audit of own.py:gru against gru-bias, l2; right: loss and all 9 gradients>"
    )


def test_a_wrong_gradient(here: Run, own: Path) -> None:
    outcome = here(*AUDIT)
    assert refused(outcome, status=1) == FAILED
    assert "\n  dWrecz   WRONG  " in outcome.out
    assert "\n  fault 1: dWrecz has S_t^T daZ_t for S_{t-1}^T daZ_t\n" in outcome.out


def test_json(run: Run, own: Path) -> None:
    outcome = run(*AUDIT, "--format", "json")
    runs, _, failed = outcome.err.partition("\n")
    assert runs == RUNS
    assert refused(outcome._replace(err=failed), status=1) == FAILED
    told = json.loads(outcome.out)
    assert told["right"] is False
    assert told["faults"][0]["gradients"] == ["dWrecz"]
    assert [f["name"] for f in told["findings"] if not f["right"]] == ["dWrecz"]
    assert told["findings"][0] == {
        "name": "loss",
        "error": pytest.approx(0, abs=1e-14),
        "fault": "",
        "remark": "",
        "right_if": [],
        "right": True,
    }


@pytest.mark.parametrize(
    ("function", "ended"),
    [
        ("import time\n\n\ndef f(*a):\n    while True:\n        time.sleep(0.01)\n", "stopped"),
        ("import os\n\n\ndef f(*a):\n    os._exit(0)\n", "ended"),
        ("while True:\n    pass\n", "stopped"),
    ],
)
def test_a_function_that_does_not_come_back(function: str, ended: str, run: Run) -> None:
    Path("plain.py").write_text(function)
    outcome = run("audit", "plain.py:f", "--timeout", "4")
    status, said = {
        "stopped": (
            124,
            "was stopped after 4 seconds: it may run for ever; --timeout gives it more",
        ),
        "ended": (1, "has ended the process that ran it, with 0"),
    }[ended]
    assert refused(outcome, status=status) == f"plain.py {said}"
    assert outcome.out == "plain.py is run, as an import and a call would run it\n"


@pytest.mark.parametrize(
    "options", [("--cell", "gur"), ("--loss", "l3"), ("--readout", "soft"), ("--mapping", "m.toml")]
)
def test_nothing_is_run_of_what_can_be_refused(options: tuple[str, str], run: Run) -> None:
    Path("plain.py").write_text("open('sprung', 'w')\n")
    outcome = run("audit", "plain.py:f", *options)
    assert refused(outcome)
    assert outcome.out == ""
    assert not Path("sprung").exists()


def test_json_has_no_number_that_is_infinite(here: Run, own: Path) -> None:
    own.write_text(BY_HAND.replace("return loss, g\n", "return float('inf'), g\n"))
    told = json.loads(here(*AUDIT, "--format", "json").out, parse_constant=pytest.fail)
    assert told["findings"][0]["error"] is None


@pytest.mark.parametrize("width", [60, 100])
def test_lines_are_as_wide_as_the_terminal(
    width: int, here: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    own.write_text(BY_HAND.replace("(1 - CA[t] ** 2)", "(1 - np.tanh(CA[t]) ** 2)"))
    lines = here(*AUDIT).out.splitlines()
    assert width - 15 < max(map(len, lines)) <= width
    assert any("where it is that of" in " ".join(lines[k : k + 2]) for k in range(len(lines)))


def test_a_mapping(here: Run, folder: Path, own: Path) -> None:
    (folder / "m.toml").write_text('params = "object"\n')
    assert refused(here(*AUDIT, "--mapping", "m.toml")) == (
        "own.py:gru: it raises, at T=3, B=2, D=4, H=5: TypeError: 'types.SimpleNamespace' object "
        "is not subscriptable (own.py, line 21); it was called as gru(params, x, y, s0): a mapping "
        "says how else, --mapping FILE.toml (docs/audit.md)"
    )
    assert refused(here(*AUDIT, "--mapping", "n.toml")) == "n.toml does not exist"


def test_output_of_the_function_is_not_in_the_report(run: Run, own: Path) -> None:
    own.write_text(BY_HAND.replace("    loss = 0.0\n", "    loss = 0.0\n    print('hello')\n"))
    outcome = run(*AUDIT, "--format", "json")
    assert json.loads(outcome.out)["right"]
    assert "hello" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("audit",), "missing argument 'MODULE:FUNCTION'; see gru-codegen audit --help"),
        (("audit", "own.py:lost"), "own.py has no lost; its functions: sigmoid, gru, lstm, rnn"),
        ((*AUDIT, "--format", "xml"), "--format: there is no format 'xml'; known: text, json"),
        ((*AUDIT, "--readout", "soft"),
         "--readout: there is no readout 'soft'; known: none, linear"),
    ],
)  # fmt: skip
def test_bad_input(arguments: tuple[str, ...], message: str, run: Run, own: Path) -> None:
    assert refused(run(*arguments)) == message


def test_the_help_says_that_code_is_run_and_what_verify_is_for(run: Run) -> None:
    text = " ".join(run("audit", "--help").out.split())
    assert "The code is run, as an import and a call would" in text
    assert "`verify` is for kernels that were generated" in text
    text = " ".join(run("verify", "--help").out.split())
    assert "Functions that others have written are for `audit`." in text
