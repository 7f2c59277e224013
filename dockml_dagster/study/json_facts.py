"""Reading untrusted JSON objects: sizes are capped, types are checked, and absent differs from empty.

Here: bytes to a JSON object, and typed access to its fields, with a note for each field of the wrong type. Not
here: what the fields mean (``image.manifest``, ``image.config`` and others).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dockml_dagster.study.formats.errors import RefusedTextError
from dockml_dagster.study.formats.json import load

MAX_TEXT = 1 << 20
# 16 TiB, or 17 million millions of anything. No registry accepts a layer of a hundredth of that, nothing has so many
# stars, and half a million such numbers still add up within a 64-bit column.
MAX_WHOLE = 1 << 44
MAX_PROBLEMS = 50


class BrokenJsonError(ValueError):
    """Bytes that are not a JSON object, or one beyond the caps. The message is one line."""


@dataclass(slots=True)
class Facts:
    """One JSON object. A field of the wrong type reads as absent and adds a line to ``problems``.

    ``problems`` is shared with the inner objects and holds at most 50 lines, none of which quotes a value.
    """

    values: Mapping[str, object]
    where: str = ""
    problems: list[str] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """A string; None if absent, null or of another type. Lone surrogates become U+FFFD."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.note(name, "no text")
            return None
        return clean_text(value)

    def whole(self, name: str) -> int | None:
        """A whole number from 0 to ``MAX_WHOLE``; None otherwise."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_WHOLE:
            self.note(name, "no whole number from 0 to 2^44")
            return None
        return value

    def truth(self, name: str) -> bool | None:
        """A boolean; None otherwise."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.note(name, "neither true nor false")
        return None

    def inner(self, name: str) -> "Facts | None":
        """An object; None otherwise."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.note(name, "no object")
            return None
        return Facts(value, self._path(name), self.problems)

    def items(self, name: str) -> list[object] | None:
        """A list of anything; None otherwise."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.note(name, "no list")
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of strings; entries of another type are left out and noted."""
        items = self.items(name)
        if items is None:
            return None
        kept = tuple(clean_text(item) for item in items if isinstance(item, str))
        if len(kept) != len(items):
            self.note(name, "not all entries are text")
        return kept

    def objects(self, name: str) -> "tuple[Facts, ...] | None":
        """A list of objects; entries of another type are left out and noted."""
        items = self.items(name)
        if items is None:
            return None
        path = self._path(name)
        kept = tuple(
            Facts(item, f"{path}[{i}]", self.problems)
            for i, item in enumerate(items)
            if isinstance(item, dict)
        )
        if len(kept) != len(items):
            self.note(name, "not all entries are objects")
        return kept

    def text_map(self, name: str) -> dict[str, str] | None:
        """An object whose values are strings; others are left out and noted."""
        found = self.inner(name)
        if found is None:
            return None
        kept = {clean_text(k): clean_text(v) for k, v in found.values.items() if isinstance(v, str)}
        if len(kept) != len(found.values):
            self.note(name, "not all values are text")
        return kept

    def key_set(self, name: str) -> tuple[str, ...] | None:
        """The keys of an object, which is how Go writes a set (volumes, exposed ports)."""
        found = self.inner(name)
        return None if found is None else tuple(clean_text(key) for key in found.values)

    def note(self, name: str, problem: str) -> None:
        """Record that the field ``name`` is unusable."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"{self._path(name)}: {problem}")

    def _path(self, name: str) -> str:
        # Only names of fields that our code asks for, so no untrusted text gets in here.
        return f"{self.where}.{name}" if self.where else name


def read_object(body: bytes, most_bytes: int) -> Facts:
    """The JSON object in ``body``. Raises BrokenJsonError for anything else, also for one beyond ``most_bytes``."""
    try:
        value = load(body, most_bytes)
    except RefusedTextError as error:
        raise BrokenJsonError(str(error)) from None
    if not isinstance(value, dict):
        raise BrokenJsonError("JSON, but no object")
    return Facts(value)


def clean_text(text: str) -> str:
    """The text without lone surrogates (no database takes them), at most 1 MiB of characters."""
    text = text[:MAX_TEXT]
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
