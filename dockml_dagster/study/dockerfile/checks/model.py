"""The types of BuildKit's checks, the table of all of them, and the ``check`` directive.

Here: names, meanings, options. Not here: running a check (``checking``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_RULES = "docs.docker.com/reference/build-checks"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of BuildKit. ``asks``: what it asks for. ``experimental``: reported only if the file or the caller asks
    for it. ``needs``: what it needs beside the Dockerfile, ``""`` for nothing.
    """

    name: str
    asks: str
    page: str
    experimental: bool = False
    needs: str = ""

    @property
    def source(self) -> str:
        """The check's page in Docker's documentation."""
        return f"{_RULES}/{self.page}"


_TABLE = (
    Check("StageNameCasing", "Names of stages are in lower case.", "stage-name-casing"),
    Check("FromAsCasing", "`as` has the case of its `FROM`.", "from-as-casing"),
    Check("NoEmptyContinuation", "A continued instruction holds no empty line.", "no-empty-continuation"),
    Check("ConsistentInstructionCasing", "All instructions have one case.", "consistent-instruction-casing"),
    Check("DuplicateStageName", "No two stages have one name.", "duplicate-stage-name"),
    Check("ReservedStageName", "No stage is called `scratch` or `context`.", "reserved-stage-name"),
    Check("JSONArgsRecommended", "CMD and ENTRYPOINT are in exec form.", "json-args-recommended"),
    Check(
        "MaintainerDeprecated", "The author stands in a label, not in MAINTAINER.", "maintainer-deprecated"
    ),
    Check(
        "UndefinedArgInFrom", "A variable in FROM is declared by an ARG before it.", "undefined-arg-in-from"
    ),
    Check("WorkdirRelativePath", "The first WORKDIR is absolute.", "workdir-relative-path"),
    Check("UndefinedVar", "A variable is set before it is used.", "undefined-var"),
    Check(
        "MultipleInstructionsDisallowed",
        "A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK.",
        "multiple-instructions-disallowed",
    ),
    Check("LegacyKeyValueFormat", "ENV and LABEL are written `name=value`.", "legacy-key-value-format"),
    Check(
        "InvalidBaseImagePlatform",
        "The base image has the platform of the build.",
        "invalid-base-image-platform",
        needs="the platform of the base image",
    ),
    Check(
        "RedundantTargetPlatform",
        "FROM does not say `--platform=$TARGETPLATFORM`, which goes without saying.",
        "redundant-target-platform",
    ),
    Check("SecretsUsedInArgOrEnv", "No ARG or ENV has the name of a secret.", "secrets-used-in-arg-or-env"),
    Check(
        "InvalidDefaultArgInFrom",
        "FROM names an image with the defaults of its ARGs alone.",
        "invalid-default-arg-in-from",
    ),
    Check(
        "FromPlatformFlagConstDisallowed",
        "FROM names no constant platform.",
        "from-platform-flag-const-disallowed",
    ),
    Check(
        "CopyIgnoredFile",
        "COPY and ADD name nothing that .dockerignore excludes.",
        "copy-ignored-file",
        needs="the .dockerignore of the build context",
    ),
    Check(
        "InvalidDefinitionDescription",
        "A comment before ARG or FROM begins with its name.",
        "invalid-definition-description",
        experimental=True,
    ),
    Check("ExposeProtoCasing", "The protocol in EXPOSE is in lower case.", "expose-proto-casing"),
    Check("ExposeInvalidFormat", "EXPOSE names no address and no port of the host.", "expose-invalid-format"),
)

CHECKS: dict[str, Check] = {check.name: check for check in _TABLE}
"""Every check of BuildKit, by its name."""


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """One finding of a check. ``line``: where BuildKit reports it. ``subject``: the word it is about, never a value."""

    check: str
    line: int
    message: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What a ``check`` directive says: ``skip=A,B;error=true;experimental=C``."""

    skip: frozenset[str] = frozenset()
    skip_all: bool = False
    experimental: frozenset[str] = frozenset()
    experimental_all: bool = False
    error: bool = False

    @classmethod
    def parse(cls, text: str) -> CheckOptions:
        """The options of a directive's text. Raises ``ValueError`` on an option that BuildKit does not know."""
        options = cls()
        for part in text.strip().split(";", 2) if text.strip() else []:
            name, equals, value = part.partition("=")
            name, value = name.strip(), value.strip()
            if not equals or name not in ("skip", "experimental", "error"):
                raise ValueError(f"invalid check option {part.strip()[:40]!r}")
            if name == "error":
                if value.lower() not in ("1", "t", "true", "0", "f", "false"):
                    raise ValueError(f"invalid check option {part.strip()[:40]!r}")
                options = options.merged(cls(error=value.lower() in ("1", "t", "true")))
            elif name == "skip":
                options = options.merged(cls(skip_all=True) if value == "all" else cls(skip=_names(value)))
            else:
                options = options.merged(
                    cls(experimental_all=True) if value == "all" else cls(experimental=_names(value))
                )
        return options

    def merged(self, other: CheckOptions) -> CheckOptions:
        """The options with both directives in force."""
        return CheckOptions(
            self.skip | other.skip,
            self.skip_all or other.skip_all,
            self.experimental | other.experimental,
            self.experimental_all or other.experimental_all,
            self.error or other.error,
        )

    def reports(self, check: Check) -> bool:
        """Whether findings of the check are reported."""
        if check.experimental:
            return self.experimental_all or check.name in self.experimental
        return not (self.skip_all or check.name in self.skip)


NO_OPTIONS = CheckOptions()
"""Nothing switched off, nothing experimental switched on."""


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))


def options_of_comments(comments: Iterable[str]) -> CheckOptions | None:
    """The options of the first ``check`` directive among comments; ``None`` if there is none or it cannot be read."""
    for comment in comments:
        name, equals, value = comment.partition("=")
        if equals and name.strip().lower() == "check":
            try:
                return CheckOptions.parse(value.strip().partition(" ")[0])
            except ValueError:
                return None
    return None
