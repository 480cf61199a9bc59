"""The section that hands the derivation to its reader."""

from __future__ import annotations

from gru_codegen.explain.model import Paragraph, Section, Table
from gru_codegen.explain.words import says
from gru_codegen.notation import Verbatim

__all__ = ["exercise_section"]


def exercise_section(command: str) -> list[Section]:
    """Section on the reader's own derivation; none without the `command` for a blank file."""
    if not command:
        return []
    return [
        Section(
            "exercise",
            ("Now you",),
            [
                says(
                    "Derive the gradients yourself, from the equations of the first section alone. "
                    "This command writes a file with a line for every adjoint and every gradient:"
                ),
                Table([((Verbatim(command),),)]),
                Paragraph(
                    (
                        "Fill it in, as far as you like. ",
                        Verbatim("gru-codegen grade mine.toml"),
                        " says of each line whether it is right, and of a wrong one where it went "
                        "wrong.",
                    )
                ),
            ],
        )
    ]
