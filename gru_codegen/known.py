"""A dictionary that lists its keys when it is asked for another, and the one that was meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches
from reprlib import Repr
from typing import NoReturn, TypeVar

__all__ = [
    "Known",
    "closest",
    "is_in_module",
    "meant",
    "none_called",
    "one_of_your_own",
    "quoted",
    "require_arguments",
    "require_known",
]

Value = TypeVar("Value")


#: What other libraries call losses of this package.
_ELSEWHERE = {
    "mse": "l2-mean",
    "nll": "cross-entropy",
    "softmax-cross-entropy": "cross-entropy",
    "bce-with-logits": "bce",
    "binary-cross-entropy": "bce",
    "smooth-l1": "huber",
}


class Known(dict[str, Value]):
    """All there are of one `kind`, by name."""

    def __init__(self, kind: str, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.kind = kind

    def __missing__(self, name: object) -> NoReturn:
        raise KeyError(none_called(self.kind, name, self))


def none_called(kind: str, name: object, known: Iterable[str]) -> str:
    """The message about a `name` that none of a kind has."""
    return f"there is no {kind} {quoted(name)};{meant(name, known)} known: {', '.join(known)}"


def one_of_your_own(kind: str) -> str:
    """The names that one has which does not come with the package, in words."""
    return f"a {kind} of your own is package.module:NAME, or FILE.toml"


def is_in_module(name: str) -> bool:
    """Return whether a cell or loss of this name is imported; a file's path may have a colon."""
    return ":" in name and not name.lower().endswith(".toml")


def require_known(option: str, value: object, known: Collection[str]) -> None:
    """Raise ValueError, which has the nearest name, unless the value of an option is `known`."""
    if value not in tuple(known):  # which takes what has no hash, too
        close, there = meant(value, known), ", ".join(known)
        raise ValueError(f"{option}: there is no {quoted(value)};{close} there are {there}")


def require_arguments(of: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise TypeError, which has the nearest name, unless all `given` arguments are `known`.

    of: what has them, in words.
    """
    for name in given:
        if name not in known:
            close = meant(name, known)
            raise TypeError(f"there is no argument {name!r};{close} {of} has {', '.join(known)}")


def quoted(name: object) -> str:
    """A name as messages repeat it: the middle of a long one is left out."""
    return _SHORT.repr(name)


_SHORT = Repr()
_SHORT.maxstring = 200


def meant(name: object, known: Iterable[str]) -> str:
    """The part of a message that names the one of `known` that is close to `name`, if any is."""
    close = closest(name, known) if isinstance(name, str) else None
    return "" if close is None else f" did you mean {close}?"


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` is a slip of: the fewest slips, or else much in common.

    Case does not count, nor do dashes in front. The beginning of one is a slip of it, unless
    others begin so too, and so is what other libraries call it.
    """
    known = tuple(known)
    name = name.lower().lstrip("-")
    if (other := _ELSEWHERE.get(name)) in known:
        return other
    words = {word.lower().lstrip("-"): word for word in known}
    counted = {
        word: _slips(name, word) for word in words if 2 * abs(len(word) - len(name)) < len(name)
    }
    near = [word for word, slips in counted.items() if 2 * slips < len(name)]
    if near:
        best = min(near, key=lambda word: (counted[word], *_unlike(name, word)))
        return words[best]
    cutoff = 0.6 if len(name) > 2 else 0.5  # of two letters, one may differ
    close = get_close_matches(name, words, n=1, cutoff=cutoff)
    if not close and len(name) > 2:
        close = sorted((word for word in words if word.startswith(name)), key=len)
        if not all(word.startswith(close[0]) for word in close):
            return None
    return words[close[0]] if close else None


def _unlike(name: str, word: str) -> tuple[bool, float]:
    """Two words of as few slips: letters that have changed places are the commonest one."""
    return sorted(name) != sorted(word), -SequenceMatcher(a=name, b=word).ratio()


def _slips(name: str, word: str) -> int:
    """Count letters that are left out, too many or wrong, or have changed places with the next.

    It is the distance of optimal string alignment.
    """
    before: list[int] = []
    row = list(range(len(word) + 1))
    for i, letter in enumerate(name):
        older, before, row = before, row, [i + 1]
        for j, other in enumerate(word):
            slips = min(before[j + 1] + 1, row[j] + 1, before[j] + (letter != other))
            if i and j and (name[i - 1], letter) == (other, word[j - 1]):
                slips = min(slips, older[j - 1] + 1)
            row.append(slips)
    return row[-1]
