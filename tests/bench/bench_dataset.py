"""A data set of many Dockerfiles through ``dockml study`` and ``dockml report``, from nothing and again.

    python tests/bench/bench_dataset.py [--texts 2000 10000] [--one-core] [--folder FOLDER]

Texts are made by a seed: bases, packages, versions and habits drawn apart, so that hardly two are the same. Memory is that
of a machine of 2 GB: DuckDB's share is set to what it takes there, and the most that all processes held together is counted
(proportional set size, twice a second). Limits: 99,789 texts from nothing in 15 minutes with 2 GB, again in 10 s, on two
cores; two cores at least 1.7 times one (``--one-core`` measures the smallest number of texts on one as well). Seconds for a
million are those of the last two sizes' slope.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMITS = {"seconds": 900, "again": 10, "megabytes": 2048, "texts": 99_789, "million": 7200, "cores": 1.7}
RUN = (
    "import sys; from dockml_dagster.warehouse import opening; opening._memory_limit = lambda: 0.8; "
    "from dockml_dagster.cli import main; sys.exit(main())"
)
"""``dockml`` with DuckDB's memory of a machine of 2 GB."""

BASES = (
    "ubuntu:{20|22|24}.04", "debian:{11|12}-slim", "python:3.{8|9|10|11|12}", "python:3.{9|10|11}-slim", "node:{16|18|20}",
    "node:{18|20}-alpine", "alpine:3.{14|16|18|19}", "golang:1.{19|20|21}", "nvidia/cuda:{11|12}.{0|1|2}.0-base-ubuntu22.04",
    "openjdk:{11|17}", "php:{7|8}.{1|2}-fpm", "ruby:{2|3}.{1|2}", "nginx", "nginx:latest",
    "tensorflow/tensorflow:2.{9|11|13}.0", "pytorch/pytorch:{1|2}.{0|1}.0-cuda11.7-cudnn8-runtime", "postgres:{13|14}",
    "centos:7", "rust:1.{65|70|75}", "scratch",
)  # fmt: skip
SYSTEM = "git curl wget build-essential ca-certificates libpq-dev ffmpeg libsm6 vim unzip cmake sudo tini jq".split()
PYTHON = (
    "numpy pandas scikit-learn torch flask fastapi gunicorn requests scipy matplotlib jupyter tqdm".split()
)


def main() -> None:
    """Measure each number of texts."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--texts", type=int, nargs="+", default=[2_000, 10_000])
    options.add_argument("--one-core", action="store_true")
    options.add_argument("--folder", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if given.one_core:
            one = study(folder, given.texts[0], "one core", cores={min(os.sched_getaffinity(0))})
        seconds = []
        for texts in given.texts:
            seconds.append(study(folder, texts, "all cores"))
        if given.one_core:
            print(f"all cores / one core: {one / seconds[0]:.2f} times (limit {LIMITS['cores']})")
        if len(seconds) > 1:
            slope = (seconds[-1] - seconds[-2]) / (given.texts[-1] - given.texts[-2])
            for texts, limit in ((LIMITS["texts"], LIMITS["seconds"]), (1_000_000, LIMITS["million"])):
                expected = seconds[-1] + slope * (texts - given.texts[-1])
                print(f"{texts:,} texts by the slope: {expected:,.0f} s (limit {limit:,})")


def study(folder: Path, texts: int, how: str, cores: set[int] | None = None) -> float:
    """Study and report of so many texts from nothing, and again; seconds from nothing."""
    source, home = folder / f"texts-{texts}", folder / f"home-{texts}-{how.replace(' ', '-')}"
    if not (source / "dataset.toml").is_file():
        write_texts(source, texts)
    corpus = ["--corpus", "dataset:synthetic"]
    first = run(["study", *corpus, "--path", str(source), "--quiet"], home, cores)
    report = run(["report", *corpus, "--output", str(folder / "report.html")], home, cores)
    again = run(["study", *corpus, "--quiet"], home, cores)
    print(
        f"{texts:,} texts, {how}: study {first}; report {report}; again {again} (limit {LIMITS['again']} s)"
    )
    return first.seconds + report.seconds


@dataclass(frozen=True)
class Measured:
    """What a command took: seconds, seconds of the processor, and the most memory of its processes in MB."""

    seconds: float
    processor: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.processor:.1f} s of the processor, {self.megabytes:.0f} MB"


def run(arguments: list[str], home: Path, cores: set[int] | None) -> Measured:
    """Run a command of dockml."""
    environment = {**os.environ, "DOCKML_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("DAGSTER_HOME", None)
    began, before = time.monotonic(), os.times()
    process = subprocess.Popen(
        [sys.executable, "-c", _on(cores) + RUN, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    most = [0]
    watch = threading.Thread(target=_watch, args=(process, most))
    watch.start()
    status = process.wait()
    watch.join()
    after = os.times()
    if status:
        sys.exit(f"bench_dataset: dockml {' '.join(arguments)} ended with {status}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(time.monotonic() - began, processor, most[0] / 1024)


def _on(cores: set[int] | None) -> str:
    return "" if cores is None else f"import os; os.sched_setaffinity(0, {cores}); "


def _watch(process: subprocess.Popen[bytes], most: list[int]) -> None:
    while process.poll() is None:
        most[0] = max(most[0], sum(_kilobytes(one) for one in _with_children(process.pid)))
        time.sleep(0.5)


def _with_children(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            threads = list(Path(f"/proc/{one}/task").iterdir())
            found += [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        except OSError:  # it ended meanwhile
            continue
    return found


def _kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def write_texts(folder: Path, texts: int) -> None:
    """So many Dockerfiles, each of a project, and their ``dataset.toml``."""
    draw = random.Random(texts)
    for number in range(texts):
        place = folder / f"owner{number % 997}" / f"project{number}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "Dockerfile").write_text(dockerfile(draw, number), encoding="utf-8")
    description = 'name = "synthetic"\nplace = "."\nproject = "{1}/{2}"\n'
    (folder / "dataset.toml").write_text(description, encoding="utf-8")


def dockerfile(draw: random.Random, number: int) -> str:
    """One text: one stage or two, eight to twenty-five instructions."""
    lines = [f"# image {number}"] if draw.random() < 0.4 else []
    staged = draw.random() < 0.2
    lines += [f"FROM {_base(draw)}{' AS build' if staged else ''}", *_instructions(draw, number)]
    if staged:
        lines += [f"FROM {_base(draw)}", "COPY --from=build /app /app", *_instructions(draw, number)[:4]]
    start = ["python", f"app{number}.py"] if draw.random() < 0.7 else ["./run.sh"]
    lines.append(f"CMD {' '.join(start)}" if draw.random() < 0.4 else f'CMD ["{start[0]}", "{start[-1]}"]')
    return "\n".join(lines) + "\n"


def _base(draw: random.Random) -> str:
    text = draw.choice(BASES)
    while "{" in text:
        before, _, rest = text.partition("{")
        choices, _, after = rest.partition("}")
        text = f"{before}{draw.choice(choices.split('|'))}{after}"
    return text


def _instructions(draw: random.Random, number: int) -> list[str]:
    packages = " \\\n    ".join(draw.sample(SYSTEM, draw.randint(1, 7)))
    flags, cleaned = draw.choice(["-y", "-y --no-install-recommends"]), " && rm -rf /var/lib/apt/lists/*"
    wheels = " ".join(
        name + draw.choice(["", f"=={draw.randint(0, 3)}.{draw.randint(0, 30)}"])
        for name in draw.sample(PYTHON, 4)
    )
    habits = [
        f"RUN apt-get update && apt-get install {flags} {packages}{draw.choice(['', cleaned])}",
        f"RUN pip install {draw.choice(['', '--no-cache-dir '])}{wheels}",
        f"ENV APP_{number % 313}={draw.randint(1, 9999)} PYTHONUNBUFFERED=1",
        f"RUN curl -sSL https://example.org/v{draw.randint(1, 9)}/tool-{number}.tar.gz | tar xz -C /opt",
        f"COPY requirements{draw.randint(0, 9)}.txt /app/",
        "RUN pip install -r /app/requirements.txt",
        f"LABEL maintainer=team{draw.randint(0, 400)} version={draw.randint(1, 40)}",
        f"ARG REVISION={draw.randint(0, 10**6)}",
        f"EXPOSE {draw.choice([80, 443, 5000, 8000, 8080, 8888])}",
        f"RUN mkdir -p /data/{number} && chown -R {draw.randint(1000, 1100)} /data/{number}",
        f"RUN git clone https://example.org/group{number % 911}/code{number}.git /src && cd /src && make -j4 install",
        "WORKDIR /app",
        "COPY . .",
        "USER app",
        f"HEALTHCHECK --interval={draw.randint(5, 60)}s CMD curl -f http://localhost/ || exit 1",
        f"VOLUME /var/lib/data{number % 50}",
        f"RUN npm install{draw.choice(['', ' --production', ' -g yarn'])} && npm run build",
    ]
    return draw.sample(habits, draw.randint(4, 13))


if __name__ == "__main__":
    main()
