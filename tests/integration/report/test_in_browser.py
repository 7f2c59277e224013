"""The report in a real browser: wide and narrow, light and dark, on paper.

Here: what only a browser can tell. ``look.js`` gathers it inside the page. Skipped where there is no Chromium.
"""

from pathlib import Path

import pytest

LOOK = Path(__file__).with_name("look.js").read_text(encoding="utf-8")
TEXT, LARGE, GRAPHIC = 4.5, 3.0, 3.0
"""Contrast that WCAG 2.2 asks for (1.4.3 and 1.4.11)."""
LARGE_PIXELS = 24
LEAST_PIXELS = 10
"""A drawing's text may be scaled down with its column, but not below this."""
VIEWS = [(width, scheme) for width in (1440, 820, 375) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def file(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report.html, encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def seen(request, file, browser):
    """``(width, scheme, facts)``: what was said and asked for while it loaded, and what is to be seen."""
    width, scheme = request.param
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    facts = page.evaluate(LOOK)
    page.close()
    return width, scheme, {**facts, "said": said, "asked": asked, "file": file.as_uri()}


def test_nothing_is_said_on_the_console_and_nothing_is_fetched(seen):
    facts = seen[2]
    assert facts["said"] == []
    assert [url for url in facts["asked"] if url != facts["file"]] == []


def test_nothing_is_wider_than_the_window(seen):
    width, _, facts = seen
    assert facts["width"] <= width
    assert facts["outside"] == []


def test_every_figure_is_there_once_with_its_text_and_files(seen, report):
    figures = seen[2]["figures"]
    assert [figure["name"] for figure in figures] == [f"figure-{name}" for name in report.figures]
    for figure in figures:
        assert figure["drawings"] == 1, figure["name"]
        assert figure["height"] > 60, figure["name"]
        assert figure["marks"] > 0, figure["name"]
        assert figure["role"] == "img"
        title, text = figure["alternative"]
        assert len(title) > 15 and len(text) > 40
        assert figure["files"] == ["svg", "pdf", "csv"]


def test_text_and_marks_stand_out_from_the_page(seen):
    facts = seen[2]
    weak = [
        (text["words"], round(text["ratio"], 2))
        for text in facts["texts"]
        if text["ratio"] < (LARGE if text["pixels"] >= LARGE_PIXELS else TEXT)
    ]
    assert weak == []
    assert min(facts["marks"]) >= GRAPHIC


def test_text_is_large_enough(seen):
    assert [text["words"] for text in seen[2]["texts"] if text["pixels"] < LEAST_PIXELS] == []


def test_the_scheme_is_the_readers(seen):
    _, scheme, facts = seen
    assert (facts["page"] == "rgb(255, 255, 255)") == (scheme == "light")


def test_tables_have_captions_and_contents_lead_somewhere(seen):
    assert seen[2]["unlabelled"] == 0
    assert seen[2]["dangling"] == 0


def test_it_prints_on_white_whatever_the_scheme(file, browser):
    page = browser.new_page(color_scheme="dark")
    page.goto(file.as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    facts = page.evaluate(LOOK)
    printed = page.pdf(format="A4", print_background=True)
    page.close()
    assert facts["page"] == "rgb(255, 255, 255)"
    assert [text["words"] for text in facts["texts"] if text["ratio"] < TEXT] == []
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") > 5


def test_a_figure_can_be_saved_without_a_network(file, browser, report):
    page = browser.new_page(accept_downloads=True)
    page.goto(file.as_uri())
    for suffix in ("svg", "csv", "pdf"):
        with page.expect_download() as saved:
            page.click(f"#figure-selection a[download$='.{suffix}']")
        content = Path(saved.value.path()).read_bytes()
        assert content == getattr(report.figures["selection"], suffix)
    page.close()


def test_a_table_scrolls_by_keyboard_in_a_narrow_window(file, browser):
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto(file.as_uri())
    wide = page.evaluate(
        "() => { const found = [...document.querySelectorAll('.scroll')].find((e) => e.scrollWidth > e.clientWidth + 20);"
        " found.focus(); return document.activeElement === found; }"
    )
    assert wide
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0", timeout=3000)
    page.close()
