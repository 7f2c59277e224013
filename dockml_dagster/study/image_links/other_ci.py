"""Images in CI files of other services than GitHub's, Jenkinsfiles and Taskfiles.

Here: which nodes of such a file are scripts, which are variables; Cloud Build's steps, Jenkins' Docker steps. Not here:
the shell (``shell``), GitHub's workflows (``workflows``), grades (``grading``).

Services differ in their keys but not in kind: a list of texts or a block that calls a tool is a script, a plain pair of
key and text is a variable. So one walk over the nodes serves them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dockml_dagster.study.cuts import first, note_cut
from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.formats.yaml import Text, load_or_none
from dockml_dagster.study.image_links.commands import names_a_tool, uses_of_words
from dockml_dagster.study.image_links.model import MAX_LINE, Kind, Mention
from dockml_dagster.study.image_links.scripts import JUST_VARIABLE, line_mentions, mentions_of, shell_mentions
from dockml_dagster.study.image_links.variables import MAX_NAMES, Values, assignments, names, put

COMMAND_KINDS: Mapping[str, Kind] = {
    "push": "ci push",
    "copy": "copy",
    "build": "ci build",
    "run": "ci image",
}
_SCRIPTS = frozenset(
    "script before_script after_script after_success before_install install deploy run command commands cmd cmds bash sh "
    "inline inlinescript pre_build post_build build steps".split()
)
"""Keys behind which commands stand; others (``name``, ``description``) may quote one."""
_ONE_VARIABLE = re.compile(r"[A-Za-z_]\w{0,80}\Z")
_SETS = re.compile(r"^\s*(?:[A-Za-z_]\w{0,80}=(?:\"[^\"]*\"|'[^']*'|[^\s\"']*)\s*)+\Z")
_PAIR = re.compile(r"([A-Za-z_]\w{0,80})=(\"[^\"]*\"|'[^']*'|[^\s\"']*)")
_JENKINS_SHELL = re.compile(r"\b(?:sh|bat|powershell)\b[\s(]{0,5}(?:script\s{0,5}:\s{0,5})?(\"\"\"|'''|\"|')")
_JENKINS_IMAGE = re.compile(
    r"\bdocker\.(?P<does>build|image)\(\s{0,20}(?:[\"'](?P<quoted>[^\"'\n]{1,300})[\"']|(?P<name>[A-Za-z_]\w{0,80}))"
)
_BUILDER = re.compile(r"(?:cloud-builders/docker|kaniko-project/executor|/docker)\b")
_PLUGIN = re.compile(
    r"\bplugins?/(?:docker|kaniko|ecr|gcr|gar|acr|heroku)\b|plugin-docker|drone-(?:docker|kaniko)"
)
_LONGEST_VALUE = 300
_LONGEST_SHELL = 8_000
MAX_SHELLS = 300
"""Most scripts of a Jenkinsfile that are read."""
_JENKINS_ENV = re.compile(r"(?<![\w.])env\.(?=[A-Za-z_])")
_ORB = re.compile(r"[\w.-]{1,80}/(?:publish|push)\Z")
"""Commands and jobs of CircleCI's orbs that push."""
_JENKINS_PUSH = re.compile(r"\.push\(")
_JENKINS_REGISTRY = re.compile(r"\bwithRegistry\(\s{0,20}[\"']([^\"'\n]{0,300})[\"']")


def other_ci_mentions(
    path: str, text: str, contexts: Values, kinds: Mapping[str, Kind] = COMMAND_KINDS
) -> Iterator[Mention]:
    """Every image that the file names. ``contexts``: the variables that the service itself sets.
    ``kinds``: what shows a link, by what a command does.
    """
    if path.rpartition("/")[2].startswith("Jenkinsfile"):
        yield from _jenkins(path, _JENKINS_ENV.sub("", text), contexts)
        return
    root = load_or_none(text)
    if not isinstance(root, dict | list):
        yield from line_mentions(path, text, contexts, kinds)
        return
    values = dict(contexts)
    for key, node, _ in _nodes(root, "", False):
        _take_variables(key, node, values)
    for key, node, is_item in _nodes(root, "", False):
        yield from _of_node(path, key, node, values, kinds, is_item=is_item)


def _nodes(node: Any, key: str, is_item: bool, depth: int = 20) -> Iterator[tuple[str, Any, bool]]:
    """(key, node, whether it stands in a list, which lends it its key) of every node."""
    check_time()
    yield key, node, is_item
    if depth and isinstance(node, dict):
        for name, value in node.items():
            yield from _nodes(value, str(name), False, depth - 1)
    elif depth and isinstance(node, list):
        for value in node:
            yield from _nodes(value, key, True, depth - 1)


def _take_variables(key: str, node: Any, values: dict[str, tuple[str, ...]]) -> None:
    if not isinstance(node, Text) or node.block or len(values) > MAX_NAMES or key.lower() in _SCRIPTS:
        return
    if _SETS.match(node[:MAX_LINE]):
        for name, written in _PAIR.findall(node[:MAX_LINE]):
            put(values, name, written, dict(values), adds=True, more=False)
    elif _ONE_VARIABLE.match(key) and key not in values and len(node) <= _LONGEST_VALUE:
        values[key] = (JUST_VARIABLE.sub(r"${\1}", node),)


def _of_node(
    path: str, key: str, node: Any, values: Values, kinds: Mapping[str, Kind], *, is_item: bool
) -> Iterator[Mention]:
    if isinstance(node, dict):
        yield from _step(path, node, values, kinds)
        if _ORB.match(key) and isinstance(image := node.get("image"), Text):
            registry = node.get("registry")
            written = f"{registry}/{image}" if isinstance(registry, Text) else image
            for name in names(written, values):
                yield Mention(name, kinds["push"], path, image.line)
    elif isinstance(node, list):
        if key.lower() in _SCRIPTS:
            yield from _script(path, [item for item in node if isinstance(item, Text)], values, kinds)
        elif key == "images" and "cloudbuild" in path:
            for item in node:
                yield from _named(path, item, values, kinds["push"])
    elif isinstance(node, Text) and not is_item:
        if key.lower() in _SCRIPTS:
            yield from _script(path, [node], values, kinds)
        elif key == "image":
            yield from _named(path, node, values, kinds["run"])


def _step(path: str, step: dict[str, Any], values: Values, kinds: Mapping[str, Kind]) -> Iterator[Mention]:
    """A step of Cloud Build whose builder is docker, a plug-in of Drone or Woodpecker that pushes."""
    arguments = step.get("args")
    if isinstance(arguments, list) and _BUILDER.search(str(step.get("name", ""))):
        words = [word for word in arguments if isinstance(word, Text)]
        program = "executor" if "kaniko" in str(step["name"]) else "docker"
        line = words[0].line if words else 1
        yield from mentions_of(uses_of_words([program, *words], values), values, kinds, path, line)
    settings = step.get("settings", step)
    if isinstance(settings, dict) and _PLUGIN.search(str(step.get("image", ""))):
        repositories = settings.get("repo")
        for named in repositories if isinstance(repositories, list) else [repositories]:
            yield from _named(path, named, values, kinds["push"])


def _named(path: str, image: Any, values: Values, kind: Kind) -> Iterator[Mention]:
    if isinstance(image, Text):
        for name in names(image.removeprefix("docker://"), values):
            yield Mention(name, kind, path, image.line)


def _script(path: str, items: Sequence[Text], values: Values, kinds: Mapping[str, Kind]) -> Iterator[Mention]:
    """The texts of a list run one after the other and share their variables, so they are one script."""
    if not any(names_a_tool(item) for item in items):
        return
    begins = items[0].line + items[0].block
    lines: list[str] = []
    for item in items:
        # Each at its line of the file; one that was folded may be longer there.
        lines += [""] * (item.line + item.block - begins - len(lines))
        lines += JUST_VARIABLE.sub(r"${\1}", item).splitlines()
    yield from shell_mentions(path, "\n".join(lines), values, kinds, line=begins)


def _jenkins(path: str, text: str, contexts: Values) -> Iterator[Mention]:
    """The scripts of ``sh``; ``docker.build(NAME)`` and ``docker.image(NAME)``, which push by ``.push()``."""
    lines = text.splitlines()
    values = assignments(lines, contexts)
    for number, script in _shells(text):
        yield from shell_mentions(path, script, values, COMMAND_KINDS, line=number)
    pushes = any(_JENKINS_PUSH.search(line[:MAX_LINE]) for line in lines)
    hosts = [found[1] for line in lines if (found := _JENKINS_REGISTRY.search(line[:MAX_LINE]))]
    # What is built before a registry is named is pushed to the first one.
    registry = hosts[0] if hosts else ""
    for number, line in enumerate((whole[:MAX_LINE] for whole in lines), 1):
        named = _JENKINS_REGISTRY.search(line)
        registry = named[1] if named else registry
        host = registry.removeprefix("https://").removeprefix("http://").rstrip("/")
        for found in _JENKINS_IMAGE.finditer(line):
            written = found["quoted"] if found["quoted"] is not None else f"${found['name']}"
            kind: Kind = "ci image"
            if found["does"] == "build":
                kind = "ci push" if pushes else "ci build"
            elif _JENKINS_PUSH.search(line, found.end()):
                kind = "ci push"
            for image in names(written, values):
                bare = "." not in image.split("/", maxsplit=1)[0]
                yield Mention(f"{host}/{image}" if host and bare else image, kind, path, number)


def _shells(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of each script that ``sh`` is given."""
    line, counted, ended = 1, 0, 0
    for found in first(_JENKINS_SHELL.finditer(text), MAX_SHELLS, "scripts of a Jenkinsfile"):
        check_time()
        if found.start() < ended:
            continue
        end = text.find(found[1], found.end(), found.end() + _LONGEST_SHELL)
        if end < 0 and len(found[1]) == 3 and found.end() + _LONGEST_SHELL < len(text):
            note_cut("a script of a Jenkinsfile of over 8,000 characters")
        if end < 0 or (len(found[1]) == 1 and "\n" in text[found.end() : end]):
            continue
        ended = end
        line, counted = line + text.count("\n", counted, found.end()), found.end()
        yield line, text[found.end() : end]
