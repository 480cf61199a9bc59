"""Change the compiler at random places, and list the changes that no test sees.

    python -m tests.mutants.campaign --number 60 --seed 1

The places and their changes are those of cosmic-ray, drawn evenly over places and then over the
changes of one: an operator has ten. Each changed file is put into a copy of the tree, where two
committed kernels are compared and the tests of its room run until one fails. What is listed is to
be read: a change that changes nothing, or a test that is missing.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, partial
from multiprocessing.pool import ThreadPool
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).parents[2]
#: The rooms of the compiler, and the tests that have to see a change in them.
ROOMS = {
    "derive": ["tests/derive", "tests/test_lower.py", "tests/explain/test_document.py"],
    "lower": ["tests/test_lower.py", "tests/emit"],
    "passes": ["tests/passes", "tests/emit/test_hard_cells.py"],
    "plan": ["tests/plan", "tests/emit"],
    "emit": ["tests/emit", "tests/contract"],
    "verify": ["tests/verify", "tests/cells"],
}
COPIED = ("gru_codegen", "templates", "generated", "tests", "docs", "examples", "benchmarks")
#: Committed kernels that are compared at first, as make drift does with all: it takes seconds.
KERNELS: tuple[list[str], ...] = ([], ["--unroll", "2", "--style", "textbook"])


class Mutant(NamedTuple):
    """A file of the package with one change: its text before and after."""

    file: Path
    before: str
    after: str

    def __str__(self) -> str:
        name = self.file.relative_to(ROOT).as_posix()
        before, after = self.before.splitlines(), self.after.splitlines()
        _, _, *changed = difflib.unified_diff(before, after, lineterm="", n=0)
        return "\n".join((name, *changed))


def mutants(rooms: list[str], number: int, seed: int) -> Iterator[Mutant]:
    """`number` changes: files drawn by their length, then a place, then one of its changes."""
    draw = random.Random(seed)
    files = [f for room in rooms for f in sorted((ROOT / "gru_codegen" / room).rglob("*.py"))]
    lengths = [file.stat().st_size for file in files]
    drawn: set[tuple[Path, Any]] = set()
    while number:
        (file,) = draw.choices(files, lengths)
        found = changes(file)
        place = draw.choice(list(found) or [None])
        if place is None or (file, place) in drawn:
            continue
        drawn.add((file, place))
        name, occurrence = draw.choice(found[place])
        before = file.read_text(encoding="utf-8")
        after = mutate_code(before, plugins.get_operator(name)(), occurrence)
        if after is not None and meaning(after) != meaning(before):
            number -= 1
            yield Mutant(file, before, after)


@cache
def changes(file: Path) -> dict[Any, list[tuple[str, int]]]:
    """For each place of a file the operators that change it, each with its count in the file."""
    nodes = list(ast_nodes(get_ast(file.read_text(encoding="utf-8"))))
    found: dict[Any, list[tuple[str, int]]] = defaultdict(list)
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if not operator.arguments():
            of_node = operator().mutation_positions
            for occurrence, place in enumerate(p for node in nodes for p in of_node(node)):
                found[place].append((name, occurrence))
    return found


def meaning(source: str) -> str:
    """What runs of a module: not its annotations, which nothing evaluates, and its `__all__`."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, ast.Constant(None))
    return ast.dump(tree)


def verdict(mutant: Mutant, tree: Path, limit: int) -> str:
    """What sees the change in a copy of the tree: "drift", "tests", "time", or "" for nothing."""
    name = mutant.file.relative_to(ROOT)
    (tree / name).write_text(mutant.after, encoding="utf-8")
    room = name.parts[1]
    beside = Path("tests", *name.parts[1:-1], f"test_{name.name}")
    tests = [str(beside)] * (tree / beside).exists() + ROOMS[room]
    drift = ["-m", "gru_codegen", "generate", "--check", "--no-verify"]
    pytest = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n", "0", *tests]
    runs = [("drift", [*drift, *kernel]) for kernel in KERNELS] + [("tests", pytest)]
    try:
        for seen, arguments in runs:
            run = [sys.executable, *arguments]
            done = subprocess.run(
                run, cwd=tree, capture_output=True, preexec_fn=partial(_limit, limit)
            )
            if done.returncode == -signal.SIGXCPU:
                return "time"
            if done.returncode:
                return seen
    finally:
        (tree / name).write_text(mutant.before, encoding="utf-8")
    return ""


def _limit(seconds: int) -> None:
    """Bound the CPU time of this process, which does not depend on what else the machine does."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 10))


def main() -> None:
    """Draw, run, and list what survives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(ROOMS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, default=600, help="seconds of CPU for one")
    args = parser.parse_args()
    drawn = list(mutants(args.rooms, args.number, args.seed))
    trees: SimpleQueue[Path] = SimpleQueue()

    def run(mutant: Mutant) -> tuple[Mutant, str]:
        tree = trees.get()
        try:
            return mutant, verdict(mutant, tree, args.limit)
        finally:
            trees.put(tree)

    with tempfile.TemporaryDirectory() as folder, ThreadPool(args.workers) as pool:
        for i in range(args.workers):
            tree = Path(folder, str(i))
            for name in COPIED:
                shutil.copytree(ROOT / name, tree / name)
            for file in ("pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
                shutil.copy(ROOT / file, tree)
            trees.put(tree)
        seen = 0
        for count, (mutant, by) in enumerate(pool.imap_unordered(run, drawn), 1):
            seen += bool(by)
            print(f"{by or 'SURVIVED'}: {mutant}\n{seen} of {count} seen\n", flush=True)


if __name__ == "__main__":
    main()
