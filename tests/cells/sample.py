"""The cells of the package over which the tests of documents, passes and layouts run.

Those in TOML are compared with a second writing in every form (tests/corpus). Of them two are here
that have what the cells in Python lack: sizes of their own, functions of weights, another output.
"""

from __future__ import annotations

import gru_codegen as gc
from gru_codegen.cells import FOLDER

#: The cells that are declared in Python, in the names of this package.
IN_PYTHON = {n: gc.cells[n] for n in gc.cells if (FOLDER / f"{n.replace('-', '_')}.py").exists()}
SAMPLE = {**IN_PYTHON, **{name: gc.cells[name] for name in ("lstm-projection", "lru")}}
