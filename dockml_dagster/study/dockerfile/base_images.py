"""Base images: what a FROM's image is, judged from its name and tag by rules of a seed.

Here: rules from ``seeds/base_image_rules.csv`` and their application; pinning. Not here: the parsing of a
reference (``reading.base_reference``), the content of an image.

``type`` is one of the study's thirteen (section 4.3 of the paper), which its authors assigned by hand.
Everything else is finer than the paper: operating system and version, variant, CUDA, cuDNN, ROCm, language,
ML framework, GPU. Each answer names the rule and the text that it matched; no rule, no answer.
"""

import csv
import io
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from dockml_dagster.study.dockerfile.model import BaseReference

TYPES = (
    "Operating system",
    "Language runtime",
    "Platform runtime",
    "Machine learning platform",
    "Variable",
    "Web computing",
    "Static binary",
    "Data processing and analysis",
    "Interactive computing",
    "Database",
    "Compute resources/distributed",
    "Network communication",
    "Monitoring",
)
"""The study's base-image types. ``Variable`` is a reference that the Dockerfile leaves open."""

ATTRIBUTES = (
    "type", "os", "os_version", "variant", "cuda_version", "cuda_flavour", "cudnn_version", "rocm_version",
    "language", "language_version", "framework", "framework_version", "gpu",
)  # fmt: skip

FURTHER = ("user", "gpu_variables", "cuda_by_release")
"""What practices need beside a base image's attributes: the user that it starts as (``root`` or another), whether it sets
NVIDIA's variables, whether each release has one CUDA version even though the tag does not name it.
"""

Pinning = Literal["digest", "version", "moving tag", "latest", "no tag", "unknown", "not an image"]
"""How firmly a FROM pins its image. ``version``: the tag names a release, by number or by code name
(``3.8-slim``, ``focal``). ``moving tag``: any other tag (``slim``, ``nightly``, ``latest-gpu``).
"""

_CODE_NAMES = frozenset(
    [
        "wheezy",
        "jessie",
        "stretch",
        "buster",
        "bullseye",
        "bookworm",
        "trixie",
        "precise",
        "trusty",
        "xenial",
        "yakkety",
        "zesty",
        "artful",
        "bionic",
        "cosmic",
        "disco",
        "eoan",
        "focal",
        "groovy",
        "hirsute",
        "impish",
        "jammy",
        "kinetic",
        "lunar",
        "mantic",
        "noble",
        "oracular",
        "plucky",
        "questing",
        "resolute",
        "forky",
        "squeeze",
        "lenny",
        "lucid",
        "raring",
        "saucy",
        "utopic",
        "vivid",
        "wily",
    ]
)


@dataclass(frozen=True, slots=True)
class BaseImageRule:
    """One row of the seed: if both expressions match, ``attribute`` has ``value``.

    ``{1}`` in a value stands for a group of the tag's expression, ``{r1}`` for one of the repository's.
    """

    rule: str
    attribute: str
    value: str
    repository: re.Pattern[str] | None
    tag: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class BaseImageRules:
    """The parsed seed: the rules of each attribute, in order. The first that matches wins."""

    rules: tuple[BaseImageRule, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an attribute has its value."""

    attribute: str
    value: str
    rule: str
    matched: str


@dataclass(frozen=True, slots=True)
class BaseImageClass:
    """What is known of a base image; ``None`` where no rule says it. ``gpu`` is ``yes``, ``no`` or ``None``.

    ``type`` is ``None`` for a stage and for an image that no rule knows. ``pinning`` does not depend on rules.
    """

    type: str | None
    pinning: Pinning
    os: str | None = None
    os_version: str | None = None
    variant: str | None = None
    cuda_version: str | None = None
    cuda_flavour: str | None = None
    cudnn_version: str | None = None
    rocm_version: str | None = None
    language: str | None = None
    language_version: str | None = None
    framework: str | None = None
    framework_version: str | None = None
    gpu: str | None = None
    user: str | None = None
    gpu_variables: str | None = None
    cuda_by_release: str | None = None
    evidence: tuple[Evidence, ...] = ()


_GROUP = re.compile(r"\{(r?)(\d)\}")
_MAX_NAME = 512


def parse_base_image_rules(text: str) -> BaseImageRules:
    """Rules from the text of the seed (columns ``rule, attribute, attribute_value, repository, tag, source``).

    Raises ``ValueError`` on an unknown attribute or type, a repeated rule id or an expression that does not
    compile.
    """
    rules: list[BaseImageRule] = []
    seen: set[str] = set()
    for row in csv.DictReader(io.StringIO(text)):
        name, attribute = row["rule"], row["attribute"]
        if name in seen:
            raise ValueError(f"base_image_rules: rule {name!r} stands there twice")
        seen.add(name)
        if attribute not in ATTRIBUTES and attribute not in FURTHER:
            raise ValueError(f"base_image_rules: rule {name!r} has an unknown attribute {attribute!r}")
        if attribute == "type" and row["attribute_value"] not in TYPES:
            raise ValueError(f"base_image_rules: rule {name!r} has an unknown type {row['value']!r}")
        if not row["repository"] and not row["tag"]:
            raise ValueError(f"base_image_rules: rule {name!r} has no expression")
        try:
            repository = re.compile(row["repository"]) if row["repository"] else None
            tag = re.compile(row["tag"]) if row["tag"] else None
        except re.error as error:
            raise ValueError(f"base_image_rules: rule {name!r}: {error}") from None
        rules.append(BaseImageRule(name, attribute, row["attribute_value"], repository, tag))
    return BaseImageRules(tuple(rules))


def classify_base_image(base: BaseReference, rules: BaseImageRules) -> BaseImageClass:
    """Classify the image that a FROM names. Where only the tag is unknown, rules on the repository still apply."""
    pinning = pinning_of(base)
    if base.stage is not None or (base.problem and not base.repository):
        return BaseImageClass(None, pinning)
    if base.scratch:
        evidence = Evidence("type", "Static binary", "scratch", "scratch")
        return BaseImageClass("Static binary", pinning, evidence=(evidence,))
    found: dict[str, Evidence] = {}
    if base.name is not None and len(base.name) <= _MAX_NAME:
        tag, complete = _tag_text(base)
        found.update(_classified(base.name, tag, complete, rules))
    if base.missing and "type" not in found:
        names = ", ".join(missing.name for missing in base.missing)
        found["type"] = Evidence("type", "Variable", "unresolved variable", names)
    values = {attribute: evidence.value for attribute, evidence in found.items()}
    kind = values.pop("type", None)
    return BaseImageClass(kind, pinning, evidence=tuple(found.values()), **values)


_UNKNOWN_PART = "\ufffd"
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")


def _tag_text(base: BaseReference) -> tuple[str, bool]:
    """The tag, and whether all of it is known; a part that a variable hides becomes U+FFFD."""
    if base.tag is not None or not base.missing:
        return base.tag or "", True
    text = _PLACEHOLDER.sub(_UNKNOWN_PART, (base.partial or "").partition("@")[0])
    return text.rpartition("/")[2].partition(":")[2], False


def _classified(name: str, tag: str, complete: bool, rules: BaseImageRules) -> dict[str, Evidence]:
    return dict(_classified_once(name, tag, complete, _Held(rules)))


class _Held:
    """Rules as a cache key, by identity, because a table of compiled expressions has no cheap hash."""

    __slots__ = ("rules",)

    def __init__(self, rules: BaseImageRules) -> None:
        self.rules = rules

    def __hash__(self) -> int:
        return id(self.rules)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.rules is self.rules


@lru_cache(maxsize=4096)
def _classified_once(name: str, tag: str, complete: bool, held: _Held) -> tuple[tuple[str, Evidence], ...]:
    found: dict[str, Evidence] = {}
    for rule in held.rules.rules:
        if rule.attribute in found:
            continue
        in_name = rule.repository.search(name) if rule.repository else None
        if rule.repository and not in_name:
            continue
        in_tag = rule.tag.search(tag) if rule.tag else None
        if rule.tag and (in_tag is None or not (complete or _certain(rule.tag, in_tag))):
            continue
        value = _filled(rule.value, in_name, in_tag)
        if value:
            matched = " ".join(match[0] for match in (in_name, in_tag) if match and match[0])
            found[rule.attribute] = Evidence(rule.attribute, value, rule.rule, matched)
    return tuple(found.items())


def _certain(pattern: re.Pattern[str], match: re.Match[str]) -> bool:
    """Whether a match in a partly hidden tag holds for every value of the hidden part.

    It does not if the rule is a default (it matches a tag that says nothing), or if the match touches the hidden part.
    """
    text, (start, end) = match[0], match.span()
    grows_left = text[:1].isalnum() and match.string[start - 1 : start] == _UNKNOWN_PART
    grows_right = text[-1:].isalnum() and match.string[end : end + 1] == _UNKNOWN_PART
    return pattern.search("") is None and _UNKNOWN_PART not in text and not grows_left and not grows_right


def _filled(value: str, name: re.Match[str] | None, tag: re.Match[str] | None) -> str:
    if "{" not in value:
        return value

    def group(reference: re.Match[str]) -> str:
        match = name if reference[1] else tag
        return (match[int(reference[2])] or "") if match else ""

    return _GROUP.sub(group, value)


def pinning_of(base: BaseReference) -> Pinning:
    """How firmly the FROM pins its image."""
    if base.stage is not None or base.scratch:
        return "not an image"
    if base.digest:
        return "digest"
    if base.tag is None:
        return "no tag" if base.repository and not base.missing else "unknown"
    if base.tag == "latest":
        return "latest"
    return _promise(base.tag.lower())


_MOVES = frozenset(
    {
        "latest", "nightly", "edge", "master", "main", "dev", "unstable", "daily", "weekly", "canary", "snapshot",
        "rolling", "stable", "head", "trunk", "develop", "development", "testing", "sid", "preview", "tip",
    }
)  # fmt: skip
_FIXED = re.compile(
    r"(?:^|[-_.])(?:20\d{2}[-_.]?\d{2}[-_.]?\d{2}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40})(?:$|[-_.])|dev20\d{6}"
)


def _promise(tag: str) -> Pinning:
    """The pinning of a tag by its words: a word such as ``latest`` makes it move, unless it also has a date or a commit."""
    words = re.split(r"[-_.]", tag)
    if not _MOVES.isdisjoint(words):
        return "version" if _FIXED.search(tag) else "moving tag"
    if any(char.isdigit() for char in tag) or not _CODE_NAMES.isdisjoint(words):
        return "version"
    return "moving tag"
