"""Comparison of a kernel with its declaration.

A forward pass that is wrong throughout satisfies every gradient check: its gradients are those of
the wrong loss. So outputs, states and loss are compared with the declared equations, evaluated
directly, which no pass and no template has touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from gru_codegen.cell import Cell
from gru_codegen.constants import stored_shape
from gru_codegen.duals import DUAL
from gru_codegen.equations import Equation
from gru_codegen.errors import VerificationError
from gru_codegen.evaluate import FLOATS, Domain, Evaluation, costs, evaluate, evaluate_declaration
from gru_codegen.initial import distribution
from gru_codegen.losses import Loss
from gru_codegen.modules import is_forward_alone
from gru_codegen.verify.claim import Claim, over, tolerance
from gru_codegen.verify.configuration import (
    Arguments,
    Problem,
    Sizes,
    fitting,
    inner,
    large,
    parts,
    small,
    states,
)
from gru_codegen.verify.constants import Made
from gru_codegen.verify.difference import Difference, difference, verdict, worst
from gru_codegen.verify.direction import movable, moved, slope
from gru_codegen.verify.domain import GOOD, USUAL, choose, noise_of
from gru_codegen.verify.domain import Domain as Drawn
from gru_codegen.verify.entry_points import differentiated, inputs, outputs, size_keyword
from gru_codegen.verify.options import adjoints, ended, options
from gru_codegen.verify.report import Check
from gru_codegen.verify.targets import DRAWS, LOSSES
from gru_codegen.verify.targets import Loss as Definition

__all__ = ["compare", "definition_of"]

#: Two orders of the same float64 operations on data of order one.
TOLERANCE = 1e-12
_METHOD = "the declared equations"
#: By how many times what a unit in the last place of all arguments changes two right ways may
#: differ, where arguments were not chosen for that to be little.
_TRUST = 100
#: Samples of one comparison. Where an equation compares, a few may leave a case untried.
_MANY = 64


def compare(kernel: ModuleType, cell: Cell, loss: Loss, *, seed: int = 0) -> tuple[Check, ...]:
    """Compare outputs, states and loss of `kernel` with the declaration, in float64.

    Also that the kernel takes every optional argument and has a pullback.

    A kernel for any number of time steps is compared at T = 1, 2 and 3 and with the sizes of the
    gradient checks, an unrolled one at its own T. All other sizes differ from each other. Where
    the declaration is not defined at the usual arguments, or round-off is large, others are drawn
    (see `verify.domain`); at the usual ones the kernel is compared too as far as it can be.

    Raises
    ------
    VerificationError: the declared equations themselves give no finite numbers anywhere.
    """
    sizes = [*small(kernel), *large(kernel)]
    if kernel.UNROLL is None:
        sizes += [some._replace(T=T) for T, some in zip((1, 2, 3), sizes, strict=False)]
    sizes.append(sizes[0]._replace(B=_MANY))
    declared = _Declared(cell, loss)
    problems: list[Problem] = []
    definition = definition_of(loss)
    for some in sizes:
        like = problems[0].domain if problems else None
        drawn = Problem(kernel, some, seed, definition=definition)
        problems.append(declared.problem(drawn, like))
    declared.require_defined(problems[0])

    def against(
        part: Callable[[Problem, Evaluation], tuple[str, Any, Any]],
    ) -> Callable[[Problem], Difference]:
        def differ(problem: Problem) -> Difference:
            name, actual, expected = part(problem, declared.at(problem))
            return difference(f"at {problem}, {name}", actual, expected)

        def measure(problem: Problem) -> Difference:
            usual = [] if problem.domain.is_usual else [declared.at_usual(differ, problem)]
            return worst([differ(problem), *usual])

        return measure

    results = {"outputs": _outputs, "state": _state}
    if not is_forward_alone(kernel):
        results["loss"] = _loss
    if hasattr(kernel, "trace"):
        results["trace"] = _trace
    allowed = tolerance(problems, TOLERANCE)
    slopes = _Slopes(declared, [f.__name__ for f in cell.functions if f.declared is not None])
    claims = [
        *(
            Claim(name, _METHOD, None, allowed, over(problems, against(part)))
            for name, part in results.items()
        ),
        *([] if is_forward_alone(kernel) else slopes.claims(kernel, problems, allowed)),
        Claim("functions", "all that are promised", None, 0, lambda: _offered(kernel, cell)),
    ]
    if cell.init:
        claims.append(Claim("init_params", "as declared", None, 0, partial(_drawn, kernel, cell)))
    return tuple(claim.check() for claim in claims)


def definition_of(loss: Loss) -> Definition:
    """The definition of a loss for the checks: their own, or for other losses the declaration."""
    if loss.name in LOSSES:
        return LOSSES[loss.name]

    def each(outputs: Any, y: Any) -> Any:
        columns = states(outputs)[0].shape[-1]
        y = np.eye(columns)[y] if loss.targets == "labels" else y
        steps = zip(*states(outputs), y, strict=True)
        found = np.array([costs(loss, given, target) for *given, target in steps])
        return found / loss.columns(columns) if loss.mean else found

    return Definition(DRAWS[loss.targets], each, loss.mean, bounded=True, reads_all=True)


class _Slopes:
    """Gradients of a kernel beside the slopes of the declared equations, which have the derivatives
    that are declared of the functions with these `names`: no difference of losses could."""

    def __init__(self, declared: _Declared, names: list[str]) -> None:
        self.declared = declared
        derivatives = "derivative" if len(names) == 1 else "derivatives"
        self.method = f"dual numbers, {derivatives} of {' and '.join(names)} as declared"
        self.names = names

    def claims(
        self, kernel: ModuleType, problems: Sequence[Problem], allowed: float
    ) -> Iterator[Claim]:
        """Claims about gradients, if there are such functions, and that the kernel names them."""
        stated = sorted(getattr(kernel, "DERIVATIVES", {}))
        said = f"DERIVATIVES are of {stated}, declared are those of {self.names}"
        same = verdict(stated == self.names, said)
        if self.names or stated:
            yield Claim("derivatives", "those that are declared", None, 0, lambda: same)
        if self.names:
            for name in kernel.Params._fields:
                of_weight = partial(self._gradient, name)
                yield Claim(name, self.method, None, allowed, over(problems, of_weight))
            for given in ("lengths", "mask", "loss_weights"):
                of_all = partial(self._gradient, "", given=given)
                yield Claim(given, self.method, None, allowed, over(problems, of_all))
            yield Claim("vjp", self.method, None, allowed, over(problems, self._pullback))
        if not all(problem.domain.is_usual for problem in problems):
            # a kernel whose gradients are not finite there chooses others, which hide its fault
            method = "dual numbers, at numbers of order one"
            at_usual = partial(self.declared.at_usual, partial(self._gradient, ""))
            yield Claim("gradients", method, None, allowed, over(problems, at_usual))

    def _gradient(self, name: str, problem: Problem, *, given: str = "") -> Difference:
        """Compare along a random direction of the weight of this name, or of all weights."""
        arguments, rng = problem.arguments, problem.drawn(13)
        params = arguments.params._asdict()
        directions = [
            rng.standard_normal(w.shape) * (name in (weight, "")) for weight, w in params.items()
        ]
        T, B, *_ = problem.sizes
        lengths, weights = rng.integers(0, T + 1, B), rng.random((T, B))
        mask = rng.random((T, B)) < 0.7
        keywords = {"lengths": lengths, "mask": mask, "loss_weights": weights}
        of_call = {given: keywords[given]} if given else {}
        result = problem.kernel.loss_and_gradients(*arguments.trained, **of_call)
        padding = {"lengths": ended(T, lengths), "mask": ~mask}.get(given)
        found = self._evaluated(problem, directions, padding)
        if given != "loss_weights":
            weights = np.ones((T, B))
        share = weights.mean() if self.declared.loss.mean else 1.0  # a mean is over what counts
        weighed = (found.costs * weights).sum() / (found.numbers * share)
        slope_of = float(weighed.imag)
        if not math.isfinite(slope_of):  # there is no derivative here
            return Difference(0.0, "")
        return slope(f"at {problem}, {given or name}", result.gradients, directions, slope_of)

    def _pullback(self, problem: Problem) -> Difference:
        arguments, given, rng = problem.arguments, adjoints(problem), problem.drawn(13)
        directions = [rng.standard_normal(a.shape) for a in movable(problem, arguments)]
        *_, pullback = problem.kernel.vjp(*arguments.run)
        gradients, d_x, d_s0 = pullback(*given)
        found = self._evaluated(problem, directions, None)
        total = inner(found.outputs, given.d_outputs)
        total += inner(tuple(found.states.values()), given.d_state)
        computed = (*gradients, *parts(d_x), *states(d_s0))
        return slope(f"at {problem}, pullback", computed, directions, float(total.imag))

    def _evaluated(self, problem: Problem, directions: list[Any], ended: Any) -> Evaluation:
        """The declared equations at arguments that move along directions, of weights at least."""
        still = (0 * part for part in movable(problem, problem.arguments)[len(directions) :])
        arguments = moved(problem, problem.arguments, [*directions, *still], 1j)
        return self.declared.evaluate(problem, arguments, ended, DUAL)


class _Declared:
    """The declared equations at the arguments of problems, each evaluated once."""

    def __init__(self, cell: Cell, loss: Loss) -> None:
        self.cell, self.loss = cell, loss
        self.at = cache(self._at)
        self.noise = cache(self._noise)

    def require_defined(self, problem: Problem) -> None:
        """Refuse a declaration with which no kernel could be compared."""
        try:
            with np.errstate(all="ignore"):
                expected = _numbers(self.at(problem))
        except Exception:  # a kernel that draws no arguments: the claims say so
            return
        if not all(np.isfinite(number).all() for number in expected):
            raise VerificationError(
                f"{self._undefined(problem)}: the declared equations give infinity or NaN at all "
                "arguments that the checks draw, numbers of order one, smaller and positive ones; "
                "give the ranges of inputs, states and weights under [checks], or go without "
                "checks, by --no-verify"
            )

    def _undefined(self, problem: Problem) -> str:
        """The first equation that is not finite, and the function in it at which number."""
        found: list[str] = []

        def observe(t: int, equation: Equation, values: Any) -> None:
            if found or np.isfinite(values[equation.target]).all():
                return
            at = [
                f"{equation.target} at step {t + 1}" if equation.is_timed else equation.target.name
            ]
            for call in sorted(equation.expression.atoms(ElementwiseApplyFunction), key=str):
                arguments, results = evaluate(call.expr, values), evaluate(call, values)
                wrong = np.isfinite(arguments) & ~np.isfinite(results)
                name = call.function.expr.func.__name__
                at += [f"{name}({number:.3g})" for number in arguments[wrong][:1]]
            found.append(", ".join(at))

        with np.errstate(all="ignore"):
            self.evaluate(problem, problem.arguments, None, FLOATS, observe)
        return found[0] if found else "the loss"

    def problem(self, problem: Problem, like: Drawn | None) -> Problem:
        """Return it with arguments where the declaration, not the kernel, says they may lie.

        Where both are defined, round-off in the kernel has to be small as well. ``like`` is the
        domain of a problem of other sizes.
        """
        found = choose(lambda domain: self.noise_with(problem, domain), like)
        return replace(problem, given=found)

    def noise_with(self, problem: Problem, domain: Drawn, most: float = GOOD) -> float:
        """Return the noise of the declaration or, if it has more and is defined, of the kernel.

        That is not asked for where the declaration has more than `most`.
        """
        declared = self.noise(problem, domain)
        try:
            own = problem.noise(domain) if declared <= most else math.inf
        except (Exception, SystemExit):  # of the kernel, whose checks will say so
            own = math.inf
        return max(declared, own) if math.isfinite(own) else declared

    def at_usual(self, differ: Callable[[Problem], Difference], problem: Problem) -> Difference:
        """Compare at the usual arguments, as far as the declaration is defined there."""
        doubt = _TRUST * self.noise_with(problem, USUAL, 1 / _TRUST)
        if not doubt < 1:
            return Difference(0.0, "")
        return differ(replace(problem, given=USUAL))._replace(doubt=doubt)

    def _at(self, problem: Problem) -> Evaluation:
        return self._evaluate(problem, problem.arguments)

    def _noise(self, problem: Problem, domain: Drawn) -> float:
        """Return by what part a unit in the last place of the arguments changes the results."""

        def run(arguments: Arguments) -> Any:
            return _numbers(self._evaluate(problem, arguments))

        given, unit = problem.drawn_in(domain), float(np.finfo(np.float64).eps)
        return noise_of(run, given, run(given), unit, problem.drawn(11))

    def _evaluate(self, problem: Problem, arguments: Arguments) -> Evaluation:
        return self.evaluate(problem, arguments, None, FLOATS)

    def evaluate(
        self,
        problem: Problem,
        arguments: Arguments,
        ended: Any,
        domain: Domain,
        observe: Any = None,
    ) -> Evaluation:
        """The declared equations at arguments of a domain, with the steps past each length."""
        y, s0 = arguments.y, arguments.s0
        if self.loss.targets == "labels":
            y = np.eye(problem.output_size)[y]
        first = dict(zip((s.name for s in self.cell.states), states(s0), strict=True))
        values = {**arguments.params._asdict(), **self._constants(problem, arguments)}
        given = (self.cell, self.loss, values, arguments.inputs, y, first)
        return evaluate_declaration(*given, ended=ended, domain=domain, observe=observe)

    def _constants(self, problem: Problem, arguments: Arguments) -> dict[str, Any]:
        """The constants by their names in the declaration, as it says that they are made."""
        given, found = iter(arguments.constants), {}
        for symbol, pattern in self.cell.constants.items():
            if pattern is None:
                found[symbol.name] = next(given)
                continue
            made = Made(pattern.name, stored_shape(symbol), pattern.number)
            found[symbol.name] = made.array(problem.numbers)
        return found


def _numbers(found: Evaluation) -> tuple[Any, ...]:
    return (*states(found.outputs), np.asarray(found.loss), *found.states.values())


def _drawn(kernel: ModuleType, cell: Cell) -> Difference:
    """Compare what `init_params` draws, at sizes that tell much of it, with what is declared."""
    sizes, further = fitting(kernel, Sizes(1, 1, 40, 50)), set(kernel.SIZES) - set("BDH")
    numbers = {size_keyword(letter): 45 for letter in further}
    params = kernel.init_params(sizes.D, sizes.H, rng=0, **numbers)
    differences = []
    for weight, given in cell.init.items():
        fault = distribution(given).fault(np.atleast_2d(getattr(params, weight.name)))
        differences.append(verdict(not fault, f"params.{weight.name}: {fault}"))
    return worst(differences)


def _offered(kernel: ModuleType, cell: Cell) -> Difference:
    """Check that nothing is missing: `verify` checks only the options that it finds."""
    declared = tuple(output.name for output in cell.outputs)
    if outputs(kernel) != declared:
        return verdict(False, f"outputs are {outputs(kernel)}, declared are {declared}")
    offered = options(kernel)._asdict()
    if is_forward_alone(kernel):
        return verdict(offered["lengths"], "there is no lengths")
    missing = [name for name, there in offered.items() if not there]
    have = differentiated(kernel)
    named = zip(inputs(kernel), cell.inputs, strict=True)
    missing += [f"gradient of {n}" for n, x in named if x in cell.differentiated and n not in have]
    return verdict(not missing, f"there is no {', no '.join(missing)}")


def _outputs(problem: Problem, expected: Evaluation) -> tuple[str, Any, Any]:
    return "outputs", problem.kernel.forward(*problem.arguments.run)[0], expected.outputs


def _state(problem: Problem, expected: Evaluation) -> tuple[str, Any, Any]:
    if is_forward_alone(problem.kernel):
        _, state = problem.kernel.forward(*problem.arguments.run)
    else:
        state = problem.result.state
    return "state", states(state), tuple(expected.states.values())


def _trace(problem: Problem, expected: Evaluation) -> tuple[str, Any, Any]:
    traced = problem.kernel.trace(*problem.arguments.run)._asdict()
    found = {name.removesuffix("_"): each for name, each in traced.items()}
    same = {name: found.get(name, ()) for name in expected.values}
    return f"({', '.join(same)})", tuple(same.values()), tuple(expected.values.values())


def _loss(problem: Problem, expected: Evaluation) -> tuple[str, Any, Any]:
    return "loss", problem.kernel.loss(*problem.arguments.trained), expected.loss
