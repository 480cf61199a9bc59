"""A run of three rounds with easy numbers."""

from __future__ import annotations

from benchmarks.results import Entry, Generation, Profile, Race, Results
from benchmarks.sizes import SIZES


def entry(contender: str, *milliseconds: float, threads: int = 1, cpu: float = 1.0) -> Entry:
    """Of a process that was busy for the share `cpu` of the time."""
    seconds = [1e-3 * ms for ms in milliseconds]
    return Entry(contender, threads, 7, 2e-7, seconds, [cpu * second for second in seconds])


def results() -> Results:
    # The clock halves in the second round. Columns are twice the floor in all rounds but the last.
    small = Race(
        "gru",
        SIZES[0],
        "float32",
        [
            entry("fast@rows", 3, 5, 4),
            entry("fast@columns", 2, 4, 3, cpu=0.5),
            entry("fast-any@columns", 3, 5, 4),
            entry("floor", 1, 2, 1, cpu=0.5),
            entry("hand-written", 20, 40, 40),
        ],
        {"jax-scan": "jax is not installed"},
    )
    large = Race(
        "gru",
        SIZES[3],
        "float32",
        [
            entry("fast@columns", 90, 180, 90),
            entry("fast-any@columns", 99, 198, 99),
            entry("fast@rows", 45, 90, 45),
            entry("fast-any@rows", 90, 180, 90),
            entry("floor", 90, 90, 90),
            entry("fast@rows", 50, 99, 50, threads=2, cpu=2.0),
            entry("floor", 50, 50, 50, threads=2),
        ],
    )
    lstm = Race(
        "lstm", SIZES[2], "float32", [entry("fast@rows", 8, 8, 8), entry("torch-nn", 10, 10, 10)]
    )
    return Results(
        machine={
            "processor": "abacus",
            "cores": 2,
            "system": "Linux",
            "vector": ["beads", "wires"],
            "blas": "fingers 10",
        },
        versions={"numpy": "2.0.0", "python": "3.10.1"},
        races=[small, large, lstm],
        imports={"first": [0.030, 0.050, 0.045], "later": [0.002, 0.004, 0.003]},
        default_layout="columns",
        gemm_rate=1e11,
    )


PROFILES = [
    Profile(
        "rows",
        SIZES[0],
        0.002,
        {
            "products": 0.003,
            "transcendental": 0.001,
            "elementwise": 0.0045,
            "copies": 0.0005,
            "other": 0.001,
        },
    ),
    Profile(
        "columns",
        SIZES[3],
        0.1,
        {
            "products": 0.09,
            "transcendental": 0.004,
            "elementwise": 0.002,
            "copies": 0.003,
            "other": 0.001,
        },
    ),
]

GENERATION = [
    Generation("fast", None, 1.5, 20_000),
    Generation("textbook", None, 1.25, 12_000),
    Generation("fast", 1, 1.6, 21_000),
    Generation("textbook", 1, 1.3, 13_500),
    Generation("fast", 64, 3.0, 90_000),
]
