"""Commits made from texts, without git."""

from typing import Any

from dockml_dagster.study.rebuilds.contexts import Context
from dockml_dagster.study.rebuilds.history import RebuildHistory
from dockml_dagster.study.rebuilds.model import Change, Entry, FileRebuild


class Repository:
    """Commits made from texts by path. A path that ends in ``+x`` is executable; an empty text removes the file."""

    def __init__(self, contexts: dict[str, Context] | None = None, **options: Any) -> None:
        self.blobs: dict[str, bytes] = {}
        self.tree: dict[str, Entry] = {}
        self.history = RebuildHistory(self.blobs.get, contexts or {}, **options)

    def commit(self, files: dict[str, str]) -> list[FileRebuild]:
        """The Dockerfiles that the commit affects."""
        changes = []
        for name, text in files.items():
            path, entry = name.removesuffix("+x"), Entry("100755" if name.endswith("+x") else "100644", text)
            self.blobs[text] = text.encode()
            if text:
                self.tree[path] = entry
            else:
                del self.tree[path]
            changes.append(Change(path, entry if text else None))
        return self.history.commit(changes)


def shown(rebuilt: list[FileRebuild]) -> list[str]:
    """``KEYWORD causes`` of every step that is built again."""
    return [f"{miss.keyword} {', '.join(miss.causes)}" for file in rebuilt for miss in file.misses]
