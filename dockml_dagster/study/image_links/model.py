"""The types of links: evidence that an image belongs to a project.

Here: mentions, links, the meaning of the grades, caps. Not here: the rules of the grades (``grading``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from dockml_dagster.study.image.reference import ImageReference, ImageReferenceError

Grade = Literal["confirmed", "likely", "possible"]
"""``confirmed``: the project's files push the image, or offer it as their own ("official", "pre-built") under the project's
name, or the image itself says that it was built from the project. ``likely``: the files build it under this name, or tell
users to run it and its name is like the project's. ``possible``: only a mention, or the same owner's name."""

GRADES: tuple[Grade, ...] = get_args(Grade)

Kind = Literal[
    "image label", "ci push", "script push", "build definition", "hub description sync", "ci build", "script build",
    "compose build", "documented push", "documented build", "offered", "documented run", "registry link", "compose image",
    "kubernetes image", "ci image", "script run", "copy", "former", "hub description", "same namespace and name",
    "same namespace", "same name",
]  # fmt: skip
"""The kinds of evidence for a link."""

MAX_LINKS = 2000
"""Most links of one project that are kept."""
MAX_MENTIONS = 100_000
"""Most mentions of images in one project that are judged."""
MAX_LINE = 4000
"""Most characters of a line that are read."""
MAX_VALUES = 24
"""Most values that one expression may stand for (a build matrix). Only the first ones count."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An image as a file names it, before it is judged."""

    text: str
    kind: Kind
    path: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of evidence.

    ``reference`` is the image as ``docker.io/owner/name[:tag]``, without a tag that the file leaves open.
    ``path`` and ``line`` (from 1) are the place; None for evidence outside files. ``rule`` gives the reason for the grade.
    """

    reference: str
    repository: str
    grade: Grade
    kind: Kind
    path: str | None
    line: int | None
    rule: str


def parse_mention(text: str) -> ImageReference | None:
    """The reference that a file's text names; None where it is not valid. An invalid tag is dropped."""
    text = text.strip().strip("\"'`,;()[]{}<>|").removeprefix("docker://")
    try:
        return ImageReference.parse(text)
    except ImageReferenceError:
        pass
    slash = text.rfind("/")
    colon = text.find(":", slash + 1)
    # With two colons neither begins a tag: it is an image in files (`oci:DIR:TAG`), which has no registry.
    if colon > 0 and ":" not in text[colon + 1 :]:
        try:
            return ImageReference.parse(text[:colon])
        except ImageReferenceError:
            return None
    return None
