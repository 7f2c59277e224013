"""Getting the study's package: directories, archives, clones, each of them possibly hostile."""

import io
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.corpora.ease2022 import package as module
from dockml_dagster.corpora.ease2022.package import clone, open_package

Make = Callable[[Mapping[str, bytes]], Path]


def _fails(location: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        open_package(location)
    text = str(caught.value)
    assert "\n" not in text
    assert "DOCKML_EASE2022" in text
    assert str(location) in text
    return text


def test_paths_are_below_datasets_whatever_stands_in_front(package: Make) -> None:
    opened = open_package(package({"a/b.csv": b"1", "c d.csv": b"2"}))
    assert opened.below("") == ["a/b.csv", "c d.csv"]
    assert opened.read("c d.csv") == b"2"
    assert opened.read("nothing") is None
    assert opened.fingerprint[:12] in opened.source


@pytest.mark.parametrize("suffix", ["", ":gz", ":bz2", ":xz"])
def test_every_compression_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "any-name"
    with tarfile.open(path, f"w{suffix}") as archive:
        member = tarfile.TarInfo("Datasets/a.csv")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"1"))
    assert open_package(path).read("a.csv") == b"1"


def test_nothing_there(tmp_path: Path) -> None:
    _fails(tmp_path / "none.tar.xz")


def test_no_datasets_folder(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "README.md").write_text("x")
    assert "Datasets/" in _fails(tmp_path / "package")
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.add(tmp_path / "package" / "README.md", "other/README.md")
    assert "Datasets/" in _fails(tmp_path / "p.tar")


@pytest.mark.parametrize(
    "data", [b"", b"no archive at all" * 100, b"\xfd7zXZ\x00" + b"x" * 200, b"\x1f\x8b" + b"x" * 50]
)
def test_no_archive(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p.tar.xz").write_bytes(data)
    _fails(tmp_path / "p.tar.xz")


@pytest.mark.parametrize("compression", ["gz", "xz"])
def test_a_cut_archive_is_damaged_wherever_it_was_cut(tmp_path: Path, compression: str) -> None:
    """Half a package must not pass for a small one."""
    import random

    whole = tmp_path / "whole"
    with tarfile.open(whole, f"w:{compression}") as archive:  # type: ignore[call-overload]
        for number in range(30):
            member = tarfile.TarInfo(f"Datasets/{number}.csv")
            data = random.Random(number).randbytes(700)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    content = whole.read_bytes()
    cut = tmp_path / "cut"
    accepted = []
    for length in range(20, len(content) - 64, 311):
        cut.write_bytes(content[:length])
        try:
            if len(open_package(cut).files) < 30:
                accepted.append(length)
        except CorpusError as error:
            assert "\n" not in str(error)
    assert accepted == []


def test_nothing_leads_out_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "p.tar"
    with tarfile.open(path, "w") as archive:
        for name in (
            "x/Datasets/good.csv",
            "Datasets/../../bad.csv",
            "../Datasets/bad.csv",
            "/Datasets/absolute.csv",
        ):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"1"))
        for name, kind in (
            ("sym", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("fifo", tarfile.FIFOTYPE),
            ("dev", tarfile.CHRTYPE),
        ):
            member = tarfile.TarInfo(f"x/Datasets/{name}")
            member.type = kind
            member.linkname = "/etc/passwd"
            archive.addfile(member)
    assert open_package(path).below("") == ["absolute.csv", "good.csv"], (
        "read below Datasets/, never unpacked"
    )
    assert sorted(tmp_path.iterdir()) == [path]


def test_links_in_a_directory_are_ignored(tmp_path: Path, directory: Make) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.csv").write_text("x")
    root = directory({"good.csv": b"1"})
    (root / "Datasets" / "file.csv").symlink_to(tmp_path / "outside" / "secret.csv")
    (root / "Datasets" / "folder").symlink_to(tmp_path / "outside")
    (root / "Datasets" / "loop").symlink_to(root / "Datasets")
    assert open_package(root).below("") == ["good.csv"]


@pytest.mark.parametrize(("cap", "value"), [("MAX_FILES", 2), ("MAX_FILE_BYTES", 3), ("MAX_TOTAL_BYTES", 7)])
def test_an_archive_beyond_the_caps_is_refused(
    archive: Make, monkeypatch: pytest.MonkeyPatch, cap: str, value: int
) -> None:
    path = archive({f"{number}.csv": b"1234" for number in range(3)})
    open_package(path)
    monkeypatch.setattr(module, cap, value)
    assert "larger than" in _fails(path)


def _git(*arguments: str, at: Path) -> None:
    settings = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, "-C", str(at), *arguments], check=True, capture_output=True)


@pytest.fixture
def origin(directory: Make) -> Path:
    """A repository of the package's form."""
    root = directory({"a.csv": b"1"})
    _git("init", "--quiet", at=root)
    _git("add", ".", at=root)
    _git("commit", "--quiet", "-m", "one", at=root)
    return root


def test_an_archive_is_hashed_again_only_if_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = tmp_path / "package.tar"
    location.write_bytes(b"one")
    hashed = []
    digest = module.hashlib.file_digest
    monkeypatch.setattr(module.hashlib, "file_digest", lambda *given: hashed.append(1) or digest(*given))
    first = module.fingerprint(location)
    assert module.fingerprint(location) == first
    assert len(hashed) == 1
    location.write_bytes(b"other")
    assert module.fingerprint(location) != first
    assert len(hashed) == 2


def test_a_clone_is_made_once(origin: Path, tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "cache"
    cloned = clone(cache, origin.as_uri())
    assert open_package(cloned).read("a.csv") == b"1"
    assert [path.name for path in cache.iterdir()] == [cloned.name]
    (cloned / "mark").touch()
    assert clone(cache, "file:///nowhere") == cloned
    assert (cloned / "mark").exists()


def test_a_clean_clone_is_named_by_its_commit_a_changed_one_by_its_files(
    origin: Path, tmp_path: Path
) -> None:
    cloned = clone(tmp_path / "cache", origin.as_uri())
    head = subprocess.run(
        ["git", "-C", str(cloned), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert module.fingerprint(cloned) == head.stdout.strip()
    (cloned / "Datasets" / "a.csv").write_text("changed")
    assert module.fingerprint(cloned) != head.stdout.strip()


def test_what_an_interrupted_clone_left_is_cleared(origin: Path, tmp_path: Path) -> None:
    partial = tmp_path / "cache" / "EASE2022.partial"
    partial.mkdir(parents=True)
    (partial / "half").write_text("x")
    assert open_package(clone(tmp_path / "cache", origin.as_uri())).below("") == ["a.csv"]


def test_a_failing_clone_is_one_line(tmp_path: Path) -> None:
    url = (tmp_path / "nowhere").as_uri()
    with pytest.raises(CorpusError) as caught:
        clone(tmp_path / "cache", url)
    text = str(caught.value)
    assert "\n" not in text
    assert url in text
    assert "DOCKML_EASE2022" in text
    assert not (tmp_path / "cache" / "EASE2022").exists()


def test_an_address_is_never_an_option_of_git(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        clone(tmp_path / "cache", "--upload-pack=touch " + str(tmp_path / "pwned"))
    assert not (tmp_path / "pwned").exists()


def test_git_missing_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CorpusError, match="git is not installed"):
        clone(tmp_path / "cache", "file:///nowhere")


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    from dockml_dagster.errors import DockmlError

    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DockmlError) as caught:
        clone(tmp_path / "cache", "file:///nowhere")
    assert "\n" not in str(caught.value)


def test_git_sees_the_users_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy the clone needs the environment that git always has."""
    seen = tmp_path / "seen"
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$https_proxy $HOME $GIT_TERMINAL_PROMPT" > {seen}\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CorpusError, match="no reason given"):
        clone(tmp_path / "cache", "https://example.org/x")
    assert seen.read_text().split() == ["http://proxy.example:3128", str(tmp_path), "0"]
