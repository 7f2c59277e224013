"""What ``dockml advise`` prints: text for people, JSON for programs, SARIF for code-scanning services.

Here: names and order of the output. Not here: any judging. The JSON keys are a contract: keys may be added, never
renamed. Sizes are bytes; null means not measured, never zero.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from dockml_dagster.commands.advise.baseline import fingerprint
from dockml_dagster.commands.advise.gitlab import to_gitlab
from dockml_dagster.commands.advise.sarif import to_sarif
from dockml_dagster.commands.advise.targets import Advice
from dockml_dagster.study.advice.model import SEVERITIES, Evidence, Recommendation, total_saved
from dockml_dagster.text import printable, size_text

_WIDTH = 110
_SHOWN = 3
"""Places shown in the text; JSON and SARIF have all."""


def to_json(advice: Sequence[Advice]) -> str:
    """A list with one object per target, always."""
    return json.dumps([_object(item) for item in advice], indent=2) + "\n"


def to_sarif_text(advice: Sequence[Advice]) -> str:
    """One SARIF log for all targets."""
    log = to_sarif(_everything(advice), version=metadata.version("dockml"), mark=Marks(advice))
    return json.dumps(log, indent=2) + "\n"


def to_gitlab_text(advice: Sequence[Advice]) -> str:
    """One code-quality report of GitLab for all targets."""
    return json.dumps(to_gitlab(_everything(advice), Marks(advice)), indent=2) + "\n"


def _everything(advice: Sequence[Advice]) -> list[tuple[Recommendation, str]]:
    return [(found, item.prefix) for item in advice for found in item.recommendations]


class Marks:
    """Fingerprints of places in all targets; each file is read once."""

    def __init__(self, advice: Sequence[Advice]) -> None:
        self._roots = {id(found): item.root for item in advice for found in item.recommendations}
        self._lines: dict[Path, list[str]] = {}

    def __call__(self, item: Recommendation, place: Evidence) -> str:
        """The fingerprint of a place."""
        return fingerprint(item, place, self.line_of(self._roots.get(id(item))))

    def line_of(self, root: Path | None) -> Callable[[str, int], str]:
        """A function that returns a line of a file below a folder; '' where there is none."""

        def line(path: str, number: int) -> str:
            if root is None:
                return ""
            lines = self._lines.get(root / path)
            if lines is None:
                try:
                    lines = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
                except OSError:
                    lines = []
                self._lines[root / path] = lines
            return lines[number - 1] if 0 < number <= len(lines) else ""

        return line


def _object(advice: Advice) -> dict[str, Any]:
    return {
        "target": printable(advice.target),
        "content_bytes": advice.content_bytes,
        "saves_bytes": advice.saves_bytes
        if any(_measured(item) for item in advice.recommendations)
        else None,
        "recommendations": [_recommendation(item) for item in advice.recommendations],
        "problems": [printable(text) for text in advice.problems],
        "remarks": [printable(text) for text in advice.remarks],
    }


def _measured(item: Recommendation) -> bool:
    return item.saves_bytes is not None


def _recommendation(item: Recommendation) -> dict[str, Any]:
    rule = item.rule
    return {
        "recommendation": rule.recommendation,
        "about": item.about,
        "subject": printable(item.subject),
        "severity": item.severity,
        "general": rule.general,
        "minor": item.minor,
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
        "instead": rule.instead or None,
        "fix": rule.fix or None,
        "source": rule.source,
    }


def to_text(advice: Sequence[Advice]) -> str:
    """For people: a heading per target and a paragraph per recommendation."""
    return "\n".join(_target(item) for item in advice)


def _target(advice: Advice) -> str:
    count = len(advice.recommendations)
    heading = f"{printable(advice.target)}: {count} recommendation{'' if count == 1 else 's'}"
    if advice.content_bytes is not None:
        content, saved = size_text(advice.content_bytes), size_text(advice.saves_bytes)
        heading += f"; {content} of content, {saved} less with all of it done"
    lines = [heading, *(f"  not read: {printable(text)}" for text in advice.problems)]
    groups: dict[tuple[str, bool], list[Recommendation]] = {}
    for item in advice.recommendations:
        groups.setdefault((item.rule.recommendation, item.minor), []).append(item)
    ordered = sorted(groups.values(), key=_urgency)
    general = [group for group in ordered if _is_general(group)]
    for group in ordered:
        if group not in general:
            lines += ["", *_paragraph(group, advice.target)]
    if general:
        lines += ["", "True of nearly every Dockerfile, so said once:"]
        lines += [line for group in general for line in _general(group)]
    if advice.remarks:
        lines += ["", *(f"  {printable(text)}" for text in advice.remarks)]
    return "\n".join(lines) + "\n"


def _is_general(group: Sequence[Recommendation]) -> bool:
    """Whether a recommendation holds for nearly every file and has no measured saving."""
    return group[0].rule.general and all(item.saves_bytes is None for item in group)


def _urgency(group: Sequence[Recommendation]) -> tuple[int, bool, int, int]:
    first = group[0]
    return -SEVERITIES.index(first.severity), first.minor, -total_saved(group), first.rule.order


def _general(group: Sequence[Recommendation]) -> list[str]:
    rule = group[0].rule
    count = f" ({len(group)} files)" if len(group) > 1 else ""
    return [f"{group[0].severity:<8} {rule.recommendation}{count}", _wrapped(rule.action, 9)]


_NOTES = {
    "latest": "The tag is `latest`.",
    "no tag": "Neither tag nor digest: `latest` is meant.",
    "moving tag": "The tag moves.",
    "version": "A release's tag, which is built again.",
    "root": "The user is root.",
}


def _paragraph(group: Sequence[Recommendation], target: str) -> list[str]:
    """One recommendation with all subjects of the target that it applies to."""
    first = group[0]
    rule = first.rule
    measured = [item for item in group if item.saves_bytes is not None]
    saving = f", saves {size_text(total_saved(measured))}" if measured else ""
    base = sum(item.base_bytes or 0 for item in group)
    saving += f" (and {size_text(base)} in the base image)" if base else ""
    times = f", {len(group)} times" if len(group) > 1 else ""
    minor = ", in documentation, examples or tests" if first.minor else ""
    grades = f"effort {rule.effort}, confidence {rule.confidence}"
    head = f"{first.severity:<8} {rule.recommendation}{times}{saving}{minor}; {grades}"
    notes = list(dict.fromkeys(item.note for item in group if item.note)) if len(group) == 1 else []
    places = [text for item in group for text in _places(item, target)]
    more = sum(item.files or len(item.evidence) or 1 for item in group) - min(len(places), _SHOWN)
    tail = [f"and {more} more"] if more > 0 and places else []
    return [
        head,
        _wrapped(f"{rule.action} {rule.why}", 9),
        *(f"           {text}" for text in (*places[:_SHOWN], *tail)),
        *(_wrapped(f"Found: {_NOTES.get(note, note)}", 9) for note in notes),
        *(
            f"         {'Instead:' if not at else '        '} {line}"
            for at, line in enumerate(rule.instead.splitlines())
        ),
        *([_wrapped(f"Source: {rule.source}", 9)] if rule.source else []),
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
        where += f"{', ' if where else ''}{size_text(place.bytes)}"
    what = "" if place.what == "file" else printable(place.what)
    return f"{where}: {what}" if where and what else where or what
