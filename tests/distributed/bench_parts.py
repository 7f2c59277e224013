"""One worker against two on Dockerfiles that are read, labelled and linked in parts.

    python -m tests.distributed.bench_parts [--texts 2000]

Here: making the texts, running, telling. Nothing is asserted. Each worker is held to one core. Besides the seconds that the
parts took stands how the work was shared out: on machines of their own, two workers take as long as the busier of them.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from pathlib import Path

from tests.distributed.bench_workers import one_against_two, processor_seconds
from tests.distributed.conftest import Fleet
from tests.distributed.services import Services, family

_PACKAGES = ("numpy", "torch==2.4.1", "pandas", "scikit-learn==1.5", "flask", "tensorflow", "jupyter")
_LINES = (
    "RUN apt-get update && apt-get install -y --no-install-recommends git curl && rm -rf /var/lib/apt/lists/*",
    "WORKDIR /srv/app", "ENV PYTHONUNBUFFERED=1", "EXPOSE 8080", "COPY requirements.txt .", "COPY . .",
    "RUN pip install -r requirements.txt", "USER 1000", "RUN python setup.py develop && make -C native install",
    'CMD ["python", "-m", "serve"]', 'ENTRYPOINT ["jupyter", "lab", "--ip=0.0.0.0"]', "HEALTHCHECK CMD curl -f localhost",
)  # fmt: skip


def make_texts(folder: Path, count: int) -> Path:
    """Texts of about twenty instructions, no two alike, a project each; returns the data set's description."""
    chance = random.Random(1)
    for number in range(count):
        lines = [f"FROM python:3.{chance.randrange(8, 13)}-slim", f"LABEL number={number}"]
        for _ in range(chance.randrange(6, 30)):
            chosen = " ".join(chance.sample(_PACKAGES, 3))
            lines.append(
                chance.choice(_LINES) if chance.random() < 0.7 else f"RUN pip install --no-cache-dir {chosen}"
            )
        place = folder / f"{number % 100:02}" / f"p{number:06}"
        place.mkdir(parents=True)
        (place / "Dockerfile").write_text("\n".join(lines) + "\n")
    described = folder / "dataset.toml"
    described.write_text(f'name = "parts"\nplace = "{folder}"\nproject = "{{1}}/{{2}}"\n')
    return described


def run(services: Services, folder: Path, described: Path, workers: int) -> dict[str, float]:
    """Seconds of the parts with so many workers, and what each worker took of the processors meanwhile."""
    lake = f"parts{workers}"
    services.make_databases(lake)

    def environment_of(home: Path, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
            "DOCKML_HOME": str(home),
            "DOCKML_DATASETS": str(described),
            **more,
        }

    fleet = Fleet(services, lake, folder / lake, environment_of, None)
    fleet.folder.mkdir()
    try:
        for number in range(workers):
            fleet.start_worker(f"w{number}", "taskset", "--cpu-list", str(number % (os.cpu_count() or 1)))
        before = [processor_seconds(family(worker.pid)) for worker in fleet.workers.values()]
        start = time.monotonic()
        fleet.finish(fleet.study("dataset:parts"))
        found = {"study seconds": time.monotonic() - start}
        spent = [processor_seconds(family(worker.pid)) for worker in fleet.workers.values()]
        ((begun, ended, runs),) = fleet.ask(
            "SELECT min(start_time), max(end_time), count(*) FROM runs WHERE pipeline_name = 'compute_parts'",
            "_dagster",
        )
        found["seconds of the parts"] = float(str(ended)) - float(str(begun))
        found["parts"] = int(str(runs))
        shares = sorted(after - then for after, then in zip(spent, before, strict=True))
        found["processor, busier worker"] = shares[-1]
        found["processor, all workers"] = sum(shares)
        return found
    finally:
        fleet.close()


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--texts", type=int, default=2000)
    given = options.parse_args()
    print(f"{given.texts} texts")
    found = one_against_two(lambda folder: make_texts(folder, given.texts), run)
    ratio = found[1]["seconds of the parts"] / found[2]["seconds of the parts"]
    shared = found[1]["processor, all workers"] / found[2]["processor, busier worker"]
    print(f"two workers take the parts {ratio:.2f} times as fast as one; load {os.getloadavg()[0]:.1f}")
    print(f"one takes {shared:.2f} times the processor of the busier of two")


if __name__ == "__main__":
    main()
