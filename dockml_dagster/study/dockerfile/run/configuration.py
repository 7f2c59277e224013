"""Settings of package managers that a Dockerfile makes in their configuration files instead of by options.

Here: what RUN, COPY and here-documents write into the configuration of apt, pip and uv, as far as a practice needs it.
Not here: options and variables (``packages``, ``caches``).
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dockml_dagster.study.dockerfile.model import Instruction
from dockml_dagster.study.dockerfile.run.packages import turns_recommends_off
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.stages import final_value


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a configuration file. ``file``: the names of such files. ``says``: whether a text makes the setting.
    ``command``: the first words of a command that makes it, with a word that must follow.
    """

    file: re.Pattern[str]
    says: Callable[[str], bool]
    command: tuple[str, ...] = ()
    word: str = ""


def _pattern(text: str) -> Callable[[str], bool]:
    expression = re.compile(text)
    return lambda written: expression.search(written) is not None


NO_RECOMMENDS = Setting(
    re.compile(r"(?:^|/)etc/apt/(?:apt\.conf|apt\.conf\.d/[^/]*)\Z"), turns_recommends_off
)
"""apt.conf(5): ``APT::Install-Recommends "false";``"""
PIP_CACHE_OFF = Setting(
    re.compile(r"(?:^|/)pip\.(?:conf|ini)\Z"),
    _pattern(r"no-cache-dir\s*=\s*\w"),
    ("pip", "config"),
    "no-cache-dir",
)
"""Source: pip.pypa.io/en/stable/topics/configuration. Any valid value of ``no-cache-dir`` switches the cache off."""
UV_CACHE_OFF = Setting(re.compile(r"(?:^|/)uv\.toml\Z"), _pattern(r"(?m)\bno-cache\s*=\s*true"))
"""Source: docs.astral.sh/uv/concepts/configuration-files."""

_WRITES = frozenset({"echo", "printf", "cat", "tee"})


def set_by_step(step: Step, setting: Setting) -> bool:
    """Whether a command makes the setting, by writing a file or by the manager's own command."""
    name, words = step.program.name, step.program.arguments
    if setting.command and name.rstrip("3") == setting.command[0]:
        verbs = [word for word in words if not word.startswith("-")]
        return verbs[:2] == [setting.command[1], "set"] and any(setting.word in word for word in verbs[2:3])
    if name not in _WRITES:
        return False
    written = (*words, *step.command.redirections)
    return any(setting.says(text) for text in written) or setting.says(" ".join(words))


def set_by_copy(instruction: Instruction, setting: Setting) -> bool | None:
    """Whether COPY or ADD brings a file with the setting; ``None`` where it brings a configuration file whose text is not
    in the Dockerfile.
    """
    if instruction.keyword not in ("COPY", "ADD") or len(instruction.expanded) < 2:
        return False
    target = final_value(instruction.expanded[-1])
    sources = [final_value(word) for word in instruction.expanded[:-1]]
    names = [target, *(posixpath.join(target, posixpath.basename(source)) for source in sources)]
    if not any(setting.file.search(name) for name in names):
        return False
    if instruction.heredocs:
        return any(setting.says(heredoc.body) for heredoc in instruction.heredocs)
    return None


@dataclass(frozen=True, slots=True)
class SetFrom:
    """Where a setting begins to hold: ``step`` is the index of a command, ``position`` that of an instruction."""

    step: int | None
    position: int
    known: bool = True


def settings(
    instructions: Sequence[tuple[int, Instruction]], steps: Sequence[Step], setting: Setting
) -> list[SetFrom]:
    """Every shipped place from which the setting holds or may hold. ``instructions``: with their positions."""
    found = [SetFrom(at, step.run.position) for at, step in enumerate(steps) if set_by_step(step, setting)]
    for position, instruction in instructions:
        said = set_by_copy(instruction, setting)
        if said is not False:
            found.append(SetFrom(None, position, known=said is True))
    return found


def holds(places: Sequence[SetFrom], step: int, position: int) -> bool | None:
    """Whether a setting holds for a command; ``None`` where a file of unknown text may make it."""
    before = [
        place for place in places
        if (place.step < step if place.step is not None else place.position < position)
    ]  # fmt: skip
    return True if any(place.known for place in before) else None if before else False
