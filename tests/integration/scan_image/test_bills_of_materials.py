"""Bills of materials against what their publishers say of the form: CycloneDX's strict JSON schema, SPDX's own validator."""

import json
from pathlib import Path

import pytest

ODD = {
    "s/a-1.dist-info/METADATA": b"Name: a\nVersion: 1\nLicense: GPL, see file <LICENSE> & more\n",
    "s/b-2.dist-info/METADATA": "Name: b\u00fc (x)\nVersion: 2 beta/3\nLicense-Expression: MIT OR Apache-2.0\n".encode(),
    "s/c.dist-info/METADATA": b"Name: c\n",
    "s/d-1.dist-info/METADATA": b"Name: \xff\x00d\nVersion: \x1b[31m1\nLicense: \x07\n",
    "s/e-1.dist-info/METADATA": b"Name: " + b"e" * 1000 + b"\nVersion: " + b"9" * 1000 + b"\n",
    "s/a_-1.dist-info/METADATA": b"Name: a\nVersion: 1\n",
    "app/node_modules/@s/p/package.json": b'{"name": "@s/p", "version": "1.0.0", "license": "SEE LICENSE IN x"}',
    "var/lib/dpkg/status": b"Package: libc6\nVersion: 1:2.36-9+deb12u4\nArchitecture: amd64\nStatus: install ok installed\n",
    "lib/apk/db/installed": b"P:busybox\nV:1.36.1-r5\nA:x86_64\nL:GPL-2.0-only\n\n",
}  # fmt: skip


@pytest.fixture
def odd(serve, scan, registry, put_image, tar, packed) -> str:
    put_image("1", packed(tar(ODD)), history=[{"created_by": "RUN a \x1b[0m"}])
    server = serve(registry)
    scan.allow(server)
    return f"{server.host}/ml/image:1"


def test_cyclonedx_is_valid(scan, odd: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    document = scan.run(odd, "--sbom", "cyclonedx").stdout
    assert len(json.loads(document)["components"]) == len(ODD)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None


def test_spdx_is_valid(scan, odd: str, tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    (tmp_path / "sbom.spdx.json").write_text(scan.run(odd, "--sbom", "spdx").stdout, encoding="utf-8")
    document = parse_file(str(tmp_path / "sbom.spdx.json"))
    assert len(document.packages) == len(ODD) + 1
    assert validate_full_spdx_document(document) == []
