"""Translation validation: a generated module proved to compute what its declaration says.

Nothing is translated back. The module's own lines run on elements of a finite field, exactly, and
every number that they return is compared with the derivation's, which is held to the declared
equations on dual numbers.

field     the elements, with random functions and a random order
functions the functions of declarations on them; dual numbers: `dual`
points    random arguments
expected  the right results
lines     the module's lines, in a namespace of their own; runtime, workspaces, calls of it
proof     the comparison, and its result
"""

from __future__ import annotations

from gru_codegen.prove.proof import Proof, prove

__all__ = ["Proof", "prove"]
