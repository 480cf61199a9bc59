"""Lines of Python and how they are wrapped: text in, text out, whatever it is about."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from gru_codegen.ir import EquationId

__all__ = [
    "WIDTH",
    "Line",
    "LogicalLine",
    "assignments",
    "broken",
    "call",
    "call_lines",
    "called",
    "command",
    "comment",
    "filled",
    "filled_lines",
    "hung",
    "hung_sum",
    "listed",
    "one_each",
    "parenthesised",
    "remarked",
    "signature",
    "together",
    "unpacked_lines",
]

#: The longest line of a module.
WIDTH = 100


@dataclass(frozen=True)
class Line:
    """A line of the output.

    code: the text, indented. reads: the local names that it uses. equations: those that it takes
    part in computing or, as a comment, says.
    """

    code: str
    reads: frozenset[str] = frozenset()
    equations: tuple[EquationId, ...] = ()


@dataclass(frozen=True)
class LogicalLine:
    """A statement in code, or the head of a block, before it is known where it stands.

    start, inside, end: its text. What is `inside`, the arguments of a call, stands on a line of its
    own if the whole is too long. depth: how many levels further in it stands than others.
    """

    start: str
    inside: str = ""
    end: str = ""
    depth: int = 0

    def lines(self, indent: str) -> list[str]:
        """The lines that it takes where others begin with `indent`."""
        indent += "    " * self.depth
        line = f"{indent}{self.start}{self.inside}{self.end}"
        if len(line) <= WIDTH or not self.inside:
            return [line]
        inside = _within(self.inside, f"{indent}    ")
        return [f"{indent}{self.start}", *inside, f"{indent}{self.end}"]

    def deeper(self) -> LogicalLine:
        """It in a block."""
        return replace(self, depth=self.depth + 1)


def call(
    function: str, arguments: Iterable[str], *, before: str = "", behind: str = ""
) -> LogicalLine:
    """A call that is a statement, or what a loop begins with: `before` and `behind` it the rest."""
    return LogicalLine(f"{before}{function}(", ", ".join(arguments), f"){behind}")


def assignments(names: Sequence[str], values: Sequence[str], indent: str = "    ") -> Iterator[str]:
    """Several names at a time get their values, as many as a line holds but no more than six."""
    line = ""
    some: list[tuple[str, str]] = []
    for pair in zip(names, values, strict=True):
        longer = [*some, pair]
        left, right = (", ".join(column) for column in zip(*longer, strict=True))
        if some and (len(some) == 6 or len(f"{indent}{left} = {right}") > WIDTH):
            yield line
            longer, (left, right) = [pair], pair
        some, line = longer, f"{indent}{left} = {right}"
    if line:
        yield line


def filled_lines(names: Sequence[str], indent: str) -> list[str]:
    """Names between commas, over as many lines as it takes, with a comma at the end."""
    return textwrap.wrap(
        f"{', '.join(names)},", WIDTH, initial_indent=indent, subsequent_indent=indent
    )


def unpacked_lines(names: Sequence[str], value: str, indent: str) -> list[str]:
    """Names that get the elements of one tuple."""
    line = f"{indent}{', '.join(names)}{',' * (len(names) == 1)} = {value}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{indent}(", *filled_lines(names, f"{indent}    "), f"{indent}) = {value}"]


def called(
    before: str,
    name: str,
    arguments: Sequence[str],
    indent: str = "    ",
    *,
    keywords: bool = False,
) -> str:
    """`before`, then a call, on one line of a function or on several; `keywords` on one each."""
    return "\n".join(call_lines(before, name, arguments, indent, keywords=keywords))


def call_lines(
    before: str,
    name: str,
    arguments: Sequence[str],
    indent: str = "    ",
    *,
    keywords: bool = False,
) -> list[str]:
    """The same, line by line."""
    line = f"{indent}{before}{name}({', '.join(arguments)})"
    if len(line) <= WIDTH:
        return [line]
    inside = [f"{indent}    {', '.join(arguments)}"]
    if len(inside[0]) > WIDTH and keywords:
        inside = one_each(arguments, f"{indent}    ")
    elif len(inside[0]) > WIDTH:
        inside = filled_lines(arguments, f"{indent}    ")
    return [f"{indent}{before}{name}(", *inside, f"{indent})"]


def one_each(elements: Sequence[str], indent: str) -> list[str]:
    """Elements on a line each, or on several where one is too long."""
    return [row for element in elements for row in broken(f"{indent}{element},")]


def together(before: str, values: Sequence[str], indent: str) -> str:
    """`before`, then values, on one line or in brackets with a line for each."""
    line = f"{indent}{before}{', '.join(values)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{indent}{before}(", *one_each(values, f"{indent}    "), f"{indent})"])


def listed(elements: Sequence[str], before: str, behind: str, indent: str = "    ") -> str:
    """A list of `elements` on the line that has `before` and `behind`, or on lines of its own."""
    line = f"[{', '.join(elements)}]"
    if len(f"{indent}{before}{line}{behind}") <= WIDTH:
        return line
    rows = [""]
    for element in elements:
        longer = f"{rows[-1]} {element},".lstrip()
        if rows[-1] and len(f"{indent}    {longer}") > WIDTH:
            rows.append(f"{element},")
        else:
            rows[-1] = longer
    return "\n".join(["[", *(f"{indent}    {row}" for row in rows), f"{indent}]"])


def signature(name: str, parameters: Sequence[str], returns: str) -> str:
    """The line or lines that begin a function."""
    line = f"def {name}({', '.join(parameters)}) -> {returns}:"
    if len(line) <= WIDTH:
        return line
    inside = f"    {', '.join(parameters)}"
    if len(inside) > WIDTH:
        inside = "".join(f"    {parameter},\n" for parameter in parameters).rstrip("\n")
    return f"def {name}(\n{inside}\n) -> {returns}:"


def parenthesised(start: str, terms: Sequence[str], behind: str, indent: str) -> Iterator[str]:
    """A sum, a line or more for each of its terms, between a parenthesis at the end of `start` and
    one at the beginning of `behind`.
    """
    yield start
    yield from (row for term in terms for row in _within(term, f"{indent}    "))
    yield f"{indent}{behind}"


def broken(line: str) -> list[str]:
    """A line of code without texts, on several where it is too long and has brackets.

    What stands in the longest of the outermost brackets is broken at commas, or else before the
    operators that bind least, and so on.
    """
    indent = line[: len(line) - len(line.lstrip())]
    groups = [] if len(line) <= WIDTH else _brackets(line)
    if not groups:
        return [line]
    start, stop = max(groups, key=lambda group: group[1] - group[0])
    inside = _within(line[start + 1 : stop], f"{indent}    ")
    return [line[: start + 1], *inside, f"{indent}{line[stop:]}"]


def _within(text: str, indent: str) -> list[str]:
    """The lines of code that stands in brackets."""
    if len(indent) + len(text) <= WIDTH:
        return [f"{indent}{text}"]
    parts = _divided(text)
    if len(parts) == 1:
        return broken(f"{indent}{text}")
    return [row for part in parts for row in _within(part, indent)]


def _brackets(text: str) -> list[tuple[int, int]]:
    """The places where the outermost brackets of `text` that hold anything open and close."""
    found, opened = [], []
    for place, character in enumerate(text):
        if character in "([":
            opened.append(place)
        elif character in ")]" and opened:
            start = opened.pop()
            if not opened and place > start + 1:
                found.append((start, place))
    return found


#: Where code may be broken within brackets, what binds least first.
_BREAKS = ((", ",), (" if ", " else "), (" + ", " - "), (" * ", " / ", " @ "))


def _divided(text: str) -> list[str]:
    """Code that stands in brackets in parts, for a line each; one part if there are none."""
    inner = {n for start, stop in _brackets(text) for n in range(start, stop)}
    for marks in _BREAKS:
        places = [n for n in range(1, len(text)) if n not in inner and text.startswith(marks, n)]
        if not places:
            continue
        parts = [text[i:j] for i, j in zip([0, *places], [*places, None], strict=True)]
        if marks == (", ",):
            return [f"{part.removeprefix(', ')}," for part in parts]
        return [part.strip() for part in parts]
    return [text]


@cache  # steps of an unrolled loop say the same
def comment(text: str, indent: str) -> list[str]:
    """A comment of one line or several, the first standing out."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}#     ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def remarked(line: str, remark: str) -> str:
    """A line of a method, with a comment behind it or, where that is too long, above it."""
    indent = " " * 8
    if not remark:
        return f"{indent}{line}"
    if len(f"{indent}{line}  # {remark}") <= WIDTH:
        return f"{indent}{line}  # {remark}"
    return f"{indent}# {remark}\n{indent}{line}"


def filled(text: str) -> str:
    """Running text, its lines filled anew."""
    return textwrap.fill(
        " ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False
    )


def command(parts: Sequence[str], indent: str = "    ") -> str:
    """A shell command in a docstring, broken between its parts where it is too long.

    The backslash before a line's end means the same to the shell and to Python: one line.
    """
    first, *options = parts
    lines = [indent + first]
    for option in options:
        if len(f"{lines[-1]} {option} \\") > WIDTH:
            lines[-1] += " \\"
            lines.append(f"{indent}    {option}")
        else:
            lines[-1] += f" {option}"
    return "\n".join(lines)


def hung_sum(addends: Sequence[str], indent: str, unit: str = "") -> str:
    """A sum behind a label, broken before plus signs alone; its `unit` stays with the last term."""
    *others, last = addends
    first, *rest = [*others, last + unit]
    lines = [indent + first]
    for addend in rest:
        if len(f"{lines[-1]} + {addend}") <= WIDTH:
            lines[-1] += f" + {addend}"
        else:
            lines.append(f"{indent}+ {addend}")
    return "\n".join(lines).strip()


def hung(text: str, indent: str) -> str:
    """Text that goes on behind a label, further lines under its beginning."""
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent).strip()
