"""What the labellers are worth on the 269 projects of ``labelled/``, and how long they take; figures, nothing asserted.

    PYTHONPATH=. python tests/bench/bench_labels.py REPOSITORIES [--half develop] [--metadata FILE] [--rules]

REPOSITORIES holds the projects as ``OWNER/NAME``, each a git repository at the commit of ``projects.csv``. FILE is a table,
separated by tabs, of ``repo``, ``description``, ``language`` and ``topic_found_by``, as GitHub told them. Look at the half
``measure`` only when the rules stand: a figure of projects that were looked at is no figure.
"""

import argparse
import csv
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dockml_dagster.corpora.files import file_rows
from dockml_dagster.corpora.local import trees
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.image_links import find_links
from dockml_dagster.study.labels.agreement import Interval, bootstrap, cohen_kappa
from dockml_dagster.study.labels.category import (
    CATEGORIES,
    CategoryJudgement,
    CategoryModel,
    classify_category,
    parse_category_model,
)
from dockml_dagster.study.labels.codebook import parse_codebook
from dockml_dagster.study.labels.evidence_rules import by_place, rule_set
from dockml_dagster.study.labels.purpose import PurposeRules, parse_purpose_rules, purposes_of
from dockml_dagster.study.labels.training.purpose import measure
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import Fact, ProjectMetadata

LABELLED = Path(__file__).parent / "labelled" / "projects.csv"
SEEDS = Path(__file__).parents[2] / "dbt_like_sql" / "seeds"
DEPENDENCIES = "Dependencies management and distribution"


@dataclass(frozen=True)
class Labelled:
    """A project with its label and what is known of it, once without and once with what GitHub says."""

    name: str
    category: str
    purposes: frozenset[str]
    facts: tuple[Fact, ...]
    facts_with_metadata: tuple[Fact, ...] | None

    @property
    def owner(self) -> str:
        """In lower case: what is drawn, and never split."""
        return self.name.split("/")[0].lower()


def labelled_projects(
    repositories: Path, half: str, metadata: Mapping[str, ProjectMetadata], spent: Counter[str]
) -> Iterator[Labelled]:
    """The projects of one half that are there. ``spent``: seconds of processor by step."""
    with LABELLED.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["half"] == half]
    for row in rows:
        name = row["repository"]
        directory = (repositories / name).resolve()
        if not directory.is_dir():
            print(f"absent: {name}")
            continue
        before = time.process_time()
        tree = trees.head_tree(directory)
        with trees.head_reader(directory) as read:
            rows_of = file_rows(tree.files, read)
        files = {file["path"]: file for file in rows_of.repository_files}
        texts = {
            path: file["content"].decode("utf-8", "replace")
            for path, file in files.items()
            if file["content"] is not None
        }
        sizes = {path: file["bytes"] for path, file in files.items()}
        read_at = time.process_time()
        readings = {file["path"]: read_dockerfile(file["content"]) for file in rows_of.dockerfiles}
        facts = facts_of_project(ProjectMetadata(name), readings, texts=texts, sizes=sizes)
        told = None
        if name in metadata:
            told = facts_of_project(metadata[name], readings, texts=texts, sizes=sizes)
        facts_at = time.process_time()
        find_links(name, texts)
        spent.update(
            {"read": read_at - before, "facts": facts_at - read_at, "links": time.process_time() - facts_at}
        )
        purposes = frozenset(row["purposes"].split(";")) - {""}
        yield Labelled(name, row["category"], purposes, facts, told)


def print_categories(title: str, projects: Sequence[Labelled], judged: Sequence[CategoryJudgement]) -> None:
    """Kappa with its interval, the owner being what is drawn; accuracy, macro-F1, recall by category, calibration."""
    pairs = [(project.category, one.likeliest) for project, one in zip(projects, judged, strict=True)]
    by_owner: dict[str, list[tuple[str, str]]] = {}
    for project, pair in zip(projects, pairs, strict=True):
        by_owner.setdefault(project.owner, []).append(pair)
    kappa = bootstrap(
        list(by_owner.values()), lambda drawn: cohen_kappa([p for pairs in drawn for p in pairs])
    )
    told, given, right = (
        Counter(a for a, _ in pairs),
        Counter(b for _, b in pairs),
        Counter(a for a, b in pairs if a == b),
    )
    f1 = [2 * right[code] / (told[code] + given[code]) for code in CATEGORIES if told[code] + given[code]]
    print(
        f"{title}: n {len(pairs)}, kappa {_with_interval(kappa)}, accuracy {right.total() / len(pairs):.2f}, "
        f"macro-F1 {sum(f1) / len(f1):.2f}, cannot tell {sum(one.category is None for one in judged) / len(judged):.2f}"
    )
    for code in CATEGORIES:
        print(f"    {code:20} {told[code]:3} are, {given[code]:3} given, {right[code]:3} right: "
              f"recall {_share(right[code], told[code])}, precision {_share(right[code], given[code])}")  # fmt: skip
    stated: dict[int, list[tuple[float, bool]]] = {}
    for one, (is_, is_said) in zip(judged, pairs, strict=True):
        stated.setdefault(min(int(one.probability * 5), 4), []).append((one.probability, is_ == is_said))
    bins = (
        f"{sum(p for p, _ in of) / len(of):.2f} → {sum(r for _, r in of) / len(of):.2f} ({len(of)})"
        for _, of in sorted(stated.items())
    )
    print(f"    calibration, stated → right: {', '.join(bins)}")


def print_purposes(projects: Sequence[Labelled], rules: PurposeRules) -> None:
    """Micro-F1 of the purposes, with and without those that nearly every project has, and each on its own."""
    coded = {project.name: project.purposes for project in projects}
    given = {
        project.name: frozenset(one.purpose for one in purposes_of(project.facts, rules))
        for project in projects
    }
    names = sorted(rules.base)
    *each, micro = measure(coded, given, names)
    *_, rest = measure(coded, given, [name for name in names if name != DEPENDENCIES])
    by_owner: dict[str, list[str]] = {}
    for project in projects:
        by_owner.setdefault(project.owner, []).append(project.name)

    def f1(drawn: Sequence[Sequence[str]]) -> float | None:
        chosen = [name for owned in drawn for name in owned]
        told = sum(len(coded[name]) for name in chosen)
        said = sum(len(given[name]) for name in chosen)
        both = sum(len(coded[name] & given[name]) for name in chosen)
        return 2 * both / (told + said) if told + said else None

    interval = bootstrap(list(by_owner.values()), f1)
    print(f"purposes: n {len(projects)}, micro-F1 {_with_interval(interval)}, precision {micro.precision or 0:.2f}, "
          f"recall {micro.recall or 0:.2f}; without {DEPENDENCIES} {rest.f1 or 0:.2f}")  # fmt: skip
    for one in each:
        print(f"    {one.purpose:42} {one.coded:3} are, {one.given:3} given, {one.right:3} right: "
              f"precision {_share(one.right, one.given)}, recall {_share(one.right, one.coded)}")  # fmt: skip


def print_rules(projects: Sequence[Labelled], rules: PurposeRules, model: CategoryModel) -> None:
    """For every rule of the seeds, in how many projects it fires and in how many of these rightly."""
    places = [by_place(project.facts) for project in projects]
    for rule in rules.rules:
        fires = [
            p for p, facts in zip(projects, places, strict=True) if rule_set((rule.rule,)).found(facts)[0]
        ]
        rightly = sum(rule.purpose in p.purposes for p in fires)
        share = sum(rule.purpose in p.purposes for p in projects) / len(projects)
        print(
            f"rule {rule.rule.rule:48} fires {len(fires):3}, rightly {rightly:3}, "
            f"{_share(rightly, len(fires))}; the purpose is in {share:.2f}"
        )
    for feature in model.features:
        fires = [
            p for p, facts in zip(projects, places, strict=True) if rule_set((feature.rule,)).found(facts)[0]
        ]
        counts = Counter(p.category for p in fires)
        print(
            f"feature {feature.name:45} fires {len(fires):3}: {', '.join(f'{c} {n}' for c, n in counts.most_common())}"
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "–"


def _with_interval(interval: Interval) -> str:
    if interval.estimate is None or interval.low is None or interval.high is None:
        return "undefined"
    return f"{interval.estimate:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def _metadata(path: Path | None) -> dict[str, ProjectMetadata]:
    if path is None:
        return {}
    with path.open(newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {
            row["repo"]: ProjectMetadata(
                row["repo"],
                row["description"],
                tuple(filter(None, [row["topic_found_by"]])),
                row["language"] or None,
            )
            for row in rows
        }


def main() -> None:
    """Print the figures of one half."""
    parser = argparse.ArgumentParser()
    parser.add_argument("repositories", type=Path)
    parser.add_argument("--half", choices=("develop", "measure"), default="develop")
    parser.add_argument("--metadata", type=Path)
    parser.add_argument(
        "--rules", action="store_true", help="also how often each rule fires, and how often rightly"
    )
    asked = parser.parse_args()
    seeds = {path.stem: path.read_text() for path in SEEDS.glob("*.csv")}
    codebook = parse_codebook(seeds["categories"], seeds["purposes"], seeds["sub_purposes"])
    model = parse_category_model(seeds["category_features"], seeds["category_weights"])
    rules = parse_purpose_rules(seeds["purpose_rules"], codebook.allowed)
    spent: Counter[str] = Counter()
    projects = list(labelled_projects(asked.repositories, asked.half, _metadata(asked.metadata), spent))
    before = time.process_time()
    without = [classify_category(project.facts, model) for project in projects]
    spent["categories"] += time.process_time() - before
    print_categories("category, files alone", projects, without)
    told = [project for project in projects if project.facts_with_metadata is not None]
    if told:
        of_told = [one for one, project in zip(without, projects, strict=True) if project in told]
        print_categories("category, those with metadata, files alone", told, of_told)
        with_it = [classify_category(project.facts_with_metadata or (), model) for project in told]
        print_categories("category, those with metadata, with it", told, with_it)
    before = time.process_time()
    print_purposes(projects, rules)
    spent["purposes"] += time.process_time() - before
    if asked.rules:
        print_rules(projects, rules, model)
    print("seconds of processor:", ", ".join(f"{step} {seconds:.1f}" for step, seconds in spent.items()))


if __name__ == "__main__":
    main()
