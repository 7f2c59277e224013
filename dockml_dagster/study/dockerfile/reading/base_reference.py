"""The image reference in a FROM, by Docker's grammar and defaults.

Here: splitting a resolved reference, and the parts that are known where variables are missing. Not here: the
meaning of the name (``base_images``), stages (``evaluation``).

Rules: ``distribution/reference`` (``ParseNormalizedNamed``). Two things are kept as written, because they
are findings: an absent tag stays absent, and an explicit ``latest`` is a tag like any other.
"""

import re
from dataclasses import dataclass

from dockml_dagster.study.image.reference import (
    BARE_IMAGE_ID,
    DOCKER_HUB,
    MAX_PATH_LENGTH,
    OFFICIAL_NAMESPACE,
    PATH_COMPONENT,
    TAG,
    cut_reference,
)

# Docker's grammar for what a builder accepts. What may be asked of a registry is narrower (``image.reference``).
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")

DEFAULT_REGISTRY = DOCKER_HUB


@dataclass(frozen=True, slots=True)
class ImageParts:
    """The parts of a reference. ``name`` is the familiar form (``ubuntu``, ``quay.io/pypa/manylinux1``)."""

    registry: str | None
    repository: str | None
    name: str | None
    tag: str | None
    digest: str | None


def split_reference(reference: str) -> ImageParts:
    """Split a full reference. Raises ``ValueError`` with Docker's reason where it is not valid."""
    if BARE_IMAGE_ID.fullmatch(reference):
        raise ValueError("a bare 64-digit image id is not a reference")
    host, path, tag, digest = cut_reference(reference)
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise ValueError("invalid digest in the reference")
    if tag is not None and not TAG.fullmatch(tag):
        raise ValueError("invalid tag in the reference")
    registry = DEFAULT_REGISTRY if host is None or host == f"index.{DEFAULT_REGISTRY}" else host
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = f"{OFFICIAL_NAMESPACE}/{path}"
    if not _is_path(path):
        if _is_path(path.lower()):
            raise ValueError("repository name must be lowercase")
        raise ValueError("invalid reference format")
    if not _DOMAIN.fullmatch(registry):
        raise ValueError("invalid registry in the reference")
    if len(registry) + 1 + len(path) > MAX_PATH_LENGTH:
        raise ValueError("repository name must not be longer than 255 characters")
    return ImageParts(registry, path, familiar_name(registry, path), tag, digest)


def _is_path(path: str) -> bool:
    return all(PATH_COMPONENT.fullmatch(component) for component in path.split("/"))


def familiar_name(registry: str, repository: str) -> str:
    """The name as people write it: for Docker Hub without the host and without ``library/``."""
    if registry != DEFAULT_REGISTRY:
        return f"{registry}/{repository}"
    return repository.removeprefix("library/")


def known_parts(partial: str) -> ImageParts:
    """What is certain of a reference with ``${NAME}`` in place of missing variables. Never raises.

    The repository is certain only if no variable stands before the tag's colon; the tag only if none stands
    in it.
    """
    # A colon inside `${…}` belongs to the variable, so the text is split with the variables masked.
    masked = _PLACEHOLDER.sub(lambda match: "$" * len(match[0]), partial)
    cut = cut_reference(masked)
    after = 0 if cut.digest is None else len(cut.digest) + 1
    name_and_tag = partial[: len(partial) - after]
    digest = None if cut.digest is None else partial[len(partial) - after + 1 :]
    tag = None if cut.tag is None else name_and_tag[len(name_and_tag) - len(cut.tag) :]
    rest = name_and_tag if tag is None else name_and_tag[: len(name_and_tag) - len(tag) - 1]
    known_tag = tag if tag and TAG.fullmatch(tag) else None
    known_digest = digest if digest and _DIGEST.fullmatch(digest) else None
    if _PLACEHOLDER.search(rest):
        # `repo${SUFFIX}`: the variable may hold a tag, a digest or more of the name.
        return ImageParts(None, None, None, known_tag, known_digest)
    try:
        parts = split_reference(rest)
    except ValueError:
        return ImageParts(None, None, None, known_tag, known_digest)
    return ImageParts(parts.registry, parts.repository, parts.name, known_tag, known_digest)
