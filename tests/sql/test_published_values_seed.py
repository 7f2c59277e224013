"""The seeds that say what papers printed, and how the one that is rerun counted base images.

Here: that the files are whole and can be joined (schema, keys, categories, sources), and, where the
study's package is at hand, that the reconstructed words still give the published counts. Not here: what a run
computes.
"""

import csv
import os
import re
import tarfile
from collections import Counter, defaultdict
from io import BytesIO
from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[2] / "dbt_like_sql" / "seeds"
CATEGORIES = ("Application System", "MLOps/AIOps", "Toolkit", "DL Framework", "Model", "Documentation")
RESEARCH_QUESTIONS = ("funnel", "rq1", "rq2", "rq3", "rq4")
PDF_LOCATION = re.compile(r"(Table|Figure|Section) .+, p\. \d+$")
OTHERS_LOCATION = re.compile(r".+\.(pdf, section .+, p\. \d+|md(, .+)?|json)$|.+, abstract$")


def read_seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


@pytest.fixture(scope="module")
def every() -> list[dict[str, str]]:
    return read_seed("published_values")


@pytest.fixture(scope="module")
def published(every: list[dict[str, str]]) -> list[dict[str, str]]:
    """Of the paper that is rerun."""
    return [row for row in every if row["paper"] == "ease2022"]


@pytest.fixture(scope="module")
def others(every: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in every if row["paper"] != "ease2022"]


def test_columns(every: list[dict[str, str]]) -> None:
    expected = [
        "paper",
        "rq",
        "metric",
        "category",
        "published_unit",
        "unit",
        "value",
        "location",
        "note",
        "of_corpus",
    ]
    assert list(every[0]) == expected
    # DictReader puts surplus fields under None and fills missing ones with it.
    assert all(None not in row and None not in row.values() for row in every)


def test_a_value_is_found_by_paper_rq_metric_and_category(every: list[dict[str, str]]) -> None:
    keys = Counter((row["paper"], row["rq"], row["metric"], row["category"]) for row in every)
    assert [key for key, count in keys.items() if count > 1] == []


def test_every_row_says_where_it_stands(published: list[dict[str, str]]) -> None:
    unsourced = [
        row
        for row in published
        if not (row["location"].startswith("Datasets/") or PDF_LOCATION.search(row["location"]))
    ]
    assert unsourced == []


def test_others_say_where_they_stand_and_where_they_were_read(others: list[dict[str, str]]) -> None:
    assert [row for row in others if not OTHERS_LOCATION.match(row["location"])] == []
    papers = {row["paper"]: row for row in read_seed("papers")}
    assert {row["paper"] for row in others} | {"ease2022"} == set(papers)
    assert [name for name, row in papers.items() if not (row["read_in"] and row["not_read"])] == []


def test_of_others_every_number_can_be_computed_or_says_why_not(others: list[dict[str, str]]) -> None:
    computed = (SEEDS.parent / "findings" / "measures_of_others.sql").read_text(encoding="utf-8")
    notes = {(row["paper"], row["rq"], row["metric"]): row["note"] for row in read_seed("comparison_notes")}
    why = re.compile("Not computable here: |ounted (only )?where the set itself is read")
    silent = [
        row["metric"]
        for row in others
        if f"'{row['metric']}'" not in computed
        and not why.search(notes.get((row["paper"], row["rq"], row["metric"]), ""))
    ]
    assert silent == []


def test_notes_are_of_printed_numbers(every: list[dict[str, str]]) -> None:
    printed = {(row["paper"], row["rq"], row["metric"]) for row in every}
    assert {(row["paper"], row["rq"], row["metric"]) for row in read_seed("comparison_notes")} <= printed


def test_binnacles_rules_are_as_many_as_it_prints(others: list[dict[str, str]]) -> None:
    value = {(row["paper"], row["metric"]): float(row["value"]) for row in others}
    rules = read_seed("published_rules")
    assert sum(row["binnacle"] == "true" for row in rules) == value["binnacle", "gold_rules"]
    assert sum(row["kept"] == "true" for row in rules) == value["binnacle", "gold_rules_kept"]
    # All but ruleMoreThanOneInstall.
    assert sum(row["parfum"] == "true" for row in rules) == value["parfum", "smells"] - 1


def test_values_are_numbers_in_known_units(published: list[dict[str, str]]) -> None:
    assert {row["unit"] for row in published} <= {"count", "%", "KiB", "byte"}
    assert {row["published_unit"] for row in published} <= {"count", "%", "LOC", "MB", "byte", "threshold"}
    assert [row for row in published if not float(row["value"]) > 0] == []
    assert [row for row in published if row["unit"] == "%" and float(row["value"]) > 100] == []


def test_names_are_those_findings_use(published: list[dict[str, str]]) -> None:
    assert {row["category"] for row in published} == {*CATEGORIES, "All"}
    assert {row["rq"] for row in published} == set(RESEARCH_QUESTIONS)
    assert [row["metric"] for row in published if not re.fullmatch(r"[a-z][a-z0-9_]*", row["metric"])] == []


def test_a_wrong_unit_is_explained(published: list[dict[str, str]]) -> None:
    assert [
        row for row in published if row["published_unit"] in ("LOC", "MB") and "KiB" not in row["note"]
    ] == []


@pytest.mark.parametrize(
    "metric",
    [
        "projects",
        "project_share",
        "median_repository_bytes",
        "median_commits",
        "median_contributors",
        "median_forks",
        "median_stars",
        "median_releases",
        "median_dockerfiles",
        "median_config_bytes",
        "architectures",
        "operating_systems",
        "median_environment_variables",
        "median_layers",
        "median_rootfs_layers",
        "median_files",
        "median_max_depth",
    ],
)
def test_tables_1_and_2_have_all_categories(published: list[dict[str, str]], metric: str) -> None:
    assert {row["category"] for row in published if row["metric"] == metric} >= set(CATEGORIES)


def test_what_the_paper_adds_up_adds_up(published: list[dict[str, str]]) -> None:
    value = {(row["rq"], row["metric"], row["category"]): float(row["value"]) for row in published}
    assert (
        sum(value["rq1", "projects", category] for category in CATEGORIES) == value["rq1", "projects", "All"]
    )
    assert (
        value["funnel", "with_dockerfile", "All"] - value["funnel", "removed_by_criteria", "All"]
        == value["funnel", "meeting_all_criteria", "All"]
    )
    assert (
        value["rq4", "median_files", "Documentation"] - value["rq4", "median_files", "Model"]
        == value["rq4", "files_more_than_model", "Documentation"]
    )


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("base_image_type_words_as_published", "base_image_type"),
        ("base_image_words_as_published", "base_image"),
    ],
)
def test_words_can_be_searched_for(name: str, subject: str) -> None:
    rows = read_seed(name)
    assert list(rows[0]) == [subject, "word", "kind", "note"]
    assert all(None not in row and None not in row.values() for row in rows)
    assert {row["kind"] for row in rows} == {"substring"}
    assert [row for row in rows if not row["word"] or row["word"] != row["word"].lower().strip()] == []
    keys = Counter((row[subject], row["word"]) for row in rows)
    assert [key for key, count in keys.items() if count > 1] == []


def test_every_published_type_and_image_has_words(published: list[dict[str, str]]) -> None:
    subjects = {
        "base_image_type_share_": {
            slug(row["base_image_type"]) for row in read_seed("base_image_type_words_as_published")
        },
        "base_image_share_": {slug(row["base_image"]) for row in read_seed("base_image_words_as_published")},
    }
    for prefix, known in subjects.items():
        named = {row["metric"].removeprefix(prefix) for row in published if row["metric"].startswith(prefix)}
        assert named
        assert named <= known


def open_workbook() -> BytesIO:
    """The study's workbook from an archive or an unpacked package; skips where there is none."""
    place = os.environ.get("DOCKML_EASE2022")
    if not place:
        pytest.skip("DOCKML_EASE2022 is unset: the words cannot be counted over the study's data")
    name = "Datasets/RQ1/ML_Docker_repositories.xlsx"
    if Path(place).is_dir():
        return BytesIO((Path(place) / name).read_bytes())
    with tarfile.open(place) as archive:
        for member in archive:
            if member.name.endswith(name):
                file = archive.extractfile(member)
                assert file is not None
                return BytesIO(file.read())
    raise AssertionError(f"no {name} in the archive")


@pytest.mark.ease2022
@pytest.mark.parametrize(
    ("seed", "subject", "prefix"),
    [
        ("base_image_type_words_as_published", "base_image_type", "base_image_type_share_"),
        ("base_image_words_as_published", "base_image", "base_image_share_"),
    ],
)
def test_words_give_the_published_shares(
    published: list[dict[str, str]], seed: str, subject: str, prefix: str
) -> None:
    from python_calamine import CalamineWorkbook

    category_of = {row["label"]: row["category"] for row in read_seed("category_labels")}
    header, *rows = (
        CalamineWorkbook.from_filelike(open_workbook()).get_sheet_by_name("baseimages").to_python()
    )
    column = {str(name): index for index, name in enumerate(header)}
    texts = [
        (
            str(row[column["Repos"]]),
            category_of[str(row[column["Category"]])],
            str(row[column["Baseimage"]]).lower(),
        )
        for row in rows
    ]
    n = len({project for project, _, _ in texts})
    words = defaultdict(set)
    for row in read_seed(seed):
        words[slug(row[subject])].add(row["word"])
    expected = {
        (row["metric"].removeprefix(prefix), row["category"]): float(row["value"])
        for row in published
        if row["metric"].startswith(prefix)
    }
    if subject == "base_image_type":
        # The file of the types leaves out only what is zero; that of the images ends at ten a category.
        expected = {(name, category): 0.0 for name in words for category in CATEGORIES} | expected
    counted = {
        (name, category): len(
            {
                project
                for project, of, text in texts
                if of == category and any(word in text for word in words[name])
            }
        )
        for name, category in expected
    }
    assert {key: round(100 * count / n, 2) for key, count in counted.items()} == expected
