"""The registry client: manifests, configurations and blobs, nothing fetched twice.

Here: the order of requests (HEAD first, then only content never seen before), the places of a registry, and logins
when asked for. Not here: what a manifest means (``study/image/manifest``), walking an image (``images/sources``).
Source: distribution-spec v1.1. Docker Hub counts GETs of manifests and neither HEADs nor blobs; hence the
order.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from dockml_dagster.clients.digest_store import DigestStore
from dockml_dagster.clients.http.client import Answer, HttpClient
from dockml_dagster.clients.http.errors import (
    DigestMismatchError,
    FetchError,
    LimitedError,
    NoConnectionError,
    PullLimitError,
    RefusedHostError,
    TooLargeError,
    TooSlowError,
    UnauthorizedError,
    UnsupportedError,
)
from dockml_dagster.clients.http.hosts import Origin
from dockml_dagster.clients.http.statuses import error_of_answer
from dockml_dagster.clients.http.verified_stream import refuse_unread
from dockml_dagster.clients.registry.blob_stream import BlobStream, read_range
from dockml_dagster.clients.registry.credentials import DockerCredentials
from dockml_dagster.clients.registry.settings import Place, RegistrySettings
from dockml_dagster.clients.registry.tokens import Authenticator
from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.manifest import MAX_MANIFEST_BYTES, Descriptor, ManifestDocument
from dockml_dagster.study.image.manifest_digest import manifest_digest, manifest_has_digest
from dockml_dagster.study.image.reference import Digest, ImageReference, ImageReferenceError, Repository, Tag

# The largest single range that is read into memory: tables of contents of layers with a million files.
MAX_RANGE = 256 << 20
MAX_SENT_ON = 2
LOOK_AGAIN = 3600.0
"""Seconds after which a registry with a used-up allowance of manifests is asked again, if it states no time."""
_REGISTRY_PATH = re.compile(r"^/v2/(.+)/(?:manifests|blobs)/")


@dataclass(frozen=True, slots=True)
class ManifestHead:
    """The facts in a HEAD answer: digest, media type, size in bytes. None where an old registry states none."""

    digest: Digest | None
    media_type: str | None
    size: int | None


class RegistryClient:
    """All registries, over one HttpClient. Safe to share between threads.

    ``store``: where manifests and configurations are kept for ever.
    """

    def __init__(
        self,
        http: HttpClient,
        store: DigestStore,
        settings: RegistrySettings | None = None,
        credentials: DockerCredentials | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.http, self.store = http, store
        self.settings = settings or RegistrySettings()
        self._tokens = Authenticator(http, self.settings, credentials or DockerCredentials())
        self._sleep, self._now = sleep, now
        self._used_up: dict[str, tuple[float, str]] = {}
        """Registries with a used-up allowance of manifests: until when, and their message."""

    def head_manifest(self, repository: Repository, identifier: Tag | Digest) -> ManifestHead:
        """HEAD of a tag or digest: no body, and free on Docker Hub. Raises FetchError."""
        headers = {"Accept": media_types.ACCEPT_MANIFESTS}
        with self._ask("HEAD", repository, f"manifests/{identifier}", headers) as answer:
            return ManifestHead(
                _digest_header(answer), answer.headers.get("content-type"), answer.content_length
            )

    def resolve(self, reference: ImageReference) -> Digest:
        """The digest that a reference stands for now: one HEAD for
        a tag, no request for a digest. Raises FetchError.

        A GET is needed only if the registry sends no digest or refuses HEAD.
        """
        if reference.digest is not None:
            return reference.digest
        head = self._head_or_nothing(reference.repository, reference.identifier)
        if head is not None and head.digest is not None:
            return head.digest
        return self._get_manifest(reference.repository, reference.identifier).digest

    def manifest(self, repository: Repository, digest: Digest) -> ManifestDocument:
        """The manifest of that digest, from the store or by one GET. Raises FetchError."""
        stored = self.store.get(digest, manifest_has_digest)
        if stored is not None:
            return ManifestDocument(digest, None, stored)
        return self._get_manifest(repository, digest)

    def manifest_of(self, reference: ImageReference, digest: Digest) -> ManifestDocument:
        """The manifest that a reference stands for, where a HEAD gave ``digest``: from the store, or by one GET of the
        reference itself, whose body has the last word. Raises FetchError.
        """
        stored = self.store.get(digest, manifest_has_digest)
        if stored is not None:
            return ManifestDocument(digest, None, stored)
        return self._get_manifest(reference.repository, reference.identifier)

    def document(self, repository: Repository, descriptor: Descriptor, most: int) -> bytes:
        """A small blob (a configuration) whole, from the store or by one GET, verified. Raises FetchError."""
        stored = self.store.get(descriptor.digest)
        if stored is not None:
            return stored
        if descriptor.size is not None and descriptor.size > most:
            raise TooLargeError(
                f"{descriptor.size} bytes, more than the {most} that are read", subject=str(descriptor.digest)
            )
        with self.open_blob(repository, descriptor) as stream:
            pieces, length = [], 0
            ends = time.monotonic() + self.http.settings.body_seconds
            while piece := stream.read(1 << 16):
                length += len(piece)
                if time.monotonic() > ends:
                    raise TooSlowError("the answer took too long", subject=str(descriptor.digest))
                if length > most:
                    raise TooLargeError(
                        f"more than the {most} bytes that are read", subject=str(descriptor.digest)
                    )
                pieces.append(piece)
        content = b"".join(pieces)
        self.store.put(descriptor.digest, content)
        return content

    def open_blob(self, repository: Repository, descriptor: Descriptor, *, verify: bool = True) -> BlobStream:
        """A blob as a stream (see BlobStream). Raises FetchError, now or while it is read."""
        refuse_unread(descriptor.media_type, descriptor.digest)

        def opener(start: int) -> Answer:
            headers = {"Range": f"bytes={start}-"} if start else {}
            return self._ask("GET", repository, f"blobs/{descriptor.digest}", headers, frozenset({200, 206}))

        retry = self.http.settings.retry
        return BlobStream(
            opener, descriptor.digest, descriptor.size, verify=verify, retry=retry, sleep=self._sleep
        )

    def read_range(self, repository: Repository, descriptor: Descriptor, start: int, length: int) -> bytes:
        """``length`` bytes of a blob from ``start`` on; a negative ``start`` counts from the end.

        A range cannot be checked against the blob's digest. Raises FetchError; UnsupportedError if
        the server has no ranges.
        """
        refuse_unread(descriptor.media_type, descriptor.digest)
        if start < 0:
            if descriptor.size is None:
                raise UnsupportedError(
                    "a range from the end of a blob of unknown size", subject=str(descriptor.digest)
                )
            start = max(0, descriptor.size + start)
        if descriptor.size is not None:
            length = min(length, descriptor.size - start)
        if not 0 <= length <= MAX_RANGE:
            raise TooLargeError(f"a range of {length} bytes at {start}", subject=str(descriptor.digest))
        if length == 0:
            return b""
        headers = {"Range": f"bytes={start}-{start + length - 1}"}
        answer = self._ask("GET", repository, f"blobs/{descriptor.digest}", headers, frozenset({200, 206}))
        return read_range(answer, start, length)

    def blob_size(self, repository: Repository, digest: Digest) -> int | None:
        """The compressed size of a blob in bytes, by HEAD (schema 1 manifests do not state it); None if not stated."""
        with self._ask("HEAD", repository, f"blobs/{digest}", {}) as answer:
            return answer.content_length

    def _head_or_nothing(self, repository: Repository, identifier: Tag | Digest) -> ManifestHead | None:
        try:
            return self.head_manifest(repository, identifier)
        except FetchError as error:
            # Registries and the proxies before them refuse HEAD in many ways (401, 403, 404, 500, 503, a closed connection)
            # although GET works. If a limit was hit or no server was reached, GET would fail too.
            # Some only never answer a HEAD: GET is asked then, and where it is silence too, HttpClient ends it soon.
            if isinstance(error, (LimitedError, NoConnectionError, RefusedHostError)):
                raise
            return None

    def _get_manifest(self, repository: Repository, identifier: Tag | Digest) -> ManifestDocument:
        headers = {"Accept": media_types.ACCEPT_MANIFESTS}
        subject, registry = f"{repository}:{identifier}", repository.registry.host
        until, problem = self._used_up.get(registry, (0.0, ""))
        if (left := until - self._now()) > 0:
            raise PullLimitError(problem, subject=subject, status=429, retry_after=left)
        try:
            with self._ask("GET", repository, f"manifests/{identifier}", headers) as answer:
                body = answer.read(MAX_MANIFEST_BYTES)
                said, media_type = _digest_header(answer), answer.headers.get("content-type")
        except PullLimitError as limit:
            # The registry states only the length of the window, not when the first pulls leave it.
            limit.retry_after = LOOK_AGAIN if limit.retry_after is None else limit.retry_after
            self._used_up[registry] = self._now() + limit.retry_after, limit.problem
            raise
        # The body decides what a tag stands for: some registries' headers name another digest, which does not exist.
        digest = identifier if isinstance(identifier, Digest) else said or manifest_digest(body)
        if digest is not identifier and not manifest_has_digest(body, digest):
            digest = manifest_digest(body)
        try:
            self.store.put(digest, body, manifest_has_digest)
        except DigestMismatchError as error:
            raise DigestMismatchError(error.problem, subject=f"{repository}@{digest}") from None
        return ManifestDocument(digest, media_type, body)

    def _ask(
        self,
        method: str,
        repository: Repository,
        rest: str,
        headers: Mapping[str, str],
        expected: frozenset[int] = frozenset({200}),
    ) -> Answer:
        """Ask the places of the repository's registry in turn; returns the first that has it."""
        first: FetchError | None = None
        last: FetchError | None = None
        for place in self.settings.places(repository.registry):
            try:
                return self._ask_place(place, method, repository, rest, headers, expected)
            except FetchError as error:
                first, last = first or error, error
        if last is None or first is None:
            raise UnsupportedError("no place to ask", subject=str(repository))
        # If one place failed only temporarily, a later attempt may succeed.
        raise first if first.retryable else last

    def _ask_place(  # noqa: PLR0917 - the parts of one request
        self,
        place: Place,
        method: str,
        repository: Repository,
        rest: str,
        headers: Mapping[str, str],
        expected: frozenset[int],
    ) -> Answer:
        path = place.path(repository.path)
        address, scope = f"{place.address}/v2/{path}/{rest}", f"repository:{path}:pull"
        statuses = expected | {401}
        answer = self._ask_with_token(place, method, address, scope, headers, statuses)
        for _ in range(MAX_SENT_ON):
            if answer.status != 401 or Origin.of(answer.address) == place.origin:
                break
            # A gateway redirected to another registry, which has its own challenge.
            answer.close()
            place, scope = self._sent_on(place, answer.address)
            address = answer.address
            answer = self._ask_with_token(place, method, address, scope, headers, statuses)
        if answer.status == 401:
            with answer:
                body = answer.read_some(4096) if method != "HEAD" else b""
            error = error_of_answer(401, answer.headers, body, address, time.time())
            raise UnauthorizedError(
                f"needs a login, or does not exist ({error.problem})", subject=address, status=401
            )
        return answer

    def _ask_with_token(  # noqa: PLR0917 - the parts of one request
        self,
        place: Place,
        method: str,
        address: str,
        scope: str,
        headers: Mapping[str, str],
        statuses: frozenset[int],
    ) -> Answer:
        """The answer of one place, after meeting its challenge; a 401 from another host, after a redirect, is returned."""

        def ask(authorization: str | None) -> Answer:
            return self.http.request(
                method, address, headers=headers, authorization=authorization, expected=statuses
            )

        def is_challenge(answer: Answer) -> bool:
            return answer.status == 401 and Origin.of(answer.address) == place.origin

        sent = self._tokens.known(place, scope)
        answer = ask(sent)
        if is_challenge(answer) and sent is not None:
            # The token expired or is for another scope: start again without one.
            answer.close()
            self._tokens.forget(place, scope)
            answer = ask(None)
        if is_challenge(answer):
            answer.close()
            answer = ask(
                self._tokens.meet(place, scope, answer.headers.get("www-authenticate"), refused=sent)
            )
        return answer

    def _sent_on(self, place: Place, address: str) -> tuple[Place, str]:
        """The registry that a redirect leads to, as a place with its own tokens and login, and the scope there.

        Raises UnauthorizedError if the target is no registry, RefusedHostError if it is on no list: a host that we only
        reach by redirect gets requests, but never a credential.
        """
        origin = Origin.of(address)
        found = _REGISTRY_PATH.search(urlsplit(address).path)
        if found is None:
            raise UnauthorizedError(
                f"{place.host} sends on to {origin.hostname}, which wants a login and is no registry",
                subject=address,
                status=401,
            )
        try:
            self.http.policy.check(address)
        except RefusedHostError as error:
            raise RefusedHostError(
                f"{place.host} sends on to another registry: {error.problem}", subject=address
            ) from None
        return Place(origin), f"repository:{found[1]}:pull"


def _digest_header(answer: Answer) -> Digest | None:
    try:
        return Digest.parse(answer.headers.get("docker-content-digest", ""))
    except ImageReferenceError:
        return None
