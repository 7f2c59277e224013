"""Images in prose: README and documentation, Markdown or reStructuredText.

Here: commands shown to readers, links and badges of registries, images in shown Compose files. Not here: judging.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dockml_dagster.study.image_links.commands import joined_lines, uses
from dockml_dagster.study.image_links.model import Kind, Mention
from dockml_dagster.study.image_links.variables import assignments, names

_PART = r"[a-z0-9][a-z0-9._-]{0,100}"
_HUB = re.compile(
    rf"(?:hub\.docker\.com/(?:r|repository/docker)|shields\.io/docker/(?:cloud/)?(?:pulls|stars|image-size|v|automated|build|size|l)"
    rf"|images\.microbadger\.com/badges/[a-z-]{{1,20}}|microbadger\.com/images|badgen\.net/docker/[a-z-]{{1,20}}|dockeri\.co/image)"
    rf"/({_PART}/{_PART})",
    re.IGNORECASE,
)
_OTHER = re.compile(
    rf"(?<![\w.@/-])((?:ghcr\.io|quay\.io|(?:[a-z]{{2}}\.)?gcr\.io|mcr\.microsoft\.com|public\.ecr\.aws|registry\.gitlab\.com)"
    rf"/(?:repository/)?{_PART}(?:/{_PART}){{0,4}}(?::[\w][\w.-]{{0,127}})?)"
)
_PACKAGE = re.compile(rf"github\.com/({_PART})/{_PART}/pkgs/container/({_PART})", re.IGNORECASE)
_IMAGE_KEY = re.compile(r"^\s*(?:-\s*)?image:\s*[\"']?([\w./:${}-]{3,200})[\"']?\s*$")
_DOES: dict[str, Kind] = {"push": "documented push", "build": "documented build", "run": "documented run"}
_SHIELD_SUFFIX = re.compile(r"\.(?:svg|png)\Z", re.IGNORECASE)


def document_mentions(path: str, text: str) -> Iterator[Mention]:
    """Every image that a document names, in order."""
    values = assignments(text.splitlines(), {})
    for number, line in joined_lines(text):
        for part in re.split(r"`{1,3}", line) if "`" in line else (line,):
            for use in uses(part):
                kind = _DOES.get(use.does)
                if kind is not None:
                    for image in names(use.image, values):
                        yield Mention(image.rstrip("`.,;:"), kind, path, number)
        yield from _links(path, number, line)
        shown = _IMAGE_KEY.match(line)
        if shown:
            for image in names(shown[1], values):
                yield Mention(image, "documented run", path, number)


def _links(path: str, number: int, line: str) -> Iterator[Mention]:
    for found in _HUB.finditer(line):
        yield Mention(_SHIELD_SUFFIX.sub("", found[1]).lower().rstrip("."), "registry link", path, number)
    for found in _OTHER.finditer(line):
        yield Mention(found[1].replace("/repository/", "/").rstrip(".-"), "registry link", path, number)
    for found in _PACKAGE.finditer(line):
        yield Mention(f"ghcr.io/{found[1]}/{found[2]}".lower(), "registry link", path, number)
