"""A plugin of pytest: processes that a test starts tell coverage which test it was (``make mutants-draw``)."""

import os
from pathlib import Path


def pytest_configure() -> None:
    """Not by the caller's environment, or this process would be measured twice."""
    os.environ["COVERAGE_PROCESS_START"] = str(Path(__file__).with_name("lines.ini"))
