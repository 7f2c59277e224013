"""What somebody who watches a command without a terminal is told, and how often."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dockml_dagster.commands import options
from dockml_dagster.progress import advance, at, listening


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that a test sets; what is written away from a terminal."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(options, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_a_long_bar_says_how_far_it_is_and_at_what(
    clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    with options.progress_bar() as listener:
        listener("stages collected", 0, 2500)
        listener("stages collected", 0, None, "owner/one")
        clock.now += options.PLAIN_LINE_SECONDS
        listener("stages collected", 3)
        # Not again before the time is over.
        listener("stages collected", 1)
        clock.now += options.PLAIN_LINE_SECONDS
        listener("stages collected", 0, None, "owner/two\x1b[31m")
        listener("findings made", 0, 0)
        clock.now += options.PLAIN_LINE_SECONDS
        listener("findings made", 5)
    assert capsys.readouterr().err.splitlines() == [
        "dockml: stages collected: 2,500",
        "dockml: stages collected: 3 of 2,500 done, at owner/one",
        "dockml: stages collected: 4 of 2,500 done, at owner/two\ufffd[31m",
        "dockml: findings made",
        "dockml: findings made: 5 done",
    ]


def test_a_unit_is_heard_of_and_not_counted() -> None:
    heard: list[tuple[str, int]] = []
    with listening(lambda what, steps: heard.append((what, steps))):
        at("owner/one")
        advance("projects")
    at("nobody listens")
    assert heard == [("owner/one", 0), ("projects", 1)]
