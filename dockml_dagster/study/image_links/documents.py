"""Images in prose: README and documentation, Markdown or reStructuredText.

Here: commands, links and badges of registries, images in Compose files that a document quotes. Not here: grades
(``grading``).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

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
_OFFERS = re.compile(
    r"\b(?:official|pre-?built|ready[- ](?:made|to[- ]use)) (?:multi-arch )?(?:docker |container |oci |gpu |cpu )*images?\b"
    r"(?! (?:of|from|by) )|\b(?:our|the project'?s) (?:own )?(?:official |pre-?built |docker |container )*images?\b"
    r"|\bwe (?:also )?(?:provide|publish|offer|maintain|release|host|ship|push|distribute)\b[^.]{0,80}"
    r"\b(?:images?|containers?)\b|\b(?:images?|containers?) (?:is|are)(?: also)?(?: now)? "
    r"(?:published|hosted|available|released|pushed|uploaded|built and pushed) (?:on|at|in|to|from|via|through|as)\b",
    re.IGNORECASE,
)
"""Text that offers an image as the project's own. "Official image of" or "by" another project does not match."""
_FORMER = re.compile(
    r"\b(?:formerly|previously|used to be|no longer|deprecated|superseded|replaced by|renamed|has moved|have moved"
    r"|migrat\w+ (?:from|to)|old (?:docker )?images?|third[- ]party|community[- ](?:maintained|provided|built)"
    r"|unofficial|fork(?:ed)? (?:of|by|from))\b",
    re.IGNORECASE,
)
"""Text about former images of the project, or images that others build."""
_NEAR = 4
"""How many lines an offer covers: its own and the following ones. It applies to the commands in them."""
_QUOTED = re.compile(
    r"`((?:[a-z0-9.-]{2,60}(?::\d{2,5})?/)?[a-z0-9][a-z0-9._-]{1,60}/[a-z0-9][a-z0-9._/-]{1,100}(?::[\w.-]{1,60})?)`"
)
_SHIELD_SUFFIX = re.compile(r"\.(?:svg|png)\Z", re.IGNORECASE)


def document_mentions(path: str, text: str) -> Iterator[Mention]:
    """Every image that a document names, in order."""
    values = assignments(text.splitlines(), {})
    near: deque[str] = deque(maxlen=_NEAR)
    for number, line in joined_lines(text):
        near.append(line)
        offers = _says(_OFFERS, line)
        former = _says(_FORMER, line)
        for part in re.split(r"`{1,3}", line) if "`" in line else (line,):
            for use in uses(part):
                kind = "former" if former else _DOES.get(use.does)
                if kind is not None:
                    for image in names(use.image, values):
                        yield Mention(image.rstrip("`.,;:"), kind, path, number)
                        if kind == "documented run" and any(_says(_OFFERS, said) for said in near):
                            yield Mention(image.rstrip("`.,;:"), "offered", path, number)
        for mention in _links(path, number, line):
            yield replace(mention, kind="former") if former else mention
            if offers and not former:
                yield replace(mention, kind="offered")
        for quoted in _QUOTED.finditer(line) if offers and not former else ():
            yield Mention(quoted[1], "offered", path, number)
        shown = _IMAGE_KEY.match(line)
        if shown:
            for image in names(shown[1], values):
                yield Mention(image, "documented run", path, number)


def _says(what: re.Pattern[str], line: str) -> bool:
    """Whether a line matches. Most lines do not mention images and are not searched."""
    return (
        any(word in line for word in ("mage", "IMAGE", "ontainer", "ocker")) and what.search(line) is not None
    )


def _links(path: str, number: int, line: str) -> Iterator[Mention]:
    for found in _HUB.finditer(line):
        yield Mention(_SHIELD_SUFFIX.sub("", found[1]).lower().rstrip("."), "registry link", path, number)
    for found in _OTHER.finditer(line):
        yield Mention(found[1].replace("/repository/", "/").rstrip(".-"), "registry link", path, number)
    for found in _PACKAGE.finditer(line):
        yield Mention(f"ghcr.io/{found[1]}/{found[2]}".lower(), "registry link", path, number)
