"""Images in the CI of a project: GitHub's workflows and actions by their structure.

Here: the actions that push, ``env``, ``matrix``, ``inputs`` and what steps hand on. Not here: the scripts of steps
(``shell``), other services (``other_ci``), grades
(``grading``). Source:
https://docs.github.com/en/actions/reference/workflow-syntax-for-github-actions
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dockml_dagster.study.cuts import first
from dockml_dagster.study.dockerfile.shell.scripts import interpreter_of
from dockml_dagster.study.formats.yaml import Text, lines_of, load_or_none, scalar
from dockml_dagster.study.image_links.commands import is_pushed, names_a_tool, pushes_all, uses_of_output
from dockml_dagster.study.image_links.model import MAX_LINE, Kind, Mention
from dockml_dagster.study.image_links.other_ci import COMMAND_KINDS, other_ci_mentions
from dockml_dagster.study.image_links.scripts import line_mentions, mentions_of, shell_mentions
from dockml_dagster.study.image_links.shell import commands
from dockml_dagster.study.image_links.variables import (
    MAX_NAMES,
    OPEN,
    Values,
    expanded,
    kept_values,
    names,
)  # fmt: skip

Inputs = Mapping[str, tuple[str, ...]]
_Layers = ChainMap[str, tuple[str, ...]]

_HANDS_ON = re.compile(r"GITHUB_(?:ENV|OUTPUT)|set-output")
_HANDED = re.compile(r"(?:::set-output\s+name=)?([A-Za-z_][\w-]{0,80})(?:=|::)(.{0,500})", re.DOTALL)
_PUSHING = re.compile(r"push|publish|release|deploy", re.IGNORECASE)
_ABOUT_IMAGES = re.compile(r"docker|container|image|registry|kaniko|buildah|podman|dockerhub", re.IGNORECASE)
_NOT_AN_IMAGE = re.compile(
    r"checkout|scan|trivy|anchore|scout|grype|snyk|cosign|attest|login|qemu|buildx|cache", re.IGNORECASE
)
_IMAGE_INPUTS = (
    "image", "images", "image_name", "image-name", "imagename", "name", "repository", "tags", "destination",
)  # fmt: skip

_COMMA_OR_BRACES = re.compile(r",|\}\}|[{}]")


def local_inputs(files: Mapping[str, str], project: str) -> Inputs:
    """The values of ``inputs.NAME``: those that the project's workflows pass to its own reusable workflows and actions, and
    the defaults. Values that use a build matrix are expanded here, because only the calling job knows it.
    """
    told: dict[str, tuple[str, ...]] = {}
    own = (f"{project}/.github/".lower(), "./")
    for path, text in files.items():
        if not path.startswith(".github/"):
            continue
        root = load_or_none(text)
        jobs = root.get("jobs") if isinstance(root, dict) else None
        for job in jobs.values() if isinstance(jobs, dict) else ():
            values = (
                _with_matrix(ChainMap({}, _contexts(project)), job.get("strategy"))
                if isinstance(job, dict)
                else {}
            )
            for node in (job, *_steps(job)) if isinstance(job, dict) else ():
                target, given = node.get("uses"), node.get("with")
                if isinstance(target, str) and target.lower().startswith(own) and isinstance(given, dict):
                    for name, value in first(given.items(), 100, "inputs of a workflow"):
                        if isinstance(value, str):
                            options = expanded(value, values) if "matrix." in value else (value,)
                            known = (*told.get(f"inputs.{name}", ()), *options)
                            told[f"inputs.{name}"] = kept_values(known)
        for node in _mappings(root):
            inputs = node.get("inputs")
            if isinstance(inputs, dict):
                for name, about in inputs.items():
                    default = about.get("default") if isinstance(about, dict) else None
                    if isinstance(default, str) and default:
                        told[f"inputs.{name}"] = kept_values((*told.get(f"inputs.{name}", ()), default))
    return told


def _mappings(node: Any, depth: int = 12) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        if depth:
            for value in node.values():
                yield from _mappings(value, depth - 1)
    elif isinstance(node, list) and depth:
        for value in node:
            yield from _mappings(value, depth - 1)


def ci_mentions(path: str, text: str, project: str, inputs: Inputs) -> Iterator[Mention]:
    """Every image that a CI configuration names. ``project`` is ``owner/name``."""
    root = load_or_none(text) if path.startswith(".github/") else None
    if isinstance(root, dict):
        yield from _github(path, root, {**_contexts(project), **inputs})
    else:
        yield from other_ci_mentions(path, text, _contexts(project))


def _contexts(project: str) -> dict[str, tuple[str, ...]]:
    owner, _, name = project.lower().partition("/")
    return {
        "github.repository": (f"{owner}/{name}",),
        "github.repository_owner": (owner,),
        "github.event.repository.name": (name,),
        "GITHUB_REPOSITORY": (f"{owner}/{name}",),
        "GITHUB_REPOSITORY_OWNER": (owner,),
        "TRAVIS_REPO_SLUG": (f"{owner}/{name}",),
        "CIRCLE_PROJECT_USERNAME": (owner,),
        "CIRCLE_PROJECT_REPONAME": (name,),
    }


def _github(path: str, root: dict[str, Any], context: Values) -> Iterator[Mention]:
    base = _with_environment(ChainMap({}, dict(context)), root.get("env"))
    jobs = root.get("jobs")
    runs = root.get("runs")
    bodies = list(jobs.values()) if isinstance(jobs, dict) else [runs] if isinstance(runs, dict) else []
    # Jobs read the outputs of other jobs, so the values of all jobs are collected first.
    for body in bodies:
        if isinstance(body, dict):
            values = _job_values(base, body)
            base.update({name: told for name, told in values.maps[0].items() if name.startswith("outputs.")})
    for body in bodies:
        if isinstance(body, dict):
            yield from _job(path, body, _job_values(base, body))


def _job_values(base: _Layers, job: dict[str, Any]) -> _Layers:
    """The values of a job over those of the file: a view, because there may be thousands of both."""
    values = _with_matrix(base.new_child(), job.get("strategy"))
    values = _with_environment(values, job.get("env"))
    for step in _steps(job):
        run = step.get("run")
        action, given = step.get("uses"), step.get("with")
        if isinstance(action, str) and "string-case" in action and isinstance(given, dict):
            string = given.get("string")
            if isinstance(string, str):
                values["outputs.lowercase"] = tuple(told.lower() for told in expanded(string, values))
        if isinstance(run, Text) and _HANDS_ON.search(run):
            handed = _handed_on(run, _with_environment(values, step.get("env")))
            for name, told in handed:
                for key in (f"env.{name}", f"outputs.{name}", name):
                    values[key] = kept_values((*values.get(key, ()), *told))
    return values


def _handed_on(run: Text, values: Values) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(name, values) of what a step's script prints for later ones: ``echo "name=value" >> $GITHUB_OUTPUT``."""
    for words, _, known, _ in commands(run, values):
        found = _HANDED.match(words[1]) if len(words) > 1 and words[0] in ("echo", "printf") else None
        if found:
            yield found[1], tuple(told for told in expanded(found[2], known) if told != OPEN)


def _steps(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    steps = job.get("steps")
    yield from (step for step in (steps if isinstance(steps, list) else ()) if isinstance(step, dict))


def _with_environment(values: _Layers, environment: Any) -> _Layers:
    if isinstance(environment, dict):
        for name, value in first(environment.items(), 300, "variables of a workflow"):
            if isinstance(value, str) and len(values.maps[0]) <= MAX_NAMES:
                told = expanded(value, values)
                values[f"env.{name}"] = values[str(name)] = told
    return values


def _with_matrix(values: _Layers, strategy: Any) -> _Layers:
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    if not isinstance(matrix, dict):
        return values
    for name, options in matrix.items():
        rows = options if isinstance(options, list) else []
        if name == "include":
            for row in rows:
                _add_row(values, "matrix", row)
            continue
        for row in rows:
            if isinstance(row, dict):
                _add_row(values, f"matrix.{name}", row)
            elif isinstance(row, str):
                _add_row(values, "matrix", {name: row})
    return values


def _add_row(values: _Layers, prefix: str, row: Any) -> None:
    if isinstance(row, dict):
        for name, value in row.items():
            if isinstance(value, str) and len(values.maps[0]) <= MAX_NAMES:
                key = f"{prefix}.{name}"
                values[key] = kept_values((*values.get(key, ()), *expanded(value, values)))


def _job(path: str, job: dict[str, Any], values: _Layers) -> Iterator[Mention]:
    container = job.get("container")
    services = job.get("services")
    for holder in (container, *(services.values() if isinstance(services, dict) else ())):
        image = holder.get("image") if isinstance(holder, dict) else holder
        yield from _named(path, image, values, "ci image")
    called = job.get("uses")
    if isinstance(called, str) and not called.startswith("./"):
        yield from _action(path, called, job.get("with"), values, False)
    steps = list(_steps(job))
    pushes = any(_pushes(step) for step in steps)
    for step in steps:
        own = _with_environment(values.new_child(), step.get("env"))
        run = step.get("run")
        action = step.get("uses")
        if isinstance(run, Text):
            yield from _run(path, run, own, str(step.get("shell") or _default_shell(job)))
        if isinstance(action, str):
            yield from _action(path, action, step.get("with"), own, pushes)


def _pushes(step: dict[str, Any]) -> bool:
    """Whether a step pushes what was built. If one does, the names that docker/metadata-action makes are pushed."""
    action = step.get("uses")
    given = step.get("with")
    if (
        isinstance(action, str)
        and isinstance(given, dict)
        and re.search(r"build-push|bake|buildah|kaniko", action)
    ):
        return (
            _is_on(given.get("push"))
            or is_pushed(str(given.get("outputs", "")))
            or pushes_all(str(given.get("set", "")))
        )
    run = step.get("run")
    return (
        isinstance(run, str)
        and re.search(r"docker\s+(?:image\s+)?push|--push|imagetools\s+create", run) is not None
    )


def _is_on(value: Any) -> bool:
    """Whether an input is present and not literally false. An expression may be true on some event."""
    return isinstance(value, str) and value.strip().lower() not in ("", "false")


def _default_shell(job: dict[str, Any]) -> str:
    """What runs a step's script that does not say it: what the job says, else what its runner's system has."""
    defaults = job.get("defaults")
    run = defaults.get("run") if isinstance(defaults, dict) else None
    shell = run.get("shell") if isinstance(run, dict) else None
    return str(shell or ("pwsh" if "windows" in str(job.get("runs-on", "")).lower() else "bash"))


def _run(path: str, run: Text, values: Values, shell: str) -> Iterator[Mention]:
    """What a step's script does; its first line is the next one where it was written as a block."""
    if names_a_tool(run):
        is_posix = interpreter_of(shell.split(" ", maxsplit=1)[0]) == "sh"
        read = shell_mentions if is_posix else line_mentions
        yield from read(path, run, values, COMMAND_KINDS, line=run.line + run.block)


def _action(path: str, action: str, given: Any, values: Values, job_pushes: bool) -> Iterator[Mention]:
    if action.startswith("docker://"):
        yield from _named(path, action.removeprefix("docker://"), values, "ci image")
        return
    if not isinstance(given, dict):
        return
    name = action.split("@", maxsplit=1)[0].lower()
    if "build-push-action" in name and "docker/" in name:
        pushes = _pushes({"uses": action, "with": given}) or (
            job_pushes and "registry" in str(given.get("outputs", ""))
        )
        # Version 1 of the action took the name as `repository` and pushed by default.
        pushes = pushes or (action.endswith("@v1") and given.get("push") is None)
        registry = given.get("registry")
        yield from _inputs(
            path,
            given,
            ("tags", "repository"),
            values,
            "ci push" if pushes else "ci build",
            registry=scalar(registry),
        )
        outputs = given.get("outputs")
        for number, line in lines_of(outputs) if isinstance(outputs, Text) else ():
            found = uses_of_output(line[:MAX_LINE])
            yield from mentions_of(found, values, COMMAND_KINDS, path, number)
    elif "metadata-action" in name or "docker-meta" in name:
        yield from _inputs(path, given, ("images",), values, "ci push" if job_pushes else "ci build")
    elif name.endswith("bake-action"):
        if _pushes({"uses": action, "with": given}):
            yield Mention("", "ci push", path, None)
    elif (
        "dockerhub-description" in name
        or "docker-hub-description" in name
        or "update-container-description" in name
    ):
        yield from _inputs(
            path, given, ("repository", "destination_container_repo"), values, "hub description sync"
        )
    elif _ABOUT_IMAGES.search(name) and not _NOT_AN_IMAGE.search(name):
        pushing = _is_on(given.get("push")) or (_PUSHING.search(name) and given.get("push") != "false")
        kind: Kind = "ci push" if pushing else "ci build"
        yield from _inputs(path, given, _IMAGE_INPUTS, values, kind, registry=scalar(given.get("registry")))


def _inputs(
    path: str,
    given: dict[str, Any],
    keys: Sequence[str],
    values: Values,
    kind: Kind,
    *,
    registry: str | None = None,
) -> Iterator[Mention]:
    written = {str(key).lower(): value for key, value in given.items()}
    for key in keys:
        value = written.get(key)
        if not isinstance(value, Text) or (
            key == "tags" and any(written.get(other) for other in ("image", "images", "repository"))
        ):
            continue
        for number, line in lines_of(value):
            for written_part in _parts(line[:MAX_LINE]):
                part = written_part.strip().removeprefix("name=")
                if not part or part.startswith(("#", "type=", "enable=")):
                    continue
                for image in names(part, values):
                    yield Mention(_in_registry(image, registry, values), kind, path, number)


def _parts(line: str) -> list[str]:
    """The parts of a line between commas, except commas inside ``${{ }}``."""
    parts, end, closes = [], len(line), False
    for found in reversed(list(_COMMA_OR_BRACES.finditer(line))):
        if found[0] != ",":
            closes = found[0] == "}}"
        elif not closes:
            parts.append(line[found.end() : end])
            end = found.start()
    return [line[:end], *reversed(parts)]


def _in_registry(image: str, registry: str | None, values: Values) -> str:
    """The image in the registry that another input names. On ghcr.io a bare name gets the owner's namespace."""
    if registry is None:
        return image
    host = next(iter(names(registry.removeprefix("https://"), values)), "").rstrip("/")
    if (
        not host
        or image.startswith(host + "/")
        or "hub.docker" in host
        or host in ("docker.io", "index.docker.io")
    ):
        return image
    if "." in image.split("/", maxsplit=1)[0] and "/" in image:
        return image
    if host == "ghcr.io" and "/" not in image:
        image = f"{values['github.repository_owner'][0]}/{image}"
    return f"{host}/{image}"


def _named(path: str, image: Any, values: Values, kind: Kind) -> Iterator[Mention]:
    if isinstance(image, str):
        for name in names(image.removeprefix("docker://"), values):
            yield Mention(name, kind, path, image.line if isinstance(image, Text) else None)
