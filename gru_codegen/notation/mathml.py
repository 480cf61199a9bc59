"""MathML: the LaTeX that the notation writes, and that of its schemas, as elements of MathML Core.

Ready converters lose upright and bold letters, or set wrong spaces. This LaTeX is our own, so a
reader of its few forms is enough. It refuses all others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from string import ascii_letters
from typing import NoReturn

from gru_codegen.notation.layout import kept
from gru_codegen.notation.spelling import LATEX, Spelling

__all__ = ["CLASSED", "mathml", "symbol_class"]


def symbol_class(name: str) -> str:
    """The class of all that is written for the symbol of this name, whatever its index."""
    return "v-" + name.replace("'", "\N{PRIME}")


def _classed(name: str, adjoint: bool, index: str | None, label: str = "") -> str:
    classes = f"{symbol_class(name)} {label}".rstrip()
    return rf"\class{{{classes}}}{{{LATEX.symbol(name, adjoint, index, label)}}}"


def _width(formula: str) -> float:
    return LATEX.width(re.sub(r"\\class\{[^}]*\}", "", formula))


#: LaTeX for `mathml`: each symbol has a class, by `\class{...}{...}`, and marks stay as they are.
CLASSED: Spelling = replace(LATEX, symbol=_classed, marks=kept, width=_width)


def mathml(latex: str) -> str:
    """The elements of a formula, to be put into a `math` element.

    Raises
    ------
    ValueError: `latex` has a form that the notation does not write.
    """
    return _Reader(latex).whole()


@dataclass(frozen=True)
class _Atom:
    """An element and its scripts; `before` stands before it in the same class."""

    base: str
    lower: str = ""
    upper: str = ""
    before: str = ""
    classes: str = ""

    def __str__(self) -> str:
        scripts = self.lower + self.upper
        name = _SCRIPTS["∑" in self.base][bool(self.lower), bool(self.upper)]
        whole = f"<{name}>{self.base}{scripts}</{name}>" if scripts else self.base
        if not self.classes:
            return whole
        classes = f' class="{escape(self.classes)}"'
        if scripts and not self.before:
            return whole.replace(f"<{name}", f"<{name}{classes}", 1)
        return f"<mrow{classes}>{self.before}{whole}</mrow>"


def _element(atoms: list[_Atom]) -> str:
    """The atoms as one element."""
    if len(atoms) == 1:
        return str(atoms[0])
    return f"<mrow>{''.join(map(str, atoms))}</mrow>"


class _Reader:
    """Reads a formula from left to right."""

    def __init__(self, latex: str) -> None:
        self.latex, self.at = latex, 0

    def whole(self) -> str:
        atoms = self.row()
        if self.at < len(self.latex):
            self.refuse()
        return "".join(map(str, atoms))

    def row(self) -> list[_Atom]:
        """The atoms up to a closing brace, or to the end."""
        atoms: list[_Atom] = []
        while (following := self.peek()) not in ("", "}"):
            if following in "^_":
                atoms[-1:] = [self.scripted(atoms[-1] if atoms else _Atom("<mrow></mrow>"))]
            else:
                atoms.append(self.atom())
        return atoms

    def scripted(self, atom: _Atom) -> _Atom:
        field = {"_": "lower", "^": "upper"}[self.latex[self.at]]
        if getattr(atom, field):
            self.refuse()
        self.at += 1
        argument = self.argument()
        if argument == _PRIME:  # its glyph is raised already: it stands behind the base, unscripted
            return replace(atom, base=f"<mrow>{atom.base}{_PRIME}</mrow>")
        return replace(atom, **{field: argument})

    def argument(self) -> str:
        """A group in braces, or a single atom, as one element."""
        return _element(self.group() if self.peek() == "{" else [self.atom()])

    def group(self) -> list[_Atom]:
        self.expect("{")
        atoms = self.row()
        self.expect("}")
        return atoms

    def atom(self) -> _Atom:
        if self.peek() == "{":
            return _Atom(_element(self.group()))
        command, letter, number, sign = self.token()
        if command:
            return self.command(command)
        if sign:
            return self.sign(sign)
        return _Atom(f"<mi>{letter}</mi>" if letter else f"<mn>{number}</mn>")

    def sign(self, sign: str) -> _Atom:
        """A sign; spaces around it, if LaTeX has one behind it."""
        if sign not in _SIGNS:
            self.refuse()
        mark, spaced = _SIGNS[sign]
        if self.latex[self.at : self.at + 1] != " ":
            spaced = 'lspace="0" rspace="0"'
        if mark in "()[]|⟨⟩":
            spaced = 'stretchy="false"'
        return _Atom(f"<mo{' ' if spaced else ''}{spaced}>{mark}</mo>")

    def command(self, name: str) -> _Atom:
        if name in _ATOMS:
            return _Atom(_ATOMS[name])
        if name in _WORDS:
            return _Atom(_WORDS[name](self.words()))
        if name in ("left", "right"):
            return self.atom()
        if name == "tfrac":
            return _Atom(f"<mfrac>{self.argument()}{self.argument()}</mfrac>{_THIN}")
        if name == "class":
            classes, (*before, last) = self.words(), self.group()
            return replace(last, before="".join(map(str, before)), classes=classes)
        return self.sign(name)

    def words(self) -> str:
        """An argument that is no formula, without its escapes."""
        self.expect("{")
        match = re.compile(r"((?:[^{}\\]|\\.)*)\}").match(self.latex, self.at)
        if match is None:
            self.refuse()
        self.at = match.end()
        return re.sub(r"\\(.)", r"\1", match[1])

    def token(self) -> tuple[str, ...]:
        """A command, a letter, a number or a sign; of the four the others are empty."""
        match = _TOKEN.match(self.latex, self.at)
        if match is None:
            self.refuse()
        self.at = match.end()
        return match.groups(default="")

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while self.latex[self.at : self.at + 1] == " ":
            self.at += 1
        return self.latex[self.at : self.at + 1]

    def expect(self, character: str) -> None:
        if self.peek() != character:
            self.refuse()
        self.at += 1

    def refuse(self) -> NoReturn:
        rest = self.latex[self.at :] or "its end"
        raise ValueError(f"{self.latex}: no notation has this form as MathML: {rest}")


_TOKEN = re.compile(r"\\([A-Za-z]+|,)|([^\W\d_])|(\d+(?:\.\d+)?)|([^\\{}^_\s])")


def _identifier(word: str) -> str:
    """A word in upright letters."""
    upright = ' mathvariant="normal"' if len(word) == 1 else ""
    return f"<mi{upright}>{escape(word)}</mi>"


def _italic(word: str) -> str:
    """A word in italic letters, as characters: MathML slants single letters alone."""
    if len(word) == 1:
        return f"<mi>{escape(word)}</mi>"
    return f"<mi>{escape(''.join(map(_slanted, word)))}</mi>"


def _slanted(letter: str) -> str:
    """The letter of Unicode's italic alphabet; other characters as they are."""
    if letter == "h":
        return "\N{PLANCK CONSTANT}"
    kind = "CAPITAL" if letter.isupper() else "SMALL"
    name = f"MATHEMATICAL ITALIC {kind} {letter.upper()}"
    return unicodedata.lookup(name) if letter in ascii_letters else letter


_BOLD_ZERO = ord("\N{MATHEMATICAL BOLD DIGIT ZERO}")

_WORDS: dict[str, Callable[[str], str]] = {
    "mathrm": _identifier,
    "operatorname": _identifier,
    "mathit": _italic,
    "mathbf": lambda digit: f"<mn>{chr(_BOLD_ZERO + int(digit))}</mn>",
    "text": lambda words: f"<mtext>{escape(words).replace(' ', chr(0xA0))}</mtext>",
}

_PRIME = '<mo lspace="0" rspace="0">′</mo>'
_THIN = '<mspace width=".17em"/>'

_ATOMS = {
    ",": _THIN,
    "Lambda": '<mi mathvariant="normal">Λ</mi>',
    "dots": "<mi>…</mi>",
    "partial": "<mi>∂</mi>",
    "prime": _PRIME,
    "sigma": "<mi>σ</mi>",
    "sum": '<mo movablelimits="false">∑</mo>',
    **{name: f"<mi>{name}</mi>" for name in ("cos", "sin", "tanh")},
    "top": "<mo>\N{DOWN TACK}</mo>",
}

#: What stands for a sign, and how it is spaced: as between operands, or as given. For "" MathML
#: knows the sign between operands alone, and so has that space wherever it stands.
_BETWEEN = 'form="infix"'
_SIGNS = {
    **{bracket: (bracket, "") for bracket in "()[]|"},
    "langle": ("⟨", ""),
    "rangle": ("⟩", ""),
    "circ": ("∘", ""),
    "+": ("+", _BETWEEN),
    "-": ("−", _BETWEEN),
    "=": ("=", ""),
    "<": ("&lt;", _BETWEEN),
    ">": ("&gt;", _BETWEEN),
    "/": ("/", 'lspace=".1em" rspace=".1em"'),
    ",": (",", _BETWEEN),
    ".": (".", 'lspace="0" rspace="0"'),
}

#: The elements of scripts, by whether there is one below and one above; then those of sums.
_SCRIPTS = (
    {(False, False): "", (True, False): "msub", (False, True): "msup", (True, True): "msubsup"},
    {
        (False, False): "",
        (True, False): "munder",
        (False, True): "mover",
        (True, True): "munderover",
    },
)
