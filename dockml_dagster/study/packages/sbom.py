"""An inventory as a software bill of materials: CycloneDX 1.6 and SPDX 2.3, both JSON.

Here: the documents, for the packages that a container sees. Not here: the inventory. Neither format has a field for bytes,
layer and instruction: in CycloneDX they are properties named `dockml:…`, in SPDX a comment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from dockml_dagster.study.packages.inventory import Inventory
from dockml_dagster.study.packages.model import ImagePackage

_NAMESPACE: Final = "https://spdx.org/spdxdocs/dockml"
_NO_ID: Final = re.compile(r"[^A-Za-z0-9.-]+")
_UNKNOWN: Final = "NOASSERTION"


@dataclass(frozen=True, slots=True)
class Subject:
    """The image, and the tool that made the document. ``instructions``: of each layer, lowest first; None where unknown."""

    reference: str
    digest: str
    tool_version: str
    created: datetime
    instructions: Sequence[str | None]


def cyclonedx(subject: Subject, inventory: Inventory) -> dict[str, Any]:
    """A CycloneDX 1.6 document."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, subject.digest)}",
        "version": 1,
        "metadata": {
            "timestamp": _time(subject),
            "tools": {
                "components": [{"type": "application", "name": "dockml", "version": subject.tool_version}]
            },
            "component": {
                "type": "container",
                "bom-ref": subject.digest,
                "name": subject.reference,
                "version": subject.digest,
            },
        },
        "components": [_component(subject, number, one) for number, one in _visible(inventory)],
    }


def _component(subject: Subject, number: int, package: ImagePackage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"{number}:{package.purl}",
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    }
    if package.licence:
        found["licenses"] = [{"license": {"name": package.licence}}]
    found["properties"] = [
        {"name": f"dockml:{name}", "value": str(value)} for name, value in _facts(subject, package).items()
    ]
    return found


def spdx(subject: Subject, inventory: Inventory) -> dict[str, Any]:
    """An SPDX 2.3 document."""
    image = "SPDXRef-Image"
    packages = [
        (f"SPDXRef-Package-{number}-{_NO_ID.sub('-', one.name)}", one) for number, one in _visible(inventory)
    ]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.reference,
        "documentNamespace": f"{_NAMESPACE}/{uuid5(NAMESPACE_URL, f'{subject.digest} {_time(subject)}')}",
        "creationInfo": {"created": _time(subject), "creators": [f"Tool: dockml-{subject.tool_version}"]},
        "packages": [
            {
                "SPDXID": image,
                "name": subject.reference,
                "versionInfo": subject.digest,
                "downloadLocation": _UNKNOWN,
                "filesAnalyzed": False,
                "primaryPackagePurpose": "CONTAINER",
            },
            *(_spdx_package(subject, name, one) for name, one in packages),
        ],
        "relationships": [
            _relationship("SPDXRef-DOCUMENT", "DESCRIBES", image),
            *(_relationship(image, "CONTAINS", name) for name, _ in packages),
        ],
    }


def _spdx_package(subject: Subject, name: str, package: ImagePackage) -> dict[str, Any]:
    facts = ", ".join(f"{name} {value}" for name, value in _facts(subject, package).items())
    found: dict[str, Any] = {
        "SPDXID": name,
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        # A database's licence may not be an expression of SPDX identifiers.
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": package.purl,
            }
        ],
        "comment": facts,
    }
    if package.licence:
        found["licenseComments"] = f"as its database states: {package.licence}"
    return found


def _relationship(element: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": other}


def _facts(subject: Subject, package: ImagePackage) -> dict[str, Any]:
    facts: dict[str, Any] = {"bytes": package.bytes, "files": package.files}
    if package.compressed_bytes is not None:
        facts["compressed_bytes_estimated"] = package.compressed_bytes
    facts["layer"] = package.layer + 1
    instruction = subject.instructions[package.layer] if package.layer < len(subject.instructions) else None
    if instruction:
        facts["instruction"] = instruction
    if package.inside is not None:
        facts["inside"] = package.inside
    facts["found_by"] = package.database
    return facts


def _visible(inventory: Inventory) -> list[tuple[int, ImagePackage]]:
    return list(enumerate((one for one in inventory.packages if one.visible), 1))


def _time(subject: Subject) -> str:
    return subject.created.strftime("%Y-%m-%dT%H:%M:%SZ")
