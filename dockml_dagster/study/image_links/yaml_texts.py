"""YAML as plain dictionaries and lists whose texts know their line.

Here: parsing that a hostile file cannot make expensive. Not here: what any file means.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dockml_dagster.study.project.compose import MAX_BYTES, nests_too_deep

_MAX_NODES = 50_000


class Text(str):
    """A scalar, always as text (``true`` is ``"true"``). ``line`` counts from 1; ``block`` says that it was written
    as a block (``|``), whose first line is the next one.
    """

    line: int
    block: bool


def load(text: str) -> Any:
    """Mappings as ``dict`` (keys as text), sequences as ``list``, scalars as ``Text``; None for what is no YAML, too
    long or too deep. Of several documents the first.
    """
    import yaml

    if len(text) > MAX_BYTES or nests_too_deep(text):
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = next(iter(yaml.compose_all(text, Loader=loader)), None)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    return _plain(root, [_MAX_NODES])


def _plain(node: Any, left: list[int]) -> Any:
    """Aliases are walked where they stand; the count bounds what a bomb of them costs."""
    import yaml

    left[0] -= 1
    if node is None or left[0] < 0:
        return None
    if isinstance(node, yaml.ScalarNode):
        text = Text(node.value)
        text.line = node.start_mark.line + 1
        text.block = node.style in ("|", ">")
        return text
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, left) for item in node.value]
    plain: dict[str, Any] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and left[0] > 0:
            if key.value == "<<":
                merged = _plain(value, left)
                if isinstance(merged, dict):
                    plain = {**merged, **plain}
            else:
                plain[key.value] = _plain(value, left)
    return plain


def lines_of(text: Text) -> Iterator[tuple[int, str]]:
    """(line in the file, text) of each line of a scalar."""
    for number, line in enumerate(text.splitlines()):
        yield text.line + number + (1 if text.block else 0), line


def scalar(node: Any) -> str | None:
    """A scalar's text, None for anything else."""
    return str(node) if isinstance(node, str) else None
