"""A synthetic package of the study's form: a workbook written by hand,
a few Dockerfiles, a few export lines. And images in OCI layouts.

Nothing in it is the study's: names, numbers and texts are made up.
"""

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

Cells = Sequence[Sequence[object]]

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _cell(value: object) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def xlsx(sheets: Mapping[str, Cells]) -> bytes:
    """A workbook (ECMA-376) with these sheets, rows of cells; texts are inline."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        names = list(sheets)
        archive.writestr("[Content_Types].xml", _TYPES)
        office = f'<Relationship Id="r" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", _RELATIONS.format(office))
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="s{number}"/>'
            for number, name in enumerate(names, start=1)
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="s{number}" Type="{_OFFICE}/worksheet" Target="worksheets/s{number}.xml"/>'
            for number in range(1, len(names) + 1)
        )
        archive.writestr("xl/_rels/workbook.xml.rels", _RELATIONS.format(targets))
        for number, name in enumerate(names, start=1):
            rows = "".join(f"<row>{''.join(_cell(value) for value in row)}</row>" for row in sheets[name])
            archive.writestr(
                f"xl/worksheets/s{number}.xml",
                f"<worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>",
            )
    return stream.getvalue()


FUNNEL = ["all-search", "initial", "100commits", "1release", "notarchived", "images", "filtered"]


def sheets() -> dict[str, list[list[object]]]:
    """The workbook's sheets: two projects in ``filtered2``, a third in ``labeling2`` only."""
    header: list[object] = [
        "Repos",
        "topic",
        "stars",
        "commits",
        "repo_size",
        "archived",
        "docker_files_count",
    ]
    found: dict[str, list[list[object]]] = {
        name: [header, ["ann/one", "k", 10, 200, 30, False, 2], ["bob/two", "k", "nan", 300, 40, False, 1]]
        for name in FUNNEL
    }
    found["filtered2"] = [
        [*header, "manual_topic", "latest_image"],
        ["ann/one", "k", 10, 200, 30, False, 2, "Toolkit", "['ann/one:1', 'ann/base:2']"],
        ["bob/two", "k", "nan", 300, 40, False, 1, "Model", "['ann/base:2']"],
    ]
    found["labeling2"] = [
        ["Repos", "latest_image", "What", "When", "Dockerfiles"],
        ["ann/one", "['ann/one:1']", "CI/CD, Hosting", "testing", 2],
        ["cyd/three", "['cyd/three:1']", "Hosting", "", 0],
    ]
    found["baseimages"] = [
        ["Repos", "Dockerfile", "Baseimage", "Base", "version"],
        ["ann/one", "Dockerfile", "python:3.8", "python", "3.8"],
    ]
    return found


IMAGES = "raw-data/DockerImage/layers/"
LOGS = "raw-data/Dockerfiles/logs/"
WORKBOOK = "RQ1/ML_Docker_repositories.xlsx"


def files() -> dict[str, bytes]:
    """Every file below ``Datasets/``."""
    manifests = (
        "Image,RepoTag,mediaType,schemaVersion,config_mediaType,config_size,config_digest,"
        "layers_mediaType,layers_size,layers_digest\n"
        "ann/one,1,m,2,c,50,sha256:c1,l,100,sha256:l1\n"
        "ann/one,1,m,2,c,50,sha256:c1,l,20,sha256:l2\n"
        "ann/base,2,m,2,c,60,sha256:c2,l,100,sha256:l1\n"
        "zed/free,1,m,2,c,70,sha256:c3,l,5,sha256:l9\n"
    )
    configs = (
        "Image,RepoTag,config_digest,config_size,architecture,os,created,config_env_count,Env,"
        "rootfs_layers_count,rootfs_layers\n"
        "ann/one,1,sha256:c1,50,amd64,linux,2021-05-06T07:08:09.123456789Z,1,['PATH=/bin'],d1/d2,2\n"
    )
    history = (
        "Image,RepoTag,config_digest,created,created_by,empty_layer,comments\n"
        "ann/one,1,sha256:c1,2021-05-06T07:08:09Z,ADD file,,\n"
        "ann/one,1,sha256:c1,2021-05-06T07:08:10Z,CMD x,True,\n"
    )
    layers = (
        "Image,RepoTag,layer_digest,total_files,total_directory,total_empty_dirs,max_level,file_type,"
        "file_type_counts,avg_size,max_size,min_size,avg_level\n"
        "ann/one,1,l1,9,4,0,3,py,5,10.5,20,1,2.5\n"
        "ann/one,1,l1,9,4,0,5,so,4,99,100,98,4\n"
    )
    return {
        WORKBOOK: xlsx(sheets()),
        f"{LOGS}ann/one/latest/Dockerfile": b"FROM python:3.8\nRUN pip install x\n",
        f"{LOGS}ann/one/latest/docker/gpu.Dockerfile": b"FROM nvidia/cuda\n",
        f"{LOGS}ann/one/latest/README.md": b"# one\n",
        f"{LOGS}ann/one/v1/Dockerfile": b"FROM python:2.7\n",
        f"{LOGS}bob/two/latest/Dockerfile": b"FROM alpine\nLABEL who=\xff\xfe\n",
        f"{IMAGES}Manifest_details.csv": manifests.encode(),
        f"{IMAGES}Manifest_Config_info.csv": configs.encode(),
        f"{IMAGES}Manifest_History.csv": history.encode(),
        f"{IMAGES}Image_layers_info_summary.csv": layers.encode(),
    }


Make = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture
def directory(tmp_path: Path) -> Make:
    """Writes files as an unpacked package."""

    def make(content: Mapping[str, bytes]) -> Path:
        root = tmp_path / "package"
        for name, data in content.items():
            path = root / "Datasets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return root

    return make


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """One file of an archive."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def archive(tmp_path: Path) -> Make:
    """Writes files as ``package.tar.xz``, with a folder in front."""

    def make(content: Mapping[str, bytes]) -> Path:
        path = tmp_path / "package.tar.xz"
        with tarfile.open(path, "w:xz", preset=0) as opened:
            for name, data in content.items():
                add(opened, f"EASE2022-main/Datasets/{name}", data)
        return path

    return make


@pytest.fixture(params=["directory", "archive"])
def package(request: pytest.FixtureRequest) -> Make:
    """Each of the two forms in turn."""
    make: Make = request.getfixturevalue(request.param)
    return make


@pytest.fixture
def whole() -> dict[str, bytes]:
    """The files of an undamaged package; tests change their copy."""
    return files()


@pytest.fixture
def workbook() -> Callable[[Mapping[str, Cells]], bytes]:
    """Writes a workbook."""
    return xlsx


@pytest.fixture
def all_sheets() -> dict[str, list[list[object]]]:
    """The sheets of an undamaged workbook."""
    return sheets()


OCI = "application/vnd.oci.image"


class Layout:
    """An OCI layout of one tag."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "blobs/sha256").mkdir(parents=True)
        (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        name = hashlib.sha256(content).hexdigest()
        (self.root / "blobs/sha256" / name).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}

    def image(self, *layers: bytes, architecture: str = "amd64", **config: Any) -> dict[str, Any]:
        document = {
            "os": "linux",
            "architecture": architecture,
            "created": "2024-05-01T10:00:00.123456789Z",
            "config": {"Env": ["TOKEN=s3cret", "PATH=/bin"], "User": "app", "Labels": {"token": "s3cret"}},
            "rootfs": {
                "type": "layers",
                "diff_ids": ["sha256:" + hashlib.sha256(each).hexdigest() for each in layers],
            },
            "history": [
                {"created_by": "ADD rootfs.tar / # buildkit"},
                {"created_by": 'CMD ["sh"]', "empty_layer": True},
                {"created_by": "RUN /bin/sh -c make # buildkit"},
            ][: 1 + 2 * (len(layers) > 1)],
            **config,
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.blob(json.dumps(document).encode(), f"{OCI}.config.v1+json"),
            "layers": [
                self.blob(gzip.compress(each, mtime=0), f"{OCI}.layer.v1.tar+gzip") for each in layers
            ],
        }
        entry = self.blob(json.dumps(manifest).encode(), manifest["mediaType"])
        return {**entry, "platform": {"os": "linux", "architecture": architecture}}

    def write(self, *entries: dict[str, Any]) -> str:
        top = entries[0]
        if len(entries) > 1:
            index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": entries}
            top = self.blob(json.dumps(index).encode(), index["mediaType"])
        top = {**top, "annotations": {"org.opencontainers.image.ref.name": "1"}}
        (self.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
        return f"oci:{self.root}:1"

    def path(self, content: bytes) -> Path:
        return self.root / "blobs/sha256" / hashlib.sha256(gzip.compress(content, mtime=0)).hexdigest()


@pytest.fixture
def layout(tmp_path: Path) -> Callable[[str], Layout]:
    return lambda name: Layout(tmp_path / name)
