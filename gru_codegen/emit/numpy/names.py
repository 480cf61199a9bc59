"""The names in the lines of a function, and the locals that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from gru_codegen.emit.lines import Line
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.sizes import added, multiplied, parameter
from gru_codegen.ir import EquationId, Every, Now, Orientation, Ref, Role, Shape, Var, refs
from gru_codegen.names import public

__all__ = ["Kind", "Local", "Names", "line_of", "number_name"]

#: Optional arguments, which are one array each whatever the variables that are laid over them.
_ARGUMENTS: dict[Role, str] = {"lengths": "ended", "loss weights": "V"}
_NUMBERS = {0: "zero", 1: "one", 2: "two", 3: "three", 4: "four"}


class Kind(IntEnum):
    """Kinds of local names, in the order in which a function lists them."""

    WEIGHT = 0
    CONSTANT = 1
    SIZE = 2
    NUMBER = 3
    MADE_OF_WEIGHTS = 4
    ARRAY = 5
    DERIVED = 6


@dataclass(frozen=True)
class Local:
    """A local name.

    source: the weight, constant or attribute of the Workspace that it is, or the code that derives
    it.
    reads: the locals in that code.
    """

    source: str
    kind: Kind
    reads: frozenset[str] = frozenset()

    @property
    def code(self) -> str:
        """The right side of its assignment."""
        if self.kind is Kind.DERIVED:
            return self.source
        owner = {Kind.WEIGHT: "params", Kind.CONSTANT: "constants"}.get(self.kind, "w")
        return f"{owner}.{self.source}"


class Names:
    """Spells references, and remembers what the function has to give a local name.

    local: the local names. used: those spelled since they were last `taken`.
    steps: the matrices of one step that a loop names, and where they come from. indexed: whether a
    line needs the number of the step. numbers: the constants, by name.
    blocks: those of weights laid side by side that have a name, as code. constants: those that no
    call changes, by the array that they are in: where, and what stands there. sizes_of_blocks: the
    letters of the sizes in both. row_blocks: what products take in blocks of rows step by step, by
    the name of the blocks, each with the shape of the weights. calls: the functions of
    `gru_codegen/runtime` that lines call.
    """

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.plan = attributes.plan
        self.local: dict[str, Local] = {}
        self.used: set[str] = set()
        self.steps: dict[str, str] = {}
        self.indexed = False
        self.numbers: dict[str, int] = {}
        self.blocks: dict[str, str] = {}
        self.constants: dict[str, dict[str, str]] = {}
        self.sizes_of_blocks: set[str] = set()
        self.row_blocks: dict[str, tuple[Ref, Shape]] = {}
        self.calls: set[str] = set()

    @property
    def orientation(self) -> Orientation:
        """The orientation of matrices with a row per sample."""
        return self.plan.program.orientation

    def spell(self, ref: Ref, index: str) -> str:
        """`ref` in code, at the step called `index`."""
        var = ref.var
        if var.role == "count":
            return "w.count"
        if var.role == "size":
            return f"w.{parameter(var.adjoint_of)}"
        if var.role == "last":
            beyond = [carry.boundary for carry in self.plan.program.carries]
            return f"last[{next(i for i, e in enumerate(beyond) if e and ref in refs(e))}]"
        name = _ARGUMENTS.get(var.role) or self.attributes.of(ref)
        if var.role == "lengths" and self.plan.in_place and isinstance(ref.when, Every):
            return self._use(self.attributes.mask, self.attributes.mask, Kind.ARRAY)
        if not isinstance(ref.when, Now) or not self.plan.is_indexed(var):
            self._note(ref, name)
            return name
        if self.plan.in_place and (self.plan.is_stored(var) or var.role == "lengths"):
            source = self.attributes.mask if var.role == "lengths" else name
            return self._step(name, source)
        self._note(ref, name)
        self.indexed = True
        return f"{name}[{index}]"

    def taken(self) -> frozenset[str]:
        """The local names that have been spelled since the last call."""
        used, self.used = frozenset(self.used), set()
        return used

    def runtime(self, name: str) -> str:
        """A function of `gru_codegen/runtime`, which the module has to have."""
        self.calls.add(name)
        return name

    def _use(self, name: str, source: str, kind: Kind, reads: Iterable[str] = ()) -> str:
        """The local name `name`, which has to be given a value."""
        self.local.setdefault(name, Local(source, kind, frozenset(reads)))
        self.used.add(name)
        return name

    def _apart(self, spelled: Callable[[], str]) -> tuple[str, set[str]]:
        """Text `spelled` for the value of another local name, and the local names in it."""
        before, self.used = self.used, set()
        text = spelled()
        reads, self.used = self.used, before
        return text, reads

    def row_blocks_of(self, ref: Ref, weights: Shape) -> str:
        """The rows of one step of `ref`, so many at a time as a product by `weights` takes."""
        own = (ref, weights)
        name = self.attributes.names.of(own, f"{self.attributes.of(ref)}_blocks")
        self.row_blocks[name] = own
        if self.plan.is_indexed(ref.var):
            return self._step(name, name)
        return self._use(name, name, Kind.ARRAY)

    def all_row_blocks_of(self, ref: Ref, weights: Shape) -> str:
        """The rows of all steps of `ref`, cut likewise, once in a call."""
        for size in weights:
            self.size(size)
        rows, reads = self._apart(lambda: self.spell(ref, ""))
        blocks, rows_of = self.runtime("_blocks"), self.runtime("_rows")
        code = f"{blocks}({rows_of}({rows}), {multiplied(weights)})"
        name = self.attributes.names.of(code, f"{self.attributes.of(ref)}_blocks")
        return self._use(name, code, Kind.DERIVED, reads)

    def _step(self, name: str, source: str) -> str:
        """The name in a loop of the matrix of its step in the array, or list, `source`."""
        step = self.attributes.form(name, "t")
        self.steps[step] = source
        return step

    def _note(self, ref: Ref, name: str) -> None:
        var = ref.var
        if var.role == "weight":
            self._use(name, public(name), self._kind_of_weight(var))
        elif var.role == "lengths":
            self._use(name, "ended", Kind.ARRAY)
        elif self.plan.is_stored(var):
            made = var.is_of_weights and not var.parts
            self._use(name, name, Kind.MADE_OF_WEIGHTS if made else Kind.ARRAY)

    def _kind_of_weight(self, var: Var) -> Kind:
        program = self.plan.program
        if var.name in program.made:
            return Kind.MADE_OF_WEIGHTS
        return Kind.CONSTANT if var in program.constants else Kind.WEIGHT

    def ended(self) -> str:
        """The local name of which steps are padding, None where nothing is said of it."""
        return self._use("ended", "ended", Kind.ARRAY)

    def end(self, var: Var, which: Literal["first", "last"]) -> str:
        """The matrix of `var` before the first step, or that of the last one."""
        name = self.attributes.form(var.name, which)
        return self._use(name, name, Kind.ARRAY)

    def local_name(self, var: Var) -> str:
        """The local name of `var` as a whole."""
        self._note(Ref(var), var.name)
        return var.name

    def transposed(self, ref: Ref) -> str:
        """The transpose of weights, or of the matrices of all steps, made once."""
        name, reads = self._apart(lambda: self.spell(ref, ""))
        if self.is_by_row(ref):
            turned = self.attributes.form(name, "turned")
            return self._use(turned, turned, Kind.ARRAY)
        over_time = isinstance(ref.when, Every)
        turned = self.attributes.form(name, "turned" if over_time else "T")
        code = f"{self.runtime('_turned')}({name})" if over_time else f"{name}.T"
        return self._use(turned, code, Kind.DERIVED, reads)

    def optional(self, ref: Ref) -> str:
        """The argument, which may be None, that `ref` is read of."""
        return self.ended() if ref.var.role == "lengths" else "V"

    def column(self, ref: Ref) -> str:
        """A vector as a column, made once."""
        name, reads = self._apart(lambda: self.spell(ref, ""))
        column = self.attributes.form(name, "column")
        return self._use(column, f"{name}[:, None]", Kind.DERIVED, reads)

    def number(self, value: int) -> str:
        """The 0-d array that holds `value` in the compute dtype."""
        name = self.attributes.names.of(value, number_name(value))
        self.numbers[name] = value
        return self._use(name, name, Kind.NUMBER)

    def block(self, array: str, index: str, content: str) -> str:
        """A block of weights laid side by side: a view, made once, named after its `content`."""
        code = f"{array}[{index}]"
        name = self.attributes.names.of(code, f"{array}_{content}")
        self.blocks[name] = code
        return f"w.{name}"

    def size_in_workspace(self, written: str) -> str:
        """A size, or a sum of sizes, as code of the Workspace."""
        self.sizes_of_blocks.update(written.split("+"))
        return added([written])

    def constant(self, array: str, index: str, value: str) -> None:
        """Have `value` stand in a block of `array` from the beginning."""
        self.constants.setdefault(array, {})[index] = value

    def size(self, written: str) -> str:
        """A size, or a sum of sizes, as code."""
        for letter in written.split("+"):
            if not letter.isdigit():
                self._use(added([letter]), parameter(letter), Kind.SIZE)
        return added([written])

    def is_column_major(self, ref: Ref) -> bool:
        """True if the matrix is stored with a sample per column; weights have no samples."""
        is_result = ref.var.name in self.plan.results  # stored as it is handed out
        return self.plan.program.orientation_of(ref.var) == "columns" and not is_result

    def is_by_row(self, ref: Ref) -> bool:
        """True if it is stored row by row beside others that are not: all steps are one matrix."""
        return ref.var.name in self.plan.program.by_row


def line_of(names: Names, code: str, equations: tuple[EquationId, ...] = ()) -> Line:
    """A line of `code`, which uses what has been spelled since the line before."""
    return Line(code, names.taken(), equations)


def number_name(value: int) -> str:
    """The name of the number `value` in the Workspace, where that is free."""
    return _NUMBERS.get(value, f"number_{'minus_' if value < 0 else ''}{abs(value)}")
