"""Practices of a Dockerfile: each is a function that gives a verdict and the lines that show it.

Here: the list of all practices, and judging them. ``model`` has the types and the facts that practices share; the
practices are in ``base_image``, ``installing``, ``layers``, ``runtime`` and ``safety``. Not here: their texts
(``seeds/practices.csv``), advice with bytes (it needs the image), hadolint (an asset of its own).

Practices judge what is shipped: the last stage and the stages it builds upon with ``FROM stage``. A build
stage from which files are only copied is not judged.
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
    """One finding for each practice. ``runs`` (``shell.scripts.read_runs``) and ``steps`` (``run.steps.read_steps``) may
    be passed if already computed.

    ``path``: of the Dockerfile in its repository. ``repository_paths``: of all files there; without them
    ``.dockerignore`` is unknown. A file without a stage gets ``not applicable`` throughout.
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
