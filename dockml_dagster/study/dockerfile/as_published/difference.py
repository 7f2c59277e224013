"""Whether and how the study's reading of a file differs from BuildKit's.

Here: the comparison of ``PublishedReading`` and ``DockerfileReading``, by kind. Several kinds may hold for one file.
Not here: either reading.
"""

import re
from dataclasses import dataclass

from dockml_dagster.study.dockerfile.as_published.reading import PublishedReading
from dockml_dagster.study.dockerfile.model import DockerfileReading

KINDS = {
    "unreadable": "dockerfile-parse raises; BuildKit reads the file",
    "byte-order mark": "the first instruction is not recognised behind a byte-order mark",
    "heredoc": "lines of a here-document become instructions",
    "blank continuation": "an instruction is cut in two at a blank line inside its continuation",
    "lost instruction": (
        "an instruction that BuildKit sees is missing (a backslash at the end of the file, for one)"
    ),
    "escape directive": "`# escape=` is not seen because another directive precedes it",
    "invented instruction": "instructions that BuildKit does not see, for another reason than the above",
    "accepted invalid": "BuildKit refuses the file; dockerfile-parse reads it without a word",
    "parent images": (
        "the parent images differ (stage names and scratch counted, variables mangled or emptied)"
    ),
}
"""Every kind of difference, with its meaning."""

_HOLLOW = re.compile(r"(?:^|[/:@])(?:$|[:@])|[{}$]|^[:/]|:-")


@dataclass(frozen=True, slots=True)
class Difference:
    """How two readings of one file differ. ``differs`` compares keywords and lines of instructions only.

    ``invented``: how many instructions only dockerfile-parse sees; ``lost``: how many only BuildKit sees.
    ``mangled_parents``: parent images of dockerfile-parse that are no reference at all; ``stage_parents``: those that are
    stages or scratch.
    """

    differs: bool
    kinds: tuple[str, ...]
    invented: int
    lost: int
    stage_parents: int = 0
    mangled_parents: int = 0
    wrong_parents: int = 0


def compare(corrected: DockerfileReading, published: PublishedReading) -> Difference:
    """Compare two readings of the same bytes."""
    if not published.readable:
        return Difference(True, ("unreadable",), 0, len(corrected.instructions))
    ours = [(item.keyword, item.start_line) for item in corrected.instructions]
    theirs = [(item.keyword, item.start_line) for item in published.instructions]
    lines_differ = [(item.keyword, item.start_line, item.end_line) for item in corrected.instructions] != [
        (item.keyword, item.start_line, item.end_line) for item in published.instructions
    ]
    invented = set(theirs) - set(ours)
    lost = set(ours) - set(theirs)
    kinds = _instruction_kinds(corrected, invented, lost, lines_differ)
    if not corrected.valid:
        kinds.append("accepted invalid")
    stage, mangled, wrong = _parents(corrected, published)
    if stage or mangled or wrong or published.parent_images is None:
        kinds.append("parent images")
    return Difference(
        bool(invented or lost or lines_differ), tuple(kinds), len(invented), len(lost), stage, mangled, wrong
    )


def _instruction_kinds(
    corrected: DockerfileReading,
    invented: set[tuple[str, int]],
    lost: set[tuple[str, int]],
    lines_differ: bool,
) -> list[str]:
    kinds: list[str] = []
    if corrected.text.byte_order_mark and lost:
        kinds.append("byte-order mark")
    bodies = {
        line
        for item in corrected.instructions
        for heredoc in (item.child or item).heredocs
        for line in range(heredoc.start_line, heredoc.end_line + 2)
    }
    rest = {(keyword, line) for keyword, line in invented if line not in bodies}
    if rest != invented:
        kinds.append("heredoc")
    if rest and any(problem.message == "empty continuation line" for problem in corrected.problems):
        spans = [
            (item.start_line, item.end_line)
            for item in corrected.instructions
            if item.end_line > item.start_line and len(item.segments) < item.end_line - item.start_line + 1
        ]
        inside = {mark for mark in rest if any(start < mark[1] <= end for start, end in spans)}
        if inside:
            kinds.append("blank continuation")
            rest -= inside
    escape_hidden = (
        corrected.escape != "\\" and corrected.directives and corrected.directives[0].name == "check"
    )
    if (rest or lost or lines_differ) and escape_hidden:
        kinds.append("escape directive")
        rest = set()
    if rest and "byte-order mark" not in kinds:
        kinds.append("invented instruction")
    if lost and not kinds:
        kinds.append("lost instruction")
    return kinds


def _parents(corrected: DockerfileReading, published: PublishedReading) -> tuple[int, int, int]:
    """How many parent images are stages or scratch, are no reference, and are other images than BuildKit's."""
    if published.parent_images is None:
        return 0, 0, 0
    stages = mangled = wrong = 0
    bases = [stage.base for stage in corrected.stages]
    for at, image in enumerate(published.parent_images):
        base = bases[at] if at < len(bases) else None
        if base is not None and (base.stage is not None or base.scratch):
            stages += 1
        elif not image or _HOLLOW.search(image):
            mangled += 1
        elif base is None or base.missing or image != base.expanded:
            wrong += 1
    return stages, mangled, wrong
