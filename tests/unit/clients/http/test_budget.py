"""What headers say about limits, in all the forms servers use."""

import threading

import pytest

from dockml_dagster.clients.http.budget import Allowance, RateBudget, read_allowance, read_retry_after
from dockml_dagster.clients.http.errors import AbuseLimitError, GoneError, PullLimitError, UnavailableError
from dockml_dagster.clients.http.retry import RetryPolicy

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"ratelimit-limit": "nonsense"}, None),
        (
            {
                "ratelimit-limit": "100;w=21600",
                "ratelimit-remaining": "76;w=21600",
                "docker-ratelimit-source": "1.2.3.4",
            },
            Allowance(100, 76, 21600, None, "1.2.3.4", NOW),
        ),
        (
            {"x-ratelimit-limit": "180", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000060"},
            Allowance(180, 0, None, NOW + 60, None, NOW),
        ),
        (
            {"ratelimit-limit": "10", "ratelimit-remaining": "9", "ratelimit-reset": "30"},
            Allowance(10, 9, None, NOW + 30, None, NOW),
        ),
        (
            {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
            Allowance(100, 50, 60, NOW + 30, None, NOW),
        ),
        ({"ratelimit-remaining": "0"}, Allowance(None, 0, None, None, None, NOW)),
    ],
)
def test_allowance(headers: dict, expected: Allowance | None) -> None:
    assert read_allowance(headers, NOW) == expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60),
        ({"retry-after": "Fri, 15 Jan 2021 08:01:00 GMT"}, 0),
        ({"retry-after": "413.8µs"}, pytest.approx(0.0004138)),
        ({"retry-after": "1m30s"}, 90),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "9" * 30}, None),
        ({"retry-after": "99999999999"}, 7 * 86400),
        ({"x-retry-after": "1800000042"}, 42),
        ({"x-retry-after": "1700000000"}, 0),
        ({"retry-after": "3", "x-retry-after": "1800000042"}, 3),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000009"}, 9),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1800000009"}, None),
    ],
)
def test_retry_after(headers: dict, seconds: float | None) -> None:
    assert read_retry_after(headers, NOW) == seconds


def test_budget_is_shared_and_a_pause_never_shrinks() -> None:
    budget = RateBudget()
    hosts = [f"h{n}" for n in range(8)]
    threads = [
        threading.Thread(
            target=lambda host=host: [
                budget.observe(host, {"ratelimit-limit": str(n)}, NOW) for n in range(200)
            ]
        )
        for host in hosts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {host: allowance.limit for host, allowance in budget.allowances().items()} == dict.fromkeys(
        hosts, 199
    )
    assert budget.allowance("other") is None
    budget.pause("h0", NOW + 10)
    budget.pause("h0", NOW + 5)
    assert budget.seconds_paused("h0", NOW) == 10
    assert budget.seconds_paused("h0", NOW + 11) == 0
    assert budget.seconds_paused("h1", NOW) == 0


def test_retry_follows_the_error() -> None:
    policy = RetryPolicy(attempts=4, first_wait=1, longest_wait=3, longest_obeyed=60)
    certain = lambda: 1.0  # noqa: E731
    waits = [policy.wait(UnavailableError("x"), failures, certain) for failures in (1, 2, 3, 4)]
    assert waits == [1, 2, 3, None]
    assert policy.wait(UnavailableError("x"), 2, lambda: 0.0) == 0
    assert policy.wait(GoneError("x"), 1, certain) is None
    assert policy.wait(PullLimitError("x"), 1, certain) is None
    assert policy.wait(PullLimitError("x", retry_after=10), 1, lambda: 0.0) == 10
    assert policy.wait(AbuseLimitError("x", retry_after=61), 1, certain) is None
