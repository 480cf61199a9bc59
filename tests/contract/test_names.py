"""Names, signatures and fields, to the letter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from tests.contract.kernels import Form, load

NAMES = [
    "Params",
    "Result",
    "Workspace",
    "forward",
    "init_params",
    "loss",
    "loss_and_gradients",
    "vjp",
]


def arguments(function: Callable[..., Any]) -> str:
    """The signature without annotations."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))


def test_constants(form: Form, kernel: ModuleType) -> None:
    expected = {
        "CONTRACT": 1,
        "UNROLL": form.unroll,
        "CELL": form.cell,
        "LOSS": "l2",
        "READOUT": "none",
        "STYLE": form.style,
        "STATES": tuple(state.name for state in gc.cells[form.cell].states),
    }
    assert {name: getattr(kernel, name) for name in expected} == expected


def test_the_equations_are_those_of_the_docstring(form: Form, kernel: ModuleType) -> None:
    equations = kernel.EQUATIONS.splitlines()
    cell = gc.cells[form.cell]
    assert len(equations) > len(cell.equations) + len(gc.L2.equations)
    assert kernel.__doc__ is not None
    documented = [line.strip() for line in kernel.__doc__.splitlines()]
    assert not [line for line in equations if line.strip() not in documented]
    # behind a long equation its shape and meaning have a line of their own
    targets = [line.split(" = ")[0].strip() for line in equations if " = " in line]
    assert targets[: len(cell.equations)] == [f"{e.target.name}_t" for e in cell.equations]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("forward", "(params, x, s0=None, *, lengths=None, mask=None, workspace=None)"),
        ("vjp", "(params, x, s0=None, *, lengths=None, mask=None, workspace=None)"),
        (
            "loss",
            "(params, x, y, s0=None, *, loss_weights=None, lengths=None, mask=None, "
            "workspace=None)",
        ),
        (
            "loss_and_gradients",
            "(params, x, y, s0=None, *, loss_weights=None, lengths=None, mask=None, "
            "workspace=None)",
        ),
        (
            "init_params",
            "(input_size, hidden_size, *, rng=None, dtype=<class 'numpy.float64'>)",
        ),
        (
            "Workspace",
            "(batch_size, input_size, hidden_size, dtype=<class 'numpy.float64'>)",
        ),
    ],
)
def test_signatures(kernel: ModuleType, name: str, expected: str) -> None:
    assert arguments(getattr(kernel, name)) == expected


def test_result_has_three_fields_for_ever(kernel: ModuleType) -> None:
    assert kernel.Result._fields == ("loss", "gradients", "state")
    assert issubclass(kernel.Result, tuple)


def test_params_are_the_weights_in_the_declared_order(form: Form, kernel: ModuleType) -> None:
    assert kernel.Params._fields == tuple(weight.name for weight in gc.cells[form.cell].weights)
    assert issubclass(kernel.Params, tuple)


def test_the_weights_of_the_reference_cell() -> None:
    kernel = load(Form("gru", "fast", None))
    assert kernel.Params._fields == ("Wz", "Wrecz", "Wca", "Wrecca", "Wr", "Wrecr")
    assert kernel.STATES == ("S",)


def test_there_is_a_state_tuple_for_several_states_only(kernel: ModuleType) -> None:
    if len(kernel.STATES) > 1:
        assert kernel.State._fields == kernel.STATES
    else:
        assert not hasattr(kernel, "State")


def test_what_is_public(kernel: ModuleType) -> None:
    state = ["State"] if len(kernel.STATES) > 1 else []
    assert {*NAMES, *state} <= set(kernel.__all__)
    assert len(set(kernel.__all__)) == len(kernel.__all__)
    for name in kernel.__all__:
        assert inspect.getdoc(getattr(kernel, name)), name


def test_there_is_no_global_mutable_state(kernel: ModuleType) -> None:
    kinds = (ModuleType, type, FunctionType, MappingProxyType, str, int, tuple, type(None))
    values = {name: value for name, value in vars(kernel).items() if not name.startswith("__")}
    mutable = {name for name, value in values.items() if not isinstance(value, kinds)}
    # Names for annotations: an alias of an array type, and the future import.
    assert mutable <= {"Any", "Array", "Callable", "DTypeLike", "Mapping", "NDArray", "annotations"}


def test_arguments_go_by_name_too(kernel: ModuleType) -> None:
    params = kernel.init_params(input_size=2, hidden_size=5, rng=0, dtype=np.float32)
    workspace = kernel.Workspace(batch_size=4, input_size=2, hidden_size=5, dtype="float32")
    T = kernel.UNROLL or 3
    x, y = np.zeros((T, 4, 2)), np.zeros((T, 4, 5))
    by_name = {"x": x, "params": params, "s0": None, "workspace": workspace}
    kernel.forward(**by_name)
    kernel.loss(**by_name, y=y)
    kernel.loss_and_gradients(**by_name, y=y)


def test_a_workspace_goes_by_name_alone(kernel: ModuleType) -> None:
    params, workspace = kernel.init_params(2, 5), kernel.Workspace(4, 2, 5)
    x = np.zeros((kernel.UNROLL or 3, 4, 2))
    with pytest.raises(TypeError, match="positional"):
        kernel.forward(params, x, None, workspace)
