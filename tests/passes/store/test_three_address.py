"""One operation a statement; an operand that is written over is read before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_codegen.interpret import interpret
from gru_codegen.ir import ELEMENTWISE, OPERATIONS, Elementwise
from gru_codegen.ir.elementwise import a, name, value
from gru_codegen.ir.operations import operation_of
from gru_codegen.passes import to_three_address_code
from tests.passes.written import after, phase, written


def test_sums_begin_with_what_is_there() -> None:
    program = written(
        """
        for every step t, first to last:
            Z[t] = tanh(x[t] @ Wz + S[t-1] @ Uz + rows(bz))
            S[t] = Z[t] * S[t-1] - Z[t] * exp(Z[t])
            loss += total(S[t] * S[t])
    """,
        {"forward": "S"},
    )
    assert after(to_three_address_code(program)) == phase("""
        for every step t, first to last:
            term = x[t] @ Wz
            Z[t] = rows(bz) + term
            term = S[t-1] @ Uz
            Z[t] = Z[t] + term
            Z[t] = tanh(Z[t])
            S[t] = Z[t] * S[t-1]
            term = exp(Z[t])
            term = term * Z[t]
            S[t] = S[t] - term
            loss += total(S[t] * S[t])
    """)


def test_a_target_among_its_operands_is_written_last() -> None:
    program = written(
        """
        for every step t, first to last:
            Z[t] = tanh(S[t-1])
            Z[t] = Z[t] @ Uz
            S[t] = exp(S[t-1] @ Uz)
    """,
        {"forward": "Z"},
    )
    assert after(to_three_address_code(program)) == phase("""
        for every step t, first to last:
            Z[t] = tanh(S[t-1])
            term = Z[t] @ Uz
            Z[t] = term
            term = S[t-1] @ Uz
            term = exp(term)
            S[t] = term
    """)


def test_a_function_is_computed_part_by_part() -> None:
    """The first part in the target, where nothing reads it once that is written over."""
    program = written(
        """
        for every step t, first to last:
            Z[t] = softplus(S[t-1] + rows(bz))
            Z[t] = huber(Z[t])
            S[t] = Z[t]
    """,
        {"forward": "Z"},
    )
    assert after(to_three_address_code(program)) == phase("""
        for every step t, first to last:
            term = S[t-1] + rows(bz)
            Z[t] = relu(term)
            term_2 = 2 * Z[t]
            term_2 = term - term_2
            term_2 = exp(term_2)
            term_2 = log1p(term_2)
            Z[t] = Z[t] + term_2
            term = clip(Z[t])
            term_2 = 1/2 * term
            term_2 = Z[t] - term_2
            term = term * term_2
            Z[t] = term
            S[t] = Z[t]
    """)


# --- values --------------------------------------------------------------------------------------

m, n = map(name, "mn")
relu, exp = (ELEMENTWISE[known] for known in ("relu", "exp"))
_MADE_UP: dict[str, Any] = {"name": "made_up", "meaning": "", "derivative": value}
#: Definitions that no function has yet.
FORMS: dict[str, dict[str, Any]] = {
    "its argument is read twice": {"definition": a * exp(a)},
    "its argument is read last": {"definition": exp(a) - a},
    "two parts": {"definition": m * n, "where": ((m, relu(a)), (n, exp(m)))},
    "a part is read by two terms": {"definition": m + exp(m) - 2 * m, "where": ((m, relu(a)),)},
    "a part is read first by a difference": {"definition": m - exp(m), "where": ((m, a * a),)},
    "a part comes second": {"definition": exp(m) + m, "where": ((m, relu(a)),)},
    "a part is an argument": {"definition": exp(m), "where": ((m, a * a - a),)},
    "one that has parts": {"definition": exp(-ELEMENTWISE["huber"](a)) + a},
    "one of one that has parts": {"definition": a - ELEMENTWISE["huber"](ELEMENTWISE["huber"](a))},
}


@pytest.mark.parametrize("form", [*FORMS, *ELEMENTWISE])
@pytest.mark.parametrize("target", ["C[t]", "Z[t]"])
def test_a_function_keeps_its_value(
    form: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = form
    if form in FORMS:
        made_up = Elementwise(**_MADE_UP, **FORMS[form])
        monkeypatch.setitem(ELEMENTWISE, "made_up", made_up)
        monkeypatch.setitem(OPERATIONS, "made_up", operation_of(made_up))
        function = "made_up"
    program = written(
        f"""
        for every step t, first to last:
            Z[t] = S[t-1] * S[t-1]
            {target} = {function}(Z[t])
            R[t] = {function}({function}({target}) - 3 * Z[t])
            S[t] = R[t] * Z[t]
    """,
        {"forward": "Z S R"},
    )
    arrays = {"s0": np.array([[0.5, 0.4], [-0.6, 0.7]])}
    with np.errstate(invalid="ignore"):  # of negative numbers
        before, found = (
            interpret(each, arrays, 1) for each in (program, to_three_address_code(program))
        )
    for variable in ("Z", "R", target[0]):
        np.testing.assert_allclose(found[variable], before[variable], rtol=1e-12)
