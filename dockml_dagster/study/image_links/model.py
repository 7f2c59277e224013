"""What a link is: evidence that an image belongs to a project.

Here: the types, what the grades mean, the caps. Not here: any rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from dockml_dagster.study.image.reference import ImageReference, ImageReferenceError

Grade = Literal["confirmed", "likely", "possible"]
"""``confirmed``: the project's own files push the image or offer it to users as theirs ("official", "pre-built"), under the
project's name, or the image says that it was built from the project. ``likely``:
the files build it under this name, or tell users to run it, and its name is the project's. ``possible``: no more than a
mention, or the same owner's name."""

GRADES: tuple[Grade, ...] = get_args(Grade)

Kind = Literal[
    "image label", "ci push", "script push", "build definition", "hub description sync", "ci build", "script build",
    "compose build", "documented push", "documented build", "offered", "documented run", "registry link", "compose image",
    "kubernetes image", "ci image", "script run", "copy", "former", "hub description", "same namespace and name",
    "same namespace", "same name",
]  # fmt: skip
"""What shows the link."""

MAX_LINKS = 2000
"""Most links of one project that are kept."""
MAX_MENTIONS = 100_000
"""Most mentions of images that are judged of one project."""
MAX_LINE = 4000
"""Longest line that is looked at, in characters."""
MAX_VALUES = 24
"""Most values that one expression may stand for (a build matrix); what has more yields the first ones."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An image as a file names it, before it is judged. ``resolved`` are the names that the text may stand for."""

    text: str
    kind: Kind
    path: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of evidence.

    ``reference`` is the image as ``docker.io/owner/name[:tag]``; a tag that the file leaves open is left out.
    ``path`` and ``line`` (from 1) are the place, None for evidence outside of files. ``rule`` says why the grade.
    """

    reference: str
    repository: str
    grade: Grade
    kind: Kind
    path: str | None
    line: int | None
    rule: str


def parse_mention(text: str) -> ImageReference | None:
    """A name as a file writes it; None where it is no reference. A tag that is no tag is left out."""
    text = text.strip().strip("\"'`,;()[]{}<>|").removeprefix("docker://")
    try:
        return ImageReference.parse(text)
    except ImageReferenceError:
        pass
    slash = text.rfind("/")
    colon = text.find(":", slash + 1)
    # Of two colons neither begins a tag: an image that lies in files (`oci:DIR:TAG`), which has no registry.
    if colon > 0 and ":" not in text[colon + 1 :]:
        try:
            return ImageReference.parse(text[:colon])
        except ImageReferenceError:
            return None
    return None
