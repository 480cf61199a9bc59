"""Kernels inside torch: gradients of every argument, again and again, and what is refused."""

from __future__ import annotations

import copy
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.interop import InteropError, as_torch, as_torch_module, to_torch
from gru_codegen.interop.given import grouped, without_gradient
from tests.interop.cases import random_params, relative_error

pytestmark = pytest.mark.peers

EXAMPLES = Path(__file__).parents[2] / "examples"
KERNELS = ("gru", "lstm", "gru-d", "lru", "slstm", "qrnn", "mean_and_variance")
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"lengths": np.array([3, 1])},
    {"mask": np.array([[0, 1], [1, 1], [1, 0]], bool)},
)
by_options = pytest.mark.parametrize("options", OPTIONS, ids=["all", "lengths", "mask"])
LENGTHS = {"T": 3, "B": 2, "D": 2, "H": 3, "O": 4, "K": 5, "1": 1}


@pytest.fixture
def torch() -> ModuleType:
    module = import_module("torch")
    module.manual_seed(0)
    module.set_num_threads(1)
    return module


@cache
def loaded(name: str) -> ModuleType:
    """A kernel with a readout, or one of two outputs."""
    if name == "mean_and_variance":
        return gc.load(EXAMPLES / f"{name}.toml", loss=EXAMPLES / "gaussian_likelihood.toml")
    return gc.load(name, readout="linear")


def drawn(torch: ModuleType, kernel: ModuleType, dtype: Any = None) -> dict[str, Any]:
    """Every argument that is an array, by name, where the kernel has one a leaf with gradient."""
    rng = np.random.default_rng(0)
    tensors = {}
    for name, letters in kernel.SHAPES.items():
        if name.partition(".")[0] in ("params", "constants", "x", "s0"):
            low, high = getattr(kernel, "CHECKS", {}).get(name, (0.3, 0.9))
            numbers = rng.uniform(low, high, [LENGTHS[letter] for letter in letters])
            tensors[name] = torch.tensor(numbers, dtype=dtype or torch.float64)
            tensors[name].requires_grad_(name not in without_gradient(kernel))
    return tensors


def results(kernel: ModuleType, tensors: dict[str, Any], **options: Any) -> tuple[Any, ...]:
    """Outputs and states, one after the other."""
    outputs, state = as_torch(kernel)(**grouped(kernel, tensors), **options)
    several = [value if hasattr(value, "_fields") else (value,) for value in (outputs, state)]
    return (*several[0], *several[1])


@by_options
@pytest.mark.parametrize("name", KERNELS)
def test_gradients_of_every_argument(torch: ModuleType, name: str, options: dict[str, Any]) -> None:
    kernel = loaded(name)
    tensors = drawn(torch, kernel)
    leaves = [key for key, tensor in tensors.items() if tensor.requires_grad]
    assert {key.partition(".")[0] for key in leaves} == {"params", "x", "s0"}

    def function(*values: Any) -> Any:
        return results(kernel, {**tensors, **dict(zip(leaves, values, strict=True))}, **options)

    assert torch.autograd.gradcheck(function, [tensors[key] for key in leaves])


@by_options
@pytest.mark.parametrize("name", KERNELS)
def test_the_numbers_are_those_of_the_kernel(
    torch: ModuleType, name: str, options: dict[str, Any]
) -> None:
    kernel = loaded(name)
    for dtype in (torch.float32, torch.float64):
        tensors = drawn(torch, kernel, dtype)
        arrays = {key: tensor.detach().numpy() for key, tensor in tensors.items()}
        outputs, state = kernel.forward(**grouped(kernel, arrays), **options)
        flat = [v if hasattr(v, "_fields") else (v,) for v in (outputs, state)]
        with torch.no_grad():
            unrecorded = results(kernel, tensors, **options)
        recorded = results(kernel, tensors, **options)
        for mine, other, array in zip(recorded, unrecorded, (*flat[0], *flat[1]), strict=True):
            assert mine.requires_grad
            assert not other.requires_grad
            assert mine.dtype == other.dtype == dtype
            assert np.array_equal(mine.detach().numpy(), array)
            assert np.array_equal(other.numpy(), array)


def test_a_second_backward_pass_gives_the_same(torch: ModuleType) -> None:
    kernel = loaded("lstm")
    tensors = drawn(torch, kernel)
    total = sum(result.square().sum() for result in results(kernel, tensors))
    leaves = list(tensors.values())
    first = torch.autograd.grad(total, leaves, retain_graph=True)
    second = torch.autograd.grad(total, leaves)
    assert all(map(torch.equal, first, second))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(total, leaves)


def test_calls_of_other_sizes_in_between_change_nothing(torch: ModuleType) -> None:
    kernel = loaded("gru")
    run = as_torch(kernel)
    tensors = drawn(torch, kernel)
    given = grouped(kernel, tensors)

    def gradients(B: int, between: Any = None) -> Any:
        outputs, _ = run(given["params"], given["x"][:, :1].expand(-1, B, -1))
        if between is not None:
            between()
        return torch.autograd.grad(outputs.sum(), list(given["params"]))

    def nested(outer: int, inner: int) -> list[Any]:
        met: list[Any] = []
        met.append(gradients(outer, lambda: met.append(gradients(inner))))
        return [*met, gradients(inner)]

    alone = {B: gradients(B) for B in (1, 3)}
    for outer, inner in ((1, 3), (3, 1)):
        for B, found in zip((inner, outer, inner), nested(outer, inner), strict=True):
            assert all(map(torch.equal, found, alone[B]))


def test_threads_get_workspaces_of_their_own_sizes(torch: ModuleType) -> None:
    """Another thread asks for other sizes while those of this one are compared."""
    from gru_codegen.interop.torch_function import _Workspaces

    kernel = gc.load("gru")
    params = kernel.init_params(2, 3, rng=0)
    workspaces = _Workspaces(kernel)

    class Switching(int):
        """Two samples, which let the other thread run when they are compared."""

        def __eq__(self, other: object) -> bool:
            workspaces.give(*workspaces.take(params, 3))
            return int(self) == other

        __hash__ = int.__hash__

    workspaces.give(*workspaces.take(params, 2))
    _, taken = workspaces.take(params, Switching(2))
    outputs, _ = kernel.forward(params, np.ones((4, 2, 2)), workspace=taken)
    assert outputs.shape == (4, 2, 3)


@pytest.mark.parametrize("name", ["x", "params.Wz"])
def test_what_has_changed_before_the_backward_pass_is_refused(torch: ModuleType, name: str) -> None:
    kernel = loaded("gru")
    tensors = drawn(torch, kernel)
    outputs, _ = results(kernel, tensors)
    with torch.no_grad():
        tensors[name] += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_no_gradient_is_computed_that_nobody_asks_for(
    torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = gc.load("gru")
    vjp, asked = kernel.vjp, []

    def watched(*args: Any, **options: Any) -> Any:
        outputs, state, pullback = vjp(*args, **options)

        def pull(*adjoints: Any, inputs: bool) -> Any:
            asked.append(inputs)
            return pullback(*adjoints, inputs=inputs)

        return outputs, state, pull

    monkeypatch.setattr(kernel, "vjp", watched)
    tensors = drawn(torch, kernel)
    results(kernel, tensors)[0].sum().backward()
    tensors["x"].requires_grad_(False)
    results(kernel, tensors)[0].sum().backward()
    assert asked == [True, False]
    for tensor in tensors.values():
        tensor.requires_grad_(False)
    results(kernel, tensors)
    assert len(asked) == 2


def test_nothing_is_copied(torch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = gc.load("gru")
    vjp, met = kernel.vjp, {}

    def watched(**given: Any) -> Any:
        met.update(given)
        return vjp(**given)

    monkeypatch.setattr(kernel, "vjp", watched)
    tensors = drawn(torch, kernel)
    results(kernel, tensors)
    assert met["x"].ctypes.data == tensors["x"].data_ptr()
    assert met["params"].Wz.ctypes.data == tensors["params.Wz"].data_ptr()


def test_outputs_may_be_changed_and_the_rest_left_out(torch: ModuleType) -> None:
    kernel = loaded("lstm")
    tensors = drawn(torch, kernel)
    outputs, *_ = results(kernel, tensors)
    outputs.mul_(3)
    (tripled,) = torch.autograd.grad(outputs.sum(), tensors["x"])
    outputs, _, C = results(kernel, tensors)
    (once,) = torch.autograd.grad(outputs.sum(), tensors["x"], retain_graph=True)
    assert torch.allclose(tripled, 3 * once, rtol=1e-14)
    given = grouped(kernel, {name: tensor.detach().numpy() for name, tensor in tensors.items()})
    values, state, pullback = kernel.vjp(**given)
    _, d_x, _ = pullback(np.zeros_like(values), state._replace(S=None, C=np.ones_like(state.C)))
    (by_state,) = torch.autograd.grad(C.sum(), tensors["x"])
    assert np.array_equal(by_state.numpy(), d_x)


def test_there_is_no_derivative_of_gradients(torch: ModuleType) -> None:
    kernel = loaded("gru")
    tensors = drawn(torch, kernel)
    total = results(kernel, tensors)[0].square().sum()
    (gradient,) = torch.autograd.grad(total, tensors["x"], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_a_module_has_the_weights_and_trains(torch: ModuleType) -> None:
    kernel, params = gc.load("gru-reset-after"), random_params("gru-reset-after")
    layer = as_torch_module(kernel, params)
    theirs = torch.nn.GRU(3, 5, dtype=torch.float64)
    arrays = to_torch("gru-reset-after", params)
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    for module in (layer, copy.deepcopy(layer), torch.compile(layer, backend="eager"), theirs):
        outputs = [each(x)[0].detach().numpy() for each in (module, layer)]
        assert relative_error(*outputs) <= 1e-12
    assert list(layer.state_dict()) == list(params._fields)
    assert np.array_equal(layer.Wz.detach(), params.Wz)
    assert "gru-reset-after, Wz=(3, 5)" in repr(layer)
    optimiser = torch.optim.SGD(layer.parameters(), lr=1e-3)
    losses = []
    for _ in range(2):
        optimiser.zero_grad()
        loss = layer(x, lengths=[7, 4])[0].square().sum()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert not np.array_equal(layer.Wz.detach(), params.Wz), "the parameters are copies"


@pytest.mark.parametrize("name", ["run", "cell", "half"])
def test_weights_whose_names_a_module_has_itself(torch: ModuleType, name: str) -> None:
    text = f"""
name = "named"
states = ["S"]
weights = {{ {name} = "(D, H)", U = "(H, H)" }}
equations = "S = tanh(x @ {name} + S_prev @ U)"
"""
    kernel = gc.load(gc.load_cell(text))
    params = kernel.init_params(3, 4, rng=0)
    if name == "half":
        expected = r"^params.half: a torch.nn.Module has its own half; use as_torch$"
        with pytest.raises(InteropError, match=expected):
            as_torch_module(kernel, params)
    else:
        layer = as_torch_module(kernel, params)
        assert layer(torch.ones(2, 2, 3, dtype=torch.float64))[0].shape == (2, 2, 4)


def test_constants_are_buffers(torch: ModuleType) -> None:
    kernel = loaded("gru-d")
    tensors = {name: tensor.detach() for name, tensor in drawn(torch, kernel).items()}
    given = grouped(kernel, tensors)
    layer = as_torch_module(kernel, given["params"], given["constants"])
    assert [name for name, _ in layer.named_buffers()] == ["mean"]
    assert torch.equal(layer(given["x"])[0], as_torch(kernel)(**{**given, "s0": None})[0])


def test_bad_tensors_are_refused_in_a_line(torch: ModuleType) -> None:
    kernel = loaded("gru-d")
    run, tensors = as_torch(kernel), drawn(torch, kernel)

    def refused(kind: type[Exception], expected: str, **changed: Any) -> None:
        with pytest.raises(kind, match=expected) as error:
            run(**grouped(kernel, {**tensors, **changed}))
        assert "\n" not in str(error.value)

    x = tensors["x.x"]
    refused(
        TypeError,
        "^x.x: expected torch.float64 like params.wgx, got torch.float32$",
        **{"x.x": x.float()},
    )
    refused(TypeError, "^x.x: kernels run on the CPU, and it is on meta$", **{"x.x": x.to("meta")})
    refused(TypeError, "^x.x: expected a torch.Tensor, got ndarray$", **{"x.x": np.zeros(3)})
    refused(
        TypeError,
        "^params.wgx: expected float32 or float64, got torch.float16$",
        **{"params.wgx": tensors["params.wgx"].half()},
    )
    m = tensors["x.m"].clone().requires_grad_()
    expected = r"^x.m: it has no gradient in this kernel, so detach\(\) it$"
    refused(InteropError, expected, **{"x.m": m})
    flat = {name: tensor[0] for name, tensor in tensors.items() if name.startswith("x.")}
    refused(InteropError, r"^x: expected \(T, B, n\), got \(2, 2\)$", **flat)
    refused(ValueError, "^params.Pz: expected shape", **{"params.Pz": tensors["params.Uz"]})
