"""Practices about package managers inside RUN."""

from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.package_names import Package
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.shell.model import Run
from dockml_dagster.study.dockerfile.stages import mount_options

_GUIDE = "docs.docker.com/build/building/best-practices"
_APT = frozenset({"apt", "apt-get", "aptitude", "apt-fast"})
_FALSE = frozenset({"0", "false", "off", "no", ""})
_ASKS = 40
"""Pieces of evidence kept; a RUN may name hundreds of packages."""


def _mounted(run: Run, *folders: str) -> bool:
    """Whether a cache or tmpfs mount covers one of the folders."""
    for mount in run.mounts:
        options = mount_options(mount)
        target = options.get("target") or options.get("dst") or options.get("destination") or ""
        if options.get("type") in ("cache", "tmpfs") and any(folder in target for folder in folders):
            return True
    return False


def _apt_lists(facts: Facts) -> Judged:
    by_run: dict[int, list[Step]] = {}
    for step in facts.steps:
        by_run.setdefault(step.run.position, []).append(step)
    good: list[Line] = []
    bad: list[Line] = []
    for steps in by_run.values():
        fetches = [
            step
            for step in steps
            if step.program.name in _APT and ("update" in step.program.arguments or step.installs is not None)
        ]
        updates = [step for step in fetches if "update" in step.program.arguments]
        if not updates:
            continue
        removed = [
            step
            for step in steps
            if step.program.name in ("rm", "find")
            and any("/var/lib/apt" in word for word in step.program.arguments)
        ]
        if removed or _mounted(fetches[0].run, "/var/lib/apt"):
            line = removed[0].command.line if removed else fetches[0].run.line
            good.append(Line(line, "lists removed or mounted"))
        else:
            bad.append(Line(updates[0].command.line, f"{updates[0].program.name} update"))
    if bad:
        return "violated", bad[:_ASKS], ""
    return ("followed", good[:_ASKS], "") if good else ("not applicable", [], "no apt-get update")


def _no_recommends(facts: Facts) -> Judged:
    configured = any("Install-Recommends" in step.run.script.text for step in facts.steps)
    installs = [
        step
        for step in facts.steps
        if step.installs and step.installs.manager == "apt" and step.installs.packages
    ]
    if not installs:
        return "not applicable", [], "no apt-get install"
    without = [step for step in installs if not (step.installs and step.installs.no_recommends)]
    if not without:
        return (
            "followed",
            [Line(step.command.line, "--no-install-recommends") for step in installs[:_ASKS]],
            "",
        )
    if configured:
        return "followed", [], "switched off in apt's configuration"
    return (
        "violated",
        [Line(step.command.line, f"{step.program.name} install") for step in without[:_ASKS]],
        "",
    )


def _pip_cache(facts: Facts) -> Judged:
    good: list[Line] = []
    bad: list[Line] = []
    purged = {
        step.run.position
        for step in facts.steps
        if (step.program.name in ("pip", "pip3") and step.program.arguments[:1] == ("cache",))
        or (step.program.name == "rm" and any(".cache" in word for word in step.program.arguments))
    }
    for step in facts.steps:
        if step.installs is None or step.installs.manager not in ("pip", "uv"):
            continue
        # The variable is negative for pip: any value but a false one switches the cache off.
        variable = step.instruction.scope.get("PIP_NO_CACHE_DIR")
        prefix = next(
            (word for word in step.command.assignments if word.startswith("PIP_NO_CACHE_DIR=")), None
        )
        value = prefix.partition("=")[2] if prefix else variable
        off = step.installs.no_cache or (value is not None and value.lower() not in _FALSE)
        if off or step.run.position in purged or _mounted(step.run, "cache", ".pip"):
            good.append(Line(step.command.line, f"{step.program.name} without a cache left behind"))
        else:
            bad.append(Line(step.command.line, f"{step.program.name} install"))
    if bad:
        return "violated", bad[:_ASKS], ""
    return ("followed", good[:_ASKS], "") if good else ("not applicable", [], "no pip install")


def _pinned(facts: Facts, ecosystems: frozenset[str]) -> Judged:
    pinned: list[tuple[Step, Package]] = []
    loose: list[tuple[Step, Package]] = []
    files: list[tuple[Step, str]] = []
    for step in facts.steps:
        if step.installs is None or step.installs.ecosystem not in ecosystems:
            continue
        files.extend((step, name) for name in step.installs.requirement_files)
        for package in step.installs.packages:
            if package.source in {"local", "unknown"}:
                continue
            (pinned if package.pinned else loose).append((step, package))
    note = f"{len(pinned)} of {len(pinned) + len(loose)} pinned"
    if files:
        note += f"; {len(files)} requirement files not read"
    if loose:
        lines = [
            Line(step.command.line, (package.name or package.source)[:80]) for step, package in loose[:_ASKS]
        ]
        return "violated", lines, note
    if pinned and not files:
        lines = [
            Line(step.command.line, (package.name or package.source)[:80]) for step, package in pinned[:_ASKS]
        ]
        return "followed", lines, note
    if pinned or files:
        return "unknown", [Line(step.command.line, name[:80]) for step, name in files[:_ASKS]], note
    return "not applicable", [], "no package named"


def _pinned_os(facts: Facts) -> Judged:
    return _pinned(facts, frozenset({"os"}))


def _pinned_language(facts: Facts) -> Judged:
    return _pinned(facts, frozenset({"python", "conda", "javascript", "r", "other"}))


PRACTICES = (
    Practice(
        "apt-lists-removed",
        "A RUN that fetches apt's package lists removes them again.",
        "The lists are 20 to 50 MB that no running container needs, and a later layer cannot take them back.",
        "Every shipped RUN with `apt-get update` also removes `/var/lib/apt/lists` or mounts it as a cache.",
        f"{_GUIDE} (apt-get); hadolint DL3009",
        _apt_lists,
    ),
    Practice(
        "no-install-recommends",
        "apt installs without recommended packages.",
        "Recommended packages are seldom wanted in an image and often double what is installed.",
        "`--no-install-recommends` on every `apt-get install`, or the same in apt's configuration.",
        f"{_GUIDE} (apt-get); hadolint DL3015",
        _no_recommends,
    ),
    Practice(
        "pip-cache-off",
        "pip leaves no cache in the image.",
        "The cache keeps a second copy of every wheel: for CUDA builds of a framework some GB.",
        "`--no-cache-dir`, `PIP_NO_CACHE_DIR`, a cache mount, or removal in the same RUN, for every "
        "`pip install` shipped.",
        "hadolint DL3042",
        _pip_cache,
    ),
    Practice(
        "pinned-os-packages",
        "Packages of the operating system name their version.",
        "Two builds of one commit otherwise differ.",
        "Every package of apt, yum, apk and their kin named in a shipped RUN.",
        "hadolint DL3008, DL3018, DL3033",
        _pinned_os,
    ),
    Practice(
        "pinned-language-packages",
        "Packages of Python, conda, JavaScript, R and others name their version.",
        "Two builds of one commit otherwise differ; frameworks change their results between versions.",
        "Every package named in a shipped RUN has one version, commit or file. Unknown where "
        "requirement files say it.",
        "hadolint DL3013, DL3016, DL3028",
        _pinned_language,
    ),
)
