"""Titles, sources, comments, names and paths: words in everything that is made, and no more."""

from __future__ import annotations

import ast
import html.parser
import os
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import gru_codegen as gc
from gru_codegen.cli.terminal import say
from gru_codegen.derive import derive
from gru_codegen.errors import CellError
from gru_codegen.explain import Format, document
from gru_codegen.parse import load_cell
from tests.cli.running import on_terminal, recorded
from tests.strangers.limited import CELL, refusal

HOSTILE = [
    '"""',
    "'''",
    "\\",
    "\\N{DIGIT ONE}",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{heading.title}",
    "%s %d",
    "# type: ignore",
    "# fmt: off",
    "</script><script>alert(1)</script>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "<img src=x onerror=alert(1)>",
    "\\input{/etc/passwd}",
    "\\write18{id}",
    "\\end{verbatim}",
    "$x$ #1 ^^5c %",
    "[1ex] *",
    "\x1b[31mred",
    "\x9b31m",
    "a\nimport os",
    "a\r\nb",
    "a\x0cb",
    "a\u2028b",
    "a\u202eb",
    "a\u2066b",
    "\u0430\u0435",  # look-alikes of a and e
    "\uff02\uff02\uff02",  # quotes of full width
    "zero\u200bwidth",
    "\u00ad",
    "e\u0301",
]
#: The characters that a declaration may have in words, most of them with a meaning somewhere.
TAKEN = [each for each in HOSTILE if each.isprintable() and not {*each} & {'"', "\\"}]
words = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from([*TAKEN, *"ab '{}[]()<>&%$#^_~|@`-"]), min_size=1, max_size=9).map(
        lambda parts: "".join(parts).strip() or "x"
    ),
    st.text(min_size=1, max_size=30),
)
reused = settings(
    deadline=None,
    max_examples=int(os.environ.get("STRANGERS", "15")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def in_toml(text: str) -> str:
    """A string of TOML that is `text`."""
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def told(folder: Path, title: str, source: str, meaning: str) -> gc.Cell | None:
    """The cell with these words, None if they are refused."""
    content = CELL.replace('"my cell"', in_toml(title)).replace('"a test"', in_toml(source))
    path = folder / "m.toml"
    try:
        path.write_text(content.replace("# state", f"# {meaning}"), encoding="utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair is no text
        return None
    try:
        return load_cell(str(path))
    except CellError as error:
        message = str(error)
    assert is_plain(message.replace("\t", ""))
    return None


class _Marked(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, sorted(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_comment(self, data: str) -> None:
        self.found.append(data)


def elements(page: str) -> list[object]:
    """Everything in a page of HTML besides text and the values of attributes."""
    parser = _Marked()
    parser.feed(page)
    return parser.found


def skeleton(source: str) -> str:
    """The syntax of a module without the text of its docstring and of its equations."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            node.value = ""
    return ast.dump(tree)


def is_plain(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)


FORMATS: tuple[Format, ...] = ("html", "text")
PLAIN = ("title", "source", "meaning")


@reused
@given(words, words, words)
@example("{{ 7 * 7 }}", "</script>", "# type: ignore")
def test_modules(tmp_path: Path, title: str, source: str, meaning: str) -> None:
    plain, cell = told(tmp_path, *PLAIN), told(tmp_path, title, source, meaning)
    assert plain is not None
    if cell is None:
        return
    for style in ("textbook", "fast"):
        module = gc.generate(cell, unroll=1, style=style)
        assert is_plain(module)
        assert skeleton(module) == skeleton(gc.generate(plain, unroll=1, style=style))
        docstring = ast.get_docstring(ast.parse(module))
        assert docstring is not None
        assert cell.title[1:] in docstring.partition("\n")[0]


@reused
@given(words, words, words)
@example("</script><script>alert(1)</script>", "<!--", "<img src=x onerror=alert(1)>")
def test_reports(tmp_path: Path, title: str, source: str, meaning: str) -> None:
    plain, cell = told(tmp_path, *PLAIN), told(tmp_path, title, source, meaning)
    assert plain is not None
    if cell is None:
        return
    for spelling in FORMATS:
        report, expected = (
            document(derive(each, gc.losses["l2"]), format=spelling) for each in (cell, plain)
        )
        assert {c for c in report if not c.isprintable()} <= {*expected, "\n"}
        if spelling == "html":
            assert elements(report) == elements(expected)


def test_a_whole_report(tmp_path: Path) -> None:
    cell, plain = told(tmp_path, "<b>", "</script>", "<!--"), told(tmp_path, *PLAIN)
    assert cell is not None
    assert plain is not None
    report, expected = (gc.inspect(each, format="html", wrt="W") for each in (cell, plain))
    assert elements(report) == elements(expected)


@reused
@given(words, words, words)
@example("%$#^_~{}", "$x$ #1 ^^5c %", "[1ex] *")
def test_latex(tmp_path: Path, title: str, source: str, meaning: str) -> None:
    """No command comes from words: TeX reads every special character as itself."""
    plain, cell = told(tmp_path, *PLAIN), told(tmp_path, title, source, meaning)
    assert plain is not None
    if cell is None:
        return
    written, expected = (
        document(derive(each, gc.losses["l2"]), format="latex") for each in (cell, plain)
    )
    assert is_plain(written)
    escapes = {"textbackslash", "textasciicircum", "textasciitilde", "ensuremath"}
    assert {*commands(written)} <= {*commands(expected), *escapes, *"{}#$%^&_~<>|"}
    bare, right = (
        re.sub(rf"\\({'|'.join(escapes)})\{{[^}}]?\}}|\\.", "", each)
        for each in (written, expected)
    )
    for special in "#$%^&_~":
        assert bare.count(special) == right.count(special), special
    assert bare.count("{") == bare.count("}")  # an empty pair keeps two dashes apart


def commands(written: str) -> list[str]:
    return re.findall(r"\\([A-Za-z]+|.)", written)


@pytest.mark.parametrize(
    "name", ["a b", "a/../../b", "a\u0430", "-a", "", "a\nb", "__import__", "a" * 300]
)
def test_names_of_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(CELL.replace('"mine"', in_toml(name)))
    refusal(["generate", "--cell", "m.toml"], tmp_path, seconds=10)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["m.toml"]


@pytest.mark.parametrize(
    "path",
    [
        'a"""\nimport os\n".toml',
        "a\\x.toml",
        "a\x1b[31m.toml",
        "a\u202eb.toml",
        '"/m.toml',
        "\udcff.toml",
    ],
)
def test_paths_that_would_be_more_than_words(path: str, tmp_path: Path) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(CELL)
    for command in ("cells", "generate --cell", "inspect --cell", "grade --template"):
        said = refusal([*command.split(), path], tmp_path)
        assert said.startswith(f"{path!a} cannot be the name of a declaration")


@pytest.mark.parametrize(
    "path",
    ["it's.toml", "a b.toml", "$(id).toml", "{{ 7*7 }}.toml", "<b>.toml", "-x.toml", "é.toml"],
)
def test_paths_that_are_words(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(path).write_text(CELL)
    from gru_codegen.pipeline import source
    from gru_codegen.request import Request

    module = source(Request(load_cell(path), unroll=1), path)
    assert recorded(module)[:3] == ["generate", "--cell", path]
    ast.parse(module)


def test_a_path_in_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = "it's <b> & $(id).toml"
    Path(path).write_text(CELL)
    report, plain = (
        gc.inspect(load_cell(path), format="html", wrt="W", spec=spec) for spec in (path, "m.toml")
    )
    assert elements(report) == elements(plain)
    assert shlex.join(["--cell", path]) in html.unescape(re.sub("<[^>]*>", "", report))


# --- terminals ------------------------------------------------------------------------------------


def test_a_terminal_gets_no_escapes_of_a_file(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    say("wrote \x1b[31m\x07\udcff\tk.py\n")
    assert capfdbinary.readouterr().out == b"wrote \\x1b[31m\\x07\\udcff\tk.py\n\n"
    # blinking, which nothing here writes, while what differs is red
    (tmp_path / "k.py").write_text('print("\x1b[5m")\n')
    arguments = (
        "generate",
        "--check",
        "--no-verify",
        "--unroll",
        "1",
        "-o",
        str(tmp_path / "k.py"),
    )
    status, shown, _ = on_terminal(*arguments, also_stdout=True)
    assert status == 1
    assert b'-print("\\x1b[5m")' in shown
    assert b"\x1b[5m" not in shown


def test_a_message_has_no_escapes_of_a_command_line(tmp_path: Path) -> None:
    assert refusal(["cells", "a\x1b[31mb"], tmp_path).startswith("there is no cell 'a\\x1b[31mb'")
    assert refusal(["verify", "a\x1b[31m\udcff"], tmp_path) == "a\\x1b[31m\\udcff does not exist"
