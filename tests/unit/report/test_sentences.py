"""What the report says of small tables: numbers with their own denominators, ties, nothing, one thing, and few projects.

Here: parts of sections, asked of tables of a few columns. What the sample's report says: ``tests/integration/report``.
"""

from collections.abc import Iterator

import duckdb
import pytest

from dockml_dagster.report.blocks import Figure, Paragraph
from dockml_dagster.report.sections import SECTIONS
from dockml_dagster.report.source import Source
from dockml_dagster.report.text import words


@pytest.fixture
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for schema in ("findings", "core", "seeds"):
            connection.execute(f"CREATE SCHEMA {schema}")
        yield connection


def _said(tables: duckdb.DuckDBPyConnection, section: str, what: str, corpus: str = "local") -> list[str]:
    """Paragraphs, titles and notes of a part, as text."""
    (part,) = [part for each in SECTIONS if each.name == section for part in each.parts if part.what == what]
    said = []
    for block in part.build(Source(tables, corpus)):
        if isinstance(block, Paragraph):
            said.append(words(block.text))
        elif isinstance(block, Figure):
            said += [words(block.title), words(block.note)]
    return said


def _kinds(tables: duckdb.DuckDBPyConnection, *projects: int) -> None:
    tables.execute(
        "CREATE TABLE findings.rq1_categories AS SELECT 'local' AS corpus, 'corrected' AS reading, "
        "'K' || row_number() OVER () AS category, projects, sum(projects) OVER () AS n, projects / sum(projects) OVER () "
        "AS share, 0.1 AS share_low, 0.9 AS share_high, 0 AS labelled_by_machine "
        f"FROM (SELECT unnest({list(projects)}) AS projects)"
    )
    tables.execute("CREATE TABLE findings.label_shares (corpus VARCHAR)")


@pytest.mark.parametrize(
    ("projects", "said"),
    [
        (
            (3, 1),
            "Of 2 kinds of project K1 is the most frequent (75.0 % of 4, 95 % interval 10.0 % to 90.0 %).",
        ),
        ((2, 2, 1), "Of 3 kinds of project K1 and K2 are the most frequent (each 40.0 % of 5, 95 % interval"),
        (
            (1, 1, 1),
            "Of 3 kinds of project K1, K2 and K3 are the most frequent (each 33.3 % of 3, 95 % interval",
        ),
        ((7,), "The only kind of project is K1 (100.0 % of 7, 95 % interval 10.0 % to 90.0 %)."),
    ],
)
def test_nothing_is_first_that_others_equal(tables, projects, said):
    _kinds(tables, *projects)
    (lead,) = _said(tables, "summary", "the kinds of project")
    assert lead.startswith(said)


def test_a_corpus_without_labels_has_no_most_frequent_kind(tables):
    tables.execute(
        "CREATE TABLE findings.rq1_categories AS SELECT 'local' AS corpus, 'corrected' AS reading, "
        "'unlabelled' AS category, 3 AS projects, 3 AS n, 1.0 AS share"
    )
    tables.execute(
        "CREATE TABLE findings.label_shares (corpus VARCHAR, code_system VARCHAR, n_people BIGINT, code VARCHAR, "
        "share_if_as_measured DOUBLE, machine_informedness DOUBLE)"
    )
    assert _said(tables, "rq1", "the categories")[0] == "No project has a category"
    tables.execute(
        "CREATE TABLE core.projects AS SELECT 'local' AS corpus, NULL::VARCHAR AS category FROM range(3)"
    )
    assert _said(tables, "rq1", "the labelled projects") == ["No project has a category."]


def test_a_share_of_numbers_names_those_that_it_is_of(tables):
    """Of five that can be computed soundly two have no size: a threshold and a zero. One of three moves by a third."""
    tables.execute("""
        CREATE TABLE findings.paper_comparison AS
        SELECT 'ease2022' AS paper, 'ease2022' AS corpus,
            'rq1' AS rq, metric, 'All' AS category, unit AS published_unit, published, published
            AS as_published, corrected
        FROM (VALUES ('a', '%', 30.0, 20.0), ('b', '%', 30.0, 31.0), ('c', '%', 30.0, 30.0),
            ('d', 'threshold', 5.0, 60.0), ('e', '%', 0.0, 9.0), ('f', '%', 8.0, NULL))
            AS rows (metric, unit, published, corrected)
    """)
    (lead,) = _said(tables, "summary", "the comparison with the paper", "ease2022")
    assert "computed soundly, 33.3 % of 3 move by more than a tenth" in lead
    tables.execute(
        "CREATE TABLE seeds.comparison_families (rq VARCHAR, title VARCHAR, metrics VARCHAR, explanation VARCHAR)"
    )
    tables.execute("INSERT INTO seeds.comparison_families VALUES ('rq1', 'Numbers', '.*', '')")
    tables.execute(
        ";".join(
            f"ALTER TABLE findings.paper_comparison ADD COLUMN {column} VARCHAR"
            for column in ("unit", "n", "clusters", "note", "location")
        )
    )
    said = _said(tables, "paper", "the comparison with the paper", "ease2022")
    assert "A sound computation moves 33.3 % of 3 numbers of the study by more than a tenth" in said


def test_ties_of_images_are_compared_with_one_correction(tables):
    """The same two p: clear among the two of images, not among all measures. A grade's family has these two only."""
    tables.execute("""
        CREATE TABLE findings.category_differences AS
        SELECT 'local' AS corpus, 'category' AS grouping, 'final' AS label_source, grade AS link_grade, 'rq4' AS rq,
            measure, 'image' AS unit_of_analysis, 'overall' AS row_kind, 50 AS n, 9 AS clusters,
            0.2 AS largest_cluster_share,
            1.0 AS statistic, 2 AS degrees_of_freedom, p, p * if(grade = 'any', 77, 2) AS p_holm,
            if(grade = 'any', 77, 2) AS family_tests, 0.1 AS epsilon_squared, 'small' AS magnitude, '' AS note
        FROM (VALUES ('image_bytes', 0.001), ('image_layers', 0.04)) AS tests (measure, p)
        CROSS JOIN (VALUES ('any'), ('likely')) AS grades (grade)
    """)
    said = _said(tables, "cohorts", "the differences between categories")
    assert said[0].startswith("The categories were compared in 77 measures, and differ in none (")
    assert said[-1].startswith(
        "Of 2 measures of images and layers, the categories differ in 2; with those images alone whose tie to the "
        "project is at least likely, in 2 of 2."
    )


def test_the_most_followed_practice_is_one_that_some_projects_show(tables):
    tables.execute("CREATE TABLE seeds.practices (practice VARCHAR, definition VARCHAR)")
    tables.execute("""
        CREATE TABLE findings.rq3_practices AS
        SELECT 'local' AS corpus, 'All' AS category, practice, share AS share_per_project, 0.0 AS per_project_low,
            1.0 AS per_project_high, share AS share_followed, 0.0 AS share_low, 1.0 AS share_high, 1 AS followed,
            clusters AS n, clusters, 0 AS unknown, 0 AS not_applicable
        FROM (VALUES ('rare', 1.0, 1), ('common', 0.8, 5), ('seldom', 0.3, 9), ('odd', 0.0, 4))
            AS p (practice, share, clusters)
    """)
    assert _said(tables, "rq3", "the practices")[0] == (
        "Practices followed, from common (80.0 %) to seldom (30.0 %), of those that at least five projects show"
    )
    tables.execute("DELETE FROM findings.rq3_practices WHERE clusters >= 5")
    assert _said(tables, "rq3", "the practices")[0] == "Practices followed"


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (0, "A secret is in a file of some layer in none of 25 images that were searched (0.0 %)."),
        (1, "A secret is in a file of some layer in 1 of 25 images that were searched (4.0 %)."),
    ],
)
def test_nothing_is_none(tables, images, said):
    tables.execute(
        "CREATE TABLE findings.rq4_secrets AS SELECT 'local' AS corpus, 'any' AS rule, "
        f"{images} AS images, 25 AS n, 9 AS clusters, {images} / 25 AS share, 0 AS images_hidden, {images} AS files"
    )
    assert _said(tables, "rq4", "secrets in layers") == [said]


def test_base_images_are_those_of_valid_dockerfiles(tables):
    tables.execute(
        "CREATE TABLE core.dockerfiles AS SELECT 'local' AS corpus, range < 2 AS valid FROM range(3)"
    )
    tables.execute(
        "CREATE TABLE core.base_images AS SELECT 'local' AS corpus, range < 4 AS dockerfile_valid, "
        "if(range IN (0, 4), 'unresolved', 'image') AS base_kind FROM range(5)"
    )
    assert _said(tables, "threats", "what Dockerfiles leave open") == [
        "Of 3 files whose name says Dockerfile, the rules of BuildKit accept 2; the rest is in no corrected number. Of 4 "
        "base images, a variable that the file does not set decides 1 (25.0 %)."
    ]


def test_instructions_that_are_as_frequent_are_both_named(tables):
    tables.execute(
        "CREATE TABLE findings.rq3_instruction_mix AS SELECT 'local' AS corpus, 'corrected' AS reading, 'All' AS category, "
        "keyword, share AS pooled_share, 0.1 AS pooled_low, 0.9 AS pooled_high, 3 AS projects_using, 3 AS n "
        "FROM (VALUES ('RUN', 0.4), ('COPY', 0.2), ('FROM', 0.4)) AS k (keyword, share)"
    )
    assert (
        _said(tables, "rq3", "the instruction mix")[0] == "FROM and RUN are each 40.0 % of all instructions"
    )
    tables.execute("DELETE FROM findings.rq3_instruction_mix WHERE keyword = 'FROM'")
    assert _said(tables, "rq3", "the instruction mix")[0] == "RUN is 40.0 % of all instructions"


def test_the_layers_of_images_that_share_none(tables):
    tables.execute(
        "CREATE TABLE findings.rq4_image_properties AS SELECT 'local' AS corpus, 'corrected' AS reading, 'All' AS category, "
        "'layers' AS metric, 1.0 AS median, NULL::DOUBLE AS median_low, NULL::DOUBLE AS median_high, 2 AS n, 1 AS clusters"
    )
    tables.execute(
        "CREATE TABLE findings.rq4_sharing AS SELECT 'local' AS corpus, 'corrected' AS reading, 'All' AS category, "
        "1.0 AS share_in_one_image, 2 AS n, 1.0 AS layer_dedup_ratio"
    )
    tables.execute(
        "CREATE TABLE core.image_file_totals (corpus VARCHAR, image VARCHAR, basis VARCHAR, project VARCHAR)"
    )
    tables.execute("CREATE TABLE core.projects (project VARCHAR, cohort VARCHAR)")
    (lead,) = _said(tables, "summary", "the images")
    assert (
        "100.0 % of the 2 distinct layers occur in one image only. The files of 0 images are known." in lead
    )
    tables.execute("UPDATE findings.rq4_sharing SET layer_dedup_ratio = 1.5")
    (lead,) = _said(tables, "summary", "the images")
    assert "only, and without sharing all images would take 1.5 times the room. The" in lead


def test_recommendations_that_concern_as_large_a_share_keep_their_own_numbers(tables):
    tables.execute("CREATE TABLE seeds.recommendations (recommendation VARCHAR, action VARCHAR)")
    tables.execute("""
        CREATE TABLE findings.advice AS
        SELECT 'local' AS corpus, 'All' AS category, about, recommendation, severity, projects, n, projects / n AS share,
            NULL::BIGINT AS saves_bytes
        FROM (VALUES ('image', 'apt-lists', 'warning', 12, 12), ('dockerfile', 'non-root-user', 'warning', 13, 13),
            ('image', 'multi-stage', 'warning', 2, 12), ('image', 'labels', 'note', 12, 12))
            AS known (about, recommendation, severity, projects, n)
    """)
    said = _said(tables, "advice", "the advice")[0]
    assert said == (
        "Of the recommendations that are more than a note, apt-lists (of images: 12 of 12 projects) and non-root-user (of "
        "Dockerfiles: 13 of 13 projects) concern the largest share of projects (100.0 %)."
    )
    tables.execute("DELETE FROM findings.advice WHERE recommendation = 'apt-lists'")
    said = _said(tables, "advice", "the advice")[0]
    assert "non-root-user (of Dockerfiles: 13 of 13 projects) concerns the largest" in said


def test_agreement_on_one_project_has_no_kappa_and_one_project(tables):
    tables.execute("""
        CREATE TABLE findings.label_agreement AS
        SELECT 'local' AS corpus, question AS code_system, 'project' AS unit_of_analysis, 'ana' AS first,
            'machine' AS second, 'All' AS code, n, n AS by_first, n AS by_second, 0.75 AS observed, kappa
        FROM (VALUES ('category', 1, NULL), ('purpose', 3, 0.4)) AS r (question, n, kappa)
    """)
    said = _said(tables, "threats", "the agreement of raters")
    assert said[:2] == [
        "On the category of 1 project the labels of ana and the machine agree in 75.0 % of the decisions.",
        "On the purpose of 3 projects the labels of ana and the machine agree in 75.0 % of the decisions, with Cohen’s "
        "kappa 0.4.",
    ]
