"""Synthetic projects in any number: a corpus that costs nothing to read, for measuring everything around it.

Here: making up rows of the shape that real corpora hand over. Not here: measuring (``bench/bench_scale.py``).
A project has on average 3 files, 2 of them Dockerfiles whose texts are mostly its own, half an image of 8 layers, of which
half are shared with others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from dockml_dagster.corpora.base import Collected, Corpus, Listing, Outcome, Stage
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.rows import combined_hash

CATEGORIES = (
    "Application System", "MLOps/AIOps", "Toolkit", "DL Framework", "Model", "Documentation"
)  # fmt: skip
BASES = (
    "python:3.11-slim",
    "ubuntu:22.04",
    "nvidia/cuda:12.2.0-runtime-ubuntu22.04",
    "alpine:3.19",
    "node:20",
)
PACKAGES = ("numpy", "torch==2.1.0", "flask", "pandas>=2", "scikit-learn", "gunicorn==21.2.0")
LAYERS = 8

Row = dict[str, Any]


class Synthetic(Corpus):
    """A corpus of ``projects`` made-up projects; see ``corpora.base.Corpus``."""

    method_version = "1"
    description = "Made-up projects."

    def __init__(self, projects: int, name: str = "sample") -> None:
        self.name = name
        self._projects = projects

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """A few; whoever measures says how many."""
        return cls(10)

    @cached_property
    def keys(self) -> list[str]:
        """Partition keys."""
        return [f"{self.name}/owner{number // 5}/project{number}" for number in range(self._projects)]

    def fingerprint(self) -> str:
        """See ``Corpus.fingerprint``."""
        return combined_hash([str(self._projects)])

    def listing(self) -> Listing:
        """See ``Corpus.listing``."""
        hashes = {key: combined_hash([key]) for key in self.keys}
        return Listing(
            source=f"{self._projects} synthetic projects",
            projects=self.keys,
            inputs={"dockerfiles": hashes, "manifests": hashes, "layer_stats": hashes},
            rows={
                "raw.candidates": [
                    row for n, key in enumerate(self.keys) for row in self._candidates(n, key)
                ],
                "raw.projects": [self._metadata(n, key) for n, key in enumerate(self.keys)],
            },
            labels={"raw.labels": [self._label(n, key) for n, key in enumerate(self.keys)]},
        )

    def collect(self, stage: Stage, project: str) -> Collected:
        """See ``Corpus.collect``."""
        number = int(project.rsplit("project", 1)[1])
        made = {"dockerfiles": self._dockerfiles, "manifests": self._manifests, "layer_stats": self._layers}
        rows = made[stage](number, project)
        if not rows:
            return Collected(outcomes=[Outcome(stage, "", "not_available", "no image")])
        return Collected(rows, [Outcome(stage, "", "collected")])

    def _stamp(self, project: str | None, **row: Any) -> Row:
        return {
            "project": project,
            "corpus": self.name,
            "source": "synthetic",
            "source_file": "made up",
            **row,
        }

    def _candidates(self, number: int, key: str) -> Iterator[Row]:
        for step_number, step in enumerate(("found by search", "has a Dockerfile", "usable image")):
            yield self._stamp(
                key,
                name=key.split("/", 1)[1],
                step=step,
                step_number=step_number,
                stars=number % 977,
                source_row=number,
            )

    def _metadata(self, number: int, key: str) -> Row:
        name = key.split("/", 1)[1]
        return self._stamp(
            key, name=name, owner=name.split("/")[0], position=number, description=f"Made up {number}",
            language="Python", commits=100 + number % 5000, contributors=1 + number % 50, stars=number % 977,
            forks=number % 101, repository_bytes=number % 100_000, archived=False,
            created_at=datetime(2020, 1, 1), updated_at=datetime(2026, 1, 1), source_row=number,
        )  # fmt: skip

    def _label(self, number: int, key: str) -> Row:
        return self._stamp(
            key, rater="made up", unit_kind="project", unit=key, code_system="category",
            code=CATEGORIES[number % 6], codebook_version="ease2022", source_row=number,
        )  # fmt: skip

    def _text(self, number: int, which: int) -> bytes:
        base = BASES[(number + which) % len(BASES)]
        lines = [f"FROM {base} AS build", f"LABEL number={number // 2}", "WORKDIR /app", "COPY . ."]
        lines.append("RUN apt-get update && apt-get install -y git curl && rm -rf /var/lib/apt/lists/*")
        lines.append(f"RUN pip install {' '.join(PACKAGES[: 1 + number % 6])}")
        if which:
            lines += [f"FROM {BASES[number % 3]}", "COPY --from=build /app /app", "ENV MODE=serve"]
        lines += ["EXPOSE 8080", 'CMD ["python", "-m", "app"]']
        return ("\n".join(lines) + "\n").encode()

    def _dockerfiles(self, number: int, key: str) -> dict[str, list[Row]]:
        files, dockerfiles = [], []
        for which, path in enumerate(("Dockerfile", "serve/Dockerfile")):
            content = self._text(number, which)
            common = {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            files.append(self._stamp(key, **common, file_kind="dockerfile"))
            dockerfiles.append(self._stamp(key, **common, content=content))
        other = {
            "path": "docker-compose.yml",
            "bytes": 10,
            "sha256": hashlib.sha256(key.encode()).hexdigest(),
        }
        files.append(self._stamp(key, **other, file_kind="compose"))
        return {"raw.repository_files": files, "raw.dockerfiles": dockerfiles}

    def _digests(self, number: int) -> list[str]:
        names = [
            f"shared {number % 40} {n}" if n < LAYERS // 2 else f"own {number} {n}" for n in range(LAYERS)
        ]
        return ["sha256:" + hashlib.sha256(name.encode()).hexdigest() for name in names]

    def _manifests(self, number: int, key: str) -> dict[str, list[Row]]:
        if number % 2:
            return {}
        reference = f"docker.io/owner{number // 5}/project{number}:latest"
        manifest, config = (
            "sha256:" + hashlib.sha256(f"{kind} {number}".encode()).hexdigest()
            for kind in ("manifest", "config")
        )
        same = {"reference": reference, "config_digest": config}
        layers = [
            self._stamp(
                key,
                **same,
                manifest_digest=manifest,
                position=n,
                layer_digest=digest,
                compressed_bytes=10_000 * n,
            )
            for n, digest in enumerate(self._digests(number))
        ]
        history = [
            self._stamp(key, **same, position=n, created_by=f"RUN step {n}", empty_layer=False)
            for n in range(LAYERS)
        ]
        return {
            "raw.image_references": [self._stamp(key, reference=reference, origin="made up", position=0)],
            "raw.manifests": [
                self._stamp(
                    key, **same, manifest_digest=manifest, architecture="amd64", os="linux", config_bytes=8000, layers=LAYERS
                )
            ],
            "raw.image_configs": [
                self._stamp(
                    key, **same, config_bytes=8000, architecture="amd64", os="linux", env_count=5,
                    rootfs_layers=LAYERS, rootfs_diff_ids=self._digests(number), fields_complete=True,
                )
            ],
            "raw.image_history": history,
            "raw.image_layers": layers,
        }  # fmt: skip

    def _layers(self, number: int, key: str) -> dict[str, list[Row]]:
        if number % 2:
            return {}
        layers, types = [], []
        for n, digest in enumerate(self._digests(number)):
            layers.append(
                self._stamp(
                    key, layer_digest=digest, files=100 * n, directories=10 * n, max_depth=8, bytes=40_000 * n,
                    compressed_bytes=10_000 * n, entries=110 * n,
                )
            )  # fmt: skip
            types += [
                self._stamp(key, layer_digest=digest, extension=extension, files=10, bytes_mean=400.0)
                for extension in (".py", ".so", ".txt")
            ]
        return {"raw.layers": layers, "raw.layer_file_types": types}
