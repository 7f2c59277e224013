"""A visit to some projects of a frame: their cohorts, and which results of other projects stay.

Here: pure functions over frames and visits. Not here: visiting (``visit``), what a frame is (``frame``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dockml_dagster.corpora.github.frame import Frame
from dockml_dagster.corpora.github.records import Visited

Found = Mapping[str, Sequence[str]]
"""A cohort's mark → names that its search found; an unfinished search has none."""


def narrowed(frame: Frame, names: Sequence[str], found: Found, before: Visited | None) -> Frame:
    """The frame restricted to ``names``. Each name goes to the first cohort that has it: listed, found by its search, or
    drawn as a control. Names outside the frame are left out. The criteria stay, and a repository that a sample did not
    draw is not added by naming it.
    """
    old = {one.name.lower(): one for one in before.candidates} if before else {}
    wanted = [name.lower() for name in dict.fromkeys(names)]
    wanted = [name for name in wanted if name not in old or old[name].step != "releases"]
    cohorts = []
    for cohort in frame.cohorts:
        if cohort.match is None:
            has = {name.lower(): name for name in (*cohort.names, *found.get(cohort.mark, ()))}
        else:
            has = {name: one.name for name, one in old.items() if one.cohort == cohort.name}
        here = [name for name in wanted if name in has]
        wanted = [name for name in wanted if name not in has]
        if here:
            named = tuple(has[name] for name in here)
            cohorts.append(
                replace(cohort, names=named, keywords=(), topics=(), sample=None, match=None, exclude=())
            )
    return replace(frame, cohorts=tuple(cohorts))


def merged(frame: Frame, found: Found, before: Visited | None, now: Visited) -> Visited:
    """``now``, a visit to some projects, merged into the visit ``before``: other projects that are still in the frame
    keep their earlier results, in their order.
    """
    new = {one.name.lower(): one for one in now.candidates}
    in_frame = {
        name.lower()
        for cohort in frame.cohorts
        for name in (*cohort.names, *(() if cohort.match else found.get(cohort.mark, ())))
    }
    controls = {cohort.name for cohort in frame.cohorts if cohort.match is not None}
    candidates = []
    for old in before.candidates if before else ():
        again = new.pop(old.name.lower(), None)
        if again is not None:
            candidates.append(replace(again, keyword=old.keyword))
        elif old.name.lower() in in_frame or old.cohort in controls:
            candidates.append(old)
    asked = {one.name for one in now.candidates} | {one.subject for one in now.problems}
    stayed = tuple(one for one in (before.problems if before else ()) if one.subject not in asked)
    return replace(
        now,
        frame=frame.identity,
        title=frame.title,
        candidates=(*candidates, *new.values()),
        problems=(*stayed, *now.problems),
        rounds=before.rounds if before else {},
        left=before.left if before else (),
    )
