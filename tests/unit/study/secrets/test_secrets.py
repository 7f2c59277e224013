"""Which small files hold a secret, and which only look like it.

Values are assembled here, so that no scanner takes this file for a leak.
"""

import io
import json
import tarfile
import time

import pytest

from dockml_dagster.images.scanning.inside import InsideReader
from dockml_dagster.images.scanning.kept_inside import from_json, to_json
from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import SpoolWriter
from dockml_dagster.study.secrets import looking
from dockml_dagster.study.secrets.image import SecretTally
from dockml_dagster.study.secrets.looking import SecretSearch
from dockml_dagster.study.secrets.rules import TOKENS

MIXED = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA" * 8
LETTERS = "aBcDeFgHiJkLmNoPqRsTuVwXyZ" * 4
HEX = "0123456789abcdef" * 8
KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + MIXED[:64] + "\n" + MIXED[:64] + "\n"
SECRETS = [
    ("etc/ssl/private.pem", KEY, "private-key"),
    ("s/site-packages/x/server.pem", KEY, "private-key"),
    ("app/sa.json", json.dumps({"private_key": KEY}), "private-key"),
    ("app/a.py", 'T = "ghp_' + MIXED[:36] + '"', "github-token"),
    ("app/a.txt", "hf_" + LETTERS[:34], "hugging-face-token"),
    ("app/a.sh", "aws_secret_access_key=" + MIXED[:40], "aws-secret-key"),
    ("app/a.sh", "export AWS_SECRET_ACCESS_KEY='" + MIXED[:40] + "'", "aws-secret-key"),
    ("app/a.sh", "AKIA" + "ABCDEFGHIJKLMNOP", "aws-key"),
    ("app/a.sh", "sk-" + MIXED[:20] + "T3Blbk" + "FJ" + MIXED[:20], "openai-key"),
    ("app/a.sh", "xoxb-" + MIXED[:40], "slack-token"),
    ("app/a.sh", "mailgun: key-" + HEX[:32], "mailgun-key"),
    ("app/a.js", f"eyJ{MIXED[:20]}.eyJ{MIXED[:20]}.{MIXED[:30]}", "json-web-token"),
    ("app/a.txt", "AIza" + MIXED[:35], "google-api-key"),
    ("app/a.txt", "SG." + MIXED[:22] + "." + MIXED[:43], "sendgrid-key"),
    ("root/.netrc", "machine x login y password s3cretpw1", "netrc"),
    ("root/.npmrc", "//r/:_authToken=" + MIXED[:20], "npmrc"),
    ("root/.docker/config.json", '{"auths": {"r": {"auth": "dXNlcjpwYXNz"}}}', "docker-login"),
    ("app/.env", "DEBUG=true\nDB_PASSWORD='hunter2222'\n", "env-file"),
    ("app/settings.yaml", "url: postgres://u:s3cr3tp4ss@db/x", "url-login"),
    ("etc/pip.conf", "index-url = https://u:pw12345@host/simple", "package-index-login"),
]
NONE = [
    ("app/a.py", 'if b"-----BEGIN RSA PRIVATE ' + 'KEY-----" in data:'),
    ("app/a.py", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("app/a.py", "ghp_" + "x" * 36),
    ("app/a.py", "ghp_" + MIXED[:35]),
    ("app/a.py", "ghp_" + MIXED[:37]),
    ("usr/lib/x.txt", "ghp_" + MIXED[:36]),
    ("s/site-packages/x.py", KEY),
    ("app/.env.example", "DB_PASSWORD=hunter2222"),
    ("app/.env", "DB_PASSWORD=changeme"),
    ("app/.env", "DB_PASSWORD=${SECRET_NAME}"),
    ("app/.env", "MAX_TOKENS=123456789"),
    ("root/.npmrc", "save-exact=true"),
    ("root/.docker/config.json", '{"credsStore": "desktop"}'),
    ("app/settings.yaml", "url: postgres://user:${PASSWORD}@db/x"),
    ("app/settings.yaml", "url: postgres://user:password@db/x"),
    ("app/data", "\0" + KEY),
]


def rules(path: str, content: str) -> tuple[str, ...]:
    data = b"before" + content.encode() + b"after"
    return SecretSearch().rules(path, data, 6, len(data) - 5)


@pytest.mark.parametrize(("path", "content", "rule"), SECRETS)
def test_a_secret(path: str, content: str, rule: str) -> None:
    assert rule in rules(path, content)


def test_the_first_places_of_a_mark_are_looked_at() -> None:
    placeholder, token = "ghp_" + "x" * 36 + " ", " " * 9000 + "ghp_" + MIXED[:36]
    assert rules("app/a.py", placeholder * 63 + token) == ("github-token",)
    assert rules("app/a.py", placeholder * 64 + token) == ()


@pytest.mark.parametrize(("path", "content"), NONE)
def test_no_secret(path: str, content: str) -> None:
    assert rules(path, content) == ()


def test_each_rule_is_found_by_its_mark_wherever_that_is() -> None:
    groups = looking._groups()
    assert sorted(rule for group in groups for rule in group.rules) == sorted(TOKENS)
    for group in groups:
        assert group.search(b"_-.A" * 4, 0, 16) is None
        for mark in (rule.mark for rule in group.rules):
            assert group.search(mark, 0, len(mark)) is not None, mark
            assert group.search(b"AA" + mark + b"--", 2, 2 + len(mark)) is not None, mark


def layer(files: list[tuple[str, str]]) -> tuple[InsideReader, list[bytes]]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files:
            info = tarfile.TarInfo(path)
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    reader, writer = InsideReader(io.BytesIO), SpoolWriter(io.BytesIO)
    scan_layer(io.BytesIO(buffer.getvalue()), sink=writer.extend, look=reader)
    return reader, writer.finish().readlines()


def test_removed_ones_are_found_and_test_keys_are_not() -> None:
    record = "tornado/test.key,,\n"
    lower = [
        ("s/tornado-6.dist-info/METADATA", "Name: tornado\nVersion: 6\n"),
        ("s/tornado-6.dist-info/RECORD", record),
        ("s/tornado/test.key", KEY),
        ("root/id_rsa", KEY),
    ]
    layers = [layer(lower), layer([("root/.wh.id_rsa", ""), ("s/tornado/test.key", KEY + MIXED)])]
    found = [reader.found() for reader, _ in layers]
    tally = SecretTally([one.secrets for one in found], [one.readings for one in found])
    summarise_image([lambda lines=lines: lines for _, lines in layers], visitors=[tally])
    assert [tuple(one) for one in tally.secrets()] == [
        ("root/id_rsa", "private-key", 0, 1, None),
        ("s/tornado/test.key", "private-key", 0, 1, "pypi tornado-6.dist-info"),
        ("s/tornado/test.key", "private-key", 1, None, None),  # written over: not what the package published
    ]


def test_no_value_leaves_the_search() -> None:
    reader, _ = layer([(path, content) for path, content, _ in SECRETS])
    kept = json.dumps(to_json(reader.found()))
    assert from_json(json.loads(kept)) == reader.found()
    for value in (MIXED[:20], LETTERS[:20], "s3cret", "hunter", "dXNl", "pw12345"):
        assert value not in kept


def test_what_is_not_searched_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST_BYTES", 200_000)
    search, text = SecretSearch(), b"a" * 65_000
    for _ in range(3):
        search.rules("app/x", text, 0, len(text))
    assert not search.cut_short
    search.rules("app/x", text, 0, len(text))
    assert search.cut_short


def test_what_nearly_fits_costs_no_more_than_linear_time() -> None:
    starts = {rule.literal.decode() for rule in TOKENS}
    units = [
        *starts,
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaaaaaaaaaaaaaaa.",
        "a://b:c",
        "password ",
        "_authToken=",
    ]
    started = time.process_time()
    for unit in units:
        for path in ("app/.netrc", "app/x.yaml"):
            rules(path, (unit * 65_536)[:65_000])
    # Some seconds here; an expression that tries again from everywhere would need minutes.
    assert time.process_time() - started < 60


def test_more_secrets_than_are_kept_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockml_dagster.images.scanning.inside._MOST_SECRETS", 1)
    content = b"PASSWORD=correcthorse\n"
    for files, cut in ((1, False), (2, True)):
        reader = InsideReader(io.BytesIO)
        for number in range(files):
            reader.whole(f"{number}/.env", content, 0, len(content))
        found = reader.found()
        assert (len(found.secrets), found.secrets_cut_short) == (1, cut)
