"""What the lines of a function call things, and the locals that they need for it."""

from __future__ import annotations

from typing import Literal

from gru_codegen.emit.attributes import Attributes
from gru_codegen.emit.sizes import added, multiplied, parameter
from gru_codegen.ir import Every, Now, Orientation, Ref, Shape, Var, refs

__all__ = ["Names", "number_name"]

_NUMBERS = {0: "zero", 1: "one", 2: "two", 3: "three", 4: "four"}


class Names:
    """Spells references, and remembers what the function has to give a local name.

    local: names and where they come from. steps: the matrices of one step that a loop names.
    indexed: whether a line needs the number of the step. numbers: the constants, by name.
    blocks: those of weights laid side by side that have a name, as code. constants: those that no
    call changes, by the array that they are in: where, and what stands there. row_blocks: what
    products take in blocks of rows step by step, by the name of the blocks, each with the shape of
    the weights.
    """

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.plan = attributes.plan
        self.local: dict[str, str] = {}
        self.steps: dict[str, str] = {}
        self.indexed = False
        self.numbers: dict[str, int] = {}
        self.blocks: dict[str, str] = {}
        self.constants: dict[str, dict[str, str]] = {}
        self.row_blocks: dict[str, tuple[Ref, Shape]] = {}

    @property
    def layout(self) -> Orientation:
        """How the matrices are stored."""
        return self.plan.program.layout

    def spell(self, ref: Ref, index: str) -> str:
        """`ref` in code, at the step called `index`."""
        var = ref.var
        if var.role == "count":
            return "w.count"
        if var.role == "last":
            beyond = [carry.boundary for carry in self.plan.program.carries]
            return f"last[{next(i for i, e in enumerate(beyond) if e and ref in refs(e))}]"
        name = self.attributes.of(ref)
        if var.role == "lengths" and self.plan.in_place and isinstance(ref.when, Every):
            name = self.attributes.mask
            self.local.setdefault(name, f"w.{name}")
            return name
        if not isinstance(ref.when, Now) or not self.plan.is_indexed(var):
            self._note(ref, name)
            return name
        if self.plan.in_place and (self.plan.is_stored(var) or var.role == "lengths"):
            source = self.attributes.mask if var.role == "lengths" else name
            return self._step(name, source)
        self._note(ref, name)
        self.indexed = True
        return f"{name}[{index}]"

    def row_blocks_of(self, ref: Ref, weights: Shape) -> str:
        """The rows of one step of `ref`, so many at a time as a product by `weights` takes."""
        own = (ref, weights)
        name = self.attributes.names.of(own, f"{self.attributes.of(ref)}_blocks")
        self.row_blocks[name] = own
        if self.plan.is_indexed(ref.var):
            return self._step(name, name)
        self.local.setdefault(name, f"w.{name}")
        return name

    def all_row_blocks_of(self, ref: Ref, weights: Shape) -> str:
        """The rows of all steps of `ref`, cut likewise, once in a call."""
        for size in weights:
            self.size(size)
        code = f"_blocks(_rows({self.spell(ref, '')}), {multiplied(weights)})"
        name = self.attributes.names.of(code, f"{self.attributes.of(ref)}_blocks")
        self.local[name] = code
        return name

    def _step(self, name: str, source: str) -> str:
        """What a loop calls the matrix of its step in the array, or list, `source`."""
        step = self.attributes.form(name, "t")
        self.steps[step] = source
        return step

    def _note(self, ref: Ref, name: str) -> None:
        var = ref.var
        if var.role == "weight":
            self.local.setdefault(name, f"params.{name}")
        elif var.role == "lengths":
            self.local.setdefault(name, "w.ended")
        elif self.plan.is_stored(var):
            self.local.setdefault(name, f"w.{name}")

    def end(self, var: Var, which: Literal["first", "last"]) -> str:
        """The matrix of `var` before the first step, or that of the last one."""
        name = self.attributes.form(var.name, which)
        self.local.setdefault(name, f"w.{name}")
        return name

    def local_name(self, var: Var) -> str:
        """The local name of `var` as a whole."""
        self._note(Ref(var), var.name)
        return var.name

    def transposed(self, ref: Ref) -> str:
        """The transpose of weights, or of the matrices of all steps, made once."""
        name = self.spell(ref, "")
        if self.is_by_row(ref):
            turned = self.attributes.form(name, "turned")
            code = f"w.{turned}"
        elif isinstance(ref.when, Every):
            turned, code = self.attributes.form(name, "turned"), f"_turned({name})"
        else:
            turned, code = self.attributes.form(name, "T"), f"{name}.T"
        self.local.setdefault(turned, code)
        return turned

    def optional(self, ref: Ref) -> str:
        """The argument, which may be None, that `ref` is read of."""
        if ref.var.role != "lengths":
            return ref.var.name
        self.local.setdefault("ended", "w.ended")
        return "ended"

    def column(self, ref: Ref) -> str:
        """A vector as a column, made once."""
        name = self.spell(ref, "")
        column = self.attributes.form(name, "column")
        self.local.setdefault(column, f"{name}[:, None]")
        return column

    def number(self, value: int) -> str:
        """The 0-d array that holds `value` in the compute dtype."""
        name = self.attributes.names.of(value, number_name(value))
        self.numbers[name] = value
        self.local.setdefault(name, f"w.{name}")
        return name

    def block(self, array: str, index: str, content: str) -> str:
        """A block of weights laid side by side: a view, made once, named after its `content`."""
        code = f"{array}[{index}]"
        name = self.attributes.names.of(code, f"{array}_{content}")
        self.blocks[name] = code
        return f"w.{name}"

    def constant(self, array: str, index: str, value: str) -> None:
        """Have `value` stand in a block of `array` from the beginning."""
        self.constants.setdefault(array, {})[index] = value

    def size(self, written: str) -> str:
        """A size, or a sum of sizes, as code."""
        for letter in written.split("+"):
            if not letter.isdigit():
                self.local.setdefault(added([letter]), f"w.{parameter(letter)}")
        return added([written])

    def is_column_major(self, ref: Ref) -> bool:
        """Whether the matrix is stored with a sample per column; weights have no samples."""
        is_result = ref.var.name in self.plan.results  # stored as it is handed out
        return self.plan.program.orientation(ref.var) == "columns" and not is_result

    def is_by_row(self, ref: Ref) -> bool:
        """Whether it is stored row by row beside others that are not: all steps are one matrix."""
        return ref.var.name in self.plan.program.by_row


def number_name(value: int) -> str:
    """What the Workspace calls the number `value`, where that is free."""
    return _NUMBERS.get(value, f"number_{value}".replace("-", "minus_"))
