"""The corpus local over real repositories made here: every form, and whatever may be wrong with one."""

import os
import subprocess

import pytest

from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.corpora.files import file_rows
from dockml_dagster.corpora.local import corpus as corpus_module
from dockml_dagster.corpora.local import places as places_module
from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.corpora.local.places import Place, name_of
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME",)},
    "GIT_AUTHOR_EMAIL": "a@x.example",
    "GIT_COMMITTER_EMAIL": "a@x.example",
    "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
}


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=ENVIRONMENT, text=True
    ).stdout


def make(folder, files, *, commit=True):
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    write(folder, files)
    if commit:
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "one")
    return folder


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)


def opened(tmp_path, *given, images=False):
    return Local(
        Settings.from_environment(
            {
                "DOCKML_HOME": str(tmp_path / "home"),
                "DOCKML_LOCAL": ";".join(map(str, given)),
                "DOCKML_LOCAL_IMAGES": "1" if images else "",
            }
        )
    )


def collected(corpus, project, stage="dockerfiles"):
    found = corpus.collect(stage, project)
    paths = [row["path"] for row in found.rows.get("raw.dockerfiles", ())]
    return paths, {
        (one.subject, one.status): one.reason for one in found.outcomes if one.subject != "file list"
    }


ONE = {"Dockerfile": "FROM python:3.12\n", "README.md": "# one\n", "train.py": "x\n"}


def test_a_directory_of_projects(tmp_path):
    make(tmp_path / "all" / "team" / "one", ONE)
    make(tmp_path / "all" / "two", {"README.md": "# two\n"})
    (tmp_path / "all" / "notes").mkdir()
    corpus = opened(tmp_path, tmp_path / "all")
    listing = corpus.listing()
    assert listing.projects == ["local/team/one", "local/all/two"]
    assert collected(corpus, "local/team/one") == (["Dockerfile"], {("", "collected"): None})
    assert collected(corpus, "local/all/two")[1] == {("", "not_available"): "the project has no Dockerfile"}
    first = listing.rows["raw.projects"][0]
    assert (first["commits"], first["contributors"], first["releases"], str(first["created_at"])) == (
        1, 1, 0, "2024-01-02 03:04:05",
    )  # fmt: skip
    assert [row["step"] for row in listing.rows["raw.candidates"]].count("has a Dockerfile") == 1


def test_only_what_changed_is_due(tmp_path):
    one, two = make(tmp_path / "a" / "one", ONE), make(tmp_path / "a" / "two", ONE)
    before = opened(tmp_path, tmp_path / "a")
    assert before.fingerprint() == opened(tmp_path, tmp_path / "a").fingerprint()
    os.utime(one / "Dockerfile", (1, 1))
    touched = opened(tmp_path, tmp_path / "a")
    assert touched.listing().inputs == before.listing().inputs, "a touched file is the same file"
    write(two, {"Dockerfile": "FROM python:3.13\n"})
    after = opened(tmp_path, tmp_path / "a")
    assert after.fingerprint() != touched.fingerprint()
    was, now = before.listing().inputs["dockerfiles"], after.listing().inputs["dockerfiles"]
    assert [key for key in was if was[key] != now[key]] == ["local/a/two"]


def test_only_what_changed_is_read(tmp_path, monkeypatch):
    """Not the others when ``projects.yaml`` changes, nor any file where it is only asked whether something changed."""
    one = make(tmp_path / "a" / "one", {**ONE, "push.sh": "docker push birds/one:1\n"})
    make(tmp_path / "a" / "two", ONE)
    read = []
    monkeypatch.setattr(
        corpus_module, "file_rows", lambda files, reader: read.append(len(files)) or file_rows(files, reader)
    )
    opened(tmp_path, tmp_path / "a").fingerprint()
    assert read == []
    before = opened(tmp_path, tmp_path / "a").listing()
    assert read == [4, 3]
    write(tmp_path / "a", {"projects.yaml": "projects:\n  - {path: one, description: One of many}\n"})
    after = opened(tmp_path, tmp_path / "a")
    assert after.listing().inputs == before.inputs
    assert after.listing().rows["raw.projects"][0]["description"] == "One of many"
    assert [row["dockerfiles"] for row in after.listing().rows["raw.candidates"]] == [1, 1, 1, 1]
    assert "docker.io/birds/one:1" in {
        said.subject for said in after.collect("manifests", "local/a/one").outcomes
    }
    assert read == [4, 3], "nothing was read again"
    write(one, {"new.txt": "new\n"})
    assert opened(tmp_path, tmp_path / "a").listing().inputs != before.inputs
    assert read == [4, 3, 5]


def test_what_was_kept_holds_for_the_same_name_and_registries(tmp_path, monkeypatch):
    one = make(tmp_path / "a" / "one", {**ONE, "push.sh": "docker push hub.internal/one:1\n"})

    def linked():
        found = opened(tmp_path, one).collect("manifests", f"local/{name_of(Place(one, 'work tree'))}")
        return [said.subject for said in found.outcomes]

    assert linked() == [""]
    (kept,) = (tmp_path / "home" / "cache" / "local" / "summaries").iterdir()
    for damaged in ("", "{", "[1]", '{"mark": 1}'):
        kept.write_text(damaged)
        assert linked() == [""]
    before = kept.read_text()
    git(one, "remote", "add", "origin", "https://github.com/birds/egret.git")
    linked()
    assert kept.read_text() != before, "links depend on the project's name"


def test_a_new_permission_is_a_change(tmp_path):
    one = make(tmp_path / "a" / "one", ONE)
    before = opened(tmp_path, one).fingerprint()
    (one / "Dockerfile").chmod(0o600)
    assert opened(tmp_path, one).fingerprint() != before


def test_work_tree_and_not_the_index_is_read(tmp_path):
    one = make(tmp_path / "x" / "one", {**ONE, ".gitignore": "ignored\n"})
    write(
        one,
        {"Dockerfile": "FROM changed\n", "new/Dockerfile": "FROM new\n", "ignored/Dockerfile": "FROM no\n"},
    )
    (one / "train.py").unlink()
    rows = opened(tmp_path, one).collect("dockerfiles", "local/x/one").rows
    assert [(row["path"], row["content"]) for row in rows["raw.dockerfiles"]] == [
        ("Dockerfile", b"FROM changed\n"),
        ("new/Dockerfile", b"FROM new\n"),
    ]
    assert "train.py" not in {row["path"] for row in rows["raw.repository_files"]}


def test_a_bare_repository_and_one_without_commits(tmp_path):
    one = make(tmp_path / "w" / "one", ONE)
    git(tmp_path, "clone", "-q", "--bare", str(one), str(tmp_path / "r" / "one.git"))
    git(tmp_path, "init", "-q", "--bare", str(tmp_path / "r" / "none.git"))
    make(tmp_path / "r" / "fresh", {"Dockerfile": "FROM x\n"}, commit=False)
    corpus = opened(tmp_path, tmp_path / "r")
    assert corpus.listing().projects == ["local/r/fresh", "local/r/none", "local/r/one"]
    assert collected(corpus, "local/r/one")[0] == ["Dockerfile"]
    assert collected(corpus, "local/r/none") == ([], {("", "not_available"): "the repository has no commits"})
    assert collected(corpus, "local/r/fresh")[0] == ["Dockerfile"], (
        "what is not committed yet lies in the work tree"
    )
    assert [row["commits"] for row in corpus.listing().rows["raw.projects"]] == [0, None, 1]


def test_a_clone_by_address_is_shallow_and_brought_up_to_date(tmp_path):
    one = make(tmp_path / "w" / "one", {**ONE, "weights.bin": b"\x00" * 5000})
    git(one, "config", "uploadpack.allowFilter", "true")
    git(one, "config", "uploadpack.allowAnySHA1InWant", "true")
    address = f"file://{one}"
    corpus = opened(tmp_path, address)
    assert corpus.listing().projects == ["local/w/one"]
    assert collected(corpus, "local/w/one")[0] == ["Dockerfile"]
    row = corpus.listing().rows["raw.projects"][0]
    assert (row["commits"], row["source"]) == (None, address), "a shallow clone does not know"
    mark = corpus.fingerprint()
    write(one, {"gpu.Dockerfile": "FROM y\n"})
    git(one, "add", "-A")
    git(one, "commit", "-q", "-m", "two")
    again = opened(tmp_path, address)
    assert again.fingerprint() != mark
    assert collected(again, "local/w/one")[0] == ["Dockerfile", "gpu.Dockerfile"]
    assert not again.fingerprint_asks_network


def test_an_address_that_leads_nowhere_is_that_project_s_outcome(tmp_path):
    make(tmp_path / "w" / "one", ONE)
    corpus = opened(tmp_path, f"file://{tmp_path}/nowhere/none", tmp_path / "w" / "one")
    assert corpus.listing().projects == ["local/nowhere/none", "local/w/one"]
    assert list(collected(corpus, "local/nowhere/none")[1]) == [("", "failed")]
    assert collected(corpus, "local/w/one")[0] == ["Dockerfile"]


def test_what_cannot_be_a_dockerfile(tmp_path):
    one = make(tmp_path / "w" / "one", ONE)
    outside = tmp_path / "outside"
    write(outside, {"Dockerfile": "FROM secret\n"})
    (one / "linked.Dockerfile").symlink_to(outside / "Dockerfile")
    (one / "folder").symlink_to(outside)
    with (one / "huge.Dockerfile").open("wb") as huge:
        huge.truncate(90 * 1024 * 1024)
    write(one, {"lfs.Dockerfile": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"})
    write(one, {os.fsdecode(b"caf\xe9.Dockerfile"): "FROM x\n"})
    os.mkfifo(one / "pipe.Dockerfile")
    inside = make(one / "inside", ONE)
    git(one, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inside), "module")
    paths, outcomes = collected(opened(tmp_path, one), "local/w/one")
    assert paths == ["Dockerfile", "caf\udce9.Dockerfile"]
    reasons = {subject: (status, reason) for (subject, status), reason in outcomes.items() if subject}
    assert reasons["linked.Dockerfile"] == ("not_available", "a symbolic link: not followed")
    assert reasons["huge.Dockerfile"][0] == "unreadable"
    assert reasons["lfs.Dockerfile"][1].startswith("a Git LFS pointer")
    assert reasons["module"][1].startswith("a submodule")
    assert reasons["inside"][1].startswith("a submodule")
    assert "folder/Dockerfile" not in paths


def test_a_hostile_repository_runs_nothing(tmp_path):
    one = make(tmp_path / "w" / "one", {**ONE, ".gitattributes": "* filter=evil diff=evil\n"})
    mark = tmp_path / "was-run"
    keys = (
        "core.fsmonitor core.pager core.sshCommand core.editor filter.evil.clean filter.evil.smudge diff.external "
        "diff.evil.textconv gpg.program remote.origin.uploadpack"
    )
    for key in keys.split():
        git(one, "config", key, f"touch {mark}; true")
    git(one, "config", "log.showSignature", "true")
    git(one, "config", "remote.origin.url", f"file://{tmp_path}/w/one")
    git(one, "config", "remote.origin.promisor", "true")
    for hook in ("post-checkout", "post-index-change", "fsmonitor-watchman"):
        path = one / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {mark}\n")
        path.chmod(0o755)
    write(one, {"Dockerfile": "FROM changed\n"})
    corpus = opened(tmp_path, one)
    corpus.fingerprint()
    corpus.listing()
    [project] = corpus.listing().projects
    assert collected(corpus, project)[0] == ["Dockerfile"]
    bare = tmp_path / "bare" / "one.git"
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "w" / "one"), str(bare))
    mark.unlink(missing_ok=True)
    for path in (bare / "objects").glob("??/*"):
        if git(bare, "cat-file", "-t", path.parent.name + path.name).strip() == "blob":
            path.unlink()
    for key, value in (("url", f"file://{one}"), ("promisor", "true"), ("uploadpack", f"touch {mark}; true")):
        git(bare, "config", f"remote.origin.{key}", value)
    lacking = opened(tmp_path, bare)
    assert collected(lacking, lacking.listing().projects[0])[0] == []
    assert not mark.exists()


def test_a_plain_folder_an_empty_one_and_none(tmp_path):
    write(tmp_path / "x" / "plain", {**ONE, "node_modules/a/Dockerfile": "FROM no\n"})
    (tmp_path / "empty").mkdir()
    corpus = opened(tmp_path, tmp_path / "x" / "plain", tmp_path / "empty")
    listing = corpus.listing()
    assert listing.projects == ["local/x/plain"]
    assert [(one.subject, one.status) for one in listing.outcomes] == [
        (str(tmp_path / "empty"), "not_available")
    ]
    assert collected(corpus, "local/x/plain")[0] == ["Dockerfile"]
    assert listing.rows["raw.projects"][0]["commits"] is None
    with pytest.raises(CorpusError, match="no such directory"):
        opened(tmp_path, tmp_path / "absent").listing()
    with pytest.raises(BadInputError, match="--path"):
        opened(tmp_path).listing()


def test_projects_yaml(tmp_path):
    make(tmp_path / "all" / "one", ONE)
    write(
        tmp_path / "all",
        {
            "projects.yaml": "projects:\n  - path: one\n    name: team/forecast\n    category: Toolkit\n    stars: 3\n"
            "    purposes: ['Hosting']\n    images: ['oci:layout:1', registry.birds.org/team/forecast:2]\n"
        },
    )
    corpus = opened(tmp_path, tmp_path / "all")
    listing = corpus.listing()
    assert listing.projects == ["local/team/forecast"]
    assert listing.rows["raw.projects"][0]["stars"] == 3
    assert [(row["code_system"], row["code"]) for row in listing.labels["raw.labels"]] == [
        ("category", "Toolkit"), ("purpose", "Hosting"),
    ]  # fmt: skip
    outcomes = {one.subject: one for one in corpus.collect("manifests", "local/team/forecast").outcomes}
    assert outcomes["registry.birds.org/team/forecast:2"].status == "not_selected"
    assert outcomes["oci:layout:1"].status in ("gone", "not_available", "unreadable", "failed")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("projects: 3", "must be a list"),
        ("projects:\n  - stars: 1", "neither `name` nor `path`"),
        ("projects:\n  - {name: a/b, colour: red}", "nothing is called `colour`"),
        ("projects:\n  - {name: a/b, stars: many}", "`stars` must be a count"),
        ("projects:\n  - {name: a/b, images: x}", "`images` must be a list"),
        ("projects: [", "cannot read"),
    ],
)
def test_a_wrong_projects_yaml_is_one_line(tmp_path, content, says):
    make(tmp_path / "all" / "one", ONE)
    write(tmp_path / "all", {"projects.yaml": content})
    with pytest.raises(CorpusError, match=says) as raised:
        opened(tmp_path, tmp_path / "all").listing()
    assert "\n" not in str(raised.value)


def test_linked_images_are_left_out_unless_asked_for(tmp_path):
    one = make(
        tmp_path / "birds" / "egret",
        {**ONE, "push.sh": "docker push birds/egret:1\ndocker push birds/egret\n"},
    )
    found = opened(tmp_path, one).collect("manifests", "local/birds/egret")
    assert [(o.subject, o.status) for o in found.outcomes] == [
        ("docker.io/birds/egret:latest", "not_selected"), ("", "not_selected"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://github.com/birds/egret.git", "birds/egret"),
        ("git@github.com:birds/egret.git", "birds/egret"),
        ("https://gitlab.example/group/sub/egret", "sub/egret"),
        ("ssh://git@host:22/birds/egret/", "birds/egret"),
        ("../elsewhere/egret", "w/one"),
        ("/srv/git/egret.git", "w/one"),
    ],
)
def test_names_come_from_the_origin(tmp_path, address, name):
    one = make(tmp_path / "w" / "one", ONE)
    git(one, "remote", "add", "origin", address)
    assert name_of(Place(one, "work tree")) == name


def test_projects_of_one_name_all_stay(tmp_path):
    for folder in ("a", "b", "c"):
        one = make(tmp_path / folder / "one", ONE)
        git(one, "remote", "add", "origin", "https://github.com/birds/egret")
    corpus = opened(tmp_path, *(tmp_path / folder for folder in ("a", "b", "c")))
    assert corpus.listing().projects == ["local/birds/egret", "local/birds/egret~2", "local/birds/egret~3"]


def test_a_password_in_an_address_is_not_kept(tmp_path):
    corpus = opened(tmp_path, "file://someone:secret@/nowhere/none/x")
    assert "secret" not in repr(corpus.listing().rows) + corpus.listing().source


def test_a_folder_that_cannot_be_looked_into_is_told(tmp_path, monkeypatch):
    make(tmp_path / "all" / "a" / "egret", {"Dockerfile": "FROM x"})
    (tmp_path / "all" / "shut").mkdir()
    form_of = places_module.form_of

    def refused(folder):
        if folder.name == "shut":
            raise PermissionError(13, "Permission denied")
        return form_of(folder)

    monkeypatch.setattr(places_module, "form_of", refused)
    listing = opened(tmp_path, tmp_path / "all").listing()
    assert list(listing.projects) == ["local/a/egret"]
    assert not listing.is_complete
    assert [(one.status, one.retryable) for one in listing.outcomes] == [("unreadable", True)]
    (found,) = opened(tmp_path, tmp_path / "all").collect("dockerfiles", "local/shut/heron").outcomes
    assert (found.status, found.retryable) == ("failed", True)


def test_a_project_that_cannot_be_described_is_listed_without_dockerfiles(tmp_path, monkeypatch):
    make(tmp_path / "a", {"Dockerfile": "FROM scratch\n"})
    corpus = opened(tmp_path, tmp_path / "a")

    def broken(number, project, dockerfiles):
        raise ValueError("odd")

    monkeypatch.setattr(corpus_module, "project_row", broken)
    candidates = corpus.listing().rows["raw.candidates"]
    assert [(row["step_number"], row["dockerfiles"]) for row in candidates] == [(0, 0)]
