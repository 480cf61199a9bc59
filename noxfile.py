"""The tests on the lowest and the newest versions of everything: make test-versions.

A Python that this machine does not have is left out. `NOX_ARGS='-- tests/cli'` runs a part, and
`NOX_ARGS='--session kernels'` what is asked of kernels alone.
"""

from __future__ import annotations

import sys

import nox

nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

#: The lowest versions have wheels for the first of these; from it on the generator is supported.
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
EXTRAS = ["--extra", "test", "--extra", "demo"]


@nox.session
@nox.parametrize(
    ("python", "resolution"),
    [(PYTHONS[0], "lowest-direct"), *((python, "highest") for python in PYTHONS)],
)
def generator(session: nox.Session, resolution: str) -> None:
    """All tests."""
    session.install("--resolution", resolution, "--requirement", "pyproject.toml", *EXTRAS)
    session.install("--no-deps", "--editable", ".")
    session.run("uv", "pip", "freeze", "--exclude-editable", external=True)
    session.run("python", "-m", "pytest", "--numprocesses", "auto", *session.posargs)


@nox.session
@nox.parametrize(
    ("python", "numpy"), [("3.9", "1.26.0"), ("3.9", "2.0.2"), ("3.12", "1.26.0"), ("3.14", "2.*")]
)
def kernels(session: nox.Session, numpy: str) -> None:
    """Kernels that the Python of `make test` writes, run where there is NumPy and nothing else."""
    session.install(f"numpy=={numpy}")
    session.run(
        sys.executable,
        *("-m", "pytest", "tests/contract/test_lint.py", "-k", "run_on_another_python"),
        env={"OTHER_PYTHON": f"{session.bin}/python"},
        external=True,
    )
