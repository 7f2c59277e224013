"""Settings from the environment: where dockml keeps its data and where it looks for input.

Here: every variable read anywhere in dockml, with its meaning. Reading settings has
no side effect: no network, no folders created. Not here: the parsing that only one reader needs, such as that of
``DOCKML_REGISTRIES`` (``clients.registry.settings``).
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from dockml_dagster.errors import BadInputError

_ADDRESS = re.compile(r"(ducklake|md):", re.IGNORECASE)
_CATALOG_FILE = re.compile(r"(?P<kind>ducklake:(?:sqlite:|duckdb:)?)(?P<path>(?![a-z]+:).+)", re.IGNORECASE)
_SECRET = re.compile(r"(password|motherduck_token|secret|key)=('[^']*'|[^\s&;]*)", re.IGNORECASE)
_IN_POSTGRES = re.compile(r"ducklake:postgres(?:ql)?:(?P<address>.*)", re.IGNORECASE | re.DOTALL)
_USER_INFO = re.compile(r"(//[^/@:\s]*):[^/@\s]*@")

VARIABLES: Mapping[str, str] = {
    "DOCKML_HOME": "folder of the warehouse, the published file, Dagster's storage and the cache; default `./.dockml`",
    "DOCKML_WAREHOUSE": "what runs write to: a DuckDB file (default `$DOCKML_HOME/warehouse/dockml.duckdb`), or what "
    "DuckDB attaches: `ducklake:…`, `md:…`",
    "DOCKML_WAREHOUSE_DATA": "folder or `s3://bucket/path` of a DuckLake's Parquet files; default: what the catalog "
    "says, or a folder beside a catalog that is a file",
    "DOCKML_DAGSTER_POSTGRES": "database of Dagster's own storage, `postgresql://user:password@host/dagster`; default: "
    "files in `DAGSTER_HOME`",
    "DOCKML_CELERY_BROKER": "broker of the workers, `redis://host:6379/0` or `amqp://user:password@host//`: projects "
    "are then collected wherever `dockml worker` runs; default: everything runs here",
    "DOCKML_EASE2022": "directory or archive of the study's package; default: a shallow clone is made in the cache",
    "GITHUB_TOKEN": "token for GitHub: 5,000 calls an hour instead of 60, and many repositories in one call; it needs "
    "no permission",
    "DOCKML_GITHUB_API_URL": "API of a GitHub Enterprise server, such as `https://github.example.com/api/v3`; default "
    "`https://api.github.com`",
    "DOCKML_GITHUB_FRAME": "which projects the corpus `github` has: a preset (`ease2022`, `modern`, `control`), your "
    "own TOML file, or a text file of names; default: as `--frame` of its last study said",
    "DOCKML_GITHUB_CONTRIBUTORS": "`1`: ask also how many people contributed to each selected project of `github`, one "
    "call a project; default: unknown",
    "DOCKML_CONTACT": "address that the operators of the servers we ask can turn to; sent as part of the User-Agent; "
    "default: none",
    "DOCKML_LOCAL": "where the projects of the corpus `local` are: directories and git addresses, separated by line "
    "ends or semicolons; default: as `--path` of its last study said",
    "DOCKML_LOCAL_IMAGES": "`1`: read the images that local projects name, or link to as confirmed or likely, from "
    "their registries; default: only images in files, or as `--images` of the last study with `--path` said",
    "DOCKML_DATASETS": "data sets of Dockerfiles, separated by semicolons: TOML files, folders that have a "
    "`dataset.toml`, or `NAME=PLACE` for a known one; default: as `--path` of its last study said",
    "DOCKML_REGISTRIES": "registries beyond the public ones, mirrors, plain-http loopback registries, separated by "
    "white space or commas: `registry.example.com`, `http://127.0.0.1:5000`, "
    "`docker.io=https://mirror.example.com/hub|docker.io`. Where docker.io is a mirror alone, hub.docker.com is not "
    "asked either, unless `hub.docker.com=https://…` says where",
    "DOCKER_CONFIG": "folder of Docker's `config.json`, where registry logins and credential helpers stand; default "
    "`~/.docker`",
    "DOCKML_LAYER_BYTES": "most compressed bytes of layers that are read for one project, for instance `20G`; known "
    "layers cost nothing; images for linux/amd64 come first; what is left out is recorded; default: no limit",
    "DOCKML_LAYERS_AGAIN": "`1`: `dockml study --force` reads those layers again that were read before dockml looked "
    "into their files (packages, secrets, code for GPUs); default: what their files say stays unknown",
    "DAGSTER_HOME": "set by dockml to `$DOCKML_HOME/dagster` unless it is set already",
    "NO_COLOR": "any value: no colours on the terminal",
}  # fmt: skip
"""Every environment variable that dockml reads → its meaning, in Markdown: ``dockml --settings``, ``docs/settings.md``."""


@dataclass(frozen=True, slots=True)
class Location:
    """A place that DuckDB can ATTACH.

    ``address``: the argument of ATTACH; for a file its absolute path. ``folder``: local folder of what is kept beside the
    tables: the writer's lock, the Parquet files of layers. ``data_path``: where a new lake keeps its Parquet files, a
    directory or ``s3://…``; None: as the catalog records, or DuckLake's default beside a catalog that is a file.
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
            # Steps run in other processes, whose working directory differs.
            text = catalog["kind"] + str(Path(catalog["path"]).expanduser().absolute())
        return cls(text, folder, data_path)

    @property
    def file(self) -> Path | None:
        """The DuckDB file; None for another kind of place."""
        return None if _ADDRESS.match(self.address) else Path(self.address)

    @property
    def is_lake(self) -> bool:
        """Whether it is a DuckLake: a catalog, and Parquet files at ``data_path``."""
        return self.address.lower().startswith("ducklake:")

    @property
    def catalog(self) -> str | None:
        """The PostgreSQL database that holds a lake's catalog, as libpq takes it; None for another kind of place.

        Only with such a catalog may several machines write at once.
        """
        found = _IN_POSTGRES.fullmatch(self.address)
        return found["address"] if found else None

    @property
    def layers(self) -> str:
        """Folder or ``s3://…`` of the layers' Parquet files, for all machines that share a catalog. It lies beside the
        lake's own files, not among them, because the lake cleans those up itself.

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
        """The lock file by which the writers on this machine take turns."""
        return Path(f"{self.file or self.folder / 'dockml'}.lock")

    def __str__(self) -> str:
        return without_secrets(self.address)


def without_secrets(text: str) -> str:
    """The text with passwords and tokens in its addresses replaced by "…"."""
    return _USER_INFO.sub(r"\1:…@", _SECRET.sub(r"\1=…", text))


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. All paths are absolute."""

    home: Path
    warehouse: Location
    ease2022: Path | None
    dagster_home: Path
    dagster_postgres: str | None = field(default=None, repr=False)
    """Address of Dagster's storage; None: files in ``dagster_home``."""
    celery_broker: str | None = field(default=None, repr=False)
    """Address of the broker; None: no workers."""
    registries: str | None = None
    """As the user wrote it; ``clients/registry/settings`` parses it."""
    github_token: str | None = field(default=None, repr=False)
    github_api_url: str | None = None
    github_frame: str | None = None
    github_contributors: bool = False
    """Whether contributors are counted, at one call per project."""
    contact: str | None = None
    docker_config: Path | None = None
    """Docker's ``config.json``; None: the one in ``~/.docker``."""
    local: tuple[str, ...] = ()
    """Paths and addresses of the corpus ``local``, as the user wrote them."""
    local_images: bool = False
    """Whether the corpus ``local`` asks registries for images."""
    datasets: tuple[str, ...] = ()
    """Data sets, as the user wrote them: TOML files, folders that have one, ``NAME=PLACE``."""
    layer_bytes: str | None = None
    """As the user wrote it; ``corpora/images/selection`` parses it."""
    layers_again: bool = False
    """Whether layers are read again that were read before dockml recorded what their files contain."""

    @property
    def published(self) -> Path:
        """The read-only DuckDB file for users; replaced by rename, so it may stay open while a run goes on."""
        return self.home / "published" / "dockml.duckdb"

    @property
    def github_projects(self) -> Path:
        """The repositories given to the corpus ``github`` by hand, one per line; the user may edit the file."""
        return self.home / "github" / "projects.txt"

    @property
    def told(self) -> Path:
        """The corpora options of the last ``dockml study`` (``corpora.remembered``)."""
        return self.home / "corpora.json"

    @property
    def cache(self) -> Path:
        """What can be fetched again: clones and blobs by digest."""
        return self.home / "cache"

    def replace(self, **changes: Any) -> Self:
        """These settings with some of them changed, as options of a command do."""
        return dataclasses.replace(self, **changes)

    def environment(self) -> dict[str, str]:
        """The variables from which ``from_environment`` makes the same settings in another process."""
        texts = {
            "DOCKML_HOME": self.home,
            "DOCKML_WAREHOUSE": self.warehouse.address,
            "DOCKML_WAREHOUSE_DATA": self.warehouse.data_path,
            "DOCKML_DAGSTER_POSTGRES": self.dagster_postgres,
            "DOCKML_CELERY_BROKER": self.celery_broker,
            "DOCKML_EASE2022": self.ease2022,
            "GITHUB_TOKEN": self.github_token,
            "DOCKML_GITHUB_API_URL": self.github_api_url,
            "DOCKML_GITHUB_FRAME": self.github_frame,
            "DOCKML_GITHUB_CONTRIBUTORS": "1" if self.github_contributors else None,
            "DOCKML_CONTACT": self.contact,
            "DOCKML_LOCAL": ";".join(self.local),
            "DOCKML_LOCAL_IMAGES": "1" if self.local_images else None,
            "DOCKML_DATASETS": ";".join(self.datasets),
            "DOCKML_REGISTRIES": self.registries,
            "DOCKER_CONFIG": self.docker_config.parent if self.docker_config else None,
            "DOCKML_LAYER_BYTES": self.layer_bytes,
            "DOCKML_LAYERS_AGAIN": "1" if self.layers_again else None,
            "DAGSTER_HOME": self.dagster_home,
        }
        return {name: str(value) for name, value in texts.items() if value}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the variables of ``VARIABLES`` from ``environment`` (default: the process's own)."""
        env = os.environ if environment is None else environment
        home = Path(env.get("DOCKML_HOME") or ".dockml").expanduser().absolute()
        beside = home / "warehouse"
        package = env.get("DOCKML_EASE2022")
        dagster_home = env.get("DAGSTER_HOME")
        docker_config = env.get("DOCKER_CONFIG")
        return cls(
            home=home,
            warehouse=Location.parse(
                env.get("DOCKML_WAREHOUSE") or str(beside / "dockml.duckdb"),
                beside,
                env.get("DOCKML_WAREHOUSE_DATA") or None,
            ),
            ease2022=Path(package).expanduser().absolute() if package else None,
            dagster_home=Path(dagster_home).expanduser().absolute() if dagster_home else home / "dagster",
            local=_parts(env, "DOCKML_LOCAL"),
            datasets=_parts(env, "DOCKML_DATASETS"),
            local_images=_is_on(env, "DOCKML_LOCAL_IMAGES"),
            dagster_postgres=_with_driver(env.get("DOCKML_DAGSTER_POSTGRES") or None),
            celery_broker=env.get("DOCKML_CELERY_BROKER") or None,
            registries=env.get("DOCKML_REGISTRIES") or None,
            github_token=env.get("GITHUB_TOKEN") or None,
            github_api_url=env.get("DOCKML_GITHUB_API_URL") or None,
            github_frame=env.get("DOCKML_GITHUB_FRAME") or None,
            github_contributors=_is_on(env, "DOCKML_GITHUB_CONTRIBUTORS"),
            contact=env.get("DOCKML_CONTACT") or None,
            docker_config=Path(docker_config).expanduser().absolute() / "config.json"
            if docker_config
            else None,
            layer_bytes=env.get("DOCKML_LAYER_BYTES") or None,
            layers_again=_is_on(env, "DOCKML_LAYERS_AGAIN"),
        )


def _parts(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The parts between semicolons or line ends."""
    parts = environment.get(name, "").replace("\n", ";").split(";")
    return tuple(part.strip() for part in parts if part.strip())


def _is_on(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").lower() in ("1", "true", "yes")


def _with_driver(address: str | None) -> str | None:
    """A database address that names its driver: SQLAlchemy 2.1 has another default driver than earlier versions."""
    return re.sub(r"^postgres(ql)?:", "postgresql+psycopg2:", address) if address else None
