"""Images in files that declare what is built or run: Compose, Kubernetes and Helm, bake, GoReleaser, skaffold.

Here: which images such a file names, and whether it builds them. Not here: grades (``grading``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dockml_dagster.study.cuts import first, note_cut
from dockml_dagster.study.formats.yaml import Text, load_or_none
from dockml_dagster.study.image_links.model import Mention
from dockml_dagster.study.image_links.variables import Values, assignments, names

_IMAGE = re.compile(
    r"^\s*(?:-\s*)?(image|repository|\w{0,80}(?:_image|Image)(?:_?[Nn]ame)?|image_?[Nn]ame):\s+[\"']?([\w./:${}@-]{3,300})[\"']?\s*(?:#.*)?$"
)
_RELEASED = ("image_templates", "name_template", "images")
"""Keys of GoReleaser behind which the names of images stand."""
_REGISTRY = re.compile(r"^\s*registry:\s+[\"']?([\w.:-]{3,200})[\"']?\s*$")
_TAGS = re.compile(r"\btags\s*=\s*\[")
_LONGEST_TAGS = 4000
_QUOTED = re.compile(r"\"([^\"]{1,300})\"")
_HCL_VARIABLE = re.compile(r"variable\s+\"(\w{1,80})\"\s*\{[^}]{0,500}?default\s*=\s*\"([^\"]{0,300})\"")


def compose_mentions(path: str, text: str) -> Iterator[Mention]:
    """The images of services: ``compose build`` if a service has ``image`` and ``build``, otherwise ``compose image``."""
    root = load_or_none(text)
    services = root.get("services", root) if isinstance(root, dict) else None
    for service in services.values() if isinstance(services, dict) else ():
        if not isinstance(service, dict):
            continue
        image = service.get("image")
        if isinstance(image, Text):
            for name in names(image, {}):
                yield Mention(
                    name, "compose build" if service.get("build") else "compose image", path, image.line
                )
        built = service.get("build")
        tags = built.get("tags") if isinstance(built, dict) else None
        for tag in tags if isinstance(tags, list) else ():
            if isinstance(tag, Text):
                for name in names(tag, {}):
                    yield Mention(name, "compose build", path, tag.line)


def kubernetes_mentions(path: str, text: str) -> Iterator[Mention]:
    """``image:`` of manifests and charts, ``repository:`` (with a ``registry:`` before it) of a chart's values.

    Read by line, because templates of charts are not YAML.
    """
    registry: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        host = _REGISTRY.match(line[:400])
        if host:
            registry = (number, host[1])
        found = _IMAGE.match(line[:400])
        if found:
            name = found[2]
            near = registry is not None and number - registry[0] <= 3 and found[1] == "repository"
            for image in names(f"{registry[1]}/{name}" if near and registry else name, {}):
                yield Mention(image, "kubernetes image", path, number)


def build_definition_mentions(path: str, text: str) -> Iterator[Mention]:
    """``tags`` of bake files, ``image_templates`` of GoReleaser, ``image`` of skaffold's artifacts."""
    if path.endswith((".hcl", ".json")):
        yield from _bake(path, text)
        return
    root = load_or_none(text)
    for key, value in _entries(root):
        if key in _RELEASED and isinstance(value, list):
            for item in value:
                if isinstance(item, Text):
                    for name in names(item, {}):
                        yield Mention(name, "build definition", path, item.line)
        elif key == "image" and isinstance(value, Text) and "skaffold" in path.lower():
            for name in names(value, {}):
                yield Mention(name, "build definition", path, value.line)


def _bake(path: str, text: str) -> Iterator[Mention]:
    values: Values = {
        **assignments((), {}),
        **{found[1]: (found[2],) for found in _HCL_VARIABLE.finditer(text)},
    }
    if path.endswith(".json"):
        for key, value in _entries(load_or_none(text)):
            for item in value if key == "tags" and isinstance(value, list) else ():
                if isinstance(item, Text):
                    for name in names(item, values):
                        yield Mention(name, "build definition", path, item.line)
        return
    line, counted = 1, 0
    for found in first(_TAGS.finditer(text), 300, "lists of tags of a file"):
        end = text.find("]", found.end(), found.end() + _LONGEST_TAGS)
        if end < 0 and found.end() + _LONGEST_TAGS < len(text):
            note_cut("a list of tags of over 4,000 characters")
        line, counted = line + text.count("\n", counted, found.end()), found.end()
        for quoted in _QUOTED.finditer(text, found.end(), max(end, found.end())):
            at = line + text.count("\n", found.end(), quoted.start())
            for name in names(quoted[1], values):
                yield Mention(name, "build definition", path, at)


def _entries(node: Any, depth: int = 12) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            if depth:
                yield from _entries(value, depth - 1)
    elif isinstance(node, list) and depth:
        for value in node:
            yield from _entries(value, depth - 1)
