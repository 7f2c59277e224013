"""A configuration that is a link is read only within the checkout that it lies in."""

from pathlib import Path

import pytest

from dockml_dagster.commands.advise.configuration import NAMES, find_configuration
from dockml_dagster.commands.advise.targets import rule_names
from dockml_dagster.errors import BadInputError


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("git", [True, False])
def test_a_link_out_of_the_checkout_is_not_read(tmp_path: Path, name: str, git: bool) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "below").mkdir(parents=True)
    if git:
        (checkout / ".git").mkdir()
    (tmp_path / "own.toml").write_text('exclude = ["a"]\n')
    (checkout / "below" / name).symlink_to("../../own.toml")
    with pytest.raises(BadInputError, match="leads elsewhere"):
        find_configuration(checkout / "below", rule_names())


def test_a_link_within_the_checkout_is_read(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "shared.toml").write_text('exclude = ["a"]\n')
    (tmp_path / "below" / ".dockml.toml").symlink_to("../shared.toml")
    assert find_configuration(tmp_path / "below", rule_names()).excluded("a")
