"""The reference that a FROM holds: Docker's grammar and defaults for image names.

Here: splitting a resolved reference, and saying what is known of one in which variables are missing. Not
here: the meaning of the name (``base_images``), stages (``evaluation``).

Rules: ``distribution/reference`` (``ParseNormalizedNamed``). Two things are left as written, because they
are findings: an absent tag stays absent, and an explicit ``latest`` is a tag like any other.
"""

import re
from dataclasses import dataclass

_PATH = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PATH}(?:/{_PATH})*\Z")
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}\Z")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}\Z")
_MAX_NAME = 255
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")

DEFAULT_REGISTRY = "docker.io"


@dataclass(frozen=True, slots=True)
class ImageParts:
    """A reference taken apart; ``name`` is the familiar form (``ubuntu``, ``quay.io/pypa/manylinux1``)."""

    registry: str | None
    repository: str | None
    name: str | None
    tag: str | None
    digest: str | None


def split_reference(reference: str) -> ImageParts:
    """Take a full reference apart.

    Raises ``ValueError`` with Docker's reason where it is none.
    """
    if _IDENTIFIER.match(reference):
        raise ValueError("a bare 64-digit image id is not a reference")
    rest, at, digest = reference.partition("@")
    if at and not _DIGEST.match(digest):
        raise ValueError("invalid digest in the reference")
    rest, tag = _cut_tag(rest)
    if tag is not None and not _TAG.match(tag):
        raise ValueError("invalid tag in the reference")
    registry, repository = _cut_domain(rest)
    if not repository or not _REPOSITORY.match(repository):
        if repository and _REPOSITORY.match(repository.lower()):
            raise ValueError("repository name must be lowercase")
        raise ValueError("invalid reference format")
    if not _DOMAIN.match(registry):
        raise ValueError("invalid registry in the reference")
    if len(registry) + 1 + len(repository) > _MAX_NAME:
        raise ValueError("repository name must not be longer than 255 characters")
    return ImageParts(registry, repository, familiar_name(registry, repository), tag, digest if at else None)


def familiar_name(registry: str, repository: str) -> str:
    """The name as people write it: without Docker Hub's host, and without ``library/`` there."""
    if registry != DEFAULT_REGISTRY:
        return f"{registry}/{repository}"
    return repository.removeprefix("library/")


def known_parts(partial: str) -> ImageParts:
    """What is certain of a reference with ``${NAME}`` in place of missing variables. Never raises.

    The repository is certain only if no variable stands before the tag's colon; the tag only if none stands
    in it.
    """
    rest, at, digest = partial.partition("@")
    rest, tag = _cut_tag(rest)
    known_tag = tag if tag and _TAG.match(tag) else None
    known_digest = digest if at and _DIGEST.match(digest) else None
    if _PLACEHOLDER.search(rest):
        # `repo${SUFFIX}`: the variable may hold a tag, a digest or more of the name.
        return ImageParts(None, None, None, known_tag, known_digest)
    try:
        parts = split_reference(rest)
    except ValueError:
        return ImageParts(None, None, None, known_tag, known_digest)
    return ImageParts(parts.registry, parts.repository, parts.name, known_tag, known_digest)


def _cut_tag(reference: str) -> tuple[str, str | None]:
    """Name and tag. A colon before the last slash belongs to a registry's port; one inside ``${…}`` to a
    variable.
    """
    masked = _PLACEHOLDER.sub(lambda match: "$" * len(match[0]), reference)
    colon = masked.rfind(":")
    if colon < 0 or "/" in masked[colon:]:
        return reference, None
    return reference[:colon], reference[colon + 1 :]


def _cut_domain(name: str) -> tuple[str, str]:
    head, slash, tail = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost" or head != head.lower()):
        registry, repository = head, tail
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository
