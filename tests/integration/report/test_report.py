"""The report of the sample: what stands in it comes from the published file, all of it, and nothing else.

Here: content, hostile input. How it looks is in ``test_in_browser``, where it is written in ``test_command``.
"""

import re
import xml.etree.ElementTree as ET
from html import unescape

import duckdb
import pytest

from dockml_dagster.report.building import build_report
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.versions import libraries
from tests.integration.conftest import settings_of
from tests.integration.plain_findings import renew
from tests.integration.report.conftest import without_pdf

PROSE = re.compile(r"<(p|figcaption)\b[^>]*>(.*?)</\1>", re.DOTALL)
DATA = re.compile(r"<data value=\"([^\"]+)\">[^<]*</data>")
MARKED = re.compile(r"<(data|code|time|a)\b[^>]*>.*?</\1>", re.DOTALL)
ALLOWED = re.compile(r"\b(EASE 2022|RQ[1-4]|4 MiB)|95 %|p below 0\.05|(Figure|Table) \d+\.")
"""Names and definitions with digits in them, which no query could give."""

NUMERIC = "('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'DOUBLE', 'FLOAT', 'UBIGINT', 'DECIMAL')"


def _prose(html):
    return [match[2] for match in PROSE.finditer(html)]


def _numbers(html):
    return [value for text in _prose(html) for value in DATA.findall(text)]


def _section(html, name):
    return re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL)[0]


def _cells(html):
    """What the cells of all tables say, one after the other."""
    return " ".join(re.findall(r"<td[^>]*>([^<]*)</td>", html))


def test_every_number_in_a_sentence_is_marked(report):
    typed = []
    for text in _prose(report.html):
        rest = ALLOWED.sub("", unescape(re.sub(r"<[^>]*>", "", MARKED.sub("", text))))
        if re.search(r"\d", rest):
            typed.append(rest)
    assert typed == []


def test_every_number_follows_the_findings(published, report, changed):
    """Every number of every table of the file is another one, and so is every number of every sentence."""
    with duckdb.connect(str(published), read_only=True) as connection:
        columns = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
            f"WHERE schema_name = 'findings' AND data_type IN {NUMERIC} AND column_name NOT IN ('step_number', 'not_asked')"
        ).fetchall()
    statements = [
        # Whole numbers stay whole, shares stay shares; nothing stays what it was.
        f'UPDATE {table} SET "{column}" = '
        + (f'"{column}" * 0.47 + 0.113' if kind in {"DOUBLE", "FLOAT"} else f'"{column}" * 3 + 2')
        for table, column, kind in columns
    ]
    statements += [
        "UPDATE findings.funnel SET step_number = step_number * 2 + 1",
        "DELETE FROM findings.rq1_categories WHERE category = 'Model'",
        "DELETE FROM findings.paper_comparison WHERE hash(metric) % 5 = 0",
        "DELETE FROM core.projects WHERE hash(project) % 3 = 0",
        "UPDATE core.projects SET category = NULL WHERE hash(project) % 4 = 0",
        "DELETE FROM core.dockerfiles WHERE hash(path) % 3 = 0",
        "DELETE FROM core.base_images WHERE hash(path) % 3 = 0",
        "UPDATE core.base_images SET base_kind = 'unresolved' WHERE hash(line) % 4 = 0",
        "DELETE FROM core.layers WHERE hash(layer_digest) % 2 = 0",
        "UPDATE core.layers SET verified = 'as_exported' WHERE hash(layer_digest) % 3 = 0",
        "UPDATE core.layers SET censored = 'bytes' WHERE hash(layer_digest) % 4 = 1",
        "DELETE FROM raw.outcomes WHERE subject = '' AND status <> 'collected' AND hash(project) % 3 = 0",
        "DELETE FROM core.images WHERE hash(config_digest) % 3 = 0",
        "DELETE FROM core.image_file_totals WHERE hash(image) % 3 = 0",
        "DELETE FROM findings.rq4_device_code; DELETE FROM findings.claims WHERE hash(claim) % 2 = 0",
        "DELETE FROM findings.advice WHERE hash(recommendation) % 5 = 0",
        "DELETE FROM findings.coder_drift WHERE hash(code) % 3 = 0",
        "UPDATE core.labels SET rater = rater || CAST(hash(unit) % 2 AS VARCHAR)",
        "UPDATE findings.category_differences SET p_holm = 0.01, magnitude = 'large' WHERE hash(measure) % 3 = 0",
        "DELETE FROM findings.category_differences WHERE hash(measure) % 7 = 1",
    ]
    after = changed(*statements)
    pairs = [
        (before, now)
        for before, now in zip(_prose(report.html), _prose(after.html), strict=True)
        if DATA.search(before) or DATA.search(now)
    ]
    still = [
        (value, before)
        for before, now in pairs
        # A sentence that has more numbers or fewer now is another sentence already.
        if len(DATA.findall(before)) == len(DATA.findall(now))
        for value, other in zip(DATA.findall(before), DATA.findall(now), strict=True)
        if value == other
    ]
    assert [(value, re.sub(r"data:[^\"]*", "", before)) for value, before in still] == []
    assert len(_numbers(report.html)) > 30


def test_a_changed_input_changes_the_text(studied, report, undrawn):
    """One label of one project, all models run again: the sentence on categories counts otherwise."""
    settings = settings_of(studied)
    with Warehouse(settings.warehouse).write() as connection:
        connection.execute(
            "UPDATE raw.labels SET code = 'application' WHERE code_system = 'category' AND corpus = 'sample' "
            "AND unit = (SELECT min(project) FROM core.projects WHERE category = 'MLOps/AIOps')"
        )
    renew(settings)
    after = build_report(settings.published, "sample", libraries())
    before, now = (re.search(r"kinds of project.*?</p>", page.html)[0] for page in (report, after))
    assert float(DATA.findall(now)[0]) == pytest.approx(float(DATA.findall(before)[0]) + 1 / 14)


def test_every_statement_runs_as_it_stands(published, report):
    shown = [
        unescape(found) for found in re.findall(r"<pre><code>(.*?)</code></pre>", report.html, re.DOTALL)
    ]
    assert len(shown) > 20
    with duckdb.connect(str(published), read_only=True) as connection:
        for command in shown:
            # As it is pasted into a shell: the statement between two lines.
            first, *statement, last = command.splitlines()
            assert (first, last) == ("dockml sql - <<'END'", "END")
            connection.execute("\n".join(statement)).fetchall()


def test_the_same_file_gives_the_same_page(published, report):
    assert without_pdf(build_report(published, "sample", libraries()).html) == without_pdf(report.html)


def test_every_part_reads_this_versions_tables(report):
    assert "by another version" not in report.html
    assert "by a version without" not in report.html


def test_a_table_of_another_version_is_a_sentence(changed):
    html = changed("ALTER TABLE findings.rq3_practices DROP COLUMN share_followed").html
    assert "The practices: not in this file; it was published by another version" in _section(html, "rq3")


def test_two_moments_make_a_figure_of_what_changed_and_one_of_how_far(report, changed):
    assert "every project was visited once" in _section(report.html, "change")
    html = changed(
        "INSERT INTO findings.change_over_time BY NAME SELECT 'sample' AS corpus, 'corrected' AS reading, "
        "unnest(['ease2022', 'sample']) AS corpus_before, TIMESTAMP '2021-11-02' AS earliest, "
        "TIMESTAMP '2026-11-02' AS latest, 'dockerfiles' AS metric, 'project' AS unit_of_analysis, 9 AS n, "
        "2.5 AS mean_before, 3.5 AS mean_after, "
        "1.0 AS mean_difference, 4 AS rose, 1 AS fell, 6 AS changed, 6 / 9 AS share_changed",
        "INSERT INTO findings.moment_differences BY NAME SELECT 'sample' AS corpus, 'dockerfiles' AS measure, "
        "'project' AS unit_of_analysis, 'group' AS row_kind, first, second, 9 AS n, median, median - 1 AS median_low, "
        "median + 1 AS median_high "
        "FROM (VALUES ('ease2022 2021-11-02', 'sample 2026-11-02', 2.0), "
        "('sample 2026-11-02', 'ease2022 2021-11-02', 3.0)) AS v(first, second, median)",
        "INSERT INTO findings.moment_differences BY NAME SELECT 'sample' AS corpus, 'dockerfiles' AS measure, "
        "'project' AS unit_of_analysis, 'pair' AS row_kind, 'ease2022 2021-11-02' AS first, "
        "'sample 2026-11-02' AS second, 9 AS n, 2.5 AS statistic, 0.125 AS p, 0.25 AS p_holm, 3 / 9 AS cliffs_delta, "
        "'small' AS magnitude, 8 AS clusters",
    ).html
    shown = _section(html, "change")
    figures = re.findall(r'<figure id="figure-([^"]+)"', shown)
    assert figures == ["change-ease2022", "moved-ease2022", "change-sample"]
    values = [float(value) for value in DATA.findall(shown)]
    assert values[:3] == [6, 9, 6 / 9]
    assert "Dockerfiles moved furthest" in shown
    assert "9 2 (1 to 3) 3 (2 to 4) 8 2.5 0.125 0.25 0.333 small" in _cells(shown), (
        "n, medians, projects, signed ranks, both p, delta"
    )


def test_differences_are_shown_once_and_again_by_the_tie_of_the_images(changed):
    row = (
        "INSERT INTO findings.category_differences BY NAME SELECT 'sample' AS corpus, 'category' AS grouping, "
        "'final' AS label_source, '{grade}' AS link_grade, 'rq4' AS rq, 'image_bytes' AS measure, "
        "'image' AS unit_of_analysis, '{kind}' AS row_kind, 77 AS n, 9 AS clusters, 0.5 AS epsilon_squared, {p} AS p, "
        "{holm} AS p_holm, 1 AS family_tests, 'large' AS magnitude"
    )
    html = changed(
        "DELETE FROM findings.category_differences",
        *(
            row.format(grade=grade, kind=kind, holm=holm, p=p)
            for grade, holm, p in (("any", 0.9, 0.01), ("likely", 0.01, 0.2))
            for kind in ("overall", "pair")
        ),
    ).html
    shown = _section(html, "cohorts")
    assert re.search(r"The categories were compared in <data[^>]*>1</data> measure, and differ in", shown)
    assert shown.count("<td>RQ4</td>") == 1, "the whole comparison has a row a measure, whatever the ties"
    assert "No image of this corpus is confirmed" in shown
    assert "any 77 9 1 1" in _cells(shown), "units, projects, measures tested, those that differ"
    assert "at least likely 77 9 1 0" in _cells(shown)


def test_a_rater_who_changed_is_told_with_a_figure(report, changed):
    unchanged = _section(report.html, "rq2")
    assert "none changed clearly from the first half to the second" in unchanged
    assert "figure-drift" not in unchanged
    row = (
        "INSERT INTO findings.coder_drift BY NAME SELECT 'sample' AS corpus, 'purpose' AS code_system, 'ana' AS "
        "rater, 'project' AS unit_of_analysis, 'sheet.csv' AS sheet, '{among}' AS among, '{code}' AS code, "
        "{units_first} AS units_first, 20 AS n_first, {units_second} AS units_second, 30 AS n_second, "
        "{units_first} / 20 AS share_first, 0.01 AS share_first_low, 0.9 AS share_first_high, {units_second} / 30 "
        "AS share_second, 0.01 AS share_second_low, 0.9 AS share_second_high, {units_second} / 30 - {units_first} "
        "/ 20 AS difference, {p} AS p, {p} AS p_holm"
    )
    rows = (
        ("every unit", "Hosting", 19, 3, 0.000125),
        ("every unit", "Security", 1, 2, 0.75),
        ("labelled so by the machine", "Hosting", 18, 2, 0.0025),
    )
    names = ("among", "code", "units_first", "units_second", "p")
    html = changed(
        "DELETE FROM findings.coder_drift WHERE code_system = 'purpose'",
        *(row.format(**dict(zip(names, values, strict=True))) for values in rows),
    ).html
    shown = _section(html, "rq2")
    sentence = next(text for text in _prose(shown) if "sheet.csv" in text)
    assert [float(value) for value in DATA.findall(sentence)] == [
        *(2, 1, 0.000125, 19, 20, 3, 30),
        *(1, 1, 0.0025, 18, 20, 2, 30),
    ]
    assert "depends on when a project was coded" in sentence
    assert (
        "“Hosting” was noted for 95.0\xa0% of the projects in the first half and for 10.0\xa0% of those in the second"
        in unescape(re.sub(r"<[^>]*>", "", shown))
    )
    assert "several sheets" not in shown


@pytest.mark.parametrize(
    ("section", "figures"),
    [
        ("rq4", {"image-sizes", "platforms", "file-types", "concentration"}),
        ("advice", {"advice", "savings"}),
        ("threats", {"links", "agreement"}),
    ],
)
def test_the_sample_shows_what_is_in_images_what_it_saves_and_how_sure_it_is(report, section, figures):
    shown = set(re.findall(r'<figure id="figure-([^"]+)"', _section(report.html, section)))
    assert shown == figures


def test_size(report):
    assert len(report.html.encode()) < 5_000_000


def test_a_missing_table_is_a_sentence(changed):
    html = changed("DROP TABLE findings.rq3_practices").html
    assert "The practices: not in this file" in _section(html, "rq3")
    assert 'id="figure-practices"' not in html
    assert 'id="figure-instructions"' in html


def test_a_table_without_rows_is_a_sentence_with_the_reason(changed):
    html = changed(
        "DELETE FROM findings.rq3_run_tasks",
        "UPDATE raw.outcomes SET status = 'failed', reason = 'the moon was full' WHERE stage = 'dockerfiles'",
    ).html
    assert "The tasks of RUN: nothing of this corpus, because the moon was full" in _section(html, "rq3")


def test_findings_of_which_nothing_is_left_make_a_page_too(published, changed):
    with duckdb.connect(str(published), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE schema_name IN ('findings', 'core') OR table_name IN ('labels', 'outcomes', 'builds')"
        ).fetchall()
    built = changed(*(f"DELETE FROM {name}" for (name,) in tables))
    assert built.figures == {}
    assert _numbers(built.html) == []


def test_numbers_that_are_not_known_are_no_zeros(published, changed):
    with duckdb.connect(str(published), read_only=True) as connection:
        columns = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() WHERE schema_name = 'findings' "
            f"AND data_type IN {NUMERIC} AND column_name NOT IN ('n', 'step_number', 'projects', 'files')"
        ).fetchall()
    built = changed(*(f'UPDATE {table} SET "{column}" = NULL' for table, column in columns))
    assert "no value is known" in built.html
    text = re.sub(r"<[^>]*>", " ", built.html)
    assert re.findall(r"\b(?:nan|None|inf)\b", text) == []


HOSTILE = "<script>alert(1)</script>\"'&{name}</title></style><svg onload=x()>\u202e\x1b]0;x\x07"


def test_hostile_text_stays_text(changed_and_drawn):
    text = HOSTILE.replace("'", "''")
    built = changed_and_drawn(
        f"UPDATE findings.rq3_base_images SET base_image = '{text}'",
        f"UPDATE findings.rq3_base_image_types SET base_image_type = base_image_type || '{text}'",
        f"UPDATE findings.funnel SET step = '{text}' || step",
        f"UPDATE findings.rq1_categories SET category = '{text}' || category",
        f"UPDATE raw.outcomes SET reason = '{text}'",
        f"UPDATE raw.listings SET source = '{text}'",
    )
    assert "<script" not in built.html
    assert "onload=x()>" not in built.html
    assert "\u202e" not in built.html
    assert "\x1b" not in built.html
    assert "&lt;script&gt;" in built.html
    for drawn in built.figures.values():
        ET.fromstring(drawn.svg)


def test_every_figure_comes_as_vector_and_data(report):
    assert len(report.figures) >= 6
    for name, drawn in report.figures.items():
        root = ET.fromstring(drawn.svg)
        assert root.tag.endswith("svg"), name
        assert drawn.pdf.startswith(b"%PDF-")
        header, *rows = drawn.csv.decode().splitlines()
        assert len(rows) == len(drawn.figure.rows)
        assert header
        assert drawn.figure.describes.endswith(".")


def test_no_label_of_a_drawing_is_cut_off(report):
    """Long ones stand in two lines where a column is narrow."""
    assert re.findall(r">([^<]*…)</(?:text|tspan)>", report.html) == []


def test_drawings_have_names_of_their_own(report):
    names = re.findall(r'\bid="([^"]+)"', report.html)
    assert len(names) == len(set(names))


def test_tables_say_the_way_back(report):
    assert report.html.count("dockml show ") >= 8


def test_the_asset_shows_the_figures(studied):
    import dagster as dg

    from dockml_dagster.defs.assets.report import report_definitions

    result = dg.materialize(report_definitions().assets)
    (event,) = result.asset_materializations_for_node("report")
    assert "data:image/png;base64," in event.metadata["sample figures"].value
    assert (studied / "published" / "report-sample.html").exists()
