"""Pickle what kernels return, though no kernel that is made of source can be imported by its name.

An instance of a kernel's class is pickled together with the source of its module, once a pickle. It
is unpickled, wherever gru_codegen is installed, as an instance of the very class that it had, if
that is there; else of the kernel that was last made of this source, such as a worker has made for
itself; else of one that is made then. As with every pickle, code that comes along runs.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

__all__ = ["enable"]

Load = Callable[[str, str], ModuleType]


class _Origin(NamedTuple):
    """The origin of a module: a key of its own, its source, name and loader."""

    token: str
    source: str
    name: str
    load: Load

    def module(self) -> ModuleType:
        """Return the module itself, the last that was made of the same source, or a new one."""
        with _LOCK:
            alive = list(_ORIGINS.items())
            same = [module for module, origin in alive if origin[1:3] == self[1:3]]
            same += [module for module, origin in alive if origin.token == self.token]
            return same[-1] if same else self.load(self.source, self.name)


_LOCK = threading.RLock()
_ORIGINS: WeakKeyDictionary[ModuleType, _Origin] = WeakKeyDictionary()


def enable(module: ModuleType, source: str, load: Load) -> None:
    """Have instances of the classes that ``module`` defines pickled with its ``source``.

    ``load(source, name)`` makes such a module; it is pickled by its name. A module stays alive as
    long as an instance does.
    """

    def reduce(instance: Any, protocol: int) -> tuple[Any, ...]:
        usual: Any = object.__reduce_ex__(instance, max(protocol, 2))
        _, (cls, *arguments), *state = usual
        return (_made, (_ORIGINS[module], cls.__name__, *arguments), *state)

    with _LOCK:
        _ORIGINS[module] = _Origin(uuid.uuid4().hex, source, module.__name__, load)
    classes: list[Any] = [value for value in vars(module).values() if isinstance(value, type)]
    for cls in classes:
        if cls.__module__ == module.__name__:
            cls.__reduce_ex__ = reduce


def _made(origin: _Origin, name: str, *arguments: Any) -> Any:
    """Return a new instance of the class called ``name``, its state still to be set."""
    cls = getattr(origin.module(), name)
    return cls.__new__(cls, *arguments)
