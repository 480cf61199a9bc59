"""The values that loops take as given: sums at zero, carries at their boundary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gru_codegen.emit.lines import Line
from gru_codegen.emit.numpy.names import Names, line_of
from gru_codegen.ir import Block, Loop, Ref, Statement, Step, Var, reads, refs, statements, writes
from gru_codegen.names import public

__all__ = ["Boundaries"]


class Boundaries:
    """Writes the lines that give values to what a loop does not compute at any step.

    written: the variables that the blocks write. begun: the carries whose matrix beyond the last
    step has been written. sums: the gradients that have a value.
    elsewhere: what a block reads of other steps, by the identity of the body that steps share.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.plan, self.attributes = names.plan, names.attributes
        self.written: set[Var] = set()
        self.begun: set[Var] = set()
        self.elsewhere: dict[int, list[tuple[Var, int]]] = {}
        self.sums: set[Var] = set()

    def begin(self, blocks: tuple[Block, ...]) -> None:
        """Learn what `blocks`, all of a function, write."""
        self.written = {ref.var for s in statements(blocks) for ref in writes(s)}

    def before(self, loop: Loop) -> Iterator[Line]:
        """Begin what the loop takes as given: sums at zero, carries at their boundary."""
        written = {ref.var: s for s in statements(loop.body) for ref in writes(s)}
        for var, statement in written.items():
            if statement.accumulate and var.role == "gradient":
                yield from self._zeros(var)
            elif not self.plan.is_carried_over_time(var):
                yield from self._carried(var)

    def outside(self, blocks: tuple[Block, ...]) -> Iterator[Line]:
        """Begin what those of `blocks` that are no loops take as given."""
        some = tuple(block for block in blocks if not isinstance(block, Loop))
        for statement in statements(some):
            for var in (ref.var for ref in writes(statement) if ref.var.role == "gradient"):
                if statement.accumulate or statement.given:
                    yield from self._zeros(var)
                self.sums.add(var)
        for var in self._read_beyond(some):
            is_here = var in self.written and var not in self.begun
            if is_here and not self.plan.is_carried_over_time(var):
                self.begun.add(var)
                yield from self._carried(var)

    def beyond(self, blocks: tuple[Block, ...]) -> Iterator[Line]:
        """Begin the carries of which `blocks` read the matrix beyond the last step."""
        yield from self._beyond_all_steps(self._read_beyond(blocks))

    def handed_out(self) -> Iterator[Line]:
        """Begin the carries that are handed out after no step at all."""
        yield from self._beyond_all_steps(self.plan.program.carries)

    def _zeros(self, gradient: Var) -> Iterator[Line]:
        """Begin a sum, unless it has a value."""
        if gradient not in self.sums:
            self.sums.add(gradient)
            zeros = f"np.zeros_like(params.{public(gradient.adjoint_of)})"
            if gradient.adjoint_of not in {weight.name for weight in self.plan.program.weights}:
                zeros = f"np.zeros({self.attributes.sizes(gradient)}, w.dtype)"
            yield Line(f"    {gradient.name} = {zeros}")

    def _carried(self, var: Var) -> Iterator[Line]:
        """Begin a carry that each step writes over, if it is one."""
        if isinstance(var.boundary, Ref) and not self.plan.is_stored(var):
            zeros = f"np.zeros({self.attributes.sizes(var)}, w.dtype)"
            beyond = self.names.spell(var.boundary, "")
            yield line_of(self.names, f"    {var.name} = {zeros} if last is None else {beyond}")
        elif var.boundary is not None and any(r.var.role == "last" for r in refs(var.boundary)):
            yield from self._begun(var, self.names.spell(Ref(var), ""))

    def _read_beyond(self, blocks: tuple[Block, ...]) -> Iterator[Var]:
        """The variables of which `blocks` read another step, but those that no such step has."""
        steps = self.plan.program.steps
        for block in blocks:
            for var, offset in self._read_elsewhere(block):
                inside = isinstance(block, Step) and 0 <= block.index + offset < (steps or 0)
                if not inside:
                    yield var

    def _read_elsewhere(self, block: Block) -> list[tuple[Var, int]]:
        """The variables of which `block` reads another step, with how many steps away that is."""
        key = id(block if isinstance(block, Statement) else block.body)
        if key not in self.elsewhere:
            read = [ref for s in statements((block,)) for ref in reads(s.value)]
            self.elsewhere[key] = [
                (ref.var, ref.when.offset) for ref in read if ref.when and ref.when.offset
            ]
        return self.elsewhere[key]

    def _beyond_all_steps(self, some: Iterable[Var]) -> Iterator[Line]:
        """Begin those of `some` that are carries kept for all steps, beyond the last one."""
        for var in some:
            is_here = var in self.written and var not in self.begun
            if is_here and self.plan.is_carried_over_time(var):
                self.begun.add(var)
                yield from self._begun(var, self.names.end(var, "last"))

    def _begun(self, carry: Var, name: str) -> Iterator[Line]:
        """The carry beyond the last step: what others are at that step, and what a caller gives."""
        assert carry.boundary is not None  # it is that of a carry
        if isinstance(carry.boundary, Ref):
            beyond = self.names.spell(carry.boundary, "")
            yield line_of(self.names, f"    {name}[...] = 0 if last is None else {beyond}")
            return
        addends = refs(carry.boundary)
        given = [ref for ref in addends if ref.var.role == "last"]
        start, *others = [self.names.end(r.var, "last") for r in addends if r not in given]
        yield line_of(self.names, f"    {name}[...] = {start}")
        yield from (Line(f"    np.add({name}, {other}, {name})") for other in others)
        for ref in given:
            yield Line("    if last is not None:")
            yield line_of(
                self.names, f"        np.add({name}, {self.names.spell(ref, '')}, {name})"
            )
