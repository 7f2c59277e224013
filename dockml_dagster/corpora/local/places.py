"""From a user's paths and addresses to projects: which folder is a repository, and how each project is named.

Here: finding repositories, naming them, cloning remote ones. Not here: their files (``trees``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from dockml_dagster.clients import git
from dockml_dagster.corpora.base import CorpusError, Outcome, Stage
from dockml_dagster.warehouse.opening import make_folder

Form = Literal["work tree", "bare repository", "clone", "folder"]

MAX_PROJECTS = 20_000
_URL = re.compile(r"(?:https?|file|ssh|git)://", re.IGNORECASE)
_OF_ADDRESS = re.compile(
    r"(?:(?:https?|ssh|git)://[^/]+/|[^/@\s]+@[^/:\s]+:)(?:[^?#]*/)?([^/:?#]+)/([^/:?#]+?)(?:\.git)?/*\Z"
)
_NOT_IN_NAMES = re.compile(r"[^\w.+@-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one project is. ``url``: of a remote repository, whose clone is at ``root``."""

    root: Path
    form: Form
    url: str | None = None


def absence(stage: Stage, outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a project that is at none of the given places."""
    if all_looked_into(outcomes):
        return Outcome(stage, "", "gone", "it is no longer at any of the given paths")
    return Outcome(
        stage, "", "failed", "it is in none of the folders that can be looked into now", retryable=True
    )


def is_url(given: str) -> bool:
    """Whether a text names a remote repository and not a path. ``file://`` is one too: git reads it as a remote."""
    return _URL.match(given) is not None


def is_remote(given: str) -> bool:
    """Whether reading it uses the network."""
    return is_url(given) and not given.lower().startswith("file://")


@dataclass(frozen=True, slots=True)
class Found:
    """The projects of a path; ``unread``: folders below it that could not be listed, so that there may be more projects;
    ``more``: how many projects exceed the limit.
    """

    places: Sequence[Place]
    unread: Sequence[Path] = ()
    more: int = 0

    def outcomes(self, given: str) -> list[Outcome]:
        """Outcomes for ``given``: it is empty, has too many projects, or has folders that could not be listed."""
        if not (self.places or self.unread):
            reason = "an empty directory: no project in it"
            return [Outcome("repo_list", given, "not_available", reason)]
        reason = f"{self.more} projects more than the {MAX_PROJECTS} that are taken"
        beyond = [Outcome("repo_list", given, "not_selected", reason)] if self.more > 0 else []
        return beyond + [
            Outcome("repo_list", str(folder), "unreadable", "cannot be looked into now", retryable=True)
            for folder in self.unread
        ]


def all_looked_into(outcomes: Iterable[Outcome]) -> bool:
    """Whether every given folder could be read and none was empty (an empty one may be an unmounted volume)."""
    return not any(one.status in {"not_available", "unreadable"} for one in outcomes)


def places(given: str, cache: Path) -> Found:
    """The projects at a path or address: itself, or every repository at most two folders below.

    A folder without any repository in it is one project; an empty one is none.

    Raises:
        CorpusError: there is no such path.
    """
    if is_url(given):
        return Found([Place(clone_of(given, cache), "clone", given)])
    root = Path(given).expanduser()
    try:
        if not root.is_dir():
            raise CorpusError(f"no such directory: {given}")
        form = form_of(root)
        if form:
            return Found([Place(root, form)])
        unread: list[Path] = []
        below = list(_repositories_below(root, unread))
        if below or unread:
            return Found(below[:MAX_PROJECTS], unread, len(below) - MAX_PROJECTS)
        return Found([Place(root, "folder")] if any(root.iterdir()) else [])
    except OSError as error:
        raise CorpusError(f"cannot read {given}: {error.strerror}") from error


def form_of(root: Path) -> Form | None:
    """What kind of repository a folder is; None if it is no repository."""
    if (root / ".git").exists():
        return "work tree"
    if (root / "HEAD").is_file() and (root / "objects").is_dir() and (root / "refs").is_dir():
        return "bare repository"
    return None


def _repositories_below(root: Path, unread: list[Path], depth: int = 2) -> Iterator[Place]:
    for child in sorted(root.iterdir()):
        if child.is_symlink() or not child.is_dir():
            continue
        try:
            form = form_of(child)
            if form:
                yield Place(child, form)
            elif depth > 1 and not child.name.startswith("."):
                yield from _repositories_below(child, unread, depth - 1)
        except OSError:
            unread.append(child)


def clone_of(url: str, cache: Path) -> Path:
    """Where the clone of an address is kept."""
    return cache / "local" / f"{sha256(url.encode()).hexdigest()[:20]}.git"


def bring_clone(place: Place, head: str) -> None:
    """Make the clone, or update it to ``head``, the remote's present HEAD. Raises git.GitError."""
    assert place.url
    if not (place.root / "HEAD").is_file():
        make_folder(place.root.parent)
        partial = place.root.with_suffix(".partial")
        _remove(partial)
        git.clone(place.url, partial)
        partial.rename(place.root)
    elif head and git.head_commit(place.root) != head:
        git.update(place.root, place.url)


def _remove(folder: Path) -> None:
    import shutil

    if folder.exists():
        shutil.rmtree(folder)


def name_of(place: Place, *, asks_git: bool = True) -> str:
    """``owner/name``: from the address of ``origin`` (unless that is a path), else from the names of its folder
    and the one above.
    """
    address = place.url
    if address is None and place.form != "folder" and asks_git:
        try:
            address = git.origin(place.root)
        except git.GitError:
            address = None
    found = _OF_ADDRESS.search(address) if address else None
    if found:
        return f"{_clean(found[1])}/{_clean(found[2])}"
    root = Path(address.partition("://")[2]) if place.url and address else place.root.absolute()
    name = root.name.removesuffix(".git") or "repository"
    return f"{_clean(root.parent.name or 'local')}/{_clean(name)}"


def _clean(text: str) -> str:
    cleaned = _NOT_IN_NAMES.sub("_", text.encode("utf-8", "replace").decode("utf-8")).strip(".")
    return re.sub(r"\.{2,}", ".", cleaned) or "_"
