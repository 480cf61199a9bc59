"""Names that a kernel defines beside the functions that are checked by calling them."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ..modules import is_forward_alone
from .claim import Claim
from .configuration import Problem, cast
from .difference import Difference, difference, verdict, worst
from .entry_points import constants, outputs
from .options import options

STYLES = ("fast", "textbook")
#: Where the layouts keep the samples of a matrix of all time steps: which axis.
SAMPLES = {"rows": 1, "blocked": 1, "columns": 2, "folded": 2}
#: What generated kernels have. One by hand may do without all of it, but not without some of it.
TOGETHER = ("LAYOUT", "SHAPES", "vjp", "params_to_npz", "params_from_npz")


def missing(kernel: ModuleType) -> list[str]:
    """Return which of `TOGETHER` are missing from a kernel that has the others, or is to."""
    offered = options(kernel)
    together = [name for name in TOGETHER if name != "vjp" or not is_forward_alone(kernel)]
    has = [name for name in together if hasattr(kernel, name)]
    whole = has or offered.loss_weights or offered.lengths
    return [name for name in together if name not in has] if whole else []


def claim(problem: Problem) -> Claim:
    """Return the claim that names are defined, and say the truth about the kernel."""
    return Claim("module", "names and what they say", None, 0, lambda: _said(problem))


def npz_claim(problem: Problem) -> Claim:
    """Return the claim that weights come back from a file as they were, by name."""
    return Claim("params", "npz round trip", None, 0, lambda: _round_trips(problem))


def _round_trips(problem: Problem) -> Difference:
    kernel, params = problem.kernel, problem.arguments.params
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        for dtype in (np.float32, np.float64):
            file, given = os.path.join(folder, "weights"), cast(params, dtype)
            kernel.params_to_npz(given, file)
            found = kernel.params_from_npz(file)
            alike = type(found) is kernel.Params and found[0].dtype == dtype
            differences += [difference("params", found, given), verdict(alike, "not Params")]
    return worst(differences)


def _said(problem: Problem) -> Difference:
    return worst(verdict(holds, otherwise) for holds, otherwise in _facts(problem))


def _facts(problem: Problem) -> Iterator[tuple[bool, str]]:
    """Yield facts that have to hold, each with the message if it does not."""
    kernel = problem.kernel
    lacking = missing(kernel)
    yield not lacking, f"it defines no {', '.join(lacking)}"
    absent = [name for name in getattr(kernel, "ENTRY_POINTS", ()) if not hasattr(kernel, name)]
    yield not absent, f"ENTRY_POINTS names {', '.join(absent)}, which it does not define"
    for name in TOGETHER[2:]:
        value = getattr(kernel, name, None)
        yield value is None or callable(value), f"{name} is not callable"
    for argument, given in getattr(kernel, "CHECKS", {}).items():
        held = argument in getattr(kernel, "SHAPES", ()) and _is_range(given)
        yield held, f"CHECKS has {given!r} for {argument}, which is no range of an argument"
    unknown = {*getattr(kernel, "WITHOUT_GRADIENT", ())} - {*problem.input_names}
    yield not unknown, f"WITHOUT_GRADIENT names {', '.join(sorted(unknown))}, which is no input"
    yield from _shapes(problem)
    yield from _outputs(kernel)
    style, layout = kernel.STYLE, getattr(kernel, "LAYOUT", None)
    yield style in STYLES, f"STYLE is {style!r}, expected one of {', '.join(STYLES)}"
    if layout is None:
        return
    known = ("rows",) if style == "textbook" else tuple(SAMPLES)
    yield layout in known, f"LAYOUT is {layout!r}, expected one of {', '.join(known)}"
    kept = _samples(problem)
    if layout in known and kept is not None:
        otherwise = f"LAYOUT is {layout!r}, but a Workspace keeps a sample in each "
        yield SAMPLES[layout] == kept, otherwise + ("row" if kept == 1 else "column")


def _outputs(kernel: ModuleType) -> Iterator[tuple[bool, str]]:
    """Yield that equations compute all outputs, the first of which is OUTPUT."""
    for name in outputs(kernel):
        left_side = rf"^\s*{re.escape(name)}(_t)?\s+="
        computed = re.search(left_side, kernel.EQUATIONS, re.MULTILINE)
        yield bool(computed), f"OUTPUT is {name!r}, which is on no left side of EQUATIONS"
    fields = getattr(getattr(kernel, "Outputs", None), "_fields", outputs(kernel)[:1])
    said = f"Outputs has the fields {', '.join(fields)}, not {', '.join(outputs(kernel))}"
    yield fields == outputs(kernel), said
    yield outputs(kernel)[0] == kernel.OUTPUT, f"the first of OUTPUTS is not {kernel.OUTPUT!r}"


def _shapes(problem: Problem) -> Iterator[tuple[bool, str]]:
    """Yield that SHAPES has the letters of each weight as `init_params` makes it, and no others."""
    stated = getattr(problem.kernel, "SHAPES", None)
    if stated is None:
        return
    made = problem.made._asdict()
    y = () if is_forward_alone(problem.kernel) else ("y",)
    others = (*problem.input_names, *problem.state_names, *y, *problem.output_names)
    others += constants(problem.kernel)
    expected = {*others, *(f"params.{name}" for name in made)}
    odd = ", ".join(sorted(expected.symmetric_difference(stated)))
    yield not odd, f"SHAPES and the arguments differ in {odd}"
    for name, weight in made.items():
        letters = stated.get(f"params.{name}", ())
        shape = tuple(problem.numbers.get(letter, -1) for letter in letters)
        otherwise = f"SHAPES has {letters} for {name}, which init_params makes {weight.shape}"
        yield shape == weight.shape, f"{otherwise} for {shape}"


def _is_range(given: Any) -> bool:
    try:
        low, high = given
        return bool(-math.inf < low < high < math.inf)
    except (TypeError, ValueError):
        return False


def _samples(problem: Problem) -> int | None:
    """Return the axis of the samples of the outputs in a Workspace; None if that does not tell."""
    _, B, *_ = problem.sizes
    workspace: Any = problem.workspace()
    name = problem.kernel.OUTPUT  # or, apart from names of its own, with an underscore
    kept = getattr(workspace, name, getattr(workspace, f"{name}_", None))
    shape: Any = getattr(kept, "shape", ())
    if len(shape) != 3 or (shape[1] == B) == (shape[2] == B):
        return None
    return 1 if shape[1] == B else 2
