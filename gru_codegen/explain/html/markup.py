"""Elements of HTML and SVG."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["element", "lines"]


def element(name: str, *content: str, **attributes: object) -> str:
    """An element around `content`, which is markup already.

    attributes: `class_` and `aria_label` are `class` and `aria-label`; empty ones are left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value not in ("", None)
    )
    return f"<{name}{written}>{''.join(content)}</{name}>"


def lines(parts: Iterable[str]) -> str:
    """Markup, a part a line."""
    return "\n".join(parts)
