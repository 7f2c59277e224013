"""Recommendations as SARIF 2.1.0, the format that code-scanning services read.

Here: the document. Not here: fingerprints (``baseline``), which recommendations there are (``study.advice``).

Source: OASIS SARIF 2.1.0 (sections named in brackets). A place in a file of the project is a physical location; a
file in a layer is one too, below the base `IMAGE`, with the layer's digest as logical location.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, Final
from urllib.parse import quote

from dockml_dagster.study.advice.model import Evidence, Recommendation, Rule

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RANKS: Final = {"low": 20.0, "medium": 50.0, "high": 80.0}

_ADDRESS: Final = re.compile(r"(?:[a-z0-9-]+\.)+(?:com|org|io|dev|net)(?:/[\w./-]*\w)?")
"""A web address among the sources of a rule."""

Json = dict[str, Any]


Mark = Callable[[Recommendation, Evidence], str]
"""The fingerprint of a place."""


def to_sarif(found: Sequence[tuple[Recommendation, str]], *, version: str, mark: Mark) -> Json:
    """One run with one result per recommendation [3.14, 3.27]. ``found``: recommendations, each with its base folder
    relative to the root of the git tree. ``version``: of dockml.
    """
    recommendations = [item for item, _ in found]
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
                        **_information(),
                        "rules": [_rule(rule) for rule in ordered],
                    }
                },
                "originalUriBaseIds": {
                    "SRCROOT": {
                        "description": {"text": "The root of the git tree, or the folder that was judged."}
                    },
                    "IMAGE": {"description": {"text": "The root directory of the image's file system."}},
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(item, index[item.rule.recommendation], prefix, mark) for item, prefix in found
                ],
            }
        ],
    }


def _information() -> Json:
    """The project's page, if its package names one."""
    urls = metadata.metadata("dockml").get_all("Project-URL") or []
    page = next((text.partition(",")[2].strip() for text in urls if text.lower().startswith("homepage")), "")
    return {"informationUri": page} if page else {}


def _help_address(rule: Rule) -> Json:
    """The source of a rule, if it is a web page."""
    found = _ADDRESS.search(rule.source)
    return {"helpUri": f"https://{found[0]}"} if found else {}


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.recommendation,
        **_help_address(rule),
        "shortDescription": {"text": rule.action},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.action} {rule.why} Found by: {rule.detection} Source: {rule.source}"},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"effort": rule.effort, "confidence": rule.confidence, "tags": ["docker"]},
    }


def _result(item: Recommendation, index: int, prefix: str, mark: Mark) -> Json:
    saving = "" if item.saves_bytes is None else f" Saves {item.saves_bytes} bytes."
    note = f" Found: {item.note}." if item.note else ""
    places = item.evidence or (Evidence(""),)
    locations = [_location(place, item, prefix) for place in places]
    first, *others = locations
    result: Json = {
        "ruleId": item.rule.recommendation,
        "ruleIndex": index,
        "level": item.severity,
        "message": {"text": f"{item.subject}: {item.rule.action}{saving}{note}"},
        "locations": [first],
        "rank": _RANKS[item.rule.confidence],
        "partialFingerprints": {"dockml/v1": mark(item, places[0])},
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


def _location(place: Evidence, item: Recommendation, prefix: str) -> Json:
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
        artifact = {"uri": _relative(prefix + (place.path or item.subject)), "uriBaseId": "SRCROOT"}
        # A finding about something absent has no line; scanning services show it at line 1.
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
    first = text.partition("/")[0]
    return f"./{text}" if ":" in first else text
