"""A cell with its weights as an ONNX model that scans its equations over the time steps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.interop.arrays import floating
from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.onnx_operations import Graph, Value
from gru_codegen.interop.packing import written
from gru_codegen.ir import Loop, Now, Program, Ref, Statement, Var
from gru_codegen.names import public
from gru_codegen.runtime import constants as patterns

__all__ = ["scan_graph"]

#: The axes of what a step takes and gives, and of that of all steps.
_STEP, _ALL = ("B",), ("T", "B")


class _Model:
    """The parts of the model of a program."""

    def __init__(
        self, onnx: ModuleType, program: Program, arrays: Mapping[str, NDArray[Any]], dtype: Any
    ) -> None:
        self.onnx, self.program, self.dtype = onnx, program, np.dtype(dtype)
        self.sizes = _sizes(program, arrays)
        variables = program.variables()
        self.inputs = [var for var in variables.values() if var.role == "input"]
        self.states = [
            var
            for var in program.entries["gradients"]
            if var.boundary is not None and var.role == "value"
        ]
        self.arguments: dict[str, str] = {}
        self.lengths: dict[str, str] = {}
        self.numbers: dict[str, Value] = {}
        self.outer = Graph(onnx.helper.make_node, self.dtype, {}, set())
        self.known: dict[str, Value] = {}
        for var in (*program.given, *program.constants):
            if var.name in program.made:
                array = _made(program, var, self.sizes, self.dtype)
            else:
                array = arrays[var.name]
            if var.name not in self.known and var.name in variables:
                stored = self.outer.stored(array, public(var.name))
                self.known[var.name] = Value(stored, var.shape)

    def described(
        self, name: str, axes: tuple[str, ...], var: Var | None, dtype: Any = None
    ) -> Any:
        """The type and shape of a tensor, with the axes before the own of `var`."""
        helper = self.onnx.helper
        own = () if var is None else tuple(self.sizes.get(n, n) for n in var.shape[1:])
        element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype or self.dtype))
        return helper.make_tensor_value_info(name, element, (*axes, *own))

    def written(self, *, initial_state: bool, sequence_lens: bool) -> Any:
        """The graph of the model."""
        helper, outer = self.onnx.helper, self.outer
        for var in self.inputs:
            own = "x" if len(self.inputs) == 1 else public(var.name)
            self.arguments[var.name] = outer.named(own)
        described = [self.described(self.arguments[var.name], _ALL, var) for var in self.inputs]
        scanned = list(self.arguments.values())
        if sequence_lens:
            lengths = outer.named("sequence_lens")
            described.append(self.described(lengths, _STEP, None, np.int32))
            scanned.append(self._ended(scanned[0], lengths))
        starts = [outer.named(f"s0{self._own(var)}") for var in self.states]
        if initial_state:
            described += map(self.described, starts, repeat(_STEP), self.states)
        else:
            starts = [self._zeros(*start) for start in zip(starts, self.states, strict=True)]
        lasts = [outer.named(f"state{self._own(var)}") for var in self.states]
        puts = self.program.outputs
        named = ["outputs"] if len(puts) == 1 else [f"outputs_{public(var.name)}" for var in puts]
        outputs = [outer.named(name) for name in named]
        body = _Body(self, self._before_the_loop(), sequence_lens).graph
        given, made = [*starts, *scanned], [*lasts, *outputs]
        scan = helper.make_node("Scan", given, made, num_scan_inputs=len(scanned), body=body)
        results = [
            *map(self.described, outputs, repeat(_ALL), puts),
            *map(self.described, lasts, repeat(_STEP), self.states),
        ]
        stored = [
            self.onnx.numpy_helper.from_array(array, name) for name, array in outer.numbers.items()
        ]
        name = public(self.program.name)
        return helper.make_graph([*outer.nodes, scan], name, described, results, stored)

    def _zeros(self, name: str, var: Var) -> str:
        self.outer.target = name
        return self.whole(self.outer.number(0).name, var, self.outer)

    def _own(self, var: Var) -> str:
        return "" if len(self.states) == 1 else f"_{public(var.name)}"

    def _before_the_loop(self) -> Loop:
        """The loop over the steps; the equations of weights before it are written."""
        *before, loop = self.program.phases[0].blocks
        if not isinstance(loop, Loop) or len(self.program.phases) > 1:
            raise InteropError(f"{self.program.name}: its steps are not one loop")
        for block in before:
            assert isinstance(block, Statement)  # what is before a loop is computed once
            target = block.target.var
            self.outer.target = public(target.name)
            self.known[target.name] = self.outer.value(block.value, self.fixed)
        return loop

    def fixed(self, ref: Ref) -> Value | None:
        """The value of what is the same at every step."""
        if ref.var.role == "size":
            return self._size(ref.var.adjoint_of)
        return self.known[ref.var.name]

    def _size(self, letter: str) -> Value:
        if letter in self.sizes:
            return self.outer.number(self.sizes[letter])
        if letter not in self.numbers:
            self.outer.target = f"size_{letter}"
            number = self.outer.node("Squeeze", self.length(letter))
            element = self.onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
            self.numbers[letter] = Value(self.outer.node("Cast", number, to=element), ())
        return self.numbers[letter]

    def length(self, letter: str) -> str:
        """A size as a vector of one integer; what no weight tells is that of an input."""
        if letter in self.sizes:
            return self.outer.stored([self.sizes[letter]], "width", np.int64)
        if letter not in self.lengths:
            places = (
                (self.arguments[var.name], ("T", *var.shape).index(letter))
                for var in self.inputs
                if letter in var.shape
            )
            argument, axis = next(places)
            ends = [self.outer.stored([each], "axes", np.int64) for each in (axis, axis + 1)]
            self.outer.target = f"length_{letter}"
            shape = self.outer.node("Shape", argument)
            self.lengths[letter] = self.outer.node("Slice", shape, *ends)
        return self.lengths[letter]

    def whole(self, value: str, var: Var, graph: Graph) -> str:
        """The name of a value with all its rows and columns."""
        lengths = [self.length(letter) for letter in var.shape]
        return graph.node("Expand", value, graph.node("Concat", *lengths, axis=0))

    def _ended(self, like: str, lengths: str) -> str:
        """Which steps of which samples are padding: (T, B)."""
        outer = self.outer
        outer.target = "ended"
        zero, one, none = (outer.stored(each, "index", np.int64) for each in (0, 1, [0]))
        steps = outer.node("Gather", outer.node("Shape", like), zero)
        count = outer.node(
            "Unsqueeze", outer.node("Range", zero, steps, one), outer.stored([1], "axes", np.int64)
        )
        wide = outer.node("Cast", lengths, to=self.onnx.TensorProto.INT64)
        return outer.node("GreaterOrEqual", count, outer.node("Unsqueeze", wide, none))


class _Body:
    """The graph of one step."""

    def __init__(self, model: _Model, loop: Loop, lengths: bool) -> None:
        self.model, self.inner = model, model.outer.within()
        helper, inner, program = model.onnx.helper, self.inner, model.program
        self.now: dict[str, Value] = {}
        self.before = {
            v.name: Value(inner.named(f"{public(v.name)}_prev"), v.shape) for v in model.states
        }
        described = [model.described(self.before[v.name].name, _STEP, v) for v in model.states]
        for var in model.inputs:
            self.now[var.name] = Value(inner.named(f"{public(var.name)}_t"), var.shape)
            described.append(model.described(self.now[var.name].name, _STEP, var))
        self.ended: Value | None = None
        if lengths:
            row = inner.named("ended_t")
            described.append(model.described(row, _STEP, None, bool))
            axes = inner.stored([1], "axes", np.int64)
            self.ended = Value(inner.node("Unsqueeze", row, axes), ("B", "1"))
        for block in loop.body:
            assert isinstance(block, Statement)  # of a step
            if not block.given or (lengths and block.given == ("lengths",)):
                target = block.target.var
                inner.target = public(target.name)
                self.now[target.name] = inner.value(block.value, self.read)
        results = [*(self._whole(v) for v in model.states), *map(self._put_out, program.outputs)]
        typed = [
            model.described(name, _STEP, var)
            for name, var in zip(results, (*model.states, *program.outputs), strict=True)
        ]
        self.graph = helper.make_graph(inner.nodes, "step", described, typed)

    def read(self, ref: Ref) -> Value | None:
        if ref.var.role == "lengths":
            return self.ended
        if ref.when is None:
            return self.model.fixed(ref)
        if ref.when == Now(-1) and ref.var.name in self.before:
            return self.before[ref.var.name]
        if ref.when != Now(0) or ref.var.name not in self.now:
            raise InteropError(f"{self.model.program.name}: {ref} is of another step")
        return self.now[ref.var.name]

    def _put_out(self, var: Var) -> str:
        name = self._whole(var)
        if self.ended is None:
            return name
        return self.inner.node("Where", self.ended.name, self.inner.number(0).name, name)

    def _whole(self, var: Var) -> str:
        """The name of a value with all its rows and columns, which no other result has."""
        value, inner = self.now[var.name], self.inner
        inner.target = public(var.name)
        if value.shape == var.shape:
            return inner.node("Identity", value.name)
        return self.model.whole(value.name, var, inner)


def _sizes(program: Program, arrays: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """The sizes by letter, as the arrays tell them; InteropError where one does not fit."""
    sizes = {"1": 1}
    for var in program.given:
        shape = arrays[var.name].shape
        if len(shape) == len(var.shape):
            sizes = {**dict(zip(var.shape, shape, strict=True)), **sizes}
        if shape != tuple(sizes.get(letter) for letter in var.shape):
            raise InteropError(
                f"{public(var.name)}: expected shape {written(var.shape)}, got {written(shape)}"
            )
    return sizes


def _made(program: Program, var: Var, sizes: Mapping[str, int], dtype: Any) -> NDArray[Any]:
    pattern, numbers = program.made[var.name]
    if not set(var.shape) <= set(sizes):
        raise InteropError(f"{public(var.name)}: no weight tells its size, which a model has to")
    shape = tuple(sizes[letter] for letter in var.shape)
    array: NDArray[Any] = getattr(patterns, f"_{pattern}")(shape, dtype, *numbers)
    return array


def _by_name(what: str, given: Any, variables: tuple[Var, ...]) -> dict[str, Any]:
    """Weights or constants by the names of their variables."""
    arrays = given._asdict() if hasattr(given, "_asdict") else given
    names = [public(var.name) for var in variables]
    if not isinstance(arrays, Mapping) or set(arrays) != set(names):
        got = ", ".join(arrays) if isinstance(arrays, Mapping) else type(given).__name__
        raise InteropError(f"{what}: expected {', '.join(names)}; got {got}")
    return {var.name: arrays[name] for var, name in zip(variables, names, strict=True)}


def scan_graph(
    onnx: ModuleType,
    program: Program,
    params: Any,
    constants: Any,
    *,
    dtype: Any,
    initial_state: bool,
    sequence_lens: bool,
) -> Any:
    """The graph of the model; see `gru_codegen.interop.to_onnx_model`."""
    arrays = _by_name("params", params, program.weights)
    if program.given_constants or constants is not None:
        arrays |= _by_name("constants", constants, program.given_constants)
    checked = {name: array.astype(dtype) for name, array in floating(arrays).items()}
    model = _Model(onnx, program, checked, dtype)
    return model.written(initial_state=initial_state, sequence_lens=sequence_lens)
