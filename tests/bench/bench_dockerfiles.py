"""Reading every Dockerfile of the study's package completely, beside other readers of the same bytes, in one run.

Here: ratios for people; nothing is asserted. Run by ``make bench``; needs DOCKML_EASE2022.
"""

import contextlib
import gc
import time
from collections.abc import Callable, Sequence

import dockerfile

from dockml_dagster.clients.hadolint import find, lint
from dockml_dagster.commands.read_dockerfile.read import reading_rules
from dockml_dagster.corpora.ease2022.corpus import DOCKERFILES
from dockml_dagster.corpora.ease2022.package import open_package
from dockml_dagster.settings import Settings
from dockml_dagster.study.dockerfile.as_published.reading import read_as_published
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.shell.scripts import read_runs

BASE_RULES, _ = reading_rules()


def read_completely(data: bytes) -> None:
    """Instructions, stages, variables, every command, every practice."""
    reading = read_dockerfile(data)
    judge_practices(reading, read_runs(reading), base_rules=BASE_RULES)


def read_by_buildkit(data: bytes) -> None:
    """The instructions alone, by BuildKit's Go parser."""
    with contextlib.suppress(dockerfile.GoParseError):
        dockerfile.parse_string(data.decode("utf-8", "replace"))


def seconds(read: Callable[[bytes], object], files: Sequence[bytes]) -> float:
    """Wall time for all files, one after the other."""
    start = time.perf_counter()
    for data in files:
        read(data)
    return time.perf_counter() - start


def main() -> None:
    """Print a line a reader."""
    location = Settings.from_environment().ease2022
    if location is None:
        print("reading Dockerfiles: skipped, DOCKML_EASE2022 names no package")
        return
    package = open_package(location)
    paths = [
        path
        for path in package.below(DOCKERFILES)
        if "/latest/" in path and "dockerfile" in path.rsplit("/", 1)[-1].lower()
    ]
    files = [package.read(path) or b"" for path in paths]
    gc.set_threshold(100_000)  # as the command does
    ours = seconds(read_completely, files)
    print(f"reading {len(files)} Dockerfiles, one core")
    print(f"  dockml, completely          {ours:6.2f} s  1.00 ×  (target: under 5 s)")
    for name, read in (
        ("dockerfile-parse", read_as_published),
        ("dockerfile (BuildKit's Go)", read_by_buildkit),
    ):
        theirs = seconds(read, files)
        print(f"  {name:<27} {theirs:6.2f} s  {theirs / ours:.2f} ×")
    program = find()
    if program is None:
        print("  hadolint                    not installed (extra `lint`)")
        return
    start = time.perf_counter()
    remarks = sum(
        len(found)
        for _, found in lint(program, {str(number): data for number, data in enumerate(files)}, processes=1)
    )
    theirs = time.perf_counter() - start
    print(f"  hadolint, {remarks} remarks     {theirs:6.2f} s  {theirs / ours:.2f} ×")


if __name__ == "__main__":
    main()
