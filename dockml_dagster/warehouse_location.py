"""Where a warehouse is: a DuckDB file, or a lake or service that DuckDB attaches.

Belongs here: reading ``DOCKML_WAREHOUSE``, and what follows from the kind of place. Does not: opening it
(``warehouse.connection``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dockml_dagster.errors import BadInputError

_ADDRESS = re.compile(r"(ducklake|md):", re.IGNORECASE)
_CATALOG_FILE = re.compile(r"(?P<kind>ducklake:(?:sqlite:|duckdb:)?)(?P<path>(?![a-z]+:).+)", re.IGNORECASE)
_SECRET = re.compile(r"(password|motherduck_token|secret|key)=('[^']*'|[^\s&;]*)", re.IGNORECASE)
_IN_POSTGRES = re.compile(r"ducklake:postgres(?:ql)?:(?P<address>.*)", re.IGNORECASE | re.DOTALL)
_USER_INFO = re.compile(r"(//[^/@:\s]*):[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Location:
    """A place that DuckDB can ATTACH.

    ``address``: what ATTACH is given; for a file its absolute path. ``folder``: local folder of what stays beside the
    tables: the writer's lock, the Parquet files of layers. ``data_path``: where a new lake keeps its Parquet files, a
    directory or ``s3://…``; None: the catalog knows, or DuckLake's default beside a catalog that is a file.
    """

    address: str
    folder: Path
    data_path: str | None = None

    @classmethod
    def of_file(cls, path: Path) -> Location:
        """A DuckDB file."""
        return cls(str(path), path.parent)

    @classmethod
    def parse(cls, text: str, folder: Path, data_path: str | None = None) -> Location:
        """Read ``DOCKML_WAREHOUSE``: ``ducklake:…`` and ``md:…`` are attached, anything else is a file's path."""
        if not _ADDRESS.match(text):
            return cls.of_file(Path(text).expanduser().absolute())
        catalog = _CATALOG_FILE.match(text)
        if catalog:
            # Steps run in processes of their own, in other folders.
            text = catalog["kind"] + str(Path(catalog["path"]).expanduser().absolute())
        return cls(text, folder, data_path)

    @property
    def file(self) -> Path | None:
        """The DuckDB file, None where it is none."""
        return None if _ADDRESS.match(self.address) else Path(self.address)

    @property
    def is_lake(self) -> bool:
        """Whether it is a DuckLake: a catalog, and Parquet files at ``data_path``."""
        return self.address.lower().startswith("ducklake:")

    @property
    def catalog(self) -> str | None:
        """The PostgreSQL database that a lake has its catalog in, as libpq takes it; None: another kind of place.

        There is one where many may write at once, from many machines.
        """
        found = _IN_POSTGRES.fullmatch(self.address)
        return found["address"] if found else None

    @property
    def layers(self) -> str:
        """Folder or ``s3://…`` of what was found inside layers, for all machines that share a catalog. Beside the lake's
        files and not among them: those are the lake's to clean up.

        Raises:
            BadInputError: DOCKML_WAREHOUSE_DATA does not say where the lake's files are.
        """
        if self.data_path is None:
            raise BadInputError(
                "a catalog in PostgreSQL needs DOCKML_WAREHOUSE_DATA: a folder that every machine sees, or s3://…"
            )
        return self.data_path.rstrip("/") + ".layers"

    @property
    def lock(self) -> Path:
        """The file whose lock the writers of this machine take turns by."""
        return Path(f"{self.file or self.folder / 'dockml'}.lock")

    def __str__(self) -> str:
        return without_secrets(self.address)


def without_secrets(text: str) -> str:
    """A text with addresses, without the passwords and tokens in them."""
    return _USER_INFO.sub(r"\1:…@", _SECRET.sub(r"\1=…", text))
