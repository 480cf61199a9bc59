"""Names for what passes make: what it is, and a number where that is taken."""

from __future__ import annotations

from gru_codegen.ir import Expr, reads

__all__ = ["fresh", "product_name"]


def fresh(stem: str, taken: set[str]) -> str:
    """A name that is not among `taken`, where it is from now on: ``xWz``, or else ``xWz_2``."""
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name)
    return name


def product_name(product: Expr) -> str:
    """A product by its factors: ``xWz``, or ``S_half_Wrecz`` where their names run together."""
    names = [ref.var.name for ref in reads(product)]
    return ("_" if any("_" in name for name in names) else "").join(names)
