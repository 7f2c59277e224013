"""Every parser of strangers' bytes: how it is called, the most that it is given, and the worst shapes that are known of it.

Here: the list that ``pump`` and ``exponents`` go through. Not here: random inputs (``pump``), figures (``exponents``), which
module may call which library (``tests/conventions/test_parsers.py``).
"""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from backports import zstd

sys.path.insert(0, str(Path(__file__).parents[1]))

from inside import parsers as inside
from shapes import ARCHIVES, DEVICE_CODE, SETS, TARS, TOCS, counted, repeated
from toc_layers import chunked, estargz

from dockml_dagster.clients.registry.challenge import MAX_HEADER, parse_challenges
from dockml_dagster.commands.advise.directory import advise_directory
from dockml_dagster.commands.read_dockerfile.read import read_files
from dockml_dagster.corpora.dataset.description import Description
from dockml_dagster.corpora.dataset.sources import texts
from dockml_dagster.corpora.local.catalogue import read_catalogue
from dockml_dagster.errors import DockmlError
from dockml_dagster.images.sources.tar_index import read_tar_index
from dockml_dagster.study.advice.project import file_facts
from dockml_dagster.study.device_code.archives import ArchiveReader
from dockml_dagster.study.device_code.reading import DeviceBudget, DeviceReader
from dockml_dagster.study.dockerfile.checks.ignored_paths import IgnoredPaths
from dockml_dagster.study.dockerfile.shell.scripts import MAX_SCRIPT, read_script
from dockml_dagster.study.formats import json as strangers_json
from dockml_dagster.study.formats import toml, yaml
from dockml_dagster.study.image.config import parse_config
from dockml_dagster.study.image.manifest import parse_manifest
from dockml_dagster.study.image.reference import ImageReference
from dockml_dagster.study.image_links import find_links, links_of_reference
from dockml_dagster.study.labels.machine import Labeller
from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import SpoolWriter
from dockml_dagster.study.layer.toc import scan_toc
from dockml_dagster.study.packages.golang import read_build_info
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.study.readings import Reader
from dockml_dagster.study.rebuilds.history import RebuildHistory
from dockml_dagster.study.rebuilds.ignore_list import IgnoreList
from dockml_dagster.study.rebuilds.model import Change, Entry
from dockml_dagster.study.rebuilds.path_patterns import glob_expression
from dockml_dagster.warehouse.due.derivations import LABELS, READINGS
from dockml_dagster.warehouse.models import seed_texts

KIB = 1024
REFUSALS = (ValueError, DockmlError)
"""What a reader may raise: its own errors are all of these kinds."""


@dataclass(frozen=True)
class Parser:
    """``read`` takes bytes. ``most``: the most bytes of one input that are read at all. ``shapes``: name → an input of about
    so many bytes. ``text``: it reads text, so that every repeating text is a shape too.
    """

    read: Callable[[bytes], object]
    most: int
    shapes: dict[str, Callable[[int], bytes]]
    text: bool = True


def _str(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _links(path: str) -> Callable[[bytes], object]:
    return lambda data: find_links("own/project", {path: _str(data)})


def _labels(path: str) -> Callable[[bytes], object]:
    about = ProjectMetadata("own/project", None, (), None)

    def read(data: bytes) -> object:
        dockerfiles = {path: data} if path == "Dockerfile" else {}
        files = {path: (data, len(data))} if path != "Dockerfile" else {}
        return list(_labeller().rows_of_files("own/project", about, dockerfiles, files, whole=True))

    return read


@cache
def _labeller() -> Labeller:
    return Labeller(seed_texts(LABELS.seeds))


@cache
def _reader() -> Reader:
    return Reader(seed_texts(READINGS.seeds))


def _described(data: bytes) -> object:
    """The labels of a description, topics and paths: whatever a listing tells."""
    text = _str(data)
    about = ProjectMetadata("own/project", text, tuple(text.split()), text[:40])
    return list(_labeller().rows_of_files("own/project", about, {}, {text[:4000]: (None, None)}, whole=True))


def _ignored(data: bytes) -> object:
    return IgnoredPaths(_str(data)).excludes("a/b/" + "a/" * 100 + "c" * 100)


def _ignored_in_a_tree(data: bytes) -> object:
    ignored = IgnoreList(_str(data))
    return [ignored.excludes(path) for path in ("a/b/" + "a/" * 100 + "c" * 100, "a" * 300, "d/e")]


def _in_folder(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def reading(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, name).write_bytes(data)
            return read(Path(folder))

    return reading


def _layer(data: bytes) -> object:
    return scan_layer(io.BytesIO(data))


def _device_code(data: bytes, of: type[DeviceReader] | type[ArchiveReader] = DeviceReader) -> object:
    """As a worker reads a file, in two pieces."""
    reader = of("lib.so", len(data), DeviceBudget())
    reader.add(data, 0, len(data) // 3)
    reader.add(data, len(data) // 3, len(data))
    return reader.end()


def _set(kind: str) -> Callable[[bytes], object]:
    """A data set in one file: a table with the text in the column ``a``, or an archive."""
    layout = "table" if kind in ("csv", "parquet") else "files"

    def read(folder: Path) -> object:
        described = Description(
            "x", str(folder / f"x.{kind}"), layout=layout, columns={"text": "a"} if layout == "table" else {}
        )
        return list(texts(described, folder))

    return _in_folder(f"x.{kind}", read)


def _merged(data: bytes) -> object:
    """A layer scanned into a spool, and merged with itself."""
    writer = SpoolWriter(tempfile.TemporaryFile)
    scan_layer(io.BytesIO(data), sink=writer.extend)
    with writer.finish() as file:

        def spool() -> Sequence[bytes]:
            file.seek(0)
            return file.readlines()

        return summarise_image([spool, spool])


def _toc(data: bytes) -> object:
    return scan_toc(lambda start, length: data[start : start + length], len(data))


def _packed(pack: Callable[[bytes, bytes], bytes], toc: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: pack(b"", toc(size))


def _zipped(shape: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: gzip.compress(shape(size), mtime=0)


def _zstd(shape: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: zstd.compress(shape(size))


_YAML = {
    "keys": counted(lambda n: f"k{n:06}: 1\n"),
    "items": repeated("- a\n"),
    "aliases": counted(lambda n: f"k{n:05}: *a\n", "a: &a b\n"),
    "merges": counted(lambda n: f"k{n:05}: {{<<: *a}}\n", "a: &a {b: c, d: e}\n"),
    "merges of merges": counted(
        lambda n: f"k{n + 1:05}: &k{n + 1:05} {{<<: *k{n:05}, a{n}: 1}}\n", "k00000: &k00000 {}\n"
    ),
    "flow": repeated("[", "a: "),
    "one key": repeated("a: 1\n"),
    "quoted": repeated("\\x41", 'a: "', '"'),
    "folded": repeated("  a\n", "a: >\n"),
    "comments": repeated("#\n"),
}
_JSON = {
    "keys": counted(lambda n: f'"k{n:06}":1,', "{", '"":1}'),
    "one key": repeated('"a":1,', "{", '"a":1}'),
    "items": repeated("1,", "[", "1]"),
    "strings": repeated('"a",', "[", '"a"]'),
    "digits": repeated("1"),
    "escapes": repeated("\\u0041", '"', '"'),
    "brackets": repeated("["),
    "brackets in strings": repeated('"[[[[[[[[",', "[", '""]'),
}
_TOML = {
    "keys": counted(lambda n: f"k{n:06} = 1\n"),
    "tables": counted(lambda n: f"[t{n:06}]\n"),
    "arrays of tables": repeated("[[a]]\n"),
    "dotted": repeated("a."),
    "items": repeated("1,", "a = [", "]"),
    "dotted keys": counted(lambda n: f"{'a.' * 30}k{n:06} = 1\n"),
    "strings": repeated("a", "a = '", "'"),
}
_RUN_SHAPES = {
    "recovery": repeated(")"), "arrays": repeated("a=("), "pipes": repeated("|"), "here-documents": repeated("<<A\n"),
    "substitutions": repeated("$("), "redirections": repeated("> b "), "brackets, one a line": repeated("( )\n"),
    "errors in statements": repeated("a ) ; "), "quotes": repeated("'"), "constructs": repeated("if a; then "),
    "statements": repeated("a && "), "statements of 5 KiB": repeated("{ " + "a>>> " * 1000 + "; }\n"),
    "errors after a bracket": repeated("a(|| b>>\n"), "backquotes": repeated("`"), "lines": repeated("a\n"),
    "number signs": repeated("a#"), "quoted number signs": repeated("a#", '"', '"'),
}  # fmt: skip
_TAGS = 'TAGS="${TAGS:+${TAGS},}t"\n'
_LINK_SHAPES = {
    "an idiom": repeated(_TAGS, "", "docker push $TAGS\n"),
    "loops": counted(lambda n: f"for a{n} in $a{n - 1} b; do\n"),
    "names": counted(lambda n: f"a{n:05}=$a{n - 1:05}\ndocker push $a{n:05}\n"),
    "pushes": counted(lambda n: f"docker push own/project{n:05}\n"),
    "braces": repeated("${a%"),
}


def _dockerfile_advice(data: bytes) -> object:
    return _in_folder("Dockerfile", advise_directory)(data)


def _rebuilds(data: bytes) -> object:
    """A history of two commits: the file, and a line more."""
    history = RebuildHistory({"a": data, "b": data + b"\nRUN b\n"}.get, {})
    return [history.commit([Change("Dockerfile", Entry("100644", oid))]) for oid in ("a", "b")]


def _read_dockerfile(data: bytes) -> object:
    return read_files(["-"], io.BytesIO(data))


_DOCKERFILE_SHAPES = {
    "stages": counted(lambda n: f"FROM a AS b{n:05}\n"),
    "stages upon stages": counted(lambda n: f"FROM b{n:05} AS b{n + 1:05}\nENV a{n}=$a\n"),
    "copies": counted(lambda n: f"COPY --from={n} a b\n", "FROM a\n"),
    "variables": counted(lambda n: f"ENV a{n:05}=$a{n - 1:05}\n", "FROM a\n"),
    "one variable": repeated("ENV a=$a$a\n", "FROM a\n"),
    "pairs": repeated("a=$a ", "FROM a\nENV "),
    "arguments": counted(lambda n: f"ARG a{n:05}\n", "FROM a\nARG b=1\n"),
    "runs": counted(lambda n: f"RUN pip install a{n:05}\n", "FROM a\n"),
    "steps of a run": repeated("&& apt-get update ", "FROM a\nRUN a "),
    "packages": counted(lambda n: f"a{n:05} ", "FROM a\nRUN pip install "),
    "here-documents": repeated("RUN <<A\nA\n", "FROM a\n"),
    "here-documents without end": repeated("RUN <<A\n", "FROM a\n"),
    "continuations": repeated("\\\n", "FROM a\nRUN a "),
    "comments": repeated("# check=skip=a\n", "FROM a\n"),
    "ignores": repeated("# dockml ignore=a\nRUN a\n", "FROM a\n"),
    "shells": repeated("RUN bash -c \"bash -c 'a ) b'\"\n", "FROM a\n"),
    "secrets": counted(lambda n: f"ENV PASSWORD{n}=hunter{n:06}\n", "FROM a\n"),
    "errors": repeated("RUN a ) b ; c\n", "FROM a\n"),
    "exec forms": repeated('RUN ["a", "b"]\n', "FROM a\n"),
    "labels": counted(lambda n: f"LABEL a{n}=b\n", "FROM a\n"),
    "pairs of labels": counted(lambda n: f"a{n:05}=b ", "FROM a\nLABEL "),
    "triggers": repeated("ONBUILD RUN a\n", "FROM a\n"),
    "triggers of stages": counted(lambda n: f"FROM a AS b{n:05}\nONBUILD COPY --from=b{n - 1:05} a b\n"),
    "comments between lines": repeated("\\\n# a\n", "FROM a\nRUN a "),
    "empty lines between lines": repeated("\\\n\n", "FROM a\nRUN a "),
    "backquotes as escapes": repeated("a `\n", "# escape=`\nFROM a\nRUN "),
    "one long word": repeated("a", "FROM a\nENV a="),
    "a long comment": repeated("a", "FROM a\n# "),
    "quoted words": repeated("'a' \"b\" ", "FROM a\nENV a="),
    "quotes in each other": repeated("\"'", "FROM a\nENV a="),
    "defaults in each other": repeated("${a:-", "FROM a\nENV a="),
    "defaults, closed": lambda size: b"FROM a\nENV a=" + b"${a:-" * (size // 6) + b"}" * (size // 6) + b"\n",
    "defaults in each other, of short lines": repeated(f"ENV a={'${a:-' * 40}{'}' * 40}\n", "FROM a\n"),
    "variables that double": counted(
        lambda n: f"ENV a{n:05}=$a{n - 1:05}$a{n - 1:05}\n", "FROM a\nENV a00000=b\n"
    ),
    "arguments and their uses": counted(lambda n: f"ARG a{n:05}=$a{n - 1:05}\nFROM $a{n:05}\n"),
    "patterns of variables": repeated("${a#*a*a*a}", "FROM a\nENV a=" + "a" * 200 + "\nENV b="),
    "here-documents of one line": counted(lambda n: f"<<A{n:05} ", "FROM a\nCOPY "),
    "here-documents, tabs": repeated("COPY <<-A b\n\ta\n\tA\n", "FROM a\n"),
    "scripts in here-documents": repeated("RUN <<A\napt-get install b\nif a; then b; fi\nA\n", "FROM a\n"),
    "mounts": repeated("--mount=type=cache,target=a ", "FROM a\nRUN "),
    "mounts of many parts": repeated("a=b,", "FROM a\nRUN --mount="),
    "health checks": repeated("HEALTHCHECK CMD a || b\n", "FROM a\n"),
    "users and folders": counted(lambda n: f"USER u{n}\nWORKDIR a{n}\n", "FROM a\n"),
    "folders": repeated("WORKDIR a\n", "FROM a\n"),
    "variables and runs": counted(lambda n: f"ENV a{n:05}=b\nRUN c\n", "FROM a\n"),
    "volumes": repeated('"a",', "FROM a\nVOLUME [", '"b"]'),
    "copied into": counted(lambda n: f"COPY a{n:05} /a/\nRUN rm /a/a{n:05}\n", "FROM a\n"),
    "stages that copy from all": lambda size: (
        "".join(f"FROM a AS b{n}\n" for n in range(size // 60))
        + "FROM a\n"
        + "".join(f"COPY --from=b{n} /a{n} /b{n}\n" for n in range(size // 60))
    ).encode(),
}

# Magic, word size, flags; then two texts after their lengths: the version, and modules of up to 256 MiB.
_GO_INFO = b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x01v" + b"\xff" * 3 + b"\x7f" + b"s" * 16

_DESCRIPTOR = (
    '{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:' + "0" * 64 + '","size":1}'
)

PARSERS: dict[str, Parser] = {
    "yaml": Parser(lambda data: yaml.load(_str(data)), 256 * KIB, _YAML),
    "json": Parser(lambda data: strangers_json.load(data, 8 << 20), 1 << 20, _JSON),
    "toml": Parser(lambda data: toml.load(_str(data)), 256 * KIB, _TOML),
    "shell": Parser(lambda data: read_script(_str(data), "sh"), MAX_SCRIPT, _RUN_SHAPES),
    "powershell": Parser(lambda data: read_script(_str(data), "powershell"), MAX_SCRIPT, _RUN_SHAPES),
    "cmd": Parser(lambda data: read_script(_str(data), "cmd"), MAX_SCRIPT, _RUN_SHAPES),
    "readings of a Dockerfile": Parser(lambda data: list(_reader().rows(data)), 256 * KIB, _DOCKERFILE_SHAPES),
    "read-dockerfile": Parser(_read_dockerfile, 256 * KIB, _DOCKERFILE_SHAPES),
    "advise Dockerfile": Parser(_dockerfile_advice, 256 * KIB, _DOCKERFILE_SHAPES),
    "advise compose.yml": Parser(lambda data: file_facts("compose.yml", _str(data)), 256 * KIB, _YAML),
    "advise workflow": Parser(lambda data: file_facts(".github/workflows/a.yml", _str(data)), 256 * KIB, _YAML),
    "rebuilds of a Dockerfile": Parser(_rebuilds, 256 * KIB, _DOCKERFILE_SHAPES),
    "labels of Dockerfile": Parser(_labels("Dockerfile"), 256 * KIB, _DOCKERFILE_SHAPES),
    **{f"labels of {path}": Parser(_labels(path), 256 * KIB, shapes) for path, shapes in {
        "README.md": {"definitions": repeated("project is a a "), "menu": repeated("[a](b) | ")}, "compose.yml": _YAML,
        ".github/workflows/a.yml": _YAML, "pyproject.toml": _TOML, "package.json": _JSON, "environment.yml": _YAML,
        "requirements.txt": {"lines": repeated("a==1\n")}, "setup.py": {"lists": repeated("install_requires=['a',")},
    }.items()},
    "labels of what a listing tells": Parser(_described, 16 * KIB, {"words": repeated("a ")}),
    **{f"links of {path}": Parser(_links(path), 256 * KIB, shapes) for path, shapes in {
        ".github/workflows/a.yml": _YAML, ".travis.yml": _LINK_SHAPES, "compose.yml": _YAML, "docker-bake.hcl": {
            "tags": repeated('tags = ["a/b"]\n'), "variables": repeated('variable "a" { default = "b" }\n'),
        }, "docker-bake.json": _JSON, "skaffold.yaml": _YAML, "chart/values.yaml": {"images": repeated("image: a/b\n")},
        "README.md": _LINK_SHAPES, "build.sh": _LINK_SHAPES, "Makefile": _LINK_SHAPES, "package.json": _JSON,
    }.items()},
    "links of an image's labels": Parser(
        lambda data: links_of_reference("own/project", "a/b", labels={"org.opencontainers.image.url": _str(data)}),
        256 * KIB, {"addresses": repeated("github.com/own/project")},
    ),
    ".dockerignore": Parser(_ignored, 256 * KIB, {
        "stars": repeated("*a"), "double stars": repeated("**/"), "stars in lines": repeated("**/*a*b\n"),
        "brackets": repeated("[a"),
    }),
    ".dockerignore of a tree": Parser(_ignored_in_a_tree, 256 * KIB, {
        "stars": repeated("*a"), "double stars": repeated("**/"), "stars in lines": repeated("**/*a*b\n"),
        "inside names": repeated("a**"), "many patterns": counted(lambda n: f"a{n:06}/**/*.b\n"),
        "negated classes": repeated("[^a]*"), "stars in classes": repeated("[*]"), "exceptions": repeated("a*\n!a*b\n"),
    }),
    "source of COPY": Parser(lambda data: glob_expression(_str(data)).fullmatch("a/" * 100 + "c" * 100), 64 * KIB, {
        "stars": repeated("*a"), "brackets": repeated("[a"), "classes": repeated("[^a]"),
    }),
    "projects.yaml": Parser(_in_folder("projects.yaml", read_catalogue), 256 * KIB, {
        "projects": counted(lambda n: f"- name: a{n}\n", "projects:\n"), **_YAML,
    }),
    "manifest": Parser(parse_manifest, 1 << 20, _JSON | {
        "layers": repeated('{"mediaType":"application/octet-stream","digest":"sha256:' + "0" * 64 + '","size":1},',
                           '{"schemaVersion":2,"config":' + _DESCRIPTOR + ',"layers":[', _DESCRIPTOR + "]}"),
        "schema 1": repeated('{"v1Compatibility":"{}"},', '{"schemaVersion":1,"history":[', "{}]}"),
    }),
    "config": Parser(parse_config, 1 << 20, _JSON | {
        "history": repeated('{"created_by":"/bin/sh -c #(nop) A"},', '{"os":"linux","history":[', "{}]}"),
        "variables": counted(lambda n: f'"A{n}=b",', '{"os":"linux","config":{"Env":[', '"a=b"]}}'),
        "labels": counted(lambda n: f'"a{n}":"b",', '{"os":"linux","config":{"Labels":{', '"a":"b"}}}'),
    }),
    "image reference": Parser(lambda data: ImageReference.parse(_str(data)), 64 * KIB, {
        "parts": repeated("a/"), "a tag": lambda size: b"a/b:" + b"c" * min(size, 99),
    }),
    "challenge of a registry": Parser(
        lambda data: parse_challenges(_str(data)), MAX_HEADER, {"pairs": repeated('a="b",', "Bearer ")}
    ),
    **{name: Parser(read, most, shapes) for name, read, most, shapes in inside()},
    **{f"data set, {kind}": Parser(_set(kind), 1 << 20, shapes, text=kind == "csv") for kind, shapes in SETS.items()},
    "layer": Parser(_layer, 8 << 20, TARS, text=False),
    "layer, gzip": Parser(_layer, 8 << 20, {name: _zipped(shape) for name, shape in TARS.items()} | {
        "members": lambda size: gzip.compress(b"\0" * 10, mtime=0) * (size // 30)}, text=False),
    "layer, zstd": Parser(_layer, 8 << 20, {name: _zstd(shape) for name, shape in TARS.items()} | {
        "frames": lambda size: zstd.compress(b"\0" * 10) * (size // 20)}, text=False),
    "device code": Parser(_device_code, 8 << 20, DEVICE_CODE, text=False),
    "device code of archives": Parser(partial(_device_code, of=ArchiveReader), 8 << 20, ARCHIVES, text=False),
    "build information of Go": Parser(lambda data: read_build_info("x", _GO_INFO + data), 1 << 20, {
        "dependencies": counted(lambda n: f"dep\ta{n:06}\tv1\n"), "cells": repeated("\t", "dep"),
        "replacements": repeated("=>\ta\tv1\n", "mod\ta\tv1\n"),
    }),
    "layers merged": Parser(_merged, 2 << 20, TARS, text=False),
    "index of an archive": Parser(lambda data: read_tar_index(io.BytesIO(data)), 8 << 20, TARS, text=False),
    "table of contents, eStargz": Parser(_toc, 4 << 20, {n: _packed(estargz, t) for n, t in TOCS.items()}, text=False),
    "table of contents, zstd:chunked": Parser(_toc, 4 << 20, {n: _packed(chunked, t) for n, t in TOCS.items()}, text=False),
}  # fmt: skip


def call(parser: Parser, data: bytes) -> None:
    """Read; what a reader may raise is no find."""
    with suppress(*REFUSALS):
        parser.read(data)
