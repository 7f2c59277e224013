"""apk's database ``lib/apk/db/installed``: packages with their folders and files.

Here: reading it (fields of Alpine's "Apk spec": P name, V version, A architecture, L licence, F folder, R file). Not here:
finding it (``databases``).
"""

from __future__ import annotations

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.packages.model import Claim, Package, Reading, path_keys, path_text, said


def read_installed(path: str, content: bytes) -> Reading:
    """All packages and their files."""
    packages: list[Package] = []
    claims: list[Claim] = []
    fields: dict[bytes, bytes] = {}
    folder = b""
    files: list[str] = []
    for line in (*content.split(b"\n"), b""):
        check_time()
        letter, value = line[:1], line[2:]
        if not line.strip():
            if fields.get(b"P") and fields.get(b"V"):
                name, version = said(fields[b"P"]), said(fields[b"V"])
                architecture, licence = said(fields.get(b"A", b"")), said(fields.get(b"L", b""))
                packages.append(Package("apk", name, version, architecture, licence, name))
                claims.append(Claim(name, path_keys(files)))
            fields, folder, files = {}, b"", []
        elif line[1:2] != b":":
            continue
        elif letter == b"F":
            folder = value.strip()
        elif letter == b"R":
            files.append(path_text(folder + b"/" + value.strip()))
        elif letter in b"PVAL":
            fields[letter] = value
    return Reading(path, "apk", tuple(packages), tuple(claims))
