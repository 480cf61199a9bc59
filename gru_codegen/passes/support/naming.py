"""Names of the variables that passes make, with a number if the plain one is in use."""

from __future__ import annotations

from gru_codegen.ir import Expr, Program, reads
from gru_codegen.names import free_name

__all__ = ["fresh", "names_in", "product_name"]


def names_in(program: Program) -> set[str]:
    """Every name that `program` holds: of its variables, and of packs of them."""
    packs = {ref.var.name for ref in program.references()}
    weights = (weight.name for weight in (*program.weights, *program.constants))
    return {*weights, *program.variables(), *packs}


def fresh(stem: str, names_in_use: set[str]) -> str:
    """A name not among `names_in_use`, added to them: ``xWz``, or else ``xWz_2``."""
    name = free_name(stem, names_in_use)
    names_in_use.add(name)
    return name


def product_name(product: Expr) -> str:
    """A product by its factors: ``xWz``, or ``S_half_Wrecz`` where their names run together."""
    names = [ref.var.name for ref in reads(product)]
    return ("_" if any("_" in name for name in names) else "").join(names)
