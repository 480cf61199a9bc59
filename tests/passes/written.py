"""Small programs written as they are printed: what `str` makes of a program, read back."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gru_codegen.ir import (
    Call,
    Const,
    Expr,
    Now,
    Phase,
    Program,
    Ref,
    Var,
    validate,
)
from gru_codegen.ir.reading import read_blocks

__all__ = ["after", "phase", "written"]

_BH, _BD = ("B", "H"), ("B", "D")


def _adjoint(name: str, boundary: Expr | None = None) -> Var:
    return Var(f"d{name}", _BH, "adjoint", True, boundary, adjoint_of=name)


def _variables() -> dict[str, Var]:
    """All that the programs of these tests may speak of; D and H are inputs and states."""
    found = [
        Var("x", _BD, "input", True),
        Var("y", _BD, "input", True),
        Var("Y", _BH, "target", True),
        Var("ended", _BH, "lengths", True),
        *(Var(f"W{i}", ("D", "H"), "weight") for i in "zrc"),
        *(Var(f"U{i}", ("H", "H"), "weight") for i in "zrc"),
        *(Var(f"b{i}", ("H",), "weight") for i in "zrc"),
        *(Var(f"dW{i}", ("D", "H"), "gradient", adjoint_of=f"W{i}") for i in "zrc"),
        *(Var(f"dU{i}", ("H", "H"), "gradient", adjoint_of=f"U{i}") for i in "zrc"),
        *(Var(f"db{i}", ("H",), "gradient", adjoint_of=f"b{i}") for i in "zrc"),
        *(Var(name, _BH, "value", True) for name in ("Z", "R", "C", "RS", "A", "E", "F")),
        *(_adjoint(name) for name in ("S", "O", "Z", "R", "A", "aZ", "aR", "C", "aC", "E")),
        *(Var(name, _BD, "value", True) for name in ("P", "Q")),
        Var("dx", _BD, "adjoint", True, adjoint_of="x"),
        Var("loss", (), "loss"),
        *(Var(name, ("H",), "value") for name in ("u", "v", "p", "q")),
        Var("term", _BH, "work"),
        Var("S", _BH, "value", True, Ref(Var("s0", _BH, "initial"))),
        _adjoint("S_prev", Ref(Var("dS_last", _BH, "last"))),
    ]
    beyond = Var("G", _BH, "adjoint", True, Const(Fraction(0)))
    carried = Call("add", (Ref(Var("dC_last", _BH, "last")), Ref(beyond, Now(-1))))
    found += [beyond, Var("dC_prev", _BH, "adjoint", True, carried)]
    return {var.name: var for var in found}


def written(
    phases: Mapping[str, str] | str, entries: Mapping[str, str] | None = None, **fields: Any
) -> Program:
    """The program of these phases, each as it is printed; a single one is called forward."""
    known = _variables()
    if isinstance(phases, str):
        phases = {"forward": phases}
    made = tuple(Phase(name, read_blocks(text, known)) for name, text in phases.items())
    handed = {e: tuple(known[n] for n in names.split()) for e, names in (entries or {}).items()}
    if "seed" in fields:
        fields["seeds"] = (known[fields.pop("seed")],)
    fields["carries"] = tuple(known[name] for name in fields.get("carries", "").split())
    used = Program("written", (), made, handed).variables().values()
    named = {name for var in used for name in (var.name, var.adjoint_of)}
    weights = tuple(v for v in known.values() if v.role == "weight" and v.name in named)
    return validate(Program("written", weights, made, handed, **fields))


def after(program: Program, name: str = "forward") -> list[str]:
    """The lines of a phase, as `written` reads them."""
    (found,) = (phase for phase in validate(program).phases if phase.name == name)
    return [line for block in found.blocks for line in str(block).splitlines()]


def phase(text: str) -> list[str]:
    """The lines of a text that is indented as the code around it."""
    lines = [line for line in text.splitlines() if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    return [line[margin:] for line in lines]
