"""Caps on the values of shell variables: what is beyond one is left as it is written, or is not known.

Here: both sides of each cap. What expansions mean is in the cases of RUN commands.
"""

from dockml_dagster.study.dockerfile.shell.model import SimpleCommand
from dockml_dagster.study.dockerfile.shell.values import ShellVariables, resolve


def test_a_pattern_beyond_the_cap_is_left_as_it_is_written() -> None:
    assert resolve("${A%" + "b" * 128 + "}", {"A": "a" + "b" * 128}) == "a"
    longer = "${A%" + "b" * 129 + "}"
    assert resolve(longer, {"A": "a" + "b" * 129}) == longer


def test_a_value_beyond_the_cap_is_not_known() -> None:
    for length, known in ((8192, {"A": "b" * 8192}), (8193, {})):
        variables = ShellVariables({})
        variables.take(SimpleCommand("", (), 1, assignments=("A=" + "b" * length,)))
        assert dict(variables.known) == known
