"""A branch commit by commit: first builds, repeated keys, what is unknown, what another order would have saved."""

import json

import pytest

from dockml_dagster.study.deadline import OutOfTimeError, time_limit
from dockml_dagster.study.rebuilds.contexts import Context
from dockml_dagster.study.rebuilds.history import RebuildHistory
from dockml_dagster.study.rebuilds.model import Change, Miss
from dockml_dagster.study.rebuilds.summary import RebuildFigures
from tests.unit.study.rebuilds.repository import Repository, shown

INSTALLS_LATE = "FROM b\nCOPY . /app\nRUN pip install -r requirements.txt\nRUN python /app/make.py\n"


def misses(repository: Repository, files: dict[str, str]) -> list[Miss]:
    return [miss for file in repository.commit(files) for miss in file.misses]


def test_a_first_build_is_no_rebuild() -> None:
    (file,) = Repository().commit({"Dockerfile": "FROM b\nRUN one\n"})
    assert (file.first, file.rebuilds, file.instructions) == (True, False, 1)


def test_a_revert_misses_the_commit_before_but_was_built_once() -> None:
    repository = Repository()
    repository.commit({"Dockerfile": "FROM b\nCOPY a /a\n", "a": "1"})
    assert [miss.ever for miss in misses(repository, {"a": "2"})] == [False]
    assert [miss.ever for miss in misses(repository, {"a": "1"})] == [True]


def test_a_file_of_equal_steps_hits_what_another_built() -> None:
    repository = Repository()
    repository.commit({"Dockerfile": "FROM b\nRUN one\n", "gpu.dockerfile": "FROM c\nRUN one\n"})
    assert misses(repository, {"gpu.dockerfile": "FROM b\nRUN one\n"}) == []


def test_what_is_gone_is_not_there_any_more() -> None:
    repository = Repository()
    repository.commit({"Dockerfile": "FROM b\nRUN one\n"})
    assert repository.commit({"Dockerfile": ""}) == []
    (file,) = repository.commit({"Dockerfile": "FROM b\nRUN one\n"})
    assert file.first
    assert [miss.ever for miss in file.misses] == [True]


def test_a_refused_text_between_two_is_as_if_it_had_not_been() -> None:
    repository = Repository()
    repository.commit({"Dockerfile": "FROM b\nRUN one\nRUN two\n"})
    assert repository.commit({"Dockerfile": "FROM b\nRUNE one\n"}) == []
    assert shown(repository.commit({"Dockerfile": "FROM b\nRUN one\nRUN zwei\n"})) == ["RUN text"]


def test_an_installation_after_a_copy_of_everything_is_avoidable() -> None:
    repository = Repository()
    repository.commit({"Dockerfile": INSTALLS_LATE, "requirements.txt": "numpy", "make.py": "1"})
    copied, installed, ran = misses(repository, {"make.py": "2"})
    assert (copied.avoidable, installed.avoidable, ran.avoidable) == (False, True, False)
    assert installed.above == copied.text


@pytest.mark.parametrize(
    ("dockerfile", "then"),
    [
        (INSTALLS_LATE, {"requirements.txt": "numpy scipy"}),
        ("FROM b\nCOPY . /app\nRUN pip install .\n", {"make.py": "2"}),
        ("FROM b\nCOPY . /app\nRUN pip install numpy && ./setup\n", {"make.py": "2"}),
        ("FROM b\nCOPY . /app\nRUN chmod +x /app/make.py\n", {"make.py": "2"}),
        ("FROM b\nCOPY . /app\nRUN frobnicate\n", {"make.py": "2"}),
        ("FROM b\nCOPY . /app\nRUN poetry install\n", {"make.py": "2"}),
        ("FROM b\nCOPY . /app\nRUN poetry install --no-root\n", {"poetry.lock": "2"}),
        (
            "FROM b\nCOPY . /app\nRUN pip install numpy\n",
            {"Dockerfile": "FROM b\nCOPY . /app\nRUN pip install scipy\n"},
        ),
        ("FROM b\nRUN one\nRUN pip install numpy\n", {"Dockerfile": "FROM b\nRUN two\nRUN pip install numpy\n"}),
        ("FROM b\nRUN pip install numpy\n", {"Dockerfile": "FROM c\nRUN pip install numpy\n"}),
    ],
    ids=["names it", "the project", "a script", "a verb", "unknown", "the project too", "what is locked", "another text",
         "after a RUN", "base"],
)  # fmt: skip
def test_no_order_had_kept_it(dockerfile: str, then: dict[str, str]) -> None:
    repository = Repository()
    repository.commit({"Dockerfile": dockerfile, "requirements.txt": "numpy", "make.py": "1"})
    found = misses(repository, then)
    assert found
    assert not any(miss.avoidable for miss in found)


@pytest.mark.parametrize(
    ("dockerfile", "unknown"),
    [
        ("FROM b\nCOPY a /a\n", ()),
        ("FROM b\nCOPY a built /d/\n", ("not in git",)),
        ("FROM b\nADD https://example.org/x a /d/\n", ("remote",)),
        (f"FROM b\nADD --checksum=sha256:{'a' * 64} https://example.org/x a /d/\n", ()),
        ("FROM b AS s\nRUN one\nFROM b\nCOPY --from=s /o /o\n", ("content of stage",)),
        ("FROM b\nCOPY --from=c /o /o\n", ("base",)),
        ("FROM b\nCOPY . /a\n", ("git folder",)),
    ],
)
def test_what_history_does_not_tell(dockerfile: str, unknown: tuple[str, ...]) -> None:
    (file,) = Repository().commit({"Dockerfile": dockerfile, "a": "1"})
    assert file.misses[-1].unknown == unknown


def test_the_git_folder_is_known_where_it_is_ignored() -> None:
    repository = Repository()
    (file,) = repository.commit({"Dockerfile": "FROM b\nCOPY . /a\n", ".dockerignore": ".git\n"})
    assert file.misses[-1].unknown == ()
    assert not repository.history.copies_git_folder
    repository.commit({".dockerignore": ""})
    assert repository.history.copies_git_folder


def test_a_walk_that_begins_later_tells_the_same() -> None:
    commits: list[dict[str, str]] = [
        {"Dockerfile": "FROM b\nENV A=1\nRUN one\nCOPY s /s\nRUN two\n", "s/a": "1"},
        {"s/b": "1"},
        {".dockerignore": "s/b\n"},
        {"Dockerfile": "FROM b\nENV A=2\nRUN one\nCOPY s /s\nRUN two\n"},
        {"s/a": "2", "s/b": "2"},
    ]
    whole = Repository()
    every = [shown(whole.commit(files)) for files in commits]
    for begin in range(1, len(commits)):
        first, later = Repository(), Repository()
        for files in commits[:begin]:
            first.commit(files)
        later.blobs = first.blobs
        later.history = RebuildHistory(first.blobs.get, {})
        later.history.begin([Change(path, entry) for path, entry in first.tree.items()])
        later.tree = dict(first.tree)
        assert [shown(later.commit(files)) for files in commits[begin:]] == every[begin:]


def test_the_context_decides() -> None:
    files = {"docker/Dockerfile": "FROM b\nCOPY a /a\n", "docker/a": "1", "a": "1"}
    for folder, expected in (("", []), ("docker", ["COPY context"])):
        repository = Repository({"docker/Dockerfile": Context(folder, "told")})
        repository.commit(files)
        assert shown(repository.commit({"docker/a": "2"})) == expected
    always = Repository(folder_of=lambda _: "docker")
    always.commit(files)
    assert shown(always.commit({"a": "2"})) == []


def test_it_ends_when_its_time_is_over() -> None:
    ticks = iter(range(10_000))
    with time_limit(3, clock=lambda: next(ticks)), pytest.raises(OutOfTimeError):
        Repository().commit({f"f{at}": "x" for at in range(1_000)})


def test_figures_and_the_lines_to_move() -> None:
    repository, figures = Repository(), RebuildFigures()

    def commit(files: dict[str, str]) -> None:
        found = repository.commit(files)
        figures.add(found, copies_git_folder=repository.history.copies_git_folder, year=2024)

    commit({"readme": "x"})
    commit(
        {
            "Dockerfile": INSTALLS_LATE,
            "requirements.txt": "numpy",
            "make.py": "1",
            ".dockerignore": ".git\nreadme\n",
        }
    )
    commit({"readme": "y"})
    commit({"make.py": "2"})
    commit({"Dockerfile": INSTALLS_LATE.replace("FROM b", "FROM c")})
    assert (figures.commits, figures.since_first, figures.rebuilding) == (5, 4, 2)
    assert (figures.by_context, figures.only_by_context, figures.new_keys) == (2, 1, 2)
    assert (figures.missed, figures.missed_own) == (6, 2)
    assert (figures.run_missed, figures.run_avoidable) == (4, 1)
    assert figures.causes == {"context": 2, "base": 1, "earlier": 4}
    (move,) = figures.moves(repository.history.current())
    assert (move.path, move.line, move.above, move.saved, move.run_missed) == ("Dockerfile", 3, 2, 1, 4)
    # The line is gone from the file that is there now: nothing to move.
    commit({"Dockerfile": "FROM c\nCOPY . /app\n"})
    assert figures.moves(repository.history.current()) == []
    # It stands above already.
    commit({"Dockerfile": "FROM c\nRUN pip install -r requirements.txt\nCOPY . /app\n"})
    assert figures.moves(repository.history.current()) == []


RESUMED: list[dict[str, str]] = [
    {"d/Dockerfile": "FROM b\nCOPY a /a\nRUN one\n", "a": "1", "x": "1"},
    {"d/a": "1"},
    {"a": "2"},
    {"a": "1"},
    {"gpu.dockerfile": "FROM c\nCOPY . /a\nRUN pip install x\n"},
    {"x": "2"},
    {"d/Dockerfile": "FROM b\nCOPY a /b\nRUN one\n"},
    {"d/a": "3"},
]


@pytest.mark.parametrize("end", range(1, len(RESUMED)))
def test_a_walk_goes_on_as_if_it_had_not_ended(end: int) -> None:
    whole, first = Repository(), Repository()
    every = [whole.commit(files) for files in RESUMED]
    for files in RESUMED[:end]:
        first.commit(files)
    kept = first.history.kept()
    assert kept is not None
    later = Repository()
    later.blobs, later.tree = first.blobs, dict(first.tree)
    later.history = RebuildHistory(first.blobs.get, {})
    later.history.resume([Change(path, entry) for path, entry in first.tree.items()], kept)
    # The context was found when the file came, though another folder has more of its sources since; ``ever`` is known.
    assert [later.commit(files) for files in RESUMED[end:]] == every[end:]
    assert later.history.kept() == whole.history.kept()


def test_what_the_tree_does_not_have_cannot_be_gone_on_from() -> None:
    repository = Repository()
    repository.commit({"Dockerfile": "FROM b\nRUN one\n"})
    assert repository.history.kept() is not None
    repository.commit({"Dockerfile": "FROM b\nRUNE one\n"})
    assert repository.history.kept() is None
    repository.commit({"Dockerfile": "FROM b\nRUN two\n"})
    assert repository.history.kept() is not None


@pytest.mark.parametrize(("most", "reads"), [(9, 1), (8, 2)])
def test_of_earlier_texts_as_many_instructions_are_remembered(
    most: int, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockml_dagster.study.rebuilds.history.MOST_STEPS", most)
    repository = Repository()
    read: list[str] = []
    repository.history._read = lambda oid: read.append(oid) or repository.blobs.get(oid)  # type: ignore[func-returns-value]
    for number in (1, 2, 3, 1):
        repository.commit({"Dockerfile": f"FROM a\nRUN {number}\n"})
    # A text with two instructions takes the place of three.
    assert read.count("FROM a\nRUN 1\n") == reads


def test_figures_survive_json() -> None:
    repository, figures = Repository(), RebuildFigures()
    for at, files in enumerate(
        ({"Dockerfile": INSTALLS_LATE, "make.py": "1"}, {"make.py": "2"}, {"make.py": "3"})
    ):
        found = repository.commit(files)
        figures.add(
            found, copies_git_folder=repository.history.copies_git_folder, year=None if at == 2 else 2020 + at
        )
    figures.skip(2021)
    again = RebuildFigures.restored(json.loads(json.dumps(figures.state())))
    assert again == figures
    assert {year: (one.commits, one.since_first, one.with_git_folder) for year, one in figures.years.items()} == {
        2020: (1, 1, 0), 2021: (2, 1, 1), None: (1, 1, 1)
    }  # fmt: skip
    assert (figures.commits, figures.censored) == (4, 1)
    assert again.moves(repository.history.current()) == figures.moves(repository.history.current()) != []
