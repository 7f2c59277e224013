"""Work on units in several processes: the same rows in the same order, and the same units that fail."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest

from dockml_dagster.corpora import derived
from dockml_dagster.corpora.derived import Apart, end_kept, pairs, processes_kept, texts_read
from dockml_dagster.progress import listening
from dockml_dagster.study.cuts import note_cut, noted_cuts
from dockml_dagster.warehouse.due.derivation import Attempt, Found, Rows, Unit, in_turn
from dockml_dagster.warehouse.due.derivations import READINGS
from dockml_dagster.warehouse.models import seed_texts

TEXTS = [
    (f"{number:03d}", f"FROM debian:{number}\nRUN apt-get update\nCMD true\n".encode())
    for number in range(250)
]
UNITS = [{"sha256": name} for name, _ in TEXTS]


class Failed:
    """An ``Attempt`` that notes who failed, and what was cut."""

    def __init__(self) -> None:
        self.units: list[tuple[str, str]] = []

    @contextmanager
    def __call__(self, unit: Unit) -> Iterator[None]:
        try:
            with noted_cuts() as cuts:
                yield
        except ValueError as error:
            self.units.append((unit["sha256"], str(error)))
        else:
            self.units += [(unit["sha256"], cut) for cut in cuts]


def every_fiftieth_fails(_: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
    """One row a text, but for each fiftieth; another is cut."""
    rows = []
    for name, content in found["texts"]:
        with attempt({"sha256": name}):
            if int(name) % 50 == 7:
                raise ValueError(f"not {name}")
            if int(name) % 50 == 11:
                note_cut(f"the end of {name}")
            rows.append({"sha256": name, "bytes": len(content)})
    return {"raw.sizes": rows}


def _rows(compute, workers: int) -> tuple[Rows, list[tuple[str, str]], list[tuple[str, int]], bool]:
    told: list[tuple[str, int]] = []
    failed = Failed()
    with (
        listening(lambda *said: told.append(said)),
        Apart("texts", unit_seconds=30, workers=workers) as apart,
    ):
        rows = apart.start(compute, UNITS, {"texts": TEXTS})(failed)
        return rows, failed.units, told, apart._pool.is_running


def test_rows_of_two_processes_are_those_of_one() -> None:
    compute = partial(texts_read, pairs(seed_texts(READINGS.seeds)))
    apart, failed, told, ran = _rows(compute, 2)
    assert ran
    assert failed == []
    assert apart == in_turn(compute, UNITS, {"texts": TEXTS})(Failed())
    assert apart == _rows(compute, 1)[0]
    assert told == [("texts", 20)] * 12 + [("texts", 10)]


def test_a_unit_that_fails_elsewhere_is_named_here() -> None:
    apart, failed, _, _ = _rows(every_fiftieth_fails, 2)
    said = [(at, "not") for at in range(7, 250, 50)] + [(at, "the end of") for at in range(11, 250, 50)]
    assert failed == [(f"{at:03d}", f"{word} {at:03d}") for at, word in sorted(said)]
    assert len(apart["raw.sizes"]) == 245
    assert (apart, failed) == _rows(every_fiftieth_fails, 1)[:2]


def test_a_little_work_starts_no_process(monkeypatch) -> None:
    monkeypatch.setattr(derived, "FEWEST", 251)
    _, _, told, ran = _rows(every_fiftieth_fails, 2)
    assert not ran
    assert told == [("texts", 250)]


def who_reads(_: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
    """One row a text: the process that read it."""
    return {"raw.who": [{"sha256": name, "process": os.getpid()} for name, _ in found["texts"]]}


def _readers(apart: Apart) -> set[int]:
    return {row["process"] for row in apart.start(who_reads, UNITS, {"texts": TEXTS})(Failed())["raw.who"]}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: everything is read here")
def test_kept_processes_serve_the_next_derivation_until_one_fails() -> None:
    with processes_kept():
        with Apart("texts", unit_seconds=30) as first:
            readers = _readers(first)
        with pytest.raises(KeyError), Apart("projects", unit_seconds=30) as second:
            assert second._pool is first._pool
            raise KeyError
        assert not first._pool.is_running
        with Apart("texts", unit_seconds=30) as third:
            assert _readers(third).isdisjoint(readers - {os.getpid()})
        assert third._pool.is_running
        end_kept()
        assert not third._pool.is_running
    with Apart("texts", unit_seconds=30) as alone:
        assert _readers(alone)
    assert not alone._pool.is_running
