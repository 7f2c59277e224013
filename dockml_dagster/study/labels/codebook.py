"""The codebook: categories, purposes and sub-purposes, and the meaning of the study's free-text codes.

Here: the types, parsing the seeds, mapping free-text codes to purposes. Not here: labelling (``category``,
``purpose``), agreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from dockml_dagster.study.labels.category import CATEGORIES
from dockml_dagster.study.labels.evidence_rules import rows_of

Confidence = Literal["high", "medium", "low", "none"]
"""How certain it is that a free-text code means a purpose. ``low``: it names a mechanism rather than a purpose.
``none``: it names no purpose.
"""

_TEXTS = ("definition", "inclusion", "exclusion", "example", "codebook_version")


@dataclass(frozen=True, slots=True)
class Code:
    """A code of the codebook. ``parent``: the purpose of a sub-purpose. ``side``: the half of the paper's figure that has
    the purpose.
    """

    code: str
    name: str
    definition: str
    inclusion: str
    exclusion: str
    example: str
    codebook_version: str
    parent: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class Codebook:
    """All codes: the six categories, the 21 purposes and their 12 sub-purposes, each in the order of its seed."""

    categories: tuple[Code, ...]
    purposes: tuple[Code, ...]
    sub_purposes: tuple[Code, ...]

    @property
    def allowed(self) -> dict[str, tuple[str, ...]]:
        """Names of the sub-purposes by purpose, empty for a purpose without any."""
        return {
            purpose.name: tuple(sub.name for sub in self.sub_purposes if sub.parent == purpose.name)
            for purpose in self.purposes
        }


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """One meaning of a free-text code. ``purpose`` is ``None`` if the code names none."""

    purpose: str | None
    sub_purpose: str | None
    confidence: Confidence


def parse_codebook(categories_csv: str, purposes_csv: str, sub_purposes_csv: str) -> Codebook:
    """The codebook from its three seeds. Raises ``ValueError`` if it contradicts itself or ``CATEGORIES``."""
    categories = _codes("categories", categories_csv)
    purposes = _codes("purposes", purposes_csv, ("side",))
    subs = _codes("sub_purposes", sub_purposes_csv, ("purpose",))
    if tuple(code.name for code in categories) != CATEGORIES:
        raise ValueError(f"categories: the names must be {', '.join(CATEGORIES)}")
    names = {purpose.name for purpose in purposes}
    for sub in subs:
        if sub.parent not in names:
            raise ValueError(f"sub_purposes: {sub.name!r} belongs to {sub.parent!r}, which is no purpose")
    return Codebook(categories, purposes, subs)


def _codes(seed: str, text: str, more: tuple[str, ...] = ()) -> tuple[Code, ...]:
    codes = tuple(
        Code(
            row["code"],
            row["name"],
            row["definition"],
            row["inclusion"],
            row["exclusion"],
            row["example"],
            row["codebook_version"],
            parent=row.get("purpose"),
            side=row.get("side"),
        )
        for row in rows_of(seed, text, ("code", "name", *_TEXTS, *more))
    )
    for kind in ("code", "name"):
        values = [(code.parent, getattr(code, kind)) for code in codes]
        if len(set(values)) != len(values):
            raise ValueError(f"{seed}: a {kind} stands there twice")
    for code in codes:
        if not all((code.code, code.name, code.definition, code.codebook_version)):
            raise ValueError(f"{seed}: {code.code or code.name!r} lacks a name, a definition or a version")
    return codes


def parse_purpose_codes(
    text: str, allowed: Mapping[str, Iterable[str]]
) -> dict[str, tuple[CodeMeaning, ...]]:
    """Meanings by free-text code (as ``normal_code`` writes it). Raises ``ValueError`` on a purpose that the codebook does
    not have.
    """
    meanings: dict[str, list[CodeMeaning]] = {}
    for row in rows_of("purpose_codes", text, ("code", "purpose", "sub_purpose", "confidence", "note")):
        code, purpose, sub, confidence = row["code"], row["purpose"], row["sub_purpose"], row["confidence"]
        if code != normal_code(code):
            raise ValueError(f"purpose_codes: {code!r} is not in its normal form {normal_code(code)!r}")
        if confidence not in get_args(Confidence) or (confidence == "none") != (not purpose):
            raise ValueError(f"purpose_codes: {code!r} has the confidence {confidence!r}")
        if purpose and (purpose not in allowed or (sub and sub not in allowed[purpose])):
            raise ValueError(
                f"purpose_codes: {code!r} means {purpose!r} {sub!r}, which the codebook does not have"
            )
        meanings.setdefault(code, []).append(CodeMeaning(purpose or None, sub or None, confidence))  # type: ignore[arg-type]
    return {code: tuple(found) for code, found in meanings.items()}


def normal_code(code: str) -> str:
    """A free-text code in lower case with single spaces, as the seed has it."""
    return " ".join(code.lower().split())


def purposes_of_codes(
    codes: Iterable[str], meanings: Mapping[str, Iterable[CodeMeaning]], least: Confidence = "medium"
) -> frozenset[str]:
    """The purposes that free-text codes mean with at least this confidence. Unknown codes mean none."""
    order = get_args(Confidence)
    return frozenset(
        meaning.purpose
        for code in codes
        for meaning in meanings.get(normal_code(code), ())
        if meaning.purpose and order.index(meaning.confidence) <= order.index(least)
    )
