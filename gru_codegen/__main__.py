"""``python -m gru_codegen``: the command line."""

from __future__ import annotations

import sys

from gru_codegen.cli import main

if __name__ == "__main__":
    sys.exit(main())
