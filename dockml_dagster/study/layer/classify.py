"""What an archive's entry means for an image: whiteouts, opaque directories, metadata, depth, types.

Here: the meaning of names in the OCI image specification (layer.md, "Whiteouts") and in the tools that use it.
Not here: merging layers (``union``), the form of the archive (``tar_walk``).
"""

from __future__ import annotations

from typing import Final

from dockml_dagster.study.layer.filetype import extension, file_type
from dockml_dagster.study.layer.model import EntryKind

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
LINK_TARGETS: Final = ".wh..wh.plnk/"
"""Where AUFS put the contents of files with several names. The names are then hard links to it."""
_DRIVER: Final = ".wh..wh."
_INVALID: Final = frozenset({".wh.", ".wh..", ".wh..."})
_ESTARGZ: Final = frozenset({"stargz.index.json", ".prefetch.landmark", ".no.prefetch.landmark"})

Classified = tuple[EntryKind, int, str, str, str | None]
"""Kind, depth, extension, file type, and a note if something is odd."""


def classified(path: str, kind: EntryKind, head: bytes, size: int) -> Classified:
    """Classify an entry by its cleaned path, its kind in the archive and a file's first bytes.

    ``head`` may be empty for a file of some ``size`` whose content was not seen; its type is then "", unknown.
    Special names count for every kind of entry: AUFS writes whiteouts as hard links to one another, and engines look
    only at the name.
    """
    slash = path.rfind("/")
    depth = path.count("/") if slash > 0 else 0
    if path[0] == "." and path.startswith(_DRIVER) and path != OPAQUE:
        # AUFS kept its own directories at the root, one of them with the targets of hard links.
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
    """The special kind of an entry (whiteout, opaque marker, metadata); None: it is content."""
    if name.startswith(WHITEOUT):
        if name == OPAQUE:
            return "opaque"
        # Taken literally, invalid whiteouts would remove their own directory or its parent.
        return "metadata" if name.startswith(_DRIVER) or name in _INVALID else "whiteout"
    return "metadata" if path in _ESTARGZ and kind == "file" else None
