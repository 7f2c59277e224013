"""Links from a project to images, graded from the mentions in its files.

Here: which reader each file gets, and the rules of the grades. Not here: finding mentions (the other modules), storing.

A push confirms that an image is the project's: people do not push to names that are not theirs, except in documentation
and with placeholders, which are recognised. Most other evidence also needs a name like the project's, because files
mention far more images of others than their own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from dockml_dagster.study.cuts import first, shortened
from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.image.reference import ImageReference
from dockml_dagster.study.image_links.declarations import (
    build_definition_mentions,
    compose_mentions,
    kubernetes_mentions,
)
from dockml_dagster.study.image_links.documents import document_mentions
from dockml_dagster.study.image_links.model import (
    GRADES,
    MAX_LINKS,
    MAX_MENTIONS,
    Grade,
    Kind,
    Link,
    Mention,
    parse_mention,
)
from dockml_dagster.study.image_links.other_ci import other_ci_mentions
from dockml_dagster.study.image_links.scripts import SCRIPT_KINDS, script_mentions, variables_for_make
from dockml_dagster.study.image_links.variables import one_file
from dockml_dagster.study.image_links.workflows import Inputs, ci_mentions, local_inputs
from dockml_dagster.study.project.files import read_as

_SIDE_SERVICE = re.compile(
    r"[-_/](?:postgres\w*|mysql|mariadb|mongo\w*|redis|rabbitmq|kafka|nginx|minio|elastic\w*|prometheus|grafana|pgvector|proxy)\Z"
)
_PLACEHOLDER = re.compile(
    r"(?:^|/)(?:local|user|username|org|organi[sz]ation|namespace|account|accountid|foo|someone|example|your[a-z0-9_-]*"
    r"|my[-_]?(?:name|registry|repo|repository|image|account|user|username|org|company|project)"
    r"|(?:docker|dockerhub|hub)[-_]?(?:user|id|username))(?:/|\Z)"
)
_PLACEHOLDER_HOST = re.compile(r"(?:^|\.)example\.(?:com|org|net|io)|^(?:my|your)[a-z-]*registry|^your")
_EXAMPLE_ACCOUNT = re.compile(r"^(?:123456789012|1{12}|0{12}|111122223333|x{12}|763104351884)\.dkr\.ecr\.")
"""Account numbers that documentation uses, and that of Amazon's deep-learning containers, which are common bases."""
_WITHOUT_REPOSITORY = re.compile(r"^(?:ghcr\.io|quay\.io|(?:[a-z]{2}\.)?gcr\.io|public\.ecr\.aws)\Z")
"""Registries whose images have a namespace. A single name there is only the namespace."""
_LOCAL_HOST = re.compile(
    r"^(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.0\.0\.0|\[)|\.(?:local|svc|internal|test)\b"
)
_PROOF: frozenset[Kind] = frozenset({"ci push", "script push", "hub description sync", "image label"})
_BUILT: frozenset[Kind] = frozenset({"ci build", "script build", "compose build", "build definition"})
_SHOWN: frozenset[Kind] = frozenset(
    {"documented push", "documented build", "offered", "documented run", "registry link"}
)
_COMMON_WORDS = frozenset(
    "docker image images base server client python torch pytorch tensorflow deep learning machine data model models api web "
    "app ubuntu cuda examples example project core open auto neural network networks framework toolkit service tools test "
    "library master latest main build with training inference serving benchmark benchmarks samples stack platform "
    "engine".split()
)


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How an image's name resembles the project's: by its owner's or its own; ``last``: its own, namespace aside."""

    owner: bool
    name: bool
    last: bool


def find_links(
    project: str, files: Mapping[str, str], own_registries: Collection[str] = ()
) -> tuple[Link, ...]:
    """The links in a project's files, strongest first within an image; at most ``MAX_LINKS``.

    ``project`` is ``owner/name``; ``files`` are texts by path. Files whose role ``project.files.read_as`` does not know are
    skipped. ``own_registries``: hosts, with port, of registries that are real although their names look local or made up
    (``localhost:5000``, ``registry.internal``).
    """
    mentions = list(first(_mentions(project, files), MAX_MENTIONS, "mentions of images"))
    compose_pushed = any(m.text == "" and m.kind in ("ci push", "script push") for m in mentions)
    links: dict[tuple[str, str, str | None, int | None], Link] = {}
    # A file may name the same image in every line, so judgements are cached.
    judged: dict[tuple[str, Kind], Link | None] = {}
    for mention in mentions:
        if not mention.text:
            continue
        check_time()
        key = (mention.text, mention.kind)
        if key not in judged:
            judged[key] = _graded(project, mention, own_registries, pushed_together=compose_pushed)
        like = judged[key]
        if like is not None:
            link = replace(like, path=mention.path, line=mention.line)
            links.setdefault((link.reference, link.kind, link.path, link.line), link)
    ordered = sorted(
        _told_apart(project, links.values(), _other_repositories(project, files)),
        key=lambda link: (
            link.repository,
            GRADES.index(link.grade),
            link.path or "",
            link.line or 0,
            link.reference,
        ),
    )
    return tuple(first(ordered, MAX_LINKS, "links"))


def _other_repositories(project: str, files: Mapping[str, str]) -> frozenset[str]:
    """The names, in lower case, of other repositories of the owner that the project's documents link."""
    owner, _, name = project.lower().partition("/")
    linked = re.compile(rf"github\.com/{re.escape(owner)}/([\w.-]{{1,100}})", re.IGNORECASE)
    return frozenset(
        found[1].lower()
        for path, text in files.items()
        if read_as(path) in ("readme", "documentation")
        for found in linked.finditer(text)
    ) - {name}


def _told_apart(project: str, links: Collection[Link], others: Collection[str]) -> Iterator[Link]:
    """The links, of which some ``likely`` ones become ``possible``: the image is named as another repository of the owner
    (``others``); its name is the namespace of other links; or, if the project has confirmed images, it is a rebuild in a
    third party's namespace or a separate service beside them.
    """
    proved = {link.repository for link in links if link.grade == "confirmed"}
    last_names = {repository.rpartition("/")[2] for repository in proved}
    namespaces = {repository.rpartition("/")[0] for repository in proved}
    holders = {link.repository.rpartition("/")[0] for link in links}
    best: dict[str, set[Kind]] = {}
    for link in links:
        best.setdefault(link.repository, set()).add(link.kind)
    for link in links:
        if link.grade != "likely" or link.repository in proved or best[link.repository] & _BUILT:
            yield link
            continue
        image = parse_mention(link.repository)
        namespace, _, last = link.repository.rpartition("/")
        foreign = namespace not in namespaces
        rebuilt = last in last_names or (proved and namespace.endswith(f"/{last}"))
        if last in others:
            yield replace(link, grade="possible", rule="named as another repository of its owner")
        elif link.repository in holders:
            yield replace(link, grade="possible", rule="the namespace of other images")
        elif foreign and rebuilt and image is not None and not likeness(project, image).owner:
            yield replace(
                link, grade="possible", rule="named as the project, in another namespace than its own images"
            )
        elif proved and _SIDE_SERVICE.search(link.repository) and not best[link.repository] & _SHOWN:
            yield replace(link, grade="possible", rule="a service of its own beside the project's images")
        else:
            yield link


def _mentions(project: str, files: Mapping[str, str]) -> Iterator[Mention]:
    workflows = {path: text for path, text in files.items() if read_as(path) == "workflow"}
    inputs = local_inputs(workflows, project)
    with variables_for_make():
        # Makefiles last: scripts and workflows call them with names of images.
        for path, text in sorted(files.items(), key=lambda file: (read_as(file[0]) == "makefile", file[0])):
            with one_file():
                yield from _of_file(path, text, project, inputs)


def _of_file(path: str, text: str, project: str, inputs: Inputs) -> Iterator[Mention]:
    role = read_as(path)
    if role == "workflow":
        yield from ci_mentions(path, text, project, inputs)
    elif role == "compose":
        yield from compose_mentions(path, text)
    elif role == "build definition":
        yield from build_definition_mentions(path, text)
    elif role == "helm":
        yield from kubernetes_mentions(path, text)
    elif role in ("readme", "documentation"):
        yield from document_mentions(path, text)
    elif role == "makefile" and path.lower().endswith((".yml", ".yaml")):
        yield from other_ci_mentions(path, text, {}, SCRIPT_KINDS)
    elif role in ("script", "makefile") or path.rpartition("/")[2] == "package.json":
        yield from script_mentions(path, text)


def _graded(
    project: str, mention: Mention, own_registries: Collection[str], *, pushed_together: bool
) -> Link | None:
    image = parse_mention(mention.text)
    if image is None or (image.digest is not None and image.tag is None and mention.kind in _SHOWN):
        return None
    if _leads_nowhere(image, own_registries):
        return None
    judged = _judge(project, image, mention.kind, pushed_together=pushed_together)
    if judged is None:
        return None
    grade, rule = judged
    return Link(
        reference=str(image), repository=str(image.repository), grade=grade, kind=mention.kind, path=mention.path,
        line=mention.line, rule=rule,
    )  # fmt: skip


def _leads_nowhere(image: ImageReference, own_registries: Collection[str]) -> bool:
    """Whether nobody else could pull an image of this name: it is local, a placeholder or an example."""
    repository = image.repository
    if repository.path.startswith("library/") and repository.registry.is_docker_hub:
        return True  # a name without namespace is an official image, or one that never leaves the machine
    host = repository.registry.host
    if _EXAMPLE_ACCOUNT.search(host):
        return True
    if _WITHOUT_REPOSITORY.search(host) and "/" not in repository.path:
        return True
    made_up = _LOCAL_HOST.search(host) or _PLACEHOLDER_HOST.search(host)
    return bool((made_up and host not in own_registries) or _PLACEHOLDER.search(repository.path))


def _judge(
    project: str, image: ImageReference, kind: Kind, *, pushed_together: bool
) -> tuple[Grade, str] | None:
    like = likeness(project, image)
    if kind in _PROOF:
        return (
            "confirmed",
            "the project's files push it" if kind != "image label" else "the image names the project",
        )
    if kind == "copy":
        return (
            ("confirmed", "the project's files push it")
            if like.last
            else ("possible", "a copy of another's image")
        )
    if kind == "former":
        return (
            ("possible", "shown as what came before, or as built by others")
            if like.name or like.owner
            else None
        )
    if kind in _BUILT:
        if pushed_together and kind in ("compose build", "build definition"):
            return "confirmed", "built under this name, and what is built so is pushed"
        return "likely", "the project's files build it under this name"
    if kind == "offered":
        if like.name:
            return "confirmed", "offered to users as the project's own, and named as it"
        return "likely", "offered to users as the project's own"
    if kind in _SHOWN:
        if like.name:
            return "likely", "shown to users, and named as the project"
        return "possible", "shown to users" + (", under its owner's name" if like.owner else "")
    if like.name and like.owner:
        return "likely", "used, under the owner's and the project's name"
    if like.name or like.owner:
        return "possible", "used, under the project's name" if like.name else "used, under the owner's name"
    return None


def likeness(project: str, image: ImageReference) -> _Likeness:
    """Whether the project's owner and name occur in the image's registry, namespace or name."""
    owner, _, name = project.lower().partition("/")
    parts = image.repository.path.lower().split("/")
    namespace, last = "".join(parts[:-1]), parts[-1]
    plain_owner, plain_name = _plain(owner), _plain(name)
    host = _plain(image.registry.host) if not image.registry.is_docker_hub else ""
    by_owner = _alike(plain_owner, _plain(namespace)) or (len(plain_owner) >= 4 and plain_owner in host)
    is_part = _is_part_of_name(last, name)
    # A word that is its owner's tells nothing of the project.
    words = _words(name) - _words(owner)
    by_last = not is_part and (_alike(plain_name, _plain(last)) or bool(words & _words(last)))
    by_path = not is_part and bool(words & _words(image.repository.path))
    # A namespace that is the owner's tells nothing of the project either, unless both are called the same.
    space = _plain(namespace)
    by_space = _alike(plain_name, space) and (space != plain_owner or space == plain_name)
    by_name = by_last or by_path or by_space
    return _Likeness(owner=by_owner, name=by_name, last=by_last)


def _is_part_of_name(image: str, name: str) -> bool:
    """Whether the image's name is only a part of the project's words. Then it names the parent project's image."""
    return (
        _plain(image) != _plain(name) and bool(_words(name) - _words(image)) and _words(image) <= _words(name)
    )


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text)


def _alike(one: str, other: str) -> bool:
    if not one or not other:
        return False
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= 4 and short not in _COMMON_WORDS and short in long)


def _words(text: str) -> frozenset[str]:
    return frozenset(
        word for word in re.split(r"[^a-z0-9]+", text) if len(word) >= 4 and word not in _COMMON_WORDS
    )


def links_of_reference(
    project: str, reference: str, *, labels: Mapping[str, str] | None = None, description: str | None = None
) -> tuple[Link, ...]:
    """Links from evidence outside the project's files, for an image that some source names for the project: its labels
    (``org.opencontainers.image.source``, ``.url``; ``org.label-schema.vcs-url``), its description on Docker Hub, its name.

    Never raises; an invalid reference has no link.
    """
    image = parse_mention(reference)
    if image is None:
        return ()
    found: list[tuple[Grade, Kind, str]] = []
    if any(
        _names_project(value, project)
        for key, value in (labels or {}).items()
        if key.lower() in _SOURCE_LABELS
    ):
        found.append(("confirmed", "image label", "the image names the project"))
    if description and _names_project(description, project):
        found.append(("likely", "hub description", "its description on Docker Hub names the project"))
    like = likeness(project, image)
    official = image.repository.path.startswith("library/") and image.registry.is_docker_hub
    if like.owner and like.name:
        found.append(("likely", "same namespace and name", "the owner's and the project's name"))
    elif like.owner and not official:
        found.append(("possible", "same namespace", "the owner's name"))
    elif like.name and not official:
        found.append(("possible", "same name", "the project's name"))
    return tuple(
        Link(str(image), str(image.repository), grade, kind, None, None, rule) for grade, kind, rule in found
    )


_SOURCE_LABELS = frozenset(
    {
        "org.opencontainers.image.source",
        "org.opencontainers.image.url",
        "org.label-schema.vcs-url",
        "org.label-schema.url",
    }
)


def _names_project(text: str, project: str) -> bool:
    # A dot that nothing follows ends a sentence; otherwise it is part of another project's name.
    pattern = rf"(?:github|gitlab|bitbucket)\.[a-z]{{2,5}}[/:]{re.escape(project)}(?:\.git)?(?![\w-])(?!\.\w)"
    return re.search(pattern, shortened(text, 100_000, "a description"), re.IGNORECASE) is not None


def strongest(links: Iterable[Link]) -> dict[str, Grade]:
    """The best grade of each repository."""
    best: dict[str, Grade] = {}
    for link in links:
        known = best.get(link.repository)
        if known is None or GRADES.index(link.grade) < GRADES.index(known):
            best[link.repository] = link.grade
    return best
