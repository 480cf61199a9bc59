"""``python -m gru_codegen`` and ``gru-codegen``: the command line."""

from __future__ import annotations

import gc
import sys

__all__ = ["main"]

#: New objects before the collector looks for cycles. SymPy makes some 100,000 that live as long as
#: a command, hardly any in a cycle: by default a fifteenth of its time goes into looking.
_OBJECTS = 1_000_000


def main() -> int:
    """Run the command line; also an interruption while it is imported ends in one line."""
    gc.set_threshold(_OBJECTS)
    try:
        from gru_codegen import cli

        return cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("gru-codegen: error: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
