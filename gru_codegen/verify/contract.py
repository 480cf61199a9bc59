"""Checks of the contract: results, their types, and the arguments that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from . import fields
from .calls import arrays as arrays_in
from .calls import call
from .claim import Claim, over
from .configuration import Arguments, Array, Problem, cast, fitting, like, mapped, states
from .difference import Difference, refusal, verdict, worst
from .entry_points import differentiated, entry_points, main, outputs, takes, takes_targets
from .options import adjoints, lengths, mask, options, weights

#: The class of the results of an entry point, if they have one.
_CLASSES = {"loss_and_gradients": "Result", "all_gradients": "AllGradients"}
DTYPES = (np.float32, np.float64, np.longdouble, np.complex128)


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about fields, shapes, dtypes and bad arguments."""
    of_weights, *of_others = fields.claims(problems)
    return [
        Claim("results", "fields, shapes, dtypes", None, 0, over(problems, _results)),
        of_weights,
        Claim("arguments", "wrong ones refused", None, 0, over(problems, _refused)),
        *of_others,
    ]


def _results(problem: Problem) -> Difference:
    for dtype in DTYPES:
        for name, actual, expected in _facts(problem, dtype):
            if actual != expected:  # NumPy takes its time to write a dtype: only where it is read
                fault = f"for {np.dtype(dtype)} params, {name} is {actual}, expected {expected}"
                return verdict(False, fault)
    return verdict(True, "")


def _facts(problem: Problem, dtype: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, actual, expected) for every fact about the results of the functions."""
    kernel = problem.kernel
    arguments = problem.arguments._replace(params=cast(problem.arguments.params, dtype))
    number = float if dtype in (np.float32, np.float64) else dtype
    for caller, names in entry_points(kernel).items():
        result = getattr(kernel, caller)(*arguments.of(kernel, caller))
        if caller in _CLASSES:
            yield f"{caller}'s result", type(result), getattr(kernel, _CLASSES[caller])
            yield f"the fields of {caller}'s result", result._fields, names
        for name, value in zip(names, result if len(names) > 1 else (result,), strict=True):
            if name == "loss":
                yield "the type of loss", type(value), number
            elif name == "pullback":
                yield from _pulled(problem, value(adjoints(problem).d_outputs)[1])
            elif name == "x":
                yield from _pulled(problem, value)
            else:
                yield from _arrays(problem, f"{caller}'s {name}", name, value, np.dtype(dtype))

    results = call(problem, arguments=arguments)
    for name, value in arrays_in("results", results):
        if isinstance(value, np.ndarray):
            yield f"{name}.dtype", value.dtype, np.dtype(dtype)
        else:
            yield f"the type of {name}", type(value), number


def _pulled(problem: Problem, d_x: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the type of the gradient of the inputs, the shapes, and which of them have none."""
    given = problem.arguments
    if len(given.inputs) > 1:
        yield "the type of the gradient of x", type(d_x), problem.kernel.Inputs
    for name, array, found in zip(problem.input_names, given.inputs, states(d_x), strict=True):
        shape = array.shape if name in differentiated(problem.kernel) else None
        yield f"the shape of the gradient of {name}", getattr(found, "shape", None), shape


def _arrays(
    problem: Problem, place: str, name: str, value: Any, dtype: np.dtype[Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the same for a result that is an array, or a tuple of them by name."""
    kernel, arguments = problem.kernel, problem.arguments
    like_outputs = adjoints(problem).d_outputs
    of_outputs = dict(zip(outputs(kernel), (a.shape for a in states(like_outputs)), strict=True))
    weights = {name: weight.shape for name, weight in arguments.params._asdict().items()}
    of_states = dict(zip(kernel.STATES, problem.state_shapes, strict=True))
    expected: dict[str, dict[str, tuple[int, ...]]] = {
        "outputs": of_outputs,
        **dict.fromkeys(("gradients", "params"), weights),
        **dict.fromkeys(("state", "s0"), of_states),
    }
    if name in ("gradients", "params"):
        yield f"the type of {place}", type(value), kernel.Params
    if name in ("state", "s0"):
        yield f"the type of {place}", type(value), type(arguments.s0)
    if name == "outputs":
        yield f"the type of {place}", type(value), type(like_outputs)
    for (part, shape), array in zip(expected[name].items(), states(value), strict=True):
        where = f"{place} {part}".rstrip()
        yield f"{where}.shape", array.shape, shape
        yield f"{where}.dtype", array.dtype, dtype


def _refused(problem: Problem) -> Difference:
    kernel, (_, B, D, H) = problem.kernel, problem.sizes
    good, checks = problem.arguments, []
    for name, bad, mention in _bad_arguments(problem):
        for function in entry_points(kernel):
            if _is_told(problem, bad, with_targets=takes_targets(kernel, function)):
                run, given = getattr(kernel, function), bad.of(kernel, function)
                checks.append(refusal(f"{name} in {function}", mention, run, *given))
    make = partial(kernel.Workspace, **problem.keywords)
    workspaces = {
        "a workspace for B+1": make(B + 1, D, H),
        "a workspace in float32": make(B, D, H, dtype=np.float32),
    }
    for letter, number in {"D": D, "H": H}.items():
        more = fitting(kernel, problem.sizes._replace(**{letter: number + 1}))
        if more != problem.sizes:
            workspaces[f"a workspace for {letter}+1"] = make(*more[1:])
    for name, workspace in workspaces.items():
        run = partial(getattr(kernel, main(kernel)), workspace=workspace)
        checks.append(refusal(name, "workspace", run, *good.of(kernel, main(kernel))))
    return worst([*checks, *_refused_options(problem)])


def _refused_options(problem: Problem) -> Iterator[Difference]:
    kernel, arguments = problem.kernel, problem.arguments
    offered, (T, B, *_) = options(kernel), problem.sizes
    V, n = weights(T, B), lengths(T, B)
    bad: dict[str, dict[str, Any]] = {}
    if offered.loss_weights:
        bad["loss_weights"] = {"(B, T)": V.T, "(T, 1)": V[:, :1], "(B,)": V[0]}
        bad["loss_weights"]["complex for real params"] = V + 0j
        if T == B:  # cannot be told from what is right
            del bad["loss_weights"]["(B, T)"], bad["loss_weights"]["(B,)"]
    if offered.lengths:
        bad["lengths"] = {"(1,)": n[:1], "floating": n.astype(float), "below 0": n - T - 1}
        bad["lengths"]["over T"] = n + T + 1
    if offered.mask:
        real = mask(T, B)
        bad["mask"] = {"(B, T)": real.T, "(T, 1)": real[:, :1], "(B,)": real[0]}
        bad["mask"]["integers"] = real.astype(int)
        if T == B:
            del bad["mask"]["(B, T)"]
    for name, values in bad.items():
        for what, value in values.items():
            for function in entry_points(kernel):
                if takes(kernel, function, name):
                    run = partial(getattr(kernel, function), **{name: value})
                    yield refusal(f"{name} {what}", name, run, *arguments.of(kernel, function))
    if offered.vjp:
        d_outputs, d_state = adjoints(problem)
        wrong: dict[str, tuple[Any, Any]] = {
            "d_state (1,H)": (d_outputs, mapped(lambda part: part[:1], d_state)),
        }
        for number, adjoint in enumerate(states(d_outputs)):
            changed = partial(_with_output, d_outputs, number)
            wrong[f"d_outputs (T,1,O), {number}"] = (changed(adjoint[:, :1]), d_state)
            if adjoint.shape[-1] != 1:
                wrong[f"d_outputs (T,B,1), {number}"] = (changed(adjoint[..., :1]), d_state)
        for name, given in wrong.items():
            _, _, pullback = kernel.vjp(*arguments.run)
            yield refusal(name, name.split()[0], pullback, *given)
        if "all_gradients" in entry_points(kernel):
            run = partial(kernel.all_gradients, d_state=wrong["d_state (1,H)"][1])
            yield refusal("d_state (1,H)", "d_state", run, *arguments.trained)


def _with_output(d_outputs: Any, number: int, array: Array) -> Any:
    """Return adjoints of outputs with another array for one of them."""
    arrays = [*states(d_outputs)]
    return like(d_outputs, [*arrays[:number], array, *arrays[number + 1 :]])


def _bad_arguments(problem: Problem) -> Iterator[tuple[str, Arguments, str]]:
    """Yield a name, arguments that NumPy might broadcast, and the names that an error may give."""
    good = problem.arguments
    params, y, s0 = good.params, good.y, good.s0
    weights, data = "|".join(params._fields), "|".join((*problem.input_names, "y", "s0"))

    for name, x in zip(problem.input_names, good.inputs, strict=True):
        changed = partial(_with_input, problem, name)
        yield f"{name} (T,1,D)", changed(x[:, :1]), data
        if x.shape[-1] != 1:
            yield f"{name} (T,B,1)", changed(x[..., :1]), _of_size(problem, x.shape[-1])
        yield f"{name} (B,D)", changed(x[0]), name
        yield f"complex {name} for real params", changed(x.astype(complex)), name
    yield "y (T,1,H)", good._replace(y=y[:, :1]), "y"
    if y.shape[-1] != 1:
        yield "y (T,B,1)", good._replace(y=y[..., :1]), "y"
    yield "y (T+1,B,H)", good._replace(y=np.concatenate([y, y[:1]])), "y"
    if len(y) > 1:
        yield "y (1,B,H)", good._replace(y=y[:1]), "y"
    if problem.kernel.UNROLL is not None:
        longer = good.with_inputs(np.concatenate([x, x[:1]]) for x in good.inputs)
        longer = longer._replace(y=np.concatenate([y, y[:1]]))
        yield f"{problem.input_names[0]} (T+1,B,D)", longer, data
    for name, state in zip(problem.kernel.STATES, states(s0), strict=True):
        one = s0._replace(**{name: state[:1]}) if len(states(s0)) > 1 else state[:1]
        yield f"s0 {name} (1,H)", good._replace(s0=one), f"s0|{name}"
    first, *_ = params._fields
    if len(params) > 1:
        mixed = params._replace(**{first: cast(getattr(params, first), np.float32)})
        yield f"{first} alone in float32", good._replace(params=mixed), f"params|{weights}"
    for name, constant in given_constants(good):
        named, changed = f"constants.{name}", partial(_with_constant, good, name)
        mention = _of_size(problem, constant.shape[-1]) if constant.ndim else named
        yield f"{named} of other columns", changed(_of_other_columns(constant)), mention
        yield f"{named} of one dimension more", changed(constant[None]), named
        yield f"complex {named} for real params", changed(constant.astype(complex)), named
    integers = type(params)(*(np.ones(weight.shape, int) for weight in params))
    yield "integer params", good._replace(params=integers), f"params|{weights}"
    for name, weight in params._asdict().items():
        mention = _of_size(problem, weight.shape[-1]) if weight.ndim else name
        wrong = _of_other_columns(weight)
        columns = "one column" if wrong.shape[-1] == 1 else "two columns"
        other = params._replace(**{name: wrong})
        yield f"{name} with {columns}", good._replace(params=other), mention


def _of_other_columns(weight: Any) -> Any:
    """Return the weight with one column or, where that is right, with two."""
    if weight.shape[-1:] not in ((), (1,)):
        return weight[..., :1]
    return np.stack([weight, weight], -1).reshape((*weight.shape[:-1], 2))


def _is_told(problem: Problem, bad: Arguments, *, with_targets: bool) -> bool:
    """Return whether a function shows that ``bad`` is wrong, one that takes targets or not.

    It does not show a wrong y that it is not given, nor an array whose number of columns no other
    one shares, y included: that may well be right.
    """
    good = problem.arguments
    if bad.x is good.x and bad.y is not good.y:
        return with_targets
    before, after = (
        [*each.params, *each.constants, *each.inputs, *states(each.s0)] for each in (good, bad)
    )
    for number, (right, wrong) in enumerate(zip(before, after, strict=True)):
        alike = right.ndim == wrong.ndim and right.shape[:-1] == wrong.shape[:-1]
        if alike and right.shape[-1:] != wrong.shape[-1:]:
            others = [each for k, each in enumerate(before) if k != number]
            sizes = {n for each in others for n in each.shape} | {*right.shape[:-1]}
            return right.shape[-1] in (sizes | {problem.output_size} if with_targets else sizes)
    return True


def _with_input(problem: Problem, name: str, array: Any) -> Arguments:
    """Return the data of ``problem`` with another array for one input."""
    inputs = dict(zip(problem.input_names, problem.arguments.inputs, strict=True))
    return problem.arguments.with_inputs({**inputs, name: array}.values())


def given_constants(given: Arguments) -> list[tuple[str, Array]]:
    """Return the constants that the kernel is given, by name."""
    return list(given.constants._asdict().items()) if given.constants else []


def _with_constant(given: Arguments, name: str, array: Array) -> Arguments:
    return given._replace(constants=given.constants._replace(**{name: array}))


def _of_size(problem: Problem, number: int) -> str:
    """Return the names of those of the arguments that have the size ``number``.

    An error about one that has another size instead may name any of them: they no longer agree,
    and which one is wrong is for the kernel to guess. Labels y, without columns, must fit as well.
    """
    given = problem.arguments
    params, s0 = given.params, given.s0
    arrays = [*params._asdict().items(), *zip(problem.input_names, given.inputs, strict=True)]
    arrays += [("s0", state) for state in states(s0)]
    arrays += [(f"constants.{name}", constant) for name, constant in given_constants(given)]
    return "|".join([*dict.fromkeys(name for name, array in arrays if number in array.shape), "y"])
