"""The content of a layer's files as JSON values, the form in which it is stored with the layer's other facts.

Here: both directions. Not here: reading a layer (``inside``), storing.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from dockml_dagster.images.scanning.inside import LayerInside
from dockml_dagster.study.device_code.model import DeviceFile, DeviceRow
from dockml_dagster.study.packages.model import Claim, Diversion, Package, Reading
from dockml_dagster.study.secrets.image import SecretFile


def to_json(inside: LayerInside) -> dict[str, Any]:
    """Convert to JSON values, to be stored with the layer's other facts."""
    return {
        "readings": [
            [
                reading.path,
                reading.ecosystem,
                [list(package) for package in reading.packages],
                [
                    [claim.group, _packed(claim.files), _packed(claim.alternates), list(claim.directories)]
                    for claim in reading.claims
                ],
                reading.distribution,
                reading.problem,
                [list(diversion) for diversion in reading.diversions],
            ]
            for reading in inside.readings
        ],
        "secrets": [list(secret) for secret in inside.secrets],
        "secrets_cut_short": inside.secrets_cut_short,
        "device_code": None
        if inside.device_code is None
        else [[one.path, [list(row) for row in one.rows], one.problem] for one in inside.device_code],
    }


def from_json(kept: dict[str, Any] | None) -> LayerInside | None:
    """The inverse of ``to_json``. None gives None: a layer read by a version that did not look into files."""
    if kept is None or "secrets" not in kept:
        return None
    return LayerInside(
        tuple(
            Reading(
                path,
                ecosystem,
                tuple(Package(*package) for package in packages),
                tuple(
                    Claim(group, b64decode(files), b64decode(alternates), tuple(directories))
                    for group, files, alternates, directories in claims
                ),
                None if distribution is None else (distribution[0], distribution[1]),
                problem,
                tuple(Diversion(*diversion) for each in diversions for diversion in each),
            )
            # Earlier versions stored no diversions.
            for path, ecosystem, packages, claims, distribution, problem, *diversions in kept["readings"]
        ),
        tuple(SecretFile(path, rule) for path, rule in kept["secrets"]),
        kept["secrets_cut_short"],
        None
        if kept.get("device_code") is None
        else tuple(
            DeviceFile(path, tuple(DeviceRow(*row) for row in rows), problem)
            for path, rows, problem in kept["device_code"]
        ),
    )


def _packed(keys: bytes) -> str:
    return b64encode(keys).decode()
