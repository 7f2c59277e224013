"""Repositories whose git directory leads out of their folder, in every way that git offers.

Here: what is refused, and what leads nowhere else and is read. Not here: what files hold (``test_hostile``).
"""

import os
import subprocess

import pytest

from tests.unit.corpora.local.test_hostile import GOOD, _listed, _outcome
from tests.unit.corpora.local.test_local import git, make, write


def _private(tmp_path):
    return make(tmp_path / "private", {"Dockerfile": "FROM secret\n"})


def _git_file(folder, private):
    write(folder, {".git": f"gitdir: {private}/.git\n"})


def _git_link(folder, private):
    folder.mkdir(parents=True)
    (folder / ".git").symlink_to(private / ".git")


def _alternates(folder, private):
    make(folder, GOOD)
    (folder / ".git/objects/info").mkdir(exist_ok=True)
    (folder / ".git/objects/info/alternates").write_text(f"{private}/.git/objects\n")
    (folder / ".git/HEAD").write_text(git(private, "rev-parse", "HEAD"))


def _long_alternates(folder, private):
    _alternates(folder, private)
    file = folder / ".git/objects/info/alternates"
    file.write_text("#" * 66_000 + "\n" + file.read_text())


def _escaped_alternates(folder, private):
    _alternates(folder, private)
    file = folder / ".git/objects/info/alternates"
    file.write_text('"' + file.read_text().strip().replace("/", "\\057") + '"\n')


def _alternates_after_quotes(folder, private):
    _alternates(folder, private)
    file = folder / ".git/objects/info/alternates"
    file.write_text(f'"a"x{file.read_text()}')


def _alternates_after_quotes_of_two_lines(folder, private):
    _alternates(folder, private)
    file = folder / ".git/objects/info/alternates"
    file.write_text(f'"a\nb"x{file.read_text()}')


def _objects_link(folder, private):
    make(folder, GOOD)
    subprocess.run(["rm", "-r", str(folder / ".git/objects")], check=True)
    (folder / ".git/objects").symlink_to(private / ".git/objects")


def _common(folder, private):
    make(folder, GOOD)
    (folder / ".git/commondir").write_text(f"{private}/.git\n")


def _pipe(folder, _):
    make(folder, GOOD)
    os.mkfifo(folder / ".git/packed-refs")


def _configuration(folder, text):
    make(folder, GOOD)
    with (folder / ".git/config").open("a") as file:
        file.write(text)


def _include(folder, private):
    _configuration(folder, f'[include] path = "{private}"/.git/config\n')


def _include_if(folder, _):
    _configuration(folder, '[includeIf "gitdir:/"]\n\tpath = /dev/zero\n')


def _include_pipe(folder, _):
    _configuration(folder, "[Include]\n\tpath = ../pipe\n")
    os.mkfifo(folder / "pipe")


def _include_twice(folder, private):
    _configuration(folder, "[include]\n\tpath = ../more\n")
    (folder / "more").write_text(f"[include]\n\tpath = {private}/.git/config\n")


def _include_itself(folder, _):
    _configuration(folder, "[include]\n\tpath = config\n")


def _work_tree(folder, private):
    _configuration(folder, f"[core]\n\tworktree = {private}\n")


def _no_configuration(folder, _):
    _configuration(folder, "[include\n")


def _odd_ignore_file(folder, _):
    make(folder, GOOD)
    (folder / "deep").mkdir()
    os.mkfifo(folder / "deep" / ".gitignore")


def _odd_map_of_authors(folder, _):
    make(folder, GOOD)
    os.mkfifo(folder / ".mailmap")


def _shallow_everywhere(folder, _):
    make(folder, GOOD)
    (folder / ".git" / "shallow").write_text("".join(f"{number:040x}\n" for number in range(7_000)))


def _large_configuration(folder, _):
    _configuration(folder, "# x\n" * 300_000)


def _chain(folder, private):
    make(folder / "inner", GOOD)
    _alternates(folder / "inner2", private)
    write(folder, {".git": "gitdir: inner2/.git\n"})


@pytest.mark.parametrize(
    "lead_out",
    [
        _git_file, _git_link, _alternates, _long_alternates, _escaped_alternates, _alternates_after_quotes,
        _alternates_after_quotes_of_two_lines, _objects_link, _common, _pipe, _chain, _include, _include_if,
        _include_pipe, _include_twice, _include_itself, _large_configuration, _work_tree, _no_configuration,
        _odd_ignore_file, _odd_map_of_authors, _shallow_everywhere,
    ],
)  # fmt: skip
def test_a_repository_that_leads_out_of_its_folder_is_refused(tmp_path, lead_out):
    private = _private(tmp_path)
    folder = tmp_path / "given" / "bad"
    lead_out(folder, private)
    make(tmp_path / "given" / "good", GOOD)
    corpus, listing = _listed(tmp_path, tmp_path / "given")
    bad = next(project for project in listing.projects if "bad" in project)
    outcome = _outcome(corpus, bad)
    assert outcome.status == "unreadable"
    assert outcome.reason.startswith("not read as a repository: ")
    assert str(private) not in outcome.reason
    good = next(project for project in listing.projects if "good" in project)
    assert _outcome(corpus, good).status == "collected"


def test_a_git_directory_of_too_many_files_is_refused(tmp_path, monkeypatch):
    make(tmp_path / "given" / "one", GOOD)
    monkeypatch.setattr("dockml_dagster.corpora.local.containment._MOST_ENTRIES", 5)
    corpus, listing = _listed(tmp_path, tmp_path / "given")
    assert "more than 5 files in its git directory" in _outcome(corpus, listing.projects[0]).reason


def test_a_configuration_that_includes_a_file_of_the_repository_is_read(tmp_path):
    _configuration(tmp_path / "given" / "one", "[include]\n\tpath = ../.gitconfig\n")
    (tmp_path / "given" / "one" / ".gitconfig").write_text("[core]\n\tabbrev = 9\n")
    corpus, listing = _listed(tmp_path, tmp_path / "given")
    assert _outcome(corpus, listing.projects[0]).status == "collected"


def test_what_the_configuration_would_ignore_elsewhere_is_not_asked(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    _configuration(tmp_path / "given" / "one", f"[core]\n\texcludesFile = {tmp_path}/pipe\n")
    corpus, listing = _listed(tmp_path, tmp_path / "given")
    assert _outcome(corpus, listing.projects[0]).status == "collected"


def test_a_work_tree_beside_its_repository_is_read(tmp_path):
    make(tmp_path / "given" / "one", GOOD)
    git(tmp_path / "given" / "one", "worktree", "add", "-q", "-b", "two", str(tmp_path / "given" / "two"))
    corpus, listing = _listed(tmp_path, tmp_path / "given")
    assert {_outcome(corpus, project).status for project in listing.projects} == {"collected"}


# Logins
