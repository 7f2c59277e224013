"""Which recommendation gets each stored byte. Images are lists of merged entries, made by ``seen`` and ``hidden``."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.study.advice import savings
from dockml_dagster.study.advice.image import ImageFacts, advise_image
from dockml_dagster.study.advice.model import parse_recommendation_rules
from dockml_dagster.study.advice.savings import Saving, SavingsTally
from dockml_dagster.study.layer.content import ContentRules, parse_rules
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.union import Cause, Merged

SEEDS = Path(dockml_dagster.__file__).parents[1] / "dbt_like_sql" / "seeds"
RULES = parse_recommendation_rules((SEEDS / "recommendations.csv").read_text(encoding="utf-8"))
CONTENT = ContentRules(parse_rules((SEEDS / "layer_content_rules.csv").read_text(encoding="utf-8")))
BIG = 2_000_000


def entry(path: str, size: int = BIG, *, content: str | None = None, link: str | None = None) -> LayerEntry:
    kind = "file" if link is None else "hardlink"
    stored = size if link is None else 0
    return LayerEntry(
        path, kind, stored, stored, 0o644, 0, 0, 0, 1, link, content or f"xxh3:{path}", None, "", "", ""
    )  # fmt: skip


def seen(
    path: str, size: int = BIG, *, layer: int = 0, content: str | None = None, link: str | None = None
) -> Merged:
    return Merged(entry(path, size, content=content, link=link), layer, None, None)


def hidden(path: str, cause: Cause, size: int = BIG, *, layer: int = 0, by: int = 1) -> Merged:
    return Merged(entry(path, size), layer, by, cause)


def saved(*entries: Merged, base_layers: int = 0) -> dict[str, Saving]:
    tally = SavingsTally(RULES, CONTENT, base_layers=base_layers)
    for each in entries:
        tally([each])
    return {saving.rule.recommendation: saving for saving in tally.savings()}


def figures(found: dict[str, Saving]) -> dict[str, tuple[int, int, int]]:
    return {name: (saving.files, saving.bytes, saving.base_bytes) for name, saving in found.items()}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([seen("var/lib/apt/lists/a", 70)], {"apt-lists": (1, 70, 0)}),
        # Hidden: the deletion in a later layer is what to fix, whatever the file is.
        ([hidden("root/.cache/pip/w", "whiteout", 70)], {"delete-in-same-layer": (1, 70, 0)}),
        ([hidden("root/.cache/pip/w", "opaque", 70)], {"delete-in-same-layer": (1, 70, 0)}),
        ([hidden("app/x", "replaced", 70)], {"write-once": (1, 70, 0)}),
        # Bytecode of tests counts once, for the first of the two rules in the seed's order.
        ([seen("app/tests/__pycache__/t.pyc", 70)], {"tests-of-packages": (1, 70, 0)}),
        # Small weights are path files and fixtures.
        ([seen("app/a.pth", 999_999)], {}),
        ([seen("app/a.pth", 1_000_000)], {"models-outside": (1, 1_000_000, 0)}),
        ([seen("app/a", 70), seen("app/empty", 0)], {}),
    ],
    ids=["content", "deleted later", "opaque", "written again", "two rules", "small", "large", "nothing"],
)
def test_a_file_is_given_to_one(entries: Sequence[Merged], expected: dict[str, tuple[int, int, int]]) -> None:
    assert figures(saved(*entries)) == expected


def test_all_copies_but_one() -> None:
    found = saved(*(seen(f"app/{name}", content="xxh3:1") for name in "abc"), seen("app/d"))
    assert figures(found) == {"duplicates": (2, 2 * BIG, 0)}
    assert [file.path for file in found["duplicates"].largest] == ["app/b", "app/c"]
    assert {file.instead_of for file in found["duplicates"].largest} == {"app/a"}


def test_a_copy_that_is_removed_anyway_is_no_duplicate() -> None:
    found = saved(seen("app/a.whl", content="xxh3:1"), seen("opt/a", content="xxh3:1"))
    assert figures(found) == {"build-leftovers": (1, BIG, 0)}


def test_equal_size_is_not_equal_content() -> None:
    assert saved(seen("a", content="xxh3:1"), seen("b", content="xxh3:2")) == {}


def test_what_the_base_brings_is_said_apart() -> None:
    found = saved(
        seen("var/lib/apt/lists/a", 7),
        seen("var/lib/apt/lists/b", 11, layer=2),
        hidden("x", "whiteout", 5),
        base_layers=2,
    )
    assert figures(found) == {"apt-lists": (2, 11, 7), "delete-in-same-layer": (1, 0, 5)}


def test_the_copy_in_the_base_is_the_one_that_stays() -> None:
    copies = [seen(name, layer=layer, content="xxh3:1") for layer, name in enumerate("abcd")]
    assert figures(saved(*copies, base_layers=2)) == {"duplicates": (3, 2 * BIG, BIG)}


def test_a_package_cache_that_environments_share_saves_nothing() -> None:
    found = saved(
        seen("opt/conda/lib/a.so", link="opt/conda/pkgs/a/a.so"),
        seen("opt/conda/pkgs/a/a.so"),
        seen("opt/conda/pkgs/b/b.so", 70),
    )
    assert figures(found) == {"conda-cache": (1, 70, 0)}


def test_a_name_that_goes_too_keeps_nothing() -> None:
    found = saved(
        seen("opt/conda/pkgs/a/a.so", 70), seen("opt/conda/pkgs/b/a.so", link="opt/conda/pkgs/a/a.so")
    )
    assert figures(found) == {"conda-cache": (1, 70, 0)}


def test_evidence_is_the_largest_and_may_repeat_a_path() -> None:
    many = [hidden("app/x", "replaced", 70, layer=layer, by=30) for layer in range(20)]
    found = saved(*many, hidden("app/y", "replaced", 90, by=30))["write-once"]
    assert (found.files, found.bytes, len(found.largest)) == (21, 20 * 70 + 90, 10)
    assert found.largest[0].path == "app/y"


def test_more_files_than_are_told_apart_are_a_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savings, "_MOST_NAMES", 2)
    cached = [seen(f"opt/conda/pkgs/{name}/a.so", 70) for name in "abc"]
    # The third file may have another name in an environment, so it is not counted and the sum is a lower bound.
    assert figures(found := saved(*cached)) == {"conda-cache": (2, 140, 0)}
    assert (found["conda-cache"].whole, saved(*cached[:2])["conda-cache"].whole) == (False, True)
    copies = [seen(f"app/{name}", content=f"xxh3:{name // 2}") for name in range(6)]
    found = saved(*copies)
    assert (found["duplicates"].files, found["duplicates"].whole) == (2, False)
    assert saved(*copies[:4])["duplicates"].whole
    said = advise_image(ImageFacts("x", ("a",), 0, None), list(found.values()), RULES)
    assert [one.note for one in said if one.saves_bytes] == ["lower bound: more files than are told apart"]
