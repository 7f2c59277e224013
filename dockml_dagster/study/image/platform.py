"""Platforms of images: operating system, processor architecture, variant.

Here: parsing, normalising and comparing them. Names are Go's (GOOS, GOARCH), as the OCI image-spec asks; other names are
normalised as containerd does. Not here: which platforms an image has (``manifest``).
"""

import re
from dataclasses import dataclass
from typing import Self

_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ARCHITECTURES = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "i386": ("386", None),
    "i486": ("386", None),
    "i586": ("386", None),
    "i686": ("386", None),
}
_SYSTEMS = {"macos": "darwin"}
# The implied variants: arm64 is arm64/v8, amd64 is amd64/v1 (arm is arm/v7).
_IMPLIED_VARIANT = {"arm64": {"v8", "8"}, "amd64": {"v1"}}


class PlatformError(ValueError):
    """Text that is not a platform. The message is one line."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform such as ``linux/arm/v7``. None: not stated. ``unknown`` is stated literally (attestations)."""

    os: str | None
    architecture: str | None
    variant: str | None = None
    os_version: str | None = None

    @classmethod
    def of(
        cls,
        os: str | None,
        architecture: str | None,
        variant: str | None = None,
        os_version: str | None = None,
    ) -> Self:
        """A platform with normalised names: ``x86_64`` is ``amd64``, ``arm64/v8`` is ``arm64``, ``arm`` is ``arm/v7``."""
        system = os.lower() if os else None
        machine = architecture.lower() if architecture else None
        kind = variant.lower() if variant else None
        if machine in _ARCHITECTURES:
            machine, implied = _ARCHITECTURES[machine]
            kind = kind or implied
        if machine == "arm":
            kind = f"v{kind}" if kind and kind.isdigit() else kind or "v7"
        elif kind in _IMPLIED_VARIANT.get(machine or "", ()):
            kind = None
        return cls(_SYSTEMS.get(system, system) if system else None, machine, kind, os_version or None)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``OS/ARCHITECTURE[/VARIANT]``; a single word is an architecture on linux. Raises PlatformError."""
        parts = text.split("/")
        if not 1 <= len(parts) <= 3 or not all(_PART.fullmatch(part) for part in parts):
            raise PlatformError(
                f"not a platform: {text[:80]!r} (want OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT)"
            )
        if len(parts) == 1:
            return cls.of("linux", parts[0])
        return cls.of(parts[0], parts[1], parts[2] if len(parts) == 3 else None)

    @property
    def is_unknown(self) -> bool:
        """``unknown/unknown``, which BuildKit writes on attestations so that no engine runs them."""
        return self.os == "unknown" and self.architecture == "unknown"

    def satisfies(self, wanted: "Platform") -> bool:
        """Whether an image for this platform satisfies ``wanted``. Parts that ``wanted`` leaves open match anything."""
        return (
            (wanted.os is None or self.os == wanted.os)
            and (wanted.architecture is None or self.architecture == wanted.architecture)
            and (wanted.variant is None or self.variant == wanted.variant)
            and (wanted.os_version is None or self.os_version == wanted.os_version)
        )

    def __str__(self) -> str:
        parts = [self.os or "unknown", self.architecture or "unknown"]
        return "/".join([*parts, self.variant] if self.variant else parts)
