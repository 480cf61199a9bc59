"""Leave the forward pass alone, or with every value that it computes at every step.

Expects the program as it is lowered. Leaves one phase, whose entry point hands out the outputs and
the states, or all values.
"""

from __future__ import annotations

from dataclasses import replace

from gru_codegen.ir import Phase, Program, writes

__all__ = ["keep_forward", "keep_forward_values"]


def keep_forward(program: Program) -> Program:
    """Leave the phase of the outputs, without loss, gradients and what only they read."""
    states = tuple(var for var in program.entries["gradients"] if var.role == "value")
    forward = tuple(phase for phase in program.phases if phase.name == "forward")
    entries = {"forward": program.entries["forward"], "gradients": states}
    return replace(program, phases=forward, entries=entries, seeds=(), carries=())


def keep_forward_values(program: Program) -> Program:
    """Leave the phase of the outputs, and have it hand out all that it computes step by step."""
    states = tuple(var for var in program.entries["gradients"] if var.role == "value")
    forward = next(phase for phase in program.phases if phase.name == "forward")
    alone = replace(program, phases=(Phase("trace", forward.blocks),))
    written = {ref.var.name: ref.var for s in alone.statements() for ref in writes(s)}
    values = tuple(var for var in written.values() if var.timed and var.role == "value")
    entries = {"trace": values, "gradients": states}
    return replace(alone, entries=entries, seeds=(), carries=())
