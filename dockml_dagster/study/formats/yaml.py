"""Reading untrusted YAML as plain dictionaries and lists whose texts know their lines, at a bounded cost.

Here: documents, aliases, merges, duplicate keys, and the bounds on all of them. Not here: what a file means.

libyaml gives one event at a time and keeps its own stack, so nesting costs no recursion and is counted here. The target of
an alias is shared, not copied, but counts at every use: a walk over the result meets at most ``MAX_NODES`` nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.formats.errors import RefusedTextError

MAX_BYTES: Final = 256 * 1024
"""Longest text that is read, in characters."""
MAX_NODES: Final = 50_000
"""Most scalars, sequences and mappings. An alias counts as all the nodes that it stands for."""
MAX_DEPTH: Final = 60
"""Deepest nesting. The deepest file of the study's projects has 14 levels."""
_MERGE: Final = "<<"


class Text(str):
    """A scalar, always as text (``true`` is ``"true"``). ``line`` counts from 1. ``block``: it was written as a block
    (``|`` or ``>``), so its text begins on the next line.
    """

    line: int
    block: bool


@dataclass(slots=True)
class _Open:
    """A collection that has not ended. ``size``: its nodes so far, itself included. ``key``: the key that waits for its
    value. ``merged``: the mappings that it merges, by identity. ``merges``: it is the sequence after a ``<<``.
    """

    anchor: str | None
    value: dict[Any, Any] | list[Any]
    merges: bool = False
    size: int = 1
    key: Any = None
    has_key: bool = False
    merged: dict[int, dict[Any, Any]] = field(default_factory=dict)


def load(text: str) -> Any:
    """The first document: mappings as ``dict`` whose keys are ``Text``, sequences as ``list``, scalars as ``Text``; None
    for a text without a document.

    Of duplicate keys the last counts, as in most readers. A key that is not a scalar is dropped with its value. ``<<``
    merges mappings; their keys override neither the mapping's own keys nor those merged earlier.

    Raises:
        RefusedTextError: the text is not YAML, too long, too deep, expands to too much, or has an alias within its target.
    """
    import yaml

    if len(text) > MAX_BYTES:
        raise RefusedTextError(f"longer than {MAX_BYTES} characters")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=loader):
            if builder.take(event):
                return builder.root
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise RefusedTextError(f"no YAML{_place(error)}", "malformed") from None
    return None


def load_or_none(text: str) -> Any:
    """``load``, or None for a text that it refuses, which is recorded as a cut."""
    try:
        return load(text)
    except RefusedTextError as error:
        note_cut(f"YAML that is refused: {error.kind}")
        return None


class _Builder:
    """Builds the document from events."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._nodes = 0

    def take(self, event: Any) -> bool:
        """Add an event; returns whether the document has ended."""
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            text = Text(event.value)
            text.line = event.start_mark.line + 1 if event.start_mark else 1
            text.block = event.style in ("|", ">")
            self._remember(event.anchor, text, 1)
            self._add(text, 1)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(self._open) >= MAX_DEPTH:
                raise RefusedTextError(f"nested deeper than {MAX_DEPTH} levels")
            if event.anchor:
                self._anchors[event.anchor] = None  # before its end an alias of it would contain itself
            above = self._open[-1] if self._open else None
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            merges = not is_mapping and above is not None and above.has_key and above.key == _MERGE
            self._open.append(_Open(event.anchor, {} if is_mapping else [], merges))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            anchor = event.anchor or ""
            known = self._anchors.get(anchor)
            if known is None:
                undefined = anchor not in self._anchors
                raise RefusedTextError("an alias of nothing" if undefined else "an alias of what it is in")
            self._add(*known)
        return isinstance(event, yaml.DocumentEndEvent)

    def _end(self) -> None:
        ended = self._open.pop()
        if isinstance(ended.value, dict):
            for merged in ended.merged.values():
                for key, value in merged.items():
                    ended.value.setdefault(key, value)
        self._remember(ended.anchor, ended.value, ended.size)
        self._add(ended.value, ended.size, counted=1)

    def _remember(self, anchor: str | None, value: Any, size: int) -> None:
        if anchor:
            self._anchors[anchor] = (value, size)

    def _add(self, value: Any, size: int, counted: int | None = None) -> None:
        """Add a node to the open collection. ``counted``: how much of its ``size`` is not counted yet; by default all."""
        check_time()
        parent = self._open[-1] if self._open else None
        if parent is not None and parent.merges and isinstance(value, dict):
            if id(value) in parent.merged:
                return  # a mapping that is named twice is merged once
            parent.merged[id(value)] = value
        self._nodes += size if counted is None else counted
        if self._nodes > MAX_NODES:
            raise RefusedTextError(f"more than {MAX_NODES} nodes")
        if parent is None:
            self.root = value
            return
        parent.size += size
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif not parent.has_key:
            parent.key, parent.has_key = value, True
        else:
            parent.has_key = False
            if parent.key == _MERGE:
                for body in value if isinstance(value, list) else [value]:
                    if isinstance(body, dict):
                        parent.merged[id(body)] = body
            elif isinstance(parent.key, Text):
                parent.value.pop(parent.key, None)  # so that the key kept has the line of the value kept
                parent.value[parent.key] = value


def _place(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" (line {mark.line + 1})"


def lines_of(text: Text) -> Iterator[tuple[int, str]]:
    """(line in the file, text) of each line of a scalar."""
    for number, line in enumerate(text.splitlines()):
        yield text.line + number + (1 if text.block else 0), line


def scalar(node: Any) -> str | None:
    """A scalar's text, None for anything else."""
    return str(node) if isinstance(node, str) else None
