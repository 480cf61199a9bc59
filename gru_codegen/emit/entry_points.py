"""The functions that a module is called by, as data: what each takes, runs and returns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from gru_codegen.emit.lines import WIDTH, called, hung, together
from gru_codegen.emit.sizes import letters
from gru_codegen.emit.wording import listed
from gru_codegen.ir import Program, Shape, Var
from gru_codegen.names import public

__all__ = ["CREDIT", "Argument", "EntryPoint", "Interface", "arguments_of"]

#: What an entry point does with the result of each phase that it runs.
_GIVES = {"forward": "", "loss": "total = "}
#: The fields of what `credit` returns.
CREDIT = ("norms", "shares", "truncation", "gradients", "full")
#: The classes whose fields are results.
_TUPLES = ("Result", "AllGradients")


@dataclass(frozen=True)
class Argument:
    """An argument of an entry point.

    shape: its letters, empty where it is not one array. optional: whether None stands for what is
    usual. keyword: whether it is given by name alone. default: its value where it is not given, if
    that is not None.
    """

    name: str
    shape: Shape = ()
    type: str = "Any"
    optional: bool = False
    keyword: bool = False
    default: str = ""

    @property
    def declaration(self) -> str:
        """It in a signature."""
        if not self.optional:
            default = f" = {self.default}" if self.default else ""
            return f"{self.name}: {self.type}{default}"
        union = "" if self.type == "Any" else " | None"
        return f"{self.name}: {self.type}{union} = None"


@dataclass(frozen=True)
class EntryPoint:
    """A function that a module is called by.

    arguments: what it takes, in order. phases: what it runs, in order. results: what it returns, by
    the names that ENTRY_POINTS gives it. returns: the type of that. doc: its docstring.
    """

    name: str
    arguments: tuple[Argument, ...]
    phases: tuple[str, ...]
    results: tuple[str, ...]
    returns: str
    doc: str

    def takes(self, name: str) -> bool:
        """True if it has an argument called `name`."""
        return any(argument.name == name for argument in self.arguments)

    @property
    def signature(self) -> str:
        """The lines that begin it, one for each argument."""
        by_name = [argument.declaration for argument in self.arguments if argument.keyword]
        by_place = [argument.declaration for argument in self.arguments if not argument.keyword]
        lines = [f"    {each},\n" for each in (*by_place, "*", *by_name)]
        return f"def {self.name}(\n{''.join(lines)}) -> {self.returns}:"

    def run(self, phase: str, arguments: str) -> str:
        """The line that runs a phase."""
        if phase == "inputs":
            return f"d_x = _inputs({arguments})"
        if phase != "backward":
            return f"{_GIVES[phase]}_{phase}({arguments})"
        if self.takes("d_state"):
            return f"gradients, first = _backward({arguments}, last)"
        return f"gradients, _ = _backward({arguments})"

    @property
    def keeps_outputs(self) -> bool:
        """True if outputs and last state are copied before what is computed after them."""
        return "pullback" in self.results or self.takes("d_state")

    def returned(self, spelled: dict[str, str]) -> str:
        """The line or lines that return its results, each as it is `spelled`."""
        kept = {"outputs": "outputs", "state": "state"} if self.keeps_outputs else {}
        results = [{**spelled, **kept}[name] for name in self.results]
        if self.returns in _TUPLES:
            return called("return ", self.returns, results, " " * 8, keywords=True)
        return together("return ", results, " " * 8)


def _differentiated(program: Program) -> set[str | None]:
    """Whatever `program` computes the adjoints of for a pullback, besides the weights."""
    return {var.adjoint_of for var in program.entries["pullback"] if var.role == "adjoint"}


def arguments_of(inputs: Sequence[str]) -> dict[str, str]:
    """The names of inputs in entry points: x of an only one, x.u and so on of several."""
    return {name: f"x.{public(name)}" if len(inputs) > 1 else "x" for name in inputs}


@dataclass(frozen=True)
class Interface:
    """The subject of the entry points of a kernel.

    constants: those that a call is given. inputs: the variables, in the declared order;
    differentiated: the names of those with a gradient. outputs: the variables, in the declared
    order. labels: whether targets are. counts: whether the loss is a mean. state: the type of
    states. trains: whether there is a loss at all.
    """

    constants: tuple[Var, ...]
    inputs: tuple[Var, ...]
    differentiated: tuple[str, ...]
    outputs: tuple[Var, ...]
    labels: bool
    counts: bool
    state: str
    trains: bool = True

    @classmethod
    def of(
        cls, program: Program, inputs: Sequence[str], targets: str | None, state: str
    ) -> Interface:
        """That of `program`, whose cell declares `inputs`."""
        variables = program.variables()
        return cls(
            program.given_constants,
            tuple(variables[name] for name in inputs),
            tuple(n for n in inputs if targets is None or n in _differentiated(program)),
            program.outputs,
            targets == "labels",
            any(var.role == "count" for var in variables.values()),
            state,
            targets is not None,
        )

    @property
    def names(self) -> list[str]:
        """The names of the inputs in entry points."""
        return list(arguments_of([var.name for var in self.inputs]).values())

    @property
    def several(self) -> bool:
        """True if x is an Inputs, which has several arrays."""
        return len(self.inputs) > 1

    @property
    def x(self) -> Argument:
        """The argument of all inputs."""
        if self.several:
            return Argument("x", type="Inputs")
        return Argument("x", self.shapes["x"])

    @property
    def none(self) -> str:
        """The gradient of x where no input has one, as code."""
        return (
            f"Inputs({', '.join(f'{public(x.name)}=None' for x in self.inputs)})"
            if self.several
            else "None"
        )

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each input, by its name in entry points."""
        return {name: ("T", *var.shape) for name, var in zip(self.names, self.inputs, strict=True)}

    @property
    def targets(self) -> Shape:
        """The shape of y, which is that of the first output."""
        return ("T", *self.outputs[0].shape[: 1 if self.labels else 2])

    @property
    def outputs_in_words(self) -> str:
        """The shape of an only output, or each of several by its name."""
        shapes = [letters(("T", *var.shape)) for var in self.outputs]
        if len(shapes) == 1:
            return shapes[0]
        names = (public(var.name) for var in self.outputs)
        return listed([f"{name} {shape}" for name, shape in zip(names, shapes, strict=True)])

    def entry_points(
        self, *, credit: bool = False, values: Sequence[str] = ()
    ) -> tuple[EntryPoint, ...]:
        """All of them, in the order in which a module has them.

        credit: whether it is among them. values: those that `trace` returns, if that is.
        """
        fixed = [Argument("params", type="Params")]
        fixed += [Argument("constants", type="Constants")] if self.constants else []
        y, s0 = Argument("y", self.targets), Argument("s0", optional=True)
        weights = Argument("loss_weights", ("T", "B"), optional=True, keyword=True)
        lengths = Argument("lengths", ("B",), optional=True, keyword=True)
        mask = Argument("mask", ("T", "B"), optional=True, keyword=True)
        workspace = Argument("workspace", type="Workspace", optional=True, keyword=True)
        run = (*fixed, self.x, s0, lengths, mask, workspace)
        train = (*fixed, self.x, y, s0, weights, lengths, mask, workspace)
        outputs = ("outputs", "state")
        given = "Outputs" if self.outputs[1:] else "Array"
        pair, phases = f"tuple[{given}, {self.state}]", ("forward", "loss", "backward")
        pullback = f"Callable[..., tuple[Params, Any, {self.state}]]"
        forward = EntryPoint("forward", run, phases[:1], outputs, pair, self._forward())
        traced = [EntryPoint("trace", run, (), tuple(values), "Trace", _trace())] if values else []
        if not self.trains:
            return (forward, *traced)
        d_state = Argument("d_state", optional=True, keyword=True)
        full = Argument("full", type="bool", keyword=True, default="False")
        measure = (*train[:-1], full, workspace)
        return (
            forward,
            EntryPoint("loss", train, phases[:2], ("loss",), "Any", self._loss()),
            EntryPoint(
                "loss_and_gradients",
                train,
                phases,
                ("loss", "gradients", "state"),
                "Result",
                "Return the loss, its gradient with respect to every weight, and the last state.",
            ),
            EntryPoint(
                "all_gradients",
                (*train[:-4], d_state, *train[-4:]),
                (*phases, "inputs") if self.differentiated else phases,
                ("loss", "params", "x", "s0", *outputs),
                "AllGradients",
                self._all_gradients(),
            ),
            EntryPoint(
                "vjp",
                run,
                phases[:1],
                (*outputs, "pullback"),
                f"tuple[{given}, {self.state}, {pullback}]",
                self._vjp(),
            ),
            *([EntryPoint("credit", measure, (), CREDIT, "Credit", _credit())] * credit),
            *traced,
        )

    @property
    def without_gradient(self) -> tuple[str, ...]:
        """The names of the inputs that have no gradient."""
        return tuple(name for name in self.names if name not in self._with_gradient)

    @property
    def _with_gradient(self) -> list[str]:
        """The names of the inputs that have a gradient."""
        named = zip(self.names, self.inputs, strict=True)
        return [name for name, var in named if var.name in self.differentiated]

    def _forward(self) -> str:
        given = listed([f"{name} {letters(shape)}" for name, shape in self.shapes.items()])
        zero = "its outputs are 0" if self.outputs[1:] else "its output is 0"
        return _docstring(
            f"Return the outputs {self.outputs_in_words} and the last state for {given}; "
            "s0 is zeros if None.",
            "lengths: (B,) integers, how many steps each sample has, T if None. mask: (T, B) "
            "booleans, True where a step is real, as all are if None. Any other step, and each "
            f"past the length, is padding: a sample keeps its state, {zero}, and what "
            f"{listed(self.names)} {'hold' if len(self.names) > 1 else 'holds'} there is not read.",
        )

    def _loss(self) -> str:
        kind = "labels" if self.labels else "targets"
        mean = (
            "The mean is over the targets that count: the divisor has each as many times as its "
            "loss weight says, and no padding. If nothing counts, the loss is 0."
        )
        return _docstring(
            f"Return the loss for the {kind} y {letters(self.targets)}: a float, or an element of "
            "another dtype.",
            "loss_weights: (T,) or (T, B), 1 if None; where one is 0, y is not read. lengths, (B,) "
            "integers, and mask, (T, B) booleans, say what is padding, as for forward; it has no "
            "part in the loss.",
            *([mean] if self.counts else ()),
        )

    def _all_gradients(self) -> str:
        return _docstring(
            "Return the loss, its gradients with respect to the weights, "
            f"{listed([*self._with_gradient, 's0'])}, the outputs and the last state.",
            "d_state, like the last state, is added to its adjoint: the derivative of whatever "
            "comes after these steps.",
        )

    def _vjp(self) -> str:
        constants = ["constants"] * bool(self.constants)
        plain = [f"d_{name}" for name in self.without_gradient]
        none = f"{listed(plain)} {'are' if plain[1:] else 'is'} None."
        return _docstring(
            "Return outputs, the last state, and the pullback: from adjoints of outputs to "
            "gradients.",
            "pullback(d_outputs, d_state=None, *, inputs=True) -> (d_params, d_x, d_s0) "
            f"takes the derivative of any function of the outputs {self.outputs_in_words} and of "
            "the last state, and gives its derivatives with respect to "
            f"{listed(['the weights', *self._with_gradient, 's0'])}; d_x is "
            "None without inputs, and not computed. It works once, and before the workspace "
            f"serves another call. It reads {listed(['x', *constants, 'the weights'])} again: "
            "until it is called, they have to be unchanged.",
            *([none] if plain else ()),
        )


def _trace() -> str:
    return _docstring(
        "Return every matrix that the equations compute, of every step, by name, (T, B, n).",
        "They are computed one by one, as the equations say. Where a step is padding a sample "
        "keeps its states, and everything else is 0.",
    )


def _credit() -> str:
    return _docstring(
        "Return whose error gives how much of every gradient, and at which step.",
        "E[k->t] is the derivative of the loss of step k with respect to the weights at step t "
        "alone, and a gradient dW is the sum of all of them.",
        "norms: for each weight (T, T), the norm of E[k->t] at [k, t], in float64. shares: "
        "likewise <E[k->t], dW> / <dW, dW>, which may be negative; they add up to 1. Both are NaN "
        "where t > k, and where loss_weights, lengths and mask leave nothing of the error of step "
        "k. truncation: for each weight (T + 1,), at n the norm of what is missing of dW where "
        "back-propagation is truncated to n steps, over the norm of dW. gradients: dW. full: for "
        "each weight all E[k->t], (T, T) and its shape, if they are asked for, or else None.",
    )


def _docstring(*paragraphs: str) -> str:
    """The paragraphs of a docstring, the first behind its quotes, the end on a line of its own."""
    indent = "    "
    first, *others = paragraphs
    behind_quotes = indent + " " * len('"""')
    summary = textwrap.fill(first, WIDTH, initial_indent=behind_quotes, subsequent_indent=indent)
    texts = [summary.strip(), *(hung(text, indent) for text in others)]
    return f"\n\n{indent}".join(texts) + f"\n{indent}"
