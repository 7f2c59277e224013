"""Image references as types: registry, repository, tag, digest, and images stored in files.

Here: parsing a reference once, so that no other module splits it as a string. It follows Docker's grammar and
defaults (distribution/reference: ``ParseNormalizedNamed``, ``TagNameOnly``), and the transports that
containers-transports(5) names for local images. Not here: variables in Dockerfiles
(``study.dockerfile.reading.base_reference``), anything that opens a file or a connection.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, Self

DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"
OFFICIAL_NAMESPACE = "library"

# A longer reference cannot be valid: host (255) + path (255) + tag (128) + digest, with room to spare.
MAX_REFERENCE_LENGTH = 1024
MAX_PATH_LENGTH = 255
MAX_HOST_LENGTH = 255
_SHOWN = 80

# Docker Hub's other names. Docker itself turns only the first into docker.io; the others stay in a reference
# but are the same registry (see Registry.is_docker_hub).
_HUB_ALIAS = "index.docker.io"
_HUB_HOSTS = frozenset({DOCKER_HUB, _HUB_ALIAS, "registry-1.docker.io", "registry.hub.docker.com"})
_HUB_API_HOST = "registry-1.docker.io"

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(
    rf"(?P<name>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?"
)
PATH_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ALGORITHM = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*")
_HEX = re.compile(r"[0-9a-f]+")
_HEX_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}
BARE_IMAGE_ID = re.compile(r"[0-9a-f]{64}")


class CutReference(NamedTuple):
    """The parts of a reference as written. ``host`` None: none was written, so Docker Hub. ``path``: without defaults."""

    host: str | None
    path: str
    tag: str | None
    digest: str | None


def cut_reference(text: str) -> CutReference:
    """Split ``[HOST[:PORT]/]PATH[:TAG][@DIGEST]`` by Docker's grammar, without any check.

    The one place that splits a reference. ``ImageReference`` then checks what may be asked of a registry; the reading
    of Dockerfiles checks what a builder accepts.
    """
    name, at, digest = text.partition("@")
    colon = name.rfind(":")
    tag = None
    # A colon before the last slash belongs to the port.
    if colon > name.rfind("/"):
        name, tag = name[:colon], name[colon + 1 :]
    host, path = cut_host(name)
    return CutReference(host, path, tag, digest if at else None)


def cut_host(name: str) -> tuple[str | None, str]:
    """The host before a name, if the first part can only be a host, and the rest."""
    first, slash, rest = name.partition("/")
    return (first, rest) if slash and _is_host(first) else (None, name)


class ImageReferenceError(ValueError):
    """Text that is not an image reference. The message is one line, names the text and says what is wrong with it."""

    def __init__(self, text: str, problem: str) -> None:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        super().__init__(f"not an image reference: {shown!r}: {problem}")
        self.text = text
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry by its host, with the port if one was given: ``docker.io``, ``127.0.0.1:5055``, ``[::1]:5000``.

    Host names are case-insensitive (RFC 4343), so they are kept in lower case.
    """

    host: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``HOST[:PORT]``. ``index.docker.io`` becomes ``docker.io``. Raises ImageReferenceError."""
        found = _HOST.fullmatch(text) if len(text) <= MAX_HOST_LENGTH else None
        if found is None:
            raise ImageReferenceError(text, "the registry is no valid host name")
        port = found["port"]
        if port is not None and not 0 < int(port) < 65536:
            raise ImageReferenceError(text, f"port {port} does not exist")
        if port is None and "." not in found["name"] and found["name"] != found["name"].lower():
            # For Docker a capital marks a host. In lower case the same name is a namespace of Docker Hub, and
            # hosts have no case. So neither interpretation would survive being written out and parsed again.
            raise ImageReferenceError(text, "the repository's name must be in lower case")
        host = found["name"].lower() + (f":{int(port)}" if port is not None else "")
        return cls(DOCKER_HUB if host == _HUB_ALIAS else host)

    @property
    def hostname(self) -> str:
        """The host without port; an IPv6 address without its brackets."""
        name = self.host if self.host.endswith("]") else self.host.rpartition(":")[0] or self.host
        return name.strip("[]")

    @property
    def port(self) -> int | None:
        """The port that was given, or None."""
        port = "" if self.host.endswith("]") else self.host.rpartition(":")[2]
        return int(port) if port.isdigit() and port != self.host else None

    @property
    def is_docker_hub(self) -> bool:
        """Whether this is Docker Hub, under any of its names."""
        return self.host in _HUB_HOSTS

    @property
    def api_host(self) -> str:
        """The host that answers ``/v2/``; for Docker Hub it differs from the registry's name."""
        return _HUB_API_HOST if self.is_docker_hub else self.host

    def __str__(self) -> str:
        return self.host


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in a registry: ``docker.io`` and ``library/debian``."""

    registry: Registry
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name without tag and digest, with Docker's defaults: ``debian`` is ``docker.io/library/debian``.

        Raises ImageReferenceError.
        """
        _refuse_odd_text(text)
        host, path = cut_host(text)
        registry = Registry(DOCKER_HUB) if host is None else Registry.parse(host)
        if registry.is_docker_hub and "/" not in path:
            path = f"{OFFICIAL_NAMESPACE}/{path}"
        _check_path(text, path)
        return cls(registry, path)

    @property
    def familiar(self) -> str:
        """The short form that people write: ``debian``, ``owner/name``, or with the registry if not Docker Hub."""
        if self.registry.host != DOCKER_HUB:
            return str(self)
        namespace, _, name = self.path.partition("/")
        short = name if namespace == OFFICIAL_NAMESPACE and "/" not in name else self.path
        # In short form these few would be parsed as something else.
        if _is_host(namespace) or BARE_IMAGE_ID.fullmatch(short):
            return str(self)
        return short

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: a name that its owner may move to another image at any time."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a tag: 1 to 128 of ``A-Za-z0-9_.-``, not beginning with ``.`` or ``-``. Raises ImageReferenceError."""
        if not TAG.fullmatch(text):
            raise ImageReferenceError(text, "no valid tag (letters, digits, '_', '.', '-'; at most 128)")
        return cls(text)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of content: ``algorithm:hex`` (OCI image-spec, descriptor.md, "Digests")."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha256:…``, ``sha384:…`` or ``sha512:…``, all lower case and complete. Raises ImageReferenceError."""
        algorithm, colon, hexadecimal = text.partition(":")
        if not colon or not _ALGORITHM.fullmatch(algorithm):
            raise ImageReferenceError(text, "no valid digest (algorithm:hex)")
        length = _HEX_LENGTH.get(algorithm)
        if length is None:
            raise ImageReferenceError(text, f"unknown digest algorithm {algorithm[:20]!r}")
        if len(hexadecimal) != length or not _HEX.fullmatch(hexadecimal):
            raise ImageReferenceError(
                text, f"a {algorithm} digest has {length} lower-case hexadecimal digits"
            )
        return cls(algorithm, hexadecimal)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image in a registry. Without tag and digest it means ``latest``, but ``tag`` stays None to show the absence."""

    repository: Repository
    tag: Tag | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``[HOST[:PORT]/]PATH[:TAG][@DIGEST]`` (also after ``docker://``). Raises ImageReferenceError."""
        _refuse_odd_text(text)
        name = text.removeprefix("docker://")
        if "://" in name:
            raise ImageReferenceError(text, "a web address; leave out the scheme")
        if BARE_IMAGE_ID.fullmatch(name):
            raise ImageReferenceError(text, "64 hexadecimal digits are an image id, which no registry knows")
        cut = cut_reference(name)
        if cut.host is None and cut.path == "":
            raise ImageReferenceError(text, "the name is empty")
        try:
            digest = None if cut.digest is None else Digest.parse(cut.digest)
            tag = None if cut.tag is None else Tag.parse(cut.tag)
            path = cut.path if cut.host is None else f"{cut.host}/{cut.path}"
            return cls(Repository.parse(path), tag, digest)
        except ImageReferenceError as error:
            raise ImageReferenceError(text, error.problem) from None

    @property
    def registry(self) -> Registry:
        """The registry of the repository."""
        return self.repository.registry

    @property
    def identifier(self) -> Tag | Digest:
        """What to ask the registry for: the digest if there is one, else the tag, else ``latest``."""
        return self.digest or self.tag or Tag(DEFAULT_TAG)

    @property
    def familiar(self) -> str:
        """The short form that people write; ``parse`` reads it back to an equal reference."""
        return self.repository.familiar + self._suffix()

    def at(self, digest: Digest) -> "ImageReference":
        """The same reference, pinned to a digest."""
        return replace(self, digest=digest)

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return str(self.repository) + self._suffix()


class LocalForm(StrEnum):
    """The forms of images outside registries; the value is the scheme of the reference."""

    OCI_LAYOUT = "oci"
    OCI_ARCHIVE = "oci-archive"
    DOCKER_ARCHIVE = "docker-archive"
    SKOPEO_DIRECTORY = "dir"
    DOCKER_DAEMON = "docker-daemon"
    CONTAINERS_STORAGE = "containers-storage"


# Other tools' schemes for images on this machine. Read as names on Docker Hub, they would be sent over the network.
_OTHER_SCHEMES = frozenset(
    "apptainer buildah containerd cri-o crio docker-dir docker-tar docker-image file image-archive local minikube "
    "nerdctl oci-dir oci-image ostree podman shub sif singularity tarball".split()
)
_WITHOUT_SELECTOR = frozenset(
    {LocalForm.SKOPEO_DIRECTORY, LocalForm.DOCKER_DAEMON, LocalForm.CONTAINERS_STORAGE}
)
_LOCAL_SCHEMES = frozenset(form.value for form in LocalForm)


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image in a directory or an archive: ``oci:DIR[:TAG]``, ``oci-archive:FILE[:TAG]``,
    ``docker-archive:FILE[:NAME[:TAG]]``, ``dir:DIR``. The first two also take ``@DIGEST``.

    ``docker-daemon:NAME`` and ``containers-storage:NAME`` are images in an engine's own store, under the name that they have
    there (``path``). ``selector``: the tag (for ``docker-archive`` the name) that was asked for, or a position (``@0`` is
    the first); None means the only image. ``shown``: the name for messages, if the image is read from a copy.
    """

    form: LocalForm
    path: str
    selector: str | None = None
    digest: Digest | None = None
    shown: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one of the forms. As in containers-transports(5) the path ends at its first colon.

        Raises ImageReferenceError.
        """
        scheme, colon, rest = text.partition(":")
        if not colon or scheme not in _LOCAL_SCHEMES:
            raise ImageReferenceError(text, f"no scheme of a local image ({', '.join(LocalForm)})")
        if "\x00" in rest or len(rest) > 4096:
            raise ImageReferenceError(text, "no usable path")
        form = LocalForm(scheme)
        digest = None
        if form in {LocalForm.OCI_LAYOUT, LocalForm.OCI_ARCHIVE}:
            before, at, after = rest.rpartition("@")
            if at and ":" in after and "/" not in after:
                rest, digest = before, Digest.parse(after)
        if form in _WITHOUT_SELECTOR:
            path, selector = rest, None
        else:
            path, separator, selected = rest.partition(":")
            selector = selected if separator else None
        if path == "":
            raise ImageReferenceError(text, "the path is empty")
        if selector == "":
            raise ImageReferenceError(text, "the tag after the last colon is empty")
        return cls(form, path, selector, digest)

    def __str__(self) -> str:
        if self.shown is not None:
            return self.shown
        selector = f":{self.selector}" if self.selector is not None else ""
        return f"{self.form}:{self.path}{selector}" + (f"@{self.digest}" if self.digest else "")


def parse_location(text: str) -> ImageReference | LocalImage:
    """Read a user's name for an image: one of the local forms, or a reference to a registry.

    Raises ImageReferenceError. A name such as ``oci:1`` is read as a local form; an image of that name must be
    written as ``library/oci:1``.
    """
    scheme = text.partition(":")[0]
    if ":" in text and scheme in _OTHER_SCHEMES:
        raise ImageReferenceError(text, f"not a form that is read ({', '.join(LocalForm)}, or a registry's)")
    return LocalImage.parse(text) if ":" in text and scheme in _LOCAL_SCHEMES else ImageReference.parse(text)


def _is_host(first: str) -> bool:
    # Docker's rule: a first part is a host if it could not be a namespace. A capital makes it one, since paths have none.
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def _refuse_odd_text(text: str) -> None:
    if text == "":
        raise ImageReferenceError(text, "it is empty")
    if len(text) > MAX_REFERENCE_LENGTH:
        raise ImageReferenceError(text, f"longer than {MAX_REFERENCE_LENGTH} characters")
    if "$" in text:
        raise ImageReferenceError(text, "it holds a variable that was not replaced")
    if any(character.isspace() for character in text):
        raise ImageReferenceError(text, "it holds white space")


def _check_path(text: str, path: str) -> None:
    if path == "" or path.endswith("/") or path.startswith("/") or "//" in path:
        raise ImageReferenceError(text, "a part of the repository's name is empty")
    if path != path.lower():
        raise ImageReferenceError(text, "the repository's name must be in lower case")
    if len(path) > MAX_PATH_LENGTH:
        raise ImageReferenceError(text, f"the repository's name is longer than {MAX_PATH_LENGTH} characters")
    for component in path.split("/"):
        if not PATH_COMPONENT.fullmatch(component):
            raise ImageReferenceError(text, f"{component[:40]!r} is no valid part of a repository's name")
