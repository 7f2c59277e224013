"""What Dagster's and our own bookkeeping cost at 400 to 40,000 projects, and how long all SQL models take.

    python tests/bench/bench_scale.py [--projects 400 4000 10000] [--batches 4]

A home is filled with all projects but the last ``batches`` × 100; these go through Dagster, as any project does, and after
each batch an empty asset over the same partitions goes through it, in the same process. The first batch of either warms up,
of the others the median counts. (Every project through Dagster would take an hour at 40,000, and tell the same: each batch
meets a home that is full already.) Then the readings, the SQL models, publishing, and a run that finds nothing due. Seconds
are of processor time, so that a busy machine tells the same. Sizes are of the files. One process a number of projects, so
that its memory is its own. How far it is goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
CHUNK = 500
STAGES = 3
OURS = ("corpus", "warehouse")


def main() -> None:
    """Measure each number of projects in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--projects", type=int, nargs="+", default=[400, 4000, 10000])
    options.add_argument("--batches", type=int, default=4)
    options.add_argument("--home", type=Path, help="keep the home here (one number of projects)")
    options.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        measure(given.one, given.batches, given.home)
        return
    for projects in given.projects:
        with tempfile.TemporaryDirectory() as folder:
            home = given.home or Path(folder) / "home"
            more = ["--one", str(projects), "--batches", str(given.batches), "--home", str(home)]
            environment = {**os.environ, "DOCKML_HOME": str(home), "PYTHONPATH": str(ROOT)}
            environment.pop("DAGSTER_HOME", None)
            subprocess.run([sys.executable, __file__, *more], check=True, env=environment)


@contextmanager
def timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    """Add the time of the body to ``seconds[what]``."""
    began = time.process_time()
    try:
        yield
    finally:
        seconds[what] += time.process_time() - began
        if what not in OURS:
            print(f"    {what} {seconds[what]:.1f} s", file=sys.stderr, flush=True)


def measure(projects: int, batches: int, home: Path) -> None:
    """Fill, run, print."""
    import dagster as dg

    from dockml_dagster.commands.study.runner import Runner
    from dockml_dagster.corpora.base import STAGES as STAGE_NAMES
    from dockml_dagster.defs import resources
    from dockml_dagster.defs.assets import collection
    from dockml_dagster.instance.home import prepare
    from dockml_dagster.settings import Settings
    from dockml_dagster.warehouse.connection import Warehouse
    from tests.synthetic import Synthetic

    settings = Settings.from_environment()
    corpus = Synthetic(projects)
    resources.open_corpus = lambda name, settings: corpus  # type: ignore[assignment]
    seconds: dict[str, float] = defaultdict(float)
    prepare(settings)
    runner = Runner(settings)
    with timed(seconds, "list"):
        runner.list_projects("sample")
    fresh = corpus.keys[-batches * 100 :]
    with timed(seconds, "fill"):
        fill(Warehouse(settings.warehouse), corpus, corpus.keys[: -batches * 100], STAGE_NAMES)
    ours: dict[str, float] = defaultdict(float)
    instrument(collection, ours)
    batch_seconds: dict[str, list[float]] = {"collect": [], "empty": []}
    run_empty = empty_job(dg, runner.instance)
    for start in range(0, len(fresh), 100):
        batch, before = fresh[start : start + 100], sum(ours.values())
        began = time.process_time()
        runner.collect(batch)
        batch_seconds["collect"].append(time.process_time() - began - (sum(ours.values()) - before))
        began = time.process_time()
        run_empty(batch)
        batch_seconds["empty"].append(time.process_time() - began)
    spent, told = sum(ours.values()), text(ours)
    runner.close()
    models = findings(settings, seconds)
    with timed(seconds, "nothing due"):
        nothing_due(settings, corpus)
    bookkeeping, floor = (median(batch_seconds[what][1:]) / STAGES * 10 for what in ("collect", "empty"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = {
        name: sum(path.stat().st_size for path in (home / name).rglob("*") if path.is_file())
        for name in ("warehouse", "published", "dagster")
    }
    per_project = spent / len(fresh) * 1000
    each = {name: sizes[name] // projects for name in ("warehouse", "published")}
    events = sizes["dagster"] >> 20
    for line in (
        f"{projects} projects; seconds of processor time",
        f"  bookkeeping, asset and partition  {bookkeeping:.1f} ms; empty asset {floor:.1f} ms; "
        f"ratio {bookkeeping / floor:.2f}",
        f"  reading and writing a project     {per_project:.1f} ms, synthetic source ({told})",
        f"  listing                           {seconds['list']:.1f} s",
        f"  readings, labels, publishing      {text({k: seconds[k] for k in ('readings', 'labels', 'publish')})}",
        f"  all SQL models                    {sum(models.values()):.1f} s (slowest: {text(models, 6)}); "
        f"tests {seconds['tests']:.1f} s",
        f"  a run with nothing due            {seconds['nothing due']:.1f} s",
        f"  peak memory                       {peak:.0f} MB",
        f"  bytes a project                   {text(each)}; Dagster {events} MB for {len(fresh)} projects' events",
    ):
        print(line, flush=True)


def findings(settings: Any, seconds: dict[str, float]) -> dict[str, float]:
    """What ``make_findings`` does but the tests between groups, step by step and without Dagster; seconds a model."""
    from dockml_dagster.defs.assets.machine_labels import label_projects
    from dockml_dagster.defs.assets.readings import read_texts
    from dockml_dagster.defs.resources import WarehouseResource
    from dockml_dagster.warehouse import build
    from dockml_dagster.warehouse.due.storages import storage_of
    from dockml_dagster.warehouse.due.work import record_build, record_figures, seen
    from dockml_dagster.warehouse.models import load
    from dockml_dagster.warehouse.published.swap import publish
    from dockml_dagster.warehouse.versions import build_version

    resource_ = WarehouseResource()
    with timed(seconds, "readings"):
        read_texts(resource_)
    with timed(seconds, "labels"):
        label_projects(resource_)
    project = load()
    models: dict[str, float] = {}
    with resource_.get_connection() as connection:
        build.load_seeds(connection, project)
        began = time.process_time()
        for built in build.run(connection, project.models):
            models[built.model.name] = time.process_time() - began
            began = time.process_time()
        with timed(seconds, "tests"):
            for model in project.models:
                list(build.test(connection, model))
            for singular in project.checks:
                build.check(connection, singular)
        record_figures(connection)
        record_build(connection, build_version(settings), seen(connection), storage=storage_of(settings))
    with timed(seconds, "publish"):
        publish(resource_.warehouse, settings.published)
    return models


def text(found: dict[str, float], most: int = 9) -> str:
    """The largest entries in one line."""
    largest = sorted(found.items(), key=lambda item: -item[1])[:most]
    return ", ".join(f"{name} {value:.1f}" for name, value in largest)


def fill(warehouse: Any, corpus: Any, keys: list[str], stages: tuple[str, ...]) -> None:
    """Put projects into the warehouse as if they had been collected and Dagster told."""
    from dockml_dagster.defs.assets.collection import _write
    from dockml_dagster.settings import Settings
    from dockml_dagster.warehouse.due import query as due
    from dockml_dagster.warehouse.due.storages import storage_of

    storage = storage_of(Settings.from_environment())
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        with warehouse.write() as connection:
            for stage in stages:
                hashes = due.input_hashes(connection, stage, chunk)
                collected = {key: corpus.collect(stage, key) for key in chunk}
                _write(
                    connection, corpus, stage, collected, hashes=hashes, observed_at=due.moment(connection)
                )
            pairs = [(key, stage) for key in chunk for stage in stages]
            due.record_reported(connection, corpus.name, pairs, storage=storage)


def instrument(collection: Any, spent: dict[str, float]) -> None:
    """Count the time that is not Dagster's: the corpus, and everything while the warehouse is open.

    Closing a file that a batch kept open is part of it: DuckDB then copies its log into the file, which takes the longer the
    fuller the last row groups of its tables are, and so neither grows nor falls with the number of projects.
    """
    from dockml_dagster.warehouse import connection
    from dockml_dagster.warehouse.connection import Warehouse

    own_one, own_write, own_close = collection.collect_one, Warehouse.write, connection._Kept.close

    def one(*arguments: Any) -> Any:
        with timed(spent, "corpus"):
            return own_one(*arguments)

    @contextmanager
    def write(self: Any, **more: Any) -> Iterator[Any]:
        with timed(spent, "warehouse"), own_write(self, **more) as found:
            yield found

    def close(self: Any) -> None:
        with timed(spent, "warehouse"):
            own_close(self)

    collection.collect_one = one
    connection._Kept.close = close  # type: ignore[method-assign]
    Warehouse.write = write  # type: ignore[method-assign]


def empty_job(dg: Any, instance: Any) -> Callable[[list[str]], None]:
    """What runs as many assets that do nothing on the same instance and partitions."""
    from dockml_dagster.defs.partitions import projects_partitions

    names = ["empty_one", "empty_two", "empty_three"]

    @dg.multi_asset(
        specs=[dg.AssetSpec(name, partitions_def=projects_partitions) for name in names],
        backfill_policy=dg.BackfillPolicy.multi_run(100),
    )
    def nothing() -> Iterator[Any]:
        for name in names:
            yield dg.MaterializeResult(asset_key=name)

    job = dg.Definitions(
        assets=[nothing], jobs=[dg.define_asset_job("empty", names)], executor=dg.in_process_executor
    ).resolve_job_def("empty")
    quiet: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

    def run(keys: list[str]) -> None:
        tags = {
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[-1],
        }
        assert job.execute_in_process(instance=instance, tags=tags, run_config=quiet).success

    return run


def nothing_due(settings: Any, corpus: Any) -> None:
    """What ``dockml study`` does where all is done."""
    from dockml_dagster.commands.study import bring_up_to_date as study

    study.open_corpus = lambda name, settings: corpus  # type: ignore[attr-defined]
    silent: Callable[..., None] = lambda *_: None  # noqa: E731
    said, _ = study.bring_up_to_date(settings, "sample", listener=silent)
    assert "nothing is due" in said, said


if __name__ == "__main__":
    main()
