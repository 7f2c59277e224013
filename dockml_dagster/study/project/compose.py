"""What a compose file says about the services of a project, as facts with their lines.

Here: services, their images and keys, named as in the Compose specification (compose-spec.io, "services").
Not here: judging them (``purpose``), merging of several files, variable interpolation.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.project.facts import MAX_FACTS, MAX_TEXT, Fact

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 60


def is_compose(path: str) -> bool:
    """Whether a path is named like a compose file."""
    return classify_file_name(path).kind == "compose"


def compose_facts(path: str, text: str) -> tuple[Fact, ...]:
    """Facts of one compose file; only its path if it is no YAML, too long or too deep."""
    facts = [Fact("compose path", path[:MAX_TEXT], path), *islice(_services(path, text), MAX_FACTS)]
    return tuple(facts)


def service_nodes(text: str) -> Iterator[tuple[str, int, list[tuple[str, Any, Any]]]]:
    """(name, line, entries) of every service; an entry is its key, the key's YAML node and the value's.

    Nothing for a text that is no YAML, too long or too deep.
    """
    import yaml

    if len(text) > MAX_BYTES or nests_too_deep(text):
        return
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    top = list(_entries(root))
    named = [services for name, _, services in top if name == "services"]
    for service, key, body in [entry for services in named for entry in _entries(services)] if named else top:
        entries = list(_entries(body))
        # The first version of the format had no `services`: services stood at the top, beside other things.
        if named or any(name in ("image", "build") for name, _, _ in entries):
            yield service, key.start_mark.line + 1, entries


def nests_too_deep(text: str) -> bool:
    """Whether it nests deeper than any real file; the parser recurses, so this bounds it."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth = max(0, depth - 1)
    indents = {len(line) - len(line.lstrip(" ")) for line in text.splitlines()}
    dashes = max((line.count("- ") + line.count("? ") for line in text.splitlines()), default=0)
    return deepest > _MAX_DEPTH or len(indents) > _MAX_DEPTH * 2 or dashes > _MAX_DEPTH


def _services(path: str, text: str) -> Iterator[Fact]:
    import yaml

    for service, line, entries in service_nodes(text):
        yield Fact("compose service", service[:200], path, line)
        for name, node, value in entries:
            yield Fact("compose key", name[:200], path, node.start_mark.line + 1)
            if name == "image" and isinstance(value, yaml.ScalarNode):
                yield Fact("compose image", value.value[:MAX_TEXT], path, node.start_mark.line + 1)


def _entries(node: Any, *, merges: bool = True) -> Iterator[tuple[str, Any, Any]]:
    """(key text, key node, value node) of a mapping's entries, then of those that it merges (``<<``) and does not have
    itself; nothing for another node. What is merged merges nothing more, so that aliases cannot multiply.
    """
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return
    own = [(key.value, key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
    merged = [value for name, _, value in own if name == "<<"] if merges else []
    yield from (entry for entry in own if entry[0] != "<<")
    seen = {name for name, _, _ in own}
    bodies = (body for one in merged for body in (one.value if isinstance(one, yaml.SequenceNode) else [one]))
    for body in {id(body): body for body in bodies}.values():
        entries = [entry for entry in _entries(body, merges=False) if entry[0] not in seen]
        seen.update(name for name, _, _ in entries)
        yield from entries
