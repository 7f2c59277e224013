"""What ``dockml diff-image`` prints.

Here: names and order of the output. The JSON keys are a contract: keys may be added, never renamed. Sizes are bytes;
null means unknown, never zero. Not here: the comparison.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from dockml_dagster.commands.diff_image.images import ReadImage
from dockml_dagster.commands.output import render
from dockml_dagster.study.difference.comparing import Difference, Part, Side, compare
from dockml_dagster.study.difference.sharing import share
from dockml_dagster.text import printable, size_text

Shown = Literal["table", "json", "markdown"]

_ROWS: Final = 15
_LONGEST: Final = 72
_GROUPS: Final = ("packages", "instructions", "directories", "kinds")


def two_text(before: ReadImage, after: ReadImage, format_: Shown) -> str:
    """The comparison of two images."""
    sides = before.side(), after.side()
    found = compare(*sides)
    if format_ == "json":
        return json.dumps(_object(before, after, found, sides), indent=2) + "\n"
    facts: list[list[Any]] = [
        [
            "layers hold, uncompressed",
            size_text(found.bytes_before),
            size_text(found.bytes_after),
            _signed(found.difference),
        ],
        ["layers shared", found.shared_layers, found.shared_layers, None],
        ["layers", len(before.layers), len(after.layers), len(after.layers) - len(before.layers)],
        [
            "shared layers, visible",
            size_text(found.shared_visible_before),
            size_text(found.shared_visible_after),
            _signed(found.shared_visible_after - found.shared_visible_before),
        ],
        ["to pull with the first there (by layer digest)", None, _size(found.pull_bytes_by_digest), None],
        ["to pull with the first there (common beginning only)", None, _size(found.pull_bytes), None],
    ]
    parts = [_table(f"{before.name} → {after.name}", ("", "before", "after", "difference"), facts, format_)]
    titles = {
        "packages": "By package",
        "instructions": "By instruction",
        "directories": "By directory",
        "kinds": "By kind",
    }
    for name in _GROUPS:
        rows = _rows(getattr(found, name), sides if name == "packages" else None)
        if rows:
            columns = (
                "difference",
                "before",
                "after",
                "what",
                *(("versions",) if name == "packages" else ()),
            )
            parts.append(_table(titles[name], columns, rows, format_))
    fates = [
        [one.fate, one.files, size_text(one.bytes_before), size_text(one.bytes_after)]
        for one in found.fates
        if one.files
    ]
    if fates:
        parts.append(
            _table(
                "Files of layers that are not shared",
                ("what became of them", "files", "before", "after"),
                fates,
                format_,
            )
        )
    return "\n".join(parts)


def several_text(images: Sequence[ReadImage], format_: Shown) -> str:
    """The layers that several images share."""
    found, distinct = share([image.layers for image in images])
    named = list(zip(images, found, strict=True))
    if format_ == "json":
        listed = [
            {"reference": image.name, "digest": str(image.image.image.digest), **one._asdict()}
            for image, one in named
        ]
        return json.dumps({"images": listed, "distinct_bytes": distinct}, indent=2) + "\n"
    rows = [
        [image.name, one.layers, _size(one.compressed_bytes), one.own_layers, _size(one.own_bytes)]
        for image, one in named
    ]
    title = f"Compressed layers; all distinct ones together {_size(distinct) or 'of unknown size'}"
    return _table(title, ("image", "layers", "size", "own layers", "own size"), rows, format_)


def _object(
    before: ReadImage, after: ReadImage, found: Difference, sides: tuple[Side, Side]
) -> dict[str, Any]:
    return {
        "before": _image(before, found.bytes_before),
        "after": _image(after, found.bytes_after),
        "difference": found.difference,
        "shared_layers": found.shared_layers,
        "shared_visible_bytes_before": found.shared_visible_before,
        "shared_visible_bytes_after": found.shared_visible_after,
        "pull_bytes": found.pull_bytes,
        "pull_bytes_by_digest": found.pull_bytes_by_digest,
        "packages_known": before.image.inventory is not None and after.image.inventory is not None,
        "packages": [
            {
                **_part(one),
                "versions_before": list(sides[0].versions(one.name)),
                "versions_after": list(sides[1].versions(one.name)),
            }
            for one in found.packages
        ],
        **{name: [_part(one) for one in getattr(found, name)] for name in _GROUPS[1:]},
        "files": [one._asdict() for one in found.fates],
    }


def _image(image: ReadImage, stored: int) -> dict[str, Any]:
    return {
        "reference": image.name,
        "digest": str(image.image.image.digest),
        "layers": len(image.layers),
        "bytes": stored,
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": printable(part.name),
        "bytes_before": part.bytes_before,
        "bytes_after": part.bytes_after,
        "difference": part.difference,
    }


def _rows(parts: Sequence[Part], sides: tuple[Side, Side] | None) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for one in parts[:_ROWS]:
        name = printable(one.name)
        shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        row: list[Any] = [
            _signed(one.difference),
            size_text(one.bytes_before),
            size_text(one.bytes_after),
            shown,
        ]
        if sides is not None:
            versions = [", ".join(map(printable, side.versions(one.name))) for side in sides]
            row.append(
                " → ".join(dict.fromkeys(text or "none" for text in versions)) if any(versions) else None
            )
        rows.append(row)
    rest = parts[_ROWS:]
    if rest:
        before, after = sum(one.bytes_before for one in rest), sum(one.bytes_after for one in rest)
        others: list[Any] = [
            _signed(after - before),
            size_text(before),
            size_text(after),
            f"{len(rest)} others",
        ]
        rows.append([*others, None] if sides is not None else others)
    return rows


def _signed(size: int) -> str:
    return f"{'-' if size < 0 else '+'}{size_text(abs(size))}"


def _size(size: int | None) -> str | None:
    return None if size is None else size_text(size)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], format_: Shown) -> str:
    text = render(columns, rows, format_, title=title)
    return f"## {title}\n\n{text}" if format_ == "markdown" else text
