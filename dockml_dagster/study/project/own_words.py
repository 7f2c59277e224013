"""A project's own words in its manifests: description, keywords and classifiers.

Here: which files hold such words, and reading them from the manifests of Python, Node, Rust, Java, Ruby and R packages,
citation files and the configuration of documentation. Not here: the README (``readme``), dependencies (``dependencies``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from dockml_dagster.study.cuts import first, note_cut, shortened
from dockml_dagster.study.formats import json, toml
from dockml_dagster.study.formats.yaml import load_or_none

MAX_BYTES = 256 * 1024
MAX_WORDS = 300
"""Most descriptions and keywords that are read from one file."""
_MAX_TEXT = 1000

_ABOUT = re.compile(
    r"(?:^|/)(?:setup\.py|setup\.cfg|CITATION\.cff|codemeta\.json|\.zenodo\.json|mkdocs\.ya?ml|pom\.xml|DESCRIPTION"
    r"|[\w.-]{1,60}\.gemspec)\Z"
)
_QUOTED = r"""(?:[rRuU]?"((?:[^"\\\n]|\\.){1,1000})"|[rRuU]?'((?:[^'\\\n]|\\.){1,1000})')"""
_SETUP_DESCRIPTION = re.compile(rf"\bdescription\s{{0,5}}=\s{{0,5}}\(?\s{{0,40}}{_QUOTED}", re.IGNORECASE)
_SETUP_KEYWORDS = re.compile(r"\bkeywords\s{0,5}=\s{0,5}([\[(]?[^=\])]{1,1500})")
_CLASSIFIER = re.compile(r"[\"']?((?:Topic|Intended Audience|Framework|Environment) :: [^\"'\n]{1,200})")
_CFG_DESCRIPTION = re.compile(
    r"^(?:description|summary)\s{0,5}[=:]\s{0,5}(?!file:)(\S.{0,1000})$", re.MULTILINE
)
_CFG_KEYWORDS = re.compile(r"^keywords\s{0,5}[=:]((?:[^\n]{0,500}\n(?=\s))*[^\n]{0,500})$", re.MULTILINE)
_POM = re.compile(r"<description>\s{0,200}([^<]{1,1000})</description>")
_R = re.compile(r"^Title:\s{0,20}(\S.{0,500})$", re.MULTILINE)
_GEM = re.compile(rf"\.(?:summary|description)\s{{0,20}}=\s{{0,20}}{_QUOTED}")
_STRING = re.compile(_QUOTED)


class Words(NamedTuple):
    """A text about the project. ``is_keyword``: it is one of a list, not a sentence. ``line`` counts from 1."""

    text: str
    is_keyword: bool
    line: int | None


def says_what_it_is(path: str) -> bool:
    """Whether a file of this name describes the project as a whole and declares no dependencies."""
    return _ABOUT.search(path) is not None


def own_words(path: str, text: str) -> tuple[Words, ...]:
    """Descriptions and keywords in one file; none for a file that is too long, malformed, or of unknown kind."""
    if len(text) > MAX_BYTES:
        note_cut("a manifest of over 256 KiB")
        return ()
    found = first(_words(path.rpartition("/")[2], text), MAX_WORDS, "descriptions and keywords of a file")
    return tuple(
        Words(shortened(plain, _MAX_TEXT, "a description"), keyword, line)
        for said, keyword, line in found
        if (plain := " ".join(said.split()))
    )


def _words(name: str, text: str) -> Iterator[Words]:
    if name in ("pyproject.toml", "Cargo.toml"):
        yield from _of_toml(text)
    elif name in ("package.json", "codemeta.json", ".zenodo.json"):
        yield from _of_table(json.load_or_none(text, MAX_BYTES))
    elif name in ("CITATION.cff", "mkdocs.yml", "mkdocs.yaml"):
        yield from _of_table(load_or_none(text))
    elif name == "setup.py":
        yield from _found(_SETUP_DESCRIPTION, text)
        for listed in islice(_SETUP_KEYWORDS.finditer(text), 2):
            line = text.count("\n", 0, listed.start()) + 1
            for quoted in _STRING.finditer(listed[1]):
                yield from _keywords(quoted[1] or quoted[2], line)
        yield from _found(_CLASSIFIER, text, is_keyword=True)
    elif name == "setup.cfg":
        yield from _found(_CFG_DESCRIPTION, text)
        for listed in islice(_CFG_KEYWORDS.finditer(text), 1):
            yield from _keywords(listed[1], text.count("\n", 0, listed.start()) + 1)
        yield from _found(_CLASSIFIER, text, is_keyword=True)
    elif name == "pom.xml":
        yield from islice(_found(_POM, text), 1)
    elif name == "DESCRIPTION":
        yield from islice(_found(_R, text), 1)
    elif name.endswith(".gemspec"):
        yield from _found(_GEM, text)


def _of_toml(text: str) -> Iterator[Words]:
    data = toml.load_or_none(text)
    if data is None:
        return
    for table in (data.get("project"), _in(data, "tool", "poetry"), _in(data, "tool", "flit", "metadata"),
                  data.get("package"), _in(data, "workspace", "package")):  # fmt: skip
        yield from _of_table(table)


def _in(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _of_table(table: Any) -> Iterator[Words]:
    if not isinstance(table, dict):
        return
    for key in ("description", "abstract", "site_description"):
        said = table.get(key)
        if isinstance(said, str):
            yield Words(said, is_keyword=False, line=getattr(said, "line", None))
    for key in ("keywords", "categories", "classifiers"):
        said = table.get(key)
        for keyword in said if isinstance(said, list) else (said,):
            if isinstance(keyword, str):
                yield from _keywords(keyword, getattr(keyword, "line", None))


def _found(pattern: re.Pattern[str], text: str, *, is_keyword: bool = False) -> Iterator[Words]:
    for found in pattern.finditer(text):
        said = next((group for group in found.groups() if group), "")
        yield Words(said, is_keyword, text.count("\n", 0, found.start()) + 1)


def _keywords(text: str, line: int | None) -> Iterator[Words]:
    for keyword in re.split(r"[,;\n]", text):
        if keyword.strip():
            yield Words(keyword.strip(), is_keyword=True, line=line)
