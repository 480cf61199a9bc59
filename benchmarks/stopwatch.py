"""The time of every statement of a kernel, by its kind.

The source is rewritten: in the functions that compute, every statement is followed by a reading of
the clock. The time of a reading is measured beforehand and subtracted.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from time import perf_counter
from types import ModuleType
from typing import Any

__all__ = ["KINDS", "Reading", "Stopwatch", "kind_of"]

#: Matrix products; functions such as tanh; arithmetic and sums; arrays written elsewhere as they
#: are; and what computes nothing: names, tuples taken apart, conditions, arguments checked.
KINDS = ("products", "transcendental", "elementwise", "copies", "other")

_TRANSCENDENTAL = {"tanh", "exp", "log", "log1p", "expm1", "sin", "cos", "sqrt"}

#: Functions of a kernel's own that add up.
_SUMS = {"_inner"}

#: The kind of a statement, and seconds.
Reading = tuple[str, float]


class Stopwatch:
    """A module that takes the time of its own statements.

    module: the module, to be used like any other. functions: those whose statements are timed.
    """

    def __init__(
        self, source: str, functions: Collection[str] = ("_forward", "_loss", "_backward")
    ) -> None:
        self._readings: list[Reading] = []
        self.module = _module(source, self._readings, functions)
        self._inside, self._around = _cost_of_reading()

    def time(self, call: Callable[[], Any]) -> list[Reading]:
        """Call a function of the module; the readings in order, and last what is outside them."""
        self._readings.clear()
        began = perf_counter()
        call()
        outside = perf_counter() - began - sum(seconds for _, seconds in self._readings)
        outside -= len(self._readings) * self._around
        return [*((kind, s - self._inside) for kind, s in self._readings), ("other", outside)]


def kind_of(statement: ast.stmt) -> str:
    """The kind of a statement that contains no other."""
    called = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    methods = [func for func in called if isinstance(func, ast.Attribute)]
    of_numpy = {func.attr for func in methods if _is_numpy(func)}
    of_arrays = {func.attr for func in methods if not _is_numpy(func)}
    operators = [node.op for node in ast.walk(statement) if isinstance(node, ast.BinOp)]
    if "matmul" in of_numpy or "dot" in of_arrays or _has(operators, ast.MatMult):
        return "products"
    if of_numpy & _TRANSCENDENTAL:
        return "transcendental"
    if of_numpy - {"copyto", "empty"} or _SUMS & {f.id for f in called if isinstance(f, ast.Name)}:
        return "elementwise"
    stores = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript)
    if stores or "copyto" in of_numpy or "copy" in of_arrays:
        return "copies"
    return "other"


def _is_numpy(func: ast.Attribute) -> bool:
    return isinstance(func.value, ast.Name) and func.value.id == "np"


def _has(operators: list[ast.operator], kind: type[ast.operator]) -> bool:
    return any(isinstance(operator, kind) for operator in operators)


def _module(source: str, readings: list[Reading], functions: Collection[str]) -> ModuleType:
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            node.body = [*_parsed("_began = _clock()"), *_timed(node.body)]
    module = ModuleType("timed_kernel")
    module.__dict__.update(_clock=perf_counter, _read=readings.append)
    exec(compile(ast.fix_missing_locations(tree), "<timed kernel>", "exec"), module.__dict__)
    return module


def _timed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, (ast.For, ast.If)):
            statement.body = [*_reading("other"), *_timed(statement.body)]
            statement.orelse = [*_timed(statement.orelse)]
            yield statement
            yield from _reading("other")
        else:
            yield statement
            if not isinstance(statement, ast.Return):
                yield from _reading(kind_of(statement))


def _reading(kind: str) -> list[ast.stmt]:
    return _parsed(f"_read(({kind!r}, _clock() - _began)); _began = _clock()")


def _parsed(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


def _cost_of_reading() -> tuple[float, float]:
    """Seconds of a reading in which nothing happened: inside what it reads, and around that."""
    readings: list[Reading] = []
    count = 200
    watched = _module("def f():\n" + "    pass\n" * count, readings, {"f"})
    inside, around = [], []
    for _ in range(50):
        readings.clear()
        began = perf_counter()
        watched.f()
        all_of_it = perf_counter() - began
        read = sum(seconds for _, seconds in readings)
        inside.append(read / count)
        around.append((all_of_it - read) / count)
    return min(inside), min(around)
