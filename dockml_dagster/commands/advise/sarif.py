"""Recommendations as SARIF 2.1.0, the format that code-scanning services read.

Here: the document. Source: OASIS SARIF 2.1.0 (sections named in brackets). A place in a file of the project is a
physical location; a file in a layer is one too, below the base `IMAGE`, with the layer's digest as logical location.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from dockml_dagster.study.advice.model import Evidence, Recommendation, Rule

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RANKS: Final = {"low": 20.0, "medium": 50.0, "high": 80.0}

Json = dict[str, Any]


def to_sarif(recommendations: Sequence[Recommendation], *, version: str) -> Json:
    """One run with a result a recommendation [3.14, 3.27]; ``version``: of dockml."""
    rules = {item.rule.recommendation: item.rule for item in recommendations}
    ordered = sorted(rules.values(), key=lambda rule: rule.order)
    index = {rule.recommendation: number for number, rule in enumerate(ordered)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "dockml",
                        "semanticVersion": version,
                        "rules": [_rule(rule) for rule in ordered],
                    }
                },
                "originalUriBaseIds": {
                    "IMAGE": {"description": {"text": "The root directory of the image's file system."}}
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(item, index[item.rule.recommendation]) for item in recommendations],
            }
        ],
    }


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.recommendation,
        "shortDescription": {"text": rule.action},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.action} {rule.why} Found by: {rule.detection} Source: {rule.source}"},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"effort": rule.effort, "confidence": rule.confidence, "tags": ["docker"]},
    }


def _result(item: Recommendation, index: int) -> Json:
    saving = "" if item.saves_bytes is None else f" Saves {item.saves_bytes} bytes."
    note = f" ({item.note})" if item.note else ""
    locations = [_location(place, item) for place in item.evidence] or [_location(Evidence(""), item)]
    first, *others = locations
    result: Json = {
        "ruleId": item.rule.recommendation,
        "ruleIndex": index,
        "level": item.rule.severity,
        "message": {"text": f"{item.subject}: {item.rule.action}{saving}{note}"},
        "locations": [first],
        "rank": _RANKS[item.rule.confidence],
        "properties": {
            "about": item.about,
            "subject": item.subject,
            "savesBytes": item.saves_bytes,
            "baseImageBytes": item.base_bytes,
            "files": item.files,
        },
    }
    if others:
        result["relatedLocations"] = [{"id": number, **place} for number, place in enumerate(others, start=1)]
    return result


def _location(place: Evidence, item: Recommendation) -> Json:
    location: Json = {}
    if place.what:
        location["message"] = {"text": place.what}
    if place.layer is not None and place.path is not None:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _relative(place.path), "uriBaseId": "IMAGE"}
        }
        location["logicalLocations"] = [
            {"name": place.layer, "fullyQualifiedName": f"{item.subject}/{place.layer}", "kind": "module"}
        ]
    elif place.path is not None or item.about == "dockerfile":
        artifact = {"uri": _relative(place.path or item.subject)}
        # A finding about what is absent has no line; scanning services show it at the first.
        location["physicalLocation"] = {
            "artifactLocation": artifact,
            "region": {"startLine": place.line or 1},
        }
    else:
        location["logicalLocations"] = [{"name": item.subject, "kind": "module"}]
    return location


def _relative(path: str) -> str:
    """The path as a relative reference of RFC 3986 [3.4.3]: a colon in its first segment would read as a scheme."""
    text = quote(path.lstrip("/").encode("utf-8", "surrogateescape"), safe="/~:@!$&'()*+,;=-._")
    first = text.split("/", 1)[0]
    return f"./{text}" if ":" in first else text
