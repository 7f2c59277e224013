"""Statuses that have a meaning of their own at GitHub, as kinds of the one error tree.

Here: the kinds, and turning an error of any server into GitHub's. Not here: limits (``limits``), statuses that mean
the same everywhere (``clients.http.statuses``).

Source: docs.github.com/en/rest/git/trees (409: the repository has no commit), .../search (422); 451 answers for a
repository that is withheld for legal reasons.
"""

from dockml_dagster.clients.github.settings import PUBLIC_API, GithubSettings
from dockml_dagster.clients.http.errors import (
    FetchError,
    GoneError,
    LimitedError,
    SettingError,
    UnauthorizedError,
)


class EmptyRepositoryError(FetchError):
    """A repository without commits (409): there is nothing to read, which is a result and no failure."""

    reason = "empty_repository"


class WithheldError(FetchError):
    """Withheld for legal reasons (451)."""

    reason = "withheld"


class InvalidQuestionError(FetchError):
    """GitHub cannot process the request (422): a mistake in a search's text, or a bug of dockml."""

    reason = "invalid_question"


class AnonymousLimitError(LimitedError):
    """The small budget without a token is used up, for a repository that refuses the token. Other repositories go on."""


_BY_STATUS: dict[int, type[FetchError]] = {
    409: EmptyRepositoryError,
    422: InvalidQuestionError,
    451: WithheldError,
}


_OF_ANY_SERVER = "not there (HTTP 404)"
"""A 404 without GitHub's message: from a web server without the API, or from an address other than that of the API."""


def no_api(problem: str, settings: GithubSettings) -> SettingError:
    """The error for a server that is no GitHub API, on which every repository would seem to be gone."""
    return SettingError(
        f"{settings.api} answers as no API of GitHub does ({problem}); DOCKML_GITHUB_API_URL is {PUBLIC_API}, or "
        "https://HOST/api/v3 of GitHub Enterprise Server, or https://api.NAME.ghe.com"
    )


def as_github_means_it(error: FetchError, settings: GithubSettings) -> FetchError:
    """The same error as the kind that its status means at GitHub; a refused login names the setting to check."""
    if isinstance(error, GoneError) and error.problem == _OF_ANY_SERVER:
        return no_api(error.problem, settings)
    if error.status == 401:
        return UnauthorizedError(_login(error.problem, settings), subject=error.subject, status=401)
    kind = _BY_STATUS.get(error.status or 0)
    if kind is None or isinstance(error, kind):
        return error
    return kind(error.problem, subject=error.subject, status=error.status, retry_after=error.retry_after)


def _login(problem: str, settings: GithubSettings) -> str:
    if settings.token is None:
        return f"{problem}: it wants a login; set GITHUB_TOKEN (on github.com a token needs no permission)"
    return (
        f"{problem}: the token in GITHUB_TOKEN is wrong, expired or revoked, or of another server than "
        f"{settings.host} (DOCKML_GITHUB_API_URL); a new one needs no permission"
    )
