"""Lines that state a quantity in terms of itself: true, whatever it is, and no derivation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gru_codegen.grade.sheet import Entry
from gru_codegen.grade.symbols import Symbol
from gru_codegen.grade.terms import Term, leaves

__all__ = ["Circles"]

#: A name and its step: relative to that of a line or, in a line of one step, its number.
At = tuple[str, int]

#: A way that leads further away from the step of a line is not followed.
FARTHEST = 3


class Circles:
    """The lines of a file, and which of the others each of them reads.

    order: the symbols of the derivation, in the order of computation.
    """

    def __init__(self, entries: Iterable[Entry], order: Mapping[str, Symbol]) -> None:
        self.order = order
        self.places = {key: place for place, key in enumerate(order)}
        self.of_step: dict[At, Entry] = {}
        self.of_any: dict[str, Entry] = {}
        for entry in entries:
            if entry.term is None:
                continue
            if entry.stamp is None:
                self.of_any[entry.key] = entry
            else:
                self.of_step[entry.key, entry.stamp.step] = entry

    def way(self, entry: Entry) -> Sequence[str] | None:
        """The names by way of which a line reads its own left side: () if it does so itself.

        None if it does not, or if it reads on the way what the derivation computes before it too:
        then the fault is in another line.
        """
        start = (entry.key, entry.stamp.step if entry.stamp else 0)
        found = self._way_back(start, start)
        if found is None:
            return None
        term: Term = self._entry(start).term  # type: ignore[union-attr, assignment]
        for leaf in leaves(term):
            at = (leaf.value[0], start[1] + leaf.value[1])
            on_circle = at == start or self._way_back(at, start) is not None
            if on_circle and not self._is_before(leaf, entry):
                return found
        return None

    def _is_before(self, leaf: Term, entry: Entry) -> bool:
        """Return whether the derivation reads it for the same line, or could."""
        key, offset = leaf.value
        right = self.order[entry.key].definition if entry.key in self.order else None
        if right is not None and leaf in leaves(right):
            return True
        here, there = self.places.get(entry.key), self.places.get(key)
        return offset == 0 and here is not None and there is not None and there < here

    def _way_back(self, first: At, start: At) -> Sequence[str] | None:
        """The names between `first` and `start`, each of which reads the next; the shortest."""
        ways: dict[At, tuple[str, ...]] = {first: ()}
        waiting = [first]
        for at in waiting:
            for read in self._read(at):
                if read == start:
                    return ways[at]
                if read not in ways and abs(read[1] - start[1]) <= FARTHEST:
                    ways[read] = (*ways[at], read[0])
                    waiting.append(read)
        return None

    def _read(self, at: At) -> Iterator[At]:
        entry = self._entry(at)
        for leaf in leaves(entry.term) if entry and entry.term else ():
            yield leaf.value[0], at[1] + leaf.value[1]

    def _entry(self, at: At) -> Entry | None:
        return self.of_step.get(at) or self.of_any.get(at[0])
