"""Which variables are in force at which place of a Dockerfile.

Here: histories of assignments, and scopes, which are positions in a history. Not here: which instructions assign
(``evaluation``), the expansion of a word (``variables``).
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dockml_dagster.study.dockerfile.model import Missing

MAX_INHERITANCE = 64
"""Longest chain of ``FROM stage`` along which variables are followed."""

AUTOMATIC_ARGUMENTS = frozenset(
    side + part for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
) | {"TARGETSTAGE"}
"""Set by BuildKit itself, in the scope before the first FROM; a stage must declare them to see them."""

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What BuildKit sets ``PATH`` to when the base image does not (``system.DefaultPathEnvUnix``)."""


@dataclass(frozen=True, slots=True)
class Unset:
    """Not set by the file. ``definite``: nothing but a build argument could set it, so a written default counts."""

    missing: Missing
    definite: bool


Binding = str | tuple[Missing, ...] | Unset
"""A known value; the variables because of which a value is unknown; or not set."""


@dataclass(slots=True)
class History:
    """Every assignment in one scope, in order. Scopes are positions in it, so a snapshot costs nothing."""

    kind: str
    parent: "Scope | None" = None
    depth: int = 0
    positions: dict[str, list[int]] = field(default_factory=dict)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    length: int = 0

    def bind(self, name: str, binding: Binding) -> None:
        """Bind ``name`` from here on."""
        self.positions.setdefault(name, []).append(self.length)
        self.bindings.setdefault(name, []).append(binding)
        self.length += 1

    def now(self) -> "Scope":
        """The scope after all bindings so far."""
        return Scope(self, self.length)


class Scope(Mapping[str, str]):
    """The variables in force at one place. As a mapping it holds only those of known value.

    The kind of its history says what an undeclared name means: ``global`` (before the first FROM: an error),
    ``image`` (the base image may set it), ``scratch`` (certainly unset).
    """

    __slots__ = ("_end", "history")

    def __init__(self, history: History, end: int) -> None:
        self.history = history
        self._end = end

    def bound(self, name: str) -> Binding | None:
        """What the file binds ``name`` to here, ``None`` where it does not."""
        scope: Scope | None = self
        while scope is not None:
            positions = scope.history.positions.get(name)
            if positions:
                at = bisect_left(positions, scope._end)
                if at:
                    return scope.history.bindings[name][at - 1]
            scope = scope.history.parent
        return None

    def lookup(self, name: str) -> Binding:
        """The value of ``name`` at this place, or why it is not known."""
        found = self.bound(name)
        if found is not None:
            return found
        kind = self.history.kind
        if kind == "global":
            if name in AUTOMATIC_ARGUMENTS:
                return (Missing(name, "automatic"),)
            return Unset(Missing(name, "undeclared"), definite=True)
        if kind == "scratch":
            return DEFAULT_PATH if name == "PATH" else ""
        return Unset(Missing(name, "inherited"), definite=False)

    def __getitem__(self, name: str) -> str:
        found = self.bound(name)
        if isinstance(found, str):
            return found
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        scope: Scope | None = self
        while scope is not None:
            for name in scope.history.positions:
                if name not in seen:
                    seen.add(name)
                    if isinstance(self.bound(name), str):
                        yield name
            scope = scope.history.parent

    def __len__(self) -> int:
        return sum(1 for _ in self)
