"""The end of a command that fails: an exception of click is one line and a status."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from reprlib import repr as shortened
from textwrap import TextWrapper
from typing import Any, TypeVar

import click

from gru_codegen.errors import CellError, GruCodegenError, ProgramError
from gru_codegen.known import closest

PROGRAM = "gru-codegen"

Name = TypeVar("Name", bound=str)

#: What others call the number of time steps.
_STEPS = ("t", "n", "steps", "time-steps", "timesteps", "num-steps", "seq-len", "length")


class CheckFailed(click.ClickException):
    exit_code = 1


class BadInput(click.ClickException):
    exit_code = 2


class InText(BadInput):
    """The first line says it all; the others show the place in a text file."""


class Stopped(click.ClickException):
    exit_code = 124  # that of timeout(1)


class Fault(click.ClickException):
    exit_code = 70  # EX_SOFTWARE of sysexits.h


class Ended(click.ClickException):
    """A command ended with a status, and what there was to say has been said."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.status = status


class Interrupted(click.ClickException):
    exit_code = 130  # 128 + SIGINT


class _Formatter(click.HelpFormatter):
    """Help whose examples are as narrow as the terminal, as all else in it is."""

    def write_text(self, text: str) -> None:
        before = len(self.buffer)
        super().write_text(text)
        written = "".join(self.buffer[before:])
        del self.buffer[before:]
        for line in written.splitlines():
            self.write("".join(f"{part}\n" for part in _example(line, self.width)))


def _example(line: str, width: int) -> list[str]:
    """A line of a command and a comment, if it is too long below each other."""
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    command, *comment = re.split(" {2,}", line.strip(), maxsplit=1)
    goes_on = " \\" if command.startswith(PROGRAM) else ""
    wrapper = TextWrapper(
        width - len(goes_on),
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    *first, last = wrapper.wrap(command)
    wrapper.initial_indent = wrapper.subsequent_indent
    return [*(part + goes_on for part in first), last, *wrapper.wrap(" ".join(comment))]


class _Context(click.Context):
    formatter_class = _Formatter

    @contextmanager
    def scope(self, cleanup: bool = True) -> Iterator[click.Context]:
        """As click has it; a usage error says of which command it is."""
        with super().scope(cleanup) as context:
            try:
                yield context
            except click.UsageError as error:
                error.ctx = error.ctx or self
                raise


@contextmanager
def told_by_click() -> Iterator[None]:
    """Turn errors of the package, and the end of time or memory, into exceptions of click."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    except MemoryError:
        raise BadInput("out of memory; fewer time steps, or --unroll any, need less") from None
    except RecursionError:
        fault = "the equations are nested too deep; give their parts names of their own"
        raise BadInput(fault) from None
    except ProgramError as error:
        raise Fault(f"{error}; this is a fault of {PROGRAM}, please report it") from error
    except CellError as error:
        raise (InText if "\n" in str(error) else BadInput)(str(error)) from error
    except GruCodegenError as error:
        raise BadInput(str(error)) from error


class Program(click.Group):
    """The commands, with the errors of the package and of the user as exceptions of click."""

    context_class = _Context

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        cmd.context_class = _Context
        super().add_command(cmd, name)

    def invoke(self, context: click.Context) -> Any:
        with told_by_click():
            return super().invoke(context)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if name not in self.commands and not context.resilient_parsing:  # as for completion
            raise Unknown("command", name, self.commands)
        return super().resolve_command(context, arguments)


class Unknown(click.UsageError):
    """There is no `kind` called `name`; says which there are, and which may have been meant.

    elsewhere: where else there is one, as the words that follow the name. meant: which is meant, if
    no word that is nearly the same.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        known: Iterable[str],
        option: str = "",
        elsewhere: str = "",
        meant: str = "",
    ) -> None:
        known = list(known)
        where = f"{option}: " if option else ""
        close = meant or closest(name, known)
        said = f" did you mean {close}?" if close else ""
        listed = ", ".join(known)
        super().__init__(
            f"{where}there is no {kind} {shortened(name)}{elsewhere};{said} known: {listed}"
        )


def choose(option: str, name: str, known: Collection[Name], kind: str = "") -> Name:
    """The one of `known` called `name`, of which an option takes one."""
    for each in known:
        if each == name:
            return each
    raise Unknown(kind or option, name, known, f"--{option}")


def visible(text: str) -> str:
    """`text` without what a terminal would obey: escapes for all but line ends and tabs."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text
    )


def _option_meant(error: click.UsageError) -> str:
    """The option whose value a word has been that stands by itself, as the part of a message."""
    alone = re.search(r"unexpected extra argument \((\S+)\)", error.message)
    if alone is None or error.ctx is None:
        return ""
    from gru_codegen.cells import files_by_name

    word = alone[1]
    option = "--cell" if word in files_by_name() else "--unroll" if word.isdecimal() else ""
    has = any(option in param.opts for param in error.ctx.command.get_params(error.ctx))
    return f"; did you mean {option} {word}?" if option and has else ""


def said(error: click.ClickException) -> str:
    """The message of `error` in one line, with the way to the right usage if it lacks one."""
    if isinstance(error, click.NoSuchOption) and error.ctx:
        known = [name for param in error.ctx.command.get_params(error.ctx) for name in param.opts]
        known = [name for name in known if name.startswith("--")]
        steps = error.option_name.lower().lstrip("-") in _STEPS and "--unroll" in known
        meant = "--unroll" if steps else ""
        error = Unknown("option", error.option_name, known, meant=meant)
    if isinstance(error, InText):
        return visible(error.format_message())
    message = visible(re.sub(r"\s*[\r\n]\s*", " ", error.format_message()))
    if isinstance(error, click.UsageError) and not isinstance(error, Unknown):
        message = message[0].lower() + message[1:].rstrip(".")  # click writes a sentence
        if type(error) is not click.BadParameter:
            path = error.ctx.command_path if error.ctx else PROGRAM
            message += f"{_option_meant(error) or ';'} see {path} --help"
    return message
