"""Variables that nothing sets, and base images that depend on them.

Here: what three of BuildKit's checks look for. Not here: how words are expanded (``reading.variables``).
"""

import re
from collections.abc import Iterator

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction, Stage
from dockml_dagster.study.dockerfile.reading.base_reference import split_reference
from dockml_dagster.study.dockerfile.reading.scopes import AUTOMATIC_ARGUMENTS, History, Scope
from dockml_dagster.study.dockerfile.reading.variables import expand
from dockml_dagster.study.dockerfile.stages import mount_options

_NAME = re.compile(r"\$\{?([A-Za-z_]\w*)")
_EXPANDED_FLAGS = ("chown", "chmod", "checksum")
_EXPANDED_MOUNT_OPTIONS = ("target", "dst", "destination", "source", "src", "id", "uid", "gid", "mode")
_PLATFORM = "linux/amd64"


def undefined_variables(item: Instruction, environment: frozenset[str] | None) -> Iterator[str]:
    """The names that an instruction uses although nothing sets them, once for each word.

    ``environment``: the names that the base image sets; ``None``: it may set any name.
    """
    if environment is None or not isinstance(item.scope, Scope):
        return
    for used in _used(item):
        for name in dict.fromkeys(used):
            if item.scope.bound(name) is None and name not in environment:
                yield name


def _used(item: Instruction) -> Iterator[tuple[str, ...]]:
    """The variables of each word that BuildKit expands."""
    if item.keyword == "ARG":
        for assignment in item.assignments:
            if assignment.expanded is not None and assignment.value is not None:
                yield assignment.expanded.used
        return
    for word in item.expanded:
        yield word.used
    if item.keyword in ("COPY", "ADD"):
        for name in _EXPANDED_FLAGS:
            yield _names(item, item.flag(name) or "")
        for heredoc in item.heredocs:
            if heredoc.expand:
                yield _names(item, heredoc.body, quotes=False)
    elif item.keyword == "RUN":
        for flag in item.flags:
            if flag.name == "mount" and flag.value and "$" in flag.value:
                options = mount_options(flag.value)
                for option in _EXPANDED_MOUNT_OPTIONS:
                    yield _names(item, options.get(option, ""))


def _names(item: Instruction, text: str, *, quotes: bool = True) -> tuple[str, ...]:
    if "$" not in text or not isinstance(item.scope, Scope):
        return ()
    return expand(text, item.scope, quotes=quotes).used


class FromArguments:
    """What the ARGs before the first FROM mean for each FROM. Made once for a file, which may have many of both."""

    def __init__(self, reading: DockerfileReading) -> None:
        self._escape = reading.escape
        self._declared = {assignment.name for assignment in reading.global_arguments} | AUTOMATIC_ARGUMENTS
        self._defaults: History | None = self._defaults_of(reading)
        """None if one of them cannot be expanded."""

    def undefined(self, stage: Stage) -> list[str]:
        """The variables of a FROM that no ARG before the first FROM declares."""
        words = [stage.base.raw, stage.platform.raw if stage.platform else ""]
        return [
            name
            for word in words
            for name in dict.fromkeys(_NAME.findall(word))
            if name not in self._declared
        ]

    def names_no_image(self, stage: Stage) -> bool:
        """Whether a FROM, with only the defaults of its ARGs, names neither an image nor a stage."""
        if self._defaults is None:
            return False
        raw = _without_defaults(stage.base.raw, self._defaults)
        found = expand(raw, self._defaults.now(), self._escape)
        if found.error is not None or found.missing:
            return False
        try:
            split_reference(found.text or "")
        except ValueError:
            return True
        return False

    def _defaults_of(self, reading: DockerfileReading) -> History | None:
        defaults = History("scratch")
        for name in AUTOMATIC_ARGUMENTS:
            defaults.bind(name, _PLATFORM if name.endswith("PLATFORM") else name.lower())
        for assignment in reading.global_arguments:
            check_time()
            if assignment.value is not None:
                value = expand(assignment.value, defaults.now(), self._escape)
                if value.error is not None:
                    return None
                defaults.bind(assignment.name, value.text or "")
        return defaults


_UNSET_DEFAULT = re.compile(r"\$\{([A-Za-z_]\w*)-([^{}]*)\}")


def _without_defaults(word: str, defaults: History) -> str:
    """The word with ``${X-d}`` replaced by ``d`` where X is not set; a variable that is set may be empty."""
    scope = defaults.now()
    return _UNSET_DEFAULT.sub(
        lambda match: match[2] if scope.bound(match[1]) is None else f"${{{match[1]}}}", word
    )
