"""More links than are followed: what the summary of the image then says."""

from dockml_dagster.study.layer import links, symlinks
from dockml_dagster.study.layer.image import summarise_image

NAMES = [{"a": "40", "b": "1"}, {"c": "=> a", "d": "=> b"}, {".wh.a": "", ".wh.b": ""}]
BEHIND = [{"usr/lib/x": "333", "usr/lib/y": "1", "lib": "-> usr/lib"}, {"lib/x": "22", "lib/y": "2"}]


def summary(layers, tar, spooled):
    return summarise_image([spooled(tar(layer.items())) for layer in layers])


def test_as_many_as_are_followed_are_not_too_many(tar, spooled, monkeypatch) -> None:
    monkeypatch.setattr(links, "_MOST", 2)
    monkeypatch.setattr(symlinks, "_MOST_MOVED", 2)
    for layers in (NAMES, BEHIND):
        found = summary(layers, tar, spooled)
        assert (found.censored, found.bytes, found.files) == ((), 3, 2)


def test_a_hard_link_too_many(tar, spooled, monkeypatch) -> None:
    monkeypatch.setattr(links, "_MOST", 1)
    found = summary(NAMES, tar, spooled)
    assert found.censored == ("hard_links",)
    assert (found.bytes, found.wasted_bytes) == (2, 1)


def test_names_too_long_in_all(tar, spooled, monkeypatch) -> None:
    monkeypatch.setattr(links, "_MOST_BYTES", 3)
    assert summary(NAMES, tar, spooled).censored == ("hard_links",)


def test_contents_put_aside_too_many(tar, spooled, monkeypatch) -> None:
    monkeypatch.setattr(links, "_MOST", 1)
    layers = [{".wh..wh.plnk/1.2": "5", ".wh..wh.plnk/1.3": "6", "a": "=> .wh..wh.plnk/1.2"}]
    assert summary(layers, tar, spooled).censored == ("hard_links",)


def test_a_moved_entry_too_many(tar, spooled, monkeypatch) -> None:
    monkeypatch.setattr(symlinks, "_MOST_MOVED", 1)
    found = summary(BEHIND, tar, spooled)
    assert found.censored == ("moved_entries",)
    assert found.files == 3


def test_names_on_the_way_too_many(tar, spooled, monkeypatch) -> None:
    monkeypatch.setattr(symlinks, "_MOST_NAMES", 3)
    assert summary(BEHIND, tar, spooled).censored == ("moved_entries",)
