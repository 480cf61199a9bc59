"""The record of an elementwise function, and the operands of the formulas in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from gru_codegen.ir.expressions import Call, Const, Expr, Ref, Var, parts, rewrite

__all__ = ["Elementwise", "a", "name", "operation", "value"]


def name(letters: str) -> Ref:
    """A name in a formula: of the argument, of the value or of a part."""
    return Ref(Var(letters, (), "work"))


def operation(known: str) -> Callable[..., Call]:
    """An operation of the representation, to be applied to formulas and numbers."""
    return lambda *args: Call(
        known, tuple(Const(Fraction(arg)) if isinstance(arg, int) else arg for arg in args)
    )


#: What formulas are written in: the argument of a function, and its value there.
a, value = name("a"), name("value")


@dataclass(frozen=True, kw_only=True)
class Elementwise:
    """A function of one number, applied to every entry of a matrix.

    Attributes
    ----------
    name: as equations write it, an identifier.
    meaning: what it is, a formula in ``a`` or a noun; no full stop.
    called: what a formula that is the meaning is called, if it has a name in words.
    latex, latex_meaning: of the name and of the meaning where they are set in another way.
    remark, computed: how the meaning goes on where the derivative or the computation is explained.
    derivative: in terms of `value`, which the forward pass has kept, and of `a`.
    sees_through: the functions g for which this function of g(a) is that of a itself.
    ufunc: what NumPy has for it; or, where it has nothing,
    definition: made of other operations, in terms of `a` and of the names in
    where: parts that are computed first, in this order, each under its name.
    reference: of an array, written independently of `definition`, which is held to it: what a
        declaration means by the function. None is the ufunc.
    inline: whether an expression shows the definition and calls no helper.
    poles: the arguments at which the function or its derivative is infinite.
    safe: an argument at which both are finite.
    overflows: whether the function is too large for any number at arguments of moderate size.
    bounded: whether all its values are less than some number.
    kinks: the arguments at which the function or its derivative jumps.
    above: the greatest number that is less than all its arguments; None where there is none.
    """

    name: str
    meaning: str
    called: str = ""
    latex: str = ""
    latex_meaning: str = ""
    remark: str = ""
    computed: str = ""
    derivative: Expr
    sees_through: tuple[str, ...] = ()
    ufunc: Callable[..., Any] | None = None
    definition: Call | None = None
    where: tuple[tuple[Ref, Call], ...] = ()
    reference: Callable[[Any], Any] | None = None
    inline: bool = False
    poles: tuple[Fraction, ...] = ()
    safe: Fraction = Fraction(0)
    overflows: bool = False
    bounded: bool = False
    kinks: tuple[Fraction, ...] = ()
    above: Fraction | None = None

    @property
    def description(self) -> str:
        """Sentence on the meaning of the function."""
        return f"{self.called} {self.meaning}{self.remark}.".lstrip()

    def __call__(self, argument: Expr) -> Call:
        """The function applied to an expression."""
        return Call(self.name, (argument,))

    def of(self, argument: Expr) -> Expr:
        """Definition of the function at `argument`; it has no named parts."""
        assert self.definition is not None
        assert not self.where
        return rewrite(self.definition, lambda part: argument if part == a else None)

    def on_array(self, array: Any) -> Any:
        """The value that a declaration means, entry by entry."""
        function = self.reference or self.ufunc
        assert function is not None  # one of them is there
        return function(array)

    @property
    def is_total(self) -> bool:
        """Return whether function and derivative are finite at all numbers of moderate size."""
        return not (self.poles or self.overflows)

    @cached_property
    def fits_one_place(self) -> bool:
        """Return whether it is a chain of operations, each in the place of the one before."""
        if self.definition is None:
            return True
        calls = [part for part in parts(self.definition) if isinstance(part, Call)]
        inner = [[arg for arg in call.args if isinstance(arg, Call)] for call in calls]
        reads = sum(part == a for part in parts(self.definition))
        return not self.where and reads == 1 and all(len(args) <= 1 for args in inner)

    def in_one_place(self, argument: Expr, variable: Ref) -> Iterator[Call]:
        """Operations that compute the function in one place, the first of `argument`.

        What `variable` holds comes first wherever the order of the operands does not matter.
        """
        assert self.definition is not None
        assert self.fits_one_place
        calls = [part for part in parts(self.definition) if isinstance(part, Call)]
        for call in reversed(calls):
            args = [variable if isinstance(arg, Call) else arg for arg in call.args]
            if call.operation in _COMMUTATIVE and args[1] == variable:
                args.reverse()
            yield Call(call.operation, tuple(argument if arg == a else arg for arg in args))


_COMMUTATIVE = ("add", "multiply")
