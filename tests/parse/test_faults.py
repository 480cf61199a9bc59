"""Text files at fault: where the error points, and what it says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.own_functions import WORDS
from gru_codegen.parse import load_cell, operators
from tests.parse.files import EXAMPLE, fault, load

TEXT = EXAMPLE.read_text()
OF_ROWS = ("layer_norm", "log_softmax", "row_max", "row_mean", "row_sum", "softmax")
KNOWN = ", ".join(sorted([*FUNCTIONS, *OF_ROWS, "lag", "maximum", "minimum", "where"]))
BETWEEN = (
    "@ is between matrices: a vector multiplies each row by *, and a number for each row is made "
    "by a weight (H, n)"
)
SLICES = (
    "there are no slices and nothing is joined: a part, or one of two side by side, is multiplied "
    "by a weight of its own, as in x @ W + S_prev @ U"
)
MARKS = "equations take names, numbers, ( ) and + - * / @ ** < > <= >="
NEXT = "expected one of + - * / @ ** < > , or )"
BARE = "functions are written bare, as tanh(...), and the transpose of a weight U is U.T"
SHAPE = "must have one shape"
SHAPES = 'write "(D, H)", "(H,)" for a vector, or "()" for a number'
ROWS = "an equation computes one row per sample, (B, n)"
UNREAD = "use it or remove it"
RESERVED = "is a letter that kernels need: B, D, H and O are sizes, T the steps, L the loss"

#: What is changed in the example, and what is said: the place, the message, what is marked.
EQUATIONS = {
    "unknown name": (
        ("CA @ Wz", "CA @ Wq"),
        "8:36",
        "there is no name Wq; did you mean Wz? known: x, S_prev, Wca, bca, Wrecz, Wz, bz, CA",
        "Wq",
    ),
    "previous value of no state": (
        ("CA @ Wz", "CA_prev @ Wz"),
        "8:31",
        "there is no CA_prev, since CA is no state; states: S; CA one step earlier is lag(CA, 1)",
        "CA_prev",
    ),
    "unknown function": (
        ("tanh(", "cumulant("),
        "7:6",
        f"there is no function cumulant; known: {KNOWN}",
        "cumulant",
    ),
    "nearly a function": (
        ("tanh(", "tahn("),
        "7:6",
        f"there is no function tahn; did you mean tanh? known: {KNOWN}",
        "tahn",
    ),
    "called weight": (
        ("tanh(", "Wz("),
        "7:6",
        "Wz is no function; a product is written with * or @",
        "Wz",
    ),
    "bare function": (
        ("CA @ Wz", "tanh @ Wz"),
        "8:31",
        "tanh is a function; write tanh(...)",
        "tanh",
    ),
    "inner sizes": (
        ("x @ Wca", "x @ Wz"),
        "7:11",
        "x is (B, D), Wz is (H, H); the inner sizes of a product, D and H, must be the same",
        "x @ Wz",
    ),
    "turned product": (
        ("x @ Wca", "Wca @ x"),
        "7:11",
        "Wca is (D, H), x is (B, D); the inner sizes of a product, H and B, must be the same; "
        "one sample is one row: x @ Wca",
        "Wca @ x",
    ),
    "* for @": (
        ("x @ Wca", "x * Wca"),
        "7:11",
        f"x is (B, D), Wca is (D, H); the factors of an elementwise product {SHAPE}; "
        "the matrix product is @",
        "x * Wca",
    ),
    "sum": (
        ("+ bca", "+ x"),
        "7:11",
        f"x @ Wca is (B, H), x is (B, D); the terms of a sum {SHAPE}",
        "x @ Wca + x",
    ),
    "vector on the right of @": (
        ("x @ Wca", "x @ bca"),
        "7:11",
        f"bca is a vector, (H,); {BETWEEN}",
        "x @ bca",
    ),
    "vector on the left of @": (
        ("CA @ Wz", "tanh(bca) @ Wz"),
        "8:31",
        f"tanh(bca) is a vector, (H,); {BETWEEN}",
        "tanh(bca) @ Wz",
    ),
    "number at @": (
        ("x @ Wca", "2 @ Wca"),
        "7:11",
        "2 @ Wca: a number is multiplied by *, @ is between matrices",
        "2 @ Wca",
    ),
    "square of a weight": (
        ("S_prev @ Wrecz", "S_prev @ Wrecz @ Wrecz"),
        "8:14",
        "Wrecz multiplies itself; name S_prev @ Wrecz by an equation of its own",
        "S_prev @ Wrecz @ Wrecz",
    ),
    "square of a weight by itself": (
        ("x @ Wca", "x @ (Wca @ (Wrecz @ Wrecz))"),
        "7:23",
        "Wrecz multiplies itself; name Wrecz by an equation of its own",
        "Wrecz @ Wrecz",
    ),
    "function of a number": (
        ("tanh(x @ Wca + bca)", "tanh(1)"),
        "7:11",
        "1 is a number; a function takes the entries of a matrix or of a vector",
        "1",
    ),
    "division by another shape": (
        ("(1 - Z)", "(x / Z)"),
        "9:20",
        f"x is (B, D), Z is (B, H); what is divided and what divides it {SHAPE}",
        "x / Z",
    ),
    "division by zero": (("(1 - Z)", "(1/0)"), "9:20", "1/0 divides by 0", "1/0"),
    "zero": (("(1 - Z)", "(Z - Z)"), "9:20", "Z - Z is always 0; leave it out", "Z - Z"),
    "a number as right side": (
        ("tanh(x @ Wca + bca)", "1 - 1/2"),
        "7:6",
        "the right-hand side is a number; one that is known stands under numbers, and an equation "
        "computes a matrix or a vector",
        "1 - 1/2",
    ),
    "state of another shape": (
        ("Z * S_prev + (1 - Z) * CA", "x"),
        "9:6",
        "S is a state, (B, H), and the right-hand side is (B, D)",
        "x",
    ),
    "many digits": (
        ("1 - Z", "0.0123456789012345678 - Z"),
        "9:20",
        "a number of 18 digits; float64 tells numbers apart by 17",
        "0.0123456789012345678",
    ),
    "many digits together": (
        ("Z * S_prev", "9999999999 * 999999999 * S_prev"),
        "9:6",
        "the numbers come to 9999999989000000001; no array of integers holds that",
        "9999999999 * 999999999 * S_prev + (1 - Z) * CA",
    ),
    "itself": (("x @ Wca", "CA @ Wz"), "7:11", "CA is computed from itself", "CA"),
    "cycle": (
        ("+ bca", "+ bca + Z"),
        "7:27",
        "CA and Z are computed from each other",
        "Z",
    ),
    "later": (
        ("CA = tanh(x @ Wca + bca) ", "CA = tanh(x @ Wca + bca) * R\nR = sigmoid(bca)\n"),
        "7:28",
        "R is computed only in line 8; move its equation up",
        "R",
    ),
    "later state": (
        ("S_prev @ Wrecz", "S @ Wrecz"),
        "8:14",
        "S is computed only in line 9; its value one step earlier is S_prev",
        "S",
    ),
    "target that is a weight": (("CA = tanh", "Wz = tanh"), "7:1", "Wz is a weight already", "Wz"),
    "target that is a previous state": (
        ("CA = tanh", "S_prev = tanh"),
        "7:1",
        "S_prev is the previous value of S already",
        "S_prev",
    ),
    "target twice": (("Z  = sig", "CA = sig"), "8:1", "CA has an equation already", "CA"),
    "target that is a function": (
        ("CA = tanh", "tanh = tanh"),
        "7:1",
        "tanh is the name of a function",
        "tanh",
    ),
    "target that is reserved": (("CA = tanh", "T = tanh"), "7:1", f"T {RESERVED}", "T"),
    "target that is the adjoint of another": (
        ("S  = Z", "dZ = tanh(Z)\nS  = dZ * Z"),
        "9:1",
        "dZ is what the adjoint of Z is called",
        "dZ",
    ),
    "target whose adjoint is another": (
        ("Z  = ", "dZ = tanh(CA)\nZ  = "),
        "9:1",
        "Z would have the adjoint dZ, which is a left side already",
        "Z",
    ),
    "subscript of time": (
        ("Z  = sig", "Z_t = sig"),
        "8:1",
        "Z_t ends in _t, with which equations write the value at step t: leave that out",
        "Z_t",
    ),
    "target that nobody reads": (
        ("S  = ", "Q  = CA * Z\nS  = "),
        "9:1",
        f"no equation reads Q, and it is no state and no output; {UNREAD}",
        "Q",
    ),
    "meaning with quotes": (
        ("# state", "# 'the' \"state\""),
        "9:1",
        "equation S: the meaning '\\'the\\' \"state\"' must be one line of text without double "
        "quotes and backslashes",
        "S  = Z * S_prev + (1 - Z) * CA",
    ),
}

SYNTAX = {
    "open bracket": (("+ bca)", "+ bca"), "7:10", "this ( is never closed", "("),
    "open bracket in the last line": (
        ("(1 - Z) * CA ", "(1 - Z * CA "),
        "9:19",
        "this ( is never closed",
        "(",
    ),
    "closed bracket": (("+ bca)", "+ bca))"), "7:25", "this ) closes no bracket", ")"),
    "no operator": (
        ("x @ Wca", "x Wca"),
        "7:13",
        f"{NEXT}, found Wca",
        "Wca",
    ),
    "no operator outside of brackets": (
        ("* CA ", "CA "),
        "9:27",
        "expected one of + - * / @ ** < > or the end of the equation, found CA",
        "CA",
    ),
    "exponent": (
        ("1 - Z", "1e5 - Z"),
        "9:20",
        "1e5 is not known here; numbers are written out, 100000",
        "1e5",
    ),
    "negative exponent": (
        ("1 - Z", "1.5e-3 * Z"),
        "9:20",
        "1.5e-3 is not known here; numbers are written out, 0.0015",
        "1.5e-3",
    ),
    "large exponent": (
        ("1 - Z", "1E99 - Z"),
        "9:20",
        "1E99 is not known here; numbers are written out",
        "1E99",
    ),
    "no exponent": (
        ("1 - Z", "1e - Z"),
        "9:21",
        f"{NEXT}, found e",
        "e",
    ),
    "leading zero": (
        ("1 - Z", "01 - Z"),
        "9:21",
        f"{NEXT}, found 1",
        "1",
    ),
    "call of a number": (
        ("1 - Z", "1(Z)"),
        "9:21",
        f"{NEXT}, found (",
        "(",
    ),
    "no operand": (("1 - Z", "1 - "), "9:24", "expected a name, a number or (, found )", ")"),
    "two operators": (("+ bca", "+ * bca"), "7:21", "expected a name, a number or (, found *", "*"),
    "two signs": (("1 - Z", "- - Z"), "9:22", "expected a name, a number or (, found -", "-"),
    "nothing on the right": (
        ("Z * S_prev + (1 - Z) * CA                  # state", ""),
        "9:5",
        "expected a name, a number or (, found the end of the line",
        " ",
    ),
    "no call arguments": (
        ("tanh(x @ Wca + bca)", "tanh()"),
        "7:11",
        "expected a name, a number or (, found )",
        ")",
    ),
    "two arguments": (
        ("tanh(x @ Wca + bca)", "tanh(x, x)"),
        "7:6",
        "tanh takes one argument, not 2",
        "tanh(x, x)",
    ),
    "one argument": (
        ("(1 - Z)", "maximum(Z)"),
        "9:19",
        "maximum takes two arguments, not 1",
        "maximum(Z)",
    ),
    "two numbers": (
        ("(1 - Z)", "maximum(1, 2)"),
        "9:19",
        "maximum(1, 2) is of two numbers; write its value",
        "maximum(1, 2)",
    ),
    "two shapes": (
        ("(1 - Z)", "minimum(x, Z)"),
        "9:19",
        f"x is (B, D), Z is (B, H); what is compared {SHAPE}",
        "minimum(x, Z)",
    ),
    "comma outside": (
        ("(1 - Z) * CA", "1, Z"),
        "9:20",
        "a comma stands between the arguments of a function",
        ",",
    ),
    "comma in brackets": (
        ("(1 - Z)", "(1, Z)"),
        "9:19",
        "Tuple has no place in an equation",
        "(1, Z)",
    ),
    "comma at the end": (
        ("(1 - Z)", "tanh(Z,)"),
        "9:26",
        "expected a name, a number or (, found )",
        ")",
    ),
    "transpose of a matrix with samples": (
        ("(1 - Z)", "Z.T"),
        "9:19",
        "Z is (B, H); .T transposes a matrix of weights",
        "Z.T",
    ),
    "transpose of a vector": (
        ("(1 - Z)", "bz.T"),
        "9:19",
        "bz is (H,); .T transposes a matrix of weights",
        "bz.T",
    ),
    "another method": (
        ("(1 - Z)", "Wz.Tanh"),
        "9:21",
        f". is not known here; {BARE}",
        ".",
    ),
    "starred argument": (
        ("tanh(x", "tanh(*x"),
        "7:11",
        "expected a name, a number or (, found *",
        "*",
    ),
    "keyword argument": (
        ("tanh(x", "tanh(a=x"),
        "7:12",
        f"{NEXT}, found =",
        "=",
    ),
    "two targets": (
        ("CA = ", "CA = S = "),
        "7:8",
        "expected one of + - * / @ ** < > or the end of the equation, found =",
        "=",
    ),
    "augmented": (("CA = ", "CA += "), "7:4", "expected = after CA, found +", "+"),
    "target with a subscript": (
        ("CA = ", "CA[0] = "),
        "7:3",
        f"[ is not known here; {SLICES}",
        "[",
    ),
    "no target": (
        ("CA = ", "(CA) = "),
        "7:1",
        "expected an equation such as Z = sigmoid(x @ Wz), found (",
        "(",
    ),
    "a word alone": (
        ("CA = tanh(x @ Wca + bca)", "CA"),
        "7:3",
        "expected = after CA, found the end of the line",
        " ",
    ),
    "power": (
        ("(1 - Z)", "Z**0.3"),
        "9:22",
        "the exponent 0.3 is not known here; it is a whole number up to 16, or 1 / 2",
        "0.3",
    ),
    "great power": (
        ("(1 - Z)", "Z**-17"),
        "9:22",
        "the exponent -17 is not known here; it is a whole number up to 16, or 1 / 2",
        "-17",
    ),
    "power of a power": (
        ("(1 - Z)", "2 ** 9 ** 9"),
        "9:24",
        "the exponent 9 ** 9 is not known here; it is a whole number up to 16, or 1 / 2",
        "9 ** 9",
    ),
    "power without exponent": (
        ("(1 - Z)", "Z**Z"),
        "9:22",
        "the exponent Z is not known here; it is a whole number up to 16, or 1 / 2",
        "Z",
    ),
    "power of nothing": (("(1 - Z)", "Z**0"), "9:19", "Z**0 is always 1; write that", "Z**0"),
    "power of powers of a number": (
        ("(1 - Z)", "((2 ** 16) ** 16)"),
        "9:20",
        "(2 ** 16) ** 16 is too large or too small a number for a kernel",
        "(2 ** 16) ** 16",
    ),
    "power of powers": (
        ("(1 - Z)", "(Z ** 16) ** 16"),
        "9:19",
        "(Z ** 16) ** 16 has more than 16 factors; give Z ** 16 a name of its own",
        "(Z ** 16) ** 16",
    ),
    "product of powers": (
        ("(1 - Z)", "Z ** 8 * Z ** 8 * Z"),
        "9:19",
        "Z ** 8 * Z ** 8 * Z has more than 16 factors; give Z ** 8 * Z ** 8 a name of its own",
        "Z ** 8 * Z ** 8 * Z",
    ),
    "power of zero": (("(1 - Z)", "0**-1"), "9:19", "0**-1 is a power of 0", "0**-1"),
    "integer division": (("(1 - Z)", "1//2"), "9:20", f"// is not known here; {MARKS}", "//"),
    "comparison": (("1 - Z", "1 == Z"), "9:22", f"== is not known here; {MARKS}", "=="),
    "another comparison": (("1 - Z", "1 != Z"), "9:22", f"!= is not known here; {MARKS}", "!="),
    "attribute": (
        ("tanh(x", "np.tanh(x"),
        "7:8",
        f". is not known here; {BARE}",
        ".",
    ),
    "subscript": (
        ("CA @ Wz", "CA[0] @ Wz"),
        "8:33",
        f"[ is not known here; {SLICES}",
        "[",
    ),
    "string": (("x @ Wca", "'x' @ Wca"), "7:11", f"' is not known here; {MARKS}", "'"),
    "formatted string": (("x @ Wca", "f'{x}'"), "7:12", f"' is not known here; {MARKS}", "'"),
    "lambda": (
        ("x @ Wca", "lambda: x"),
        "7:11",
        "lambda is a keyword of Python, and equations have none",
        "lambda",
    ),
    "condition": (
        ("x @ Wca", "x if x else x"),
        "7:13",
        "if is a keyword of Python, and equations have none",
        "if",
    ),
    "comprehension": (
        ("x @ Wca", "[x for x in x]"),
        "7:11",
        f"[ is not known here; {SLICES}",
        "[",
    ),
    "walrus": (("x @ Wca", "(a := x)"), "7:14", f": is not known here; {MARKS}", ":"),
    "ellipsis": (
        ("x @ Wca", "..."),
        "7:11",
        f". is not known here; {BARE}",
        ".",
    ),
    "true": (
        ("1 - Z", "True - Z"),
        "9:20",
        "True is a keyword of Python, and equations have none",
        "True",
    ),
    "complex number": (
        ("1 - Z", "1j - Z"),
        "9:21",
        f"{NEXT}, found j",
        "j",
    ),
    "import": (
        ("CA = tanh(x @ Wca + bca)", "import os"),
        "7:1",
        "import is a keyword of Python, and equations have none",
        "import",
    ),
    "call of __import__": (
        ("x @ Wca", "__import__(x)"),
        "7:11",
        f"there is no function __import__; known: {KNOWN}",
        "__import__",
    ),
    "call of __import__ with a string": (
        ("x @ Wca", "__import__('os')"),
        "7:22",
        f"' is not known here; {MARKS}",
        "'",
    ),
    "operator of a publication": (
        ("Z * S_prev", "Z ⊙ S_prev"),
        "9:8",
        "⊙ is not known here; the elementwise product is written *",
        "⊙",
    ),
    "minus of a publication": (
        ("1 - Z", "1 − Z"),
        "9:22",
        "− is not known here; minus is written -",
        "−",
    ),
    "Greek function": (
        ("sigmoid(", "σ("),
        "8:6",
        "σ is not known here; the logistic function is written sigmoid",
        "σ",
    ),
    "name that is not ASCII": (
        ("bca)", "bça)"),
        "7:22",
        "ç is not known here; names are of ASCII letters, digits and underscores, as alpha",
        "ç",
    ),
    "accent on the bracket before": (
        ("bca)", "bca)\u0301"),
        "7:25",
        f"the character '\\u0301' is not known here; {MARKS}",
        "\u0301",
    ),
    "character that cannot be seen": (
        ("x @ Wca", "x @\u200b Wca"),
        "7:14",
        f"the character '\\u200b' is not known here; {MARKS}",
        "\ufffd",
    ),
    "many brackets": (
        ("tanh(x @ Wca + bca)", f"{'(' * 11}x{')' * 11}"),
        "7:16",
        "more than 10 brackets are open here; give what is inside a name of its own",
        "(",
    ),
    "many terms": (
        ("tanh(x @ Wca + bca)", "x" + "+x" * 100),
        "7:206",
        "the equation has more than 200 names, numbers and marks; give its parts names of their "
        "own",
        "x",
    ),
}

NAMES = {
    "keyword": ("lambda", "'lambda' is a keyword of Python"),
    "name whose adjoint is a keyword": (
        "el",
        "'el' would have the adjoint del, which is a keyword of Python",
    ),
    "adjoint": ("dS", "'dS' is what the adjoint of S is called"),
    "size": ("H", f"'H' {RESERVED}"),
    "time": ("T", f"'T' {RESERVED}"),
    "NumPy": ("np", "'np' is a name that kernels use themselves"),
    "function of a kernel": ("loss", "'loss' is a name that kernels use themselves"),
    "class of a kernel": ("Params", "'Params' is a name that kernels use themselves"),
    "built-in": ("sum", "'sum' is a name of Python's own"),
    "name whose adjoint is taken": ("type", "'type' is a name that kernels use themselves"),
    "function": ("sigmoid", "'sigmoid' is the name of a function"),
    "state": ("S", "'S' is a state already"),
    "input": ("x", "'x' is an input already"),
    "underscore": (
        "_b",
        "'_b' is not a name: underscores stand one by one, between letters and digits",
    ),
    "hyphen": (
        "b-ca",
        "'b-ca' is not a name: it takes ASCII letters, digits and underscores, a letter first",
    ),
}

KEYS = {
    "state with samples in columns": (
        ('["S"]', '{ S = "(H, B)" }'),
        "4:17",
        "the state S is (H, B); a state has one row per sample, (B, n)",
        "(H, B)",
    ),
    "state of an unknown size": (
        ('["S"]', '{ S = "(B, G)" }'),
        "4:17",
        'there is no size G; known: B, D, H; declare it: sizes = ["G"]',
        "(B, G)",
    ),
    "state of another shape than its equation": (
        ('["S"]', '{ S = "(B, D)" }'),
        "8:14",
        "S_prev is (B, D), Wrecz is (H, H); the inner sizes of a product, D and H, must be the "
        "same",
        "S_prev @ Wrecz",
    ),
    "states without shapes": (
        ('["S"]', "{ S = 1 }"),
        "4:12",
        'states holds strings, as in { S = "(B, H)" }, not a number',
        "S",
    ),
    "state that is not computed": (
        ('["S"]', '{ S = "(B, H)", C = "(B, D)" }'),
        "4:26",
        "the state C has no next value; add an equation C = ...",
        "C",
    ),
    "number that is none": (
        ('["S"]', '["S"]\nnumbers = { dt = "one" }'),
        "5:19",
        "'one' is no number; write 3, 0.1 or \"1/10\"",
        "one",
    ),
    "number over zero": (
        ('["S"]', '["S"]\nnumbers = { dt = "1/0" }'),
        "5:19",
        "'1/0' is no number; write 3, 0.1 or \"1/10\"",
        "1/0",
    ),
    "number without end": (
        ('["S"]', '["S"]\nnumbers.dt = inf'),
        "5:9",
        'inf is no number; write 3, 0.1 or "1/10"',
        "dt",
    ),
    "number of many digits": (
        ('["S"]', '["S"]\nnumbers = { dt = "1e19" }'),
        "5:19",
        "dt is 10000000000000000000, and no array of integers holds that",
        "1e19",
    ),
    "number that nothing reads": (
        ('["S"]', '["S"]\nnumbers.dt = 0.1'),
        "5:9",
        f"no equation reads dt; {UNREAD}",
        "dt",
    ),
    "number with another role": (
        ('["S"]', '["S"]\nnumbers.Wz = 0.1'),
        "6:61",
        "'Wz' is a number already",
        "Wz",
    ),
    "range of a stranger": (
        ('["S"]', '["S"]\nchecks.xs = [0, 1]'),
        "5:8",
        "there is no input, state or weight xs; did you mean x? known: x, S, Wca, bca, Wrecz, Wz, "
        "bz",
        "xs",
    ),
    "range of one number": (
        ('["S"]', '["S"]\nchecks.x = [1]'),
        "5:8",
        "the range of x must be two numbers, as [0.1, 2], not [1]",
        "x",
    ),
    "range of words": (
        ('["S"]', '["S"]\nchecks.Wz = ["a", "b"]'),
        "5:8",
        "the range of Wz must be two numbers, as [0.1, 2], not ['a', 'b']",
        "Wz",
    ),
    "range that goes down": (
        ('["S"]', '["S"]\nchecks.x = [2, 0.5]'),
        "5:8",
        "the range of x must go up and stay within 1e+06, not [2, 0.5]",
        "x",
    ),
    "range without end": (
        ('["S"]', '["S"]\nchecks.S = [0, inf]'),
        "5:8",
        "the range of S must go up and stay within 1e+06, not [0, inf]",
        "S",
    ),
    "a range for all": (
        ('["S"]', '["S"]\nchecks = [0, 1]'),
        "5:1",
        "checks must be a table such as { x = [0.1, 2.0] }, not an array",
        "checks",
    ),
    "unknown": (
        ("title", "titel"),
        "2:1",
        "there is no titel; did you mean title? known: name, title, source, sizes, numbers, "
        "functions, inputs, without_gradient, states, weights, constants, output, equations, "
        "checks, init",
        "titel",
    ),
    "string for an array": (
        ('["S"]', '"S"'),
        "4:1",
        'states must be an array such as ["S"], not a string',
        "states",
    ),
    "number for a string": (
        ('"minimal-rnn"', "3"),
        "1:1",
        'name must be a string such as "gru", not a number',
        "name",
    ),
    "truth for a string": (
        ('"minimal-rnn"', "true"),
        "1:1",
        'name must be a string such as "gru", not true or false',
        "name",
    ),
    "date for a string": (
        ('"minimal-rnn"', "2017-11-18"),
        "1:1",
        'name must be a string such as "gru", not a date or a time',
        "name",
    ),
    "string for a table": (
        ('states = ["S"]', 'states = ["S"]\ninputs = "(B, D)"'),
        "5:1",
        'inputs must be a table such as { x = "(B, D)" }, not a string',
        "inputs",
    ),
    "number for a shape": (
        ('bca = "(H,)"', "bca = 1"),
        "5:29",
        'weights holds strings, as in { W = "(D, H)", b = "(H,)" }, not a number',
        "bca",
    ),
    "dotted weight": (
        ('bca = "(H,)"', 'b.ca = "(H,)"'),
        "5:29",
        'weights holds strings, as in { W = "(D, H)", b = "(H,)" }, not a table',
        "b",
    ),
    "number for a state": (
        ('["S"]', '["S", 1]'),
        "4:1",
        'states holds strings, as in ["S"], not a number',
        "states",
    ),
    "empty states": (
        ('["S"]', "[]"),
        "4:1",
        'the key states is empty; write it as states = ["S"]',
        "states",
    ),
    "empty name": (
        ('"minimal-rnn"', '""'),
        "1:1",
        'the key name is empty; write it as name = "gru"',
        "name",
    ),
    "no file name": (
        ('"minimal-rnn"', '"../../gru"'),
        "1:9",
        "cell '../../gru': its name must begin with a letter and go on with ASCII letters, digits, "
        "hyphens and underscores; files are named by it",
        "../../gru",
    ),
    "no title": (
        ('"minimal recurrent network"', '""'),
        "2:10",
        "cell 'minimal-rnn': the title is empty; say in words what it is",
        '"',
    ),
    "title that would end a docstring": (
        ('"minimal recurrent network"', '\'a"""; import os\''),
        "2:10",
        "cell 'minimal-rnn': the title 'a\"\"\"; import os' must be one line of text without "
        "double quotes and backslashes",
        'a"""; import os',
    ),
    "source of two lines": (
        ('"Chen 2017', '"Chen\\n2017'),
        "3:1",
        "cell 'minimal-rnn': the source 'Chen\\n2017, arXiv:1711.06788' must be one line of text "
        "without double quotes and backslashes",
        "source",
    ),
    "no shape": (
        ('bca = "(H,)"', 'bca = "(H"'),
        "5:36",
        f"'(H' is not a shape; {SHAPES}",
        "(H",
    ),
    "three sizes": (
        ('bca = "(H,)"', 'bca = "(D, H, H)"'),
        "5:36",
        f"'(D, H, H)' is not a shape; {SHAPES}",
        "(D, H, H)",
    ),
    "code for a shape": (
        ('bca = "(H,)"', 'bca = "(H, __import__(0))"'),
        "5:36",
        f"'(H, __import__(0))' is not a shape; {SHAPES}",
        "(H, __import__(0))",
    ),
    "unknown size": (
        ('bca = "(H,)"', 'bca = "(K,)"'),
        "5:36",
        'there is no size K; known: B, D, H; declare it: sizes = ["K"]',
        "(K,)",
    ),
    "number for a size": (
        ('bca = "(H,)"', 'bca = "(1, H)"'),
        "5:36",
        '(1, H) has one row; write "(H,)" for a vector',
        "(1, H)",
    ),
    "number in brackets": (
        ('bca = "(H,)"', 'bca = "(1, 1)"'),
        "5:36",
        '(1, 1) has one row; write "()" for a number',
        "(1, 1)",
    ),
    "number for a number": (
        ('bca = "(H,)"', 'bca = "(1,)"'),
        "5:36",
        '(1,) has one row; write "()" for a number',
        "(1,)",
    ),
    "number for an input": (
        ('states = ["S"]', 'states = ["S"]\ninputs = { x = "()" }'),
        "5:17",
        "the input x is a number; an input has one row per sample, (B, n)",
        "()",
    ),
    "weight of a batch": (
        ('bca = "(H,)"', 'bca = "(B, H)"'),
        "5:36",
        "the weight bca is (B, H); a weight serves every sample and has no B",
        "(B, H)",
    ),
    "input without a batch": (
        ('states = ["S"]', 'states = ["S"]\ninputs = { x = "(D,)" }'),
        "5:17",
        "the input x is (D,); an input has one row per sample, (B, n)",
        "(D,)",
    ),
    "reserved size": (
        ('states = ["S"]', 'states = ["S"]\nsizes = ["K", "T"]'),
        "5:16",
        f"'T' {RESERVED}",
        "T",
    ),
    "state without a next value": (
        ('["S"]', '["S", "C"]'),
        "4:17",
        "the state C has no next value; add an equation C = ...",
        "C",
    ),
    "state that is never read": (
        ("S_prev", "CA"),
        "4:12",
        "no equation reads S_prev, what S was one step earlier; without it S is no state",
        "S",
    ),
    "state twice": (('["S"]', '["S", "S"]'), "4:17", "'S' is a state already", "S"),
    "unused weight": ((" + CA @ Wz", ""), "5:61", f"no equation reads Wz; {UNREAD}", "Wz"),
    "unused input": (
        ("x @ Wca", "CA_0 @ Wca"),
        "7:11",
        "there is no name CA_0; known: x, S_prev, Wca, bca, Wrecz, Wz, bz",
        "CA_0",
    ),
    "another unused input": (
        ('states = ["S"]', 'states = ["S"]\ninputs = { x = "(B, D)", u = "(B, D)" }'),
        "5:26",
        f"no equation reads u; {UNREAD}",
        "u",
    ),
    "no pattern": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "identty(H)" }'),
        "5:20",
        "there is no pattern 'identty'; did you mean identity? known: identity, ones, zeros, "
        "lower_triangle, upper_triangle, band, hippo_legs, hippo_legs_input, legendre_delay, "
        "legendre_delay_input",
        "identty(H)",
    ),
    "pattern of an unknown size": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "ones(H, G)" }'),
        "5:20",
        'there is no size G; known: B, D, H; declare it: sizes = ["G"]',
        "ones(H, G)",
    ),
    "pattern that is square": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "identity(D, H)" }'),
        "5:20",
        "identity is square, and (D, H) is not",
        "identity(D, H)",
    ),
    "pattern that is a vector": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "hippo_legs_input(D, H)" }'),
        "5:20",
        "hippo_legs_input is a vector, and (D, H) is not",
        "hippo_legs_input(D, H)",
    ),
    "band without a number": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "band(H)" }'),
        "5:20",
        "band takes a number, as in band(H, 1)",
        "band(H)",
    ),
    "pattern with a number": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "identity(H, 3)" }'),
        "5:20",
        "identity takes no number, not 3",
        "identity(H, 3)",
    ),
    "constant per sample": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "(B, H)" }'),
        "5:20",
        "the constant E is (B, H); a constant serves every sample and has no B",
        "(B, H)",
    ),
    "constant of no shape": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "identity(" }'),
        "5:20",
        '\'identity(\' is not a shape; write "(D, H)", "(H,)" for a vector, or "()" for a number',
        "identity(",
    ),
    "unused constant": (
        ('states = ["S"]', 'states = ["S"]\nconstants = { E = "identity(H)" }'),
        "5:15",
        f"no equation reads E; {UNREAD}",
        "E",
    ),
    "no input without gradient": (
        ('states = ["S"]', 'states = ["S"]\nwithout_gradient = ["x", "masks"]'),
        "5:27",
        "there is no input 'masks'; known: x",
        "masks",
    ),
    "weight without gradient": (
        ('states = ["S"]', 'states = ["S"]\nwithout_gradient = ["Wz"]'),
        "5:22",
        "there is no input 'Wz'; known: x",
        "Wz",
    ),
    "input without gradient twice": (
        ('states = ["S"]', 'states = ["S"]\nwithout_gradient = ["x", "x"]'),
        "5:27",
        "x stands here twice",
        "x",
    ),
    "inputs without gradient as a text": (
        ('states = ["S"]', 'states = ["S"]\nwithout_gradient = "x"'),
        "5:1",
        'without_gradient must be an array such as ["x"], not a string',
        "without_gradient",
    ),
    "input of another name": (
        ('states = ["S"]', 'states = ["S"]\ninputs = { u = "(B, D)" }'),
        "8:11",
        "there is no name x; known: u, S_prev, Wca, bca, Wrecz, Wz, bz",
        "x",
    ),
    "size that there is": (
        ('states = ["S"]', 'states = ["S"]\nsizes = ["K", "H"]'),
        "5:16",
        "H is a size already; sizes lists those besides B, D and H",
        "H",
    ),
    "size twice": (
        ('states = ["S"]', 'states = ["S"]\nsizes = ["K", "K"]'),
        "5:16",
        "K is a size already; sizes lists those besides B, D and H",
        "K",
    ),
    "unused size": (
        ('states = ["S"]', 'states = ["S"]\nsizes = ["K"]'),
        "5:11",
        f"no input and no weight has the size K; {UNREAD}",
        "K",
    ),
    "unknown output": (
        ('states = ["S"]', 'states = ["S"]\noutput = "ZZ"'),
        "5:11",
        "the output 'ZZ' is the left side of no equation; did you mean Z? known: CA, Z, S",
        "ZZ",
    ),
    "unknown output among several": (
        ('states = ["S"]', 'states = ["S"]\noutput = ["S", "ZZ"]'),
        "5:17",
        "the output 'ZZ' is the left side of no equation; did you mean Z? known: CA, Z, S",
        "ZZ",
    ),
    "weight as an output": (
        ('states = ["S"]', 'states = ["S"]\noutput = ["Wca", "S"]'),
        "5:12",
        "the output 'Wca', a weight, is the left side of no equation; known: CA, Z, S",
        "Wca",
    ),
    "previous state as the output": (
        ('states = ["S"]', 'states = ["S"]\noutput = "S_prev"'),
        "5:11",
        "the output 'S_prev', the previous value of S, is the left side of no equation; "
        "known: CA, Z, S",
        "S_prev",
    ),
    "one output twice": (
        ('states = ["S"]', 'states = ["S"]\noutput = ["S", "Z", "S"]'),
        "5:22",
        "the output S stands here twice",
        "S",
    ),
    "no output": (
        ('states = ["S"]', 'states = ["S"]\noutput = []'),
        "5:1",
        'output is empty; write it as ["S", "C"], or leave it out',
        "output",
    ),
    "number for an output": (
        ('states = ["S"]', 'states = ["S"]\noutput = ["S", 1]'),
        "5:1",
        'output holds strings, as in ["S", "C"], not a number',
        "output",
    ),
    "table of outputs": (
        ('states = ["S"]', 'states = ["S"]\noutput = { S = "(B, H)" }'),
        "5:1",
        'output must be a string such as "S", not a table',
        "output",
    ),
    "no equation": (
        (TEXT[TEXT.index("CA = ") :], '# nothing\n"""'),
        "6:1",
        "there is no equation here; write one such as S = tanh(x @ W + b)",
        "equations",
    ),
    "key twice": (
        ("title", "name"),
        "2:35",
        "not TOML: this key has a value already",
        "",
    ),
    "no TOML": (
        ("name = ", "name "),
        "1:6",
        "not TOML: Expected '=' after a key in a key/value pair",
        '"',
    ),
    "string without an end": (
        ('# state\n"""', "# state\n"),
        "9:56",
        "not TOML: Unterminated string",
        "",
    ),
    "NUL": (("x @", "x \0@"), "7:13", "not TOML: Illegal character '\\x00'", "\ufffd"),
    "a long line": (
        ("# state", "#" * 1000),
        "9:1",
        "a line of 1048 characters; at most 1000 are read",
        "S  = Z * S_prev + (1 - Z) * CA                  " + "#" * 48,
    ),
}


@pytest.mark.parametrize(
    ("change", "place", "message", "marked"),
    [pytest.param(*case, id=name) for name, case in (EQUATIONS | SYNTAX | KEYS).items()],
)
def test_a_fault_is_shown_in_its_place(
    tmp_path: Path, change: tuple[str, str], place: str, message: str, marked: str
) -> None:
    assert change[0] in TEXT
    assert fault(tmp_path, TEXT.replace(*change)) == (place, message, marked)


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_symbol_can_have(tmp_path: Path, name: str) -> None:
    wrong, message = NAMES[name]
    content = TEXT.replace("bca =", f"{wrong} =").replace("bca)", f"{wrong})")
    assert fault(tmp_path, content) == ("5:29", message, wrong)


# --- what has no place in the file, or is no text ------------------------------------------------


@pytest.mark.parametrize("key", ["name", "states", "weights", "equations"])
def test_what_has_to_be_there(tmp_path: Path, key: str) -> None:
    before = TEXT.split("equations = ")[0]
    lines = [line for line in before.splitlines() if not line.startswith(f"{key} = ")]
    rest = "" if key == "equations" else TEXT.removeprefix(before)
    place, message, _ = fault(tmp_path, "\n".join([*lines, rest]))
    assert place == ""
    assert message.startswith(f"the key {key} is missing; write it as {key} = ")


def test_the_error_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(CellError) as caught:
        load(tmp_path, TEXT.replace("CA @ Wz", "CA @ Wq"))
    assert str(caught.value) == (
        f"{tmp_path}/my_cell.toml:8:36: "
        "there is no name Wq; did you mean Wz? known: x, S_prev, Wca, bca, Wrecz, Wz, bz, CA\n"
        "    Z  = sigmoid(S_prev @ Wrecz + CA @ Wq + bz)     # update gate\n"
        "                                       ^^"
    )


def test_a_long_line_is_shown_in_part(tmp_path: Path) -> None:
    many = " + ".join(["x @ Wca"] * 20)
    with pytest.raises(CellError) as caught:
        load(tmp_path, TEXT.replace("x @ Wca", f"{many} + x @ Wz + {many}"))
    _, line, carets = str(caught.value).split("\n")
    assert len(line) == 100
    assert line[carets.index("^") : len(carets)] == "x @ Wz"


def test_tabs_stay_tabs_above_and_below(tmp_path: Path) -> None:
    found = fault(tmp_path, TEXT.replace("Z  =", "Z\t=\t").replace("CA @ Wz", "CA\t@\tWq"))
    assert (found.place, found.marked) == ("8:36", "Wq")


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    same = fault(tmp_path, TEXT.replace("CA @ Wz", "CA @ Wq"))
    assert fault(tmp_path, TEXT.replace("CA @ Wz", "CA @ Wq").replace("\n", "\r\n")) == same


def test_places_in_escaped_text_are_those_in_the_text(tmp_path: Path) -> None:
    equations = TEXT[TEXT.index("CA = ") :].removesuffix('"""\n')
    escaped = equations.replace("CA @ Wz", "CA @ Wq").replace("\n", "\\n")
    content = TEXT[: TEXT.index('"""')] + f'"{escaped}"'
    place, message, marked = fault(tmp_path, content)
    assert (place, marked) == (", equations:2:36", "Wq")
    assert message.startswith("there is no name Wq")


def test_a_value_is_found_where_it_stands(tmp_path: Path) -> None:
    """The same text stands in a comment, in a longer string, and as the value of another key."""
    content = (
        '# bca = "(K, H)"\ntitle = "bca (K, H)"\nsource = """\nbca = (K, H)"""\n'
        + TEXT.split("\n", 3)[0]
        + "\n"
        + TEXT.split("\n", 3)[3].replace('bca = "(H,)"', 'bca = "(K, H)"')
    )
    place, _, marked = fault(tmp_path, content.replace('"""\nbca', '"bca').replace('H)"""', 'H)"'))
    assert (place, marked) == ("6:36", "(K, H)")


@pytest.mark.parametrize("brackets", ["(", "[", "{", "((", "tanh(", "-(", "[["])
def test_ten_megabytes_of_brackets(tmp_path: Path, brackets: str) -> None:
    size = 10_000_000 // len(brackets)
    started = time.perf_counter()
    for content in (brackets * size, f'equations = "{brackets * size}"', f"x = {brackets * size}"):
        message = fault(tmp_path, content).message
        assert message == "has more than 16384 bytes; a cell takes a dozen lines"
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("opening", ["[", "[\n", "{a=", "{a={b=", "[{a=["])
def test_nested_toml(tmp_path: Path, opening: str) -> None:
    for size in (100, 1000, 15000):
        assert fault(tmp_path, TEXT + f"x = {opening * (size // len(opening))}").message


def test_a_key_of_many_parts_does_not_take_for_ever(tmp_path: Path) -> None:
    started = time.perf_counter()
    found = fault(tmp_path, f"{'.'.join('a' * 8000)} = 1")
    assert found.message == "a line of 16003 characters; at most 1000 are read"
    for content in ("\n".join(f"{'.'.join('a' * 490)}.b{i} = 1" for i in range(16)), "a = 1\n" * 2):
        fault(tmp_path, content)
    assert time.perf_counter() - started < 5


def test_a_number_of_many_digits(tmp_path: Path) -> None:
    assert fault(tmp_path, f"name = {'1' * 900}").message.startswith("name must be a string")
    assert fault(tmp_path, "name = " + "\n".join(["1" * 900] * 9)).message.startswith("not TOML")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"name = '\xe9'", TEXT.encode("utf-16")])
def test_what_is_not_utf_8(tmp_path: Path, content: bytes) -> None:
    found = fault(tmp_path, content)
    assert found.message in {
        f"the byte 0x{byte:02x} is not UTF-8 text" for byte in (0xFF, 0xE9, 0xFE)
    }


def test_the_place_of_a_byte_that_is_not_utf_8(tmp_path: Path) -> None:
    content = TEXT.replace("title", "# é\r\ntitle").encode().replace(b"Chen", b"Ch\xe9n")
    found = fault(tmp_path, content)
    assert found == ("4:13", "the byte 0xe9 is not UTF-8 text", "\ufffd")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbf" + TEXT.encode()).name == "minimal-rnn"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    for path, reason in {
        missing: "does not exist",
        folder: "is a folder, not the file of a cell",
        missing / "cell.toml": "does not exist",
        Path("a" * 300 + ".toml"): "cannot be read: File name too long",
        os.devnull + "/cell.toml": "cannot be read: Not a directory",
    }.items():
        with pytest.raises(CellError) as caught:
            load_cell(str(path))
        assert str(caught.value) == f"{path} {reason}"


def test_a_cell_that_does_not_read_its_input(tmp_path: Path) -> None:
    """It has one, though the file says nothing of it."""
    without = TEXT.replace("x @ Wca + bca", "S_prev + bca").replace('Wca = "(D, H)", ', "")
    assert fault(tmp_path, without) == (
        "",
        "no equation reads x; the input is x, (B, D), unless a file says otherwise, "
        'as inputs = { u = "(B, D)" } does',
        None,
    )


def test_the_words_that_no_function_may_be_called_are_those_of_equations() -> None:
    of_operands = (*operators.OF_ROWS, *operators.OF_TWO, *operators.OF_THREE)
    assert {*WORDS} == {"lag", *of_operands}
