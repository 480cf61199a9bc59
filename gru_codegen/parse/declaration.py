"""A cell from a text file: TOML, with the equations as they are written in NumPy.

    name = "rnn"
    states = ["S"]
    weights = { W = "(D, H)", Wrec = "(H, H)", b = "(H,)" }
    equations = '''
    S = tanh(x @ W + S_prev @ Wrec + b)     # state
    '''

The value of a state S one step earlier is S_prev; a state is (B, H), or has the shape that a table
gives it, ``states = { S = "(B, D)" }``. The left side of any other equation has the shape of its
right side. What is left out is the usual: `inputs` is one x (B, D), `output` the first state,
`title` the name and `source` the file. Several outputs are an array, ``output = ["S", "C"]``.
`sizes` lists letters of shapes other than B, D and H. `constants` are not learned: a shape stands
for one that kernels are given, and ``"identity(H)"`` for one that they make. `without_gradient`
lists inputs that none is derived for, such as masks. `[checks]` gives ranges, such as
``x = [0.1, 2]``, for what checks draw. `init` says how weights begin,
``init = { b = "1", Wrec = "orthogonal" }``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from gru_codegen.cell import Cell, check_file_name
from gru_codegen.equations import check_text
from gru_codegen.errors import CellError
from gru_codegen.parse.document import Document
from gru_codegen.parse.equations import Written, read_equations
from gru_codegen.parse.initial import read_init
from gru_codegen.parse.keys import check_keys
from gru_codegen.parse.ranges import read_ranges
from gru_codegen.parse.symbols import Symbols
from gru_codegen.parse.text import Text
from gru_codegen.parse.use import check_use

__all__ = ["read_cell"]


@lru_cache(maxsize=64)  # one cell for one text, since `derive` remembers by identity
def read_cell(text: Text) -> Cell:
    """The cell that a TOML `text` declares; nothing in it is evaluated.

    Raises CellError, which points at the line and column where there is one.
    """
    document = Document.of(text)
    check_keys(document)
    symbols = Symbols(document)
    written = Written.of(document)
    equations = read_equations(written, symbols)
    check_use(document, symbols, written)
    name, title, source = _words(document)
    targets = {equation.target.name: equation.target for equation in equations}
    states = {targets[state]: before for state, before in symbols.states.items()}
    output = tuple(targets[name] for name in symbols.outputs)
    arguments = {each.name: each for each in (*symbols.inputs, *states, *symbols.arguments)}
    ranges = read_ranges(document, arguments)
    init = read_init(document, {each.name: each for each in symbols.weights})
    own = (symbols.inputs, symbols.weights, states, equations, output, ranges)
    try:
        return Cell(name, title, source, *own, symbols.without_gradient, init, symbols.constants)
    except CellError as error:  # Cell itself has the last word on the whole
        raise CellError(f"{written.text.path}: {error}") from None


def _words(document: Document) -> tuple[str, str, str]:
    """Name, title and source of the cell."""
    table = document.table
    name = table["name"]
    title = table.get("title", name)
    source = table.get("source", os.path.basename(document.text.path))
    with _pointing_at("name", document):
        check_file_name(f"cell {name!r}", name)
    with _pointing_at("title", document):
        check_text(f"cell {name!r}", "title", title)
    with _pointing_at("source", document):
        check_text(f"cell {name!r}", "source", source)
    return name, title, source


@contextmanager
def _pointing_at(key: str, document: Document) -> Iterator[None]:
    """Give an error the place of the value of `key`."""
    try:
        yield
    except CellError as error:
        raise document.value_error(str(error), key) from None
