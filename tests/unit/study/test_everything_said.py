"""All results of ``study/`` for the inputs of the case tables: none of them changes unnoticed.

Here: for each input of the tables beside this file, and each project of the sample, a digest of all results, as recorded in
``everything_said.json``. A case checks what it is about; this checks everything else. Not here: which results are right.
After an intended change, ``python tests/unit/study/test_everything_said.py`` records the digests. With the name of a subject
it prints the full results, so that two versions can be compared.
"""

import hashlib
import io
import json
import random
import re
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dockml_dagster.study.advice.fixes import fix_dockerfile
from dockml_dagster.study.advice.model import parse_recommendation_rules
from dockml_dagster.study.advice.project import advise_project, fact_rows
from dockml_dagster.study.dockerfile.checks import CheckOptions, run_checks
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.shell.scripts import read_runs
from dockml_dagster.study.image.manifest import parse_manifest
from dockml_dagster.study.image.reference import ImageReference
from dockml_dagster.study.image_links import find_links
from dockml_dagster.study.labels.agreement import agreement, krippendorff_alpha, set_agreement
from dockml_dagster.study.labels.annotation_sample import Candidate, draw
from dockml_dagster.study.labels.category import classify_category, parse_category_model
from dockml_dagster.study.labels.coder_drift import Halves, coder_drift
from dockml_dagster.study.labels.purpose import parse_purpose_rules, purposes_by_file, purposes_of
from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import Spool, SpoolWriter
from dockml_dagster.study.layer.union import union_batches
from dockml_dagster.study.project.dependencies import declared_dependencies
from dockml_dagster.study.project.files import choose, read_as
from dockml_dagster.study.readings import Reader
from dockml_dagster.study.statistics.calibrated import (
    Stratum,
    calibrated_share,
    informedness,
    share_if_as_measured,
)
from dockml_dagster.study.statistics.clusters import (
    Units,
    cluster_effect,
    order,
    permute_projects,
    permute_units,
    project_scores,
    size_word,
)
from dockml_dagster.study.statistics.families import holm
from dockml_dagster.study.statistics.intervals import (
    mean_interval,
    median_interval,
    proportion,
    share_interval,
)
from dockml_dagster.study.statistics.paired import shift
from tests.unit.study import contents_said, mangled_said
from tests.unit.study.layer.conftest import archive_of
from tests.unit.study.said_texts import SEEDS, Said, drawn_texts, facts_of, projects, read_cases, texts

HERE = Path(__file__).parent
NOTED = HERE / "everything_said.json"


def rows() -> Said:
    """The rows of the tables about Dockerfiles."""
    reader = Reader(SEEDS)
    for name, data in texts():
        yield name, list(reader.rows(data))


def checks_and_fixes() -> Said:
    """The findings of BuildKit's checks, including experimental and ignored ones, and the text after every fix."""
    reader = Reader(SEEDS)
    for name, data in texts():
        reading = read_dockerfile(data)
        advised = [row for table, row in reader.rows(data) if table == "raw.dockerfile_advice"]
        lines = {row["recommendation"]: {line for line in row["evidence_lines"] if line} for row in advised}
        found = run_checks(reading, options=CheckOptions(experimental_all=True), obey_comments=False)
        yield name, [run_checks(reading), found, fix_dockerfile(data, lines)]


def scripts() -> Said:
    """Every command of every script, with what is redirected and where it stands."""
    for name, data in drawn_texts():
        yield name, read_runs(read_dockerfile(data))


def labels() -> Said:
    """Facts, purposes, category and declared dependencies of each project."""
    rules = parse_purpose_rules(SEEDS["purpose_rules"])
    model = parse_category_model(SEEDS["category_features"], SEEDS["category_weights"])
    for name, files in projects():
        facts = facts_of(name, files)
        found = purposes_of(facts, rules)
        by_file = purposes_by_file(found)
        own = [by_file.get(path, ()) for path in files if "dockerfile" in path.lower()]
        yield name, [facts, found, own, classify_category(facts, model)]


def project_files() -> Said:
    """The roles of files, their mentions of images, and the advice on them."""
    rules = parse_recommendation_rules(SEEDS["recommendations"])
    for name, files in projects():
        advice = advise_project(name, files, rules)
        sizes = [(path, len(text)) for path, text in files.items()]
        rest = [[path, read_as(path), fact_rows(path, text.encode())] for path, text in files.items()]
        packages = [declared_dependencies(path, text) for path, text in files.items()]
        yield name, [find_links(f"owner/{name}", files), advice, choose(sizes), rest, packages]
    for at, case in enumerate(read_cases("project/dependencies.toml")["case"]):
        yield f"dependencies/{at}", declared_dependencies(case["path"], case["text"])


def images() -> Said:
    """References and manifests."""
    for case in read_cases("image/reference_cases.toml")["valid"]:
        text = case["text"].replace("DIGEST", "sha256:" + "a" * 64)
        yield f"reference/{case['text']}", ImageReference.parse(text)
    for path in sorted((HERE / "image" / "manifest_cases").glob("*.json")):
        case = json.loads(
            re.sub(r'"D(\d+)"', lambda found: f'"sha256:{int(found[1]):064x}"', path.read_text("utf-8"))
        )
        if "error" not in case:
            body = case["body"].encode() if "body" in case else json.dumps(case["document"]).encode()
            yield path.stem, parse_manifest(body, case.get("content_type"))


def layers() -> Said:
    """The rows of layers in every format, their sums, and the image that they make."""
    formats = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    for at, path in enumerate(sorted((HERE / "layer" / "union_cases").glob("*.toml"))):
        spools: list[Spool] = []
        seen: list[Any] = []
        for layer in tomllib.loads(path.read_text("utf-8"))["layers"]:
            members = [*layer.items(), ("l" * 80 + "/" + "n" * 90, "x" * (at * 97))]
            data = archive_of(members, format=formats[at % 3], uname="u" * at)
            entries: list[Any] = []
            seen.append(replace(scan_layer(io.BytesIO(data), sink=entries.extend), seconds=0))
            writer = SpoolWriter(io.BytesIO)
            writer.extend(entries)
            lines = writer.finish().readlines()
            spools.append(lambda lines=lines: lines)
            seen.append([*entries])
        seen.append([row for batch in union_batches(spools) for row in batch])
        yield path.stem, [seen, summarise_image(spools)]


def statistics() -> Said:
    """Every test, effect and interval: for projects with similar units, few projects, one project, censored and equal
    values.
    """
    generator = np.random.default_rng(20220613)
    kinds = {
        "alike": (
            np.repeat(generator.normal(size=9), 4) + generator.normal(size=36) / 9,
            np.repeat(np.arange(9), 4),
        ),
        "single": (generator.normal(size=12), np.arange(12)),
        "uneven": (generator.integers(0, 5, 30).astype(float), np.repeat(np.arange(6), [1, 2, 3, 6, 8, 10])),
        "yes or no": (generator.integers(0, 2, 24).astype(float), np.repeat(np.arange(8), 3)),
        "equal": (np.ones(8), np.repeat(np.arange(4), 2)),
        "one project": (np.arange(5.0), np.zeros(5, int)),
        "two projects": (np.arange(6.0), np.repeat([0, 1], 3)),
    }
    for name, (values, of_projects) in kinds.items():
        for capped in (None, values >= np.quantile(values, 0.8)):
            units = Units(values, of_projects, capped)
            groups = np.arange(units.clusters) % 3
            lower = units.of(of_projects % 2 == 0)
            found: list[Any] = [units.n_censored, order(lower, units), project_scores(units)]
            found.append(permute_projects(project_scores(units)[:, None], groups, [1], (99, 199)))
            found.append(permute_units(units, np.arange(units.n) % 2, [2], (99, 199)))
            found += [cluster_effect(lower, units.of(of_projects % 2 == 1)), mean_interval(values)]
            for weighting in ("project", "unit"):
                found.append(median_interval(units, weighting))
                counts = np.bincount(of_projects, weights=values > values.mean())
                found.append(share_interval(counts, units.sizes, weighting))
            found.append(shift(values, np.roll(values, 1), of_projects, [3]))
            yield f"{name}, {'some capped' if capped is not None else 'all whole'}", found
    for coded, yes, uncoded in ((10, 3, 40), (5, 5, 0), (8, 0, 3), (2, 1, 9), (1, 1, 0), (0, 0, 7)):
        first, second = Stratum(coded, yes, uncoded), Stratum(12, 9, 5)
        for strata in ({"a": first}, {"a": first, "b": second}):
            yield f"{strata}", calibrated_share(strata)
        yield f"{first} as measured", [share_if_as_measured(0.3, first, second), informedness(first, second)]
    sizes = (-1, -0.474, -0.33, -0.147, -0.1, 0, 0.146, 0.147, 0.329, 0.33, 0.473, 0.474, 1)
    yield "words", [size_word(size) for size in sizes]
    yield "proportions", [proportion(count, n) for n in (0, 1, 7, 400) for count in {0, n // 3, n}]
    yield "holm", [holm(values) for values in ([], [0.04], [0.01, 0.04, 0.03, 0.5], [1.0, 0.9, 0.0001])]


def raters() -> Said:
    """Agreement, drift and samples of labels."""
    generator = random.Random(7)
    people = ("ana", "bea", "cat")
    single = [
        {person: generator.choice("xxyz") for person in people if generator.random() < 0.9} for _ in range(25)
    ]
    several = [
        {person: frozenset(generator.sample("pqr", generator.randint(0, 3))) for person in people}
        for _ in range(25)
    ]
    yield "one code each", [agreement(single, draws=60), krippendorff_alpha(single)]
    yield "any number of codes", set_agreement(several, draws=60)
    yield "two units", [agreement(single[:2], draws=9), set_agreement(several[:2], draws=9)]
    halves = {
        "a": Halves(30, 30, 5, 20),
        "b": Halves(30, 30, 0, 0),
        "c": Halves(30, 30, 30, 30),
        "d": Halves(9, 30, 1, 2),
    }
    yield "drift", coder_drift(halves)
    asked = [
        Candidate(f"u{at}", "abc"[at % 3], dict(several[at], machine=frozenset("p")), (at * 7 % 10) / 10)
        for at in range(25)
    ]
    for sampling in ("random", "stratified", "disagreement"):
        yield sampling, [draw(asked, n, sampling, seed=n) for n in (0, 1, 5, 24, 25, 40)]


SUBJECTS = {
    one.__name__: one
    for one in (
        rows,
        checks_and_fixes,
        scripts,
        labels,
        project_files,
        images,
        layers,
        statistics,
        raters,
        *contents_said.SUBJECTS,
        *mangled_said.SUBJECTS,
    )
}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return (
            _plain(asdict(value))
            if not hasattr(value, "__slots__")
            else {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        )
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple | Iterator):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        # What rounding leaves of zero differs between processors.
        return 0.0 if abs(value) < 1e-12 else float(f"{value:.7g}")
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    return value if isinstance(value, int | str | None) else str(value)


def said(subject: Said) -> dict[str, str]:
    """Each case and all its results, as JSON."""
    return {name: json.dumps(_plain(value), ensure_ascii=True) for name, value in subject}


def digests(subject: Said) -> dict[str, str]:
    """Each case and twelve hexadecimal digits of the digest of its results."""
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in said(subject).items()}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_everything_said(subject: str) -> None:
    now, noted = digests(SUBJECTS[subject]()), json.loads(NOTED.read_text("utf-8"))[subject]
    # Only the cases that differ: all of them are a thousand lines of a failure's text.
    assert [name for name in sorted(now.keys() | noted.keys()) if now.get(name) != noted.get(name)] == []


if __name__ == "__main__":
    if sys.argv[1:]:
        for case_name, everything in said(SUBJECTS[sys.argv[1]]()).items():
            print(f"# {case_name}", json.dumps(json.loads(everything), indent=1), sep="\n")
    else:
        noted = {name: digests(subject()) for name, subject in SUBJECTS.items()}
        NOTED.write_text(json.dumps(noted, indent=0, sort_keys=True) + "\n", encoding="utf-8")
