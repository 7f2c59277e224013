"""Every cut of untrusted input is recorded, and nothing else is.

Here: each place (``cut_places``) just at its cap and just over it. Not here: where a recorded cut goes
(``warehouse/due/test_derivation``, ``sql/findings.passed_over``).
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.study.cuts import first, note_cut, noted_cuts, shortened
from tests.unit.study.cut_places import PLACES

PACKAGE = Path(dockml_dagster.__file__).parent


def _leaving() -> Iterator[tuple[str, str]]:
    """(module, function) of every call of ``first``, ``shortened`` or ``note_cut``, except where recorded cuts are passed
    on.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "dockml_dagster.study.cuts"
            for alias in node.names
        } - {"noted_cuts"}
        for node in ast.walk(tree) if names else ():
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(call, ast.Call)
                and ast.unparse(call.func) in names
                and not isinstance(call.args[0], ast.Name if ast.unparse(call.func) == "note_cut" else ())
                for call in ast.walk(node)
            ):
                yield path.relative_to(PACKAGE).as_posix(), node.name


def test_every_place_that_leaves_away_is_tried() -> None:
    assert sorted(set(_leaving())) == sorted(PLACES)


@pytest.mark.parametrize(
    ("work", "most", "what"),
    [pytest.param(*one, id="::".join(place)) for place, some in PLACES.items() for one in some],
)
def test_it_is_noted_over_the_cap_and_not_at_it(work: Callable[[int], object], most: int, what: str) -> None:
    with noted_cuts() as at:
        work(most)
    with noted_cuts() as over:
        work(most + 1)
    assert (at, over) == (set(), {what})


def test_what_is_inside_is_noted_for_who_is_nearest() -> None:
    with noted_cuts() as outer:
        note_cut("a")
        with noted_cuts() as inner:
            assert shortened("abc", 2, "a text") == "ab"
        assert list(first(iter("abc"), 2, "letters")) == ["a", "b"]
    note_cut("nobody asks")
    assert (outer, inner) == ({"a", "more than 2 letters"}, {"a text of over 2 characters"})
