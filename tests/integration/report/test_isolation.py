"""What breaks a part, a figure or a corpus of the report takes nothing else with it."""

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from dockml_dagster.defs.assets import report as asset
from dockml_dagster.report import building, sections
from dockml_dagster.report.source import opened


def fails(*_: object) -> list[object]:
    raise ZeroDivisionError("planted")


def test_a_part_that_fails_is_a_sentence(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(published, "sample") as source:
        before = building.build_sections(source)
        place = next(at for at, section in enumerate(sections.SECTIONS) if len(section.parts) > 2)
        section = sections.SECTIONS[place]
        broken = replace(section, parts=(replace(section.parts[1], build=fails), *section.parts[2:]))
        monkeypatch.setattr(
            sections, "SECTIONS", (*sections.SECTIONS[:place], broken, *sections.SECTIONS[place + 1 :])
        )
        after = building.build_sections(source)
    assert [one.section.name for one in after] == [one.section.name for one in before]
    said = [
        block
        for block in after[place].blocks
        if "could not be made from these rows (ZeroDivisionError)" in str(block)
    ]
    assert len(said) == 1
    assert [
        len(one.blocks) == len(two.blocks)
        for one, two in zip(after, before, strict=True)
        if one.section is not broken
    ].count(False) == 0


def test_a_figure_that_fails_is_a_sentence(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(figure: building.Figure) -> object:
        drawn.append(figure.name)
        if len(drawn) == 2:
            fails()
        return sound(figure)

    sound = building.draw
    monkeypatch.setattr(building, "draw", draw)
    made = building.build_report(published, "sample", {})
    assert len(drawn) > 2
    assert set(made.figures) == {name for at, name in enumerate(drawn) if at != 1}
    assert made.html.count("could not be made from these rows (ZeroDivisionError)") == 1


def test_a_corpus_that_fails_does_not_stop_the_others(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "dockml.duckdb"
    shutil.copy(published, here)
    monkeypatch.setattr(asset, "published_corpora", lambda _: ["absent", "sample"])
    with pytest.raises(dg.Failure, match="no report of absent: "):
        asset.write_reports(here)
    assert [path.name for path in tmp_path.glob("*.html")] == ["report-sample.html"]
