"""The files of a commit: walking what is at or below a place equals a look at every path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.study.rebuilds import tree as module
from dockml_dagster.study.rebuilds.model import Entry
from dockml_dagster.study.rebuilds.tree import Tree
from tests.unit.study.rebuilds.repository import Repository

PATHS = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map("/".join)


@given(st.lists(st.tuples(PATHS, st.booleans()), max_size=40))
def test_any_order_of_changes(changes: list[tuple[str, bool]]) -> None:
    """Also a name that is a file and a folder at once, as between two changes of one commit."""
    tree, expected = Tree(), dict[str, Entry]()
    for number, (path, is_there) in enumerate(changes):
        if is_there:
            expected[path] = Entry("100644", str(number))
            tree.put(path, expected[path])
        elif path in expected:
            del expected[path]
            tree.remove(path)
    for place in ("", "a", "b", "a/b", "a/b/a", "ab"):
        below = {
            path: entry for path, entry in expected.items() if f"{path}/".startswith(f"{place}/") or not place
        }
        assert dict(tree.at_or_below(place)) == below
        assert tree.has(place) == bool(below)
        assert tree.get(place) == expected.get(place)
        names = [path[len(place) :].strip("/").split("/") for path in below if path != place]
        for depth in (1, 2, 3):
            heads = {"/".join(parts[:depth]) for parts in names if len(parts) >= depth}
            assert set(tree.below(place, depth)) == heads


def test_many_dockerfiles_cost_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a folder of its own, whose sources are looked for there and in the folders above."""
    asked = []
    monkeypatch.setattr(module, "check_time", lambda: asked.append(1))
    folders = [f"services/{number}" for number in range(100)]
    files = {f"{folder}/Dockerfile": "FROM b\nCOPY src *.txt /s\n" for folder in folders}
    files |= {f"{folder}/{name}": "1" for folder in folders for name in ("src/a", "src/b", "c.txt", "d.txt")}
    assert len(Repository().commit(files)) == 100
    # A pass over the tree for each Dockerfile would be 50,000.
    assert 1_000 < len(asked) < 15_000
