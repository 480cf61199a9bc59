"""The description of the package where it is published: README.md without what only a clone has.

The pages and pictures beside the README are not there, so links to them become their words.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

__all__ = ["Description", "published"]

#: Code, which stays as it is; a picture on a line of its own, or a link, that leads to a file.
_PARTS = re.compile(
    r"(?P<code>^```.*?^```$)|(?P<picture>^!\[[^\]]*\]\((?!\w+:)[^)]*\)\n+)"
    r"|\[(?P<words>[^\]]+)\]\((?!\w+:)[^)]*\)",
    re.MULTILINE | re.DOTALL,
)


def published(readme: str) -> str:
    """The text of a README without links and pictures that lead to files beside it."""
    return _PARTS.sub(lambda part: part["code"] or part["words"] or "", readme)


class Description(MetadataHookInterface):
    """Sets the readme of the package."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Take README.md as it is to be published."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": published(text)}
