"""How lines of Python are wrapped."""

from __future__ import annotations

import shlex

import pytest

from gru_codegen.emit.lines import WIDTH, LogicalLine, call, called, command, listed


def test_a_call_that_just_fits() -> None:
    for before in ("", "gradients = "):
        room = WIDTH - len(f"    {before}Params()")
        assert called(before, "Params", ["d" * room]) == f"    {before}Params({'d' * room})"
        assert called(before, "Params", ["d" * room + "d"]).splitlines() == [
            f"    {before}Params(",
            f"        {'d' * room}d",
            "    )",
        ]


def test_a_call_with_keywords_has_a_line_for_each() -> None:
    keywords = [f"{letter * 30}={letter}" for letter in "abc"]
    assert called("", "f", keywords, " " * 8, keywords=True).splitlines() == [
        "        f(",
        *(f"            {keyword}," for keyword in keywords),
        "        )",
    ]


def test_a_list_has_whole_elements_on_a_line() -> None:
    assert listed(["(D, H)", "(H,)"], "if shapes != ", ":") == "[(D, H), (H,)]"
    first, *rows, last = listed(["(D, H)"] * 30, "if shapes != ", ":").splitlines()
    assert (first, last) == ("[", "    ]")
    assert all(len(row) <= WIDTH and row.endswith("),") for row in rows)
    assert "".join(rows).count("(D, H)") == 30


@pytest.mark.parametrize(
    "cell", ["gru", "c" * 30, "a/long/path" * 12, "'my own cells/cell --own.toml'"]
)
def test_a_long_command_is_the_same_to_the_shell_and_in_the_docstring(cell: str) -> None:
    options = ("--unroll 2", "--loss cross-entropy", "--readout linear")
    parts = ("gru-codegen generate", f"--cell {cell}", *options)
    text, written = " ".join(parts), command(parts)
    assert shlex.split(written.replace("\\\n", "")) == shlex.split(text)
    docstring = eval(f'"""{written}"""')
    assert shlex.split(docstring) == shlex.split(text)
    assert all(len(line) <= WIDTH for line in written.splitlines() if cell not in line)
    assert ("\n" in written) == (len(f"    {text}") > WIDTH)


def test_a_call_too_long_has_its_arguments_on_their_own_line() -> None:
    name = "a" * 40
    assert call("np.add", (name, "b", name)).lines("    ") == [f"    np.add({name}, b, {name})"]
    assert call("f(a).dot", (name, "f(b)", name[1:], name)).lines("    ") == [
        "    f(a).dot(",
        f"        {name},",
        "        f(b),",
        f"        {name[1:]},",
        f"        {name},",
        "    )",
    ]
    pair = call("zip", (name, f"f({name})", "strict=True"), before="for a, b in ", behind=":")
    assert pair.lines("    ") == [
        "    for a, b in zip(",
        f"        {name},",
        f"        f({name}),",
        "        strict=True,",
        "    ):",
    ]
    assert LogicalLine(f"{name * 3}[f(1)] = 0").lines("") == [f"{name * 3}[f(1)] = 0"]


def test_a_line_in_a_block_stands_further_in_however_it_is_wrapped() -> None:
    name = "a" * 46
    assert call("f", (name, name)).lines("") == [f"f({name}, {name})"]
    assert call("f", (name, name)).deeper().lines("    ") == [
        "        f(",
        f"            {name},",
        f"            {name},",
        "        )",
    ]
    assert LogicalLine("else:").deeper().deeper().lines("") == ["        else:"]
