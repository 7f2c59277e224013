"""What ``dockml advise`` prints: text for people, JSON for programs, SARIF for code-scanning services.

Here: names and order of what is shown. Not here: any judging. The JSON keys are a contract: they may be added to, never
renamed. Sizes are bytes; null is not measured, never zero.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from dockml_dagster.commands.advise.sarif import to_sarif
from dockml_dagster.commands.advise.targets import Advice
from dockml_dagster.study.advice.model import SEVERITIES, Evidence, Recommendation, total_saved
from dockml_dagster.text import printable, size_text

_WIDTH = 110
_SHOWN = 3
"""Places that the text names; JSON and SARIF have all there are."""


def to_json(advice: Sequence[Advice]) -> str:
    """A list with an object a target, always."""
    return json.dumps([_object(item) for item in advice], indent=2) + "\n"


def to_sarif_text(advice: Sequence[Advice]) -> str:
    """One SARIF log for all targets."""
    everything = [found for item in advice for found in item.recommendations]
    return json.dumps(to_sarif(everything, version=metadata.version("dockml")), indent=2) + "\n"


def _object(advice: Advice) -> dict[str, Any]:
    return {
        "target": printable(advice.target),
        "content_bytes": advice.content_bytes,
        "saves_bytes": advice.saves_bytes
        if any(_measured(item) for item in advice.recommendations)
        else None,
        "recommendations": [_recommendation(item) for item in advice.recommendations],
        "problems": [printable(text) for text in advice.problems],
    }


def _measured(item: Recommendation) -> bool:
    return item.saves_bytes is not None


def _recommendation(item: Recommendation) -> dict[str, Any]:
    rule = item.rule
    return {
        "recommendation": rule.recommendation,
        "about": item.about,
        "subject": printable(item.subject),
        "severity": rule.severity,
        "effort": rule.effort,
        "confidence": rule.confidence,
        "action": rule.action,
        "why": rule.why,
        "saves_bytes": item.saves_bytes,
        "base_image_bytes": item.base_bytes,
        "files": item.files,
        "note": item.note or None,
        "evidence": [
            {
                "what": printable(place.what) or None,
                "path": None if place.path is None else printable(place.path),
                "line": place.line,
                "layer": place.layer,
                "bytes": place.bytes,
            }
            for place in item.evidence
        ],
        "source": rule.source,
    }


def to_text(advice: Sequence[Advice]) -> str:
    """For people: a heading a target and a paragraph a recommendation."""
    return "\n".join(_target(item) for item in advice)


def _target(advice: Advice) -> str:
    count = len(advice.recommendations)
    heading = f"{printable(advice.target)}: {count} recommendation{'' if count == 1 else 's'}"
    if advice.content_bytes is not None:
        content, saved = size_text(advice.content_bytes), size_text(advice.saves_bytes)
        heading += f"; {content} of content, of which all of it saves {saved}"
    lines = [heading, *(f"  not read: {printable(text)}" for text in advice.problems)]
    groups: dict[str, list[Recommendation]] = {}
    for item in advice.recommendations:
        groups.setdefault(item.rule.recommendation, []).append(item)
    for group in sorted(groups.values(), key=_urgency):
        lines += ["", *_paragraph(group, advice.target)]
    return "\n".join(lines) + "\n"


def _urgency(group: Sequence[Recommendation]) -> tuple[int, int, int]:
    rule = group[0].rule
    return -SEVERITIES.index(rule.severity), -total_saved(group), rule.order


def _paragraph(group: Sequence[Recommendation], target: str) -> list[str]:
    """One recommendation with everything of the target that it is for."""
    rule = group[0].rule
    measured = [item for item in group if item.saves_bytes is not None]
    saving = f", saves {size_text(total_saved(measured))}" if measured else ""
    base = sum(item.base_bytes or 0 for item in group)
    saving += f" (and {size_text(base)} in the base image)" if base else ""
    times = f", {len(group)} times" if len(group) > 1 else ""
    head = f"{rule.severity:<8} {rule.recommendation}{times}{saving}; effort {rule.effort}, confidence {rule.confidence}"
    notes = list(dict.fromkeys(item.note for item in group if item.note)) if len(group) == 1 else []
    places = [text for item in group for text in _places(item, target)]
    more = sum(item.files or len(item.evidence) or 1 for item in group) - min(len(places), _SHOWN)
    tail = [f"and {more} more"] if more > 0 and places else []
    return [
        head,
        _wrapped(f"{rule.action} {rule.why}", 9),
        *(_wrapped(f"({note})", 9) for note in notes),
        *(f"           {text}" for text in (*places[:_SHOWN], *tail)),
    ]


def _places(item: Recommendation, target: str) -> list[str]:
    if item.evidence:
        return [_place(place) for place in item.evidence]
    return [printable(item.subject)] if item.subject != target else []


def _wrapped(text: str, indent: int) -> str:
    blank = " " * indent
    return textwrap.fill(printable(text), _WIDTH, initial_indent=blank, subsequent_indent=blank)


def _place(place: Evidence) -> str:
    where = "" if place.path is None else printable(place.path)
    if place.line is not None:
        where += f":{place.line}"
    if place.layer is not None:
        where += f" in {place.layer[:19]}"
    if place.bytes is not None:
        where += f", {size_text(place.bytes)}"
    what = "" if place.what == "file" else printable(place.what)
    return f"{where}: {what}" if where and what else where or what
