"""Images in command lines: docker, podman, buildah, kaniko, skopeo, in scripts, Makefiles, CI files and prose.

Here: which argument of a command is an image, and what the command does with it. Not here: variables (``variables``),
grades (``grading``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dockml_dagster.study.cuts import first, note_cut, shortened
from dockml_dagster.study.dockerfile.shell.scripts import read_script
from dockml_dagster.study.image_links.model import MAX_LINE
from dockml_dagster.study.image_links.variables import Values, expanded

Does = Literal["push", "copy", "build", "run", "push all of compose", "push all of bake"]
"""What a command does. ``copy``: it pushes an image that has the same last name in another namespace."""

MAX_COMMANDS = 20
"""Most commands of one logical line that are read."""
MAX_WORDS = 100
"""Most words of one command that are read."""

_COMMAND = re.compile(
    r"(?<![\w./-])(?:(?:(?:nvidia-)?docker|podman|nerdctl|buildah|skopeo|crane|(?:/kaniko/)?executor)(?:\s|$)"
    r"|(?:docker-compose|buildctl|apptainer|singularity|gcloud\s+builds|az\s+acr|regctl\s+image|pack\s+build|cog\s+push)\s)"
)
_ABOUT = re.compile(
    r"docker|podman|nerdctl|buildah|skopeo|crane|kaniko|container|image|\bpush\b|gcloud\s+builds|\baz\s+acr|\bpack\s+build"
    r"|buildctl|apptainer|singularity",
    re.IGNORECASE,
)
_FLAGS = frozenset(
    "--rm --init --privileged --detach --interactive --tty --publish-all --read-only --no-healthcheck --sig-proxy --quiet "
    "--all-tags --disable-content-trust --oom-kill-disable --help --no-cache --pull --push --load --squash --force-rm "
    "--all --tls-verify --debug --insecure".split()
)
_SHORT_FLAGS = frozenset("ditPqa")
_LOCAL_PLACE = re.compile(r"(?:oci|oci-archive|docker-archive|docker-daemon|dir|containers-storage|tarball):")
"""skopeo's transports for images outside registries."""
_WITHOUT_TAG = re.compile(r"(?:[:@][^/]*)?\Z")
_TOOLS = frozenset(
    {
        "docker",
        "nvidia-docker",
        "docker-compose",
        "podman",
        "nerdctl",
        "buildah",
        "skopeo",
        "crane",
        "executor",
    }
)
_OTHER_TOOLS = frozenset({"apptainer", "az", "buildctl", "cog", "gcloud", "pack", "regctl", "singularity"})
"""Tools with names that other commands have among their words, so they are looked for where there is none of ``_TOOLS``."""
_OUTPUT_NAME = re.compile(r"(?:^|[\s,\"'])name=([^\s,\"']{1,300})")
_SAYS = frozenset({"echo", "printf", "cat", "log", "info", "warn", "error", "die", "print"})
"""What only says what stands behind it."""
_NEAR = 16
"""Words of a command among which a tool is looked for: others may start it (``sudo``, ``retry 3``)."""
_QUOTES = str.maketrans("'\"`", "   ")


_PYTHON_LIST = re.compile(r"[\[(]\s{0,20}f?[\"'](?:docker|podman|buildah|skopeo|crane)[\"']\s{0,20},")
_PYTHON_WORD = re.compile(
    r"f?(?:\"([^\"\n]{1,300})\"|'([^'\n]{1,300})')|\b([A-Za-z_]\w{0,80})\b(?=\s{0,20}[,\])])"
)
_PYTHON_FIELD = re.compile(r"(?<!\$)\{([A-Za-z_]\w{0,80})[^{}]{0,60}\}")
_PYTHON_PUSH = re.compile(
    r"\b(?:images|docker_client|client|api)\.push\(\s{0,20}(?:repository\s{0,5}=\s{0,5})?f?[\"']([^\"'\n]{1,300})[\"']"
)


@dataclass(frozen=True, slots=True)
class Use:
    """What a command does with an image, whose name is as written."""

    does: Does
    image: str


def as_commands(text: str) -> str:
    """A Python program in which calls of Docker's client, and lists of words that begin with a container tool, are
    rewritten as commands. It goes line by line, so that lines keep their numbers.
    """
    return "\n".join(_as_command(shortened(line, MAX_LINE, "a line")) for line in text.splitlines())


def _as_command(line: str) -> str:
    called = _PYTHON_PUSH.search(line)
    if called:
        return "docker push " + _PYTHON_FIELD.sub(r"${\1}", called[1])
    listed = _PYTHON_LIST.search(line)
    if not listed:
        return _PYTHON_FIELD.sub(r"${\1}", line) if "docker" in line else line
    words = [
        _PYTHON_FIELD.sub(r"${\1}", word[1] or word[2]) if word[1] or word[2] else f"${word[3]}"
        for word in first(_PYTHON_WORD.finditer(line, listed.start() + 1), 60, "words of a command")
    ]
    return " ".join(words)


def joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of the first line, text) of each logical line. A backslash, backtick or caret at the end continues a line."""
    start, held = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not held:
            start = number
        stripped = line.rstrip()
        if stripped.endswith(("\\", " `", " ^")) and len(held) + len(stripped) < MAX_LINE:
            held += stripped[:-1] + " "
            continue
        yield start, shortened(held + line, MAX_LINE, "a line")
        held = ""
    if held:
        yield start, shortened(held, MAX_LINE, "a line")


def names_a_tool(text: str) -> bool:
    """Whether a text can use an image at all; most do not, and are not read further."""
    return _ABOUT.search(text) is not None


def uses(line: str) -> Iterator[Use]:
    """Every image that a line names which is no script of its own: prose, a program's text, a line that no grammar read.

    From the first tool on it is read as a shell reads it; where that fails (an apostrophe in prose), without its quotes.
    """
    found = _COMMAND.search(line)
    if found is None:
        return
    rest = line[found.start() : found.start() + MAX_LINE]
    script = read_script(rest, "sh")
    if script.parse_error:
        script = read_script(rest.translate(_QUOTES), "sh")
    for command in first(script.commands, MAX_COMMANDS, "commands of a line"):
        yield from uses_of_words(command.words)


def uses_of_words(words: Sequence[str], values: Values | None = None) -> Iterator[Use]:
    """Every image that a command names. ``words``: as a shell parts them, without quotes; ``values``: of its variables."""
    if len(words) > MAX_WORDS:
        note_cut("more than 100 words of a command")
        words = words[:MAX_WORDS]
    if words[0].rpartition("/")[2].lower() in _SAYS:
        return
    places = [at for at, word in enumerate(words[:_NEAR]) if _is_tool(word, values)]
    other = next((at for at, word in enumerate(words[:_NEAR]) if word in _OTHER_TOOLS), None)
    if not places and other is not None:
        yield from _uses_of_other_tool(words[other], words[other + 1 :])
        return
    if not places:
        for word in words[1:]:
            # Another program is handed the whole command: `eval "docker push a"`.
            if " " in word and _COMMAND.search(word):
                yield from uses(word)
        return
    for at, end in zip(places, (*places[1:], len(words)), strict=True):
        rest = [word for word in words[at:end] if word]
        program = rest[0] if "$" not in rest[0] else "docker"
        yield from _uses_of_command([program, *rest[1:]])


def _is_tool(word: str, values: Values | None) -> bool:
    if "$" in word:
        return values is not None and any(
            told.rpartition("/")[2] in _TOOLS for told in expanded(word, values)
        )
    return word.rpartition("/")[2] in _TOOLS and "://" not in word


def _uses_of_command(words: Sequence[str]) -> Iterator[Use]:
    program = words[0].rpartition("/")[2]
    if program == "executor":
        for image in _option_values(words, ("--destination", "-d")):
            yield Use("push", image)
        return
    if program == "skopeo":
        places = [word.removeprefix("docker://") for word in words[2:] if word.startswith("docker://")]
        copies = "copy" in words[:4] and places
        # The source comes first. If only one of the two is in a registry, it counts as the target.
        if copies and (len(places) > 1 or any(_LOCAL_PLACE.match(word) for word in words)):
            yield _copied(places[0] if len(places) > 1 else "", places[-1])
        return
    if program == "crane":
        yield from _uses_of_crane(list(_without_global_options(words[1:])))
        return
    rest = list(_without_global_options(words[1:]))
    while rest and rest[0] in ("image", "buildx", "container", "manifest", "builder", "compose"):
        if rest[0] == "compose":
            program = "docker-compose"
        rest = list(_without_global_options(rest[1:]))
    if program == "docker-compose":
        if "push" in rest or ("build" in rest and "--push" in rest):
            yield Use("push all of compose", "")
        return
    if not rest:
        return
    verb, arguments = rest[0], rest[1:]
    if verb == "push":
        for image in _operands(arguments)[:2]:
            yield Use("push", image.removeprefix("docker://"))
    elif verb in ("build", "bud"):
        pushes = any(word == "--push" or word.startswith("--push=true") for word in arguments) or any(
            map(is_pushed, _option_values(arguments, ("-o", "--output")))
        )
        for image in _option_values(arguments, ("-t", "--tag")):
            yield Use("push" if pushes else "build", image)
        yield from _uses_of_outputs(arguments)
    elif verb == "tag":
        for image in _operands(arguments)[1:2]:
            yield Use("build", image)
    elif verb == "imagetools" and arguments[:1] == ["create"]:
        for image in _option_values(arguments, ("-t", "--tag")):
            yield Use("push", image)
    elif verb == "bake":
        if any(word == "--push" or pushes_all(word) for word in arguments):
            yield Use("push all of bake", "")
    elif verb in ("run", "pull", "create"):
        for image in _operands(arguments)[:1]:
            yield Use("run", image)


def _uses_of_other_tool(program: str, words: Sequence[str]) -> Iterator[Use]:
    """Uses by tools that publish without Docker, each by the one of its commands that does."""
    verbs, given = [word for word in words[:3] if not word.startswith("-")], _operands(words)
    if program == "gcloud" and verbs[:2] == ["builds", "submit"]:
        for image in _option_values(words, ("-t", "--tag")):
            yield Use("push", image)
    elif program == "az" and verbs[:2] == ["acr", "build"]:
        registry = next(_option_values(words, ("-r", "--registry")), "")
        for image in (
            _option_values(words, ("-t", "--image")) if registry and "--no-push" not in words else ()
        ):
            yield Use("push", f"{registry.removesuffix('.azurecr.io')}.azurecr.io/{image}")
    elif program == "regctl" and verbs[:1] == ["image"] and given[1:2] in (["copy"], ["cp"]) and given[3:]:
        yield _copied(given[2], given[3])
    elif program == "pack" and verbs[:1] == ["build"]:
        for image in given[1:2]:
            yield Use("push" if "--publish" in words else "build", image)
    elif program == "cog" and verbs[:1] == ["push"]:
        for image in given[1:2]:
            yield Use("push", image)
    elif program == "buildctl":
        yield from _uses_of_outputs(words)
    elif program in ("apptainer", "singularity"):
        for word in words:
            if word.startswith("docker://"):
                yield Use("run", word.removeprefix("docker://"))


def _uses_of_outputs(words: Sequence[str]) -> Iterator[Use]:
    for output in _option_values(words, ("-o", "--output")):
        yield from uses_of_output(output)


def uses_of_output(output: str) -> Iterator[Use]:
    """The image that an output of BuildKit names: ``type=image,name=a/b,push=true``."""
    if "type=image" in output or "type=registry" in output:
        for found in _OUTPUT_NAME.finditer(output):
            yield Use("push" if is_pushed(output) else "build", found[1])


def is_pushed(outputs: str) -> bool:
    """Whether outputs of BuildKit, as they are written, go to a registry."""
    return "type=registry" in outputs or "push=true" in outputs


def pushes_all(changes: str) -> bool:
    """Whether changes of bake's targets (``*.output=type=registry``) send them to a registry."""
    return any(is_pushed(line) for line in changes.splitlines() if ".output" in line)


def _copied(source: str, target: str) -> Use:
    """The push that a copy makes; ``copy`` if the source has the same last name in another namespace: maybe a mirror."""
    namespace, _, name = _WITHOUT_TAG.sub("", source).rpartition("/")
    own, _, own_name = _WITHOUT_TAG.sub("", target).rpartition("/")
    elsewhere = namespace.rpartition("/")[2] != own.rpartition("/")[2]
    return Use("copy" if name == own_name and elsewhere and "$" not in namespace else "push", target)


def _uses_of_crane(words: Sequence[str]) -> Iterator[Use]:
    """Uses by crane: ``push FILE IMAGE``, ``copy FROM TO``, ``tag IMAGE TAG``, ``pull IMAGE``, and commands with ``-t``."""
    if words[:1] == ["index"]:
        words = words[1:]
    if not words:
        return
    verb, arguments = words[0], words[1:]
    if verb in ("push", "copy", "cp") and len(operands := _operands(arguments)) > 1:
        yield Use("push", operands[1]) if verb == "push" else _copied(operands[0], operands[1])
    elif verb == "tag":
        for image in _operands(arguments)[:1]:
            yield Use("push", image)
    elif verb in ("append", "mutate", "flatten", "rebase"):
        for image in _option_values(arguments, ("-t", "--tag", "--new_tag")):
            yield Use("push", image)
    elif verb == "pull":
        for image in _operands(arguments)[:1]:
            yield Use("run", image)


def _without_global_options(words: Sequence[str]) -> Iterator[str]:
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif word.startswith("-") and index < 8:
            skip = word in (
                "-H",
                "--host",
                "-c",
                "--context",
                "-f",
                "--file",
                "-p",
                "--project-name",
                "--profile",
                "--config",
            )
        else:
            yield from words[index:]
            return


def _takes_value(word: str) -> bool:
    if "=" in word or word in _FLAGS:
        return False
    if word.startswith("--"):
        return True
    letters = word[1:]
    # -it is two flags; -p8080:80 includes its value.
    return not all(letter in _SHORT_FLAGS for letter in letters) and (
        len(letters) == 1 or letters[:-1] in ("it", "ti", "d")
    )


def _operands(words: Sequence[str]) -> list[str]:
    """The words that are neither options nor their values."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = _takes_value(word)
        elif word != "\\":
            found.append(word)
    return found


def _option_values(words: Sequence[str], options: tuple[str, ...]) -> Iterator[str]:
    for index, word in enumerate(words):
        if word in options and index + 1 < len(words):
            yield words[index + 1]
        else:
            for option in options:
                if option.startswith("--") and word.startswith(option + "="):
                    yield word[len(option) + 1 :].strip("\"'")
