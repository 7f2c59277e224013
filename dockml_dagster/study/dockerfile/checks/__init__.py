"""BuildKit's build checks: what ``docker build --check`` reports about a Dockerfile, under BuildKit's names.

Here: the checks, what a file's own ``# check=`` comments switch off, and ``.dockerignore`` as far as a check needs it.
Not here: practices (``practices``), which give verdicts and judge what is shipped. A practice that is one of these checks
names it.

Source: moby/buildkit, ``frontend/dockerfile`` (``linter``, ``dockerfile2llb``), read at v0.24 of August 2026.
"""

from dockml_dagster.study.dockerfile.checks.checking import run_checks
from dockml_dagster.study.dockerfile.checks.model import CHECKS, NO_OPTIONS, Check, CheckFinding, CheckOptions

__all__ = ["CHECKS", "NO_OPTIONS", "Check", "CheckFinding", "CheckOptions", "run_checks"]
"""``run_checks`` is the entry point."""
