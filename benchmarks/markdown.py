"""A run in Markdown: for docs/performance.md and its notes, and for README.md.

python -m benchmarks.markdown              print the tables of docs/performance_notes.md
python -m benchmarks.markdown --into PAGE  put into a page what it has marks for:
                                           all tables, the one table by size, or the sentences

Nobody copies a number by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, product
from pathlib import Path
from textwrap import fill

import click

from benchmarks.contenders import contender
from benchmarks.goals import IMPORT_SECONDS, compared, fastest, judging, verdicts
from benchmarks.import_time import STEPS
from benchmarks.memory import megabytes, stored
from benchmarks.profile import HEADINGS
from benchmarks.profile import rows as profile_rows
from benchmarks.report import (
    NARROWLY,
    PRODUCTS,
    on_threads,
    products_text,
    range_of,
    rounds_of,
    significant,
)
from benchmarks.results import (
    RESULTS,
    Generation,
    Profile,
    Race,
    Results,
    read,
    read_generation,
    read_profiles,
)
from benchmarks.sizes import LAYOUTS, SIZES
from benchmarks.spread import ratio, spread

#: What can stand in a page, by the word in its marks.
PARTS = "benchmarks", "benchmarks by size", "benchmarks in short"


def marks(part: str) -> tuple[str, str]:
    return f"<!-- {part}: begin -->", f"<!-- {part}: end -->"


def document(
    results: Results, profiles: Sequence[Profile] = (), generation: Sequence[Generation] = ()
) -> str:
    """Goals, layouts, shares, memory, times by size, and the costs of import and generation."""
    parts = [about(results)]
    parts += goals(results)
    if results.imports:
        parts.append(imports(results))
    parts += layouts(results)
    if profiles:
        parts += shares(profiles)
    parts += memory()
    parts += times(results)
    if generation:
        parts.append(costs(generation))
    return "\n\n".join(parts) + "\n"


def by_size(results: Results) -> str:
    """The sentences, and one row for each size: the fastest layout, and its time beside others'.

    Raises ValueError as `in_short` does.
    """
    rows = []
    for race in reference(results):
        own = fastest(race, "fast", 1)
        if own is not None:
            layout = own.contender.partition("@")[2] or results.default_layout
            time = significant(1e3 * spread(own.seconds).median)
            ratios = [ratios_to(peer, [race]) for peer in _PEERS]
            shown = [significant(found[0]) if found else "-" for found in ratios]
            rows.append([str(race.size), layout, time, *shown])
    headings = ["T,B,D,H", "fastest layout", "ms", *(title for title, _ in _PEERS.values())]
    return f"{sentences(results)}\n{table(headings, rows)}\n"


def in_short(results: Results) -> str:
    """The sentences, and the page that has the sizes one by one."""
    return sentences(results) + "[docs/performance.md](docs/performance.md) has all sizes.\n"


def sentences(results: Results) -> str:
    """The time of the kernel tuned for its size, relative to those that people know.

    Of the reference GRU in float32 on one thread, over the sizes of the run, two peers a sentence.
    Raises ValueError if nobody to compare with ran there.
    """
    texts = []
    for peer, (_, text) in _PEERS.items():
        found = ratios_to(peer, reference(results))
        if found:
            least, most = significant(min(found)), significant(max(found))
            texts.append(text.format(least if least == most else f"{least} to {most}"))
    if not texts:
        raise ValueError("no race of the GRU in float32 on one thread to compare in")
    said = [
        "These are times of the loss and all six gradients, in float32 on one thread, by the "
        "kernel tuned for its size.",
        *(f"It takes {' and '.join(texts[i : i + 2])}." for i in range(0, len(texts), 2)),
    ]
    return fill(" ".join(said), 100, break_long_words=False, break_on_hyphens=False) + "\n"


#: Whom people know: the heading of a column, and the words of a sentence.
_PEERS = {
    "hand-written": ("/ hand-written NumPy", "{} of the time of hand-written NumPy"),
    "torch-nn": ("/ torch.nn.GRU", "{} of torch.nn.GRU's"),
    "jax-scan": ("/ jitted JAX scan", "{} of the time of `jax.lax.scan` under jit"),
    "floor": ("/ products alone", "{} of that of the matrix products alone"),
}


def reference(results: Results) -> list[Race]:
    """The races of the reference GRU in float32."""
    return [race for race in results.races if (race.cell, race.dtype) == ("gru", "float32")]


def ratios_to(peer: str, races: Sequence[Race]) -> list[float]:
    """The time of the fastest unrolled layout relative to the peer's, where both ran."""
    found = []
    for race in races:
        own, other = fastest(race, "fast", 1), race.entry(peer, 1)
        if own is not None and other is not None:
            found.append(compared(race, own, other)[0].median)
    return found


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def about(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    vector = " ".join(machine["vector"]) or "unknown"
    return (
        f"The machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}. "
        f"Its vector instructions: `{vector}`. The BLAS of NumPy: {machine['blas']}. "
        f"Versions: {versions}. {undisturbed(results)}"
    )


def undisturbed(results: Results) -> str:
    """The idleness of the machine: the share of a processor that one thread has had."""
    shares = [
        ratio(entry.cpu, entry.seconds).median
        for race in results.races
        for entry in race.entries
        if entry.threads == 1
    ]
    if not shares:
        return "No contender ran on one thread."
    return (
        f"Contenders on one thread had {significant(spread(shares).median)} of a processor in the "
        "median. That is 1 on an idle machine, and less where other programs took it from them."
    )


TIMES = (
    "**Times**, by cell, dtype and number of threads. Times are medians of all rounds. Ratios are "
    "those of the rounds that the floor took part in too. The same kernel may have another ratio "
    "to the floor elsewhere. Goals are judged by the rounds alone that have not chosen the layout. "
    "*Where the time goes* has kernels for any T, and the least times of statements in one process "
    "with the floor's. Three rounds tell a magnitude, hardly a rank. Who is not in a table was not "
    "measured there: `blocked` and the kernels for any T run in float32 on one thread only, where "
    "the goals are."
)


def times(results: Results) -> Iterator[str]:
    """One table for each cell, dtype and number of threads: sizes across, contenders down."""

    def kind(one: tuple[Race, int]) -> tuple[str, str, int]:
        race, threads = one
        return race.cell, race.dtype, threads

    runs = [
        (r, threads) for r in results.races for threads in sorted({e.threads for e in r.entries})
    ]
    runs.sort(key=kind)
    if runs:
        yield TIMES
    for (cell, dtype, threads), group in groupby(runs, kind):
        races = [race for race, _ in group]
        names = dict.fromkeys(
            e.contender for race in races for e in race.entries if e.threads == threads
        )
        sizes = [str(race.size) for race in races]
        rows = [
            [
                contender(name).title,
                *(cell_text(race, name, threads) for race in races),
                rounds_of(
                    len(entry.seconds)
                    for race in races
                    if (entry := race.entry(name, threads)) is not None
                ),
            ]
            for name in names
        ]
        caption = f"**{cell}, {dtype}{on_threads(threads) or ', one thread'}**: ms"
        if "floor" in names:
            caption += " (multiple of the GEMM floor)"
        yield caption
        yield table(["T,B,D,H", *sizes, "rounds"], rows)


def layouts(results: Results) -> Iterator[str]:
    """Each layout's time relative to the fastest one of the size, for both kinds of kernel."""
    races = [race for race in results.races if race.cell == "gru"]
    sizes = sorted({race.size for race in races}, key=lambda size: size.gemm_flops())
    rows = []
    for kernel, dtype in product(("fast", "fast-any"), dict.fromkeys(race.dtype for race in races)):
        by_size = {race.size: race for race in races if race.dtype == dtype}
        for layout in LAYOUTS:
            name = f"{kernel}@{layout}"
            cells = [layout_text(by_size.get(size), kernel, name) for size in sizes]
            if set(cells) != {"-"}:
                default = " (default)" if layout == results.default_layout else ""
                rounds = rounds_of(_judging(kernel, name, by_size.values()))
                rows.append([contender(name).title + default, dtype, *cells, rounds])
    if rows:
        yield (
            "**Layouts**: CPU time on one thread, relative to the layout that was *chosen* for the "
            "size. The least time of some rounds chooses it. The table has the median ratio of the "
            "other rounds, or of the same ones where there are no others. So a layout that was not "
            "chosen may be below 1."
        )
        yield table(["", "dtype", *map(str, sizes), "rounds"], rows)


def layout_text(race: Race | None, kernel: str, name: str) -> str:
    if race is None:
        return "-"
    entry, best = race.entry(name, 1), fastest(race, kernel, 1)
    if entry is None or best is None:
        return "-"
    if entry is best:
        return "**chosen**"
    _, cpu = compared(race, entry, best)
    return significant(cpu.median)


def _judging(kernel: str, name: str, races: Iterable[Race]) -> Iterator[int]:
    """Of how many rounds the ratios of a layout to the chosen one are, size by size."""
    for race in races:
        own, best = race.entry(name, 1), fastest(race, kernel, 1)
        if own is not None and best is not None:
            yield len(judging(race, own, best))


def shares(profiles: Sequence[Profile]) -> Iterator[str]:
    yield (
        "**Where the time goes**: kernels for any T, float32, one thread, by kind of statement. "
        "The two ratios are those of the whole and of its products alone."
    )
    yield table(HEADINGS, list(profile_rows(profiles)))


def memory() -> Iterator[str]:
    """Formulas from the package as it is, and their values."""
    yield "**Memory**: numbers in a Workspace, any T, and their MB in float32 at the sizes."
    yield table(
        ["layout", "numbers", *map(str, SIZES)],
        [
            [layout, formula, *(significant(megabytes(formula, size)) for size in SIZES)]
            for layout, formula in stored().items()
        ],
    )


def cell_text(race: Race, name: str, threads: int) -> str:
    entry, floor = race.entry(name, threads), race.entry("floor", threads)
    if entry is None:
        return "-"
    time = significant(1e3 * spread(entry.seconds).median)
    if floor is None or floor is entry:
        return time
    return f"{time} ({significant(ratio(entry.seconds, floor.seconds).median)})"


def goals(results: Results) -> Iterator[str]:
    found = list(verdicts(results))
    rows = [
        [
            f"{v.goal.cell}, {v.goal.size}",
            v.contender + on_threads(v.goal.threads),
            v.peer + on_threads(v.goal.peer_threads),
            f"{v.goal.at_most:g}",
            significant(v.ratio.median),
            range_of(v.ratio),
            str(v.rounds),
            significant(v.cpu.median),
            products_text(v),
            v.words if v.met else f"**{v.words}**",
        ]
        for v in found
    ]
    if rows:
        met = sum(verdict.met for verdict in found)
        yield (
            f"**Goals**, {met} of {len(found)} met: the time of a kernel relative to a peer's. The "
            "table has the median and the quartiles of the rounds that have not chosen the layout. "
            "It also has the median of CPU times, which other programs disturb less. "
            f"*Narrowly*: {NARROWLY}. *Products at peak*: {PRODUCTS}. The "
            f"fastest does {significant(results.gemm_rate / 1e9)} Gflop/s."
        )
        headings = (
            "cell, T,B,D,H",
            "time of",
            "relative to",
            "goal",
            "measured",
            "quartiles",
            "rounds",
            "CPU time",
            "products at peak",
            "",
        )
        yield table(headings, rows)


def imports(results: Results) -> str:
    found = []
    for how, seconds in results.imports.items():
        time = spread([1e3 * second for second in seconds])
        least = significant(1e3 * min(seconds))
        found.append(f"{how} {significant(time.median)} ms (least {least})")
    return (
        f"**Import** of `fast`, {STEPS} steps, beyond NumPy's own; the goal is "
        f"{1e3 * IMPORT_SECONDS:g} ms: {', '.join(found)}."
    )


def costs(generation: Sequence[Generation]) -> str:
    styles = list(dict.fromkeys(cost.style for cost in generation))
    by_steps: dict[int | None, dict[str, Generation]] = {}
    for cost in generation:
        by_steps.setdefault(cost.unroll, {})[cost.style] = cost
    rows = []
    for unroll, found in by_steps.items():
        row = ["any" if unroll is None else str(unroll)]
        for style in styles:
            cost_or_none = found.get(style)
            if cost_or_none is None:
                row += ["-", "-"]
            else:
                row += [f"{cost_or_none.cpu:.2f}", f"{cost_or_none.bytes / 1e3:.1f}"]
        rows.append(row)
    headings = [text for style in styles for text in (f"{style}, CPU s", "kB of source")]
    return "**Generation** of the reference GRU\n\n" + table(["T", *headings], rows)


def put_between_marks(texts: Mapping[str, str], page: str) -> str:
    """The page with the text of each part between the marks of that part, where it has them.

    Raises ValueError if it has the marks of no part, or not both, once each.
    """
    there = [part for part in texts if any(mark in page for mark in marks(part))]
    for part in there or list(texts)[:1]:
        begin, end = marks(part)
        if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
            raise ValueError(f"expected one line {begin} and after it one line {end}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{texts[part]}\n{end}{rest.partition(end)[2]}"
    return page


@click.command()
@click.option(
    "--race",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=RESULTS / "race.json",
)
@click.option(
    "--profile",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS / "profile.json",
    help="Left out if there is no such file.",
)
@click.option(
    "--generation",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS / "generation.json",
    help="Left out if there is no such file.",
)
@click.option(
    "--into",
    "pages",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A page with marks, for tables or for sentences.",
)
def main(race: Path, profile: Path, generation: Path, pages: tuple[Path, ...]) -> None:
    """Print the tables of a run, or put tables and sentences into pages."""
    results = read(race)
    text = document(
        results,
        read_profiles(profile) if profile.exists() else (),
        read_generation(generation) if generation.exists() else (),
    )
    if not pages:
        click.echo(text, nl=False)
        return
    for page in pages:
        there = page.read_text()
        try:
            texts = {PARTS[0]: text}
            for part, made in zip(PARTS[1:], (by_size, in_short), strict=True):
                if any(mark in there for mark in marks(part)):  # not every run can give it
                    texts[part] = made(results)
            page.write_text(put_between_marks(texts, there))
        except ValueError as error:
            raise click.ClickException(f"{page}: {error}") from None


if __name__ == "__main__":
    main()
