"""Advice on images, and on projects of the published file.

Here: reading the input of the rules. Not here: judging (``study.advice``), directories (``directory``),
printing (``output``). Imports neither Dagster nor pandas; DuckDB only for a project of the published file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.study.advice.ignoring import RuleNames
from dockml_dagster.study.advice.model import (
    Evidence,
    Recommendation,
    Rules,
    parse_recommendation_rules,
    total_saved,
)

if TYPE_CHECKING:
    from dockml_dagster.commands.scan_image.locations import Location
    from dockml_dagster.commands.scan_image.model import ScannedImage, ScannedReference
    from dockml_dagster.progress import Listener
    from dockml_dagster.study.advice.savings import Saving
    from dockml_dagster.study.image.platform import Platform


@dataclass(frozen=True, slots=True)
class Advice:
    """All advice on one target. ``content_bytes``: the uncompressed content of the image's layers, with the files that
    later layers hide; None if unknown or if the target is no image. ``problems``: what could not be read, one line each.
    ``remarks``: notes on ignore comments, configuration and baseline. ``prefix``: the target's folder relative to the root
    of its git tree, to which paths in SARIF and GitLab reports are relative. ``root``: the folder that evidence paths are
    relative to.
    """

    target: str
    recommendations: tuple[Recommendation, ...]
    content_bytes: int | None = None
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    prefix: str = ""
    root: Path | None = None

    @property
    def saves_bytes(self) -> int:
        """The bytes that all recommendations together save."""
        return total_saved(self.recommendations)


@cache
def rule_names() -> RuleNames:
    """All names of the rules: dockml's own and those of other tools."""
    from dockml_dagster.warehouse.models import folder

    return RuleNames(advice_rules(), (folder() / "seeds" / "rule_aliases.csv").read_text(encoding="utf-8"))


@cache
def advice_rules() -> Rules:
    """The rules of the seed ``recommendations.csv``."""
    from dockml_dagster.warehouse.models import folder

    return parse_recommendation_rules(
        (folder() / "seeds" / "recommendations.csv").read_text(encoding="utf-8")
    )


def advise_images(
    locations: Sequence[Location],
    settings: Settings,
    *,
    platform: Platform | None = None,
    prefer: Platform | None = None,
    listener: Listener,
) -> Iterator[Advice]:
    """Advice on images, one platform after the other. Raises what ``scan_image.scan_images`` raises.

    A part of an image that cannot be read becomes a problem of its advice; the rest is judged.
    """
    from dockml_dagster.commands.scan_image.scan import (
        content_rules,
        package_families,
        problem_of,
        scan_images,
    )
    from dockml_dagster.images.sources.reading import PlatformImage
    from dockml_dagster.study.advice.image import base_layers_of
    from dockml_dagster.study.advice.savings import SavingsTally
    from dockml_dagster.study.image.reference import ImageReference
    from dockml_dagster.study.layer.content import ContentRules

    rows = content_rules()
    content = ContentRules(rows)
    tallies: dict[str, SavingsTally] = {}

    def observe(image: PlatformImage) -> SavingsTally:
        base_layers = base_layers_of(image.config, len(image.layers))
        tally = SavingsTally(advice_rules(), content, base_layers=base_layers)
        tallies[str(image.digest)] = tally
        return tally

    images = scan_images(
        locations,
        settings,
        rows,
        platform=platform,
        prefer=prefer,
        observe=observe,
        families=package_families(),
        listener=listener,
    )
    for location, scanned in zip(locations, images, strict=True):
        problem = problem_of([scanned])
        if not scanned.images and problem is not None:
            raise problem
        problems = () if problem is None else (str(problem),)
        for image in scanned.images:
            tally = tallies.get(str(image.image.digest))
            savings = None if tally is None or image.summary is None else tally.savings()
            # A layout or archive does not show whether the image is also part of an index elsewhere.
            single = isinstance(location, ImageReference) and _is_single(scanned, image)
            yield _of_image(scanned, image, savings, single=single, problems=problems)


def _is_single(scanned: ScannedReference, image: ScannedImage) -> bool:
    """Whether the reference names this one manifest and not an index."""
    return scanned.reading is not None and scanned.reading.digest == image.image.digest


def _of_image(
    scanned: ScannedReference,
    image: ScannedImage,
    savings: Sequence[Saving] | None,
    *,
    single: bool,
    problems: tuple[str, ...],
) -> Advice:
    from dockml_dagster.study.advice.image import ImageFacts, advise_image, base_layers_of

    name = scanned.name if len(scanned.images) == 1 else f"{scanned.name} ({image.image.platform})"
    facts = ImageFacts(
        reference=name,
        layers=tuple(str(layer.descriptor.digest) for layer in image.layers),
        base_layers=base_layers_of(image.image.config, len(image.layers)),
        config=image.image.config,
        platforms=1 if single else None,
        censored=image.status == "censored",
        doubled=() if image.inventory is None else image.inventory.doubled,
        secrets=image.secrets or (),
        device_code=image.device_code or (),
    )
    summary = image.summary
    content = None if summary is None else summary.bytes + summary.wasted_bytes
    return Advice(name, advise_image(facts, savings, advice_rules()), content, problems)


_PLACES = ("evidence", "evidence_paths", "evidence_lines", "evidence_layers", "evidence_bytes")
"""Columns with parallel lists, one entry per place."""
_COLUMNS = ", ".join(
    ("about", "subject", "recommendation", "saves_bytes", "base_bytes", "files", "note", *_PLACES)
)


def advise_published(settings: Settings, corpus: str, name: str) -> Advice:
    """Advice on a project of a corpus, as last published by ``dockml study`` (``core.recommendations``).

    Raises BadInputError if nothing is published, or the corpus has no project of that name; it suggests the closest.
    """
    import difflib

    from dockml_dagster.warehouse.published.query import query

    known = [
        row[0]
        for row in query(
            settings, "SELECT name FROM core.projects WHERE corpus = ? ORDER BY 1", [corpus]
        ).rows
    ]
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise BadInputError(f"the published file has no project {name} of the corpus {corpus}{hint}")
    answer = query(
        settings,
        f"SELECT {_COLUMNS} FROM core.recommendations WHERE corpus = ? AND project = ? "
        "ORDER BY saves_bytes DESC NULLS LAST, about, subject, recommendation",
        [corpus, f"{corpus}/{name}"],
    )
    rules = {rule.recommendation: rule for rule in advice_rules().all}
    return Advice(
        name, tuple(_stored(dict(zip(answer.columns, row, strict=True)), rules) for row in answer.rows)
    )


def _stored(row: dict[str, Any], rules: dict[str, Any]) -> Recommendation:
    places = zip(*(row[name] for name in _PLACES), strict=True)
    return Recommendation(
        rules[row["recommendation"]],
        row["about"],
        row["subject"],
        tuple(
            Evidence(what or "", path=path, line=line, layer=layer, bytes=size)
            for what, path, line, layer, size in places
        ),
        row["saves_bytes"],
        row["base_bytes"],
        row["files"],
        row["note"] or "",
    )
