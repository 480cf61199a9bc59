"""Ctrl-C ends an example as it ends `gru-codegen`: in one line, with the exit status 130."""

from __future__ import annotations

import signal
import sys
from types import FrameType

__all__ = ["end_in_one_line"]


def end_in_one_line() -> None:
    """Let Ctrl-C end this process so from now on, also while modules are imported."""
    signal.signal(signal.SIGINT, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.stderr.write("interrupted\n")
    sys.exit(128 + signal.SIGINT)
