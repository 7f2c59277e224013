"""Practices about base images and images that files are copied from.

Here: pinning, tags, platform. Not here: what an image is (``base_images``).
"""

from collections.abc import Sequence

from dockml_dagster.study.dockerfile.base_images import Pinning, pinning_of
from dockml_dagster.study.dockerfile.checks.checking import constant_platform
from dockml_dagster.study.dockerfile.model import Stage
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.stages import images_behind


def _base_line(facts: Facts) -> Line:
    stage = facts.reading.stages[facts.chain[0]]
    return Line(stage.start_line, f"FROM {stage.base.expanded or stage.base.partial or stage.base.raw}"[:200])


def _unresolved(facts: Facts) -> str:
    return "unknown variable " + ", ".join(missing.name for missing in facts.base.missing)


def _not_judged(facts: Facts) -> Judged | None:
    """The verdict where there is no pinning to judge, because the base is not an image or not known; otherwise None."""
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


_BUILDER = frozenset({"BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT"})


def _builders_platform(stage: Stage) -> bool:
    """Whether ``--platform`` says the builder's, by itself or through the default of an ARG."""
    if stage.platform is None:
        return False
    names = {*stage.platform.used, *(missing.name for missing in stage.platform.missing)}
    return not names.isdisjoint(_BUILDER)


def _inputs(facts: Facts) -> Judged:
    """Judges images from which COPY --from and RUN --mount=from take files, in stages that the shipped one needs."""
    behind = images_behind(facts.reading)
    taken = [
        (edge, behind.get(edge.source.stage, edge.source))
        for edge in facts.graph.edges
        if edge.kind != "from" and edge.stage in facts.graph.reaching
    ]
    images = [
        (Line(edge.line, f"--from={edge.source.raw}"[:200]), image)
        for edge, image in taken
        if image.stage is None and not image.scratch and (image.repository is not None or image.missing)
    ]
    if not images:
        return "not applicable", [], "nothing is taken out of another image"
    loose = [line for line, image in images if pinning_of(image) not in ("digest", "version", "unknown")]
    if loose:
        return "violated", loose, ""
    hidden = [line for line, image in images if pinning_of(image) == "unknown"]
    if hidden:
        return "unknown", hidden, "a variable that the file does not tell"
    return "followed", [line for line, _ in images], ""


PRACTICES = (
    Practice("base-image-pinned", _tagged),
    Practice("base-image-digest", _digest),
    Practice("no-latest", _not_latest),
    Practice("copied-images-pinned", _inputs),
    Practice("platform-stated", _platform),
)
