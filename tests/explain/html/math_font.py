"""Make the font of the reports: the characters of STIX Two Math that their formulas may have.

    pip install 'fonttools[woff]' ziamath
    python -m tests.explain.html.math_font

Without a math font on the machine a browser draws an empty box for every letter of a formula, so a
page has the font inside. `ziamath` brings it; its licence is OFL.txt, beside the subset.
"""

from __future__ import annotations

import unicodedata
from importlib.resources import files
from pathlib import Path

import gru_codegen.explain.html

__all__ = ["CHARACTERS", "FONT"]

FONT = Path(gru_codegen.explain.html.__file__).with_name("math.woff2")

_BLOCKS = (
    range(0x20, 0x7F),
    range(0x391, 0x3AA),  # Greek capitals, then small letters
    range(0x3B1, 0x3CA),
    range(0x1D434, 0x1D468),  # italic Latin and, with the partial differential, italic Greek
    range(0x1D6E2, 0x1D71C),
    range(0x1D7CE, 0x1D7D8),  # bold digits
)
_SIGNS = "\N{NO-BREAK SPACE}\N{PLANCK CONSTANT}\N{DOWN TACK}\N{MINUS SIGN}\N{PRIME}∂∑∘⟨⟩…·≤≥"

#: Every character of the font.
CHARACTERS = frozenset(_SIGNS) | {
    character
    for character in (chr(code) for block in _BLOCKS for code in block)
    if unicodedata.category(character) != "Cn"  # two places are empty
}


def main() -> None:
    """Write the subset: its glyphs, and the constants of mathematical layout."""
    from fontTools import subset

    options = subset.Options(
        flavor="woff2",
        layout_features=[],  # alternates, most of the size
        hinting=False,
        name_IDs=[0, 13, 14],  # copyright and licence
    )
    font = subset.load_font(str(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=map(ord, CHARACTERS))
    subsetter.subset(font)
    subset.save_font(font, str(FONT), options)
    print(f"wrote {FONT}: {FONT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
