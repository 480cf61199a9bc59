"""Output to the terminal: text, a bar while a command works, the table of a verification."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import unified_diff
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any, TextIO

import click

from gru_codegen.cli.errors import BadInput, visible
from gru_codegen.files import write_whole

if TYPE_CHECKING:
    from gru_codegen.verify import Report


_Style = dict[str, Any]
#: Of the rows of a report, by their verdicts.
_STYLES: dict[str, _Style] = {
    "FAIL": {"fg": "red", "bold": True},
    "inaccurate": {"fg": "yellow"},
}
#: Of the lines of a diff: of the two that name the files, and by how others begin.
_OF_HEADS: _Style = {"bold": True}
_OF_CHANGES: dict[str, _Style] = {"@": {"fg": "cyan"}, "-": {"fg": "red"}, "+": {"fg": "green"}}


def is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()  # None: closed by the shell's `2>&-`


def say(text: str | bytes, *, end: bool = True) -> None:
    """Print on standard output; text as bytes goes out unchanged, in any locale.

    Characters that a terminal would obey are shown as escapes; files and pipes get them in bytes.
    """
    if isinstance(text, str):
        text = visible(text)
    elif is_terminal(sys.stdout):
        text = visible(text.decode(errors="replace")).encode()
    try:
        click.echo(text, nl=end)
    except BrokenPipeError:
        raise  # click knows what to do where there is no SIGPIPE
    except OSError as error:  # a full disk behind `> file`
        _discard_output()
        raise BadInput(f"cannot write to standard output: {error.strerror or error}") from error


def deliver(text: str, output: str) -> None:
    """Print `text` if `output` is -, else write it to that file and say so."""
    if output == "-":
        say(text.encode(), end=False)
    else:
        write_whole(output, text, make_folder=True)
        tell(f"wrote {output}")


def _discard_output() -> None:
    """Discard the buffer, since Python writes it again as it ends."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


@contextmanager
def working() -> Iterator[Callable[..., None]]:
    """Yield ``progress(doing, done=0, total=None)``: a bar on standard error if a terminal is."""
    if not is_terminal(sys.stderr):
        yield lambda doing, done=0, total=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def progress(doing: str, done: int = 0, total: int | None = None) -> None:
            bar.update(task, description=visible(doing), completed=done, total=total)

        yield progress


def show(report: Report) -> None:
    """Print the table and the verdict: on a terminal in colours, and as wide as that is.

    Where output goes elsewhere, COLUMNS alone bounds it.
    """
    text = report.text(bound())
    if not is_terminal(sys.stdout):
        say(text)
        return
    for line in text.splitlines():
        style: _Style = {}
        if line == report.verdict:
            style = {"fg": "green" if report else "red", "bold": True}
        elif line.endswith(tuple(_STYLES)):
            style = _STYLES[line.split()[-1]]
        _echo(visible(line), style)


def show_difference(old: str, new: str, path: str) -> bool:
    """Print the unified diff from the text at `path` to the one that would be generated.

    Returns whether there is one. On a terminal it has colours.
    """
    # By line feed alone, where `str.splitlines` also splits at a form feed and half a dozen others.
    before, after = (list(io.StringIO(text)) for text in (old, new))
    lines = [*unified_diff(before, after, f"{path} (on disk)", f"{path} (generated)")]
    for number, line in enumerate(lines):
        whole = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        if is_terminal(sys.stdout):
            _echo(
                visible(whole.rstrip("\n")), _OF_HEADS if number < 2 else _OF_CHANGES.get(line[0])
            )
        else:
            say(whole.encode(errors="backslashreplace"), end=False)
    return bool(lines)


def _echo(line: str, style: _Style | None) -> None:
    """Print a line on a terminal, in colours unless NO_COLOR is set or the terminal has none."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    click.echo(line if plain or not style else click.style(line, **style))


def columns(widest: int = 100) -> int:
    """The columns of the terminal, `widest` at most; 100 where there is none and no COLUMNS."""
    return min(shutil.get_terminal_size((100, 24)).columns, widest)


def bound() -> int | None:
    """The columns that standard output may take; None where it is no terminal without COLUMNS."""
    return columns() if is_terminal(sys.stdout) or "COLUMNS" in os.environ else None


def fitted(text: str, width: int | None) -> str:
    """Lines of at most `width` columns, broken at words; an equation goes on behind its sign."""
    if width is None:
        return text
    lines = []
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        _, sign, _ = line.partition(" = ")
        behind = line.find(" = ") + 3 if sign else indent + 4
        wrapper = TextWrapper(
            width,
            subsequent_indent=" " * min(behind, width // 3),
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += wrapper.wrap(line) or [""]
    return "".join(f"{line}\n" for line in lines)


def folded(text: str, stream: TextIO | None) -> str:
    """Sentences as a terminal shows them, broken between words; the same text for a pipe."""
    if not is_terminal(stream):
        return text
    wrapper = TextWrapper(
        columns(120), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return wrapper.fill(text)


def tell(sentence: str) -> None:
    """Print a sentence on standard output, folded at a terminal."""
    say(folded(visible(sentence), sys.stdout))


def warn(sentence: str) -> None:
    """Print a sentence on standard error likewise: what is good to know, and no error."""
    click.echo(folded(visible(sentence), sys.stderr), err=True)


@contextmanager
def ending_with_the_pipe() -> Iterator[None]:
    """Let `... | head -1` end this program as it ends any other: quietly, by SIGPIPE."""
    if not hasattr(signal, "SIGPIPE"):
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)
