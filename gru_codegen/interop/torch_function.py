"""A kernel as a function of torch's tensors; importing this file imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.given import differentiable, grouped, named, without_gradient

__all__ = ["Layer", "function"]


class _Workspaces:
    """The workspaces of a kernel that no call has, all for the sizes that were asked for last."""

    def __init__(self, kernel: ModuleType) -> None:
        self.make = kernel.Workspace.of
        self.free: tuple[object, list[Any]] = (None, [])

    def take(self, params: Any, batch_size: int) -> tuple[object, Any]:
        """The sizes that are asked for, and a workspace for them."""
        sizes = (batch_size, params[0].dtype, [weight.shape for weight in params])
        free = self.free  # another thread may ask for other sizes meanwhile
        if sizes != free[0]:
            free = self.free = (sizes, [])
        try:
            return sizes, free[1].pop()
        except IndexError:
            return sizes, self.make(params, batch_size)

    def give(self, sizes: object, workspace: Any) -> None:
        free = self.free
        if sizes == free[0]:
            free[1].append(workspace)


class _Call:
    """One call: the kernel, and what has no gradient."""

    def __init__(
        self, kernel: ModuleType, workspaces: _Workspaces, names: list[str], lengths: Any, mask: Any
    ) -> None:
        self.kernel, self.workspaces, self.names = kernel, workspaces, names
        # Copies: a later backward pass may read them again.
        self.options = {
            name: None if value is None else np.array(value)
            for name, value in (("lengths", lengths), ("mask", mask))
        }

    def run(self, entry: Callable[..., Any], tensors: tuple[Any, ...]) -> tuple[Any, Any]:
        """The results of an entry point of the kernel, and the workspace that it has used."""
        arrays = (tensor.detach().numpy() for tensor in tensors)
        given = grouped(self.kernel, dict(zip(self.names, arrays, strict=True)))
        x = given["x"][0] if hasattr(self.kernel, "Inputs") else given["x"]
        if x.ndim != 3:
            raise InteropError(f"x: expected (T, B, n), got {tuple(x.shape)}")
        taken = self.workspaces.take(given["params"], x.shape[1])
        return entry(**given, **self.options, workspace=taken[1]), taken


class _Kernel(torch.autograd.Function):
    """Outputs and last states, all in one tuple, of a call and the tensors that it is given."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Any) -> Any:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)  # torch refuses to go back once they have changed
        ctx.call = call
        (outputs, state, ctx.pullback), ctx.taken = call.run(call.kernel.vjp, tensors)
        results = [torch.from_numpy(array) for array in (*_flat(outputs), *_flat(state))]
        ctx.shapes = [result.shape for result in results]
        return tuple(results)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *gradients: Any) -> Any:
        call, tensors = ctx.call, ctx.saved_tensors
        if ctx.pullback is None:  # it works once, and this is not the first time
            (_, _, ctx.pullback), ctx.taken = call.run(call.kernel.vjp, tensors)
        d_outputs, d_state = _adjoints(call.kernel, gradients, ctx.shapes, tensors[0].dtype)
        names = call.names
        inputs = [name for name in names if name.startswith("x")]
        wanted = dict(zip(names, ctx.needs_input_grad[1:], strict=True))
        pulled = ctx.pullback(d_outputs, d_state, inputs=any(wanted[name] for name in inputs))
        call.workspaces.give(*ctx.taken)
        ctx.pullback = ctx.taken = None
        of_weights, of_inputs, of_states = pulled
        found = dict(
            zip(
                [name for name in names if name not in inputs and not name.startswith("constants")],
                [*of_weights, *_flat(of_states)],
                strict=False,  # states that are not given have derivatives too
            )
        )
        if of_inputs is not None:
            found.update(zip(inputs, _flat(of_inputs), strict=True))
        return None, *(torch.from_numpy(found[n]) if wanted[n] else None for n in names)


def _adjoints(
    kernel: ModuleType, gradients: tuple[Any, ...], shapes: list[Any], dtype: Any
) -> tuple[Any, Any]:
    """The adjoints of outputs and last state as the pullback takes them; None stands for zeros."""
    outputs = len(gradients) - len(kernel.STATES)
    arrays = [None if each is None else each.numpy() for each in gradients]
    for place, shape in enumerate(shapes[:outputs]):
        if arrays[place] is None:
            arrays[place] = torch.zeros(shape, dtype=dtype).numpy()
    return (
        kernel.Outputs(*arrays[:outputs]) if hasattr(kernel, "Outputs") else arrays[0],
        kernel.State(*arrays[outputs:]) if hasattr(kernel, "State") else arrays[outputs],
    )


def _flat(value: Any) -> tuple[Any, ...]:
    return tuple(value) if hasattr(value, "_fields") else (value,)


def _copied(array: Any) -> Any:
    is_tensor = isinstance(array, torch.Tensor)
    return array.detach().clone() if is_tensor else torch.tensor(array)


def _checked(tensors: Mapping[str, Any], constant: frozenset[str], tracked: bool) -> None:
    """Refuse what no kernel takes, by its name."""
    first, like = next(iter(tensors.items()))
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{name}: expected a torch.Tensor, got {type(tensor).__name__}")
        if tensor.device.type != "cpu":
            raise TypeError(f"{name}: kernels run on the CPU, and it is on {tensor.device}")
        if tensor.dtype not in (torch.float32, torch.float64):
            raise TypeError(f"{name}: expected float32 or float64, got {tensor.dtype}")
        if tensor.dtype != like.dtype:
            raise TypeError(f"{name}: expected {like.dtype} like {first}, got {tensor.dtype}")
        if tracked and tensor.requires_grad and name in constant:
            raise InteropError(f"{name}: it has no gradient in this kernel, so detach() it")


def function(kernel: ModuleType) -> Callable[..., tuple[Any, Any]]:
    """See `gru_codegen.interop.as_torch`."""
    differentiable(kernel)
    workspaces = _Workspaces(kernel)
    constant = without_gradient(kernel)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def run(
        params: Any,
        x: Any,
        s0: Any = None,
        *,
        constants: Any = None,
        lengths: Any = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        given = {"params": params, "constants": constants, "x": x, "s0": s0}
        tensors = dict(named(kernel, given))
        tracked = torch.is_grad_enabled()
        _checked(tensors, constant, tracked)
        call = _Call(kernel, workspaces, list(tensors), lengths, mask)
        values = tuple(tensors.values())
        if tracked and any(tensor.requires_grad for tensor in values):
            results = _Kernel.apply(call, *values)
        else:
            (outputs, state), taken = call.run(kernel.forward, values)
            workspaces.give(*taken)
            results = tuple(map(torch.from_numpy, (*_flat(outputs), *_flat(state))))
        count = len(results) - len(kernel.STATES)
        return (
            kernel.Outputs(*results[:count]) if hasattr(kernel, "Outputs") else results[0],
            kernel.State(*results[count:]) if hasattr(kernel, "State") else results[count],
        )

    return run  # type: ignore[no-any-return]


class Layer(torch.nn.Module):
    """See `gru_codegen.interop.as_torch_module`."""

    def __init__(self, kernel: ModuleType, params: Any, constants: Any = None) -> None:
        super().__init__()
        self._run = function(kernel)
        self._cell = kernel.CELL
        given = {"params": params, "constants": constants, "x": None, "s0": None}
        if hasattr(kernel, "Inputs"):
            given["x"] = kernel.Inputs(*(None for _ in kernel.Inputs._fields))
        self.constants: list[str] = []
        for name, array in named(kernel, given):
            kind, _, own = name.partition(".")
            if kind in ("params", "constants") and hasattr(self, own):
                raise InteropError(f"{name}: a torch.nn.Module has its own {own}; use as_torch")
            if kind == "params":
                self.register_parameter(own, torch.nn.Parameter(_copied(array)))
            elif kind == "constants":
                self.constants.append(own)
                self.register_buffer(own, _copied(array))

    def forward(self, x: Any, s0: Any = None, *, lengths: Any = None, mask: Any = None) -> Any:
        """Outputs and last state, as the kernel's forward gives them, of tensors."""
        params = dict(self.named_parameters(recurse=False))
        constants = {name: getattr(self, name) for name in self.constants} or None
        return self._run(params, x, s0, constants=constants, lengths=lengths, mask=mask)

    def extra_repr(self) -> str:
        shapes = (f"{name}={tuple(p.shape)}" for name, p in self.named_parameters())
        return ", ".join([self._cell, *shapes])
