"""The contract of a generated module, put to every form that a module can have.

What `verify` checks of any file, it checks; here is the whole of it, to the letter, with the
messages of its errors.
"""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.contract.kernels import FORMS, Call, Form, load


@pytest.fixture(params=FORMS, ids=str)
def form(request: pytest.FixtureRequest) -> Form:
    found = request.param
    assert isinstance(found, Form)
    return found


@pytest.fixture
def kernel(form: Form) -> ModuleType:
    return load(form)


@pytest.fixture
def call(form: Form) -> Call:
    """The kernel with arguments: T = 3, or its own."""
    return Call.draw(load(form), form.steps)
