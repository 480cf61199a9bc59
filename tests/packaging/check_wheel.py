"""Build the sdist, from it the wheel, and use the wheel where the source tree cannot help.

    python tests/packaging/check_wheel.py

What is installed into an empty environment has to say what it is, write the committed kernels byte
for byte and verify them. A template, a module or a dependency that only the source tree has fails
here, and so does a build that makes other bytes the second time. It takes about half a minute;
the tests do not collect it, `make wheel` runs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# One kernel of each style, so that every template is used: the file, and the options that make it.
KERNELS = {
    "generated/gru_t2.py": ["--unroll", "2"],
    "generated/gru_textbook.py": ["--unroll", "any", "--style", "textbook"],
}

# Nothing of the caller's environment may lead Python back to the source tree.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(*command: str | Path, cwd: Path) -> str:
    """What ``command`` prints; the end of this check, with all it printed, if it fails."""
    print("$", *(word.name if isinstance(word, Path) else word for word in command), flush=True)
    pipe, stdout = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, text=True, stdout=pipe, stderr=stdout)
    if done.returncode:
        sys.exit(f"{done.stdout}\nwheel: the command above failed with exit {done.returncode}")
    return done.stdout


def build(source: Path, folder: Path) -> tuple[Path, Path]:
    """The sdist of the tree ``source``, and the wheel from it, in ``folder``."""
    run(Path(sys.executable), "-m", "build", "--no-isolation", "--outdir", folder, cwd=source)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def check_again(sdist: Path, wheel: Path, folder: Path) -> None:
    """The sdist makes the same bytes again, elsewhere, of files of another age and mode."""
    shutil.unpack_archive(sdist, folder)
    (tree,) = folder.iterdir()
    for file in tree.rglob("*"):
        os.utime(file, (1e9, 1e9))
        if file.is_file():
            file.chmod(0o600)
    for first, again in zip((sdist, wheel), build(tree, folder / "again"), strict=True):
        if first.read_bytes() != again.read_bytes():
            sys.exit(f"wheel: {first.name} has other bytes when its own source is built")


def check_contents(wheel: Path) -> None:
    """Every template and all that is read as a file is inside, and nothing beside the package."""
    shipped = set(zipfile.ZipFile(wheel).namelist())
    templates = [file for file in (ROOT / "templates").rglob("*") if file.is_file()]
    expected = {f"gru_codegen/{file.relative_to(ROOT).as_posix()}" for file in templates}
    copied = (ROOT / "gru_codegen" / "runtime").glob("*.py")  # into kernels, as text
    expected |= {file.relative_to(ROOT).as_posix() for file in copied}
    beside = (ROOT / "gru_codegen" / "explain" / "html").glob("*.*")  # style, font and its licence
    expected |= {file.relative_to(ROOT).as_posix() for file in beside}
    cells = (ROOT / "gru_codegen" / "cells").glob("*.toml")
    expected |= {file.relative_to(ROOT).as_posix() for file in cells}
    expected.add("gru_codegen/py.typed")
    if missing := sorted(expected - shipped):
        sys.exit(f"wheel: {wheel.name} lacks {', '.join(missing)}")
    if stray := sorted(name for name in shipped if not name.startswith(("gru_codegen", "gru-"))):
        sys.exit(f"wheel: {wheel.name} would install {', '.join(stray)} beside the package")


def main() -> None:
    """Build, install, use; exit 1 with what went wrong."""
    with tempfile.TemporaryDirectory(prefix="gru_codegen_wheel_") as temporary:
        folder = Path(temporary).resolve()
        sdist, wheel = build(ROOT, folder / "dist")
        check_contents(wheel)
        check_again(sdist, wheel, folder / "unpacked")

        venv.create(folder / "environment", with_pip=True)
        python = folder / "environment/bin/python"
        gru_codegen = folder / "environment/bin/gru-codegen"
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()

        run(python, "-m", "pip", "install", "--disable-pip-version-check", wheel, cwd=elsewhere)
        run(python, "-m", "pip", "check", cwd=elsewhere)
        used = run(python, "-c", "import gru_codegen; print(gru_codegen.__file__)", cwd=elsewhere)
        if not Path(used.strip()).is_relative_to(folder):
            sys.exit(f"wheel: the environment imports {used.strip()}, not what was installed")

        run(python, "-m", "gru_codegen", "--help", cwd=elsewhere)
        for kernel, options in KERNELS.items():
            run(gru_codegen, "generate", *options, cwd=elsewhere)
            run(gru_codegen, "verify", kernel, cwd=elsewhere)
            if (elsewhere / kernel).read_bytes() != (ROOT / kernel).read_bytes():
                sys.exit(f"wheel: what is installed writes another {kernel} than is committed")
        run(gru_codegen, "cells", cwd=elsewhere)  # reads every one
        report = run(gru_codegen, "inspect", "--unroll", "2", "--format", "html", cwd=elsewhere)
        if report != (ROOT / "docs/reports/gru.html").read_text(encoding="utf-8"):
            sys.exit("wheel: what is installed writes another report than docs/reports/gru.html")
        print(f"wheel: {wheel.name} generates and verifies away from the source tree")


if __name__ == "__main__":
    main()
