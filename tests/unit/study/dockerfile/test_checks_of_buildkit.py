"""BuildKit's own cases for its checks, read from the checkout that DOCKML_BUILDKIT names. None of them is copied here.

The test compares names of checks and lines. It leaves out the one case that builds its own base image.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from dockml_dagster.study.dockerfile.checks import CheckOptions, run_checks
from dockml_dagster.study.dockerfile.checks.checking import BuildContext
from dockml_dagster.study.dockerfile.checks.ignored_paths import IgnoredPaths
from dockml_dagster.study.dockerfile.model import BaseReference
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile

CASES = "frontend/dockerfile/dockerfile_check_test.go"


class Case(NamedTuple):
    name: str
    dockerfile: str
    ignored: str | None
    expected: list[tuple[str, int]]
    has_lines: bool
    options: CheckOptions | None


_TOKEN = re.compile(
    r"(?P<function>^func (?P<name>test\w+)\()"
    r"|(?P<alias>(?P<variable>\w+) :?= integration\.UnixOrWindows\(\s*\"(?P<unix>[^\"]*)\")"
    r"|dockerfile :?= \[\]byte\(\s*`(?P<plain>[^`]*)`"
    r"|dockerfile :?= \[\]byte\(integration\.UnixOrWindows\(\s*`(?P<chosen>[^`]*)`"
    r"|dockerfile :?= fmt\.Appendf\(nil,\s*`(?P<format>[^`]*)`,(?P<values>[^)]*)\)"
    r"|(?:dockerignore :?= |DockerIgnore: )\[\]byte\(`(?P<ignored>[^`]*)`"
    r"|(?P<call>checkLinterWarnings\(t, sb, &lintTestParams\{)",
    re.M,
)
_WARNING = re.compile(r"RuleName:\s+\"(\w+)\".*?Line:\s+(\d+)", re.S)
_SHORT = re.compile(r"makeLintWarning\(\"(\w+)\", (\d+)\)")


def _block(text: str, at: int) -> str:
    depth = 1
    for place in range(at, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[at:place]
    return text[at:]


def cases(text: str) -> list[Case]:
    found: list[Case] = []
    names: dict[str, str] = {}
    function, dockerfile, ignored = "", "", None
    for match in _TOKEN.finditer(text):
        if match["function"]:
            function, ignored = match["name"], None
        elif match["alias"]:
            names[match["variable"]] = match["unix"]
        elif match["call"]:
            block = _block(text, match.end())
            if function == "testBaseImagePlatformMismatch":
                continue  # needs an image that the case itself makes
            given = re.search(r"BUILDKIT_DOCKERFILE_CHECK\": \"([^\"]*)\"", block)
            options = CheckOptions.parse(given[1]) if given else None
            own = re.search(r"DockerIgnore:\s+\[\]byte\(`([^`]*)`", block)
            uses = own[1] if own else ignored if "DockerIgnore" in block else None
            listed = block.partition("UnmarshalWarnings:")[2] or block
            expected = [(rule, int(line)) for rule, line in _WARNING.findall(listed)]
            expected += [("MultipleInstructionsDisallowed", int(line)) for _, line in _SHORT.findall(listed)]
            # The second listing of a case has lines too, but BuildKit's own test does not look at them.
            has_lines = "UnmarshalWarnings:" not in block
            found.append(
                Case(f"{function}-{len(found)}", dockerfile, uses, sorted(expected), has_lines, options)
            )
        elif match["ignored"] is not None:
            ignored = match["ignored"]
        elif match["format"] is not None:
            dockerfile = match["format"]
            for value in match["values"].split(","):
                if value.strip():
                    dockerfile = dockerfile.replace("%s", names.get(value.strip(), "busybox"), 1)
        else:
            dockerfile = match["plain"] if match["plain"] is not None else match["chosen"]
    return found


def _all() -> list[Case]:
    folder = os.environ.get("DOCKML_BUILDKIT", "")
    path = Path(folder, CASES)
    return cases(path.read_text(encoding="utf-8")) if folder and path.is_file() else []


def _environment(base: BaseReference) -> frozenset[str] | None:
    """The images in the cases set only PATH."""
    return frozenset({"PATH"})


@pytest.mark.skipif(not _all(), reason="DOCKML_BUILDKIT names no checkout of moby/buildkit")
@pytest.mark.parametrize("case", _all(), ids=lambda case: case.name)
def test_published_case(case: Case) -> None:
    ignored = IgnoredPaths(case.ignored) if case.ignored else None
    context = BuildContext(ignored=ignored, environment=_environment)
    found = run_checks(read_dockerfile(case.dockerfile.encode()), context, options=case.options)
    if case.has_lines:
        assert sorted((item.check, item.line) for item in found) == case.expected
    else:
        assert sorted(item.check for item in found) == [check for check, _ in case.expected]
