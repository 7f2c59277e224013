"""No number is typed in where it should be computed: an edit of the package changes what comes out, and just that.

Here: a copy of the package with one line of an export and one cell of the workbook changed. Not here: the
study's own numbers (``test_ease2022.py``).
"""

import re
import shutil
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from dockml_dagster.corpora.ease2022.images import FOLDER
from dockml_dagster.corpora.ease2022.package import ROOT
from dockml_dagster.corpora.ease2022.workbook import WORKBOOK
from dockml_dagster.settings import Settings

pytestmark = pytest.mark.ease2022
PROJECTS = "5"
ADDED = 1_000_000
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@pytest.fixture
def package(ease2022, tmp_path) -> Path:
    """A writable copy of what a few projects need: the workbook and the exports, without Dockerfiles."""
    copy = tmp_path / "package"
    if ease2022.is_dir():
        shutil.copytree(ease2022 / ROOT / FOLDER, copy / ROOT / FOLDER)
        (copy / ROOT / WORKBOOK).parent.mkdir(parents=True)
        shutil.copy(ease2022 / ROOT / WORKBOOK, copy / ROOT / WORKBOOK)
        return copy
    with tarfile.open(ease2022) as archive:
        for member in archive:
            _, inside, below = member.name.partition(ROOT)
            if inside and member.isfile() and (below == WORKBOOK or below.startswith(FOLDER)):
                member.name = inside + below
                archive.extract(member, copy, filter="data")
    return copy


def read(home: Path, sql: str, *parameters: object) -> list[tuple]:
    published = Settings.from_environment({"DOCKML_HOME": str(home)}).published
    with duckdb.connect(str(published), read_only=True) as connection:
        return connection.execute(sql, list(parameters)).fetchall()


def sums(home: Path) -> float:
    """Bytes of all configs that Table 2 of the paper rests on."""
    return read(
        home,
        "SELECT sum(mean * n) FROM findings.rq4_image_properties "
        "WHERE reading = 'as_published' AND metric = 'config_bytes' AND category <> 'All'",
    )[0][0]


def categories(home: Path) -> dict[str, int]:
    return dict(
        read(home, "SELECT category, projects FROM findings.rq1_categories WHERE reading = 'as_published'")
    )


def enlarge_config(package: Path, source_file: str, reference: str, size: int) -> None:
    """Add to ``config_size``, the fourth column of the exports of configs, on the image's first line."""
    name, tag = reference.rsplit(":", 1)
    path = package / ROOT / source_file
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    line = re.compile(rf"^({re.escape(name)},{re.escape(tag)},[^,\n]*,){size},", re.MULTILINE)
    text, changed = line.subn(rf"\g<1>{size + ADDED},", text, count=1)
    assert changed == 1, f"no line of {reference} with {size} bytes in {source_file}"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def relabel(package: Path, sheet: str, row: int, column: str, value: str) -> None:
    """Write text into one cell of the workbook; the column is found by its header."""
    path = package / ROOT / WORKBOOK
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    strings = [
        "".join(text.text or "" for text in entry.iter(f"{MAIN}t"))
        for entry in ElementTree.fromstring(parts["xl/sharedStrings.xml"]).iter(f"{MAIN}si")
    ]
    (relation,) = [
        entry.attrib[RELATION]
        for entry in ElementTree.fromstring(parts["xl/workbook.xml"]).iter(f"{MAIN}sheet")
        if entry.attrib["name"] == sheet
    ]
    (target,) = [
        entry.attrib["Target"]
        for entry in ElementTree.fromstring(parts["xl/_rels/workbook.xml.rels"])
        if entry.attrib["Id"] == relation
    ]
    root = ElementTree.fromstring(parts[f"xl/{target}"])
    cells = {cell.attrib["r"]: cell for cell in root.iter(f"{MAIN}c")}
    letters = [
        name.removesuffix("1")
        for name, cell in cells.items()
        if re.fullmatch("[A-Z]+1", name)
        and cell.attrib.get("t") == "s"
        and strings[int(cell.findtext(f"{MAIN}v"))] == column
    ]
    cell = cells[f"{letters[0]}{row}"]
    cell.set("t", "str")
    cell.find(f"{MAIN}v").text = value
    parts[f"xl/{target}"] = ElementTree.tostring(root)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, data in parts.items():
            book.writestr(name, data)


def test_an_edited_row_changes_the_findings(package, dockml, tmp_path):
    home = tmp_path / "home"
    arguments = ("study", "--corpus", "ease2022", "--limit", PROJECTS, "--quiet")
    first = dockml(home, *arguments, DOCKML_EASE2022=str(package))
    assert first.returncode == 0, first.stderr
    bytes_before, categories_before = sums(home), categories(home)
    project, reference, source_file, size = read(
        home,
        "SELECT owned.project, owned.reference, configs.source_file, configs.config_bytes "
        "FROM core.project_images AS owned JOIN staging.image_configs AS configs USING (corpus, reference) "
        "WHERE owned.published_owner ORDER BY ALL LIMIT 1",
    )[0]
    before, label, sheet, row = read(
        home,
        "SELECT projects.category, labels.code, split_part(labels.source_file, '#', 2), labels.source_row "
        "FROM core.projects AS projects JOIN raw.labels AS labels ON labels.project = projects.project "
        "WHERE projects.project = ? AND labels.code_system = 'category' "
        "ORDER BY labels.source_file DESC LIMIT 1",
        project,
    )[0]
    after, new_label = read(
        home,
        "SELECT projects.category, projects.category_label FROM core.projects AS projects "
        "WHERE projects.in_published_sample AND projects.category <> ? ORDER BY ALL LIMIT 1",
        before,
    )[0]
    assert new_label != label

    enlarge_config(package, source_file, reference, size)
    relabel(package, sheet, row, "manual_topic", new_label)
    again = dockml(home, *arguments, DOCKML_EASE2022=str(package))

    assert again.returncode == 0, again.stderr
    assert f"of {PROJECTS} projects were due" in again.stderr
    assert "nothing is due" not in again.stderr
    assert sums(home) == pytest.approx(bytes_before + ADDED)
    expected = {
        **categories_before,
        before: categories_before[before] - 1,
        after: categories_before[after] + 1,
    }
    assert categories(home) == {name: count for name, count in expected.items() if count}
