"""The corpora ``dataset:NAME``: one set in five forms, its shards, and what a set may have wrong with it.

Here: description, sources, store and corpus. The way through the whole graph is ``integration/test_dataset_study.py``.
"""

import csv
import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.corpora import corpus_of, open_corpus
from dockml_dagster.corpora.base import Corpus, CorpusError
from dockml_dagster.corpora.dataset import sources, store
from dockml_dagster.corpora.dataset.description import describe, presets
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

TEXTS = {
    "data/a/one/Dockerfile": b"FROM python:3\n",
    "data/a/one/gpu.dockerfile": b"FROM nvidia/cuda\n",
    "data/b/two/Dockerfile": b"FROM debian\nRUN echo \xff\n",
    "data/c/three/Dockerfile": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
}
OTHERS = {"data/a/one/readme": b"x", "other/Dockerfile": b"FROM scratch\n"}
TOML = 'name = "mine"\nplace = "{place}"\nunder = "data"\nproject = "{{2}}/{{3}}"\ndate = 2020-01-05\n'
Make = Callable[[Path], Path]


def folder(root: Path) -> Path:
    for path, data in (TEXTS | OTHERS).items():
        (root / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "set" / path).write_bytes(data)
    (root / "set" / "data" / "link.dockerfile").symlink_to("/etc/passwd")
    os.mkfifo(root / "set" / "data" / "pipe.dockerfile")
    return root / "set"


def tar(root: Path) -> Path:
    with tarfile.open(root / "set.tar.gz", "w:gz") as archive:
        for path, data in sorted((TEXTS | OTHERS).items()):
            entry = tarfile.TarInfo(f"./{path}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return root / "set.tar.gz"


def zipped(root: Path) -> Path:
    with zipfile.ZipFile(root / "set.zip", "w") as archive:
        for path, data in (TEXTS | OTHERS).items():
            archive.writestr(path, data)
    return root / "set.zip"


def repository(root: Path) -> Path:
    made = folder(root)
    (made / "data" / "pipe.dockerfile").unlink()
    own = {"GIT_CONFIG_GLOBAL": os.devnull} | {
        f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(made), *arguments], check=True, env={**os.environ, **own})
    (made / "data" / "new.dockerfile").write_bytes(b"FROM not-committed\n")
    return made


def corpus(place: Path, toml: str = TOML, name: str = "mine") -> Corpus:
    described = place.parent / "mine.toml"
    described.write_text(toml.format(place=place))
    home = {"DOCKML_HOME": str(place.parent / "home"), "DOCKML_DATASETS": str(described)}
    return open_corpus(f"dataset:{name}", Settings.from_environment(home))


@pytest.mark.parametrize("make", [folder, tar, zipped, repository])
def test_one_set_in_four_forms(make: Make, tmp_path: Path) -> None:
    mine = corpus(make(tmp_path))
    listing = mine.listing()
    assert (mine.name, list(listing.projects)) == ("dataset:mine", ["dataset:mine/00000"])
    assert corpus_of(listing.projects[0]) == "dataset:mine"
    assert [(row["project"], row["shard"], row["dockerfiles"]) for row in listing.rows["raw.projects"]] == [
        ("dataset:mine/a/one", "dataset:mine/00000", 2), ("dataset:mine/b/two", "dataset:mine/00000", 1),
        ("dataset:mine/c/three", "dataset:mine/00000", 1),
    ]  # fmt: skip
    collected = mine.collect("dockerfiles", "dataset:mine/00000")
    assert {row["path"]: row["content"] for row in collected.rows["raw.dockerfiles"]} == {
        path: data for path, data in TEXTS.items() if b"git-lfs" not in data
    }
    assert [(one.subject, one.status) for one in collected.outcomes] == [
        ("data/c/three/Dockerfile", "unreadable"), ("", "collected"),
    ]  # fmt: skip
    assert [one.status for one in mine.collect("manifests", "dataset:mine/00000").outcomes] == [
        "not_available"
    ]
    assert [one.status for one in mine.collect("dockerfiles", "dataset:mine/00009").outcomes] == ["gone"]


TABLE = """name = "mine"
place = "{place}"
layout = "table"
columns = {{ text = "content", path = "where", project = "repo", category = "kind", date = "day" }}
"""
ROWS = [
    ("FROM a\n", "Dockerfile", "x/one", "Toolkit", "2021-02-03"),
    ("FROM b\n", "Dockerfile", "two", None, "2021-02-03T04:05:06+02:00"),
    ("FROM c\n", None, None, None, "some day"),
    (None, "empty", None, None, None),
]


def as_csv(root: Path) -> Path:
    with (root / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("content", "where", "repo", "kind", "day"), *ROWS])
    return root / "t.csv"


def as_parquet(root: Path) -> Path:
    place = root / "it's.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE TABLE t (content BLOB, "where" VARCHAR, repo VARCHAR, kind VARCHAR, day VARCHAR)'
        )
        connection.executemany("INSERT INTO t VALUES (?::BLOB, ?, ?, ?, ?)", ROWS)
        connection.execute(f"COPY t TO '{str(place).replace(chr(39), chr(39) * 2)}'")
    return place


@pytest.mark.parametrize("make", [as_csv, as_parquet])
def test_a_table(make: Make, tmp_path: Path) -> None:
    mine = corpus(make(tmp_path), TABLE)
    listing = mine.listing()
    rows = {row["name"]: row for row in listing.rows["raw.projects"]}
    assert list(rows)[:2] == ["x/one", "text/two"]
    assert [name.rpartition("-")[0] for name in list(rows)[2:]] == ["text/row-0000003", "text/empty"]
    assert [str(row["updated_at"]) for row in rows.values()] == [
        "2021-02-03 00:00:00", "2021-02-03 02:05:06", "None", "None",
    ]  # fmt: skip
    assert [(row["project"], row["code"]) for row in listing.labels["raw.labels"]] == [
        ("dataset:mine/x/one", "Toolkit")
    ]
    collected = mine.collect("dockerfiles", "dataset:mine/00000")
    assert [(row["path"], row["content"]) for row in collected.rows["raw.dockerfiles"]] == [
        ("Dockerfile", b"FROM a\n"), ("Dockerfile~2", b"FROM b\n"), ("row-0000003", b"FROM c\n"),
    ]  # fmt: skip
    assert [(one.subject, one.reason) for one in collected.outcomes if one.subject] == [("empty", "no text")]


def test_shards_are_full_and_no_project_is_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD", 2)
    names = ["a/1", "b/1", "c/1", "a/1", "d/1"]
    texts = [sources.Text(f"{at}", b"FROM x", project=name) for at, name in enumerate(names)]
    made = store.shards(texts, tmp_path, "m")
    assert [(one.project, one.shard, one.texts) for one in made.projects()] == [
        ("a/1", "00000", 2), ("b/1", "00000", 1), ("c/1", "00001", 1), ("d/1", "00002", 1),
    ]  # fmt: skip
    before = made.hashes()
    changed = store.shards([*texts[:4], sources.Text("4", b"FROM y", project="d/1")], tmp_path, "n").hashes()
    assert [shard for shard in before if before[shard] != changed[shard]] == ["00002"]
    assert [file.name for file in tmp_path.iterdir()] == ["1-n.sqlite"], "what another mark made is gone"


def test_it_is_read_again_only_where_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path)
    first = corpus(place)
    first.listing()
    monkeypatch.setattr(sources, "_texts", lambda *_: pytest.fail("read twice"))
    again = corpus(place)
    assert again.fingerprint() == first.fingerprint()
    again.listing()
    monkeypatch.undo()
    (place / "data/a/one/Dockerfile").write_bytes(b"FROM python:3.11\n")
    assert corpus(place).fingerprint() != first.fingerprint()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("place = '.'", "`name` must be"),
        ('name = "Not so"\nplace = "."', "`name` must be"),
        ('name = "a"', "`place` says where"),
        ('name = "a"\nplace = "."\nplaec = "."', "nothing is called `plaec`"),
        ('name = "a"\nplace = "."\nlayout = "lines"', "`layout` is one of files, table"),
        ('name = "a"\nplace = "t.csv"\nlayout = "table"', "has the `text`"),
        ('name = "a"\nplace = "."\ncolumns = ["x"]', "`columns` must name columns"),
        ('name = "a"\nplace = "."\n[columns]\nwords = "x"', "nothing is called `words`"),
        ('name = "a"\nplace = 3', "`place` must be text"),
        ('name = "a"\nplace = "."\ndate = "2020"', "`date` must be a day"),
        ("name =", "no TOML"),
        ("x = " + "[" * 99, "nested deeper"),
    ],
)
def test_a_description_that_is_none(toml: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").write_text(toml)
    with pytest.raises(CorpusError, match=said) as caught:
        describe(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "data", "toml", "said"),
    [
        ("x.tar", b"no archive at all" * 99, TOML, "no whole archive"),
        ("x.zip", b"PK\x05\x06" + b"\0" * 18, TOML, ""),
        ("x.parquet", b"PAR1", TABLE, "no table"),
        ("x.csv", b"a,b\n1,2\n", TABLE, "no column 'content'"),
        ("x.txt", b"content\n", TABLE, "a table is a file"),
        ("missing", None, TOML, "no such file or folder"),
    ],
)
def test_a_set_that_cannot_be_read_is_one_line(
    file: str, data: bytes | None, toml: str, said: str, tmp_path: Path
) -> None:
    if data is not None:
        (tmp_path / file).write_bytes(data)
    mine = corpus(tmp_path / file, toml)
    if not said:
        assert mine.listing().projects == []
        return
    with pytest.raises(CorpusError, match=said) as caught:
        mine.listing()
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "home").rglob("*.partial"))


def test_a_zip_whose_content_is_damaged_is_no_set(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/a/one/Dockerfile", b"FROM a\n" * 99)
        at = archive.infolist()[0].header_offset + 30 + len("data/a/one/Dockerfile")
    data = bytearray((tmp_path / "set.zip").read_bytes())
    data[at : at + 8] = b"\xff" * 8
    (tmp_path / "set.zip").write_bytes(data)
    with pytest.raises(CorpusError, match="no whole archive"):
        corpus(tmp_path / "set.zip").listing()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_is_read_by_one_decompressor(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", method) as archive:
        archive.writestr("data/a/one/Dockerfile", b"FROM a\n" * 99)
    with pytest.raises(CorpusError, match="neither stored nor deflated"):
        corpus(tmp_path / "set.zip").listing()


def test_texts_that_are_too_large_count_towards_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"data/a/{number}/Dockerfile", b"#" * 2_000_000)
    assert corpus(tmp_path / "set.zip").listing().projects != []
    monkeypatch.setattr(sources, "MOST_BYTES", 2_500_000)
    with pytest.raises(CorpusError, match="more than 2500000 bytes"):
        corpus((tmp_path / "set.zip").rename(tmp_path / "other.zip")).listing()


def test_a_line_of_a_table_is_not_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_LONGEST_LINE", 40)
    head = b"content,where,repo,kind,day\n"
    long, longer = (head + b"a" * size + b"\n" for size in (39, 40))
    (tmp_path / "x.csv").write_bytes(long)
    assert corpus(tmp_path / "x.csv", TABLE).listing().projects != []
    (tmp_path / "y.csv").write_bytes(longer)
    with pytest.raises(CorpusError, match="a line of more than 40 characters"):
        corpus(tmp_path / "y.csv", TABLE).listing()


def test_a_damaged_archive_is_no_set(tmp_path: Path) -> None:
    whole = tar(tmp_path)
    whole.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(CorpusError, match="no whole archive"):
        corpus(whole).listing()


def test_a_parquet_file_leads_to_no_other(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("content\nsecret\n")
    place = as_parquet(tmp_path)
    columns = f'(SELECT content FROM read_csv("{secret}"))'
    toml = f'name = "mine"\nplace = "{{place}}"\nlayout = "table"\ncolumns = {{{{ text = \'{columns}\' }}}}\n'
    with pytest.raises(CorpusError, match="there is no column"):
        corpus(place, toml).listing()


def test_a_text_that_is_too_large_is_an_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_DOCKERFILE_BYTES", 20)
    for make in (folder, tar, zipped):
        (tmp_path / make.__name__).mkdir()
        collected = corpus(make(tmp_path / make.__name__)).collect("dockerfiles", "dataset:mine/00000")
        too_large = [one.subject for one in collected.outcomes if "more than 20 bytes" in (one.reason or "")]
        assert too_large == ["data/b/two/Dockerfile", "data/c/three/Dockerfile"], make.__name__


def test_presets_are_read_and_say_where_they_come_from() -> None:
    known = presets()
    assert {
        "docker-hub-2020", "binnacle-gold", "binnacle-github", "shipwright-broken", "parfum-ground-truth",
    } <= known.keys()  # fmt: skip
    assert all(one.is_address and one.texts["citation"] and one.texts["unit"] for one in known.values())
    assert known["docker-hub-2020"].project_of("data/0/owner/name/Dockerfile") == "owner/name"
    assert known["docker-hub-2020"].project_of("data/Dockerfile") is None


@pytest.mark.parametrize(
    ("name", "files", "texts"),
    [
        ("parfum-ground-truth", ["datasets/ground-truth/dockerfiles/a.Dockerfile"], ["a.Dockerfile"]),
        (
            "shipwright-broken",
            ["data/broken-dockerfiles/a.Dockerfile", "data/broken-dockerfiles/README.md"],
            ["a.Dockerfile"],
        ),
        ("binnacle-github", ["./deduplicated-sources/a.Dockerfile"], ["a.Dockerfile"]),
        ("binnacle-gold", ["./deduplicated-sources/a.Dockerfile"], ["a.Dockerfile"]),
    ],
)
def test_a_known_set_is_read_as_its_repository_lays_it_out(
    name: str, files: list[str], texts: list[str], tmp_path: Path
) -> None:
    place = tmp_path / "clone"
    described = presets()[name]
    inside = [(path, b"FROM a\n") for path in files]
    if described.archive:
        archive = place / described.archive
        archive.parent.mkdir(parents=True)
        with tarfile.open(archive, "w:xz") as packed:
            for path, data in inside:
                entry = tarfile.TarInfo(path)
                entry.size = len(data)
                packed.addfile(entry, io.BytesIO(data))
    else:
        for path, data in [*inside, ("datasets/ground-truth/smells/a.json", b"{}"), ("README.md", b"# x")]:
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(data)
    for arguments in (["init", "-q"], ["add", "-A"], [*_AS_SOMEBODY, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(place), *arguments], check=True)
    home = {"DOCKML_HOME": str(tmp_path / "home"), "DOCKML_DATASETS": f"{name}={place}"}
    read = open_corpus(f"dataset:{name}", Settings.from_environment(home))
    (shard,) = read.listing().projects
    rows = read.collect("dockerfiles", shard).rows["raw.dockerfiles"]
    assert [row["path"].rpartition("/")[2] for row in rows] == texts


_AS_SOMEBODY = ("-c", "user.name=a", "-c", "user.email=a@b")


def test_which_sets_there_are_is_said(tmp_path: Path) -> None:
    mine = corpus(folder(tmp_path), name="other")
    with pytest.raises(BadInputError, match=r"there are .*dataset:mine"):
        mine.listing()
    with pytest.raises(BadInputError, match="which set"):
        open_corpus("dataset", Settings.from_environment({"DOCKML_HOME": str(tmp_path)})).listing()
    with pytest.raises(BadInputError, match="sample is one"):
        open_corpus("sample:x", Settings.from_environment({"DOCKML_HOME": str(tmp_path)}))
    moved = {"DOCKML_HOME": str(tmp_path), "DOCKML_DATASETS": "binnacle-gold=/nowhere"}
    with pytest.raises(CorpusError, match="/nowhere: there is no such file"):
        open_corpus("dataset:binnacle-gold", Settings.from_environment(moved)).listing()


@pytest.mark.parametrize(("cap", "most", "make"), [
    ("MOST_FILES", 3, folder), ("MOST_BYTES", 40, zipped), ("MOST_IN_ARCHIVE", 40, tar),
])  # fmt: skip
def test_more_than_is_looked_at_is_no_set(
    cap: str, most: int, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, cap, most)
    with pytest.raises(CorpusError, match=rf"\b{most} (texts|bytes)"):
        corpus(make(tmp_path)).listing()


def test_an_archive_in_a_repository(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    archive = tar(inner)
    place = repository(tmp_path)
    (place / "all.tar.gz").write_bytes(archive.read_bytes())
    own = {"GIT_CONFIG_GLOBAL": os.devnull} | {
        f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for arguments in (["rm", "-rq", "data"], ["add", "all.tar.gz"], ["commit", "-q", "-m", "y"]):
        subprocess.run(["git", "-C", str(place), *arguments], check=True, env={**os.environ, **own})
    mine = corpus(place, TOML + 'archive = "all.tar.gz"\n')
    assert len(mine.collect("dockerfiles", "dataset:mine/00000").rows["raw.dockerfiles"]) == 3
    with pytest.raises(CorpusError, match="there is no none"):
        corpus(place, TOML + 'archive = "none.tar"\n').listing()
