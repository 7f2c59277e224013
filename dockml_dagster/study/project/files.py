"""Which files of a repository are read besides its Dockerfiles, decided by path and size alone.

Here: the role of a path (README, compose file, CI workflow …), and the caps under which contents are kept. Not here: the
names of Dockerfiles (``dockerfile.names``), the content of files (``evidence``, ``image_links``), any I/O.

A corpus calls ``choose`` with all paths of a repository before it fetches any content, because contents cost calls and
bytes. A file that has a role and is left out gets a reason, so that it does not pass for absent from the project.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.project.compose import is_compose
from dockml_dagster.study.project.dependencies import declares_dependencies
from dockml_dagster.study.project.facts import is_workflow
from dockml_dagster.study.project.languages import is_aside
from dockml_dagster.study.project.own_words import says_what_it_is

ReadAs = Literal[
    "readme", "compose", "workflow", "build definition", "dependencies", "about", "dockerignore", "devcontainer", "makefile",
    "helm", "script", "documentation",
]  # fmt: skip
"""The role of a file, in the order in which a project's files are kept. ``readme``: at the top only; other READMEs are
documentation. ``about``: says what the project is (``own_words``), without dependencies that are read. ``build
definition``: bake, skaffold, GoReleaser, Earthly, Cog. ``helm``: charts, their values, and Kubernetes manifests.
"""

MAX_BYTES = 256 * 1024
"""Largest file that is kept. Larger ones with these roles are generated or hold data."""
MAX_FILES = 400
"""Most files kept of one project."""
MAX_DOCKERFILE_BYTES = 1024 * 1024
"""Largest file that is read as a Dockerfile. BuildKit's limit is 2 MiB; the largest of 2,493 files has 39 KB."""

MAX_DOCKERFILE_LINES = 10_000
"""Most lines of a Dockerfile. A line may be an instruction and several rows; the longest of 2,493 files has 1,026."""
MAX_DOCKERFILES = 1000
"""Most Dockerfiles of one project. The study's projects have 89 at most, collections of images a few hundred."""
MAX_DOCKERFILES_IN_ALL = 16 * 1024 * 1024
"""Most bytes of a project's Dockerfiles together."""
MAX_IN_ALL = 32 * 1024 * 1024
"""Most bytes of a project's other files together."""

_ORDER: dict[ReadAs, int] = {role: number for number, role in enumerate(get_args(ReadAs))}
_MOST: dict[ReadAs, int] = {
    "readme": 5, "compose": 60, "workflow": 100, "build definition": 20, "dependencies": 60, "about": 20, "dockerignore": 40,
    "devcontainer": 10, "makefile": 40, "helm": 60, "script": 80, "documentation": 100,
}  # fmt: skip
"""Most files of one role, so that a thousand pages of a manual do not crowd out the only Makefile."""

_NOT_THE_PROJECTS_OWN = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third[_-]?party|site-packages|\.git|\.venv|venv|bower_components)/",
    re.IGNORECASE,
)
_README = re.compile(r"readme(?:[._-][^/]{0,40})?\Z", re.IGNORECASE)
# The rules for READMEs are for English text.
_ENGLISH = re.compile(r"[._-]en(?:glish|[._-]us)?(?:\.|\Z)", re.IGNORECASE)
_SPEAKING = 8
"""Most manifests whose words count as the project's. Requirements files, which have no such words, count too."""
_INDEX = re.compile(
    r"(?:docs?|documentation|website)/(?:src/|source/|docs/|content/|en/){0,2}(?:index|intro(?:duction)?)\.(?:md|mdx|rst)\Z",
    re.IGNORECASE,
)
_PROSE = re.compile(r"\.(?:md|mdx|markdown|rst|adoc|asciidoc)\Z", re.IGNORECASE)
_DOCUMENTATION_FOLDER = re.compile(
    r"(?:^|/)(?:docs?|documentation|website|wiki|manual|guides?|\.github|docker|deploy(?:ment)?|containers?)/",
    re.IGNORECASE,
)
_MAKEFILE = re.compile(
    r"(?:^|/)(?:(?:GNU)?Makefile(?:\.[\w-]{1,40})?|[^/]{1,60}\.mk|justfile|Taskfile(?:\.[\w-]{1,40})?\.ya?ml)\Z",
    re.IGNORECASE,
)
_BUILD_DEFINITION = re.compile(
    r"(?:^|/)(?:docker-bake[^/]{0,60}\.(?:hcl|json)|skaffold[^/]{0,60}\.ya?ml|\.?goreleaser[^/]{0,60}\.ya?ml|Earthfile|cog\.ya?ml)\Z",
    re.IGNORECASE,
)
_DEVCONTAINER = re.compile(r"(?:^|/)(?:\.devcontainer/(?:[^/]{1,60}/)?|\.)devcontainer\.json\Z")
_SCRIPT = re.compile(
    r"\.(?:sh|bash|zsh|ps1|bat|cmd)\Z"
    # Of programs only those whose names say that they build or publish.
    r"|(?:^|/)(?:[\w-]{0,40}(?:docker|image|publish|push|release|deploy|build)[\w-]{0,40}|tasks|noxfile|fabfile|dodo)\.py\Z",
    re.IGNORECASE,
)
_HELM = re.compile(
    r"(?:^|/)(?:Chart|values[^/]{0,60}|kustomization)\.ya?ml\Z"
    r"|(?:^|/)(?:charts?|helm|k8s|kubernetes|kustomize|manifests?)/(?:[^/]{1,100}/){0,6}[^/]{1,100}\.ya?ml\Z",
    re.IGNORECASE,
)
_ABOUT_IMAGES = re.compile(
    r"docker|container|deploy|install|start|setup|build|release|publish|push", re.IGNORECASE
)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class Choice:
    """The decision on one file. ``read_as``: its role, None if it has none. ``left_out``: why a file with a role is not
    kept.
    """

    path: str
    read_as: ReadAs | None = None
    left_out: str | None = None

    @property
    def kept(self) -> bool:
        """Whether the file's content is to be read and kept."""
        return self.read_as is not None and self.left_out is None


def read_as(path: str) -> ReadAs | None:
    """The role of a path (``/`` between folders), or None. Never fails."""
    if _NOT_THE_PROJECTS_OWN.search(path):
        return None
    name = path.rpartition("/")[2]
    if name == path and _README.match(name):
        return "readme"
    if is_compose(path):
        return "compose"
    if is_workflow(path):
        return "workflow"
    if _BUILD_DEFINITION.search(path):
        return "build definition"
    if declares_dependencies(path):
        return "dependencies"
    if says_what_it_is(path):
        return "about"
    if "dockerignore" in path.lower() and classify_file_name(path).kind == "dockerignore":
        return "dockerignore"
    if _DEVCONTAINER.search(path):
        return "devcontainer"
    if _MAKEFILE.search(path):
        return "makefile"
    if _HELM.search(path):
        return "helm"
    if _SCRIPT.search(path):
        return "script"
    if _PROSE.search(path) and (_is_documentation(path, name)):
        return "documentation"
    return None


def main_readme(paths: Iterable[str]) -> str | None:
    """The project's main README, at the top: the one whose name says English, else the one with the shortest name
    (``README.md`` before ``README_zh.md``); None if there is none. The order of the paths does not matter.
    """
    named = (path for path in paths if read_as(path) == "readme")
    return min(named, key=lambda path: (not _ENGLISH.search(path), len(path), path), default=None)


def manifests(paths: Iterable[str]) -> frozenset[str]:
    """The manifests whose words count as the project's: the first few of those nearest to the root."""
    speaking = sorted(
        (path.count("/"), path)
        for path in paths
        if read_as(path) in ("dependencies", "about") and not is_aside(path)
    )
    nearest = speaking[0][0] if speaking else 0
    return frozenset(path for depth, path in speaking[:_SPEAKING] if depth == nearest)


def documentation_index(paths: Iterable[str]) -> str | None:
    """The first page of the documentation; None if there is none."""
    return min(
        (path for path in paths if _INDEX.match(path)), key=lambda path: (len(path), path), default=None
    )


def _is_documentation(path: str, name: str) -> bool:
    return name == path or _README.match(name) is not None or _DOCUMENTATION_FOLDER.search(path) is not None


def is_taken_as_dockerfile(path: str) -> bool:
    """Whether a file goes to ``raw.dockerfiles``: by its name it is a Dockerfile, or has the word, as in the study."""
    # Almost every path of a repository ends here; the rules cost ten times as much.
    lower = path.lower()
    if "dockerfile" not in lower and "containerfile" not in lower:
        return False
    kind = classify_file_name(path)
    return kind.kind == "dockerfile" or kind.mentions_dockerfile


def choose(files: Iterable[tuple[str, int | None]]) -> tuple[Choice, ...]:
    """The decision on every file of a repository, in the order given: path and size in bytes (None: unknown).

    Within a role, files nearest to the root take precedence, then those whose paths mention images or building.
    """
    listed = [(path, size, read_as(path)) for path, size in files]
    ranked = sorted(
        (_ORDER[role], path.count("/"), not _ABOUT_IMAGES.search(path), path, index)
        for index, (path, size, role) in enumerate(listed)
        if role is not None and (size is None or size <= MAX_BYTES)
    )
    crowded_out: dict[int, str] = {}
    kept: Counter[ReadAs] = Counter()
    taken = 0
    for *_, index in ranked:
        _, size, role = listed[index]
        assert role is not None
        if kept[role] >= _MOST[role]:
            crowded_out[index] = f"more than {_MOST[role]} files of this kind"
        elif kept.total() >= MAX_FILES:
            crowded_out[index] = f"more than {MAX_FILES} files"
        elif taken + (size or 0) > MAX_IN_ALL:
            crowded_out[index] = f"more than {MAX_IN_ALL} bytes of such files"
        else:
            kept[role] += 1
            taken += size or 0
    return tuple(
        Choice(path, role, _too_large(role, size) or crowded_out.get(index))
        for index, (path, size, role) in enumerate(listed)
    )


def dockerfiles_left_out(files: Iterable[tuple[str, int | None]]) -> dict[str, str]:
    """Path → reason, for Dockerfiles that are left out as too large or too many. Files are given as for ``choose``; those
    nearest to the root take precedence.
    """
    named = [(path, size) for path, size in files if is_taken_as_dockerfile(path)]
    left_out: dict[str, str] = {}
    taken = kept = 0
    for path, size in sorted(named, key=lambda file: (file[0].count("/"), file[0])):
        if size is not None and size > MAX_DOCKERFILE_BYTES:
            left_out[path] = f"larger than {MAX_DOCKERFILE_BYTES} bytes: not taken as a Dockerfile"
        elif kept >= MAX_DOCKERFILES:
            left_out[path] = f"more than {MAX_DOCKERFILES} Dockerfiles in one project"
        elif taken + (size or 0) > MAX_DOCKERFILES_IN_ALL:
            left_out[path] = f"more than {MAX_DOCKERFILES_IN_ALL} bytes of Dockerfiles in one project"
        else:
            kept += 1
            taken += size or 0
    return left_out


def _too_large(role: ReadAs | None, size: int | None) -> str | None:
    return (
        f"larger than {MAX_BYTES} bytes"
        if role is not None and size is not None and size > MAX_BYTES
        else None
    )


def no_dockerfile(content: bytes) -> str | None:
    """Why a content is not accepted as a Dockerfile, whatever its name; None if it is."""
    if len(content) > MAX_DOCKERFILE_BYTES:
        return f"larger than {MAX_DOCKERFILE_BYTES} bytes: not taken as a Dockerfile"
    if content.count(b"\n") + content.count(b"\r") > 2 * MAX_DOCKERFILE_LINES or (
        content.count(b"\n") > MAX_DOCKERFILE_LINES
    ):
        return f"more than {MAX_DOCKERFILE_LINES} lines: not taken as a Dockerfile"
    return None


def content_left_out(content: bytes) -> str | None:
    """Why the fetched content of a chosen file is not kept; None if it is."""
    if len(content) > MAX_BYTES:
        return f"larger than {MAX_BYTES} bytes"
    if content.startswith(_LFS_POINTER):
        return "a Git LFS pointer"
    return (
        "not text"
        if b"\x00" in content[:8192] and not content.startswith((b"\xff\xfe", b"\xfe\xff"))
        else None
    )


def is_lfs_pointer(content: bytes) -> bool:
    """Whether a file's content is a pointer to content that Git LFS stores elsewhere."""
    return content.startswith(_LFS_POINTER)
