"""Change the compiler at random places, and list the changes that no test sees.

    python -m tests.mutants.campaign --number 60 --seed 1

The places and their changes are those of cosmic-ray, drawn evenly over places and then over the
changes of one: an operator has ten. First every test file of the rooms runs alone, to learn which
lines it runs and how long that takes. Each changed file is put into a copy of the tree. There the
committed kernels are compared, and those tests of its room that run the changed line go on until
one fails, the fastest file first. What is listed is to be read: a change that changes nothing, or
a test that is missing.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import json
import multiprocessing
import os
import random
import re
import resource
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import pytest
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).parents[2]
#: The rooms of the compiler, and the tests that have to see a change in them.
ROOMS = {
    "derive": ["derive", "test_lower.py", "explain/test_document.py"],
    "lower": ["test_lower.py", "emit"],
    "passes": ["passes", "emit/test_hard_cells.py"],
    "plan": ["plan", "emit"],
    "emit": ["emit", "contract", "credit"],
    "verify": ["verify", "cells"],
}
#: Committed kernels, which are compared at first, as make drift does: it takes a second.
KERNELS = [
    shlex.split(line)
    for line in re.findall(r"^--unroll .*$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
]
#: Bounds of one child: bytes, and seconds where it waits and uses no processor.
MEMORY, WAIT = 8 << 30, 1800
FORK = multiprocessing.get_context("fork")

#: For each test file the seconds that it takes, and the lines that it runs of each file.
Runs = dict[str, tuple[float, dict[str, list[int]]]]


class Mutant(NamedTuple):
    """A file of the package with one change, at a line: its text before and after."""

    file: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        before, after = self.before.splitlines(), self.after.splitlines()
        _, _, *changed = difflib.unified_diff(before, after, lineterm="", n=0)
        return "\n".join((self.file, *changed))


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
            (line, _), _ = place
            yield Mutant(file.relative_to(ROOT).as_posix(), line, before, after)


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
    """The syntax tree of a module without its annotations, which nothing evaluates."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, ast.Constant(None))
    return ast.dump(tree)


def lines_of_statement(source: str, line: int) -> range:
    """The lines of the innermost statement at a line; of one with a body, those before it."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):  # inner ones last
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or line) + 1
            if node.lineno <= line < end:
                found = range(node.lineno, end)
    return found


def tests_of(room: str) -> list[str]:
    """The test files of a room."""
    named = [ROOT / "tests" / name for name in ROOMS[room]]
    found = [f for n in named for f in ([n] if n.suffix else sorted(n.rglob("test_*.py")))]
    return [file.relative_to(ROOT).as_posix() for file in found]


def tests_for(mutant: Mutant, runs: Runs) -> dict[str, float]:
    """The test files that run what has changed, with their seconds: its own, then the fastest."""
    _, room, *_, name = mutant.file.split("/")
    lines = set(lines_of_statement(mutant.before, mutant.line))
    known = [test for test in tests_of(room) if test in runs]  # others are newer than the copies
    running = [test for test in known if lines & set(runs[test][1].get(mutant.file, ()))]
    running.sort(key=lambda test: (not test.endswith(f"/test_{name}"), runs[test][0]))
    return {test: runs[test][0] for test in running}


def verdict(mutant: Mutant, runs: Runs, budget: float, folder: Path) -> str:
    """Name the test that sees the change, else "drift", "raises" or "time"; "" is none of them."""
    tree = own_tree(folder)
    tests = tests_for(mutant, runs)
    if not tests:
        return ""
    (tree / mutant.file).write_text(mutant.after, encoding="utf-8")
    try:
        status, output = in_a_child(tree, partial(see, budget=budget), tests)
    finally:
        (tree / mutant.file).write_text(mutant.before, encoding="utf-8")
    if not status:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.M)
    return failed.group(1) if failed else "raises" if status > 0 else "time"


def see(tests: dict[str, float], budget: float) -> bool:
    """Return whether committed kernels differ, or a test of these files, with its seconds, fails.

    After so many seconds as the budget has nothing more is tried.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, 60)
    from gru_codegen.cli import main as command

    for options in KERNELS:
        if command(["generate", "--check", "--no-verify", *options]):
            print("FAILED drift")
            return True
    return one_fails(tests, [Clock(tests, budget)])


def one_fails(tests: Iterable[str], plugins: Iterable[object] = ()) -> bool:
    """Return whether a test of these files fails; a file of campaigns alone has none to run."""
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests]
    right = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    return pytest.main(arguments, [*plugins]) not in right


class Clock:
    """Ends all when the budget is spent, and the process when a file takes far too long."""

    def __init__(self, seconds: dict[str, float], budget: float) -> None:
        self.seconds = seconds
        self.budget = budget
        self.file = ""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Look at it before a test."""
        if time.process_time() > self.budget:
            pytest.exit("the budget is spent", returncode=0)
        file, _, _ = item.location
        if file != self.file:
            self.file = file
            signal.setitimer(signal.ITIMER_VIRTUAL, 10 + 3 * self.seconds[file])


def recorded(test: str, folder: Path) -> tuple[float, dict[str, list[int]]]:
    """The seconds that a test file takes, and the lines that it runs of each file."""
    tree = own_tree(folder)
    status, output = in_a_child(tree, record, test)
    if status:
        raise SystemExit(f"{test} fails in the unchanged tree\n{output}")
    seconds, lines = json.loads((tree / "runs").read_text(encoding="utf-8"))
    return seconds, lines


def record(test: str) -> bool:
    """Run a test file, and write down what `recorded` returns; return whether it fails."""
    measured = coverage.Coverage(data_file=None, config_file=False, source=["gru_codegen"])
    measured.start()
    failed = one_fails([test])
    measured.stop()
    data = measured.get_data()
    lines = {os.path.relpath(file): data.lines(file) for file in data.measured_files()}
    Path("runs").write_text(json.dumps((time.process_time(), lines)), encoding="utf-8")
    return failed


def in_a_child(tree: Path, function: Callable[[Any], bool], given: object) -> tuple[int, str]:
    """Run a function in a child of this process, in a tree: its exit status, and what it writes."""
    child = FORK.Process(target=_in_tree, args=(tree, function, given))
    child.start()
    child.join(WAIT)
    child.kill()  # one that waits for ever
    child.join()
    assert child.exitcode is not None
    return child.exitcode, (tree / "output").read_text(encoding="utf-8", errors="replace")


def _in_tree(tree: Path, function: Callable[[Any], bool], given: object) -> None:
    os.chdir(tree)
    os.environ["PYTHONPATH"] = sys.path[0] = str(tree)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    with open("output", "wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.exit(function(given))


def own_tree(folder: Path) -> Path:
    """The copy of the tree that this process changes."""
    tree = folder / str(os.getpid())
    if not tree.exists():
        ignored = shutil.ignore_patterns(".*", "build", "dist", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=ignored)
    return tree


def main() -> None:
    """Draw, run, and list what survives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(ROOMS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--budget", type=int, default=60, help="seconds of CPU for one")
    parser.add_argument("--runs", type=Path, help="where it is kept which test runs which lines")
    args = parser.parse_args()
    for slow in ("jinja2", "numpy", "rich.table", "sympy"):
        importlib.import_module(slow)  # once for all children
    sys.dont_write_bytecode = True  # of two changes within a second the first would be run twice
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    tests = sorted({test for room in args.rooms for test in tests_of(room)})
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(args.workers, mp_context=FORK) as pool,
    ):
        folder = Path(name)
        known = args.runs and args.runs.exists()
        runs: Runs = json.loads(args.runs.read_text(encoding="utf-8")) if known else {}
        others = [test for test in tests if test not in runs]
        found = pool.map(partial(recorded, folder=folder), others)
        runs.update(zip(others, found, strict=True))
        if args.runs:
            args.runs.write_text(json.dumps(runs), encoding="utf-8")
        drawn = list(mutants(args.rooms, args.number, args.seed))
        seen = 0
        verdicts = pool.map(partial(verdict, runs=runs, budget=args.budget, folder=folder), drawn)
        for count, (mutant, by) in enumerate(zip(drawn, verdicts, strict=True), 1):
            seen += bool(by)
            print(f"{by or 'SURVIVED'}: {mutant}\n{seen} of {count} seen\n", flush=True)


if __name__ == "__main__":
    main()
