from __future__ import annotations

import keyword
from itertools import product

import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from gru_codegen.notation import LATEX, TEXT


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("Z", "Z"),
        ("CA", r"\mathit{CA}"),
        ("W", "W"),
        ("Wz", "W_{z}"),
        ("Wca", r"W_{\mathrm{ca}}"),
        ("Wrecz", r"W_{\mathrm{rec},z}"),
        ("Wrecca", r"W_{\mathrm{rec},\mathrm{ca}}"),
        ("Wrec", r"W_{\mathrm{rec}}"),
        ("Wout", r"W_{\mathrm{out}}"),
        ("W1", "W_{1}"),
        ("bz", "b_{z}"),
        ("brecca", r"b_{\mathrm{rec},\mathrm{ca}}"),
        ("bout", r"b_{\mathrm{out}}"),
        ("pi", "p_{i}"),
        ("bias", r"\mathit{bias}"),
        ("Gate", r"\mathit{Gate}"),
        ("aZ", "a^{Z}"),
        ("aCA", r"a^{\mathit{CA}}"),
        ("RS", r"\mathit{RS}"),
        ("S_prev", r"S^{\mathrm{prev}}"),
        ("CA_part", r"\mathit{CA}^{\mathrm{part}}"),
        ("aCA_2", r"a^{\mathit{CA},2}"),
        ("_x", r"\mathit{\_x}"),
        ("x__y", r"\mathit{x\_\_y}"),
        ("a_Z", r"a^{\mathrm{Z}}"),
        ("rate_1", r"\mathit{rate}^{1}"),
    ],
)
def test_names_in_latex(name: str, latex: str) -> None:
    assert LATEX.symbol(name, False, None, "") == latex


@pytest.mark.parametrize(
    ("name", "adjoint", "index", "text", "latex"),
    [
        ("Z", False, "t", "Z_t", "Z_{t}"),
        ("S", False, "t-1", "S_{t-1}", "S_{t-1}"),
        ("S", False, "12", "S_12", "S_{12}"),
        ("aZ", False, "t", "aZ_t", "a^{Z}_{t}"),
        ("Zg", False, "t", "Zg_t", "Z_{g,t}"),
        ("dZ", True, "t", "dZ_t", r"\mathrm{d}Z_{t}"),
        ("dS_prev", True, "t+1", "dS_prev_{t+1}", r"\mathrm{d}S^{\mathrm{prev}}_{t+1}"),
        ("daCA", True, "t", "daCA_t", r"\mathrm{d}a^{\mathit{CA}}_{t}"),
        ("dWz", True, None, "dWz", r"\mathrm{d}W_{z}"),
        ("dW", False, None, "dW", r"d^{W}"),
    ],
)
def test_indices_and_adjoints(
    name: str, adjoint: bool, index: str | None, text: str, latex: str
) -> None:
    assert TEXT.symbol(name, adjoint, index, "") == text
    assert LATEX.symbol(name, adjoint, index, "") == latex


def scripts(latex: str) -> str:
    """The ^ and _ of `latex` that stand outside braces; its braces must be balanced."""
    depth, found = 0, ""
    for place, character in enumerate(latex):
        escaped = latex[place - 1 : place] == "\\"
        if character in "{}" and not escaped:
            depth += 1 if character == "{" else -1
            assert depth >= 0, latex
        elif depth == 0 and character in "^_" and not escaped:
            found += character
    assert depth == 0, latex
    return found


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)


@given(NAMES, st.booleans(), st.sampled_from([None, "t", "t-1", "3"]))
@example("S_prev", False, "t")
@example("Wz_2", False, "t")
@example("_", False, "t")
def test_any_name_has_at_most_one_superscript_and_one_subscript(
    name: str, adjoint: bool, index: str | None
) -> None:
    """TeX refuses a second one."""
    latex = LATEX.symbol(f"d{name}" if adjoint else name, adjoint, index, "")
    assert latex.isascii()
    assert scripts(latex) in ("", "^", "_", "^_")
    assert scripts(LATEX.transpose(latex)) in ("^", "_^")


@pytest.mark.parametrize("index", [None, "t"])
def test_different_names_stay_different(index: str | None) -> None:
    names = ["".join(letters) for n in range(1, 5) for letters in product("aprecZ_1", repeat=n)]
    spelled = {LATEX.symbol(name, False, index, "") for name in names if name.isidentifier()}
    assert len(spelled) == sum(name.isidentifier() for name in names)


def test_functions_and_fractions() -> None:
    assert [LATEX.function(name) for name in ("sigmoid", "tanh", "relu")] == [
        r"\sigma",
        r"\tanh",
        r"\operatorname{relu}",
    ]
    assert (TEXT.function("sigmoid"), TEXT.fraction(sp.Rational(1, 2))) == ("sigmoid", "1/2")
    assert LATEX.fraction(sp.Rational(1, 2)) == r"\tfrac{1}{2}"
    assert LATEX.fraction(sp.Integer(2)) == "2"


@pytest.mark.parametrize(
    ("words", "latex"),
    [
        ("arXiv:1412.3555, 100 % of A & B", r"arXiv:1412.3555, 100 \% of A \& B"),
        ("a_b^c~{d}", r"a\_b\textasciicircum{}c\textasciitilde{}\{d\}"),
        (
            "1 < 2 > 0 \\ $5 #3 |x|",
            r"1 \ensuremath{<} 2 \ensuremath{>} 0 \textbackslash{} \$5 \#3 "
            r"\ensuremath{|}x\ensuremath{|}",
        ),
    ],
)
def test_words_are_escaped(words: str, latex: str) -> None:
    assert LATEX.words(words) == latex
    assert TEXT.words(words) == words


@pytest.mark.parametrize(
    ("formula", "columns"),
    [
        ("E_{t}", 1.5),
        (r"\mathrm{d}Z_{t}", 2.5),
        (r"\mathbf{1}^{\top} \, x_{t}", 5.0),
        (r"a \circ b", 5),
    ],
)
def test_the_width_of_latex_counts_glyphs(formula: str, columns: float) -> None:
    assert LATEX.width(formula) == pytest.approx(columns, abs=1)
