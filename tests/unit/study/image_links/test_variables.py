"""Bounds on expansion: growth is cut on the way, and a value longer than any image name is dropped.

Here: the bounds. Not here: the results of expansion (``cases.toml``).
"""

import pytest

from dockml_dagster.study.cuts import noted_cuts
from dockml_dagster.study.image_links import variables
from dockml_dagster.study.image_links.commands import joined_lines
from dockml_dagster.study.image_links.model import MAX_LINE, MAX_VALUES
from dockml_dagster.study.image_links.variables import MAX_STATEMENTS, OPEN, assignments, expanded, in_loops


def test_no_text_grows_beyond_a_line() -> None:
    assert list(map(len, expanded("x" * (MAX_LINE + 1), {}))) == [MAX_LINE]
    # Before, between and after variables.
    assert max(map(len, expanded("$a" * 40, {"a": ("b" * 400,)}))) == MAX_LINE
    assert max(map(len, expanded("$a/" + "c" * (MAX_LINE - 3), {"a": ("b" * 400,)}))) == MAX_LINE


def test_values_that_name_values_are_cut_while_they_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    sound = variables._expanded

    def counting(*arguments: object) -> tuple[str, ...]:
        nonlocal asked
        asked += 1
        return sound(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(variables, "_expanded", counting)
    many = tuple(f"$b{n}" for n in range(500))
    values = {"a": many, **{f"b{n}": tuple(f"{n}-{m}" for m in range(20)) for n in range(500)}}
    assert len(expanded("$a", values)) == MAX_VALUES
    assert asked < 5


@pytest.mark.parametrize(("length", "told"), [(500, "b" * 500), (501, OPEN)])
def test_a_value_that_is_longer_than_any_name_is_not_told(length: int, told: str) -> None:
    assert assignments([f"a={'b' * length}"], {})["a"] == (told,)


def test_lines_that_go_on_without_end_are_cut_into_several() -> None:
    joined = list(joined_lines("a \\\n" * 5000 + "docker push b\n"))
    assert len(joined) > 2
    assert max(len(line) for _, line in joined) <= MAX_LINE
    assert joined[-1][1].endswith("docker push b")


def test_statements_of_a_line_beyond_those_read_assign_nothing() -> None:
    line = "; ".join(["for a in x", *(f"b{number}=1" for number in range(MAX_STATEMENTS))])
    with noted_cuts() as cuts:
        (values,) = in_loops([line], {})
    assert set(values) == {"a", *(f"b{number}" for number in range(MAX_STATEMENTS - 1))}
    assert any("statements of a line" in cut for cut in cuts)
