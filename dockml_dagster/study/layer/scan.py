"""``scan_layer``: one pass over a layer's compressed stream that gives rows and a summary, whatever the layer holds.

Here: running the steps of a scan, and its outcome (complete, censored, corrupt, mismatch). Not here: decompression
(``inflate``), the form of the archive (``tar_walk``), the meaning of an entry (``classify``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from dockml_dagster.study.layer.inflate import (
    Ahead,
    ByteStream,
    CapHitError,
    Clock,
    CompressedBytes,
    CorruptLayerError,
    InflatedBytes,
)
from dockml_dagster.study.layer.look import Look
from dockml_dagster.study.layer.model import (
    CONTENT_HASH,
    Cap,
    LayerEntry,
    LayerScan,
    ScanLimits,
    ScanStatus,
)
from dockml_dagster.study.layer.tally import LayerTally
from dockml_dagster.study.layer.tar_walk import TarWalk

Sink = Callable[[list[LayerEntry]], object]
"""Receives rows in batches, in archive order."""

_DEFAULT_LIMITS: Final = ScanLimits()
_BATCH: Final = 512
_AFTER_END: Final = 1 << 20
"""Most zeros that may follow the end marker. tar pads to a record, in practice to some 100 KiB at most."""


def scan_layer(
    stream: ByteStream,
    *,
    sink: Sink | None = None,
    limits: ScanLimits = _DEFAULT_LIMITS,
    expected_digest: str | None = None,
    expected_diff_id: str | None = None,
    digest: bool = True,
    clock: Clock = time.monotonic,
    look: Look | None = None,
    ahead: Ahead | None = None,
) -> LayerScan:
    """List, hash and summarise every entry of a layer, in archive order.

    ``stream`` gives the layer's bytes as stored or sent; it is read forwards to its end. ``sink`` receives the rows in
    batches as they are found (a spool's ``extend``); they must be discarded if the status is `mismatch`.
    ``expected_digest`` and ``expected_diff_id`` are `sha256:hex`. The diff-id is computed only if one is expected, the
    digest unless ``digest=False`` (for a local file that has no digest to compare with). ``look`` sees the content of
    files; after a `mismatch` its results are worthless, too.
    ``ahead``: reads and inflates a large layer in parallel with the walk; the result is the same.

    Errors in the layer are part of the result. Only exceptions of ``stream`` and ``sink`` are passed on.
    """
    if expected_digest is not None and not digest:
        raise ValueError("a digest cannot be expected and left out")
    started = clock()
    source = CompressedBytes(stream, limits, clock, digest=digest, ahead=ahead)
    tally = LayerTally(limits.types)
    end = _End()
    inflated = walk = None
    drained = False
    deadline = min(started + limits.seconds, limits.ends)

    def ask(headers: int) -> None:
        if clock() > deadline:
            raise CapHitError("seconds")
        fed = 0 if inflated is None else inflated.fed
        if headers > limits.entries_from and headers * limits.entry_bytes > fed:
            raise CapHitError("ratio")

    try:
        with end.noted():
            inflated = InflatedBytes(source, limits, diff_id=expected_diff_id is not None, ahead=ahead)
            try:
                walk = TarWalk(inflated.read, limits, ask, look)
                _read_all(walk, tally, sink)
                if expected_diff_id is not None:
                    while inflated.read():
                        pass
                elif not walk.rest_is_zeros(_AFTER_END):
                    end.reason = "data after the archive's end was left unread"
            finally:
                inflated.stop()
        if digest and not end.hit & {"compressed_bytes", "seconds"}:
            with end.noted():
                source.drain()
                drained = True
    finally:
        source.stop()
    compressed = source.count if drained or inflated is None else inflated.fed
    if walk is not None:
        end.hit |= walk.hit
    if tally.overflowed:
        end.hit.add("types")
    found = source.digest()
    diff_id = None if inflated is None else inflated.diff_id()
    holds, diff_holds = _holds(found, expected_digest), _holds(diff_id, expected_diff_id)
    if end.status == "complete" and holds is False:
        end.status, end.reason = "mismatch", f"the digest is {found}, not {expected_digest}"
    elif end.status == "complete" and diff_holds is False:
        end.status, end.reason = "mismatch", f"the diff-id is {diff_id}, not {expected_diff_id}"
    return LayerScan(
        status=end.status,
        reason=end.reason,
        censored=tuple(sorted(end.hit)),
        compression="none" if inflated is None else inflated.compression,
        digest=found,
        digest_holds=holds,
        diff_id=diff_id,
        diff_id_holds=diff_holds,
        compressed_bytes=compressed,
        fetched_bytes=compressed,
        inflated_bytes=0 if inflated is None else inflated.count,
        end_marker=walk is not None and walk.end_marker,
        file_hash=CONTENT_HASH,
        verified="content",
        seconds=clock() - started,
        summary=tally.summary(),
    )


class _End:
    """The outcome of a scan: the first error, and every cap that was hit."""

    def __init__(self) -> None:
        self.hit: set[Cap] = set()
        self.status: ScanStatus = "complete"
        self.reason: str | None = None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Within the block, record errors of the layer instead of raising them."""
        status: ScanStatus = "complete"
        reason = ""
        try:
            yield
        except CapHitError as cap:
            self.hit.add(cap.cap)
            status, reason = "censored", f"stopped at the cap on {cap.cap}"
        except CorruptLayerError as problem:
            status, reason = "corrupt", str(problem)
        if status != "complete" and self.status == "complete":
            self.status, self.reason = status, reason


def _read_all(walk: TarWalk, tally: LayerTally, sink: Sink | None) -> None:
    more = True
    while more:
        batch: list[LayerEntry] = []
        try:
            more = walk.read_entries(batch, _BATCH)
        finally:  # entries before an error are a useful lower bound
            tally.add(batch)
            if sink is not None and batch:
                sink(batch)


def _holds(found: str | None, expected: str | None) -> bool | None:
    return None if found is None or expected is None else found == expected
