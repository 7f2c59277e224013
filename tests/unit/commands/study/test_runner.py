"""How many projects a run on workers takes."""

import pytest

from dockml_dagster.commands.study.runner import BATCH, batch_size


@pytest.mark.parametrize(
    ("projects", "size"), [(1, 5), (79, 5), (95, 5), (96, 6), (16 * BATCH, BATCH), (10**6, BATCH)]
)
def test_a_batch_is_neither_too_small_for_a_run_nor_too_large_to_wait_for(projects: int, size: int) -> None:
    assert batch_size(projects) == size
