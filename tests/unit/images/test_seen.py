"""The index of images that were seen, and the base that it tells: children of twenty bases, and what must not be told."""

import pytest

from dockml_dagster.images.seen import SeenImages
from dockml_dagster.study.image.base_by_layers import MOST_LAYERS, SeenImage, chain_ids, find_base


def layers(*names):
    return [f"sha256:{name:0>64}" for name in names]


@pytest.fixture
def seen(tmp_path):
    return SeenImages(tmp_path)


def add(seen, name, stack, *, kind="diff_id", digest=None):
    seen.add(SeenImage(name, digest or f"sha256:{name}", "linux/amd64"), [(kind, stack)])


def names(found):
    return [one.name for one in found.images]


@pytest.mark.parametrize("number", range(20))
def test_children_of_twenty_bases(seen, number) -> None:
    # Bases of one to twenty layers, each upon the one before: a child is of the longest.
    for base in range(20):
        add(seen, f"base:{base}", layers(*range(base + 1)))
    child = layers(*range(number + 1), "own", "more")
    found = find_base([("diff_id", child)], "sha256:child", seen.images)
    assert (names(found), found.layers) == ([f"base:{number}"], number + 1)
    assert found.chain_id == chain_ids(child)[number]


def test_one_stack_under_several_names_is_all_of_them(seen) -> None:
    for name in ("python:3.12", "python:3", "mirror/python:3.12"):
        add(seen, name, layers(1, 2))
    found = find_base([("diff_id", layers(1, 2, 3))], "sha256:child", seen.images)
    assert names(found) == ["mirror/python:3.12", "python:3", "python:3.12"]


@pytest.mark.parametrize(
    "stack",
    [layers(1, 2), layers(2, 1, 3), layers(1, 3, 2), layers(1), []],
    ids=["its own layers", "another order", "another second layer", "fewer", "none"],
)
def test_what_is_no_base(seen, stack) -> None:
    add(seen, "python:3", layers(1, 2))
    assert find_base([("diff_id", stack)], "sha256:child", seen.images) is None


def test_an_image_is_not_its_own_base(seen) -> None:
    add(seen, "app:1", layers(1, 2), digest="sha256:own")
    assert find_base([("diff_id", layers(1, 2, 3))], "sha256:own", seen.images) is None


def test_by_digests_as_stored_where_that_tells_more(seen) -> None:
    add(seen, "debian:12", layers(1))
    add(seen, "python:3", layers("a", "b"), kind="digest")
    stacks = [("diff_id", layers(1, 2, 3)), ("digest", layers("a", "b", "c"))]
    found = find_base(stacks, "sha256:child", seen.images)
    assert (names(found), found.kind, found.layers) == (["python:3"], "digest", 2)
    # One kind's digest is never taken for the other's.
    assert find_base([("diff_id", layers("a", "b", "c"))], "sha256:child", seen.images) is None


def test_chain_ids_are_those_of_the_specification() -> None:
    # sha256 of "sha256:…1 sha256:…2"
    import hashlib

    one, two = layers(1, 2)
    assert chain_ids([one, two]) == [one, "sha256:" + hashlib.sha256(f"{one} {two}".encode()).hexdigest()]
    assert len(chain_ids(layers(*range(MOST_LAYERS + 5)))) == MOST_LAYERS


def test_damaged_files_and_a_folder_that_cannot_be_written_say_nothing(tmp_path, seen) -> None:
    add(seen, "python:3", layers(1, 2))
    (path,) = tmp_path.rglob("*.json")
    path.write_text("[[1")
    child = [("diff_id", layers(1, 2, 3))]
    assert find_base(child, "sha256:child", seen.images) is None
    add(seen, "python:3", layers(1, 2))
    assert names(find_base(child, "sha256:child", seen.images)) == ["python:3"]
    (tmp_path / "file").write_text("")
    SeenImages(tmp_path / "file").add(SeenImage("a", "b", None), child)
