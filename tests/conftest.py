"""The sum of what campaigns have counted, at the end of a run of tests."""

from __future__ import annotations

from typing import Any

from tests.campaigns import COUNTED, total


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print for each test of a campaign the counts of its shares, added up."""
    counts: dict[str, list[Any]] = {}
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        of_test = dict(report.user_properties)
        if COUNTED in of_test:
            counts.setdefault(report.nodeid.partition("[")[0], []).append(of_test[COUNTED])
    if counts:
        terminalreporter.section("draws of campaigns")
    for test, of_shares in counts.items():
        terminalreporter.write_line(f"{test}: {total(of_shares)}")
