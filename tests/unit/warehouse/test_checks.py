"""Which checks fail: kept until they are run again, and an error forbids to publish."""

from collections.abc import Iterator

import duckdb
import pytest

from dockml_dagster.warehouse import build, migrations
from dockml_dagster.warehouse.checks import (
    ChecksFailedError,
    failed_check,
    failed_checks,
    known_checks,
    record,
    require_passed,
    shown_at,
)
from dockml_dagster.warehouse.models import load

KEY = build.Tested("core.images", "unique_key", 2, (("a\x1b[2J", 2), ("b", 2)))
LEFT = build.Tested("checks", "no_project_left", 1, (("local", "local/a/b"),), warn_only=True)
KNOWN = {("core.images", "unique_key"), ("findings.coverage", "no_project_left")}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        migrations.apply(opened)
        yield opened


def test_a_check_fails_until_it_is_run_again(connection: duckdb.DuckDBPyConnection) -> None:
    assert failed_checks(connection, lambda: pytest.fail("all models were read for nothing")) == []
    failed = [failed_check("core.images", KEY), failed_check("findings.coverage", LEFT)]
    record(connection, KNOWN, failed)
    assert failed_checks(connection, lambda: KNOWN) == failed
    record(connection, [("findings.coverage", "no_project_left")], [])
    assert failed_checks(connection, lambda: KNOWN) == failed[:1]
    # One that this version does not have any more forbids nothing.
    assert failed_checks(connection, lambda: KNOWN - {("core.images", "unique_key")}) == []


def test_an_error_is_one_printable_line() -> None:
    failed = [failed_check("core.images", KEY), failed_check("findings.coverage", LEFT)]
    with pytest.raises(ChecksFailedError) as caught:
        require_passed(failed)
    text = str(caught.value)
    assert text.startswith("nothing is published: the check unique_key of core.images (2 rows, such as ")
    assert text.isprintable()
    assert "more" not in text
    assert caught.value.exit_code == 4
    with pytest.raises(ChecksFailedError, match="1 more fail, see: dockml doctor"):
        require_passed([failed[0], failed[0]])


def test_a_warning_forbids_nothing() -> None:
    require_passed([failed_check("findings.coverage", LEFT)])


def test_every_check_of_the_folder_is_shown_at_a_model() -> None:
    project = load()
    assert shown_at(project).keys() == {check.name for check in project.checks}
    assert shown_at(project)["findings_are_documented"] == "findings.coverage"
    assert ("core.images", "unique_key") in known_checks(project)
    assert ("findings.coverage", "no_project_left") in known_checks(project)
