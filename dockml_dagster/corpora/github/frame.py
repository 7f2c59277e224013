"""The sampling frame of a study on GitHub: which repositories are searched for, and which criteria a project must meet.

Here: the one configuration file, checked when read, the shipped presets, lists of names. Not here: searching
(``search``).
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dockml_dagster.clients.github.model import is_name
from dockml_dagster.errors import BadInputError
from dockml_dagster.warehouse.rows import combined_hash

PRESETS = Path(__file__).parent / "presets"
METADATA_DAYS = 7.0
IMAGES_DAYS = 7.0
SEARCH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Criteria:
    """The criteria of a project. None: no criterion. ``forks``,
    ``archived``: False excludes them. ``dockerfile``: at least one.
    """

    minimum_stars: int | None = None
    minimum_forks: int | None = None
    minimum_commits: int | None = None
    minimum_releases: int | None = None
    forks: bool = True
    archived: bool = True
    dockerfile: bool = False

    @property
    def needs_counts(self) -> bool:
        """Whether a criterion needs counts that a search does not return."""
        return self.minimum_commits is not None or self.minimum_releases is not None

    def qualifiers(self) -> str:
        """The part of the criteria that GitHub's search can apply itself; stars are left to the ranges."""
        # Archived projects are found and counted: the paper does not mention that the study left them out.
        parts = ["fork:true" if self.forks else "fork:false"]
        if self.minimum_forks:
            parts.append(f"forks:>={self.minimum_forks}")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Cohort:
    """A group of projects: searched by ``keywords`` (free text) and ``topics``, listed by ``names``, or drawn to
    ``match`` another cohort's projects one by one.

    ``sample``: only that many of those found, drawn by ``seed``. ``tries``: candidates tried for each match.
    """

    name: str
    keywords: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    criteria: Criteria = field(default_factory=Criteria)
    sample: int | None = None
    seed: int = 0
    match: str | None = None
    per_project: int = 1
    tries: int = 20
    stars_factor: float = 2.0
    size_factor: float = 4.0
    age_days: int = 548
    exclude: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """A hash of everything that decides what is found: two frames with the same searches share their results."""
        if self.match is not None:
            return combined_hash([json.dumps(asdict(self), sort_keys=True)])[:16]
        found_by = [str(self.criteria.minimum_stars or 0), *(text for _, text in self.searches())]
        return combined_hash(found_by)[:16]

    def searches(self) -> list[tuple[str, str]]:
        """Keywords and topics, each with its search text without ranges."""
        quoted = [(word, f'"{word}"' if " " in word else word) for word in self.keywords]
        texts = [*quoted, *((topic, f"topic:{topic}") for topic in self.topics)]
        return [(word, f"{text} {self.criteria.qualifiers()}") for word, text in texts]


@dataclass(frozen=True, slots=True)
class Frame:
    """Cohorts in order. ``metadata_days``, ``images_days``, ``search_days``: maximum age of metadata, of resolved tags, and
    of search results, before they are asked for again.
    """

    title: str
    cohorts: tuple[Cohort, ...]
    metadata_days: float = METADATA_DAYS
    images_days: float = IMAGES_DAYS
    search_days: float = SEARCH_DAYS

    @property
    def identity(self) -> str:
        """A hash of everything that decides what is found and selected."""
        return combined_hash([json.dumps([asdict(cohort) for cohort in self.cohorts], sort_keys=True)])[:16]


def frame_of_names(names: Iterable[str], title: str = "a list of names") -> Frame:
    """The frame of a list: no search, no criteria."""
    return Frame(title, (Cohort("ml", names=tuple(dict.fromkeys(names))),))


def open_frame(text: str | None, listed: Sequence[str]) -> Frame:
    """The frame that a setting names (a preset, a TOML file, a text file of names), with the names ``listed`` by hand.

    Raises:
        BadInputError: there is no such preset or file, it cannot be read, or there is nothing to study.
    """
    if not text:
        if not listed:
            raise BadInputError(
                "which projects of GitHub? Name some (dockml study --corpus github --project OWNER/NAME), or give --frame "
                f"a preset ({', '.join(presets())}), a TOML file of your own, or a text file of names"
            )
        return frame_of_names(listed)
    frame = _named_frame(text)
    extra = [name for name in listed if all(name not in cohort.names for cohort in frame.cohorts)]
    if extra:
        frame = dataclasses.replace(frame, cohorts=(*frame.cohorts, Cohort("ml", names=tuple(extra))))
    return frame


def presets() -> list[str]:
    """Names of the shipped frames."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def _named_frame(text: str) -> Frame:
    if text in presets():
        return _toml_frame(PRESETS / f"{text}.toml")
    path = Path(text).expanduser()
    if not path.is_file():
        raise BadInputError(f"{text!r} is neither a preset ({', '.join(presets())}) nor a file")
    return _toml_frame(path) if path.suffix == ".toml" else frame_of_names(read_names(path), path.name)


def read_names(path: Path) -> list[str]:
    """Names from a file, one per line; ``#`` begins a comment, GitHub addresses are read as names.

    Raises:
        BadInputError: the file cannot be read, or a line is not a name.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"cannot read {path}: {error}") from error
    names = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        name = text.removeprefix("https://github.com/").removesuffix(".git").strip("/")
        if not is_name(name):
            raise BadInputError(f"{path}, line {number}: a project is written OWNER/NAME, not {text[:80]!r}")
        names.append(name)
    return list(dict.fromkeys(names))


_DAYS = {"metadata_days": METADATA_DAYS, "images_days": IMAGES_DAYS, "search_days": SEARCH_DAYS}


def _toml_frame(path: Path) -> Frame:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    _known(document, {"title", "extends", *_DAYS, "cohort"}, path)
    base: tuple[Cohort, ...] = ()
    if "extends" in document:
        if document["extends"] not in presets() or document["extends"] == path.stem:
            raise BadInputError(f"{path}: `extends` names one of {', '.join(presets())}")
        base = _named_frame(document["extends"]).cohorts
    own = document.get("cohort", [])
    if not isinstance(own, list) or not (own or base):
        raise BadInputError(f"{path}: a frame has at least one [[cohort]]")
    cohorts = (*base, *(_cohort(entry, path) for entry in own))
    for cohort in cohorts:
        if cohort.match is not None and cohort.match not in {c.name for c in cohorts if c.match is None}:
            raise BadInputError(
                f"{path}: cohort {cohort.name!r} matches {cohort.match!r}, which is no cohort here"
            )
    days = {}
    for name, usual in _DAYS.items():
        days[name] = document.get(name, usual)
        if isinstance(days[name], bool) or not isinstance(days[name], int | float) or days[name] < 0:
            raise BadInputError(f"{path}: `{name}` is a number of days")
    return Frame(str(document.get("title", path.name)), cohorts, **days)


def _cohort(entry: Any, path: Path) -> Cohort:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise BadInputError(f"{path}: a [[cohort]] has a name")
    where = f"{path}, cohort {entry['name']!r}"
    values = {key: value for key, value in entry.items() if key != "criteria"}
    criteria = _read(Criteria, entry.get("criteria", {}), f"{where}, criteria")
    cohort: Cohort = dataclasses.replace(_read(Cohort, values, where), criteria=criteria)
    wrong = [name for name in cohort.names if not is_name(name)]
    if wrong:
        raise BadInputError(f"{where}: a project is written OWNER/NAME, not {wrong[0]!r}")
    sources = sum(map(bool, (cohort.keywords or cohort.topics, cohort.names, cohort.match)))
    if sources != 1:
        raise BadInputError(f"{where}: give either keywords and topics, or names, or match")
    words = [*cohort.keywords, *cohort.topics]
    # GitHub allows 256 characters; the ranges need some of them.
    if wrong := [word for word in words if not word.strip() or len(word) > 100 or '"' in word or ":" in word]:
        raise BadInputError(f"{where}: no keyword: {wrong[0][:80]!r}")
    return cohort


def _read(kind: type[Any], values: Any, where: str) -> Any:
    """A dataclass from a TOML table; each value must have the field's type."""
    if not isinstance(values, dict):
        raise BadInputError(f"{where}: a table is wanted")
    fields = {f.name: str(f.type) for f in dataclasses.fields(kind)}
    _known(values, fields, where)
    read = {}
    for name, value in values.items():
        wanted = fields[name]
        if wanted.startswith("tuple"):
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
            read[name] = tuple(value) if good else None
        elif wanted == "bool":
            good = isinstance(value, bool)
            read[name] = value
        elif wanted.startswith("str"):
            good = isinstance(value, str)
            read[name] = value
        else:
            good = isinstance(value, int if wanted.startswith("int") else int | float)
            good = good and not isinstance(value, bool) and value >= 0
            read[name] = value
        if not good:
            raise BadInputError(f"{where}: `{name}` cannot be {value!r}")
    return kind(**read)


def _known(values: Mapping[str, Any], names: Iterable[str], where: object) -> None:
    if unknown := sorted(set(values) - set(names)):
        raise BadInputError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(names))}")
