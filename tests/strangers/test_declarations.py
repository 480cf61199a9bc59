"""Every word of files of cells and losses, with anything in its place: read or refused, soon."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gru_codegen.errors import CellError
from gru_codegen.parse import load_cell, load_loss
from tests.parse.test_fuzz import HOSTILE, calls  # noqa: F401 - a fixture, which every test has
from tests.strangers.test_words import HOSTILE as WORDS

#: A cell with every key and every word of the language.
CELL: dict[str, Any] = {
    "name": "mine",
    "title": "my cell",
    "source": "a test",
    "sizes": ["K"],
    "numbers": {"dt": "1/10", "two": 2},
    "functions": {
        "swish": "a * sigmoid(a) + dt",
        "spike": {"value": "a > 0", "derivative": "1 / (1 + a * a)"},
    },
    "inputs": {"x": "(B, D)", "u": "(B, H)", "m": "(B, 1)"},
    "without_gradient": ["m"],
    "states": {"S": "(B, H)", "X": "(B, K)"},
    "weights": {"W": "(D, H)", "U": "(H, H)", "P": "(H, K)", "b": "(H,)", "c": "()"},
    "constants": {"A": "(H, H)", "eye": "identity(H)", "near": "band(K, 2)"},
    "output": "S",
    "equations": """
Z = swish(x @ W + lag(u, 3) @ (U.T @ A + eye) + c * b * m)    # gate
X = softmax(S_prev @ P) + X_prev @ near + row_mean(Z) / t
S = layer_norm(where(Z > 0, spike(Z) ** 2, lag(S, 2)), b, b) + maximum(Z, row_sum(X) * two)
""",
    "checks": {"x": [0.1, 2], "S": [0, 1]},
    "init": {"b": "1", "U": "orthogonal", "W": "uniform(-1, 1)"},
}
LOSS: dict[str, Any] = {
    "name": "pinball",
    "title": "pinball cost",
    "numbers": {"level": "9/10"},
    "prediction": "P",
    "target": "Y",
    "targets": "positive",
    "equations": """
ERR = Y - P                                         # error
COST = maximum(level * ERR, (level - 1) * ERR)      # cost
""",
    "cost": "COST",
    "mean": True,
    "checks": {"Y": [0.5, 2]},
}
LOADS: dict[str, tuple[dict[str, Any], Callable[[str], Any]]] = {
    "cell": (CELL, load_cell),
    "loss": (LOSS, load_loss),
}
JUNK: list[Any] = [
    *(*HOSTILE, *WORDS, "", " ", "S", "S_prev", "x", "W", "t", "a", "T", "L", "B", "dS", "lag"),
    *("1/0", "0/0", "1e999999999", "9" * 400, "-" * 400, "(" * 400, "nan", "inf", "1_0", "0x10"),
    *("(D, D, D)", "()", "(,)", "(1, 1)", "(B, B)", "(D, 10**9)", "identity()", "band(H, -1)"),
    *("band(H, 999999999)", "identity(Q)", "normal(0)", "uniform(1, 0)", "normal(1e999)"),
    *("uniform(nan, nan)", "lag(S, 10**9)", "lag(S, 0)", "a ** 9 ** 9 ** 9", "a @ a", "swish(a)"),
    *("tanh(" * 99, "a" + " * a" * 300, "x = " * 99, "__import__", "x" * 900, "1e-400"),
    *(None, True, 0, -1, 10**30, 1.5, 1e308, float("inf"), [], {}, ["S"], {"S": "(B, H)"}, [[]]),
    *([0, 0], [1, 0], [1e308, -1e308], ["0", "1"], [0, 1, 2], {"value": "a"}, {"derivative": "a"}),
]


def toml(value: Any) -> str:
    """A value in TOML; what TOML lacks is a date."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        if "\n" in value and value.replace("\n", "").isprintable() and "'''" not in value:
            return f"'''{value}'''"
        plain = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value)
        return f'"{"".join(plain)}"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml(key)} = {toml(part)}' for key, part in value.items())} }}"
    return "2020-01-01"


def paths(data: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a file."""
    parts: Any = data.items() if isinstance(data, dict) else ()
    for key, part in enumerate(data) if isinstance(data, list) else parts:
        yield (*above, key)
        yield from paths(part, (*above, key))


def changed(data: dict[str, Any], path: tuple[Any, ...], junk: Any, kind: str) -> dict[str, Any]:
    """A file with junk as a value, as a name, beside what is there, or in the middle of a text."""
    data = copy.deepcopy(data)
    *above, last = path
    part: Any = data
    for key in above:
        part = part[key]
    if kind == "value" or isinstance(part, list):
        part[last] = junk
    elif kind == "name":
        part[str(junk)] = part.pop(last)
    elif kind == "beside":
        part[str(junk)] = junk
    elif isinstance(part[last], str):
        words = part[last].split(" ")
        words[len(words) // 2] = str(junk)
        part[last] = " ".join(words)
    return data


CHANGES = {
    kind: st.tuples(
        st.sampled_from(list(paths(data))),
        st.sampled_from(JUNK),
        st.sampled_from(["value", "name", "beside", "word"]),
    )
    for kind, (data, _) in LOADS.items()
}


def check(kind: str, content: str, folder: Path) -> None:
    """Read a file, which is right or refused in a line that names it, in two seconds."""
    path = folder / "m.toml"
    path.write_text(content)
    began = time.process_time()
    try:
        LOADS[kind][1](str(path))
    except CellError as error:
        first = str(error).split("\n")[0]
        assert first.isprintable()
        assert first.startswith(f"{path}")
    assert time.process_time() - began < 2


def written(data: dict[str, Any]) -> str:
    return "\n".join(f"{toml(key)} = {toml(value)}" for key, value in data.items())


@pytest.mark.parametrize("kind", LOADS)
def test_the_files_are_right(kind: str, tmp_path: Path) -> None:
    data, load = LOADS[kind]
    (tmp_path / "m.toml").write_text(written(data))
    load(str(tmp_path / "m.toml"))


@pytest.mark.parametrize("kind", LOADS)
def test_anything_in_any_place(kind: str, tmp_path: Path) -> None:
    @settings(
        deadline=None,
        max_examples=10 * int(os.environ.get("STRANGERS", "15")),
        suppress_health_check=list(HealthCheck),
    )
    @given(CHANGES[kind])
    @example((("numbers",), {f"n{k}": k for k in range(900)}, "value"))
    @example((("equations",), "lag(S, 10**9)", "word"))
    def any_change(change: tuple[tuple[Any, ...], Any, str]) -> None:
        check(kind, written(changed(LOADS[kind][0], *change)), tmp_path)

    any_change()
