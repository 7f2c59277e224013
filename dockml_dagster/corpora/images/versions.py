"""Versions of the code that reads layers and summarises images.

Here: the versions and the rules that they include. Not here: reading (``layers``), the effect of a version
(``warehouse.due``). Reading a layer may cost a download of gigabytes, so no hash of code makes it due: a developer whose
change affects the rows raises the number, and ``tests/conventions/test_held_versions.py`` asks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Final

from dockml_dagster.study.advice.model import Rules, parse_recommendation_rules
from dockml_dagster.study.layer.content import ContentRule, parse_rules
from dockml_dagster.study.layer.model import SCAN_VERSION
from dockml_dagster.study.packages.families import FamilyRule, parse_families
from dockml_dagster.warehouse.models import seed_texts

SUMMARY_VERSION: Final = "11"
"""Changes when the same layers would give another summary of an image; no known layer is read again for it."""


@cache
def layers_version() -> str:
    """Version of the stage ``layer_stats``: of reading layers, and of summarising them by the rules in the seeds."""
    return summary_version(*layer_rules())


def layer_rules() -> tuple[tuple[ContentRule, ...], Rules, tuple[FamilyRule, ...]]:
    """The rules from the seeds: what to look for in images, recommendations, and which packages belong together."""
    seeds = seed_texts(["layer_content_rules", "recommendations", "package_families"])
    return (
        parse_rules(seeds["layer_content_rules"]),
        parse_recommendation_rules(seeds["recommendations"]),
        parse_families(seeds["package_families"]),
    )


def summary_version(content: Iterable[ContentRule], advice: Rules, families: Iterable[FamilyRule]) -> str:
    """Version of summarising images by these rules. The text of a recommendation,
    and when it applies to a Dockerfile, do not change what is measured.
    """
    measured = [
        (rule.recommendation, triggers, rule.min_file_bytes)
        for rule in advice.all
        if (triggers := tuple(one for one in rule.triggers if not one.startswith("practice:")))
    ]
    found = [(rule.rule, rule.group, rule.pattern, rule.removable) for rule in content]
    text = "\n".join("\t".join(map(str, rule)) for rule in (*found, *measured, *families))
    return f"{SCAN_VERSION}-{SUMMARY_VERSION}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
