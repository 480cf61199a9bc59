"""Random programs as kernels: completed, emitted, called, and held to the interpreter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from gru_codegen.emit import Heading, emit
from gru_codegen.emit.sizes import parameter
from gru_codegen.interpret import interpret
from gru_codegen.ir import Option, Program, Ref, Statement, Var, validate
from gru_codegen.modules import load_source
from gru_codegen.passes import Layout, Style, optimise
from gru_codegen.verify.constants import Made
from gru_codegen.verify.difference import MOST_DOUBT
from tests.passes.random_programs import SIZES

__all__ = ["assert_agrees", "completed", "kernel_of"]


def completed(program: Program) -> Program:
    """`program` with a gradient for each weight, as kernels have."""
    gradients = {v.adjoint_of: v for v in program.entries["gradients"] if v.role == "gradient"}
    made = {
        weight: Var(f"d{weight.name}", weight.shape, "gradient", adjoint_of=weight.name)
        for weight in program.weights
        if weight.name not in gradients
    }
    doubled = [Statement(Ref(gradient), 2 * Ref(weight)) for weight, gradient in made.items()]
    phases = [
        replace(phase, blocks=(*phase.blocks, *doubled)) if phase.name == "backward" else phase
        for phase in program.phases
    ]
    entries = {
        entry: (*handed, *made.values()) if entry in ("gradients", "pullback") else handed
        for entry, handed in program.entries.items()
    }
    return validate(replace(program, phases=tuple(phases), entries=entries))


def kernel_of(program: Program, style: Style, layout: Layout, steps: int | None) -> ModuleType:
    """The module of `program` after all passes of a style and layout."""
    heading = Heading(
        version="0",
        cell="random",
        title="random",
        source="drawn",
        loss="drawn",
        loss_title="drawn",
        readout="none",
        style=style,
        layout=layout,
        again=("nothing",),
        equations=(("S", "x", "(B, H)", "drawn"),),
        inputs=("x",),
        target="Y",
        targets="numbers",
        mask="M",
        loss_weights="V",
    )
    return load_source(emit(optimise(program, style, steps, layout), heading), "random")


class _Call:
    """Random arguments of one call of every entry point, for a kernel and for the interpreter."""

    def __init__(
        self,
        program: Program,
        steps: int,
        given: tuple[Option, ...],
        seed: int,
        sizes: Mapping[str, int] = SIZES,
        dtype: Any = np.float64,
        targets: str = "numbers",
    ) -> None:
        self.program, self.steps, self.given = program, steps, given
        self.sizes, self.dtype = {**sizes, "1": 1}, np.dtype(dtype)
        self.variables = program.variables()
        self.rng = rng = np.random.default_rng(seed)
        B = sizes["B"]
        self.lengths = rng.integers(0, steps + 1, B)
        self.ended = np.arange(steps)[:, None, None] >= self.lengths[:, None]
        if "lengths" not in given:
            self.ended = np.zeros((steps, B, 1), bool)
        self.weights = rng.uniform(-1, 1, (steps, B, 1)).astype(dtype)
        if "loss weights" not in given:
            self.weights = np.ones((steps, B, 1), dtype)
        self.states = [v for v in program.entries["gradients"] if v.role == "value"]
        given_inputs = [v for v in self.variables.values() if v.role == "input"]
        self.inputs = {v.name: self.drawn(v, True) for v in given_inputs}
        self.y = self.drawn(program.outputs[0], True)
        self.labels = rng.integers(0, self.y.shape[2], self.y.shape[:2])
        if targets == "labels":
            self.y = np.eye(self.y.shape[2], dtype=dtype)[self.labels]
        elif targets == "fractions":
            self.y = abs(self.y)
        self.given_y = self.labels if targets == "labels" else self.y
        self.d_outputs = [self.drawn(output, True) for output in program.outputs]
        self.first = [self.drawn(state) for state in self.states]
        self.last = [self.drawn(state) for state in self.states]
        self.params = {weight.name: self.drawn(weight) for weight in program.weights}
        given_constants = program.given[len(program.weights) :]
        self.constants = {var.name: self.drawn(var) for var in given_constants}
        self.made = {
            var.name: Made(pattern, var.shape, *numbers).array(sizes).astype(dtype)
            for var in program.constants
            for pattern, numbers in [program.made.get(var.name, ("", ()))]
            if pattern
        }

    def drawn(self, var: Var, timed: bool = False) -> Any:
        shape = tuple(self.sizes[letter] for letter in var.shape)
        values = np.asarray(self.rng.uniform(-1, 1, (self.steps, *shape) if timed else shape))
        return values.astype(self.dtype)

    def interpreted(
        self, dtype: Any, *, pullback: bool = False, trained: bool = False
    ) -> dict[str, Any]:
        """The values of the program in `dtype`, arguments zero where kernels do not read them."""
        V = np.where(self.ended, 0, self.weights)
        given: list[Option] = ["pullback"] if pullback else []
        if "lengths" in self.given:
            given.append("lengths")
        if trained and self.given:  # past a sample's length its weights are 0
            given.append("loss weights")
        values: dict[str, Any] = {**self.params, **self.constants, **self.made}
        for name, var in self.variables.items():
            shape = (self.steps, *(self.sizes[letter] for letter in var.shape))
            if var.role == "input":
                values[name] = np.where(self.ended, 0, self.inputs[name])
            elif var.role == "target":
                values[name] = np.where(V == 0, 0, self.y)
            elif var.role == "lengths":
                values[name] = np.broadcast_to(self.ended, shape)
            elif var.role == "loss weights":
                values[name] = np.broadcast_to(V, shape)
            elif var.role == "count":
                counted = V.sum() * (1 if self.given_y is self.labels else self.y.shape[2])
                values[name] = counted or 1
        for state, first in zip(self.states, self.first, strict=True):
            values[_only(state)] = first
        for carry, last in zip(self.program.carries, self.last, strict=True):
            values[_only(carry)] = last if pullback else 0 * last
        if pullback:
            for var, given_adjoint in zip(self.program.seeds, self.d_outputs, strict=True):
                values[var.name] = np.where(self.ended, 0, given_adjoint)
        for name, value in values.items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                values[name] = value.astype(dtype)
        names = [phase.name for phase in self.program.phases]
        phases = [n for n in names if not (pullback and n == "loss")]
        return interpret(self.program, values, self.steps, given, phases=phases)

    def expected(self, dtype: Any) -> dict[str, Any]:
        """All that the entry points return, in `dtype`."""
        run, trained = self.interpreted(dtype), self.interpreted(dtype, trained=True)
        pulled = self.interpreted(dtype, pullback=True)
        found = {
            f"output {var.name}": np.where(self.ended, 0, np.stack(run[var.name]))
            for var in self.program.outputs
        }
        found |= {f"state {s.name}": run[s.name][-1] for s in self.states}
        found |= {f"trained state {s.name}": trained[s.name][-1] for s in self.states}
        found["loss"] = trained["loss"]
        for var in self.variables.values():
            if var.role == "gradient":
                found[f"gradient of {var.adjoint_of}"] = trained[var.name]
                found[f"pullback to {var.adjoint_of}"] = pulled[var.name]
        for var in self.program.entries["pullback"]:
            if var.role == "adjoint":
                found[f"pullback to {var.adjoint_of}"] = np.stack(pulled[var.name])
        for carry in self.program.carries:
            found[f"pullback to {carry.name}"] = pulled[carry.name][0]
        return found

    def state(self, kernel: ModuleType, values: list[Any]) -> Any:
        return kernel.State(*values) if len(values) > 1 else values[0]

    def x(self, kernel: ModuleType) -> Any:
        if len(self.inputs) > 1:
            return kernel.Inputs(**self.inputs)
        return next(iter(self.inputs.values()))

    def called(self, kernel: ModuleType, workspace: Any) -> Iterator[tuple[str, Any]]:
        """All that the entry points of `kernel` return, by the names of `expected`."""
        s0, x = self.state(kernel, self.first), self.x(kernel)
        fixed = [kernel.Params(**self.params)]
        fixed += [kernel.Constants(**self.constants)] if self.constants else []
        run: dict[str, Any] = {"workspace": workspace}
        if "lengths" in self.given:
            run["lengths"] = self.lengths
        train = dict(run)
        if "loss weights" in self.given:
            train["loss_weights"] = self.weights[:, :, 0]
        outputs, state = kernel.forward(*fixed, x, s0, **run)
        yield from self._outputs(outputs)
        yield from self._states(state)
        yield "loss", kernel.loss(*fixed, x, self.given_y, s0, **train)
        loss, gradients, state = kernel.loss_and_gradients(*fixed, x, self.given_y, s0, **train)
        yield "loss", loss
        yield from ((f"trained {name}", value) for name, value in self._states(state))
        for name, gradient in gradients._asdict().items():
            yield f"gradient of {name}", gradient
        outputs, state, pullback = kernel.vjp(*fixed, x, s0, **run)
        yield from self._outputs(outputs)
        yield from self._states(state)
        several = len(self.d_outputs) > 1
        d_outputs = kernel.Outputs(*self.d_outputs) if several else self.d_outputs[0]
        gradients, dx, first = pullback(d_outputs, self.state(kernel, self.last))
        for name, gradient in gradients._asdict().items():
            yield f"pullback to {name}", gradient
        of_inputs = dx._asdict() if len(self.inputs) > 1 else dict.fromkeys(self.inputs, dx)
        for name, value in of_inputs.items():
            if value is not None:
                yield f"pullback to {name}", value
        firsts = first if len(self.states) > 1 else (first,)
        for carry, value in zip(self.program.carries, firsts, strict=True):
            yield f"pullback to {carry.name}", value

    def _outputs(self, outputs: Any) -> Iterator[tuple[str, Any]]:
        found = outputs if len(self.d_outputs) > 1 else (outputs,)
        named = zip(self.program.outputs, found, strict=True)
        yield from ((f"output {var.name}", array) for var, array in named)

    def _states(self, state: Any) -> Iterator[tuple[str, Any]]:
        found = state if len(self.states) > 1 else (state,)
        yield from ((f"state {s.name}", a) for s, a in zip(self.states, found, strict=True))


def assert_agrees(
    kernel: ModuleType,
    program: Program,
    steps: int,
    given: tuple[Option, ...],
    sizes: Mapping[str, int] = SIZES,
    dtype: Any = np.float64,
    targets: str = "numbers",
) -> None:
    """Every entry point gives what the interpreter does, and does so again in one Workspace.

    A kernel may be off by some times what the interpreter is in its dtype, which no order of
    operations saves; where that is much, nothing is compared.

    Raises
    ------
    OverflowError: the interpreter gives infinity or NaN, with which nothing is compared.
    """
    with patch("numpy.empty", _full_of_nan):
        workspace = _workspace(kernel, sizes, dtype)
        for seed, where, options in ((0, None, given), (1, workspace, given), (2, workspace, ())):
            call = _Call(program, steps, options, seed, sizes, dtype, targets)
            expected, rounded = call.expected(np.longdouble), call.expected(dtype)
            if not all(np.isfinite(value).all() for value in rounded.values()):
                raise OverflowError("the interpreter gives infinity or NaN")
            for name, value in call.called(kernel, where):
                lost = np.abs(rounded[name] - expected[name]).max(initial=0)
                if lost > MOST_DOUBT * np.abs(expected[name]).max(initial=0):
                    continue  # no digits are left, in whatever order
                off = 30 * lost
                least = 1e-5 if dtype == np.float32 else 1e-10
                _assert_close(value, expected[name], least, off, f"{name}, {options}")


def _full_of_nan(shape: Any, dtype: Any = float) -> Any:
    """What np.empty gives, of numbers that show where they are read before they are written."""
    made = np.zeros(shape, dtype)
    made.fill(np.nan if made.dtype.kind == "f" else True)
    return made


def _workspace(kernel: ModuleType, sizes: Mapping[str, int], dtype: Any) -> Any:
    """A Workspace of the sizes of all calls."""
    numbers = [sizes[letter] for letter in kernel.SIZES]
    keywords = {parameter(letter): n for letter, n in zip(kernel.SIZES, numbers, strict=True)}
    shapes = kernel.SHAPES
    x = [name for name in shapes if name == "x" or name.startswith("x.")]
    wide = next((shapes[name][-1] for name in x if shapes[name][-1] in "DH"), shapes[x[0]][-1])
    first = next(shapes[name] for name in shapes if name.startswith("s0"))
    keywords.setdefault("hidden_size", sizes[first[-1]])
    keywords.setdefault("input_size", sizes[wide])
    return kernel.Workspace(**keywords, dtype=dtype)


def _assert_close(found: Any, expected: Any, least: float, off: float, where: str) -> None:
    scale = least * max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found, expected, 1e-10, scale + off, err_msg=where)


def _only(var: Var) -> str:
    assert isinstance(var.boundary, Ref)
    return var.boundary.var.name
