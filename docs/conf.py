"""The site of the pages, which `make docs` builds: its order, and the few things that Sphinx lacks.

The source folder is that of the project, not docs/. So README.md is the start page, and a link from
page to page is right here and where the repository is browsed.
"""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gru_codegen as gc
from gru_codegen.cells import FAMILIES

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "docs" / "reports"

#: Every page after README.md, under the headings of the sidebar.
PAGES = {
    "Learn": ["docs/teaching", "docs/own_cell", "docs/own_loss", "docs/gallery", "docs/corpus"],
    "Use": [
        "docs/recipes",
        "docs/real_work",
        "docs/performance",
        "docs/interop",
        "docs/data_parallel",
        "docs/upkeep",
        "docs/grade",
        "docs/audit",
        "docs/credit",
        "docs/api",
    ],
    "Trust": ["docs/trust", "docs/proof", "SECURITY"],
    "Within": [
        "docs/design",
        "docs/walkthrough",
        "docs/glossary",
        "docs/changing_the_compiler",
        "docs/performance_notes",
        "benchmarks/README",
        "CONTRIBUTING",
        "CODE_OF_CONDUCT",
        "CHANGELOG",
    ],
}

project = "gru_codegen"
author = "gru_codegen contributors"
html_title = "gru_codegen"
html_theme = "furo"
html_show_copyright = False
html_copy_source = False

root_doc = "README"
source_suffix = {".md": "markdown"}
include_patterns = ["README.md", *(f"{page}.md" for pages in PAGES.values() for page in pages)]
exclude_patterns = [".venv", "build", "dist"]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4
default_role = "code"  # of docstrings


def setup(app: Any) -> None:
    app.connect("source-read", add_lists)
    app.connect("autodoc-process-signature", write_signature)
    app.connect("autodoc-process-docstring", make_lists)
    app.connect("doctree-read", open_reports)
    app.connect("build-finished", finish)


def add_lists(app: Any, name: str, source: list[str]) -> None:
    """Append the tables of contents to the start page, and the reports of all cells to the gallery.

    To a reader of the repository the first would be code, and links to the others would be dead.
    """
    if name == root_doc:
        source[0] += "".join(map(contents, PAGES))
    elif name == "docs/gallery":
        source[0] += "\n".join(gallery())


def contents(caption: str) -> str:
    listed = "\n".join(f"/{page}" for page in PAGES[caption])
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def gallery() -> Iterator[str]:
    for family, names in FAMILIES.items():
        yield f"\n## {family.capitalize()}\n\n| report | of the | source |\n|---|---|---|"
        for name in names:
            cell = gc.cells[name]
            yield f'| <a href="reports/{name}.html">{name}</a> | {cell.title} | {cell.source} |'


class Name(str):
    """A name that shows without quotation marks."""

    __repr__ = str.__str__


def write_signature(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Name the cells and losses that are defaults, `loss=L2`; of a class, show the names alone."""
    from sphinx.util.inspect import stringify_signature

    if what not in ("class", "function"):
        return None
    names = {id(getattr(gc, name)): Name(name) for name in ("GRU", "L2")}
    found = inspect.signature(thing)
    shown = [
        each.replace(default=names.get(id(each.default), each.default))
        if what == "function"
        else each.replace(annotation=each.empty, default=each.empty, kind=each.KEYWORD_ONLY)
        for each in found.parameters.values()
    ]
    written = found.replace(parameters=shown)
    text = stringify_signature(written, show_return_annotation=False, unqualified_typehints=True)
    return text.replace("(*, ", "(") if what == "class" else text, returns


def make_lists(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Turn lines such as `unroll: the number of time steps` of a docstring into a list."""
    made: list[str] = []
    inside = False
    for line in lines:
        entry = re.match(r"(\w+(?:, \w+)*): (.*)", line)
        if entry and (inside or not made or not made[-1]):
            made += [entry[1], f"    {entry[2]}"]
            inside = True
        elif re.fullmatch("-+", line):
            made[-1:] = [f"**{made[-1]}**", ""]
        else:
            inside = inside and bool(line)
            made.append(f"    {line.strip()}" if inside else line)
    lines[:] = made


def open_reports(app: Any, doctree: Any) -> None:
    """Let links to reports, which are pages themselves, open them; Sphinx would download them."""
    from docutils.nodes import reference
    from sphinx.addnodes import download_reference

    for link in list(doctree.findall(download_reference)):
        if link["reftarget"].endswith(".html"):
            report = Path(link["reftarget"]).name
            folder = "docs/reports" if app.env.docname == root_doc else "reports"
            link.replace_self(reference("", "", *link.children, refuri=f"{folder}/{report}"))


def finish(app: Any, error: Exception | None) -> None:
    """Write the reports, and the start page once more where a server looks for it."""
    from sphinx.util.display import status_iterator

    if error is None and app.builder.format == "html":
        folder = Path(app.outdir, "docs", "reports")
        shutil.copytree(REPORTS, folder, dirs_exist_ok=True)
        names = [name for family in FAMILIES.values() for name in family]
        files = {folder / f"{name}.html": gc.cells[name] for name in names}
        changed = max(path.stat().st_mtime for path in Path(gc.__path__[0]).rglob("*.*"))
        old = [
            file
            for file in files
            if not (REPORTS / file.name).exists()
            and not (file.exists() and file.stat().st_mtime > changed)
        ]
        for file in status_iterator(old, "writing reports... ", length=len(old)):
            file.write_text(gc.inspect(files[file], unroll=2, format="html"), encoding="utf-8")
        shutil.copy(Path(app.outdir, "README.html"), Path(app.outdir, "index.html"))
