"""The names of a file: those of the derivation, and the reader's own for the same things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gru_codegen.grade.reading import read_name
from gru_codegen.grade.stamps import Stamp
from gru_codegen.grade.symbols import Symbols
from gru_codegen.grade.terms import Term, name
from gru_codegen.known import meant

__all__ = ["Naming"]

At = tuple[str, int]
_SUFFIXES = {"_t": 0, "_prev": -1, "_next": 1}


@dataclass
class Naming:
    """Names to symbols and back.

    Attributes
    ----------
    given: key and offset by the names that the reader has for them; these hide the derivation's.
    following: the same of what follows from them: dh is the adjoint of h.
    own: the names that the reader gives to values of his own.
    indexed: those of his names that he has written with the index t.
    """

    symbols: Symbols
    given: dict[str, At] = field(default_factory=dict)
    following: dict[str, At] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    indexed: set[str] = field(default_factory=set)

    def give(self, names: Mapping[str, At]) -> None:
        """Give symbols names, and with them their adjoints and carries."""
        self.given.update(names)
        for called, (key, offset) in names.items():
            for ours, theirs in ((f"d{key}", f"d{called}"), (f"d{key}_prev", f"d{called}_prev")):
                if offset == 0 and ours in self.symbols.by_key:
                    self.following[theirs] = ours, 0

    def fault_of(self, called: str) -> str | None:
        """Say why a reader cannot call anything so; None if he can."""
        if called in self.symbols.records or called in ("softmax", "sum_t", "o", "T"):
            return f"{called} has a meaning in formulas already"
        found = read_name(called)
        if found is None or found[1] is not None:
            return "a name begins with a letter and goes on with letters, digits and underscores"
        return None

    def find(self, text: str, stamp: Stamp | None = None, *, with_step: bool = True) -> At | None:
        """Key and offset of a name as it is written; None if there is no such name.

        In a line of one time step a number is a step, unless the name has none; adjoints are those
        of its error.
        """
        plain, bracket, label = text.partition("[")
        at = (self._at_step(plain, stamp) if with_step else None) or self._find(plain)
        whose = label.strip("]") or (stamp.whose if stamp is not None else "")
        if at is None or at[1] or not whose:
            return None if bracket and (at is None or at[1]) else at
        key = f"{at[0]}[{whose}]"
        return (key, 0) if key in self.symbols.by_key else None if bracket else at

    def _at_step(self, text: str, stamp: Stamp | None) -> At | None:
        called, _, step = text.rpartition("_")
        at = self._known(called) if stamp is not None and step.isdecimal() else None
        if at is None or stamp is None or not self._timed(at[0]):
            return None
        return at[0], at[1] + int(step) - stamp.step

    def _find(self, text: str) -> At | None:
        found = read_name(text)
        if found is None:
            return None
        called, index = found
        if at := self._known(called):
            return at[0], at[1] + (index or 0)
        for suffix, offset in _SUFFIXES.items():
            at = self._known(called.removesuffix(suffix)) if called.endswith(suffix) else None
            if at is not None and index is None:
                self.indexed |= {called.removesuffix("_t")} if offset == 0 else set()
                return at[0], at[1] + offset
        return None

    def _known(self, called: str) -> At | None:
        own = {called: (called, 0)} if called in self.own else {}
        for names in (self.given, self.following, own, self.symbols.spelled):
            if called in names:
                return names[called]
        return None

    def resolve(self, text: str, stamp: Stamp | None = None) -> Term:
        """The term of a name; raises KeyError with a message if there is none."""
        if text.endswith("'"):
            raise KeyError(
                f"there is no {text}; a slope is written in terms of the value, as Z * (1 - Z)"
            )
        at = self.find(text, stamp)
        if at is None:
            if stamp is None and self._at_step(text, Stamp("", 0)):
                raise KeyError(
                    f"there is no name {text}; a number is a step in a line of one alone"
                )
            close = meant(text, self.known())
            raise KeyError(f"there is no name {text};{close} names of yours stand under [names]")
        key, offset = at
        if offset and key not in self.own and not self.symbols.by_key[key].timed:
            raise KeyError(f"{text}: {key} has no step")
        if abs(offset) > 1:
            raise KeyError(f"{text} is {abs(offset)} steps away; formulas read t-1, t and t+1")
        return name(key, offset)

    def known(self) -> Iterable[str]:
        """Every name there is."""
        return (*self.given, *self.following, *sorted(self.own), *self.symbols.spelled)

    def called(self, key: str, offset: int, indexed: bool, stamp: Stamp | None = None) -> str:
        """The name of a symbol: the reader's if he has one, with its step if that is needed."""
        if key.endswith("]"):
            plain, _, label = key.partition("[")
            return f"{self.called(plain, offset, indexed, stamp)}[{label}"
        theirs, left = self._theirs(key, offset)
        if stamp is not None and self._timed(key):
            return f"{theirs or key}_{stamp.step + left}"
        if indexed and (left or not theirs or theirs in self.indexed) and self._timed(key):
            return f"{theirs or key}_{{t{left:+d}}}" if left else f"{theirs or key}_t"
        suffix = next((s for s, o in _SUFFIXES.items() if o == left and o), "")
        return f"{theirs or key}{suffix}"

    def _timed(self, key: str) -> bool:
        return key in self.own or self.symbols.by_key[key].timed

    def _theirs(self, key: str, offset: int) -> tuple[str | None, int]:
        if key in self.own:
            return key, offset
        for names in (self.given, self.following):
            theirs = {at: called for called, at in names.items()}
            for at, left in (((key, offset), 0), ((key, 0), offset)):
                if at in theirs:
                    return theirs[at], left
        return None, offset
