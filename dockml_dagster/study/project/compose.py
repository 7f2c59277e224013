"""The services of a compose file, as facts with their lines.

Here: services, their images and keys, named as in the Compose specification (compose-spec.io, "services").
Not here: their meaning (``labels.purpose``), merging several files, interpolation of variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.formats.yaml import Text, load_or_none
from dockml_dagster.study.project.facts import MAX_FACTS, MAX_TEXT, Fact


def is_compose(path: str) -> bool:
    """Whether a path is named like a compose file."""
    # Asked of every path: the rules cost ten times as much as the first look.
    return "compose" in path.lower() and classify_file_name(path).kind == "compose"


def compose_facts(path: str, text: str) -> tuple[Fact, ...]:
    """Facts of one compose file; only its path if it is not YAML or exceeds a cap."""
    facts = [Fact("compose path", path[:MAX_TEXT], path), *islice(_services(path, text), MAX_FACTS)]
    count = sum(fact.where == "compose service" for fact in facts)
    return (*facts, Fact("service count", str(count), path)) if count else tuple(facts)


def services(text: str) -> Iterator[tuple[Text, dict[Any, Any]]]:
    """Name and entries of every service, including merged entries (``<<``). Names and keys know their lines.

    Nothing for a text that is not YAML or exceeds a cap.
    """
    top = load_or_none(text)
    if not isinstance(top, dict):
        return
    named = top.get("services")
    # Version 1 of the format had no `services`: services were at the top level, beside other keys.
    old = "services" not in top
    for name, body in (top if old else named if isinstance(named, dict) else {}).items():
        entries = body if isinstance(body, dict) else {}
        if not old or "image" in entries or "build" in entries:
            yield name, entries


def _services(path: str, text: str) -> Iterator[Fact]:
    for service, entries in services(text):
        yield Fact("compose service", service[:200], path, service.line)
        for name, value in entries.items():
            yield Fact("compose key", name[:200], path, name.line)
            if name == "image" and isinstance(value, Text):
                yield Fact("compose image", value[:MAX_TEXT], path, name.line)
