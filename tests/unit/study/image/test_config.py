"""Configurations: what is read from complete and from broken ones, and how history and layers pair up."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.study.image.config import BrokenConfigError, config_of_schema1, parse_config
from dockml_dagster.study.image.manifest import parse_manifest
from dockml_dagster.study.image.platform import Platform

D1, D2 = (f"sha256:{n:064x}" for n in (1, 2))
WHOLE = {
    "os": "linux",
    "architecture": "arm64",
    "variant": "v8",
    "created": "2021-05-01T10:00:00Z",
    "author": "A",
    "config": {
        "User": "1000:1000",
        "Env": ["PATH=/bin", "EMPTY=", "X=a=b", "BARE"],
        "Entrypoint": ["python3"],
        "Cmd": ["app.py"],
        "Shell": ["/bin/bash", "-c"],
        "WorkingDir": "/app",
        "Volumes": {"/data": {}},
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Labels": {"org.opencontainers.image.source": "https://example.com"},
        "StopSignal": "SIGINT",
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1},
        "OnBuild": ["RUN x"],
    },
    "history": [
        {"created": "2021-05-01T10:00:00Z", "created_by": "ADD x"},
        {"created_by": "ENV a=b", "empty_layer": True, "comment": "buildkit.dockerfile.v0"},
        {"created_by": "RUN y", "author": "B"},
    ],
    "rootfs": {"type": "layers", "diff_ids": [D1, D2]},
}


def test_whole() -> None:
    config = parse_config(json.dumps(WHOLE).encode())
    assert config.platform == Platform("linux", "arm64")
    assert config.user == "1000:1000"
    assert config.env == (("PATH", "/bin"), ("EMPTY", ""), ("X", "a=b"), ("BARE", ""))
    assert (config.entrypoint, config.cmd) == (("python3",), ("app.py",))
    assert config.shell == ("/bin/bash", "-c")
    assert (config.volumes, config.exposed_ports) == (("/data",), ("80/tcp", "53/udp"))
    assert config.labels == {"org.opencontainers.image.source": "https://example.com"}
    assert (config.stop_signal, config.healthcheck, config.on_build) == (
        "SIGINT",
        ("CMD", "true"),
        ("RUN x",),
    )
    assert [str(digest) for digest in config.diff_ids or ()] == [D1, D2]
    assert config.problems == ()
    assert [entry and entry.created_by for entry in config.layer_history(2)] == ["ADD x", "RUN y"]
    assert config.layer_history(3) == (None, None, None)
    assert pickle.loads(pickle.dumps(config)) == config


def test_absent_is_not_empty() -> None:
    config = parse_config(b"{}")
    assert config.env is None
    assert config.labels is None
    assert config.history is None
    assert config.diff_ids is None
    assert config.user is None
    assert config.platform == Platform(None, None)
    empty = parse_config(b'{"config": {"Env": [], "Labels": {}, "Volumes": {}, "User": ""}, "history": []}')
    assert (empty.env, empty.labels, empty.volumes, empty.user, empty.history) == ((), {}, (), "", ())
    null = parse_config(b'{"config": {"Env": null, "Labels": null}, "rootfs": null}')
    assert (null.env, null.labels, null.diff_ids) == (None, None, None)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("User", 7, "config.User: no text"),
        ("Env", "A=b", "config.Env: no list"),
        ("Env", ["A=b", 1], "config.Env: not all entries are text"),
        ("Labels", ["x"], "config.Labels: no object"),
        ("Labels", {"a": 1}, "config.Labels: not all values are text"),
        ("Volumes", ["/data"], "config.Volumes: no object"),
        ("Healthcheck", "x", "config.Healthcheck: no object"),
    ],
)
def test_wrong_types_read_as_absent_and_are_noted(field: str, value: object, problem: str) -> None:
    config = parse_config(json.dumps({"config": {field: value}}).encode())
    assert config.problems == (problem,)


def test_command_as_one_string_of_old_images() -> None:
    assert parse_config(b'{"config": {"Cmd": "python app.py"}}').cmd == ("python", "app.py")


def test_one_bad_diff_id_leaves_none() -> None:
    config = parse_config(json.dumps({"rootfs": {"diff_ids": [D1, "sha256:x"]}}).encode())
    assert config.diff_ids is None
    assert len(config.problems) == 1


def test_lone_surrogates_become_writable_text() -> None:
    config = parse_config(rb'{"author": "a\ud800b"}')
    assert config.author is not None
    config.author.encode()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff\xfe", b'{"a":', b"1" * 10_000])
def test_no_object(body: bytes) -> None:
    with pytest.raises(BrokenConfigError):
        parse_config(body)


def test_history_is_capped() -> None:
    with pytest.raises(BrokenConfigError, match="history"):
        parse_config(json.dumps({"history": [{}] * 10_001}).encode())


def test_schema1() -> None:
    top = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2016-01-02T00:00:00Z",
        "config": {"User": "root", "Env": ["A=b"]},
        "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) CMD x"]},
        "throwaway": True,
    }
    bottom = {"container_config": {"Cmd": ["/bin/sh -c #(nop) ADD file:1 in /"]}}
    document = {
        "schemaVersion": 1,
        "fsLayers": [{"blobSum": D2}, {"blobSum": D1}],
        "history": [{"v1Compatibility": json.dumps(top)}, {"v1Compatibility": json.dumps(bottom)}],
    }
    config = config_of_schema1(parse_manifest(json.dumps(document).encode()))
    assert config.platform == Platform("linux", "amd64")
    assert config.user == "root"
    assert config.diff_ids is None
    assert [(entry.created_by, entry.empty_layer) for entry in config.history or ()] == [
        ("/bin/sh -c #(nop) ADD file:1 in /", False),
        ("/bin/sh -c #(nop) CMD x", True),
    ]
    assert config.layer_history(1)[0] == (config.history or ())[0]


_any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(list(WHOLE)), _any),
    st.dictionaries(st.sampled_from(list(WHOLE["config"])), _any),
)
def test_any_object_is_read(outer: dict, inner: dict) -> None:
    parse_config(json.dumps({**outer, "config": inner}).encode())
