"""Practices about what the image is built upon. Not here: what the image is (``base_images``)."""

from collections.abc import Sequence

from dockml_dagster.study.dockerfile.base_images import Pinning, pinning_of
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice

_GUIDE = "docs.docker.com/build/building/best-practices"


def _base_line(facts: Facts) -> Line:
    stage = facts.reading.stages[facts.chain[0]]
    return Line(stage.start_line, f"FROM {stage.base.expanded or stage.base.partial or stage.base.raw}"[:200])


def _unresolved(facts: Facts) -> str:
    return "unknown variable " + ", ".join(missing.name for missing in facts.base.missing)


def _not_judged(facts: Facts) -> Judged | None:
    """The verdict where the base has no pinning to judge: it is no image, or not known. Else None."""
    pinning = pinning_of(facts.base)
    if pinning == "not an image":
        return "not applicable", [_base_line(facts)], "from scratch"
    if pinning == "unknown":
        reason = _unresolved(facts) if facts.base.missing else "no image reference"
        return "unknown", [_base_line(facts)], reason
    return None


def _pinned(facts: Facts, *, followed: Sequence[Pinning]) -> Judged:
    pinning = pinning_of(facts.base)
    return ("followed" if pinning in followed else "violated"), [_base_line(facts)], pinning


def _tagged(facts: Facts) -> Judged:
    return _not_judged(facts) or _pinned(facts, followed=("digest", "version"))


def _digest(facts: Facts) -> Judged:
    return _not_judged(facts) or _pinned(facts, followed=("digest",))


def _not_latest(facts: Facts) -> Judged:
    return _not_judged(facts) or _pinned(facts, followed=("digest", "version", "moving tag"))


def _platform(facts: Facts) -> Judged:
    stages = [facts.reading.stages[index] for index in facts.chain]
    stated = [
        Line(stage.start_line, f"--platform={stage.platform.raw}"[:200]) for stage in stages if stage.platform
    ]
    if stated:
        return "followed", stated, ""
    if facts.base.scratch:
        return "not applicable", [], "from scratch"
    return "violated", [_base_line(facts)], "the platform is that of whoever builds"


PRACTICES = (
    Practice(
        "base-image-pinned",
        "The image below the shipped stages is named by a digest or by a tag that names a release.",
        "A tag that moves makes two builds of one commit differ, and a study of it not repeatable.",
        "The FROM of the first shipped stage: digest, or a tag with a number or a release's code "
        "name. Unknown where "
        "a variable hides the tag.",
        f"{_GUIDE} (pin base image versions); hadolint DL3006, DL3007",
        _tagged,
    ),
    Practice(
        "base-image-digest",
        "The image below the shipped stages is pinned by its digest.",
        "Even a release's tag is rebuilt; only a digest names the same bytes for ever.",
        "`@sha256:` in the FROM of the first shipped stage.",
        f"{_GUIDE} (pin base image versions)",
        _digest,
    ),
    Practice(
        "no-latest",
        "The image below the shipped stages is not `latest`, stated or by default.",
        "What `latest` is depends on the day of the build.",
        "Tag `latest`, or neither tag nor digest.",
        "hadolint DL3006, DL3007; Cito et al. 2017",
        _not_latest,
    ),
    Practice(
        "platform-stated",
        "The Dockerfile says for which platform it builds.",
        "CUDA images and wheels exist for some platforms only; on another one the build fails or emulates.",
        "`--platform` on a FROM of the shipped stages.",
        "docs.docker.com/build/building/multi-platform",
        _platform,
    ),
)
