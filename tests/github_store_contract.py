"""What a store of GitHub's answers promises, wherever it keeps them: one case a promise.

Here: the cases. Not here: the places; each has a test module that runs ``CASES`` on its own.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from typing import Protocol

import pytest

from dockml_dagster.clients.github.store import GithubStore, git_blob_hash


class Place(Protocol):
    """Somewhere that stores are opened on, as often as one likes."""

    def open(self, server: str = "api.example.com") -> GithubStore:
        """A store with a connection of its own, as another process would have."""

    def damage(self, table: str, column: str, value: bytes) -> None:
        """Put a value into every row of a table (``answers``, ``blobs``), past the store."""


def what_was_put_is_there_for_everybody(place: Place) -> None:
    one, other = place.open(), place.open()
    one.put_answer("u", etag='"e"', body=b"{}\0\xff", final="v", link="<w>")
    found = other.answer("u")
    assert found is not None
    assert (found.etag, found.body, found.final, found.link) == ('"e"', b"{}\0\xff", "v", "<w>")
    assert one.put_blob(git_blob_hash(b"x"), b"x")
    assert other.blob(git_blob_hash(b"x")) == b"x"
    one.put_document("kind", "name", {"a": [1, None, "é\0"]})
    assert other.document("kind", "name") == {"a": [1, None, "é\0"]}


def what_was_never_put_is_not_there(place: Place) -> None:
    store = place.open()
    assert store.answer("u") is None
    assert store.blob(git_blob_hash(b"x")) is None
    assert store.document("kind", "name") is None
    assert store.stored_at("kind", "name") is None
    assert store.count("kind") == 0
    assert list(store.documents("kind")) == []


def the_last_put_counts(place: Place) -> None:
    one, other = place.open(), place.open()
    one.put_answer("u", etag="e", body=b"1", final="u", link="l")
    other.put_answer("u", etag=None, body=b"2", final="u", link=None)
    found = one.answer("u")
    assert found is not None
    assert (found.etag, found.body, found.link) == (None, b"2", None)
    one.put_document("kind", "name", 1)
    first = other.stored_at("kind", "name")
    other.put_document("kind", "name", 2)
    assert one.document("kind", "name") == 2
    assert one.count("kind") == 1
    assert first is not None
    assert (one.stored_at("kind", "name") or 0.0) >= first


def a_content_is_the_one_that_its_hash_names(place: Place) -> None:
    store = place.open()
    sha = git_blob_hash(b"x")
    assert not store.put_blob(sha, b"y")
    assert store.missing_blobs([sha]) == [sha]
    assert store.put_blob(sha, b"x")
    # Another content, well deflated.
    place.damage("blobs", "content", zlib.compress(b"y"))
    assert store.blob(sha) is None
    assert store.put_blob(sha, b"x")
    assert store.blob(sha) == b"x"


def what_is_damaged_is_not_there(place: Place) -> None:
    store = place.open()
    sha = git_blob_hash(b"x")
    store.put_blob(sha, b"x")
    store.put_answer("u", etag="e", body=b"{}", final="u", link=None)
    place.damage("blobs", "content", b"broken")
    place.damage("answers", "body", b"broken")
    assert store.blob(sha) is None
    assert store.answer("u") is None


def missing_contents_are_told_once_in_order(place: Place) -> None:
    store = place.open()
    contents = [b"%d" % number for number in range(1203)]
    shas = [git_blob_hash(content) for content in contents]
    for content in contents[::400]:
        store.put_blob(git_blob_hash(content), content)
    here = set(shas[::400])
    assert store.missing_blobs([*shas, *shas[:3]]) == [sha for sha in shas if sha not in here]
    assert store.missing_blobs([]) == []


def documents_come_in_the_order_of_their_names(place: Place) -> None:
    store = place.open()
    names = ["b", "A", "é", "a b", "_", "B"]
    store.put_documents("kind", {name: name for name in names})
    store.put_document("other kind", "z", 1)
    # By bytes: no two machines have an order each.
    assert [name for name, _ in store.documents("kind")] == sorted(names)
    assert dict(store.documents("kind")) == {name: name for name in names}
    assert (store.count("kind"), store.count("other kind")) == (6, 1)


def documents_are_put_all_or_none(place: Place) -> None:
    store = place.open()
    store.put_documents("kind", {})
    store.put_document("kind", "a", "before")
    with pytest.raises(UnicodeEncodeError):
        store.put_documents("kind", {"a": "after", "b": 1, "no text \ud800": 2})
    assert dict(store.documents("kind")) == {"a": "before"}
    # The store goes on.
    store.put_document("kind", "b", 2)
    assert store.count("kind") == 2


def more_documents_than_a_statement_has_values_are_put_at_once(place: Place) -> None:
    store = place.open()
    store.put_documents("kind", {f"n{number}": number for number in range(40_000)})
    assert store.count("kind") == 40_000
    assert store.document("kind", "n39999") == 39_999


def writers_of_the_same_entries_all_come_through(place: Place) -> None:
    names = [f"n{number}" for number in range(60)]
    problems: list[BaseException] = []

    def write(number: int) -> None:
        store = place.open()
        try:
            for turn in range(8):
                # Each in an order of its own, so that whoever locks row by row waits for the other for ever.
                order = names[number * 7 :] + names[: number * 7]
                store.put_documents(
                    "kind", {name: [number, turn] for name in order[:: -1 if turn % 2 else 1]}
                )
                store.put_blob(git_blob_hash(b"x"), b"x")
                store.put_answer("u", etag="e", body=b"%d" % number, final="u", link=None)
        except BaseException as error:
            problems.append(error)

    _at_once(write, 4)
    assert problems == []
    store = place.open()
    assert len({tuple(value) for _, value in store.documents("kind")}) == 1, "one put, whole, was the last"
    assert store.count("kind") == 60


def threads_share_one_store(place: Place) -> None:
    store = place.open()
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(30):
                store.put_document("kind", f"{number} {turn}", turn)
                assert store.document("kind", f"{number} {turn}") == turn
        except BaseException as error:
            problems.append(error)

    _at_once(work, 6)
    assert problems == []
    assert store.count("kind") == 180


def two_servers_have_documents_of_their_own(place: Place) -> None:
    one, other = place.open("api.example.com"), place.open("github.example.com-8443")
    one.put_document("kind", "name", 1)
    assert other.document("kind", "name") is None
    other.put_document("kind", "name", 2)
    assert (one.document("kind", "name"), other.document("kind", "name")) == (1, 2)
    assert (one.count("kind"), list(other.documents("kind"))) == (1, [("name", 2)])


def what_a_server_says_may_have_any_character(place: Place) -> None:
    store = place.open()
    store.put_answer("u?%s'\0", etag="e\0%s?", body=b"\0", final="{answers}", link="\x7f\\")
    found = store.answer("u?%s'\0")
    assert found is not None
    assert (found.body, found.final, found.link) == (b"\0", "{answers}", "\x7f\\")
    store.put_documents("kind", {"a\0": 1, "%s ? {blobs}": 2})
    assert (store.document("kind", "a\0"), store.document("kind", "%s ? {blobs}")) == (1, 2)


def _at_once(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


CASES: tuple[Callable[[Place], None], ...] = (
    what_was_put_is_there_for_everybody,
    what_was_never_put_is_not_there,
    the_last_put_counts,
    a_content_is_the_one_that_its_hash_names,
    what_is_damaged_is_not_there,
    missing_contents_are_told_once_in_order,
    documents_come_in_the_order_of_their_names,
    documents_are_put_all_or_none,
    more_documents_than_a_statement_has_values_are_put_at_once,
    writers_of_the_same_entries_all_come_through,
    threads_share_one_store,
    two_servers_have_documents_of_their_own,
    what_a_server_says_may_have_any_character,
)
