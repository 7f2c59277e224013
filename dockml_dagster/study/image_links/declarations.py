"""Images in files that declare what is built or run: Compose, Kubernetes, Helm, bake, GoReleaser, skaffold, Earthly, Cog.

Here: which images such a file names, and whether it builds them. Not here: grades (``grading``).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from dockml_dagster.study.cuts import first, note_cut
from dockml_dagster.study.formats.yaml import Text, load_or_none
from dockml_dagster.study.image_links.commands import is_pushed, joined_lines
from dockml_dagster.study.image_links.model import Kind, Mention
from dockml_dagster.study.image_links.variables import Values, assignments, names

_IMAGE = re.compile(
    r"^(\s*(?:-\s*)?)(image|repository|newName|\w{0,80}(?:_image|Image)(?:_?[Nn]ame)?|image_?[Nn]ame):\s+"
    r"[\"']?((?:\{\{[^{}]{0,100}\}\}|\$\{[^{}]{0,100}\}|[\w./:$@-]){3,300})[\"']?\s*(?:#.*)?$"
)
_FLOW = re.compile(r"\b(registry|repository):\s*[\"']?([\w./:@-]{3,300})")
_RELEASED = ("image_templates", "name_template", "images")
"""Keys of GoReleaser behind which the names of images stand."""
_REGISTRY = re.compile(r"^(\s*(?:-\s*)?)registry:\s+[\"']?([\w.:/-]{3,200})[\"']?\s*(?:#.*)?$")
_DASH = re.compile(r"\s*-\s")
_NEAR = 3
"""Most lines between the repository and the registry of an image among a chart's values."""
_TAGS = re.compile(r"\btags\s*=\s*\[")
_LONGEST_TAGS = 4000
_LONGEST_BLOCK = 20_000
_QUOTED = re.compile(r"\"([^\"]{1,300})\"")
_HCL_VARIABLE = re.compile(
    r"variable\s+\"(\w{1,80})\"\s*\{(?:[^}\"]|\"[^\"]{0,200}\"){0,500}?\bdefault\s*=\s*\"([^\"]{0,300})\""
)
_HCL_BLOCK = re.compile(r"^[ \t]*(?:target|group|variable|function)\b", re.MULTILINE)
_HCL_OUTPUT = re.compile(r"\boutput\s*=\s*\[([^\]]{0,1000})\]")
_HCL_MATRIX = re.compile(r"\bmatrix\s*=\s*\{([^{}]{0,2000})\}")
_HCL_LIST = re.compile(r"(\w{1,80})\s*=\s*\[([^\[\]]{0,1000})\]")
_SAVED = re.compile(r"^\s*SAVE\s+IMAGE\s+(.*)$")


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
    """``image:`` of manifests and charts, ``newName:`` of Kustomize, ``repository:`` (with the ``registry:`` beside it) of a
    chart's values.

    Read by line, because templates of charts are not YAML.
    """
    lines = [line[:400] for line in text.splitlines()]
    for at, line in enumerate(lines):
        found = _IMAGE.match(line)
        if found:
            host = _registry_near(lines, at, len(found[1])) if found[2] == "repository" else None
            written = f"{host}/{found[3]}" if host else found[3]
        else:
            flow = dict(_FLOW.findall(line)) if "repository:" in line and "{{" not in line else {}
            written = "/".join(flow[key] for key in ("registry", "repository") if key in flow)
        for image in names(written, {}) if written else ():
            yield Mention(image, "kubernetes image", path, at + 1)


def _registry_near(lines: Sequence[str], at: int, indent: int) -> str | None:
    """The registry among the lines near this one that are of the same mapping, and so as far to the right."""
    # A dash begins another mapping: nothing before it is of this one.
    for line in [] if _DASH.match(lines[at]) else reversed(lines[max(0, at - _NEAR) : at]):
        host = _REGISTRY.match(line)
        if host and len(host[1]) == indent:
            return host[2]
        if _DASH.match(line) or _is_left_of(line, indent):
            break
    for line in lines[at + 1 : at + 1 + _NEAR]:
        if _DASH.match(line) or _is_left_of(line, indent):
            break
        host = _REGISTRY.match(line)
        if host and len(host[1]) == indent:
            return host[2]
    return None


def _is_left_of(line: str, indent: int) -> bool:
    return bool(line.strip()) and len(line) - len(line.lstrip()) < indent


def build_definition_mentions(path: str, text: str) -> Iterator[Mention]:
    """``tags`` of bake, ``image_templates`` of GoReleaser, ``image`` of skaffold and Cog, ``SAVE IMAGE`` of Earthly."""
    if path.endswith((".hcl", ".json")):
        yield from _bake(path, text)
        return
    if path.rpartition("/")[2] == "Earthfile":
        yield from _earthfile(path, text)
        return
    root = load_or_none(text)
    for key, value in _entries(root):
        if key in _RELEASED and isinstance(value, list):
            for item in value:
                if isinstance(item, Text):
                    for name in names(item, {}):
                        yield Mention(name, "build definition", path, item.line)
        elif key == "image" and isinstance(value, Text) and "goreleaser" not in path.lower():
            for name in names(value, {}):
                yield Mention(name, "build definition", path, value.line)


def _bake(path: str, text: str) -> Iterator[Mention]:
    values: Values = {
        **assignments((), {}),
        **{found[1]: (found[2],) for found in _HCL_VARIABLE.finditer(text)},
    }
    if path.endswith(".json"):
        for _, target in _entries(load_or_none(text)):
            tags = target.get("tags") if isinstance(target, dict) else None
            for item in tags if isinstance(tags, list) else ():
                if isinstance(item, Text):
                    kind: Kind = "script push" if is_pushed(str(target.get("output"))) else "build definition"
                    for name in names(item, values):
                        yield Mention(name, kind, path, item.line)
        return
    line, counted = 1, 0
    blocks = [found.start() for found in _HCL_BLOCK.finditer(text)]
    for found in first(_TAGS.finditer(text), 300, "lists of tags of a file"):
        block = _block_around(text, blocks, found.start())
        kind = "script push" if any(map(is_pushed, _HCL_OUTPUT.findall(block))) else "build definition"
        matrix = _HCL_MATRIX.search(block)
        options = {
            name: tuple(_QUOTED.findall(listed))
            for name, listed in (_HCL_LIST.findall(matrix[1]) if matrix else ())
        }
        end = text.find("]", found.end(), found.end() + _LONGEST_TAGS)
        if end < 0 and found.end() + _LONGEST_TAGS < len(text):
            note_cut("a list of tags of over 4,000 characters")
        line, counted = line + text.count("\n", counted, found.end()), found.end()
        for quoted in _QUOTED.finditer(text, found.end(), max(end, found.end())):
            at = line + text.count("\n", found.end(), quoted.start())
            for name in names(quoted[1], {**values, **options}):
                yield Mention(name, kind, path, at)


def _block_around(text: str, blocks: Sequence[int], at: int) -> str:
    """The block of an HCL file that a position lies in, to the beginning of the next one."""
    place = bisect_right(blocks, at)
    start = blocks[place - 1] if place else 0
    end = blocks[place] if place < len(blocks) else len(text)
    return text[start : min(end, start + _LONGEST_BLOCK)]


def _earthfile(path: str, text: str) -> Iterator[Mention]:
    """What targets of Earthly save: ``--push`` says what leaves the machine."""
    lines = list(joined_lines(text))
    values = assignments((line for _, line in lines), {})
    for number, line in lines:
        saved = _SAVED.match(line)
        words = saved[1].split() if saved else []
        kind: Kind = "script push" if "--push" in words else "build definition"
        for word in words:
            for name in names(word, values) if not word.startswith("-") else ():
                yield Mention(name, kind, path, number)


def _entries(node: Any, depth: int = 12) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            if depth:
                yield from _entries(value, depth - 1)
    elif isinstance(node, list) and depth:
        for value in node:
            yield from _entries(value, depth - 1)
