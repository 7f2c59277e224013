"""Connections whose address is checked before they are used.

Here: everything that imports requests and urllib3: opening a connection, sending one request, their failures as typed
errors. Not here: which address is allowed (``hosts``), redirects, retries and headers (``client``).

``client`` imports this when the first request is made, not before: requests costs 0.2 s to import, and most commands
never make one. Proxies and the certificate bundle come from the environment as usual; ``.netrc`` and cookies are not
used, since both would send data that nobody chose to send. Behind a proxy, the proxy resolves names, so there only
literal addresses can be checked.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import CONTINUE, HTTPException, HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    NoConnectionError,
    RefusedHostError,
    SettingError,
    SilentError,
    UnavailableError,
)
from dockml_dagster.clients.http.hosts import HostPolicy, Origin

POOL_SIZE = 16
MOST_INTERIM = 10
"""Most ``100 Continue`` answers before the final one. dockml never requests any."""
MOST_ADDRESSES = 8
"""Most addresses of a name that are tried; each may take the whole time for a connection."""
# The errors that reading a stream may raise; any other is a bug of dockml.
STREAM_ERRORS: tuple[type[Exception], ...] = (HTTPError, HTTPException, requests.RequestException, OSError)


class Transport:
    """A requests session that connects only where the current policy allows it, follows no redirects and adds no
    headers.
    """

    def __init__(self, policy: Callable[[], HostPolicy], header_seconds: float = 60.0) -> None:
        """``header_seconds``: the total time for an answer's headers, and for a TLS handshake.

        Raises SettingError if the configured certificates do not exist.
        """
        self._session = _Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _CheckedAdapter(policy, header_seconds)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._verify = _certificates()

    def send(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        timeout: tuple[float, float],
        data: Mapping[str, str] | bytes | None = None,
    ) -> requests.Response:
        """One request, one answer, its body unread. Raises UnavailableError, RefusedHostError or SettingError."""
        proxies = get_environ_proxies(address)
        try:
            return self._session.request(
                method,
                address,
                headers=dict(headers),
                data=data,
                stream=True,
                allow_redirects=False,
                timeout=timeout,
                proxies=proxies,
                verify=self._verify,
            )
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
            raise _typed(error, address, proxied=select_proxy(address, proxies) is not None) from None

    def close(self) -> None:
        """Close all connections."""
        self._session.close()


def _certificates() -> str | bool:
    """The path of the trusted certificates; True: those that requests ships."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if path := os.environ.get(name):
            if not Path(path).exists():
                raise SettingError(f"{name} names no file or directory: {path}")
            return path
    return True


def stream_failure(error: Exception, address: str) -> FetchError:
    """The typed error for one of STREAM_ERRORS that was raised while a body was read."""
    return _typed(error, address)


def _typed(error: BaseException, address: str, *, proxied: bool = False) -> FetchError:
    refusal = _cause(error, RefusedHostError)
    if refusal is not None:
        return refusal
    names = {type(link).__name__ for link in _chain(error)}
    if proxied and names & {"InvalidProxyURL", "ProxySchemeUnknown", "InvalidSchema", "LocationParseError"}:
        return SettingError(
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is no address of a proxy that can be used (http://HOST:PORT)"
        )
    if "ProxyError" in names:
        return NoConnectionError(
            "the proxy that HTTPS_PROXY or HTTP_PROXY names does not let it through", subject=address
        )
    if "NameResolutionError" in names:
        return NoConnectionError(
            "no address found for this name; is there a network, or does it want a proxy (HTTPS_PROXY)?",
            subject=address,
        )
    if names & {"ConnectTimeoutError", "ConnectTimeout"}:
        return NoConnectionError("no connection in time", subject=address)
    if "NewConnectionError" in names:
        return NoConnectionError(f"the connection failed ({type(error).__name__})", subject=address)
    if names & {"ReadTimeoutError", "ReadTimeout", "TimeoutError"}:
        return SilentError("no answer in time", subject=address)
    if names & {"SSLError", "SSLCertVerificationError", "SSLEOFError"}:
        return NoConnectionError(
            "no secure connection (certificate or protocol); a certificate of one's own, or of a proxy, is named in "
            "REQUESTS_CA_BUNDLE",
            subject=address,
        )
    if "InvalidHeader" in names and "Content-Length" in str(error):
        return BrokenContentError("two lengths that differ", subject=address)
    # A ValueError inside another error is about the answer: a status or the size of a chunk is no number.
    if names & {"InvalidURL", "LocationParseError", "InvalidHeader"} or type(error) is ValueError:
        return RefusedHostError("no usable address", subject=address)
    if "IncompleteRead" in names:
        return UnavailableError("the answer ended early", subject=address)
    return UnavailableError(f"the connection failed ({type(error).__name__})", subject=address)


def _cause(error: BaseException, kind: type[RefusedHostError]) -> RefusedHostError | None:
    return next((link for link in _chain(error) if isinstance(link, kind)), None)


def _chain(error: BaseException) -> list[BaseException]:
    # requests and urllib3 wrap in three ways: __cause__, __context__, and the error as an argument or
    # `reason`.
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < 20:
        link = waiting.pop()
        if any(link is known for known in found):
            continue
        found.append(link)
        inner: list[Any] = [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
        waiting.extend(item for item in inner if isinstance(item, BaseException))
    return found


class _Session(requests.Session):
    """A session that ignores redirects: requests would parse even unfollowed ones, and fail on malformed ones."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class _CheckedAdapter(HTTPAdapter):
    """Connection pools that resolve a name once, check each address, and connect to a checked one."""

    def __init__(self, policy: Callable[[], HostPolicy], seconds: float) -> None:
        self._pools = _pool_classes(policy, seconds)
        super().__init__(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        super().init_poolmanager(*arguments, **settings)
        self.poolmanager.pool_classes_by_scheme = self._pools


@contextmanager
def _in_time(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer. A socket timeout applies to each piece received, so without this a
    server that sends a line now and then could hold us as long as it likes.
    """
    late = threading.Event()

    def cut() -> None:
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    alarm = threading.Timer(seconds, cut)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    except Exception:
        if not late.is_set():
            raise
    finally:
        alarm.cancel()
    if late.is_set():  # http.client takes the cut for the end of the headers
        raise TimeoutError("the answer took too long")


class _Answer(HTTPResponse):
    """An answer with a limit on ``100 Continue``; http.client itself would skip them for ever."""

    interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        self.interim += status == CONTINUE
        if self.interim > MOST_INTERIM:
            raise HTTPException("interim answers without end")
        return version, status, reason


def read_chunk(response: requests.Response, most: int, seconds: float) -> bytes:
    """Up to ``most`` bytes of a chunked body. The lines between its chunks, and the trailers, may be endless, and during
    them no read returns, so the caller could not check the time.
    """
    connection = response.raw.connection
    if connection is None:
        return response.raw.read1(most, decode_content=False) or b""
    with _in_time(connection, seconds):
        return response.raw.read1(most, decode_content=False) or b""


def _pool_classes(policy: Callable[[], HostPolicy], seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    class CheckedConnection(HTTPConnection):
        response_class = _Answer

        def _new_conn(self) -> socket.socket:
            return _connect(self, policy(), "http")

        def getresponse(self) -> Any:
            with _in_time(self, seconds):
                return super().getresponse()

    class CheckedSecureConnection(HTTPSConnection):
        response_class = _Answer

        def _new_conn(self) -> socket.socket:
            return _connect(self, policy(), "https")

        def connect(self) -> None:
            with _in_time(self, seconds):
                super().connect()

        def getresponse(self) -> Any:
            with _in_time(self, seconds):
                return super().getresponse()

    class CheckedPool(HTTPConnectionPool):
        ConnectionCls = CheckedConnection

    class CheckedSecurePool(HTTPSConnectionPool):
        ConnectionCls = CheckedSecureConnection

    return {"http": CheckedPool, "https": CheckedSecurePool}


def _connect(connection: HTTPConnection, policy: HostPolicy, scheme: str) -> socket.socket:
    """Open the socket of a connection. The name is resolved once, so the address cannot change after the check."""
    host, port = connection.host.strip("[]"), connection.port or 0
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        # Python raises UnicodeError for a label of more than 63 characters.
        gai = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(host, connection, gai) from error
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    origin = Origin(scheme, host, port)
    # One private address among public ones is enough to refuse: such a name is not trusted.
    for address in addresses:
        policy.check_network_address(origin, address)
    failure: OSError | None = None
    for address in addresses[:MOST_ADDRESSES]:
        try:
            return create_connection(
                (address, port), connection.timeout, connection.source_address, connection.socket_options
            )
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, f"connection to {host} timed out") from failure
    raise NewConnectionError(connection, f"no connection: {failure}") from failure
