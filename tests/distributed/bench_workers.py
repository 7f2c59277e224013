"""One worker against two on synthetic layers, and what PostgreSQL, the broker and the store take of the processors.

    python -m tests.distributed.bench_workers [--projects 40] [--layers 6] [--megabytes 8]

Here: making the layers, running, telling. Nothing is asserted. Each worker is held to one core, so that two on two
cores stand for two machines; what the services take of the same cores is said beside, because elsewhere they have their own.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.distributed.conftest import Fleet
from tests.distributed.services import Services, family, missing, start_all

MACHINES = 10
_AUTHOR = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
_TICKS = os.sysconf("SC_CLK_TCK")


def make_projects(folder: Path, projects: int, layers: int, megabytes: float) -> int:
    """Projects with an image in an OCI layout each, no two layers alike; returns the compressed bytes."""
    chance, total, rows = random.Random(1), 0, []
    for number in range(projects):
        place = folder / f"p{number:04}"
        blobs = place / "image" / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        (place / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")

        def keep(data: bytes, kind: str, blobs: Path = blobs) -> dict[str, object]:
            name = hashlib.sha256(data).hexdigest()
            (blobs / name).write_bytes(data)
            return {
                "mediaType": f"application/vnd.oci.image.{kind}",
                "digest": f"sha256:{name}",
                "size": len(data),
            }

        made, diff_ids = [], []
        for _ in range(layers):
            plain = _tar(chance, int(megabytes * 1e6))
            diff_ids.append(f"sha256:{hashlib.sha256(plain).hexdigest()}")
            made.append(keep(gzip.compress(plain, 1), "layer.v1.tar+gzip"))
        total += sum(int(str(layer["size"])) for layer in made)
        config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": keep(json.dumps(config).encode(), "config.v1+json"),
            "layers": made,
        }
        entry = keep(json.dumps(manifest).encode(), "manifest.v1+json")
        (place / "image" / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (place / "image" / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
        rows.append({"path": place.name, "images": [f"oci:{place.name}/image"]})
        # A folder of folders is one project unless they are repositories.
        for command in (["init"], ["add", "Dockerfile"], [*_AUTHOR, "commit", "--message", "one"]):
            subprocess.run(
                ["git", "-C", place, *command],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
    # JSON is YAML.
    (folder / "projects.yaml").write_text(json.dumps({"projects": rows}))
    return total


def _tar(chance: random.Random, size: int) -> bytes:
    """Files of about 20 kB, half of them text, as in a Python environment."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        while packed.tell() < size:
            length = chance.randint(1_000, 40_000)
            words = b"import numpy as np\nvalue = %d\n" % chance.randrange(10**9)
            data = (
                chance.randbytes(length)
                if chance.random() < 0.5
                else (words * (length // len(words) + 1))[:length]
            )
            entry = tarfile.TarInfo(f"opt/venv/{chance.randrange(10**12):x}.py")
            entry.size = length
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def processor_seconds(pids: list[int]) -> float:
    """What processes took of the processors so far, with their ended children."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / _TICKS


def run(services: Services, folder: Path, local: Path, workers: int) -> dict[str, float]:
    """Seconds of collection with so many workers, and what each part took of the processors meanwhile."""
    lake = f"bench{workers}"
    services.make_databases(lake)

    def environment_of(home: Path, **more: str) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "DOCKML_HOME": str(home), **more}

    fleet = Fleet(services, lake, folder / lake, environment_of, None)
    fleet.folder.mkdir()
    parts = {"PostgreSQL": services.postgres, "broker": services.broker, "store": services.store}
    try:
        for number in range(workers):
            core = str(number % (os.cpu_count() or 1))
            fleet.start_worker(f"w{number}", "taskset", "--cpu-list", core, DOCKML_LOCAL=str(local))
        before = {name: processor_seconds(part.processes) for name, part in parts.items()}
        before["workers"] = sum(processor_seconds(family(p.pid)) for p in fleet.workers.values())
        start = time.monotonic()
        fleet.finish(fleet.study("local", DOCKML_LOCAL=str(local)))
        found = {"study seconds": time.monotonic() - start}
        ((begun, ended),) = fleet.ask(
            "SELECT min(start_time), max(end_time) FROM runs WHERE pipeline_name = 'collect_projects'",
            "_dagster",
        )
        found["collection seconds"] = float(str(ended)) - float(str(begun))
        for name, part in parts.items():
            found[f"{name}, processor"] = processor_seconds(part.processes) - before[name]
        found["workers, processor"] = (
            sum(processor_seconds(family(p.pid)) for p in fleet.workers.values()) - before["workers"]
        )
        scans = [count for (count,) in fleet.ask("SELECT scans FROM dockml.layers")]
        found["layers"], found["scanned twice"] = len(scans), sum(int(str(count)) > 1 for count in scans)
        return found
    finally:
        fleet.close()


def one_against_two(
    make: Callable[[Path], Path], run: Callable[[Services, Path, Path, int], dict[str, float]]
) -> dict[int, dict[str, float]]:
    """What ``run`` finds with one worker and with two, printed side by side, on what ``make`` puts into a folder."""
    if absent := missing():
        raise SystemExit(f"not measured: {', '.join(absent)} are missing")
    folder = Path(tempfile.mkdtemp(prefix="dockml-bench-"))
    folder.chmod(0o755)
    try:
        made = folder / "made"
        made.mkdir()
        what = make(made)
        services = start_all(folder / "services")
        try:
            found = {workers: run(services, folder, what, workers) for workers in (1, 2)}
        finally:
            services.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{'':28}{'one worker':>12}{'two':>12}")
    for name in found[1]:
        print(f"{name:28}{found[1][name]:12.1f}{found[2][name]:12.1f}")
    return found


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--projects", type=int, default=40)
    options.add_argument("--layers", type=int, default=6)
    options.add_argument("--megabytes", type=float, default=8.0)
    given = options.parse_args()

    def make(local: Path) -> Path:
        size = make_projects(local, given.projects, given.layers, given.megabytes)
        print(
            f"{given.projects} projects, {given.projects * given.layers} layers, {size / 1e6:.0f} MB compressed"
        )
        return local

    found = one_against_two(make, run)
    ratio = found[1]["collection seconds"] / found[2]["collection seconds"]
    shared = sum(found[2][f"{name}, processor"] for name in ("PostgreSQL", "broker", "store"))
    work = found[2]["workers, processor"]
    print(
        f"two workers collect {ratio:.2f} times as fast as one; load of the machine {os.getloadavg()[0]:.1f}"
    )
    # Services do not grow with the number of workers but with the layers: they bound the fleet where one core is full.
    print(
        f"services take {shared / work:.1%} of what workers take, so one core of them serves {work / shared:.0f} cores of "
        f"workers; {MACHINES} machines of two cores would need {MACHINES * 2 * shared / work:.1f} cores of services"
    )


if __name__ == "__main__":
    main()
