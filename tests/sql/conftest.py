"""The types of every table, worked out once."""

import pytest

from tests.sql.cases import Types, read_types


@pytest.fixture(scope="session")
def types() -> Types:
    """What every model makes of no collected row."""
    return read_types()
