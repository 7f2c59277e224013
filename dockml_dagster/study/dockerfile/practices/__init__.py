"""Practices of a Dockerfile: each a judge that gives a verdict and the lines that show it.

Here: all of them in their order, and judging. ``model`` has the types and what every practice may look at; the practices
stand in ``base_image``, ``installing``, ``layers``, ``runtime`` and ``safety``. Not here: their words
(``seeds/practices.csv``), advice with bytes (that needs the image), hadolint (an asset of its own).

Practices judge what is shipped: the last stage and the stages it builds upon with ``FROM stage``. A build
stage from which files are merely copied may be as untidy as it likes.
"""

from collections.abc import Sequence

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.base_images import BaseImageRules
from dockml_dagster.study.dockerfile.model import DockerfileReading
from dockml_dagster.study.dockerfile.practices import base_image, installing, layers, runtime, safety
from dockml_dagster.study.dockerfile.practices.model import (
    Practice,
    PracticeFinding,
    Verdict,
    gather,
)
from dockml_dagster.study.dockerfile.run.steps import Step, read_steps
from dockml_dagster.study.dockerfile.shell.model import Run

PRACTICES: tuple[Practice, ...] = (
    *base_image.PRACTICES,
    *layers.PRACTICES,
    *installing.PRACTICES,
    *runtime.PRACTICES,
    *safety.PRACTICES,
)
"""Every practice, in the order of a report."""

__all__ = ["PRACTICES", "Practice", "PracticeFinding", "Verdict", "judge_practices"]


def judge_practices(
    reading: DockerfileReading,
    runs: Sequence[Run] | None = None,
    *,
    base_rules: BaseImageRules,
    path: str | None = None,
    repository_paths: Sequence[str] | None = None,
    steps: Sequence[Step] | None = None,
) -> tuple[PracticeFinding, ...]:
    """One finding a practice. ``runs`` of ``shell.read_runs``
    and ``steps`` of ``steps.read_steps``: if already at hand.

    ``path`` is the Dockerfile's own in its repository and ``repository_paths`` all that there are; without
    them ``.dockerignore`` is unknown. A file without a stage gets ``not applicable`` throughout.
    """
    if not reading.stages:
        return tuple(
            PracticeFinding(practice.id, "not applicable", (), "no build stage") for practice in PRACTICES
        )
    steps = read_steps(reading, runs) if steps is None else steps
    facts = gather(reading, steps, base_rules, path=path, repository_paths=repository_paths)
    found = []
    for practice in PRACTICES:
        check_time()
        found.append(practice.find(facts))
    return tuple(found)
