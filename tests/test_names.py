"""Names that a symbol may have, and those that a kernel keeps for itself."""

from __future__ import annotations

import ast
import builtins
import keyword
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, fault_of_symbol, hadamard, matrix, ones
from gru_codegen.functions import FUNCTIONS, sigmoid, tanh
from gru_codegen.names import fault_of_name
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from gru_codegen.pipeline import check
from tests.shares import in_turn

STYLES: list[Any] = ["fast", "textbook"]
#: What the kernel of `cell` has beside its symbols, and calls something else if a symbol is so.
MAKING_ROOM = {
    "backward_steps", "forward_steps", "mask", "one", "ones", "term", "terms", "two",
}  # fmt: skip


def cell(names: list[str]) -> Cell:
    """A cell of two states whose nine symbols have these names, the first that of its input."""
    x, W, U, b, p = (
        matrix(name, *shape)
        for name, shape in zip(names, [(B, D), (D, H), (H, H), (1, H), (1, H)], strict=False)
    )
    Z, G, S, C = (matrix(name, B, H) for name in names[5:])
    S_prev, C_prev = (matrix(f"{state}_prev", B, H) for state in (S, C))
    return Cell(
        name="named",
        title="a cell of any names",
        source="a test",
        inputs=(x,),
        weights=(W, U, b, p),
        states={S: S_prev, C: C_prev},
        equations=(
            Equation(Z, sigmoid(x * W + S_prev * U + ones(B, 1) * b), "gate"),
            Equation(G, tanh(x * W + hadamard(ones(B, 1) * p, C_prev)), "candidate"),
            Equation(C, hadamard(ones(B, H) - Z, C_prev) + hadamard(Z, G), "cell state"),
            Equation(S, hadamard(Z, tanh(C)), "state"),
        ),
    )


# --- what is reserved is what kernels use --------------------------------------------------------


@pytest.mark.parametrize("unroll", [None, 2])
@pytest.mark.parametrize("style", STYLES)
def test_what_stands_beside_the_symbols_of_a_cell_is_reserved(
    style: Any, unroll: int | None
) -> None:
    """Two kernels that differ in the names of the symbols: what they share is the kernel's own.

    It is reserved, or makes room for a symbol of that name.
    """
    first, second = (
        ast.parse(
            gc.generate(cell([f"{mark}{n}{mark}" for n in range(9)]), style=style, unroll=unroll)
        )
        for mark in ("Q", "K")
    )
    own = beside_symbols(first, second) | defined(first)
    of_the_loss = {"E", "dE", "Y"}  # derive() refuses these, whichever the loss
    assert {"np", "w", "dtype", "params", "loss"} <= own
    free = sorted(name for name in own - of_the_loss if fault_of_name(name) is None)
    assert set(free) <= MAKING_ROOM
    declared = cell([*free, *(f"Q{n}Q" for n in range(9))][:9])
    report = check(gc.load(declared, style=style, unroll=unroll), declared)
    assert report, str(report)


def beside_symbols(first: ast.Module, second: ast.Module) -> set[str]:
    """The names that the kernels share in the scopes where they have names of their own, too."""
    found: set[str] = set()
    for ours, theirs in zip(scopes(first), scopes(second), strict=True):
        for names in (variables, attributes):
            if names(ours) != names(theirs):
                found |= names(ours) & names(theirs)
    return found


def scopes(module: ast.Module) -> list[ast.AST]:
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    return [*functions, *(node for node in module.body if isinstance(node, ast.ClassDef))]


def variables(scope: ast.AST) -> set[str]:
    names = {node.id for node in ast.walk(scope) if isinstance(node, ast.Name)}
    return names | {node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)}


def attributes(scope: ast.AST) -> set[str]:
    """The attributes of a Workspace; an array of all steps has an underscore before its name."""
    return {
        node.attr.removeprefix("_")
        for node in ast.walk(scope)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "w")
    }


def defined(module: ast.Module) -> set[str]:
    """What the module defines and imports."""
    found: set[str] = set()
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                found.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {alias.asname or alias.name for alias in names}
    return found


# --- any other name will do ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["x", "a", "b", "c", "f", "g", "h", "i", "j"],
        ["u", "x", "y", "s0", "h0", "i0", "a0", "h", "s"],
        ["X1", "k", "l", "n", "o", "q", "r", "v", "z"],
        ["input_", "Ws", "Wt", "bw", "output1", "aZ", "Z", "S_2", "dC"],
        ["i", "weight", "value", "targets", "place", "state", "out", "addend", "array"],
        ["x", "Wi", "Wf", "bi", "bf", "i", "f", "s", "c"],
        ["x", "dot", "tanh1", "reshape", "copy", "add", "shape", "S1", "s1"],
        ["x", "x_copy_2_RS", "x_T", "one", "x_turned", "s0", "S_last", "S", "terms"],
        ["n", "p", "f", "a", "mask", "s", "i", "o", "forward_steps"],
        ["x", "W_first", "S_t_2", "C_prev_T", "daG", "aZ", "term", "S", "s"],
        ["x", "W", "half_W", "number_5", "c_S", "b", "b_c", "b_b", "c"],
        ["w", "V", "O", "l", "E", "Z", "I", "S", "C"],
        ["I", "w", "Wrec", "O", "V", "l", "E", "Y", "C"],
        ["V", "W", "U", "b", "p", "O", "G", "w", "I"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("style", STYLES)
def test_other_names_make_sound_kernels(style: Any, names: list[str]) -> None:
    names = [name.rstrip("_") + "1" if name.endswith("_") else name for name in names]
    assert [fault_of_symbol(name) for name in names] == [None] * 9
    declared = cell(names)
    report = check(gc.load(declared, style=style), declared)
    assert report, str(report)


#: Names of two inputs, three weights, a constant that is given and one that is made.
SHARED = [["w", "I", "V", "O", "Y", "C", "l"], ["O", "x", "U", "l", "I", "V", "w"]]


def with_constants(folder: Path, names: list[str]) -> Cell:
    first, second, recurrent, inward, bias, given, made = names
    path = folder / "named.toml"
    path.write_text(
        f"""
        name = "named"
        inputs = {{ {first} = "(B, D)", {second} = "(B, D)", keep = "(B, 1)" }}
        without_gradient = ["keep"]
        states = ["S", "E"]
        weights = {{ {recurrent} = "(H, H)", {inward} = "(D, H)", {bias} = "(H,)" }}
        constants = {{ {given} = "(D, H)", {made} = "identity(H)" }}
        init = {{ {recurrent} = "orthogonal" }}
        equations = '''
        Z = sigmoid({first} @ {inward} + S_prev @ {recurrent} + {bias})
        S = keep * Z * S_prev + (1 - Z) * tanh({second} @ {inward})
        E = E_prev @ {made} / 2 + {second} @ {given} * S
        '''
        [checks]
        {first} = [-2, 1]
        {recurrent} = [-2, 1]
        {given} = [-2, 1]
        S = [-2, 1]
        """,
        encoding="utf-8",
    )
    return load_cell(str(path))


@pytest.mark.parametrize(
    ("kind", "names"),
    in_turn([("textbook", None), ("fast", "rows"), ("fast", "columns")], SHARED),
    ids=str,
)
def test_callers_have_the_names_of_the_declaration(
    tmp_path: Path, kind: Any, names: list[str]
) -> None:
    """Whatever the code calls their arrays, V_ for one."""
    (first, second, *weights), (given, made) = names[:5], names[5:]
    declared, (style, layout) = with_constants(tmp_path, names), kind
    kernel = gc.load(declared, style=style, layout=layout, extras=("credit", "trace"))
    assert kernel.Params._fields == tuple(weights)
    assert kernel.Inputs._fields == (first, second, "keep")
    assert kernel.Constants._fields == (given,)
    assert set(kernel.MADE) == {made}
    drawn = {f"x.{first}", f"params.{weights[0]}", f"constants.{given}", "s0.S"}
    assert set(kernel.CHECKS) == drawn
    assert set(kernel.SHAPES) == {
        *(f"params.{name}" for name in weights),
        *(f"x.{name}" for name in kernel.Inputs._fields),
        *(f"constants.{given}", "s0.S", "s0.E", "y", "outputs"),
    }
    report = check(kernel, declared)
    assert report, str(report)


# --- what kernels make of other names ------------------------------------------------------------

KINDS: list[tuple[Any, Any]] = [("textbook", None), *(("fast", each) for each in LAYOUTS)]
#: How many symbols of either kind can be called anything.
SPARE = 4


@cache
def with_spare(names: tuple[str, ...]) -> Cell:
    """A cell with biases and values, first these and then those, that have these names."""
    x, W, U, R = matrix("x", B, D), matrix("W", D, H), matrix("U", H, H), matrix("R", H, H)
    Z, C, S, S_prev = (matrix(name, B, H) for name in ("Z", "C", "S", "S_prev"))
    biases = [matrix(name, 1, H) for name in names[:SPARE]]
    values = [matrix(name, B, H) for name in names[SPARE:]]
    gates = [
        Equation(value, sigmoid(x * W + S_prev * U + ones(B, 1) * bias), "gate")
        for value, bias in zip(values, biases, strict=True)
    ]
    total = sum((hadamard(value, S_prev) for value in values[1:]), x * W)
    return Cell(
        name="spare",
        title="a cell with symbols to spare",
        source="a test",
        inputs=(x,),
        weights=(W, U, R, *biases),
        states={S: S_prev},
        equations=(
            *gates,
            Equation(Z, sigmoid(total), "gate"),
            Equation(C, tanh(x * W + hadamard(values[0], S_prev) * R), "candidate"),
            Equation(S, hadamard(ones(B, H) - Z, S_prev) + hadamard(Z, C), "state"),
        ),
    )


@cache
def made_names(style: Any, layout: Any) -> list[str]:
    """The names in the kernel of a cell that symbols beside those of the cell may have."""
    plain = with_spare(tuple(f"q{n}" for n in range(2 * SPARE)))
    module = ast.parse(gc.generate(plain, style=style, layout=layout))
    found = variables(module) | attributes(module)
    found |= {name.removesuffix("_t") for name in found}
    own = {*"xWURZCS", "S_prev", "Y", "E", *FUNCTIONS}
    own |= {s.name for s in (*plain.weights, *(equation.target for equation in plain.equations))}
    found -= own | {f"d{name}" for name in own}
    found -= {name for name in found if name.startswith("d") and name[1:] in found}  # adjoints
    return sorted(name for name in found if fault_of_name(name) is None)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.campaign)])
def test_a_symbol_may_have_a_name_that_kernels_make(seed: int) -> None:
    """Drawn from what every layout made of other names: each kernel finds new ones for its own."""
    rng = random.Random(seed)
    pools = [made_names(*kind) for kind in KINDS]
    assert all(len(pool) > 2 * SPARE for pool in pools)
    names: list[str] = []
    while len(names) < 2 * SPARE:
        name = rng.choice(pools[len(names) % len(pools)])
        if name not in names:
            names.append(name)
    rng.shuffle(names)
    declared = with_spare(tuple(names))
    for style, layout in KINDS:
        report = check(gc.load(declared, style=style, layout=layout), declared)
        assert report, f"{names}, {style}, {layout}: {report}"


# --- what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("lambda", "is a keyword of Python"),
        ("None", "is a keyword of Python"),
        ("H", "is a letter that kernels need: B, D, H and O are sizes, T the steps, L the loss"),
        ("Params", "is a name that kernels use themselves"),
        ("type", "is a name that kernels use themselves"),
        ("sum", "is a name of Python's own"),
        ("show", "is a name that kernels use themselves"),
        ("Z_t", "ends in _t, with which equations write the value at step t: leave that out"),
        ("el", "would have the adjoint del, which is a keyword of Python"),
        ("ir", "would have the adjoint dir, which is a name of Python's own"),
        ("clip", "is a name that kernels use themselves"),
        ("_Z", "is not a name: underscores stand one by one, between letters and digits"),
        ("Z_", "is not a name: underscores stand one by one, between letters and digits"),
        ("__import__", "is not a name: underscores stand one by one, between letters and digits"),
        ("", "is not a name: it takes ASCII letters, digits and underscores, a letter first"),
        ("2Z", "is not a name: it takes ASCII letters, digits and underscores, a letter first"),
        ("Z z", "is not a name: it takes ASCII letters, digits and underscores, a letter first"),
        ("β", "is not a name: it takes ASCII letters, digits and underscores, a letter first"),
    ],
)
def test_faults(name: str, fault: str) -> None:
    assert fault_of_name(name) == fault


def test_every_keyword_and_builtin_is_refused() -> None:
    for name in (*keyword.kwlist, *dir(builtins)):
        assert fault_of_name(name) is not None


@pytest.mark.parametrize("name", gc.cells)
def test_the_cells_of_the_package_use_none(name: str) -> None:
    declared = gc.cells[name]
    symbols = (*declared.inputs, *declared.weights, *declared.states, *declared.states.values())
    names = [s.name for s in (*symbols, *(equation.target for equation in declared.equations))]
    assert {name: fault_of_name(name) for name in names if name not in FUNCTIONS} == dict.fromkeys(
        names
    )
