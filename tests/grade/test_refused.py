"""Files that are refused: in one line that says where, whatever is in them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.errors import CellError
from tests.grade.files import graded, sheet


def refusal(folder: Path, text: str) -> str:
    """The first line of what is said about a file with this text."""
    with pytest.raises(CellError) as raised:
        graded(folder, text)
    return str(raised.value).splitlines()[0].removeprefix(f"{folder}/")


FORMULAS = [
    ("dS + ", "expected a name, a number or (, found the end", 6),
    ("dS ** 3", "expected a name, a number or (, found *", 5),
    ("(dS", "this ( is never closed", 1),
    ("dS)", "expected an operator, found )", 3),
    ("dS * dQ7", "there is no name dQ7; names of yours stand under [names]", 6),
    ("tanh'(CA)", "there is no tanh'; a slope is written in terms of the value, as Z * (1 - Z)", 1),
    ("dS $ CA", "$ is not known here; formulas take names, numbers, ( ) and + - * / @ o ^T .T", 4),
    ("dS \u2217 CA", "the character '\\u2217' is not known here; formulas take names, numbers, ( ) "
     "and + - * / @ o ^T .T", 4),
    ("d\u0405 * CA", "the character '\\u0405' is not known here; formulas take names, numbers, ( ) "
     "and + - * / @ o ^T .T", 2),
    ("dS\u202e", "the character '\\u202e' is not known here; formulas take names, numbers, ( ) "
     "and + - * / @ o ^T .T", 3),
    ("dS · CA", "the character '\\xb7' is not known here; the elementwise product is o or *, the "
     "matrix product @ or nothing", 4),
    ("dS[0]", "[ is not known here; brackets are round, and a step is written S_{t-1}", 3),
    ("dS / CA", "/ divides by a number; of a matrix write reciprocal(...)", 6),
    ("dS / 0", "/ divides by a number; of a matrix write reciprocal(...)", 6),
    ("1/0", "1/0 divides by 0", 1),
    ("dS o daCA @ Wrecca.T", "o and @ side by side; brackets have to say which comes first", 11),
    ("S_{t-2}", "S_{t-2} is 2 steps away; formulas read t-1, t and t+1", 1),
    ("Wz_{t-1}", "Wz_{t-1}: Wz has no step", 1),
    ("12345678901234567890 dS", "a number of 20 characters; at most 15 are read", 1),
    ("(" * 11 + "dS" + ")" * 11, "more than 10 brackets are open here; give parts names of their "
     "own", 11),
    ("+".join(["dS"] * 200), "more than 200 names, numbers and marks; give parts names of their "
     "own", 301),
    ("sum_t dS", "dZ: sum_t stands before the whole of a gradient, or before each of its terms", 1),
    ("__import__('os')", "_ is not known here; formulas take names, numbers, ( ) and + - * / @ o "
     "^T .T", 1),
    ("dS.sum()", ". is not known here; known is .T", 3),
    ("-" * 150, "expected a name, a number or (, found the end", 151),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "said", "column"), FORMULAS)
def test_a_formula_is_refused(formula: str, said: str, column: int, tmp_path: Path) -> None:
    start = time.process_time()
    assert refusal(tmp_path, sheet({"dZ": formula})) == f"mine.toml:6:{column + 8}: {said}"
    assert time.process_time() - start < 5  # it is far less but where a busy machine is slow


@pytest.mark.parametrize(("text", "said"), [
    ("x" * 20_000, "mine.toml has more than 16384 bytes; a derivation takes a hundred lines"),
    ("a = " + "[" * 900, "mine.toml: not TOML that can be read: it is nested too deep"),
    ('cell = "gru"\n', "mine.toml: the key formulas is missing"),
    ('cell = "gru"\nformulas = 1\n', "mine.toml:2:1: formulas must be a table, not a number"),
    ('cell = "gru"\n[formulas]\ndZ = 1\n', "mine.toml:3:1: formulas holds strings, not a number"),
    ('cell = "gru"\ntitle = "a"\n', "mine.toml:2:1: there is no 'title'; known: cell, loss, "
     "readout, names, formulas"),
    ('cell = "grv"\n[formulas]\ndZ = "dS"\n', "mine.toml:1:9: there is no cell 'grv'; did you mean "
     "gru?"),
    ('cell = "os:path"\n[formulas]\ndZ = "dS"\n', "mine.toml:1:9: 'os:path' would be imported; a "
     "cell is a name or a FILE.toml"),
    ('cell = "none.toml"\n[formulas]\ndZ = "dS"\n', "none.toml does not exist"),
    (sheet({"dZ": "dS"}, loss="l3"), "mine.toml:2:9: there is no loss 'l3'; did you mean l2?"),
    (sheet({"dZ": "dS"}, readout="l"), "mine.toml:3:12: there is no readout 'l';"),
    (sheet({"dZ": "dS"}, names={"h": "SS"}), "mine.toml:5:8: the derivation has no name 'SS'; did "
     "you mean S?"),
    (sheet({"dZ": "dS"}, names={"o": "S"}), "mine.toml:5:2: 'o': o has a meaning in formulas "),
    (sheet({"dZ": "dS"}, names={"δ": "S"}), "mine.toml:5:2: 'δ': a name begins with a letter"),
    (sheet({"d 1": "dS"}), "mine.toml:6:2: 'd 1': a name begins with a letter"),
    (sheet({"dS_prev_{t+1}": "dS"}), "mine.toml:6:2: dS_prev_{t+1} is of step t+1; a left side"),
    (sheet({"Wz": "x"}), "mine.toml:6:2: Wz is given, nothing computes it"),
    (sheet({"a": "b", "b": "a"}), "mine.toml:7:2: b is computed from itself, or"),
    (sheet({"a": "a_{t+1}"}), "mine.toml:6:2: a is computed from itself"),
    (sheet({f"a{n}": f"a{n + 1} + a{n + 1}" for n in range(99)} | {"a99": "Z"}), "mine.toml:"),
    (sheet({f"a{n}": "dS" for n in range(201)}), "mine.toml:5:2: more than 200 formulas"),
])  # fmt: skip
def test_a_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text).startswith(said)


def test_the_place_is_shown(tmp_path: Path) -> None:
    with pytest.raises(CellError) as raised:
        graded(tmp_path, sheet({"dZ": "dS * dQ7"}))
    _, shown, carets = str(raised.value).splitlines()
    assert shown == '    "dZ" = "dS * dQ7"'
    assert carets == f"    {' ' * 13}^^^"


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CellError, match=r"missing\.toml does not exist"):
        gc.grade(tmp_path / "missing.toml")
    with pytest.raises(CellError, match="is a folder, not the file of a derivation"):
        gc.grade(tmp_path)


def test_a_cell_beside_the_file(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "examples" / "my_cell.toml").read_text(encoding="utf-8")
    (tmp_path / "my_cell.toml").write_text(text, encoding="utf-8")
    found = graded(tmp_path, sheet({"dS": "dO + dS_prev_next"}, cell="my_cell.toml"))
    assert found.verdict == "1 of 1 line is right"


@pytest.mark.parametrize(
    ("equation", "weight", "said"),
    [
        ("S = tanh(x @ W + row_mean(S_prev))", "", "columns (B, 1) and learned numbers"),
        ("S = softmax(x @ W) + S_prev", "", "such formulas: row_max(xW)"),
        ("S = tanh(x @ W + a * S_prev)", ', a = "()"', "columns (B, 1) and learned numbers"),
    ],
)
def test_cells_with_forms_that_no_reader_knows(
    equation: str, weight: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "cell.toml"
    file.write_text(
        f'name = "rows"\nstates = ["S"]\nweights = {{ W = "(D, H)"{weight} }}\n'
        f'equations = "{equation}"\n'
    )
    assert refusal(tmp_path, sheet({"dW": "dW"}, cell=str(file))) == f"grade does not read {said}"
