"""dockml's code location with a sample corpus that misbehaves for the projects the environment names.

Loaded by the daemon of ``test_bad_projects.py``; TEST_RAISES and TEST_RETRYABLE are its own variables.
"""

import os

from dockml_dagster.corpora.base import Collected, Outcome, Stage
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.definitions import defs

__all__ = ["defs"]

_sound = Sample.collect


def _collect(self: Sample, stage: Stage, project: str) -> Collected:
    if project == os.environ["TEST_RAISES"]:
        raise ValueError("a fault of our own")
    if project == os.environ["TEST_RETRYABLE"]:
        return Collected(outcomes=[Outcome(stage, "", "failed", "no answer, try again", retryable=True)])
    return _sound(self, stage, project)


Sample.collect = _collect  # type: ignore[method-assign]
