"""Changes of the texts of Dockerfiles by commits."""

import hashlib

import pytest

from dockml_dagster.study.rebuilds.model import Change, Entry
from dockml_dagster.study.rebuilds.texts import TextHistory

Step = dict[str, str | None]


def changes(step: Step, mode: str = "100644") -> list[Change]:
    return [Change(path, None if text is None else Entry(mode, text)) for path, text in step.items()]


def walk(*steps: Step) -> tuple[TextHistory, list[list[tuple[str, str, list[str], list[str]]]]]:
    history = TextHistory(lambda oid: None if oid == "absent" else oid.encode())
    return history, [
        [
            (row["path"], row["event"], row["keywords_added"], row["keywords_removed"])
            for row in history.commit(changes(step))
        ]
        for step in steps
    ]


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        ([{"Dockerfile": "FROM b\nRUN one\n"}], [("Dockerfile", "added", ["FROM", "RUN"], [])]),
        (
            [{"Dockerfile": "FROM b\nRUN one\n"}, {"Dockerfile": "FROM b\nRUN two\nUSER a\n"}],
            [("Dockerfile", "changed", ["RUN", "USER"], ["RUN"])],
        ),
        # Another order or comment is another text, and no other instruction; of two alike one may go.
        (
            [{"Dockerfile": "FROM b\nUSER a\nRUN one\n"}, {"Dockerfile": "# why\nFROM b\nRUN one\nUSER a\n"}],
            [("Dockerfile", "changed", [], [])],
        ),
        (
            [{"Dockerfile": "FROM b\nRUN one\nRUN one\n"}, {"Dockerfile": "FROM b\nRUN one\n"}],
            [("Dockerfile", "changed", [], ["RUN"])],
        ),
        ([{"Dockerfile": "FROM b\n"}, {"Dockerfile": None}], [("Dockerfile", "removed", [], ["FROM"])]),
        ([{"Dockerfile": "FROM b\n"}, {"Dockerfile": "FROM b\n"}], []),
        ([{"readme": "FROM b\n"}, {"Dockerfile": None}], []),
        ([{"b.dockerfile": "FROM b\n", "Dockerfile": "absent"}],
         [("Dockerfile", "added", [], []), ("b.dockerfile", "added", ["FROM"], [])]),
    ],
    ids=["added", "changed", "order", "one of two", "removed", "same", "other", "two, one absent"],
)  # fmt: skip
def test_what_a_commit_did(steps: list[Step], last: list[object]) -> None:
    assert walk(*steps)[1][-1] == last


def test_texts_are_named_by_their_content_and_an_absent_one_by_nothing() -> None:
    history = TextHistory(lambda oid: None if oid == "absent" else oid.encode())
    rows = list(history.commit(changes({"Dockerfile": "FROM b\n", "a.dockerfile": "absent"})))
    sha256 = hashlib.sha256(b"FROM b\n").hexdigest()
    assert [row["sha256"] for row in rows] == [sha256, None]
    assert history.contents == {sha256: b"FROM b\n"}


def test_a_link_in_the_place_of_a_file_removes_it() -> None:
    history, _ = walk({"Dockerfile": "FROM b\n"})
    (row,) = history.commit(changes({"Dockerfile": "elsewhere"}, "120000"))
    assert (row["event"], row["sha256"]) == ("removed", None)


def test_a_walk_that_begins_later_tells_the_same() -> None:
    later = TextHistory(str.encode)
    later.begin(changes({"Dockerfile": "FROM b\nRUN one\n", "a": "x"}))
    (row,) = later.commit(changes({"Dockerfile": "FROM b\n", "a": "y"}))
    assert (row["event"], row["keywords_removed"]) == ("changed", ["RUN"])


def test_of_earlier_texts_so_many_instructions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def contents(oid: str) -> bytes:
        read.append(oid)
        return oid.encode()

    def asked(most: int) -> list[int]:
        monkeypatch.setattr("dockml_dagster.study.rebuilds.texts._MOST_REMEMBERED", most)
        read.clear()
        history = TextHistory(contents)
        for text in ("FROM a\nRUN 1\n", "FROM a\nRUN 2\n", "FROM a\nRUN 3\n", "FROM a\nRUN 1\n"):
            list(history.commit(changes({"Dockerfile": text})))
        return [read.count(f"FROM a\nRUN {number}\n") for number in (1, 2, 3)]

    assert asked(9) == [1, 1, 1]  # an entry and two instructions each
    assert asked(8) == [2, 1, 1]
