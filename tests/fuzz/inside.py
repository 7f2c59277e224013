"""What is read out of files inside layers, and out of what says that an artifact is a model: calls and worst known shapes.

Here: package databases, rpm's headers, secrets, configurations of models. Not here: the other parsers (``parsers``).
"""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import get_args

from shapes import counted, repeated

from dockml_dagster.images.scanning.rpm_database import read_rpm_database
from dockml_dagster.study.image.manifest import ImageManifest, parse_manifest
from dockml_dagster.study.image.model_artifact import MAX_MODEL_CONFIG_BYTES, model_artifact
from dockml_dagster.study.packages.databases import Form
from dockml_dagster.study.packages.reading import read_database
from dockml_dagster.study.packages.rpm import read_headers
from dockml_dagster.study.secrets.looking import LARGEST, SecretSearch
from dockml_dagster.study.secrets.rules import PRIVATE_KEY, TOKENS

MIB = 1 << 20
Shapes = dict[str, Callable[[int], bytes]]
Found = tuple[str, Callable[[bytes], object], int, Shapes]
"""Name, how it is called, the most bytes, worst shapes."""

_DPKG = {
    "packages": counted(lambda n: f"Package: a{n:06}\nVersion: 1\nStatus: install ok installed\n\n"),
    "one package": repeated("Package: a\n"),
    "empty lines": repeated("\n"),
    "colons": repeated(":", "Package: a\nVersion: 1\n"),
}
_LINES = {
    "files": counted(lambda n: f"/usr/share/a{n:06}/b\n"),
    "folders upon folders": lambda size: "".join(
        "/a" * (n % 400 + 1) + "\n" for n in range(size // 400)
    ).encode(),
    "one line": repeated("/a"),
}
_SHAPES: dict[Form, Shapes] = {
    "dpkg_status": _DPKG, "dpkg_single_status": _DPKG, "dpkg_list": _LINES, "dpkg_diversions": _LINES,
    "dpkg_single_files": _LINES,
    "apk": {
        "packages": counted(lambda n: f"P:a{n:06}\nV:1\nF:usr/b\nR:c\n\n"),
        "files": counted(lambda n: f"R:a{n:06}\n", "P:a\nV:1\nF:usr/b\n"),
        "folders": counted(lambda n: f"F:a{n:06}\n", "P:a\nV:1\n"),
    },
    "metadata": {"fields": counted(lambda n: f"a{n:06}: b\n"), "names": repeated("Name: a\n"),
                 "carriage returns": repeated("a:\r\n")},
    "record": {
        "files": counted(lambda n: f"a{n:06},sha256=b,1\n"), "quotes": repeated('"a""b",,\n'),
        "quotes without end": repeated('"'),
        "ups": repeated("../", after=",,\n"),
    },
    "conda": {
        "files": counted(lambda n: f'"a{n:06}",', '{"name":"a","version":"1","files":[', '"a"]}'),
        "keys": counted(lambda n: f'"k{n:06}":1,', "{", '"name":"a"}'),
    },
    "npm": {"keys": counted(lambda n: f'"k{n:06}":1,', "{", '"name":"a","version":"1"}'), "brackets": repeated("[")},
}  # fmt: skip
_ANY: Shapes = {
    "lines": repeated("a: b\n"), "files": counted(lambda n: f"../a{n:06}.py\n"),
    "continued": repeated(" a\n", "Package: a\n"),
}  # fmt: skip


def _database(form: Form) -> Callable[[bytes], object]:
    return lambda data: read_database("usr/lib/a.dist-info/b", form, data)


def _header(size: int, count: int, kind: int, value: bytes) -> bytes:
    """An rpm header: as many entries as fit, each with ``count`` values at the start of the data."""
    entries = max(1, min(size // 32, 60_000))
    data = value * (size // max(1, 2 * len(value)))
    index = b"".join(struct.pack(">iiii", 1000 + n % 200, kind, 0, count) for n in range(entries))
    return struct.pack(">ii", entries, len(data)) + index + data


_RPM: Shapes = {
    "entries": lambda size: _header(size, 1, 6, b"a\0"),
    "arrays of texts": lambda size: _header(min(size, 64), size // 4, 8, b"a\0") + b"a\0" * (size // 2),
    "every entry all texts": lambda size: _header(size, size // 4, 8, b"a\0"),
    "every entry all numbers": lambda size: _header(size, size // 8, 4, b"\0\0\0\1"),
    "texts without end": lambda size: _header(size, 9, 8, b"a"),
}


def _rpm_database(data: bytes) -> object:
    with tempfile.NamedTemporaryFile(delete=False) as file:  # the reader removes it
        file.write(data)
        return read_rpm_database("var/lib/rpm/rpmdb.sqlite", file)


def _secrets(path: str) -> Callable[[bytes], object]:
    return lambda data: SecretSearch().rules(path, data, 0, len(data))


_KEPT = (
    ".env",
    "root/.netrc",
    "root/.docker/config.json",
    "root/.npmrc",
    "etc/pip.conf",
    "app/settings.yml",
    "a/credentials",
)
_SECRETS: Shapes = {
    **{rule.name: repeated(rule.literal.decode("latin-1")) for rule in (*TOKENS, PRIVATE_KEY)},
    **{f"{rule.name} and letters": repeated(rule.literal.decode("latin-1") + "a" * 60 + " ") for rule in TOKENS},
    "a key without end": repeated("A" * 64 + "\n", PRIVATE_KEY.literal.decode("latin-1") + "-----\n"),
    "environment": counted(lambda n: f"PASSWORD_{n:05}=hunter\n"), "export": repeated("export A=\n"),
    "netrc": repeated("machine a login b password "), "blanks": repeated(" ", "password"), "equals": repeated("password="),
    "quotes": repeated('"auth":"'), "letters": repeated("a"), "digits": repeated("0"), "colons": repeated("_authToken:"),
}  # fmt: skip


def _manifest(config: str, layer: str) -> ImageManifest:
    digest = "sha256:" + "0" * 64
    text = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": config,
        "config": {"mediaType": config, "digest": digest, "size": 2},
        "layers": [{"mediaType": layer, "digest": digest, "size": 1}],
    }  # fmt: skip
    made = parse_manifest(json.dumps(text).encode())
    assert isinstance(made, ImageManifest)
    return made


_MODELS = {
    "ollama": ("application/vnd.docker.container.image.v1+json", "application/vnd.ollama.image.model"),
    "docker": ("application/vnd.docker.ai.model.config.v0.1+json", "application/vnd.docker.ai.gguf.v3"),
    "modelpack": ("application/vnd.cncf.model.config.v1+json", "application/vnd.cncf.model.weight.v1.tar"),
    "kitops": (
        "application/vnd.kitops.modelkit.config.v1+json",
        "application/vnd.kitops.modelkit.model.v1.tar",
    ),
}
_CONFIG: Shapes = {
    "keys": counted(lambda n: f'"k{n:06}":1,', "{", '"":1}'),
    "parts": counted(lambda n: f'{{"name":"a{n:06}","path":"b","digest":"sha256:{"0" * 64}"}},',
                     '{"model":{"parts":[', '{}]}}'),
    "datasets": counted(lambda n: f'{{"path":"b{n:06}"}},', '{"datasets":[', "{}]}"),
    "families": repeated('"a",', '{"model_families":[', '"a"]}'),
    "parameters": repeated("9", '{"model_type":"', 'B"}'),
    "brackets": repeated("["),
}  # fmt: skip


def parsers() -> Iterator[Found]:
    """Each of them."""
    for form in get_args(Form):
        if not form.startswith("rpm"):
            yield f"packages, {form}", _database(form), MIB, _SHAPES.get(form, _ANY)
    yield "packages, rpm header", lambda data: read_headers("p", [data]), MIB, _RPM
    yield "packages, rpm database", _rpm_database, MIB, {"no pages": repeated("\0", "SQLite format 3\0")}
    for path in _KEPT:
        yield f"secrets of {path}", _secrets(path), LARGEST, _SECRETS
    for name, (config, layer) in _MODELS.items():
        read = partial(model_artifact, _manifest(config, layer))
        yield f"model configuration, {name}", read, MAX_MODEL_CONFIG_BYTES, _CONFIG
