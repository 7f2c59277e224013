"""Searches beyond the cap, criteria, samples, controls: who is found, who is selected, what is missing and said."""

import itertools
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from dockml_dagster.clients.github import questions
from dockml_dagster.clients.github.model import repository_of_rest
from dockml_dagster.clients.github.store import open_store
from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.corpora.github.search import search
from dockml_dagster.corpora.github.selection import STEPS
from dockml_dagster.settings import Settings
from dockml_dagster.study.json_facts import Facts
from tests.integration.github.visiting import on_clock

AS_OF = date(2026, 11, 21)
FILES = {"Dockerfile": b"FROM python:3.12\n"}


def item(number: int, *, stars: int, created: date, pushed: date | None = None, **more: object) -> dict:
    return {
        "id": number, "full_name": f"o{number % 97}/r{number}", "name": f"r{number}", "stargazers_count": stars,
        "created_at": f"{created}T00:00:00Z", "pushed_at": f"{pushed or created}T12:00:00Z", "fork": False,
        "forks_count": 20, "archived": False, "size": 500, "topics": [], "language": "Python", "description": None,
        **more,
    }  # fmt: skip


def _inside(text: str, value: object) -> bool:
    if text.startswith(">="):
        return value >= type(value)(text[2:])
    low, _, high = text.partition("..")
    return type(value)(low) <= value <= type(value)(high or low)


def engine(
    items: list[dict], *, incomplete: Callable[[str], bool] = lambda query: False
) -> Callable[[dict], dict]:
    """GitHub's search over ``items``: ranges of stars, size and days, language, topics; other words match everything."""
    ordered = sorted(items, key=lambda i: (-i["stargazers_count"], i["id"]))
    kept: dict[str, list[dict]] = {}

    def matching(query: str) -> list[dict]:
        found = ordered
        for name, quoted in re.findall(r'(\w+):("[^"]*"|\S+)', query):
            text = quoted.strip('"')
            if name in {"stars", "size"}:
                field = {"stars": "stargazers_count", "size": "size"}[name]
                found = [i for i in found if _inside(text, i[field])]
            elif name in {"created", "pushed"}:
                found = [i for i in found if _inside(text, i[f"{name}_at"][:10])]
            elif name == "language":
                found = [i for i in found if i["language"] == text]
            elif name == "topic":
                found = [i for i in found if text in i["topics"]]
        return found

    def answer(query: dict[str, str]) -> dict:
        text = query["q"]
        if text not in kept:
            kept[text] = matching(text)
        return {"total_count": len(kept[text]), "incomplete_results": incomplete(text), "items": kept[text]}

    return answer


def crowd(count: int) -> list[dict]:
    """Repositories as they are: few stars mostly, and 2,600 of one number of stars."""
    items = []
    for number in range(count):
        stars = 7 if number < 2600 else 2 + int(4000 / (1 + number % 1999))
        items.append(item(number, stars=stars, created=date(2012, 1, 1) + timedelta(days=number % 3650)))
    return items


def run(github, make_client, store: str = "store") -> list:
    client = make_client(store=store)

    def ask(query: str, page: int) -> questions.SearchPage:
        return questions.search_page(client, query, page)

    return list(search(ask, client.store, "machine-learning fork:false", 2, AS_OF))


def test_a_search_of_6000_hits_gives_all_of_them(github, make_client) -> None:
    items = crowd(6_000)
    github.search = engine(items)
    github.budgets.limits["search"] = 10_000
    parts = run(github, make_client)
    found = [one.id for part in parts for one in part.found]
    assert sorted(found) == list(range(6_000))
    assert all(part.total <= 1000 and part.problem is None for part in parts)
    # Ten pages a thousand results, and a question for each split.
    assert github.counted() < 2 * 6_000 / 100


def test_a_search_goes_on_where_it_was_stopped(github, make_client, reply_of) -> None:
    github.search = engine(crowd(4_000))
    github.budgets.limits["search"] = 10_000
    whole = run(github, make_client, store="whole")
    number_of_calls = github.counted()
    github.forget()
    counter = itertools.count()

    def stop(asked) -> None:
        if next(counter) >= number_of_calls // 2:
            raise reply_of(401, {"message": "Bad credentials"})

    github.before = stop
    with pytest.raises(Exception, match="401"):
        run(github, make_client, store="stopped")
    github.before = lambda asked: None
    parts = run(github, make_client, store="stopped")
    # The same search gives the same list, stopped or not.
    assert [(p.query, [r.id for r in p.found]) for p in parts] == [
        (p.query, [r.id for r in p.found]) for p in whole
    ]
    paid = [tuple(sorted(a.query.items())) for a in github.asked if a.status == 200]
    assert len(paid) == len(set(paid)) == number_of_calls


def test_a_range_that_cannot_be_split_is_a_hole(github, make_client) -> None:
    one_day = date(2020, 5, 5)
    items = [item(n, stars=3, created=one_day) for n in range(1500)] + [item(9000, stars=50, created=one_day)]
    github.search = engine(items)
    github.budgets.limits["search"] = 10_000
    parts = run(github, make_client)
    holes = [part for part in parts if part.problem]
    assert len(holes) == 1
    assert "500 are missing" in holes[0].problem
    assert "created:2020-05-05..2020-05-05" in holes[0].query
    assert "pushed:2020-05-05..2020-05-05" in holes[0].query
    assert sum(len(part.found) for part in parts) == 1001


def test_incomplete_results_are_asked_again_and_then_said(github, make_client) -> None:
    github.search = engine(crowd(500), incomplete=lambda query: True)
    github.budgets.limits["search"] = 10_000
    parts = run(github, make_client)
    assert "incomplete" in parts[0].problem
    assert len(parts[0].found) == 500
    times = itertools.count()
    github.search = engine(crowd(50), incomplete=lambda query: next(times) == 0)
    parts = run(github, make_client, store="second")
    assert parts[0].problem is None


FRAME = """
title = "a test"
[[cohort]]
name = "ml"
keywords = ["machine-learning", "deep learning"]
topics = ["llm"]
{more}
[cohort.criteria]
minimum_stars = 2
minimum_forks = 10
minimum_commits = 100
minimum_releases = 1
forks = false
archived = false
dockerfile = true
{control}
"""
CONTROL = """
[[cohort]]
name = "control"
match = "ml"
tries = 5
exclude = ["machine learning", "ml", "ai"]
[cohort.criteria]
minimum_commits = 100
dockerfile = true
"""


@pytest.fixture
def make_corpus(github, tmp_path: Path) -> Callable[..., Github]:
    """A corpus whose frame is FRAME."""

    def make(*, home: str = "home", more: str = "", control: str = "") -> Github:
        frame = tmp_path / "frame.toml"
        frame.write_text(FRAME.format(more=more, control=control))
        settings = Settings.from_environment({
            "DOCKML_HOME": str(tmp_path / home), "DOCKML_GITHUB_API_URL": github.url,
            "GITHUB_TOKEN": github.token, "DOCKML_GITHUB_FRAME": str(frame),
        })  # fmt: skip
        return on_clock(Github(settings), github.clock)

    return make


def populate(github) -> None:
    github.add("o/good", FILES, topics=["llm"], stargazers_count=100)
    github.add("o/fork", FILES, fork=True, stargazers_count=90)
    github.add("o/few-forks", FILES, forks_count=3, stargazers_count=80)
    github.add("o/archived", FILES, archived=True, stargazers_count=70)
    github.add("o/young", FILES, commits=99, stargazers_count=60)
    github.add("o/unreleased", FILES, releases=0, stargazers_count=50)
    github.add("o/no-dockerfile", {"README.md": b"x"}, stargazers_count=40)
    github.add("o/second", FILES, stargazers_count=30)
    github.search = lambda query: {
        "total_count": len(github.repositories),
        "incomplete_results": False,
        "items": sorted(github.repositories, key=lambda r: -r.fields["stargazers_count"]),
    }


def test_the_funnel_says_why(github, make_corpus) -> None:
    populate(github)
    corpus = make_corpus()
    corpus.visit()
    listing = corpus.listing()
    assert listing.projects == ["github/o/good", "github/o/second"]
    rows = listing.rows["raw.candidates"]
    last = {row["name"]: (row["step"], row["excluded_because"]) for row in rows}
    assert last == {
        "o/good": (STEPS["dockerfile"], None),
        "o/fork": (STEPS["metadata"], "it is a fork"),
        "o/few-forks": (STEPS["no fork"], "3 forks, fewer than 10"),
        "o/archived": (STEPS["stars and forks"], "it is archived"),
        "o/young": (STEPS["not archived"], "99 commits, fewer than 100"),
        "o/unreleased": (STEPS["commits"], "0 releases, fewer than 1"),
        "o/no-dockerfile": (STEPS["drawn"], "no file is named as a Dockerfile"),
        "o/second": (STEPS["dockerfile"], None),
    }
    funnel = [len({row["name"] for row in rows if row["step_number"] == n}) for n in range(len(STEPS))]
    assert funnel == [8, 8, 7, 6, 5, 4, 3, 3, 2]
    assert {row["keyword"] for row in rows} == {"machine-learning"}
    # Searched once: a second visit asks for the files of those selected, and for nothing else.
    github.forget()
    make_corpus().visit()
    assert [asked.status for asked in github.asked] == [304, 304]


def test_a_sample_is_drawn_by_its_seed(github, make_corpus) -> None:
    for number in range(30):
        github.add(f"o/r{number}", FILES if number % 3 else {"a": b""})
    github.search = lambda query: {
        "total_count": 30,
        "incomplete_results": False,
        "items": github.repositories,
    }
    drawn = {}
    for home, seed in (("one", 1), ("again", 1), ("two", 2)):
        corpus = make_corpus(home=home, more=f"sample = 6\nseed = {seed}")
        corpus.visit()
        drawn[home] = corpus.listing().projects
    assert drawn["one"] == drawn["again"]
    assert len(drawn["one"]) == 6
    assert set(drawn["one"]) != set(drawn["two"])


def test_controls_are_alike_and_not_about_machine_learning(github, make_corpus) -> None:
    github.add(
        "ml/one", FILES, language="Go", stargazers_count=100, size=1000, created_at="2020-01-01T00:00:00Z"
    )
    github.add("c/good", FILES, language="Go", description="maintains domains", stargazers_count=90)
    github.add("c/about", FILES, language="Go", description="An AI toolkit", stargazers_count=90)
    github.add("c/bare", {"README.md": b"x"}, language="Go", stargazers_count=90)
    asked = []

    def answer(query: dict[str, str]) -> dict:
        is_control = "language:" in query["q"]
        asked.append(query["q"])
        found = github.repositories[1:] if is_control else github.repositories[:1]
        return {"total_count": len(found), "incomplete_results": False, "items": found}

    github.search = answer
    corpus = make_corpus(control=CONTROL)
    corpus.visit()
    listing = corpus.listing()
    cohorts = {row["project"]: row["cohort"] for row in listing.rows["raw.projects"]}
    assert cohorts == {"github/ml/one": "ml", "github/c/good": "control"}
    control = next(query for query in asked if "language" in query)
    assert 'language:"Go"' in control
    assert "stars:50..201" in control
    assert "size:250..4001" in control
    assert "created:2018-07-02..2021-07-02" in control
    assert "c/about" not in {row["name"] for row in listing.rows["raw.candidates"]}
    github.forget()
    make_corpus(control=CONTROL).visit()
    assert github.counted() == 0


def test_a_project_without_a_control_is_said(github, make_corpus) -> None:
    github.add("ml/one", FILES, language="Go")

    def answer(query: dict[str, str]) -> dict:
        found = [] if "language:" in query["q"] else github.repositories
        return {"total_count": len(found), "incomplete_results": False, "items": found}

    github.search = answer
    corpus = make_corpus(control=CONTROL)
    corpus.visit()
    said = {outcome.subject: outcome.reason for outcome in corpus.listing().outcomes}
    assert "0 of 1 controls" in said["control of ml/one"]


def test_holes_reach_the_outcomes(github, make_corpus) -> None:
    items = [item(n, stars=3, created=date(2020, 5, 5), fork=True) for n in range(1200)]
    github.search = engine(items)
    github.budgets.limits["search"] = 10_000
    corpus = make_corpus()
    corpus.visit()
    listing = corpus.listing()
    holes = [o for o in listing.outcomes if "cannot be split" in (o.reason or "")]
    assert len(holes) == 2, "one for each keyword; the topic has none"
    assert all((o.stage, o.status, o.retryable) == ("repo_list", "failed", False) for o in holes)
    assert len({row["name"] for row in listing.rows["raw.candidates"]}) == 1000


def test_a_limit_in_the_middle_of_a_search_is_said_and_gone_on_from(github, make_corpus, reply_of) -> None:
    github.search = engine(crowd(1_500))
    counter = itertools.count()

    def limit(asked) -> None:
        if next(counter) >= 5:
            raise reply_of(403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0"})

    github.before = limit
    corpus = make_corpus()
    corpus.visit()
    assert corpus.listing().projects == []
    assert any("limit at the search" in outcome.subject for outcome in corpus.listing().outcomes)


def test_a_search_that_github_refuses_stops_no_other(github, make_corpus, reply_of) -> None:
    populate(github)

    def refuse(asked) -> None:
        if "machine-learning" in asked.query.get("q", ""):
            raise reply_of(
                422, {"message": "Validation Failed", "documentation_url": "https://docs.github.com"}
            )

    github.before = refuse
    corpus = make_corpus()
    corpus.visit()
    listing = corpus.listing()
    assert listing.projects == ["github/o/good", "github/o/second"]
    assert any("cannot search for this" in (outcome.reason or "") for outcome in listing.outcomes)


def test_pages_that_repeat_and_miss_are_read_again_in_smaller_ranges(tmp_path: Path) -> None:
    """Results with equal stars come in another order on each page (PyGithub#1748)."""
    items = [
        item(number, stars=5 + number % 3, created=date(2015, 1, 1) + timedelta(days=number))
        for number in range(700)
    ]
    find = engine(items)

    def ask(query: str, page: int) -> questions.SearchPage:
        found = list(find({"q": query})["items"])
        random.Random(f"{query} {page}").shuffle(found)
        found.sort(key=lambda one: -one["stargazers_count"])
        shown = found[(page - 1) * questions.PAGE : page * questions.PAGE]
        read = tuple(repository_of_rest(Facts(one), query) for one in shown)
        return questions.SearchPage(len(found), False, read)

    parts = list(search(ask, open_store(tmp_path, "pages", None), "x", 2, AS_OF))
    assert len({one.id for part in parts for one in part.found}) == 700
    assert [part.problem for part in parts if part.problem] == []
