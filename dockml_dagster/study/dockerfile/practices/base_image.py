"""Practices about what the image is built upon. Not here: what the image is (``base_images``)."""

from collections.abc import Sequence

from dockml_dagster.study.dockerfile.base_images import Pinning, pinning_of
from dockml_dagster.study.dockerfile.checks.checking import constant_platform
from dockml_dagster.study.dockerfile.model import Stage
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
    stated = [stage for stage in stages if stage.platform]
    if not stated:
        return "not applicable", [], "left to the build, as it should be"
    lines = [Line(stage.start_line, _flag(stage)) for stage in stated]
    wrong = [
        line
        for stage, line in zip(stated, lines, strict=True)
        if _builders_platform(stage) or constant_platform(stage)
    ]
    if not wrong:
        return "followed", lines, ""
    builder = any(_builders_platform(stage) for stage in stated)
    return (
        "violated",
        wrong,
        "what is shipped has the builder's platform" if builder else "a constant platform",
    )


def _flag(stage: Stage) -> str:
    return f"--platform={stage.platform.raw if stage.platform else ''}"[:200]


def _builders_platform(stage: Stage) -> bool:
    return stage.platform is not None and stage.platform.used == ("BUILDPLATFORM",)


def _inputs(facts: Facts) -> Judged:
    """Images that COPY --from and RUN --mount=from take files of, for stages that reach the shipped one."""
    edges = [
        edge
        for edge in facts.graph.edges
        if edge.kind != "from"
        and edge.stage in facts.graph.reaching
        and edge.source.stage is None
        and edge.source.repository is not None
    ]
    if not edges:
        return "not applicable", [], "nothing is taken out of another image"
    loose = [
        Line(edge.line, f"--from={edge.source.raw}"[:200])
        for edge in edges
        if pinning_of(edge.source) not in ("digest", "version")
    ]
    if loose:
        return "violated", loose, ""
    return "followed", [Line(edge.line, f"--from={edge.source.raw}"[:200]) for edge in edges], ""


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
        "copied-images-pinned",
        "Images that files are copied from are named by a digest or by a tag that names a release.",
        "They are inputs of the build like its base: one that moves changes what is shipped.",
        "`COPY --from=IMAGE` and `RUN --mount=from=IMAGE` in all stages that the shipped one needs.",
        f"{_GUIDE} (pin base image versions); docs.docker.com/reference/dockerfile (COPY --from)",
        _inputs,
    ),
    Practice(
        "platform-stated",
        "FROM leaves the platform to the build: a stated one is a variable, and not the builder's for what is shipped.",
        "A constant platform makes the image emulate, or fail, on every other machine; the builder's platform ships the "
        "wrong binaries.",
        "`--platform` on a FROM of the shipped stages: violated for a constant (unless the stage's name says it, as for "
        "BuildKit) and for `$BUILDPLATFORM`, followed for another variable. Not applicable without one.",
        "docs.docker.com/reference/build-checks/from-platform-flag-const-disallowed; hadolint DL3029",
        _platform,
        buildkit_check="FromPlatformFlagConstDisallowed",
    ),
)
