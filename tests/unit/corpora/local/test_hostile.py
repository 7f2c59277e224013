"""Repositories that lie about where they end, what they hold and who they are."""

import base64
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dockml_dagster.clients import git as asked
from dockml_dagster.clients import git_login
from dockml_dagster.corpora import links
from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.corpora.local import trees
from dockml_dagster.study.deadline import OutOfTimeError
from dockml_dagster.study.project import files
from tests.unit.corpora.local.test_local import collected, git, make, opened, write

GOOD = {"Dockerfile": "FROM python:3.11\n", "README.md": "# one\n"}
ALIAS = "jobs: &j\n  a: *j\n"


def _listed(tmp_path, *given):
    corpus = opened(tmp_path, *given)
    listing = corpus.listing()
    return corpus, listing


def _outcome(corpus, project):
    return next(one for one in corpus.collect("dockerfiles", project).outcomes if one.subject == "")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".github/workflows/ci.yml", ALIAS),
        ("docker-compose.yml", "services: &s\n  a: *s\n"),
        ("skaffold.yaml", "build: &b\n  - *b\n"),
        (".goreleaser.yml", "a: &a {<<: *a}\n"),
    ],
)
def test_an_alias_of_itself_stops_nobody(tmp_path, path, text):
    make(tmp_path / "all" / "bad", {**GOOD, path: text})
    make(tmp_path / "all" / "good", GOOD)
    corpus, listing = _listed(tmp_path, tmp_path / "all")
    assert listing.projects == ["local/all/bad", "local/all/good"]
    assert {_outcome(corpus, project).status for project in listing.projects} == {"collected"}


def test_a_project_that_breaks_our_own_code_is_an_outcome(tmp_path, monkeypatch):
    make(tmp_path / "all" / "bad", {**GOOD, "build.sh": "docker push bad/bad\n"})
    make(tmp_path / "all" / "good", GOOD)
    real = links.find_links

    def broken(project, *rest):
        if project == "all/bad":
            raise ZeroDivisionError("planted")
        return real(project, *rest)

    monkeypatch.setattr(links, "find_links", broken)
    corpus, _ = _listed(tmp_path, tmp_path / "all")
    outcome = _outcome(corpus, "local/all/bad")
    assert (outcome.status, outcome.reason, outcome.retryable) == (
        "failed",
        "ZeroDivisionError: planted",
        True,
    )
    assert _outcome(corpus, "local/all/good").status == "collected"


def test_what_a_repository_lost_is_an_outcome_and_stops_no_listing(tmp_path):
    one = make(tmp_path / "w" / "one", GOOD)
    two, three = tmp_path / "w" / "two.git", tmp_path / "w" / "three.git"
    for bare in (two, three):
        git(tmp_path, "clone", "-q", "--bare", "--no-hardlinks", str(one), str(bare))
    lost = git(two, "rev-parse", "HEAD:Dockerfile").strip()
    (two / "objects" / lost[:2] / lost[2:]).unlink()
    corpus, of_a_worker = (opened(tmp_path, one, two, three) for _ in range(2))
    assert corpus.fingerprint() == of_a_worker.fingerprint(), "every project was looked at"
    shutil.rmtree(three)
    assert [row["dockerfiles"] for row in corpus.listing().rows["raw.projects"]] == [1, 0, 0]
    assert collected(corpus, "local/w/one")[0] == ["Dockerfile"]
    paths, outcomes = collected(corpus, "local/w/two")
    assert (paths, list(outcomes)) == ([], [("Dockerfile", "unreadable"), ("", "not_available")])
    paths, outcomes = collected(corpus, "local/w/three")
    assert (paths, list(outcomes)) == ([], [("", "unreadable")])
    assert list(collected(of_a_worker, "local/w/three", "manifests")[1]) == [("", "unreadable")]
    assert of_a_worker.repository("local/w/three") is None


def test_links_that_take_too_long_are_an_outcome_and_the_files_are_kept(tmp_path, monkeypatch):
    make(tmp_path / "slow", {**GOOD, "build.sh": "docker push slow/slow\n"})

    def slow(*_):
        raise OutOfTimeError("not read within 30 s")

    monkeypatch.setattr(links, "find_links", slow)
    corpus, listing = _listed(tmp_path, tmp_path / "slow")
    assert _outcome(corpus, listing.projects[0]).status == "collected"
    told = {one.subject: one for one in corpus.collect("manifests", listing.projects[0]).outcomes}
    assert told["links"].reason == "its links to images are not known: not read within 30 s"


def test_the_links_of_one_content_are_found_once(tmp_path, monkeypatch):
    make(tmp_path / "one", {**GOOD, "build.sh": f"docker push {tmp_path.name}/once\n"})
    calls = []
    real = links.find_links
    monkeypatch.setattr(links, "find_links", lambda *given: calls.append(given) or real(*given))
    for _ in range(2):
        corpus, listing = _listed(tmp_path, tmp_path / "one")
        corpus.collect("manifests", listing.projects[0])
        corpus.fingerprint()
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("most", "reason"),
    [
        ("MAX_DOCKERFILES", "more than 3 Dockerfiles"),
        ("MAX_DOCKERFILES_IN_ALL", "bytes of Dockerfiles in one project"),
    ],
)
def test_a_project_has_so_many_dockerfiles_and_no_more(tmp_path, monkeypatch, most, reason):
    monkeypatch.setattr(files, most, 3 if most == "MAX_DOCKERFILES" else 3 * len("FROM a0\n"))
    make(
        tmp_path / "many",
        {f"d{n}/Dockerfile": f"FROM a{n}\n" for n in range(6)} | {"Dockerfile": "FROM r0\n"},
    )
    corpus, listing = _listed(tmp_path, tmp_path / "many")
    collected = corpus.collect("dockerfiles", listing.projects[0])
    assert [row["path"] for row in collected.rows["raw.dockerfiles"]] == [
        "Dockerfile",
        "d0/Dockerfile",
        "d1/Dockerfile",
    ]
    left_out = {one.subject: one.reason for one in collected.outcomes if one.status == "unreadable"}
    assert sorted(left_out) == [f"d{n}/Dockerfile" for n in range(2, 6)]
    assert all(reason in why for why in left_out.values())


def test_other_files_have_a_total_too(monkeypatch):
    monkeypatch.setattr(files, "MAX_IN_ALL", 25)
    chosen = files.choose([("README.md", 10), ("Makefile", 10), ("build.sh", 10)])
    assert [choice.left_out for choice in chosen] == [None, None, "more than 25 bytes of such files"]


def _tree_of(repository, entries):
    listed = "".join(f"{mode} {kind} {oid}\t{name}\n" for mode, kind, oid, name in entries)
    return subprocess.run(
        ["git", "-C", str(repository), "mktree"], input=listed, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_tree_that_stands_for_billions_of_files_is_listed_in_part(tmp_path, monkeypatch):
    """Ten folders of ten folders …: 10^10 files in a few kilobytes."""
    monkeypatch.setattr(trees, "MAX_FILES", 500)
    bomb = make(tmp_path / "bomb", {"Dockerfile": "FROM a\n"})
    oid = git(bomb, "hash-object", "-w", "Dockerfile").strip()
    tree = _tree_of(bomb, [("100644", "blob", oid, f"f{n}") for n in range(10)])
    for _ in range(9):
        tree = _tree_of(bomb, [("040000", "tree", tree, f"d{n}") for n in range(10)])
    commit = git(bomb, "commit-tree", tree, "-m", "x").strip()
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(bomb), str(bare))
    git(bomb, "push", "-q", str(bare), f"{commit}:refs/heads/main", "--force")
    corpus, listing = _listed(tmp_path, bare)
    collected = corpus.collect("dockerfiles", listing.projects[0])
    assert len(collected.rows["raw.repository_files"]) == 500
    told = {one.subject: one.reason for one in collected.outcomes}
    assert told["file list"] == "more than 500 files; the first were taken"


@pytest.mark.parametrize("form", ["folder", "work tree", "bare"])
def test_paths_are_listed_up_to_a_number_of_bytes(tmp_path, monkeypatch, form):
    """A hundred thousand files are few if each path has eighty bytes, and gigabytes if it has thousands."""
    monkeypatch.setattr(trees, "MAX_PATH_BYTES", 10)
    files = dict.fromkeys(("a/2345", "b/é", "c", "d"), "x")  # 6 + 4 bytes are listed
    project = tmp_path / "one"
    write(project, files)
    if form != "folder":
        make(project, files)
    if form == "bare":
        git(tmp_path, "clone", "-q", "--bare", str(project), str(tmp_path / "bare.git"))
        project = tmp_path / "bare.git"
    list_it = {"folder": trees.folder, "work tree": trees.work_tree, "bare": trees.head_tree}[form]
    listed = list_it(project)
    assert {file.path for file in listed.files} == (
        {"c", "d", "a/2345"} if form == "folder" else {"a/2345", "b/é"}
    )
    assert [one.reason for one in listed.outcomes] == ["paths of more than 10 bytes; the first were taken"]


def test_what_git_says_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(asked, "_MAX_OUTPUT", 10)
    one = make(tmp_path / "one", GOOD)
    with pytest.raises(asked.GitError, match="more than 10 bytes"):
        asked.run(["ls-tree", "-r", "HEAD"], directory=one)


# Trust


def test_a_project_does_not_speak_for_itself(tmp_path):
    own = "projects:\n  - path: .\n    name: tensorflow/serving\n    stars: 9000\n    images: ['oci:/etc']\n"
    make(tmp_path / "me", {**GOOD, "projects.yaml": own})
    corpus, listing = _listed(tmp_path, tmp_path / "me")
    assert listing.projects[0].endswith("/me")
    assert listing.rows["raw.projects"][0].get("stars") is None
    told = next(one for one in listing.outcomes if one.subject.endswith("projects.yaml"))
    assert told.status == "not_selected"
    assert corpus.collect("manifests", listing.projects[0]).rows == {}


def test_a_project_that_is_a_plain_folder_does_not_either(tmp_path):
    write(tmp_path / "me", {**GOOD, "projects.yaml": "projects:\n  - {path: ., name: a/b}\n"})
    _, listing = _listed(tmp_path, tmp_path / "me")
    assert listing.projects[0].endswith("/me")


def test_a_catalogue_is_not_followed_through_a_link(tmp_path):
    write(tmp_path, {"secret": "projects: hunter2\n"})
    make(tmp_path / "all" / "one", GOOD)
    (tmp_path / "all" / "projects.yaml").symlink_to("../secret")
    with pytest.raises(CorpusError, match="a link is not followed") as refused:
        opened(tmp_path, tmp_path / "all").listing()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("kind", ["fifo", "folder", "bomb"])
def test_a_catalogue_that_cannot_be_read_is_one_line(tmp_path, kind):
    make(tmp_path / "all" / "one", GOOD)
    place = tmp_path / "all" / "projects.yaml"
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        lines = [
            "a0: &a0 {x: 1}",
            *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: *a{n - 1}}}" for n in range(1, 26)),
        ]
        place.write_text("\n".join(lines))
    with pytest.raises(CorpusError, match="cannot read") as refused:
        opened(tmp_path, tmp_path / "all").listing()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("image", ["oci:/etc", "oci:../elsewhere", "docker-archive:one/link/a.tar"])
def test_images_outside_what_was_given_are_not_opened(tmp_path, image):
    make(tmp_path / "all" / "one", GOOD)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "all" / "one" / "link").symlink_to(tmp_path / "elsewhere")
    write(tmp_path / "all", {"projects.yaml": f"projects:\n  - {{path: one, images: ['{image}']}}\n"})
    corpus, listing = _listed(tmp_path, tmp_path / "all")
    told = {one.subject: one for one in corpus.collect("manifests", listing.projects[0]).outcomes}
    assert (told[image].status, told[image].reason) == (
        "not_selected",
        "it lies outside the folders that were given",
    )


@pytest.mark.parametrize(
    ("url", "plain", "login"),
    [
        ("https://user:p%40ss@h.example/a/b", "https://h.example/a/b", "user:p@ss"),
        ("https://token@h.example:8443/a", "https://h.example:8443/a", "token"),
        ("https://h.example/a@b", "https://h.example/a@b", ""),
        ("ssh://git@h.example/a", "ssh://git@h.example/a", ""),
        ("/a@b/c", "/a@b/c", ""),
    ],
)
def test_an_address_without_its_login(url, plain, login):
    assert git_login.without_login(url) == (plain, login)


def test_a_login_reaches_the_server_and_no_arguments(tmp_path, monkeypatch):
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.headers.get("Authorization"))
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    commands = []
    real = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda command, **rest: commands.append(command) or real(command, **rest)
    )
    try:
        with pytest.raises(asked.GitError) as refused:
            asked.remote_head(f"http://user:hunter2@127.0.0.1:{server.server_port}/a.git")
    finally:
        server.shutdown()
        server.server_close()
    assert heard[0] == "Basic " + base64.b64encode(b"user:hunter2").decode()
    assert "hunter2" not in str(commands) + str(refused.value)
