"""What an archive's entry means for an image: whiteouts, opaque directories, metadata, depth, types.

Here: the reading of names that the OCI image specification (layer.md, "Whiteouts") and its users prescribe.
Not here: merging layers by it (``union``), the archive's own form (``tar_walk``).
"""

from __future__ import annotations

from typing import Final

from dockml_dagster.study.layer.filetype import extension, file_type
from dockml_dagster.study.layer.model import EntryKind

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
LINK_TARGETS: Final = ".wh..wh.plnk/"
"""Where AUFS put the contents of files with several names, which are then hard links to there."""
_DRIVER: Final = ".wh..wh."
_INVALID: Final = frozenset({".wh.", ".wh..", ".wh..."})
_ESTARGZ: Final = frozenset({"stargz.index.json", ".prefetch.landmark", ".no.prefetch.landmark"})

Classified = tuple[EntryKind, int, str, str, str | None]
"""Kind, depth, extension, file type, and a note where something is odd."""


def classified(path: str, kind: EntryKind, head: bytes, size: int) -> Classified:
    """Classify an entry by its cleaned path, its kind in the archive and a file's first bytes.

    ``head`` may be empty for a file of some ``size`` whose content was not seen; its type is then unknown,
    "". What a name says counts whatever the kind: AUFS writes whiteouts as hard links to one another, and engines
    look at the name alone.
    """
    slash = path.rfind("/")
    depth = path.count("/") if slash > 0 else 0
    if path[0] == "." and path.startswith(_DRIVER) and path != OPAQUE:
        # AUFS kept such directories at the root, the targets of hard links in one of them.
        is_aside = kind == "file" and path.startswith(LINK_TARGETS)
        return ("metadata", depth, "", file_type(head) if is_aside and (head or not size) else "", None)
    name = path[slash + 1 :]
    if name[0] == "." or slash < 0:
        special = _special(path, name, kind)
        if special is not None:
            return (special, depth, "", "", "invalid_whiteout" if name in _INVALID else None)
    if kind != "file":
        return (kind, depth + 1 if kind == "directory" and path != "." else depth, "", "", None)
    return (kind, depth, extension(name), file_type(head) if head or not size else "", None)


def _special(path: str, name: str, kind: EntryKind) -> EntryKind | None:
    """Whether an entry is a whiteout, an opaque marker or metadata rather than content."""
    if name.startswith(WHITEOUT):
        if name == OPAQUE:
            return "opaque"
        # Taken literally, the invalid ones would remove the directory they lie in, or the one above.
        return "metadata" if name.startswith(_DRIVER) or name in _INVALID else "whiteout"
    return "metadata" if path in _ESTARGZ and kind == "file" else None
