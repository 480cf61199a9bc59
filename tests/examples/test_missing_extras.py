"""An example whose extra is not installed says in one line what to do."""

from __future__ import annotations

import pytest

from tests.examples.scripts import run_without


@pytest.mark.parametrize(
    ("script", "package"),
    [
        ("digits.py", "sklearn"),
        ("digits.py", "matplotlib"),
        ("adding_problem.py", "matplotlib"),
        ("sunspots.py", "statsmodels"),
    ],
)
def test_a_missing_extra_is_one_line_that_says_what_to_do(script: str, package: str) -> None:
    done = run_without(package, script)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"{package} is not installed; in the project folder, run: pip install -e '.[demo]'\n"
    )


def test_the_stack_needs_no_extra() -> None:
    done = run_without("gru_codegen", "two_layers.py")
    assert done.returncode == 1
    assert done.stderr == (
        "gru_codegen is not installed; in the project folder, run: pip install -e .\n"
    )
