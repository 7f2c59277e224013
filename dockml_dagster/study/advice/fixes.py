"""Fixes: the change of a Dockerfile that a recommendation asks for, where a program can make it.

Here: one function for each rule, from the instruction concerned to edits. Not here: positions (``edits``), writing files
(``commands.advise``). A fix that is not certain of its place, or of what it would change, makes no edit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dockml_dagster.study.advice.edits import (
    Edit,
    Source,
    apply_edits,
    keyword_place,
    nothing_else_changed,
    value_place,
    word_place,
)
from dockml_dagster.study.advice.pins import pins
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.reading.instructions import is_legacy_pair
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.caches import leaves_cache
from dockml_dagster.study.dockerfile.run.steps import Step, read_steps
from dockml_dagster.study.dockerfile.shell.interpreters import SHELLS, program_source


@dataclass(frozen=True, slots=True)
class Fixed:
    """A Dockerfile with fixes. ``applied``: (rule, line before the fixes), in the order of lines."""

    data: bytes
    applied: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _File:
    source: Source
    reading: DockerfileReading
    steps: tuple[Step, ...]
    digests: Mapping[tuple[str, str, str], str]

    def at(self, line: int) -> Instruction | None:
        """The instruction that a line belongs to."""
        return next(
            (item for item in self.reading.instructions if item.start_line <= line <= item.end_line), None
        )

    def steps_of(self, item: Instruction) -> list[Step]:
        """The commands of a RUN."""
        return [step for step in self.steps if step.instruction is item]


_NO_DIGESTS: Final[Mapping[tuple[str, str, str], str]] = {}
_Fix = Callable[[_File, Instruction, int], Iterator[Edit]]


def fix_dockerfile(
    data: bytes,
    wanted: Mapping[str, set[int]],
    digests: Mapping[tuple[str, str, str], str] = _NO_DIGESTS,
) -> Fixed:
    """Make the fixes that ``wanted`` names (rule → lines). A fix is kept only if every other instruction reads as before
    by BuildKit's rules. ``digests``: by (registry, repository, tag), as far as they are known.

    A file that is not UTF-8 or not a valid Dockerfile is left as it is.
    """
    applied: list[tuple[str, int]] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Fixed(data, ())
    places = sorted(((line, rule) for rule, lines in wanted.items() for line in lines), reverse=True)
    # From the last line to the first, so that the lines above keep their numbers.
    for line, rule in places:
        fix = FIXES.get(rule)
        reading = read_dockerfile(text.encode("utf-8"))
        if fix is None or not reading.valid:
            continue
        file = _File(Source.of(text), reading, read_steps(reading), digests)
        item = file.at(line)
        if item is None:
            continue
        changed = apply_edits(text, list(fix(file, item, line)))
        if changed == text:
            continue
        if nothing_else_changed(reading, read_dockerfile(changed.encode("utf-8")), {item.start_line}):
            text = changed
            applied.append((rule, line))
    return Fixed(text.encode("utf-8"), tuple(reversed(applied)))


def _after_word(word: str, option: Callable[[Step], str]) -> _Fix:
    """A fix that inserts an option after the subcommand ``word`` of the commands on a line."""

    def fix(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
        for step in file.steps_of(item):
            added = option(step) if step.command.line == line and not step.command.nested else ""
            if not added or added in step.command.arguments:
                continue
            for name in (word, "sync", "in") if word == "install" else (word,):
                place = word_place(file.source, item, step.run, step.command, name)
                if place is not None:
                    yield Edit(place + len(name), place + len(name), f" {added}")
                    break

    return fix


def _log_option(step: Step) -> str:
    return "--no-log-init" if step.program.name == "useradd" else ""


def _cache_option(step: Step) -> str:
    if step.installs is None:
        return ""
    return {"pip": "--no-cache-dir", "uv": "--no-cache"}.get(step.installs.manager, "")


def _no_recommends(step: Step) -> str:
    apt = step.program.name in ("apt", "apt-get") and step.installs is not None
    return "--no-install-recommends" if apt else ""


def _appended(command: Callable[[_File, list[Step]], str]) -> _Fix:
    """A fix that appends a command to a RUN. The RUN must be one ``&&`` list without sudo, in shell form."""

    def fix(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
        steps = file.steps_of(item)
        if any("sudo" in step.program.wrappers for step in steps):
            return
        added = command(file, steps)
        if not added or item.form != "shell" or item.heredocs or item.value.rstrip().endswith(added):
            return
        outer = [step.command for step in steps if not step.command.nested]
        plain = all(each.joined in ("", "&&") and not each.inside for each in outer)
        script = steps[0].run.script
        # A comment at the end of the RUN would swallow the added command.
        if not plain or script.parse_error or any(op.text.strip() != "&&" for op in script.operators):
            return
        end = file.source.end_of_line(item.end_line)
        if item.end_line == item.start_line:
            yield Edit(end, end, f" && {added}")
            return
        last = file.source.line(item.end_line)
        indent = last[: len(last) - len(last.lstrip())] or "    "
        yield Edit(end, end, f" {file.reading.escape}{file.source.newline}{indent}&& {added}")

    return fix


_APT: Final = frozenset({"apt", "apt-get", "aptitude"})


def _lists_removal(file: _File, steps: list[Step]) -> str:
    """The removal of apt's lists, if nothing later needs them: every later RUN that installs with apt fetches its own
    lists, and none runs a script that may install.
    """
    own = steps[0].run.position if steps else -1
    if not any(step.installs is not None and step.program.name in _APT for step in steps):
        return ""
    fetched: set[int] = set()
    for step in file.steps:
        position = step.run.position
        if position <= own:
            continue
        if step.program.name in _APT and "update" in step.program.arguments:
            fetched.add(position)
        elif (
            step.program.name in _APT and step.installs is not None and position not in fetched
        ) or _may_install(step):
            return ""
    return "rm -rf /var/lib/apt/lists/*"


def _may_install(step: Step) -> bool:
    """Whether a command may call apt unseen: a shell script, or a program of unknown name."""
    source = program_source(step.program.name, step.program.arguments)
    script = source is not None and step.program.name in SHELLS and source.kind == "file"
    unknown = not step.program.resolved and "/" not in step.program.written
    return script or step.program.written.endswith(".sh") or unknown


_CLEANS: Final = {
    "dnf": "clean all",
    "dnf5": "clean all",
    "yum": "clean all",
    "microdnf": "clean all",
    "tdnf": "clean all",
    "zypper": "clean --all",
    "conda": "clean --all --yes",
    "mamba": "clean --all --yes",
    "micromamba": "clean --all --yes",
}


def _clean(file: _File, steps: list[Step]) -> str:
    """The clean command of the first manager that installs, called as the RUN calls it."""
    first = next((step for step in steps if step.installs and step.program.name in _CLEANS), None)
    if first is None or first.program.wrappers or "$" in first.command.name:
        return ""
    return f"{first.command.name} {_CLEANS[first.program.name]}"


def _os_cache(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    if any(step.program.name == "apk" and step.command.line == line for step in file.steps_of(item)):
        yield from _after_word("add", lambda step: "--no-cache" if step.program.name == "apk" else "")(
            file, item, line
        )
    else:
        yield from _appended(_clean)(file, item, line)


def _cache_mount(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    """Mount npm's cache where the file shows in whose home folder it lies. Not for others: other JavaScript managers link
    to files in their cache, Poetry keeps environments there, and Go reads its cache again in later RUNs.
    """
    steps = [step for step in file.steps_of(item) if step.installs and step.program.name == "npm"]
    if item.keyword != "RUN" or not steps or not all(_is_roots(file, step) for step in steps):
        return
    moved = {step.variable("npm_config_cache") or step.variable("NPM_CONFIG_CACHE") for step in steps}
    homes = {step.variable("HOME") or "/root" for step in steps}
    home = homes.pop()
    target = moved.pop() or f"{home}/.npm"
    if moved or homes or not _FOLDER.match(target):
        return
    if all(leaves_cache(step, ()) is True for step in steps):
        _, end = keyword_place(file.source, item)
        yield Edit(end, end, f" --mount=type=cache,target={target}")


_FOLDER: Final = re.compile(r"/[\w./-]+\Z")


def _is_roots(file: _File, step: Step) -> bool:
    """Whether root runs a command: by USER, or without one because Docker's official images start as root."""
    if step.program.wrappers or step.command.nested or step.run.stage is None:
        return False
    if step.user is not None:
        return step.user in ("root", "0")
    base = file.reading.stages[step.run.stage].base
    while base.stage is not None:
        base = file.reading.stages[base.stage].base
    return base.registry == "docker.io" and (base.repository or "").startswith("library/")


def _pin(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    yield from pins(file.source, item, file.digests)


_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_./:=@%+,^-]+\Z")
_BUILTINS: Final = frozenset(
    {"cd", "exec", "export", "set", "source", ".", "eval", "ulimit", "umask", "trap", "exit", "test", "[", "if", "while",
     "for", "case", "until", "!", "{", ":", "alias", "read", "wait", "unset", "command", "type", "true", "false", "time"}
)  # fmt: skip


def _exec_form(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    words = item.value.split()
    simple = all(_PLAIN_WORD.match(word) for word in words)
    if item.form != "shell" or item.start_line != item.end_line or not words or not simple:
        return
    if words[0] in _BUILTINS or "=" in words[0]:
        return
    other = "CMD" if item.keyword == "ENTRYPOINT" else "ENTRYPOINT"
    # CMD and ENTRYPOINT together: in exec form the words of CMD become arguments of ENTRYPOINT.
    if any(each.keyword == other for each in file.reading.instructions):
        return
    place = value_place(file.source, item, 0, item.value.split("\n")[0])
    if place is not None:
        yield Edit(place, place + len(item.value), json.dumps(words, ensure_ascii=False))


def _keyword_casing(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    counted = [each for each in file.reading.instructions if each.stage is not None]
    written = [file.source.text[slice(*keyword_place(file.source, each))] for each in counted]
    lower = sum(word == word.lower() for word in written)
    upper = sum(word == word.upper() for word in written)
    start, end = keyword_place(file.source, item)
    word = file.source.text[start:end]
    yield Edit(start, end, word.lower() if lower > upper else word.upper())


_FROM: Final = re.compile(r"(\s*\S+\s+(?:--\S+\s+)*\S+\s+)([Aa][Ss])(\s+)(\S+)")


def _from_as(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    match = _FROM.match(file.source.line(item.start_line))
    if match:
        at = file.source.starts[item.start_line - 1] + match.start(2)
        keyword = file.source.text[slice(*keyword_place(file.source, item))]
        yield Edit(at, at + 2, "as" if keyword == keyword.lower() else "AS")


def _stage_name(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    match = _FROM.match(file.source.line(item.start_line))
    if match:
        at = file.source.starts[item.start_line - 1]
        yield Edit(at + match.start(4), at + match.end(4), match[4].lower())


def _key_value(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    if item.start_line != item.end_line or not is_legacy_pair(item.keyword, item.value, file.reading.escape):
        return
    name, value = item.arguments[0], item.arguments[1]
    place = value_place(file.source, item, 0, item.value)
    if place is None or not item.assignments:
        return
    # The old form removes quotes and escapes too. Only a plain value certainly stays the same.
    if re.fullmatch(r"[\w./:@%+,=$(){}\[\]*?;&|<>~#! -]*", value) is None:
        return
    plain = re.fullmatch(r"[^\s'\"\\]+", value) is not None
    yield Edit(place, place + len(item.value), f"{name}={value}" if plain else f'{name}="{value}"')


def _maintainer(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    if item.start_line != item.end_line or re.search(r"[\"'\\$`]", item.value):
        return
    start, end = keyword_place(file.source, item)
    place = value_place(file.source, item, 0, item.value)
    if place is not None:
        keyword = file.source.text[start:end]
        label = "label" if keyword == keyword.lower() else "LABEL"
        yield Edit(start, place + len(item.value), f'{label} org.opencontainers.image.authors="{item.value}"')


def _platform(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    match = re.search(r"--platform=\S+[ \t]+", file.source.line(item.start_line))
    if match:
        at = file.source.starts[item.start_line - 1]
        yield Edit(at + match.start(), at + match.end(), "")


def _protocol(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    for match in re.finditer(r"/(tcp|udp|sctp)\b", file.source.line(item.start_line), re.IGNORECASE):
        at = file.source.starts[item.start_line - 1]
        yield Edit(at + match.start(), at + match.end(), match[0].lower())


def _empty_lines(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    body = {number for each in item.heredocs for number in range(each.start_line, each.end_line + 2)}
    for number in range(item.start_line + 1, item.end_line + 1):
        if number not in body and not file.source.line(number).strip() and number < len(file.source.starts):
            yield Edit(file.source.starts[number - 1], file.source.starts[number], "")


def _workdir(file: _File, item: Instruction, line: int) -> Iterator[Edit]:
    place = value_place(file.source, item, 0, item.value)
    if place is not None and item.value[:1].isalnum():
        yield Edit(place, place, "/")


FIXES: Final[Mapping[str, _Fix]] = {
    "pip-cache": _after_word("install", _cache_option),
    "no-recommends": _after_word("install", _no_recommends),
    "no-log-init": _after_word("useradd", _log_option),
    "apt-lists": _appended(_lists_removal),
    "os-package-cache": _os_cache,
    "conda-cache": _appended(_clean),
    "language-package-cache": _cache_mount,
    "pin-base-digest": _pin,
    "pin-copied-images": _pin,
    "exec-form": _exec_form,
    "instruction-casing": _keyword_casing,
    "from-as-casing": _from_as,
    "stage-name-casing": _stage_name,
    "legacy-key-value": _key_value,
    "maintainer": _maintainer,
    "redundant-platform": _platform,
    "platform-flag": _platform,
    "protocol-casing": _protocol,
    "empty-continuation": _empty_lines,
    "relative-workdir": _workdir,
}
"""Fixes by rule. The seed says which of them are safe."""
