"""GitHub's facts about a repository and its files as plain types, read from REST or GraphQL.

Here: the types, and reading them from untrusted JSON. Not here: requests (``client``, ``questions``).
Sources: docs.github.com/en/rest/repos/repos, .../git/trees; docs.github.com/en/graphql/reference/objects.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dockml_dagster.clients.http.errors import BrokenContentError
from dockml_dagster.study.json_facts import Facts

EntryKind = Literal["file", "executable", "symlink", "submodule", "directory", "unknown"]
_KINDS: dict[str, EntryKind] = {
    "100644": "file",
    "100664": "file",
    "100755": "executable",
    "120000": "symlink",
    "160000": "submodule",
    "040000": "directory",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's metadata. None: not stated. ``id``: GitHub's number, which survives renaming.

    ``size_kib``: of the git repository. ``open_issues``: including pull requests, as REST counts them. Times: ISO 8601 text,
    as received. ``commits``, ``releases``, ``issues``, ``pulls``: from GraphQL, or by one REST call each.
    """

    id: int
    name: str
    description: str | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None
    homepage: str | None = None
    stars: int | None = None
    forks: int | None = None
    open_issues: int | None = None
    size_kib: int | None = None
    archived: bool | None = None
    fork: bool | None = None
    private: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None
    pushed_at: str | None = None
    default_branch: str | None = None
    commits: int | None = None
    releases: int | None = None
    issues: int | None = None
    pulls: int | None = None

    def as_document(self) -> dict[str, Any]:
        """The form for the store; ``from_document`` reads it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Repository":
        """The repository from its stored form."""
        return cls(**{**document, "topics": tuple(document.get("topics") or ())})


def repository_of_rest(facts: Facts, where: str) -> Repository:
    """A repository from REST, alone or among a search's results. Raises BrokenContentError without id or name."""
    number, name = facts.whole("id"), facts.text("full_name")
    if number is None or not is_name(name):
        raise BrokenContentError("a repository without id or name", subject=where)
    return Repository(
        id=number,
        name=name or "",
        description=facts.text("description"),
        topics=facts.texts("topics") or (),
        language=facts.text("language"),
        homepage=facts.text("homepage") or None,
        stars=facts.whole("stargazers_count"),
        forks=facts.whole("forks_count"),
        open_issues=facts.whole("open_issues_count"),
        size_kib=facts.whole("size"),
        archived=facts.truth("archived"),
        fork=facts.truth("fork"),
        private=facts.truth("private"),
        created_at=facts.text("created_at"),
        updated_at=facts.text("updated_at"),
        pushed_at=facts.text("pushed_at"),
        default_branch=facts.text("default_branch"),
    )


def repository_of_graphql(facts: Facts, where: str) -> Repository:
    """A repository from GraphQL (fields of ``questions.REPOSITORY``). Raises BrokenContentError."""
    number, name = facts.whole("databaseId"), facts.text("nameWithOwner")
    if number is None or not is_name(name):
        raise BrokenContentError("a repository without id or name", subject=where)
    language = facts.inner("primaryLanguage")
    topics = facts.inner("repositoryTopics")
    nodes = (topics.objects("nodes") if topics else None) or ()
    named = (node.inner("topic") for node in nodes)
    branch = facts.inner("defaultBranchRef")
    target = branch.inner("target") if branch else None
    history = target.inner("history") if target else None
    open_issues, open_pulls = _total(facts, "openIssues"), _total(facts, "openPulls")
    return Repository(
        id=number,
        name=name or "",
        description=facts.text("description"),
        topics=tuple(text for topic in named if topic and (text := topic.text("name"))),
        language=language.text("name") if language else None,
        homepage=facts.text("homepageUrl") or None,
        stars=facts.whole("stargazerCount"),
        forks=facts.whole("forkCount"),
        open_issues=None if open_issues is None or open_pulls is None else open_issues + open_pulls,
        size_kib=facts.whole("diskUsage"),
        archived=facts.truth("isArchived"),
        fork=facts.truth("isFork"),
        private=facts.truth("isPrivate"),
        created_at=facts.text("createdAt"),
        updated_at=facts.text("updatedAt"),
        pushed_at=facts.text("pushedAt"),
        default_branch=branch.text("name") if branch else None,
        # No commits only if GitHub says that the repository is empty; if the branch is missing, the number is unknown.
        commits=history.whole("totalCount") if history else (0 if facts.truth("isEmpty") else None),
        releases=_total(facts, "releases"),
        issues=_total(facts, "issues"),
        pulls=_total(facts, "pullRequests"),
    )


def is_name(name: str | None) -> bool:
    """Whether a text is ``owner/name`` as GitHub writes them."""
    owner, slash, rest = (name or "").partition("/")
    allowed = all(c.isascii() and (c.isalnum() or c in "-_.") for c in owner + rest)
    return bool(slash and owner and rest and allowed and rest not in {".", ".."} and len(owner + rest) <= 200)


def _total(facts: Facts, name: str) -> int | None:
    inner = facts.inner(name)
    return inner.whole("totalCount") if inner else None


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One path of a commit. ``sha``: object name of the content. ``size``: bytes; of files only."""

    path: str
    kind: EntryKind
    sha: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """All paths below one directory. ``truncated``: GitHub left some out (beyond 100,000 entries or 7 MB)."""

    sha: str
    entries: tuple[TreeEntry, ...]
    truncated: bool


def tree_of_rest(facts: Facts, where: str) -> Tree:
    """Parse an answer of ``git/trees``; it counts as complete only if it says that it is not truncated.

    Raises BrokenContentError if hash or entries are missing, or an entry cannot be read.
    """
    sha, entries = facts.text("sha"), facts.objects("tree")
    if not is_sha(sha) or entries is None or len(entries) != len(facts.items("tree") or ()):
        raise BrokenContentError("a tree without hash or entries", subject=where)
    read = []
    for entry in entries:
        path, name = entry.text("path"), entry.text("sha")
        if not path or not is_sha(name):
            # If the entry were left out, a Dockerfile could be missing, and its project would seem to have none.
            raise BrokenContentError("a tree with an entry without path or hash", subject=where)
        kind = _KINDS.get(entry.text("mode") or "", "unknown")
        read.append(TreeEntry(path, kind, name or "", entry.whole("size")))
    return Tree(sha or "", tuple(read), facts.truth("truncated") is not False)


def is_sha(text: str | None) -> bool:
    """Whether a text is a whole object name of git, SHA-1 or SHA-256."""
    return bool(text) and len(text or "") in {40, 64} and all(c in "0123456789abcdef" for c in text or "")
