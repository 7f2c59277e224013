"""If code changed whose results cost downloads, its author must say whether the results changed.

Here: the question. Not here: which code and which version (``held``), tables that are computed from collected data: they
stay current without a question (``test_derivations``).
"""

import pytest

from tests.conventions.held import NOTED, held, noted

HELD = held()


@pytest.mark.parametrize("name", HELD)
def test_same_results_or_a_raised_version(name: str) -> None:
    now, then = HELD[name], noted().get(name, {})
    same_code = now.code() == then.get("code")
    if same_code and now.version == then.get("version"):
        return
    question = (
        f"{name}: its code changed since version {then.get('version')} was noted. Would the same source give other rows? "
        f"Then raise {now.where}, and homes collect them again. "
        if now.version == then.get("version")
        else f"{name}: {now.where} is {now.version} now. "
    )
    pytest.fail(f"{question}In any case run `make held` and commit {NOTED.name} with the change.")


def test_nothing_is_noted_that_is_gone() -> None:
    assert set(noted()) == set(HELD)
