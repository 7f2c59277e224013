"""One rate budget per server for all workers, in the database that they share.

Here: ``budget.RateBudget`` for a limit that several machines share. Not here: reading headers (``budget``), the database
(``catalog``).

A request is counted before it is sent, so the limit is respected instead of hit: a worker that finds nothing left waits for
the reset. While a server's limit is unknown, one request at a time is sent to it, until an answer states the limit or that
there is none. The remaining number in an answer was true when the server counted that request. Later requests, and those
in flight when it was sent, may be missing from it, so they are subtracted. The number is therefore never too high, and exact
when the fleet is quiet (which matters: Docker Hub's HEADs state the limit and do not count).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dockml_dagster.catalog import Session, SharedCatalog
from dockml_dagster.clients.http.budget import Allowance, RateBudget

FREE_SECONDS: Final = 60.0
"""How long a server that stated no limit is asked without counting."""
_PROBE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.1
_QUIET_SECONDS: Final = 300.0
"""After this time without a request none is in flight any more: requests of killed workers are forgotten."""

TABLE: Final = """
CREATE SCHEMA IF NOT EXISTS dockml;
CREATE TABLE IF NOT EXISTS dockml.budgets (
    host text PRIMARY KEY, remaining integer, resets_at double precision, paused_until double precision,
    probing_until double precision, free_until double precision,
    sent bigint NOT NULL DEFAULT 0, under_way integer NOT NULL DEFAULT 0, last_sent double precision NOT NULL DEFAULT 0
);
"""
"""Times are unix seconds. ``remaining``: NULL if unknown. ``sent`` numbers the requests."""

_ASK: Final = f"""
WITH old AS MATERIALIZED (
    SELECT *,
        extract(epoch FROM clock_timestamp())::double precision AS now,
        -- A pause is the whole host's, whichever of its limits was met.
        (SELECT paused_until FROM dockml.budgets WHERE host = split_part(%(host)s, ' ', 1)) AS paused
    FROM dockml.budgets WHERE host = %(host)s FOR UPDATE
), verdict AS MATERIALIZED (
    SELECT *,
        CASE
            WHEN paused > now THEN 'paused'
            WHEN free_until > now THEN 'free'
            WHEN remaining > 0 AND coalesce(resets_at > now, true) THEN 'spend'
            WHEN remaining <= 0 AND resets_at > now THEN 'empty'
            WHEN probing_until > now THEN 'probed'
            ELSE 'probe'
        END AS kind,
        CASE WHEN last_sent < now - {_QUIET_SECONDS} THEN 0 ELSE under_way END AS others
    FROM old
)
UPDATE dockml.budgets AS kept
SET
    remaining = CASE kind WHEN 'spend' THEN verdict.remaining - 1 WHEN 'probe' THEN NULL ELSE verdict.remaining END,
    probing_until = CASE kind WHEN 'probe' THEN now + {_PROBE_SECONDS} ELSE verdict.probing_until END,
    sent = verdict.sent + CASE WHEN kind IN ('spend', 'probe') THEN 1 ELSE 0 END,
    under_way = others + CASE WHEN kind IN ('spend', 'probe') THEN 1 ELSE 0 END,
    last_sent = CASE WHEN kind IN ('spend', 'probe') THEN now ELSE verdict.last_sent END
FROM verdict
WHERE kept.host = verdict.host
RETURNING kind, kept.sent, others,
    CASE kind
        WHEN 'paused' THEN verdict.paused - now
        WHEN 'empty' THEN verdict.resets_at - now
        WHEN 'free' THEN verdict.free_until - now
        ELSE 0
    END
"""

_ANSWERED: Final = """
UPDATE dockml.budgets
SET
    under_way = greatest(under_way - 1, 0), probing_until = NULL,
    remaining = %(remaining)s - (sent - %(number)s) - %(others)s,
    resets_at = %(resets_at)s, free_until = NULL
WHERE host = %(host)s
"""

_SAID_NOTHING: Final = f"""
UPDATE dockml.budgets
SET
    under_way = greatest(under_way - 1, 0), probing_until = NULL,
    -- What states no limit was not counted against one.
    remaining = remaining + 1,
    free_until = CASE WHEN remaining IS NULL THEN extract(epoch FROM clock_timestamp()) + {FREE_SECONDS} ELSE free_until END
WHERE host = %(host)s
"""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A counted request: its number, and how many others were in flight then."""

    number: int
    others: int


class SharedBudget(RateBudget):
    """See the module. Safe to share between threads; each thread has one request in flight at a time."""

    counts = True

    def __init__(self, address: str) -> None:
        """``address``: of the database, as libpq takes it."""
        super().__init__()
        self._session = Session(SharedCatalog(address), tables=TABLE)
        self._mine = threading.local()
        self._known: set[str] = set()
        self._free: dict[str, float] = {}

    def ask(self, host: str, now: float) -> float:
        """See ``RateBudget.ask``. Raises UnreachableError if the database does not answer."""
        self._mine.counted = None
        if self._free.get(host, 0.0) > time.monotonic():
            return 0.0
        self._make_row(host)
        ((kind, number, others, seconds),) = self._session.run(_ASK, {"host": host})
        if kind in ("spend", "probe"):
            self._mine.counted = _Counted(number, others)
            return 0.0
        if kind == "free":
            self._free[host] = time.monotonic() + float(seconds)
            return 0.0
        # The probe's answer comes soon; for a reset, wait until it has safely passed.
        return _LOOK_SECONDS if kind == "probed" else float(seconds) + _LOOK_SECONDS

    def observe(self, host: str, headers: Mapping[str, str], now: float) -> Allowance | None:
        """See ``RateBudget.observe``."""
        stated = super().observe(host, headers, now)
        counted: _Counted | None = getattr(self._mine, "counted", None)
        self._mine.counted = None
        if stated is not None and stated.remaining is not None:
            self._free.pop(host, None)
            self._make_row(host)
            number = "sent" if counted is None else str(counted.number)
            statement = _ANSWERED.replace("%(number)s", number)
            if counted is None:
                statement = statement.replace("greatest(under_way - 1, 0)", "under_way")
            self._session.run(
                statement,
                {
                    "host": host,
                    "remaining": stated.remaining,
                    "resets_at": stated.resets_at,
                    "others": counted.others if counted else 0,
                },
            )
        elif counted is not None:
            self._session.run(_SAID_NOTHING, {"host": host})
        return stated

    def pause(self, host: str, until: float) -> None:
        """See ``RateBudget.pause``."""
        super().pause(host, until)
        self._make_row(host)
        self._session.run(
            "UPDATE dockml.budgets SET paused_until = greatest(paused_until, %(until)s) WHERE host = %(host)s",
            {"until": until, "host": host},
        )

    def _make_row(self, host: str) -> None:
        if host in self._known:
            return
        self._session.run(
            "INSERT INTO dockml.budgets (host) VALUES (%(host)s) ON CONFLICT DO NOTHING", {"host": host}
        )
        self._known.add(host)


def budget_for(catalog: str | None) -> RateBudget:
    """The budget of this process alone, or of all processes that share a catalog."""
    return RateBudget() if catalog is None else SharedBudget(catalog)
