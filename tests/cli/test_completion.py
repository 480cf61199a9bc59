"""What a shell completes, as the scripts of click ask for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import gru_codegen as gc
from gru_codegen import cli

#: The commands whose first argument is a file.
OF_FILES = ("verify", "check", "audit", "grade", "credit")


@pytest.fixture
def completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """The lines that the script of Bash gets for a command line that ends there."""

    def completed(words: str) -> list[str]:
        parts = ["gru-codegen", *words.split(" ")]
        monkeypatch.setenv("_GRU_CODEGEN_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(parts))
        monkeypatch.setenv("COMP_CWORD", str(len(parts) - 1))
        with pytest.raises(SystemExit) as ended:
            cli.main([])
        assert ended.value.code == 0
        return capsys.readouterr().out.split()

    return completed


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("che", ["check"]),
        ("generate --loss cr", [None, "cross-entropy", "cross-entropy-mean"]),
        ("generate --loss ", [None, *gc.losses]),
        ("inspect --cell ", [None, *gc.cells]),
        ("cells gru-", [None, "gru-bias", "gru-d", "gru-reset-after"]),
        ("grade --template mg", [None, "mgu"]),
        ("verify --cell mgu k.py --loss hu", [None, "huber"]),
        ("generate --style ", ["fast", "textbook"]),
        ("program --layout ", ["rows", "blocked", "columns", "folded"]),
        ("generate --readout l", ["linear"]),
        ("generate --with ", ["credit", "trace"]),
        ("generate --only ", ["forward"]),
        ("generate --unroll ", ["any"]),
        ("inspect --format ", ["text", "latex", "html", "json"]),
        ("inspect --expand f", ["full"]),
        ("audit --format ", ["text", "json"]),
        ("generate --output mo", [None]),
        ("inspect -o mo", [None]),
        ("verify --certificate mo", [None]),
        ("audit --mapping mo", [None]),
        ("credit k.py --data mo", [None]),
        *((f"{command} mo", [None]) for command in OF_FILES),
        ("check k.py mo", [None]),
        ("nothing mo", []),
    ],
)
def test_what_is_completed(
    words: str, names: list[str | None], completed: Callable[[str], list[str]]
) -> None:
    """None is a file, which the shell finds."""
    begun = words.rpartition(" ")[2]
    expected = [f"file,{begun}" if name is None else f"plain,{name}" for name in names]
    assert completed(words) == expected


def test_every_option_that_takes_a_name_completes_it() -> None:
    """Numbers, and what only SymPy knows, are all that is not completed."""
    without = [
        f"{command.name} {option.opts[0]}"
        for command in cli.program.commands.values()
        for option in command.params
        if not (getattr(option, "is_flag", False) or option._custom_shell_complete)
    ]
    assert without == [
        *("generate --tune", "verify --timeout", "inspect --wrt", "inspect --at"),
        *("program --after", "audit --timeout", "credit --timeout"),
    ]
