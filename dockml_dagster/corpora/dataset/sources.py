"""The texts of a set, whatever holds them: a folder, an archive, a git repository, a table.

Here: reading each text once, in a fixed order, under limits. Not here: keeping the texts (``store``), their content. A set
is untrusted: no link is followed, nothing is unpacked, and reading a table can open no other file.
"""

from __future__ import annotations

import csv
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from dockml_dagster.clients import git
from dockml_dagster.clients.regular_files import NotRegularError, open_regular, walk
from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.corpora.dataset.description import Description
from dockml_dagster.corpora.local.containment import leads_out
from dockml_dagster.corpora.local.places import Place, bring_clone, clone_of, form_of
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.layer.look import Parts
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.project.files import MAX_DOCKERFILE_BYTES
from dockml_dagster.warehouse.rows import combined_hash, literal, quote

MOST_FILES = 3_000_000
"""Most files of a folder, an archive or a tree, or rows of a table."""
MOST_BYTES = 16 * 1024**3
"""Most bytes of all texts of a set."""
MOST_IN_ARCHIVE = 1024**3
"""Most bytes of the texts of a tar, which are kept in memory while it is read."""
_TABLES = (".csv", ".tsv", ".parquet")
_ROWS_AT_ONCE = 1_000
_LONGEST_LINE = 16 * MAX_DOCKERFILE_BYTES


@dataclass(frozen=True, slots=True)
class Text:
    """One text. ``content`` is None if it cannot be read; ``problem`` says why. ``project``: as the set states."""

    path: str
    content: bytes | None
    problem: str | None = None
    project: str | None = None
    category: str | None = None
    date: str | None = None


def mark(description: Description, cache: Path) -> str:
    """A cheap hash of the set: the commit of a repository, size and time of a file or of every file of a folder.

    Raises:
        CorpusError: the set is not there.
    """
    about = repr(description)
    try:
        place = _place(description, cache)
        if place.form != "folder":
            head = git.head_commit(place.root)
            if head is None:
                raise CorpusError(f"{description.place}: a git repository without a commit")
            return combined_hash([about, head])
        if place.root.is_file():
            stat = place.root.stat()
            return combined_hash([about, f"{stat.st_size} {stat.st_mtime_ns}"])
        if not place.root.is_dir():
            raise CorpusError(
                f"{description.place}: there is no such file or folder; --path says where the set is"
            )
        return combined_hash(
            [about, *(f"{path}\0{size}\0{time}" for path, size, time in _files(place.root, description))]
        )
    except git.GitError as error:
        raise CorpusError(f"{description.place}: git: {error}") from error
    except OSError as error:
        raise CorpusError(f"{description.place}: cannot be read: {error.strerror}") from error


def texts(description: Description, cache: Path) -> Iterator[Text]:
    """Every text; ordered by path in a folder, repository or zip file, else in stored order.

    Raises:
        CorpusError: the set cannot be read, or exceeds a limit.
    """
    total = 0
    for count, text in enumerate(_texts(description, cache)):
        total += len(text.content or b"")
        if count >= MOST_FILES or total > MOST_BYTES:
            raise CorpusError(f"{description.place}: more than {MOST_FILES} texts or {MOST_BYTES} bytes")
        yield text


def _texts(description: Description, cache: Path) -> Iterator[Text]:
    try:
        place = _place(description, cache)
        if place.form != "folder":
            yield from _of_repository(place, description)
        elif description.layout == "table":
            yield from _of_table(place.root, description)
        elif place.root.is_file():
            yield from _of_archive(place.root, description)
        else:
            yield from _of_folder(place.root, description)
    except git.GitError as error:
        raise CorpusError(f"{description.place}: git: {error}") from error
    except OSError as error:
        raise CorpusError(f"{description.place}: cannot be read: {error.strerror or error}") from error


def _place(description: Description, cache: Path) -> Place:
    """The place of the set on this machine; a git address is fetched first."""
    if description.is_address:
        place = Place(clone_of(description.place, cache), "clone", description.place)
        bring_clone(place, git.remote_head(description.place))
        return place
    root = Path(description.place)
    form = form_of(root) if root.is_dir() and description.layout == "files" else None
    if form in ("work tree", "bare repository"):
        led = leads_out(root, [root])
        if led:
            raise CorpusError(f"{description.place}: not read as a repository: {led}")
        return Place(root, form)
    return Place(root, "folder")


def _is_wanted(path: str, description: Description) -> bool:
    if description.under and not path.startswith(description.under + "/"):
        return False
    return description.files == "all" or classify_file_name(path).kind == "dockerfile"


def _file(path: str, content: bytes | None, description: Description) -> Text:
    problem = None if content is not None else f"more than {MAX_DOCKERFILE_BYTES} bytes, or it cannot be read"
    return Text(path, content, problem, description.project_of(path))


def _files(root: Path, description: Description) -> Iterator[tuple[str, int, int]]:
    """(path, size, time) of the wanted files, in order."""
    for where, folders, names in walk(root / description.under):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(names):
            file = Path(where, name)
            path = file.relative_to(root).as_posix()
            if _is_wanted(path, description) and not file.is_symlink():
                stat = file.stat()
                yield path, stat.st_size, stat.st_mtime_ns


def _of_folder(root: Path, description: Description) -> Iterator[Text]:
    for path, size, _ in _files(root, description):
        content = None
        if size <= MAX_DOCKERFILE_BYTES:
            try:
                with open_regular(root / path) as opened:
                    content = opened.read(MAX_DOCKERFILE_BYTES + 1)
            except NotRegularError:
                continue
            except OSError:
                content = None
        yield _file(path, content, description)


def _of_repository(place: Place, description: Description) -> Iterator[Text]:
    """The files of HEAD, whatever is in the work tree: a commit identifies a set permanently."""
    if description.archive:
        yield from _in_repository(place, description)
        return
    wanted = [
        blob for blob in git.tree(place.root, MOST_FILES)
        if blob.mode.startswith("100") and _is_wanted(blob.path, description)
    ]  # fmt: skip
    if place.url:
        git.fetch_blobs(place.root, [blob.oid for blob in wanted], place.url)
    with git.blob_reader(place.root) as reader:
        for blob in wanted:
            yield _file(blob.path, reader.read(blob.oid, MAX_DOCKERFILE_BYTES), description)


def _in_repository(place: Place, description: Description) -> Iterator[Text]:
    """The texts in an archive that is a file of HEAD."""
    path = description.archive
    oid = next((blob.oid for blob in git.tree(place.root, MOST_FILES) if blob.path == path), None)
    if oid is not None and place.url:
        git.fetch_blobs(place.root, [oid], place.url)
    with git.blob_reader(place.root) as reader:
        data = reader.read(oid, MOST_IN_ARCHIVE) if oid is not None else None
    if data is None:
        raise CorpusError(f"{description.place}: there is no {path} of at most {MOST_IN_ARCHIVE} bytes")
    yield from _of_tar(BytesIO(data), path, description)


class _Collecting:
    """Collects the content of files while an archive is read (``study.layer.look``)."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self.found: list[Text] = []
        self.bytes = 0

    def _take(self, path: str, content: bytes | None) -> None:
        self.bytes += len(content or b"")
        if self.bytes <= MOST_IN_ARCHIVE:
            self.found.append(_file(path, content, self._description))

    def whole(self, path: str, chunk: bytes, start: int, stop: int) -> None:
        """See ``Look``."""
        if _is_wanted(path, self._description):
            content = bytes(chunk[start:stop]) if stop - start <= MAX_DOCKERFILE_BYTES else None
            self._take(path, content)

    def parts(self, path: str, size: int) -> Parts | None:
        """See ``Look``."""
        if not _is_wanted(path, self._description):
            return None
        if size > MAX_DOCKERFILE_BYTES:
            self._take(path, None)
            return None
        return _Joining(path, self)

    def add(self, path: str, content: bytes) -> None:
        """Add a file that came in pieces."""
        self._take(path, content)


class _Joining:
    def __init__(self, path: str, whole: _Collecting) -> None:
        self._path, self._whole, self._pieces = path, whole, bytearray()

    def add(self, chunk: bytes, start: int, stop: int) -> None:
        """See ``Parts``."""
        self._pieces += chunk[start:stop]

    def end(self) -> None:
        """See ``Parts``."""
        self._whole.add(self._path, bytes(self._pieces))


def _of_archive(file: Path, description: Description) -> Iterator[Text]:
    if zipfile.is_zipfile(file):
        yield from _of_zip(file, description)
        return
    with open_regular(file, follow=True) as opened:
        yield from _of_tar(opened, str(file), description)


def _of_tar(opened: BinaryIO, name: str, description: Description) -> Iterator[Text]:
    """The texts of a tar, compressed or not, read like a layer. A damaged tar raises CorpusError."""
    collecting = _Collecting(description)
    scanned = scan_layer(opened, digest=False, look=collecting)
    if scanned.status != "complete":
        raise CorpusError(f"{name}: no whole archive: {scanned.reason}")
    if collecting.bytes > MOST_IN_ARCHIVE:
        raise CorpusError(
            f"{name}: more than {MOST_IN_ARCHIVE} bytes of texts; unpack it and give the folder"
        )
    yield from collecting.found


def _of_zip(file: Path, description: Description) -> Iterator[Text]:
    inflated = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in sorted(archive.infolist(), key=lambda one: one.filename):
                if entry.is_dir() or not _is_wanted(entry.filename, description):
                    continue
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise CorpusError(f"{file}: a text that is neither stored nor deflated")
                with archive.open(entry) as opened:
                    content = opened.read(MAX_DOCKERFILE_BYTES + 1)
                inflated += len(content)  # also of entries that are too large, which no other total counts
                if inflated > MOST_BYTES:
                    raise CorpusError(f"{file}: more than {MOST_BYTES} bytes")
                yield _file(
                    entry.filename, content if len(content) <= MAX_DOCKERFILE_BYTES else None, description
                )
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        ValueError,
        EOFError,
        zlib.error,
        struct.error,
    ) as error:
        raise CorpusError(f"{file}: no whole archive: {' '.join(str(error).split())[:200]}") from error


def _of_table(file: Path, description: Description) -> Iterator[Text]:
    if file.suffix not in _TABLES:
        raise CorpusError(f"{file}: a table is a file {', '.join(_TABLES)}")
    rows = _parquet(file, description) if file.suffix == ".parquet" else _csv(file, description)
    for number, row in enumerate(rows, 1):
        content = row["text"]
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        path = str(row.get("path") or f"row-{number:07d}")
        if not isinstance(data, bytes) or len(data) > MAX_DOCKERFILE_BYTES:
            yield Text(path, None, "no text" if data is None else f"more than {MAX_DOCKERFILE_BYTES} bytes")
            continue
        told = {key: str(row[key]) for key in ("project", "category", "date") if row.get(key) is not None}
        yield Text(path, data, None, **told)


def _csv(file: Path, description: Description) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(min(sys.maxsize, 4 * MAX_DOCKERFILE_BYTES))
    try:
        with file.open(encoding="utf-8", errors="replace", newline="") as opened:
            reader = csv.DictReader(_lines(opened, file), delimiter="\t" if file.suffix == ".tsv" else ",")
            _require(file, description, reader.fieldnames or ())
            for row in reader:
                yield {meaning: row.get(column) or None for meaning, column in description.columns.items()}
    except csv.Error as error:
        raise CorpusError(f"{file}: no table: {error}") from error


def _lines(opened: TextIO, file: Path) -> Iterator[str]:
    """The lines of a file, each of limited length, so that an endless line does not fill the memory."""
    while line := opened.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            raise CorpusError(f"{file}: a line of more than {_LONGEST_LINE} characters")
        yield line


def _parquet(file: Path, description: Description) -> Iterator[Mapping[str, Any]]:
    """The rows of a Parquet file, read by a separate DuckDB that can open only this file and has little memory."""
    import duckdb

    own: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "512MB", "threads": 1}
    try:
        with duckdb.connect(config=own) as connection:
            connection.execute(f"SET allowed_paths = [{literal(file)}]")
            connection.execute("SET enable_external_access = false")
            source = f"read_parquet({literal(file)})"
            known = [row[0] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()]
            _require(file, description, known)
            columns = ", ".join(
                f"{quote(column)} AS {quote(meaning)}" for meaning, column in description.columns.items()
            )
            result = connection.execute(f"SELECT {columns} FROM {source}")
            while rows := result.fetchmany(_ROWS_AT_ONCE):
                for row in rows:
                    yield dict(zip(description.columns, row, strict=True))
    except duckdb.Error as error:
        raise CorpusError(f"{file}: no table: {str(error).splitlines()[0][:200]}") from error


def _require(file: Path, description: Description, there: Any) -> None:
    for column in description.columns.values():
        if column not in there:
            raise CorpusError(
                f"{file}: there is no column {column!r}; there are {', '.join(map(str, there))[:300]}"
            )
