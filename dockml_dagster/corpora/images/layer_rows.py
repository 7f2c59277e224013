"""A scanned layer and a summarised image as rows of ``raw``, without the columns that identify them.

Here: column names and their values. Not here: which layers and images are read (``layers``), counting
(``study.layer``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dockml_dagster.corpora.images.rows import Row
from dockml_dagster.images.scanning.union import ImageUnion
from dockml_dagster.study.advice.model import Recommendation
from dockml_dagster.study.device_code.image import ImageDeviceFile, device_bytes, unused
from dockml_dagster.study.layer.model import LayerScan, TypeCount
from dockml_dagster.study.packages.inventory import Inventory
from dockml_dagster.study.packages.model import ImagePackage
from dockml_dagster.study.packages.versions import version_key
from dockml_dagster.study.secrets.image import ImageSecret

_SHOWN_PATHS: Final = 10
_SHOWN_PROBLEMS: Final = 10


def layer_facts(scan: LayerScan) -> dict[str, Any]:
    """The facts about a layer as they are stored: columns of ``raw.layers`` and of ``raw.layer_file_types``."""
    summary = scan.summary
    layer = {
        "status": scan.status,
        "reason": scan.reason,
        "entries": summary.entries,
        "files": summary.files,
        "directories": summary.directories,
        "empty_directories": summary.empty_directories,
        "symlinks": summary.symlinks,
        "hardlinks": summary.hardlinks,
        "devices": summary.devices,
        "max_published_level": summary.max_published_level,
        "max_depth": summary.max_depth,
        "bytes": summary.bytes,
        "sparse_bytes": summary.sparse_bytes,
        "compressed_bytes": scan.compressed_bytes,
        "fetched_bytes": scan.fetched_bytes,
        "inflated_bytes": scan.inflated_bytes,
        "compression": scan.compression,
        "whiteouts": summary.whiteouts,
        "opaques": summary.opaques,
        "repeated_entries": summary.duplicate_entries,
        # A damaged layer was read up to the damage: its counts are lower bounds, as after a limit.
        "censored": ",".join(scan.censored) or ("corrupt" if scan.status == "corrupt" else None),
        "verified": scan.verified,
        "file_hash_algorithm": scan.file_hash,
    }
    types = [
        {"extension": name, "files": files, "bytes": size, "bytes_mean": size / files if files else None}
        for name, files, size in summary.extensions
    ]
    return {"layer": layer, "types": types}


def summary_rows(union: ImageUnion, digests: Sequence[str]) -> dict[str, list[Row]]:
    """Rows about an image by table, without the columns that identify it."""
    summary = union.summary
    columns = (
        "files directories implied_directories empty_directories symlinks hardlinks devices max_depth max_published_level "
        "bytes wasted_bytes wasted_files duplicate_bytes duplicate_files unhashed_files gini largest_percent_share"
    ).split()
    types: dict[str, Sequence[TypeCount]] = {
        "extension": summary.extensions,
        "magic": summary.file_types,
        "published_class": summary.published_classes,
    }
    return {
        "image_summaries": [
            {
                **{column: getattr(summary, column) for column in columns},
                "hash_algorithms": list(summary.hash_algorithms),
                "censored": ",".join(summary.censored) or None,
                **_inventory_columns(union.inventory),
                "secret_files": _secret_files(union.secrets),
                "secrets_cut_short": None if union.secrets is None else union.secrets_cut_short,
                **_device_columns(union.device_code),
            }
        ],
        "image_layer_shares": [
            {
                "position": position,
                "layer_digest": digests[position],
                "visible_files": share.visible_files,
                "visible_bytes": share.visible_bytes,
                "hidden_files": share.hidden_files,
                "hidden_bytes": share.hidden_bytes,
                "hides_bytes": share.hides_bytes,
            }
            for position, share in enumerate(summary.layers)
        ],
        "image_contents": [
            {
                "rule": finding.rule,
                "rule_group": finding.group,
                "removable": finding.removable,
                "files": finding.files,
                "bytes": finding.bytes,
                "duplicate_bytes": finding.duplicate_bytes,
                "hidden_files": finding.hidden_files,
                "hidden_bytes": finding.hidden_bytes,
                "evidence": [file.path for file in finding.largest[:_SHOWN_PATHS]],
            }
            for finding in union.contents
        ],
        "image_file_types": [
            {"classification": classification, "file_type": name, "files": count, "bytes": size}
            for classification, counts in types.items()
            for name, count, size in counts
        ],
        "image_files": [
            {
                "path": file.path,
                "position": file.layer,
                "layer_digest": digests[file.layer],
                "bytes": file.bytes,
                "file_hash": file.file_hash,
                "extension": file.extension,
                "file_type": file.file_type,
                "hidden_by": file.hidden_by,
                "hidden_cause": file.cause,
            }
            for file in union.files
        ],
        "image_advice": [_advice_row(item) for item in union.advice],
        "image_packages": [
            _package_row(package, digests)
            for package in (() if union.inventory is None else union.inventory.packages)
        ],
        "image_secrets": [_secret_row(secret, digests) for secret in union.secrets or ()],
        "image_device_code": [row for file in union.device_code or () for row in _device_rows(file, digests)],
    }


def _device_columns(files: Sequence[ImageDeviceFile] | None) -> Row:
    """The columns of ``raw.image_summaries`` on GPU code; all unknown if it is unknown for one layer."""
    if files is None:
        return {"device_code_bytes": None, "device_code_idle_bytes": None}
    idle = unused(files)
    return {
        "device_code_bytes": device_bytes(files),
        "device_code_idle_bytes": 0 if idle is None else idle.bytes,
    }


def _device_rows(file: ImageDeviceFile, digests: Sequence[str]) -> list[Row]:
    place = {
        "path": file.path,
        "position": file.layer,
        "layer_digest": digests[file.layer],
        "hidden_by": file.hidden_by,
        "package": file.package,
        "problem": file.problem,
    }
    return [{**place, **row._asdict()} for row in file.rows]


def _secret_files(secrets: Sequence[ImageSecret] | None) -> int | None:
    """Number of files in the image's layers with a secret that no package publishes. None: unknown."""
    if secrets is None:
        return None
    return len({(one.layer, one.path) for one in secrets if one.published_with is None})


def _secret_row(secret: ImageSecret, digests: Sequence[str]) -> Row:
    return {
        "rule": secret.rule,
        "path": secret.path,
        "position": secret.layer,
        "layer_digest": digests[secret.layer],
        "hidden_by": secret.hidden_by,
        "published_with": secret.published_with,
    }


def _inventory_columns(inventory: Inventory | None) -> Row:
    """The columns of ``raw.image_summaries`` on packages; all unknown if they are unknown for one layer."""
    if inventory is None:
        return {
            "packages": None,
            "packages_bytes": None,
            "packages_reason": "a layer was read without its packages",
        }
    visible = [package for package in inventory.packages if package.visible]
    return {
        "packages": len(visible),
        "packages_bytes": sum(package.bytes for package in visible),
        "packages_reason": "; ".join(inventory.problems[:_SHOWN_PROBLEMS]) or None,
    }


def _package_row(package: ImagePackage, digests: Sequence[str]) -> Row:
    return {
        "ecosystem": package.ecosystem,
        "package": package.name,
        "version": package.version,
        "version_key": version_key(package.version),
        "architecture": package.architecture or None,
        "licence": package.licence or None,
        "purl": package.purl,
        "family": package.family,
        "found_in": package.database,
        "position": package.layer,
        "layer_digest": digests[package.layer],
        "inside": package.inside,
        "visible": package.visible,
        "files": package.files,
        "files_missing": package.files_missing,
        "bytes": package.bytes,
        "compressed_bytes": package.compressed_bytes,
        "hidden_files": package.hidden_files,
        "hidden_bytes": package.hidden_bytes,
    }


def _advice_row(item: Recommendation) -> Row:
    """A row of ``raw.image_advice`` without the image's columns: the recommendation, its saving and its places."""
    return {
        "recommendation": item.rule.recommendation,
        "saves_bytes": item.saves_bytes,
        "base_bytes": item.base_bytes,
        "files": item.files,
        "note": item.note or None,
        "evidence": [place.what for place in item.evidence],
        "evidence_paths": [place.path for place in item.evidence],
        "evidence_layers": [place.layer for place in item.evidence],
        "evidence_bytes": [place.bytes for place in item.evidence],
    }
