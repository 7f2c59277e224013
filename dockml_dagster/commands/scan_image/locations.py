"""Arguments that name images: a file or folder on this machine, or an image in a registry.

Here: telling them apart before any request. A registry is a third party that would learn the name. So a path that exists
here, or that can only be meant as a file name, is never taken for a reference; ``docker://`` in front forces one. Not here:
the grammar of references (``study.image.reference``), opening anything (``images.sources``).
"""

from __future__ import annotations

import platform as machine
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dockml_dagster.errors import BadInputError
from dockml_dagster.study.image.platform import Platform, PlatformError
from dockml_dagster.study.image.reference import (
    ImageReference,
    ImageReferenceError,
    LocalForm,
    LocalImage,
    cut_reference,
    parse_location,
)

Location = ImageReference | LocalImage

ALL_PLATFORMS: Final = "all"
_REGISTRY: Final = "docker://"
_FORMS: Final[tuple[tuple[LocalForm, Callable[[Path], bool]], ...]] = (
    (LocalForm.OCI_LAYOUT, lambda path: (path / "index.json").exists()),
    (LocalForm.SKOPEO_DIRECTORY, Path.is_dir),
    (LocalForm.DOCKER_ARCHIVE, lambda path: True),
)
_ARCHIVE: Final = re.compile(r"\.(?:tar(?:\.[a-z0-9]{1,5})?|tgz|tzst|txz|zip|sif|oci|img)$", re.IGNORECASE)
"""Extensions of archives; the grammar allows them in repository names, but no repository uses them."""


def parse_arguments(references: Sequence[str], wanted: str | None) -> tuple[list[Location], Platform | None]:
    """References and the platform of ``--platform``; None: all. Raises BadInputError before any request."""
    try:
        locations = [_location(text) for text in references]
        platform = None if wanted in {None, ALL_PLATFORMS} else Platform.parse(wanted or "")
    except (ImageReferenceError, PlatformError) as error:
        raise BadInputError(str(error)) from None
    return locations, platform


def this_platform() -> Platform:
    """The platform that an engine on this machine would run: Linux on its processor."""
    return Platform.of("linux", machine.machine())


def is_only_a_name(text: str) -> bool:
    """Whether a text could equally be a file name: it has no scheme, host, tag or digest."""
    if "://" in text:
        return False
    cut = cut_reference(text)
    return (cut.host, cut.tag, cut.digest) == (None, None, None)


def _location(text: str) -> Location:
    if text.startswith(("./", "../", "/", "~")) or text.endswith("/"):
        raise _no_reference(text, text)
    location = parse_location(text)
    if isinstance(location, LocalImage) or text.startswith(_REGISTRY):
        return location
    cut = cut_reference(text)
    path = cut.path if cut.host is None else f"{cut.host}/{cut.path}"
    if _is(Path.exists, text):
        raise _no_reference(text, text)
    # `python:3.12` is an image even where a folder is called `python`; a file of that name is taken as meant.
    parent = path.partition("/")[0] if "/" in path and cut.tag is None and cut.digest is None else ""
    if _ARCHIVE.search(path) or _is(Path.is_file, path) or (parent and _is(Path.is_dir, parent)):
        raise _no_reference(text, path)
    return location


def _is(asked: Callable[[Path], bool], text: str) -> bool:
    """The answer of ``asked`` for a path; False if the path is invalid, for example too long."""
    try:
        return asked(Path(text))
    except OSError:
        return False


def _no_reference(text: str, path: str) -> BadInputError:
    """Why a text is not sent to a registry, and how to say what is meant. ``path``: the file that may be meant."""
    if not _is(Path.exists, path):
        return BadInputError(f"{text}: no such file or directory; {_REGISTRY}NAME asks a registry")
    form = next(form for form, is_so in _FORMS if _is(is_so, path))
    asks = "" if text.startswith((".", "/", "~")) else f", {_REGISTRY}{text} asks a registry"
    return BadInputError(f"{text} is here: {form}:{text} reads it{asks}")
