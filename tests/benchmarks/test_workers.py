"""Workers in processes of their own, and rounds; no test here asks how long anything took."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise, permutations
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import race as races
from benchmarks import worker as other_end
from benchmarks.contenders import CONTENDERS, entrants
from benchmarks.problem import make_problem, save
from benchmarks.race import Plan, Stable, plans
from benchmarks.results import Entry
from benchmarks.sizes import DTYPES, SIZES, Size
from benchmarks.timing import Sample, Worker, WorkerError, orders, take_turns

TINY = Size(2, 1, 3, 2)


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("problems") / "tiny"
    save(make_problem("gru", TINY), file)
    return file


def request(problem: Path, dtype: str = "float32") -> dict[str, Any]:
    return {"problem": str(problem), "cell": "gru", "dtype": dtype, "seconds": 1e-4}


def test_round_trip(problem: Path) -> None:
    with Worker("hand-written", threads=1) as worker:
        assert not worker.skip
        assert {"python", "numpy"} <= set(worker.versions)
        for dtype, tolerance in DTYPES.items():
            ready = worker.ask("prepare", **request(problem, dtype))
            assert ready["calls"] >= 1
            assert 0 <= ready["error"] < tolerance
            sample = worker.sample()
            assert sample.seconds > 0
            assert sample.cpu >= 0


@pytest.mark.parametrize(
    ("name", "cell"),
    [(n, c) for n, one in CONTENDERS.items() if one.package != "numpy" for c in sorted(one.cells)],
)
def test_peers_are_right_where_they_are_installed(tmp_path: Path, name: str, cell: str) -> None:
    computed = CONTENDERS[name].stands_in.get(cell, cell)
    save(make_problem(computed, TINY, biases=computed == cell), tmp_path / "tiny")
    with Worker(name, threads=1) as worker:
        if worker.skip:
            pytest.skip(worker.skip)
        for dtype, tolerance in DTYPES.items():
            asked = request(tmp_path / "tiny", dtype) | {"cell": computed}
            assert worker.ask("prepare", **asked)["error"] < tolerance


def test_a_layout_that_there_is_not(problem: Path) -> None:
    with Worker("fast@sideways", threads=1) as worker:
        ready = worker.ask("prepare", **request(problem))
    assert set(ready) == {"skip"}
    assert "layout" in ready["skip"]


def test_threads_are_in_the_environment(problem: Path) -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    del threadpoolctl
    with Worker("floor", threads=1) as worker:
        environment = Path(f"/proc/{worker._process.pid}/environ")
        if not environment.exists():
            pytest.skip("no /proc")
        assert "OPENBLAS_NUM_THREADS=1" in environment.read_text().split("\0")


def test_a_worker_that_dies(problem: Path) -> None:
    with Worker("hand-written", threads=1) as worker:
        worker._process.kill()
        worker._process.wait()
        with pytest.raises(WorkerError, match=r"hand-written on 1 thread\(s\) ended: .* -9"):
            worker.sample()


def answers(name: str, requests: str = "") -> Iterator[dict[str, Any]]:
    """What a worker answers, in this process."""
    out = io.StringIO()
    other_end.serve(name, 1, io.StringIO(requests), out)
    return map(json.loads, out.getvalue().splitlines())


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_end, "find_spec", lambda name: None)
    assert list(answers("jax-scan")) == [{"skip": "jax is not installed"}]


def test_a_contender_that_fails_says_why() -> None:
    lines = json.dumps({"ask": "prepare", **request(Path("nowhere"))}) + "\n"
    _, failed = answers("hand-written", lines)
    assert failed["skip"].startswith("FileNotFoundError: ")


class Turn:
    """Takes turns without a process."""

    threads, skip = 1, ""

    def __init__(self, name: str) -> None:
        self.name = self.contender = name

    def sample(self) -> Sample:
        return Sample(1.0, 1.0)


@pytest.mark.parametrize("size", [2, 3, 8, 15, 26])
def test_everybody_follows_everybody_else_equally_often(size: int) -> None:
    times = 1 + size % 2
    rounds = list(islice(orders(size), times * size))
    assert all(sorted(order) == list(range(size)) for order in rounds)
    pairs = Counter(pair for order in rounds for pair in pairwise(order))
    assert pairs == dict.fromkeys(permutations(range(size), 2), times)
    for place in zip(*rounds, strict=True):
        assert Counter(place) == dict.fromkeys(range(size), times)


def test_nobody_and_one_alone() -> None:
    assert list(orders(0)) == []
    assert list(islice(orders(1), 3)) == [[0]] * 3


def test_rounds_take_their_orders() -> None:
    rounds = take_turns([Turn(name) for name in "abcd"], lambda done, spent: done < 5)
    assert ["".join(turn.name for turn, _ in turns) for turns in rounds] == [
        *("abdc", "bcad", "cdba", "dacb", "abdc")
    ]
    assert not list(take_turns([], lambda done, spent: True))


class Roster:
    """Workers without processes."""

    def worker(self, name: str, threads: int) -> Turn:
        return Turn(name)


@pytest.mark.parametrize(
    ("rounds", "counts", "choosing"),
    [(None, [3, 6], 3), (1, [1, 1], 0), (5, [5, 5], 2), (20, [20, 20], 5)],
)
def test_whom_goals_are_about_takes_part_in_more_rounds(
    monkeypatch: pytest.MonkeyPatch, rounds: int | None, counts: list[int], choosing: int
) -> None:
    monkeypatch.setattr(races, "LEAST", 6)
    monkeypatch.setattr(races, "enter", lambda plan, one, *_: Entry(one.name, 1, 1, 0.0))
    plan, everybody = Plan("gru", SIZES[0], "float32"), entrants("gru", ("autograd", "floor"))
    race = races.run(plan, everybody, [1], cast("Stable", Roster()), rounds, 0.0)
    assert [len(entry.seconds) for entry in race.entries] == counts
    assert [len(entry.cpu) for entry in race.entries] == counts
    assert race.choosing == choosing


def test_plans() -> None:
    everything = plans(SIZES, tuple(DTYPES), ("gru", "lstm"))
    assert everything[0] == Plan("gru", SIZES[0], "float32")
    assert len(everything) == 2 * len(SIZES) + 2
    assert {plan.dtype for plan in everything if plan.cell == "lstm"} == {"float32"}
    assert plans([TINY], ["float64"], ["gru"]) == [Plan("gru", TINY, "float64")]


def test_workers_and_problems_are_made_once(tmp_path: Path) -> None:
    from contextlib import ExitStack

    with ExitStack() as exits:
        stable = Stable(tmp_path, exits)
        assert stable.worker("floor", 1) is stable.worker("floor", 1)
        first = stable.problem("rnn", TINY, biases=False)
        written = first.stat().st_mtime_ns
        assert stable.problem("rnn", TINY, biases=False) == first
        assert first.stat().st_mtime_ns == written
        assert stable.problem("rnn", TINY, biases=True) != first
        assert "numpy" in stable.versions()
