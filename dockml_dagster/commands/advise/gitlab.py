"""Recommendations as GitLab's code-quality report, which merge requests show.

Here: the document. It holds only findings in files of the project. Not here: fingerprints (``baseline``), which
recommendations there are (``study.advice``).

Source: docs.gitlab.com/ci/testing/code_quality (report format): description, check name, fingerprint, severity, path
and first line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from dockml_dagster.study.advice.model import Evidence, Recommendation

_SEVERITIES: Final = {"note": "info", "warning": "minor", "error": "major"}


def to_gitlab(
    found: Sequence[tuple[Recommendation, str]], mark: Callable[[Recommendation, Evidence], str]
) -> list[dict[str, Any]]:
    """One object per place. ``found``: recommendations, each with its base folder relative to the root of the git tree."""
    report = []
    seen: dict[str, int] = {}
    for item, prefix in found:
        if item.about == "image":
            continue
        for place in item.evidence or (Evidence(""),):
            fingerprint = mark(item, place)
            number = seen[fingerprint] = seen.get(fingerprint, 0) + 1
            report.append(
                {
                    "description": f"{item.rule.action} {item.rule.why}",
                    "check_name": item.rule.recommendation,
                    # Two places with the same text have the same fingerprint; GitLab needs unique ones.
                    "fingerprint": fingerprint if number == 1 else f"{fingerprint}-{number}",
                    "severity": _SEVERITIES[item.severity],
                    "location": {
                        "path": prefix + (place.path or item.subject),
                        "lines": {"begin": place.line or 1},
                    },
                }
            )
    return report
