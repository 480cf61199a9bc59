"""The values that a shell completes: names, and files.

click makes the scripts that shells read; docs/upkeep.md says how to load them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["among", "complete_files", "names_or_files"]


def among(names: Collection[str]) -> dict[str, Any]:
    """The keywords of an option that takes one of `names`: for help, and for completion."""
    return {"metavar": f"[{'|'.join(names)}]", "shell_complete": _complete(lambda: names)}


def names_or_files(names: Callable[[], Collection[str]]) -> Callable[..., list[CompletionItem]]:
    """Complete to a name that the package has, and else to a file."""
    return _complete(names, complete_files)


def complete_files(_context: object, _param: object, begun: str) -> list[CompletionItem]:
    """Complete to a file, which the shell finds."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="file")]


def _complete(
    names: Callable[[], Collection[str]], *others: Callable[..., list[CompletionItem]]
) -> Callable[..., list[CompletionItem]]:
    def complete(context: object, param: object, begun: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name) for name in names() if name.startswith(begun)]
        # Bash forgets what comes before a file, and looks for one if nothing comes behind it.
        return [*(item for other in others for item in other(context, param, begun)), *found]

    return complete
