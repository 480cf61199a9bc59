"""``python -m gru_codegen`` and ``gru-codegen``: the command line."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line; also an interruption while it is imported ends in one line."""
    try:
        from gru_codegen import cli

        return cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("gru-codegen: error: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
