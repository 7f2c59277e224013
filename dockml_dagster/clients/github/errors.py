"""Statuses that have a meaning of their own at GitHub, as kinds of the one error tree.

Source: docs.github.com/en/rest/git/trees (409: the repository has no commit), .../search (422); 451 answers for a
repository that is withheld for legal reasons.
"""

from dockml_dagster.clients.github.settings import GithubSettings
from dockml_dagster.clients.http.errors import FetchError, LimitedError, UnauthorizedError


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


def as_github_means_it(error: FetchError, settings: GithubSettings) -> FetchError:
    """The same error as the kind that its status means at GitHub; a refused login names the setting to check."""
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
