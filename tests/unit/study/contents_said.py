"""Further subjects of ``test_everything_said.py``: contents of images, differences, rebuilds.

Here: the inputs, mostly those of the case tables beside this file. Not here: recording and comparing results.
"""

import io
import json
import random
import tarfile
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.formats import json as json_format
from dockml_dagster.study.formats import toml as toml_format
from dockml_dagster.study.formats import yaml as yaml_format
from dockml_dagster.study.image.model_artifact import model_artifact
from dockml_dagster.study.json_facts import read_object
from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import SpoolWriter
from dockml_dagster.study.packages.sbom import Subject, cyclonedx, spdx
from dockml_dagster.study.rebuilds.plan import read_plan
from dockml_dagster.study.rebuilds.summary import RebuildFigures
from tests.unit.study.difference.test_comparing import BEFORE, CHANGES, compare, side
from tests.unit.study.image.test_model_artifact import CASES as MODELS
from tests.unit.study.image.test_model_artifact import read as read_model
from tests.unit.study.layer.conftest import archive_of
from tests.unit.study.packages.test_images import CASES as PACKAGES
from tests.unit.study.packages.test_images import inventory_of
from tests.unit.study.rebuilds.repository import Repository
from tests.unit.study.said_texts import Said, read_cases
from tests.unit.study.secrets.test_secrets import NONE, SECRETS, layer

HERE = Path(__file__).parent


def packages() -> Said:
    """The whole inventory of each image, and its bills of materials."""
    for path in PACKAGES:
        layers = tomllib.loads(path.read_text("utf-8"))["layers"]
        for compressed in (None, [100 * (at + 1) for at in range(len(layers))]):
            found, whole = inventory_of(layers, compressed)
            made = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
            subject = Subject(
                "r/i:1", "sha256:" + "a" * 64, "1", made, [f"RUN {at}" for at in range(len(layers))]
            )
            said = [found, whole, cyclonedx(subject, found), spdx(subject, found)]
            yield f"{path.stem}, {'layers compressed' if compressed else 'as they are'}", said


def secrets() -> Said:
    """The results for each file, including files without secrets."""
    for at, (path, content, *_) in enumerate([*SECRETS, *NONE]):
        found = layer([(path, content), (f"opt/{path}", content * 2)])[0].found()
        yield f"{at} {path}", found.secrets


def models() -> Said:
    """Every field of every artifact."""
    for path in MODELS:
        manifest, case = read_model(path)
        config = case["config"]
        stated = (
            None if config is None else (config if isinstance(config, str) else json.dumps(config)).encode()
        )
        yield path.stem, [manifest, model_artifact(manifest, stated), model_artifact(manifest, None)]


def differences() -> Said:
    """Differences in both directions between two images, and between shuffled ones."""
    for name, (files, *_) in CHANGES.items():
        after = side(("ADD base", BEFORE_FILES), ("RUN install", files))
        yield name, [compare(BEFORE, after), compare(after, BEFORE)]
    draw = random.Random(5)
    for at in range(12):
        images = [
            [
                (f"RUN {draw.randrange(4)}", {f"{draw.choice(['s/a', 'app'])}/{n}.so": (draw.randrange(9000), f"{n % 3}")
                                              for n in range(draw.randrange(8))})
                for _ in range(3)
            ]
            for _ in range(2)
        ]  # fmt: skip
        yield f"drawn {at}", compare(side(*images[0]), side(*images[1], hidden=("app/1.so",)))


BEFORE_FILES: dict[str, tuple[int, str]] = {"usr/lib/libc.so": (2000, "libc"), "etc/os": (10, "os")}


def rebuilds() -> Said:
    """Every step of every rule's commits, their sums, and the plan of each text."""
    cases = read_cases("rebuilds/rules.toml")["case"]
    everything, figures = Repository(), RebuildFigures()
    for at, case in enumerate(cases):
        alone = Repository()
        then = {**({"Dockerfile": case["after"]} if "after" in case else {}), **case.get("then", {})}
        first = {"Dockerfile": case["before"], **case.get("files", {})}
        found = [alone.commit(first), alone.commit(then), alone.commit({"other": str(at)})]
        plans = [
            read_plan(read_dockerfile(case[when].encode())) for when in ("before", "after") if when in case
        ]
        yield case["name"], [found, plans]
        for commit in ({name: text for name, text in first.items() if text}, then):
            known = {
                name: text
                for name, text in commit.items()
                if text or name.removesuffix("+x") in everything.tree
            }
            figures.add(everything.commit(known), copies_git_folder=at % 5 == 0, year=2020 + at % 3)
    yield "all of them, one after the other", figures


TEXTS = (
    "", "{}", "[]", "null", '{"a": [1, 2.5, "x", true]}', '{"a": NaN}', '{"a": 1, "a": 2}', "{'a': 1}", '{"a": "\\ud800"}',
    "a: 1\n", "a:\n  - b\n  - c: [1, 2]\n", "a: &x 1\nb: *x\n", "a: !!python/object x\n", "- yes\n- 012\n- 2020-01-01\n",
    "a = 1\n", "[a]\nb = 'c'\n[[d]]\ne = [1, {f = 2}]\n", "a = 1\na = 2\n", "a: b: c\n", "\ta: 1\n",
    "a: |\n  text\n  more\n",
    "[" * 60 + "]" * 60, "[" * 200 + "]" * 200, "a: " + "[" * 60 + "]" * 60, "a = " + "[" * 60 + "]" * 60, "\x00",
)  # fmt: skip


def formats() -> Said:
    """The result of each reader for each text, or its refusal."""
    for at, text in enumerate(TEXTS):
        said = []
        for read in (lambda text: json_format.load(text, 1000), toml_format.load, yaml_format.load):
            try:
                said.append(read(text))
            except Exception as error:
                said.append(type(error).__name__)  # messages differ between versions of Python
        yield f"{at}", [*said, yaml_format.load_or_none(text), json_format.load_or_none(text, 3)]


def cut_layers() -> Said:
    """A layer that is truncated or damaged at many places."""
    members = [
        ("d/", None),
        ("d/a", "x" * 700),
        ("n" * 120 + "/ü", "y"),
        ("l", "-> d/a"),
        ("h", "=> d/a"),
        ("d/.wh.b", ""),
    ]
    data = archive_of(members)
    for at in range(0, len(data), 97):
        damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        found: list[Any] = []
        for form in (data[:at], damaged):
            entries: list[Any] = []
            scan = scan_layer(io.BytesIO(form), sink=entries.extend)
            found.append(
                [
                    entries,
                    {name: getattr(scan, name) for name in scan.__dataclass_fields__ if name != "seconds"},
                ]
            )
        yield f"{at}", found


def _member(name: str, typeflag: bytes, size: int) -> bytes:
    """A header of any type, as tarfile would not write it, and contents."""
    member = tarfile.TarInfo(name)
    member.size = size
    header = bytearray(member.tobuf(tarfile.USTAR_FORMAT))
    header[156:162] = typeflag + b"first"
    header[148:156] = b"%06o\0 " % sum((*header[:148], *b" " * 8, *header[156:]))
    return bytes(header) + b"x" * size + bytes(-size % 512)


def headers() -> Said:
    """A member of each type, with contents or without, between two others; and what the layer counts of them."""
    types = (b"0", b"\0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"A", b"V", b"Z")
    for kind, size in ((kind, size) for kind in types for size in (0, 1, 512, 700)):
        for more in range(3):
            odd = [(f"d/odd{at}", kind, size) for at in range(1 + more)]
            data = b"".join(_member(*each) for each in [("first", b"0", 3), *odd, ("last", b"0", 5)])
            entries: list[Any] = []
            seen = replace(scan_layer(io.BytesIO(data + bytes(1024)), sink=entries.extend), seconds=0)
            writer = SpoolWriter(io.BytesIO)
            writer.extend(entries)
            lines = writer.finish().readlines()
            yield (
                f"{kind!r} of {size}, {1 + more}",
                [seen, entries, summarise_image([lambda lines=lines: lines])],
            )


def json_facts() -> Said:
    """Fields of a document with more faults than are noted."""
    facts = read_object(json.dumps({f"f{at}": at for at in range(400)}).encode(), 10_000)
    yield "fields", [facts.key_set(f"f{at}") for at in range(400)]
    yield "problems", facts.problems


SUBJECTS = (packages, secrets, models, differences, rebuilds, formats, cut_layers, headers, json_facts)
