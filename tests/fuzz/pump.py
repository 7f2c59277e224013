"""``make fuzz-readers``: every reader of strangers' texts, fed with tokens that repeat, until the minutes are over.

Here: what is fed, and the two questions: does it end in an error that is no reader's own, and does eight times the text take
much more than eight times as long. Not here: figures for a test; the machine's noise is in them. A quadratic pattern or a
parser's recovery from errors shows as a factor near 64.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from dockml_dagster.study.advice.project import file_facts
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.image.config import parse_config
from dockml_dagster.study.image.manifest import parse_manifest
from dockml_dagster.study.image.reference import ImageReference
from dockml_dagster.study.image_links import find_links
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import ProjectMetadata

FOUND = Path(__file__).with_name("found.txt")
"""Tokens of past finds, one a line as Python writes them; they are tried first."""
SMALL, TIMES = 4_000, 8
MOST_SECONDS, MOST_FACTOR = 2.0, 32.0

_TOKENS = [
    *" \t\n\\`'\"#,;:/.-_=+*?!@$&|<>()[]{}%^~a0A",
    "\n  - ", "a: b\n", "a: &a ", "*a ", "<<: *a\n", "[[", '{"a":', "a.", "[a]\n",
    "$a", "${a:-", "${{ a }}", "$(a)", "a=$a\n", "for a in ", "if ", "case a in ", "<<A\n", "> b ", "| sh ", "&& a ", "\\\n",
    "docker push $a\n", "docker run ", "tags=[", "image: ", "FROM a\n", "FROM a AS b\n", "RUN a\n", "ENV a=$a\n",
    "COPY --from=a b c\n",
    "ONBUILD ", "RUN <<A\n", "--mount=", "pip install ", "bash -c '", "<!--", "](", "```\n", "\r", "\x00", "é", "\u202e",
]  # fmt: skip


def _links(path: str) -> Callable[[str], object]:
    return lambda text: find_links("own/project", {path: text})


def _facts(path: str) -> Callable[[str], object]:
    return lambda text: facts_of_project(
        ProjectMetadata("own/project", None, (), None), {}, texts={path: text}
    )


def _steps(text: str) -> object:
    return read_steps(read_dockerfile(text.encode("utf-8", "surrogatepass")))


READERS: dict[str, Callable[[str], object]] = {
    **{f"links of {path}": _links(path) for path in (
        ".github/workflows/a.yml", ".travis.yml", "compose.yml", "docker-bake.hcl", "skaffold.yaml", "README.md", "build.sh",
        "Makefile",
    )},
    **{f"facts of {path}": _facts(path) for path in (
        "README.md", "compose.yml", "pyproject.toml", "package.json", "environment.yml",
    )},
    "advice on compose.yml": lambda text: file_facts("compose.yml", text),
    "Dockerfile": _steps,
    "RUN": lambda text: _steps(f"FROM a\nRUN {text}"),
    "here-document": lambda text: _steps(f"FROM a\nRUN <<EOF\n{text}\nEOF\n"),
    "ENV": lambda text: _steps(f"FROM a\nENV A={text}"),
    "manifest": lambda text: parse_manifest(text.encode("utf-8", "replace")),
    "config": lambda text: parse_config(text.encode("utf-8", "replace")),
    "reference": ImageReference.parse,
}  # fmt: skip


def _seconds(reader: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    with suppress(ValueError):  # every reader's own error is one
        reader(text)
    return time.process_time() - started


def _texts(chance: random.Random) -> Iterator[tuple[str, str]]:
    """What comes before, and what repeats: past finds, each token, then some together."""
    known = FOUND.read_text(encoding="utf-8").splitlines() if FOUND.exists() else []
    yield from (("", eval(line, {"__builtins__": {}})) for line in known if line)
    yield from (("", token) for token in _TOKENS)
    while True:
        some = chance.choices(_TOKENS, k=chance.randint(1, 4))
        yield "".join(some[:-1]), "".join(chance.choices(some, k=chance.randint(1, 3)))


def main(minutes: float) -> int:
    """Try until the time is over; the number of finds."""
    ends = time.monotonic() + 60 * minutes
    finds = tried = 0
    texts = _texts(random.Random(int(time.time())))
    for before, token in texts:
        for name, reader in READERS.items():
            if time.monotonic() > ends:
                print(f"{tried} texts, {finds} finds")
                return finds
            tried += 1
            try:
                small = _seconds(reader, before + token * (SMALL // len(token)))
                large = _seconds(reader, before + token * (TIMES * SMALL // len(token)))
            except Exception as error:
                finds += 1
                print(f"{name}: {before!r} + {token!r} * n: {type(error).__name__}: {error}")
                continue
            if large > MOST_SECONDS or (large > 0.2 and large > MOST_FACTOR * small):
                finds += 1
                print(
                    f"{name}: {before!r} + {token!r} * n: {small:.3f} s, {large:.3f} s for {TIMES} times as much"
                )
    return finds


if __name__ == "__main__":
    sys.exit(1 if main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0) else 0)
