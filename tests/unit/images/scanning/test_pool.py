"""Layers in parallel processes: each key once, rows in files, and no trouble that spreads."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dockml_dagster.images.scanning.pool import FileSource, LayerTask, ScanPool, WorkerDiedError
from dockml_dagster.images.scanning.worker import Failure, LayerResult
from dockml_dagster.study.layer.model import ScanLimits
from dockml_dagster.study.layer.spool import entry_of


def layer(path: Path, *names: str) -> LayerTask:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    data = gzip.compress(buffer.getvalue(), mtime=0)
    path.write_bytes(data)
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return LayerTask(digest, FileSource(path), len(data), expected_digest=digest)


@dataclass(frozen=True)
class Lines:
    """Code for a source, by name: what it does must be importable in the worker."""

    what: str

    @contextmanager
    def open(self) -> Iterator[io.BytesIO]:
        if self.what == "die":
            os._exit(7)
        if self.what == "group":
            raise ConnectionResetError("its own" if os.getpgrp() == os.getpid() else "the parent's")
        raise ConnectionResetError(self.what)
        yield io.BytesIO()


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type:
    """``Lines`` as a module that a worker can import: tests are none."""
    source = Path(__file__).read_text()
    head = "import io, os\nfrom collections.abc import Iterator\nfrom contextlib import contextmanager\n"
    head += "from dataclasses import dataclass\n"
    body = source[source.index("@dataclass(frozen=True)") : source.index("@pytest.fixture")]
    (tmp_path / "dockml_test_sources.py").write_text(head + body)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    import dockml_test_sources  # type: ignore[import-not-found]

    return dockml_test_sources.Lines


def scan_layers(
    tasks: Iterable[LayerTask], spools: Path, *, limits: ScanLimits | None = None, workers: int | None = None
) -> Iterator[LayerResult]:
    with ScanPool(limits=limits, workers=workers) as pool:
        yield from pool.scan(tasks, spools)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_layer_once_with_its_rows(tmp_path: Path, workers: int) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    first = layer(tmp_path / "1", "b", "a")
    second = layer(tmp_path / "2", "c")
    tasks = [LayerTask(t.key, t.source, None, t.expected_digest) for t in (first, second, first)]
    results = {result.key: result for result in scan_layers(tasks, spools, workers=workers)}
    assert set(results) == {first.key, second.key}
    for result in results.values():
        assert result.error is None
        assert (result.scan.status, result.scan.digest_holds) == ("complete", True)
    lines = results[first.key].spool.read_bytes().splitlines(keepends=True)
    assert [entry_of(line).path for line in lines] == ["a", "b"]
    assert len(list(spools.iterdir())) == 2


def test_a_stretch_of_a_file(tmp_path: Path) -> None:
    task = layer(tmp_path / "1", "a")
    data = (tmp_path / "1").read_bytes()
    (tmp_path / "archive").write_bytes(b"before" + data + b"after")
    stretch = LayerTask(task.key, FileSource(tmp_path / "archive", 6, len(data)), 1, task.expected_digest)
    (result,) = scan_layers([stretch], tmp_path)
    assert result.scan.digest_holds


def test_rows_of_a_mismatch_are_not_kept(tmp_path: Path) -> None:
    task = layer(tmp_path / "1", "a")
    wrong = LayerTask("sha256:0", task.source, 1, expected_digest="sha256:0")
    (result,) = scan_layers([wrong], tmp_path, workers=1)
    assert (result.scan.status, result.spool) == ("mismatch", None)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_trouble_stays_with_its_layer(tmp_path: Path, importable: type) -> None:
    good = [layer(tmp_path / str(number), f"f{number}") for number in range(3)]
    tasks = [LayerTask("die", importable("die")), LayerTask("cut", importable("gone"))]
    tasks += [LayerTask(t.key, t.source, None, t.expected_digest) for t in good]
    results = {result.key: result for result in scan_layers(tasks, tmp_path, workers=1)}
    assert isinstance(results["die"].error, WorkerDiedError)
    assert "status 7" in str(results["die"].error)
    assert isinstance(results["cut"].error, ConnectionResetError)
    assert all(results[task.key].scan.status == "complete" for task in good)


def test_limits_reach_the_worker(tmp_path: Path) -> None:
    task = layer(tmp_path / "1", *"abcdef")
    limited = [LayerTask(task.key, task.source)]
    (result,) = scan_layers(limited, tmp_path, limits=ScanLimits(entries=2), workers=1)
    assert (result.scan.censored, result.scan.summary.entries) == (("entries",), 2)


def test_stopping_early_ends_the_workers(tmp_path: Path) -> None:
    tasks = [layer(tmp_path / str(number), f"f{number}") for number in range(6)]
    tasks = [LayerTask(task.key, task.source) for task in tasks]
    before = _children()
    results = scan_layers(tasks, tmp_path, workers=2)
    next(results)
    results.close()
    # Other tests of the same process may have left children of their own.
    assert _children() <= before


def _children() -> set[str]:
    """Process ids of this process's children, those of other threads too; empty where the system does not tell."""
    found = Path("/proc/self/task").glob("*/children")
    return {pid for path in found for pid in path.read_text().split()}


def test_a_call_is_made_beside_this_process() -> None:
    with ScanPool(workers=1) as pool:
        assert pool.start(os.getpid).result() == os.getpid()  # there is no other process yet
        pool.reserve(2)
        theirs = pool.start(os.getpid)
        assert _becomes(
            lambda: theirs.outcome is not None
        )  # before this process asks, and makes the call itself
        assert theirs.result() != os.getpid()
        wrong = pool.start(int, "nonsense")
        assert _becomes(lambda: wrong.outcome is not None)
        with pytest.raises(ValueError, match="nonsense"):
            wrong.result()


def _becomes(true: Callable[[], bool]) -> bool:
    """Whether it is true at last."""
    ends = time.monotonic() + 120
    while not true() and time.monotonic() < ends:
        time.sleep(0.005)
    return true()


def test_a_call_whose_process_dies_is_made_here() -> None:
    code = f"__import__('os').getpid() == {os.getpid()} or __import__('os')._exit(7)"
    with ScanPool(workers=1) as pool:
        pool.reserve(1)
        for _ in range(2):
            call = pool.start(eval, code)
            assert _becomes(lambda call=call: isinstance(call.outcome, Failure))
            assert call.result() is True


def test_layers_after_calls_and_calls_after_layers(tmp_path: Path) -> None:
    tasks = [layer(tmp_path / str(number), f"f{number}") for number in range(3)]
    unknown = [LayerTask(task.key, task.source) for task in tasks]
    with ScanPool(workers=2) as pool:
        assert not pool.is_running
        for _ in range(2):
            results = list(pool.scan(unknown, tmp_path))
            assert {result.scan.status for result in results} == {"complete"}
            assert pool.is_running
            assert pool.start(len, "four").result() == 4


def test_nothing_to_do(tmp_path: Path) -> None:
    assert list(scan_layers([], tmp_path)) == []


def test_a_worker_is_light() -> None:
    code = "import sys, dockml_dagster.images.scanning.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"duckdb", "pandas", "dagster", "numpy", "requests", "isal", "xxhash"}


def test_ctrl_c_is_the_parent_s_alone(tmp_path: Path, importable: type) -> None:
    """A worker that got the terminal's signal too would print a traceback of its own."""
    (result,) = scan_layers([LayerTask("group", importable("group"))], tmp_path, workers=1)
    assert str(result.error) == "its own"


def test_a_worker_runs_nothing_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("inspect", "pickle", "tarfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code of the current folder')")
    monkeypatch.chdir(tmp_path)
    with ScanPool(workers=1) as pool:
        pool.reserve(1)
        assert pool._workers[0].call(os.getpid, (), 60.0) != os.getpid()
