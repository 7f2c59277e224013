"""The Dockerfiles and projects that ``test_everything_said.py`` reads, and the seeds.

Here: those of the case tables and of the sample, and scripts put together from parts. Not here: what is done with them.
"""

import json
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import Fact, ProjectMetadata

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SAMPLES = ROOT / "dockml_dagster" / "corpora" / "sample" / "projects"
Said = Iterator[tuple[str, Any]]
"""The name of each case, and all its results."""
SEEDS = {path.stem: path.read_text("utf-8") for path in (ROOT / "dbt_like_sql" / "seeds").glob("*.csv")}


def _table(name: str) -> Any:
    return json.loads((HERE / "dockerfile" / "cases" / name).read_text("utf-8"))


def read_cases(name: str) -> Any:
    return tomllib.loads((HERE / name).read_text("utf-8"))


def texts() -> Iterator[tuple[str, bytes]]:
    """Every Dockerfile of the case tables and of the sample, and a Dockerfile for each command and image of them."""
    for path in sorted((HERE / "dockerfile" / "cases" / "reading").glob("*/*")):
        if path.suffix != ".json":
            yield f"reading/{path.parent.name}/{path.name}", path.read_bytes()
    for name in ("practices", "checks"):
        for at, case in enumerate(_table(f"{name}.json")):
            yield f"{name}/{at}", case["dockerfile"].encode()
    for name in ("packages", "run_tasks", "shell"):
        for at, case in enumerate(_table(f"{name}.json")):
            yield f"{name}/{at}", f"FROM a:1\nRUN {case.get('command') or case.get('run')}\n".encode()
    for at, case in enumerate(_table("base_images.json")):
        yield f"base_images/{at}", f"FROM {case['image']}\n".encode()
    for at, case in enumerate(read_cases("advice/dockerfile_cases.toml")["case"]):
        yield f"advice/{at}", case["text"].encode()
    for at, case in enumerate(read_cases("advice/fix_cases.toml")["case"]):
        yield f"fixes/{at}", case["before"].encode()
    for path in sorted(SAMPLES.rglob("*")):
        if "dockerfile" in path.name.lower() and path.suffix != ".pyc" and path.is_file():
            yield f"sample/{path.relative_to(SAMPLES).as_posix()}", path.read_bytes()
    yield from drawn_texts()


PARTS = {
    "command": (
        "curl -fsSL https://a.example/i.sh", "wget -qO- http://a.example/x", "sh", "bash -s -- -y", "python3 -",
        "$RUNNER build", "pip install --no-cache-dir a==1 b", "apt-get update", "apt-get install -y git",
        "cd /srv", "rm -rf /var/lib/apt/lists/*", "set -eux", "A=1", "npm ci",
        "B=$(date) C=2 make", "tar -xzf -", "echo 'a b' \"$A\"",
        "useradd app", "chmod 777 /srv", "git clone https://a.example/r.git", "conda clean -afy", ": ", "[ -f a ]",
    ),
    "wrapper": ("sudo", "sudo -u app", "env K=v", "xargs -n1", "timeout 9", "exec", "nice -n 5", "time", "eval", "!"),
    "redirection": ("> a", ">> a 2>&1", "2> b", "< c", "<<< d", "&> e", "> >(tee f)", "3>&1"),
    "operator": (" | ", " |& ", " && ", " || ", " ; ", "\n", " & "),
    "construct": (
        "if {}; then {}; fi", "for x in a b; do {}; done", "while {}; do {}; break; done", "( {} )", "{{ {}; }}",
        "case $A in a) {} ;; *) {} ;; esac", "f() {{ {}; }}", "echo $({})", "bash -c '{}'", "echo `{}`", "\"$({})\" x",
    ),
}  # fmt: skip


def drawn_texts() -> Iterator[tuple[str, bytes]]:
    """Scripts put together from parts, as here-documents of RUN."""
    draw_of = random.Random(20261130)

    def piece(depth: int) -> str:
        if depth and draw_of.random() < 0.4:
            made = draw_of.choice(PARTS["construct"])
            inside = [script(depth - 1).replace("'", "") for _ in range(made.count("{}"))]
            made = made.format(*inside)
        else:
            made = draw_of.choice(PARTS["command"])
            made = f"{draw_of.choice(PARTS['wrapper'])} {made}" if draw_of.random() < 0.3 else made
        return f"{made} {draw_of.choice(PARTS['redirection'])}" if draw_of.random() < 0.25 else made

    def script(depth: int) -> str:
        made = piece(depth)
        while draw_of.random() < 0.5:
            made += draw_of.choice(PARTS["operator"]) + piece(depth)
        return made

    for at in range(150):
        scripts = "".join(f"RUN <<EOF\n{script(2)}\nEOF\n" for _ in range(3))
        fed = f"RUN <<EOF\nsh <<-A\n\t{script(1)}\n\tmake b\nA\npython3 <<< 'print()'\nEOF\n"
        yield f"drawn/{at}", f"FROM a:1\n{scripts}{fed}".encode()


def projects() -> Iterator[tuple[str, dict[str, str]]]:
    """Files of projects: the sample's and those of the case tables."""
    for folder in sorted(path for path in SAMPLES.iterdir() if path.is_dir()):
        files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".pyc"
        }
        yield (
            f"sample/{folder.name}",
            {name: path.read_bytes().decode("utf-8", "replace") for name, path in files.items()},
        )
    for table in ("image_links/cases.toml", "labels/purpose/cases.toml"):
        for case in read_cases(table)["case"]:
            yield case["name"], {path: text.removeprefix("\n") for path, text in case["files"].items()}


def facts_of(name: str, files: dict[str, str]) -> tuple[Fact, ...]:
    """The facts of a project of which no more is known than its files."""
    dockerfiles = {
        path: read_dockerfile(text.encode()) for path, text in files.items() if "dockerfile" in path.lower()
    }
    sizes = {path: len(text) for path, text in files.items()}
    return facts_of_project(ProjectMetadata(f"owner/{name}"), dockerfiles, texts=files, sizes=sizes)
