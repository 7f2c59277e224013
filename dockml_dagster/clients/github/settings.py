"""GitHub's addresses, and the login with which it is asked.

Here: the two addresses of a GitHub or GitHub Enterprise server, made from one setting. Not here: reading the
environment (``dockml_dagster.settings``).
"""

from dataclasses import dataclass, field

from dockml_dagster.clients.http.budget import RateBudget
from dockml_dagster.clients.http.client import HttpClient, HttpSettings, user_agent
from dockml_dagster.clients.http.errors import FetchError, SettingError
from dockml_dagster.clients.http.hosts import HostPolicy, Origin
from dockml_dagster.clients.http.retry import RetryPolicy

PUBLIC_API = "https://api.github.com"
_ENTERPRISE = "/api/v3"
# A search's window is a minute, so waiting for it is part of the work; an hourly budget is not waited for here. Which limits
# exist and how long to wait for each is decided by ``limits``.
_RETRY = RetryPolicy(longest_obeyed=75.0, obeys_limits=False)


@dataclass(frozen=True, slots=True)
class GithubSettings:
    """``api``: base of the REST API, without a slash at its end. ``token``: never shown, not even here.
    ``contact``: whom the server's operators can contact.
    """

    api: str = PUBLIC_API
    token: str | None = field(default=None, repr=False)
    contact: str | None = None

    @classmethod
    def of(cls, api: str | None, token: str | None, contact: str | None = None) -> "GithubSettings":
        """Parse the user's settings. Raises SettingError for an invalid server address or token."""
        base = (api or PUBLIC_API).strip().rstrip("/")
        try:
            Origin.of(base)
        except FetchError:
            shown = base.rpartition("@")[2][:100]  # the part before the @ may be a password
            raise SettingError(f"DOCKML_GITHUB_API_URL is no address of an API: {shown!r}") from None
        key = (token or "").strip()
        if any(ord(character) < 33 or ord(character) > 126 for character in key):
            raise SettingError("GITHUB_TOKEN has characters that no token has")
        address = (contact or "").strip()
        if not address.isprintable():
            raise SettingError("DOCKML_CONTACT is no address")
        return cls(base, key or None, address or None)

    @property
    def graphql(self) -> str:
        """Address of the GraphQL interface: ``/graphql``, on Enterprise servers ``/api/graphql``."""
        if self.api.endswith(_ENTERPRISE):
            return self.api.removesuffix(_ENTERPRISE) + "/api/graphql"
        return self.api + "/graphql"

    @property
    def host(self) -> str:
        """The server's name, safe as a file name."""
        origin = Origin.of(self.api)
        return origin.hostname if origin.port in {80, 443} else f"{origin.hostname}-{origin.port}"

    def http(self, budget: RateBudget | None = None) -> HttpClient:
        """A client that may speak to this server and to no other. ``budget``: one to share with other clients."""
        origin = Origin.of(self.api)
        policy = HostPolicy(names=(), configured=frozenset({origin}))
        return HttpClient(policy, HttpSettings(agent=user_agent(self.contact), retry=_RETRY), budget)
