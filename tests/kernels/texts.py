"""Write the text of every kernel into a folder, or compare two such folders.

A change of the compiler's structure keeps all of them as they are, to the byte:

    python -m tests.kernels.texts build/texts                     before it
    python -m tests.kernels.texts build/now --against build/texts after it

With ``--code`` the comparison leaves out comments, docstrings and line breaks; with ``--names``
local names too. That is for a step that is meant to change them.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from difflib import unified_diff
from itertools import chain, product
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import gru_codegen as gc
from gru_codegen.passes import LAYOUTS
from tests.cells.sample import SAMPLE

#: Cells for which every loss and readout is written; the others have l2 and no readout alone.
_THOROUGH = ("gru", "lstm")


def asked() -> Iterator[tuple[str, str, str, int | None, str]]:
    """Every kernel: cell, loss, readout, number of steps, layout or "textbook"."""
    layouts = [*LAYOUTS, "textbook"]
    yield from product(SAMPLE, ["l2"], ["none"], [None, 4], layouts)
    rest = chain(
        product(_THOROUGH, gc.losses, ["none", "linear"], [None, 4], layouts),
        product(["gru"], ["l2"], ["none"], [1, 2, 3, 8], layouts),
    )
    yield from (each for each in rest if each[1:3] != ("l2", "none") or each[3] not in (None, 4))


def text(cell: str, loss: str, readout: str, unroll: int | None, layout: str) -> str:
    """The source of one kernel."""
    chosen: dict[str, Any] = {"style" if layout == "textbook" else "layout": layout}
    return gc.generate(
        gc.cells[cell], loss=gc.losses[loss], readout=readout, unroll=unroll, **chosen
    )


def _write(task: tuple[Path, tuple[str, str, str, int | None, str]]) -> None:
    folder, choices = task
    name = "_".join("any" if each is None else str(each) for each in choices)
    try:
        source = text(*choices)
    except Exception as error:  # a kernel that cannot be made is a difference like any other
        source = f"{type(error).__name__}: {error}\n"
    (folder / f"{name}.py").write_text(source)


class _Renamed(ast.NodeTransformer):
    """Names numbered in the order in which a function meets them."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.numbers.setdefault(node.id, f"n{len(self.numbers)}")
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        node.attr = self.numbers.setdefault(node.attr, f"n{len(self.numbers)}")
        return node


def code_of(source: str, *, names: bool = True) -> str:
    """The code of a module without comments and docstrings, each statement on one line."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body: Any = getattr(node, "body", None)
        docstring = isinstance(body, list) and body and isinstance(body[0], ast.Expr)
        if docstring and isinstance(body[0].value, ast.Constant):
            body[0] = ast.Pass()
    return ast.unparse(tree if names else _Renamed().visit(tree))


def _compared(source: str, args: argparse.Namespace) -> str:
    if not (args.code or args.names) or not source.startswith('"""'):
        return source
    return code_of(source, names=not args.names)


def main() -> int:
    """Write, compare, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--code", action="store_true")
    parser.add_argument("--names", action="store_true")
    parser.add_argument("--only", default="", help="a regular expression over the files' names")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    tasks = [(args.folder, choices) for choices in asked()]
    if args.only:
        tasks = [t for t in tasks if re.search(args.only, "_".join(map(str, t[1])))]
    with Pool() as pool:
        pool.map(_write, tasks, chunksize=8)
    if args.against is None:
        return 0
    different = 0
    for path in sorted(args.folder.glob("*.py")):
        old = args.against / path.name
        before, after = (_compared(each.read_text(), args) for each in (old, path))
        if before != after:
            different += 1
            lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
            print(path.name, *list(lines)[2:12], sep="\n    ")
    print(f"{different} of {len(tasks)} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
