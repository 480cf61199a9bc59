"""Every fault fails the rows that it has to fail, and no other."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import pytest

from gru_codegen.verify import verify
from tests.verify.faults import edited

Rows = set[tuple[str, str]]

WEIGHTS = ("Wz", "Wrecz", "Wca", "Wrecca", "Wr", "Wrecr")

DIRECTION = {("all", "random direction")}
PRECISION = {(weight, "float32 against float64") for weight in WEIGHTS}
MANY = {("loss", "float32, many numbers")}
LOSS = {("loss", "loss = loss_and_gradients")}
STATE = {("state", "forward = loss_and_gradients")}
DRAW = {("init_params", "one seed, one draw")}
START = {("s0", "used, and None is zeros")}
OUTPUTS = {("outputs", "forward gives the loss")}
LAST = {("outputs", "last row is the state")}
WINDOWS = {("state", "two windows = one run")}
REUSED = {("workspace", "results as without")}
KEPT = {("workspace", "earlier results stay")}
UNMODIFIED = {("inputs", "left unmodified")}
UNSHARED = {("inputs", "no result shares them")}
TYPES = {("results", "fields, shapes, dtypes")}
NAMES = {("params", "taken by field name")}
REFUSED = {("arguments", "wrong ones refused")}
MODULE = {("module", "names and what they say")}
OWNERSHIP = REUSED | KEPT | UNMODIFIED | UNSHARED


def complex_steps(*weights: str) -> Rows:
    return {(weight, "complex step") for weight in weights} | DIRECTION


def gradients(*weights: str) -> Rows:
    return {(weight, "central difference") for weight in weights} | complex_steps(*weights)


ALL = gradients(*WEIGHTS)
#: What calls loss_and_gradients, and so all that an exception there fails.
CALLERS = ALL | PRECISION | LOSS | STATE | START | OUTPUTS | WINDOWS | OWNERSHIP | TYPES | NAMES


class Fault(NamedTuple):
    """Replace ``old`` with ``new``: ``rows`` fail, and of the others ``perhaps`` at most."""

    name: str
    old: str
    new: str
    rows: Rows
    perhaps: Rows = set()  # noqa: RUF012


FAULTS = [
    # The names.
    Fault("a style that there is not", 'STYLE = "textbook"', 'STYLE = "fancy"', MODULE),
    Fault("an output that is not computed", 'OUTPUT = "S"', 'OUTPUT = "Q"', MODULE),
    # The backward pass.
    Fault("transpose dropped", "da_ca @ params.Wrecca.T", "da_ca @ params.Wrecca", ALL),
    Fault("transpose dropped in the carry", "da_r @ params.Wrecr.T", "da_r @ params.Wrecr", ALL),
    Fault("sign flipped", "+ dRS * R +", "- dRS * R +", ALL),
    Fault("carry forgotten", "dS = error[t] + carry", "dS = error[t]", ALL),
    Fault("gate forgotten", "carry = dS * (1 - Z) +", "carry = dS +", ALL),
    Fault("neighbour's activation", "* R * (1 - R)", "* Z * (1 - Z)", ALL),
    Fault(
        "neighbour's gate",
        "Wrecr[...] += S_prev.T @ da_r",
        "Wrecr[...] += S_prev.T @ da_z",
        gradients("Wrecr"),
    ),
    Fault(
        "gradient dropped: all zero",
        "gradients.Wrecca[...] += (R * S_prev).T @ da_ca",
        "pass",
        gradients("Wrecca"),
    ),
    Fault("one step alone", "Wca[...] += x[t]", "Wca[...] = x[t]", gradients("Wca")),
    Fault(
        "one part in a billion",
        "Wz[...] += x[t].T @ da_z",
        "Wz[...] += x[t].T @ da_z * (1 + 1e-9)",
        complex_steps("Wz"),
    ),
    Fault("only in large batches", "[t] + carry", "[t] + carry * (len(s0) < 6)", DIRECTION),
    Fault(
        "gradient of another shape",
        "Result(_l2(error), gradients,",
        "Result(_l2(error), gradients._replace(Wz=gradients.Wz.T),",
        gradients("Wz") | TYPES,
    ),
    *(
        Fault(
            f"one {value} entry",
            "Wr[...] += x[t].T @ da_r\n",
            f"Wr[...] += x[t].T @ da_r\n        gradients.Wr[0, 1] = np.{value}\n",
            gradients("Wr") | {("Wr", "float32 against float64")} | START | REUSED | KEPT | NAMES,
        )
        for value in ("nan", "inf")
    ),
    # The forward pass and the loss.
    Fault("other equation", "w.Z[t] * w.CA[t]", "w.Z[t] * w.CA[t] * w.CA[t]", ALL),
    Fault("other loss", "(error * error).sum() / 2", "(error * error).sum()", ALL | OUTPUTS | MANY),
    Fault("loss as one long sum", "(error * error).sum()", "error.ravel() @ error.ravel()", MANY),
    Fault(
        "loss that is not holomorphic",
        "(error * error).sum() / 2",
        "(np.abs(error) ** 2).sum() / 2",
        complex_steps(*WEIGHTS) | TYPES,
    ),
    Fault("loss() alone", "return _l2(w.S[1 :", "return 1.5 * _l2(w.S[1 :", ALL | LOSS | MANY),
    Fault("outputs a step late", "w.S[1 : T + 1].copy()", "w.S[:T].copy()", OUTPUTS | LAST, MANY),
    Fault("state a step early", "gradients, w.S[T]", "gradients, w.S[T - 1]", STATE | WINDOWS),
    Fault("s0 ignored", "w.S[0] = s0", "w.S[0] = 0", START | WINDOWS),
    Fault("seed ignored", "np.random.default_rng(rng)", "np.random.default_rng()", DRAW),
    # Who owns what.
    Fault("outputs in the workspace", "T + 1].copy(), w.S[T]", "T + 1], w.S[T]", KEPT),
    Fault("state in the workspace", "gradients, w.S[T].copy()", "gradients, w.S[T]", KEPT),
    Fault(
        "gradients summed over calls",
        "gradients = Params(*map(np.zeros_like, params))",
        "gradients = vars(w).setdefault('g', Params(*map(np.zeros_like, params)))",
        REUSED | KEPT,
    ),
    Fault("y overwritten", "T + 1] - y\n\n", "T + 1] - y\n    y *= 2\n\n", CALLERS - PRECISION),
    Fault(
        "s0 returned for the state",
        "T + 1].copy(), w.S[T].copy()",
        "T + 1].copy(), s0",
        STATE | LAST | WINDOWS | UNSHARED,
    ),
    # The contract.
    Fault(
        "float64 state",
        "T + 1].copy(), w.S[T].copy()",
        "T + 1].copy(), w.S[T] + np.zeros(1)",
        TYPES,
    ),
    Fault(
        "float64 gradients",
        "gradients = Params(*map(np.zeros_like, params))",
        "gradients = Params(*(np.zeros(weight.shape) for weight in params))",
        PRECISION | TYPES,
    ),
    Fault(
        "half precision",
        "        da_r = dRS * S_prev * R * (1 - R)\n",
        "        da_r = dRS * S_prev * R * (1 - R)\n"
        "        da_r = da_r.astype('f2') if da_r.dtype == 'f4' else da_r\n",
        {
            (weight, "float32 against float64")
            for weight in ("Wz", "Wrecz", "Wrecca", "Wr", "Wrecr")
        },
    ),
    Fault("NumPy number for loss", "return float(total) if", "return total if", TYPES),
    Fault(
        "fourth field",
        "    state: Array\n\n",
        "    state: Array\n    more: int = 0\n\n",
        TYPES | WINDOWS,
    ),
    Fault("params by position", "Params(**params._asdict())", "Params(*params)", NAMES),
    Fault("workspace of any size", "workspace.key != (B, D, H, dtype)", "False", REFUSED),
    Fault(
        "y of any shape",
        "s0.shape[1]), s0.dtype)\n    _run(params, x, s0, w)\n    error = w.S[1 : T + 1] - y",
        "s0.shape[1]), s0.dtype) if False else y\n    _run(params, x, s0, w)\n"
        "    error = w.S[1 : T + 1] - y",
        REFUSED,
    ),
    Fault("x of any D", '_array("x", "(T, B, D)", x, (T, B, D), dtype)', "x[..., :D]", REFUSED),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(fault: Fault) -> None:
    report = verify(edited((fault.old, fault.new)))
    assert not report
    failures = {(check.weight, check.method) for check in report.failures}
    assert failures - fault.perhaps == fault.rows


def test_every_row_has_a_fault() -> None:
    """A row that none of the faults fails might be one that cannot fail."""
    rows = {(check.weight, check.method) for check in verify(edited()).checks}
    assert set().union(*(fault.rows for fault in FAULTS)) == rows


def test_any_length_of_a_fixed_kernel_is_a_fault() -> None:
    kernel = edited(("(UNROLL is not None and len(x) != UNROLL)", "False"), unroll=4)
    [failure] = verify(kernel).failures
    assert (failure.weight, failure.method) == ("arguments", "wrong ones refused")
    assert failure.detail == "x (T+1,B,D) in forward was taken"


def test_the_worst_entry_is_named() -> None:
    kernel = edited(("carry = np.zeros_like(s0)", "carry = 0 * s0\n    gradients.Wr[1, 2] = 1e-3"))
    checks = {(check.weight, check.method): check for check in verify(kernel).failures}
    detail = checks["Wr", "complex step"].detail
    found = re.fullmatch(r"at T=7, B=4, D=2, H=5, dWr\[1, 2\] is (.*), expected (.*)", detail)
    assert found, detail
    assert float(found[1]) - float(found[2]) == pytest.approx(1e-3)


def test_an_input_that_was_modified_is_named() -> None:
    fault = next(fault for fault in FAULTS if fault.name == "y overwritten")
    checks = {(c.weight, c.method): c for c in verify(edited((fault.old, fault.new))).checks}
    assert "after calls, inputs.y[" in checks["inputs", "left unmodified"].detail


EXCEPTIONS = {
    "loss": ('y (T, B, H)."""\n', ALL | LOSS | MANY | START | OWNERSHIP | TYPES | REFUSED),
    "loss_and_gradients": ('weight, and the last state."""\n', CALLERS | REFUSED),
    "forward": (
        's0 (B, H)."""\n',
        STATE | START | OUTPUTS | MANY | LAST | WINDOWS | OWNERSHIP | TYPES | REFUSED,
    ),
    "init_params": ('U(-1/sqrt(H), 1/sqrt(H))."""\n', CALLERS | LAST | MANY | DRAW | REFUSED),
}


@pytest.mark.parametrize("exception", ["ZeroDivisionError", "SystemExit"])
@pytest.mark.parametrize("function", EXCEPTIONS)
def test_an_exception_fails_the_rows_that_meet_it(function: str, exception: str) -> None:
    docstring, rows = EXCEPTIONS[function]
    report = verify(edited((docstring, f"{docstring}    raise {exception}('no\\n  way')\n")))
    assert {(check.weight, check.method) for check in report.failures} == rows
    details = {check.detail for check in report.failures if math.isnan(check.worst_error)}
    [detail] = details
    assert detail.startswith(f"{exception}: no way, in ")
    assert detail.endswith(f": raise {exception}('no\\n  way')")
