"""Storage reuse for targets: a copy of them may lie in the storage of the first seed.

Expects `overwrites` decided. Leaves `Program.targets_in_seed`.
"""

from __future__ import annotations

from dataclasses import replace

from gru_codegen.ir import (
    Program,
    Ref,
    Statement,
    Var,
    reads,
    statements,
    unpacked,
    writes,
)
from gru_codegen.passes.store.reuse_storage import is_in_place

__all__ = ["alias_targets"]


def alias_targets(program: Program) -> Program:
    """Decide whether the storage of the first seed may hold the targets until it is computed.

    The forward pass and the loss must leave that storage alone until a statement that reads the
    targets, as no other does, and may write over its operands. Its other operands in that storage
    are those of another step, computed before: a sound program reads nothing unwritten.
    """
    if not program.seeds:
        return program
    storage = program.root(program.seeds[0].name)
    packs = {ref.var for ref in program.references()}
    neighbours = {ref.var for pack in packs if pack.parts for ref in unpacked(Ref(pack))}
    before = [phase for phase in program.phases if phase.name in ("forward", "loss")]
    early = [statement for phase in before for statement in statements(phase.blocks)]
    readers = [s for s in early if any(ref.var.role == "target" for ref in reads(s.value))]
    touching = [s for s in early if any(program.root(v.name) == storage for v in _variables(s))]
    alone = readers == touching[:1] and all(map(is_in_place, readers))
    apart = not any(program.root(var.name) == storage for var in neighbours)
    return replace(program, targets_in_seed=alone and apart)


def _variables(statement: Statement) -> set[Var]:
    return {ref.var for ref in (*writes(statement), *reads(statement.value))}
