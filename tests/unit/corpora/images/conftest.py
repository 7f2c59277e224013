"""What tests of images ask for together: which layers were scanned."""

from typing import Any

import pytest

from dockml_dagster.images.scanning import worker


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Digests of the layers that were scanned, in order."""
    digests: list[str] = []
    original = worker.run_task

    def counted(task: worker.LayerTask, *rest: Any) -> worker.LayerResult:
        digests.append(task.key)
        return original(task, *rest)

    monkeypatch.setattr("dockml_dagster.images.scanning.pool.run_task", counted)
    return digests
